"""Run experiments side by side: regime compare experiments/*.toml"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from training.console import note, progress, run, say
from training.inputs import checked_day, checked_output
from training.workers import Backend, Jobs, Recompute, Scheduler, Where, workers


def compare(
    experiments: Annotated[
        list[Path], typer.Argument(help="Experiment files, e.g. experiments/filter.toml.")
    ],
    json: Annotated[
        Path | None, typer.Option(help="Write every score here, as a list of objects.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the tables here, as Markdown.")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Pretend this is today: use what was known then."),
    ] = None,
    jobs: Jobs = None,
    backend: Where = Backend.PROCESSES,
    scheduler: Scheduler = None,
    recompute: Recompute = False,
) -> None:
    """Walk each experiment forward on what was known at the time, log it, print the table.

    Example: regime compare experiments/filter.toml experiments/climatology.toml --json out.json
    """
    import pandas as pd

    from regime.config import load_experiment
    from regime.data.as_of import panel_as_of
    from regime.data.calendar import end_of_day
    from regime.data.store import ObservationStore
    from regime.evaluation.kept import KeptWalks
    from regime.exceptions import ConfigError
    from regime.experiment import Comparison, check_experiment, count_fits
    from regime.settings import Settings
    from regime.tracking.results import save_result, write_scores
    from regime.tracking.runs import log_result
    from regime.tracking.trials import count_configurations, declaration_of
    from training.markdown import score_markdown
    from training.tables import SIMULATED, score_tables, warn_of_states

    as_of = checked_day(as_of, "--as-of")
    json = checked_output(json, "--json")
    markdown = checked_output(markdown, "--markdown")
    settings = Settings()
    settings.check_home()
    configs = [load_experiment(path) for path in experiments]
    # As they are now: a walk takes long enough for a file to be changed under it.
    declared = [declaration_of(path).tags for path in experiments]
    names = [config.name for config in configs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"Two experiments are called {', '.join(twice)}; give each once.")
    for config in configs:
        check_experiment(config)

    store = ObservationStore(settings.store)
    panel = panel_as_of(
        store, end_of_day(pd.Timestamp(as_of)) if as_of else pd.Timestamp.now("UTC")
    )
    simulated = store.is_simulated()
    replay = {"as_of": f"{as_of:%Y-%m-%d}"} if as_of else {}
    results = []
    kept = None if recompute else KeptWalks(settings.walks)
    with (
        workers(jobs, backend, scheduler),
        progress(count_fits(configs, panel), "walking forward") as step,
    ):
        comparison = Comparison(panel, on_fit=step, kept=kept)
        for config in configs:
            comparison.prepare(config)
        for result, known in zip(comparison.run_all(configs), declared, strict=True):
            results.append(result)
            log_result(result, settings, simulated=simulated, tags={**replay, **known})
            warn_of_states(result)
            if not replay:  # a replay is no news, and must not stand where the app looks
                save_result(result, settings.results, simulated=simulated)
    if as_of:
        say(f"As it was known at the close of {as_of:%Y-%m-%d}; not kept for the app.")
    score_tables([row for result in results for row in result.scores], simulated=simulated)
    if json is not None:
        write_scores(results, json, simulated=simulated)
        say(f"Scores: {json}")
    if markdown is not None:
        text = score_markdown([row for result in results for row in result.scores])
        markdown.write_text((f"{SIMULATED}\n\n" if simulated else "") + text, encoding="utf-8")
        say(f"Tables: {markdown}")
    scored = count_configurations(settings, simulated=simulated)
    words = "1 configuration has" if scored == 1 else f"{scored} configurations have"
    told = f"{words} been scored here so far; read the best of them with that in mind."
    typer.secho(told, dim=True, err=True)
    note("Runs: regime ui." + ("" if as_of else f" Predictions: {settings.results}."))


if __name__ == "__main__":
    run(compare)
