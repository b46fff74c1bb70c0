"""Refit one experiment on all history and register it: regime retrain EXPERIMENT.toml"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from training.console import note, progress, run, say
from training.inputs import checked_day
from training.workers import Backend, Jobs, Recompute, Scheduler, Where, workers


def retrain(
    experiment: Annotated[
        Path, typer.Argument(help="Experiment file, e.g. experiments/resampled_leadership.toml.")
    ],
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Train as of this day: on what was known then."),
    ] = None,
    baskets: Annotated[
        str | None, typer.Option(help="Basket set; by default funds, if the experiment has them.")
    ] = None,
    jobs: Jobs = None,
    backend: Where = Backend.PROCESSES,
    scheduler: Scheduler = None,
    recompute: Recompute = False,
) -> None:
    """Walk the experiment forward, fit it on everything confirmed, register it as challenger.

    Example: regime retrain experiments/resampled_leadership.toml --until 2014-12-31
    """
    import pandas as pd

    from regime.bundle import fit_bundle
    from regime.config import load_experiment
    from regime.data.as_of import panel_as_of
    from regime.data.calendar import end_of_day
    from regime.data.store import ObservationStore
    from regime.evaluation.kept import KeptWalks
    from regime.exceptions import ConfigError
    from regime.experiment import Comparison, check_experiment, count_fits, reference_filter
    from regime.settings import Settings
    from regime.tracking.registry import register
    from regime.tracking.runs import log_result
    from training.tables import warn_of_states
    from training.value import value_of

    until = checked_day(until, "--until")
    settings = Settings()
    settings.check_home()
    config = load_experiment(experiment)
    store = ObservationStore(settings.store)
    now = pd.Timestamp.now("UTC")
    panel = panel_as_of(store, end_of_day(pd.Timestamp(until)) if until else now)
    simulated = store.is_simulated()
    chosen = baskets or ("funds" if "funds" in config.baskets else config.baskets[0])
    if chosen not in config.baskets:
        raise ConfigError(
            f"{config.name} has the baskets {', '.join(config.baskets)}, not {chosen!r}. "
            "Choose one of them, or add it to the experiment's `baskets`."
        )
    if 0 not in config.labels.horizons:
        raise ConfigError(
            f"{config.name} forecasts {list(config.labels.horizons)} days ahead, but a model in "
            "service calls today's regime too. Add 0 to labels.horizons."
        )
    config = config.model_copy(update={"baskets": (chosen,)})
    check_experiment(config)
    kept = None if recompute else KeptWalks(settings.walks)
    with (
        workers(jobs, backend, scheduler),
        progress(count_fits([config], panel), "walking forward") as step,
    ):
        comparison = Comparison(panel, on_fit=step, kept=kept)
        result = comparison.run(config)
    warn_of_states(result)
    bundle = fit_bundle(config, chosen, panel, comparison.pools(config, chosen))
    fallback = fit_bundle(reference_filter(config), chosen, panel)
    run_id = log_result(result, settings, simulated=simulated, tags={"purpose": "retrain"})
    value = value_of(result, panel, chosen)
    version = register(bundle, fallback, result, run_id, settings, simulated=simulated, value=value)
    note(
        f"MLflow run {run_id}: {config.name}, {chosen} baskets, trained until "
        f"{bundle.trained_until:%Y-%m-%d}."
    )
    say(f"Version {version} is the challenger. Next: regime promote {version}")


if __name__ == "__main__":
    run(retrain)
