"""Refit an experiment on all history and register it: regime retrain [EXPERIMENT]"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from training.console import note, progress, run, say
from training.inputs import checked_day
from training.workers import Backend, Jobs, Recompute, Scheduler, Where, workers


def retrain(
    experiment: Annotated[
        Path | None,
        typer.Argument(
            help="Experiment: a file, or a name that `regime experiments` lists; by default what "
            "the model in service was trained for."
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Train as of this day: on what was known then."),
    ] = None,
    baskets: Annotated[
        str | None, typer.Option(help="Basket set; by default funds, if the experiment has them.")
    ] = None,
    if_stale: Annotated[
        bool,
        typer.Option(
            "--if-stale", help="Only when the newest version has served its evaluation's rhythm."
        ),
    ] = False,
    if_drifted: Annotated[
        bool, typer.Option("--if-drifted", help="Only when the model in service has drifted.")
    ] = False,
    jobs: Jobs = None,
    backend: Where = Backend.PROCESSES,
    scheduler: Scheduler = None,
    recompute: Recompute = False,
) -> None:
    """Walk the experiment forward, fit it on everything confirmed, register it as challenger.

    With --if-stale, --if-drifted or both it says why it trains, or why it does not.
    Example: regime retrain resampled_leadership --until 2014-12-31
    """
    import pandas as pd

    from regime.config import load_experiment
    from regime.data.as_of import panel_as_of
    from regime.data.calendar import end_of_day
    from regime.data.clock import present
    from regime.data.store import ObservationStore
    from regime.exceptions import ConfigError
    from regime.health.drift import look_at_drift
    from regime.service.retraining import for_service, reasons_to_retrain
    from regime.service.retraining import retrain as refit
    from regime.settings import Settings
    from regime.shipped import find_experiment
    from regime.tracking.ledger import Ledger
    from regime.tracking.registry import load_version
    from regime.tracking.roster_writing import keep_roster
    from training.tables import warn_of_states

    until = checked_day(until, "--until")
    if until is not None and (if_stale or if_drifted):
        raise typer.BadParameter("--if-stale and --if-drifted ask about now; leave --until out.")
    settings = Settings()
    settings.check_home()
    config = None if experiment is None else load_experiment(find_experiment(experiment))
    if config is not None:
        config = for_service(config, baskets)
    store = ObservationStore(settings.store)
    now = present(settings, store)
    panel = panel_as_of(store, end_of_day(pd.Timestamp(until)) if until else now)
    if config is None:
        bundle = load_version(settings).bundle
        if baskets not in {None, bundle.baskets}:
            raise ConfigError(
                f"The model in service, {bundle.config.name}, is of the {bundle.baskets} "
                f"baskets. To train on {baskets}, name the experiment's file."
            )
        config = for_service(bundle.config, bundle.baskets)
    if if_stale or if_drifted:
        serving = load_version(settings)
        published = Ledger(store).read(baskets=serving.bundle.baskets, newest_only=False)
        report = look_at_drift(serving, panel, published, pd.DataFrame(), now)
        reasons, words = reasons_to_retrain(settings, serving, report, now)
        asked = {"stale": if_stale, "drifted": if_drifted}
        if not any(asked[reason] for reason in reasons):
            say(f"Nothing to retrain: {words}")
            return
        note(f"Retraining: {words}")
    with workers(jobs, backend, scheduler):
        done = refit(
            config, panel, settings, store, recompute=recompute,
            progress=lambda fits: progress(fits, "walking forward"),
        )  # fmt: skip
    warn_of_states(done.result)
    for line in keep_roster(settings):
        note(line)
    note(
        f"MLflow run {done.run_id}: {config.name}, {done.bundle.baskets} baskets, trained until "
        f"{done.bundle.trained_until:%Y-%m-%d}."
    )
    say(f"Version {done.number} is the challenger. Next: regime promote {done.number}")


if __name__ == "__main__":
    run(retrain)
