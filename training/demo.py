"""The whole chain on a simulated market: regime demo"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from training.console import progress, run, say


def demo(
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Show the result in the app at the end.")
    ] = True,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last simulated day; by default the last close."),
    ] = None,
) -> None:
    """Simulate a market, compare the models on it, and print today's probabilities.

    No network and no key. State goes to a folder of its own, apart from real data.
    Example: regime demo --no-serve
    """
    import pandas as pd

    from regime.config import load_experiment
    from regime.data.as_of import panel_as_of
    from regime.data.calendar import end_of_day, last_closed_session
    from regime.data.sources import demo as simulator
    from regime.data.store import ObservationStore
    from regime.experiment import Comparison, count_fits
    from regime.settings import Settings
    from regime.tracking.results import save_result
    from training.tables import score_tables, today_table

    settings = Settings().for_demo()
    settings.make_home()
    now = pd.Timestamp.now("UTC")
    last = last_closed_session(now)
    configs = [load_experiment(path) for path in sorted(_experiments().glob("*.toml"))]
    configs = [config for config in configs if not config.name.endswith("_ablation")]

    say("1/3  Simulating a market (SIMULATED: no real prices) ...")
    observations = simulator.fetch(min(pd.Timestamp(until), last) if until else last)
    store = ObservationStore(settings.store)
    store.append(observations, fetched_at=now)
    panel = panel_as_of(store, end_of_day(pd.Timestamp(until)) if until else None)

    say(f"2/3  Walking {len(configs)} models forward, each refitted yearly on settled labels ...")
    results = []
    with progress(count_fits(configs, panel), "walking forward") as step:
        comparison = Comparison(panel, on_fit=step)
        for config in configs:
            results.append(comparison.run(config))
            save_result(results[-1], settings.results, simulated=True)

    say("3/3  Results")
    score_tables([row for result in results for row in result.scores], simulated=True)
    today_table(
        next(result for result in results if result.config.name == "filter"),
        "funds",
        simulated=True,
    )
    if serve:
        from training.serve import serve_app

        serve_app(settings)
    else:
        say(f"Everything is in {settings.home}. See it: REGIME_HOME={settings.home} make app")


def _experiments() -> Path:
    """The experiments of this checkout, or those of the working directory."""
    from regime.exceptions import ConfigError

    for folder in (Path("experiments"), Path(__file__).parents[1] / "experiments"):
        if any(folder.glob("*.toml")):
            return folder
    raise ConfigError(
        "The demo compares the files of experiments/, which is neither in the working directory "
        "nor beside the package. Run it from a clone of the project."
    )


if __name__ == "__main__":
    run(demo)
