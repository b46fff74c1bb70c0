"""How long serving takes: imports, help, a score phase by phase, one new day per model.

Medians; fresh processes where a user would start one.
"""

import json
import time
from functools import partial
from typing import Any

import pandas as pd
import pytest
from benchmarks.latency import (
    NEWEST,
    PHASES,
    TRAINED_UNTIL,
    home,
    panel,
    process,
    unpublished,
    until_the_app_answers,
)
from benchmarks.turns import in_turns, median, milliseconds, seconds

from regime.bundle import fit_bundle
from regime.config import ExperimentConfig
from regime.data.as_of import panel_as_of
from regime.data.calendar import end_of_day
from regime.data.store import ObservationStore
from regime.features.assembly import features_of, market_frame
from regime.models.assembly import input_sets
from regime.survivors import _walked, carry_forward

HELP, SCORE, UPDATE = 0.4, 1.0, 0.020  # seconds
REPEATS = 4
IMPORTS = (
    "pandas", "sklearn.ensemble", "mlflow", "numba", "skops.io",
    "regime.data.as_of", "regime.bundle", "regime.scoring", "regime.tracking.published",
    "regime.tracking.registry", "training.cli",
)  # fmt: skip
COMMANDS = {"regime": [], "score": ["score"], "fetch": ["fetch"], "store": ["store"]}
MODELS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "climatology": ((), {}),
    "persistence": ((), {}),
    "filter": ((), {}),
    "logistic": (("leadership",), {}),
    "hist_gradient_boosting": (("leadership",), {"max_iter": 100}),
    "boosting": (("leadership",), {"max_iter": 100}),
    "boosting_from_filter": (("leadership",), {"n_estimators": 80, "max_depth": 2}),
    "gaussian_hmm": (("leadership",), {"n_init": 1, "n_iter": 20}),
}


def test_imports(report):
    """Each module alone in a fresh process; `nothing` is the interpreter's own start."""
    codes = {"nothing": "pass"} | {name: f"import {name}" for name in IMPORTS}
    taken = in_turns(
        {name: partial(seconds, partial(process, "-c", code)) for name, code in codes.items()}, 3
    )
    report.ours(partial(process, "-c", "import regime.scoring"), rounds=3)
    report.without_goal("Imports of a score", median(taken["regime.scoring"]), "s")
    report.detail(ms=milliseconds(taken))


def test_help(report):
    calls = {
        name: partial(seconds, partial(process, "-m", "training.cli", *words, "--help"))
        for name, words in COMMANDS.items()
    }
    taken = in_turns(calls, REPEATS)
    report.ours(calls["regime"], rounds=REPEATS)
    for name, spent in taken.items():
        shown = "regime --help" if name == "regime" else f"regime {name} --help"
        report.at_most(shown, median(spent), "s", HELP)
    report.detail(ms=milliseconds(taken))


def test_a_score(report):
    """`regime score` of a new day: its phases after the imports, and the whole command."""
    day = f"{NEWEST:%Y-%m-%d}"
    found: dict[str, list[float]] = {}
    for turn in range(REPEATS + 1):
        with unpublished() as copy:
            took = json.loads(process("-c", PHASES % day, home=copy))
        for name, spent in took.items():
            found.setdefault(name, []).extend([spent] if turn else [])
    # Not as published: --as-of keeps nothing, and the newest real close is not simulated.
    command = partial(process, "-m", "training.cli", "score", "--as-of", day, home=home())
    whole = report.ours(command, rounds=3)
    report.at_most("regime score, after imports", median(found["total after imports"]), "s", SCORE)
    report.without_goal("regime score, the whole command", whole, "s")
    report.detail(ms=milliseconds(found))


def test_a_day_of_the_path(report):
    """The leadership path and what of it is confirmed, the day before's at hand."""
    lead = market_frame(panel(), "funds").filter(like="lead_").to_numpy()

    def of_the_path() -> float:
        _walked.clear()
        carry_forward(lead[:-1], switching_cost=10.0)
        return seconds(lambda: carry_forward(lead, switching_cost=10.0))

    taken = [of_the_path() for _ in range(REPEATS)]
    report.ours(of_the_path, rounds=REPEATS)
    report.at_most("One new day, path and confirmation", median(taken), "s", UPDATE)


@pytest.mark.parametrize("kind", MODELS)
def test_a_day_of(kind, report):
    """Features of one new row, the day before's at hand, then its probabilities at one horizon."""
    sets, params = MODELS[kind]
    config = ExperimentConfig(
        name=kind, baskets=("funds",), features={"sets": sets}, labels={"horizons": (0,)},
        model={"kind": kind, "params": params},
    )  # fmt: skip
    bundle = fit_bundle(config, "funds", panel()[:TRAINED_UNTIL])
    frame, X, names = (
        market_frame(panel(), "funds"),
        bundle.features_of(panel()),
        input_sets(config),
    )
    cost, window = config.labels.switching_cost, config.features.window

    def features() -> float:
        features_of(frame[:-1], names, cost, window)
        begin = time.perf_counter()
        features_of(frame, names, cost, window)
        return time.perf_counter() - begin

    def probabilities() -> pd.DataFrame:
        return bundle.predict_proba(panel(), X.index[-1], X=X)

    taken = in_turns({"features": features, "probabilities": partial(seconds, probabilities)}, 9)
    both = [a + b for a, b in zip(*taken.values(), strict=True)]
    report.ours(probabilities, rounds=9)
    if kind == "gaussian_hmm":  # its filter is carried on from the states of the day before
        report.without_goal("One new day, gaussian_hmm, filtered anew", median(both), "s")
        model, states = bundle.classifiers[0], X.iloc[:-1]
        read = model[:-1].transform(X)[-1:]
        before = model[-1].state_proba(model[:-1].transform(states))[-1]
        carried = [seconds(lambda: model[-1].predict_proba(read, before=before)) for _ in range(9)]
        both = [a + b for a, b in zip(taken["features"], carried, strict=True)]
    report.at_most(f"One new day, {kind}", median(both), "s", UPDATE)
    report.detail(ms=milliseconds(taken | {"together": both}))


def test_a_panel_of_every_series(report):
    store, moment = ObservationStore(home() / "observations.db"), end_of_day(NEWEST)
    read = partial(panel_as_of, store, moment)
    took = report.ours(read, rounds=REPEATS)
    report.without_goal("Panel of the demo's store, all its series", took, "s")
    report.detail(shape=list(read().shape))


def test_the_app_starts(report):
    home()
    took = report.ours(until_the_app_answers, rounds=3)
    report.without_goal("regime app, until its health page answers", took, "s")
