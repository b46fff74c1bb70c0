"""Run experiments side by side: regime compare experiments/*.toml"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from training.console import note, progress, run, say


def compare(
    experiments: Annotated[
        list[Path], typer.Argument(help="Experiment files, e.g. experiments/filter.toml.")
    ],
    json: Annotated[
        Path | None, typer.Option(help="Write every score here, as a list of objects.")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Pretend this is today: use what was known then."),
    ] = None,
) -> None:
    """Walk each experiment forward on what was known at the time, log it, print the table.

    Example: regime compare experiments/filter.toml experiments/climatology.toml --json out.json
    """
    import pandas as pd

    from regime.config import load_experiment
    from regime.data.as_of import panel_as_of
    from regime.data.calendar import end_of_day
    from regime.data.store import ObservationStore
    from regime.exceptions import ConfigError
    from regime.experiment import Comparison, check_experiment, count_fits
    from regime.settings import Settings
    from regime.tracking.results import save_result, write_scores
    from regime.tracking.runs import log_result
    from training.tables import score_tables

    settings = Settings()
    configs = [load_experiment(path) for path in experiments]
    names = [config.name for config in configs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"Two experiments are called {', '.join(twice)}; give each once.")
    for config in configs:
        check_experiment(config)
    if json is not None and not json.absolute().parent.is_dir():
        raise ConfigError(f"--json {json}: there is no folder {json.absolute().parent}.")

    store = ObservationStore(settings.store)
    panel = panel_as_of(store, end_of_day(pd.Timestamp(as_of)) if as_of else None)
    simulated = store.is_simulated()
    results = []
    with progress(count_fits(configs, panel), "walking forward") as step:
        comparison = Comparison(panel, on_fit=step)
        for config in configs:
            results.append(comparison.run(config))
            save_result(results[-1], settings.results, simulated=simulated)
            log_result(results[-1], settings, simulated=simulated)
    score_tables([row for result in results for row in result.scores], simulated=simulated)
    if json is not None:
        write_scores(results, json, simulated=simulated)
        say(f"Scores: {json}")
    note(f"Predictions: {settings.results}. Runs: regime ui")


if __name__ == "__main__":
    run(compare)
