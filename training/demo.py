"""The whole chain on a simulated market: regime demo"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from training.console import note, progress, run, say
from training.inputs import checked_day
from training.workers import workers

EARLIEST = datetime(2014, 1, 1)  # tests of the funds begin in 2010
DEFAULT = "resampled_leadership"
LIVED = 5  # sessions for which the model has been in service already
# The baselines, one hidden Markov model and the default; what a demo has time for.
SUITED = ("climatology", "filter", "hmm_leadership", DEFAULT)


def demo(
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Serve the app and MLflow at the end.")
    ] = True,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Last simulated day, from 2014 on; by default the last close.",
        ),
    ] = None,
) -> None:
    """Simulate a market, compare the models on it, and print today's probabilities.

    No network and no key. State goes to a folder of its own, apart from real data.
    Example: regime demo --no-serve
    """
    import pandas as pd

    from regime.bundle import fit_bundle
    from regime.config import load_experiment
    from regime.data.as_of import panel_as_of
    from regime.data.calendar import end_of_day, last_closed_session
    from regime.data.sources import demo as simulator
    from regime.data.store import ObservationStore
    from regime.experiment import Comparison, count_fits, reference_filter
    from regime.service.publishing import commit, prepare, show
    from regime.service.retraining import value_of
    from regime.settings import Settings
    from regime.shipped import find_experiment
    from regime.tracking.published import load_published
    from regime.tracking.registry import promote, register
    from regime.tracking.results import save_result
    from regime.tracking.roster_writing import keep_roster
    from regime.tracking.runs import log_result
    from training.tables import score_tables, today_table, warn_of_states

    if until is not None and until < EARLIEST:
        raise typer.BadParameter(
            f"--until {until:%Y-%m-%d} leaves nothing to test on: choose a day from "
            f"{EARLIEST:%Y-%m-%d} on."
        )
    until = checked_day(until, "--until")
    settings = Settings().for_demo()
    settings.make_home()
    now = pd.Timestamp.now("UTC")
    last = last_closed_session(now)
    configs = [load_experiment(find_experiment(Path(name))) for name in SUITED]
    lived = LIVED if until is None else 0

    say("1/4  Simulating a market (SIMULATED: no real prices) ...")
    observations = simulator.fetch(min(pd.Timestamp(until), last) if until else last, watched=True)
    store = ObservationStore(settings.store)
    store.append(observations, fetched_at=now)
    moment = end_of_day(pd.Timestamp(until)) if until else now
    sessions = panel_as_of(store, moment).index
    evenings = sessions[len(sessions) - lived :]
    panel = panel_as_of(store, end_of_day(sessions[-1 - lived]))

    say(f"2/4  Walking {len(configs)} models forward, each refitted on settled labels only ...")
    results, runs = {}, {}
    with workers(), progress(count_fits(configs, panel), "walking forward") as step:
        comparison = Comparison(panel, on_fit=step)
        for result in comparison.run_all(configs):
            results[result.config.name] = result
            save_result(result, settings.results, simulated=True)
            runs[result.config.name] = log_result(result, settings, simulated=True)
            warn_of_states(result)

    say(f"3/4  Putting {DEFAULT} into service and scoring the newest close ...")
    chosen = results[DEFAULT]
    bundle = fit_bundle(chosen.config, "funds", panel, comparison.pools(chosen.config, "funds"))
    fallback = fit_bundle(reference_filter(chosen.config), "funds", panel)
    value = value_of(chosen, panel, "funds")
    register(bundle, fallback, chosen, runs[DEFAULT], settings, simulated=True, value=value)
    promote(settings, gate="demo: not gated")
    for evening in evenings[:-1]:  # as if it had run then
        commit(prepare(settings, store, end_of_day(evening)), settings, store)
    publication = prepare(settings, store, moment)
    if until is None:
        commit(publication, settings, store)
    else:  # an earlier day is looked at; it was not published then
        show(publication, settings, store)
    for line in keep_roster(settings):
        note(line)

    say("4/4  Results")
    score_tables([row for result in results.values() for row in result.scores], simulated=True)
    today_table(load_published(settings))
    if serve:
        from training.serve import serve_both

        say("")
        serve_both(settings)
    else:
        say(f"\nEverything is in {settings.home}. See it: REGIME_HOME={settings.home} {_me()} app")


def _me() -> str:
    """This command, as it was called: one of an environment need not be on the path."""
    return sys.argv[0] if Path(sys.argv[0]).name == "regime" else "regime"


if __name__ == "__main__":
    run(demo)
