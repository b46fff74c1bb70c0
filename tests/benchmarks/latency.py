"""How long serving takes: imports, help, a score phase by phase, one new day per model.

    python tests/benchmarks/latency.py [--repeats 5] [--skip NAME ...]

Each table is a function that returns plain numbers; fresh processes where a user would start
one. Medians over the repeats, with the least beside them. Not a test: the machine decides
the seconds; the goals stand beside them. Prints JSON.
"""

import argparse
import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HELP, SCORE, UPDATE = 0.4, 1.0, 0.020  # seconds
IMPORTS = (
    "pandas", "sklearn.ensemble", "mlflow", "numba", "skops.io",
    "regime.data.as_of", "regime.bundle", "regime.scoring", "regime.tracking.published",
    "regime.tracking.registry", "training.cli",
)  # fmt: skip
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
TRAINED_UNTIL, NEWEST = pd.Timestamp("2023-12-29"), pd.Timestamp("2024-12-31")

# Run in a fresh process: everything is imported first, then each phase is timed once.
PHASES = """
import json, time
import mlflow, mlflow.store.tracking.sqlalchemy_store
import pandas as pd
from regime.data.as_of import panel_as_of
from regime.data.calendar import end_of_day, last_closed_session
from regime.data.store import ObservationStore
from regime.scoring import assess, score_days
from regime.settings import Settings
from regime.tracking.published import publish
from regime.tracking.registry import load_version

took = {}
def phase(name, function, *args, **more):
    begin = time.perf_counter()
    result = function(*args, **more)
    took[name] = time.perf_counter() - begin
    return result

begin = time.perf_counter()
settings = Settings()
moment = end_of_day(pd.Timestamp("%s"))
store = phase("open the store", ObservationStore, settings.store)
last = phase("sessions", last_closed_session, moment)
panel = phase("panel", panel_as_of, store, moment)
version = phase("load the version", load_version, settings)
simulated = phase("ask whether simulated", store.is_simulated)
X = phase("features", version.bundle.features_of, panel)
readiness = phase("assess", assess, version.bundle, panel, last, X=X)
rows = phase("score", score_days, version.bundle, version.walk_forward, panel,
             version=version.number, newest_close=last, X=X)
phase("publish", publish, rows, version.bundle, panel, settings, readiness=readiness,
      simulated=simulated, known_at=moment)
took["total after imports"] = time.perf_counter() - begin
print(json.dumps(took))
"""


def summary(taken: list[float], goal: float | None = None) -> dict[str, float]:
    """Median and least in seconds, and the goal where there is one."""
    found = {"median": round(float(np.median(taken)), 4), "least": round(min(taken), 4)}
    return found if goal is None else found | {"goal": goal}


def timed(call: Callable[[], Any], repeats: int) -> list[float]:
    taken = []
    for turn in range(repeats + 1):  # the first warms the disk's cache and is not counted
        begin = time.perf_counter()
        call()
        if turn:
            taken.append(time.perf_counter() - begin)
    return taken


def process(*arguments: str, home: Path | None = None) -> str:
    """Output of a fresh interpreter."""
    environment = os.environ | ({} if home is None else {"REGIME_HOME": str(home)})
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


def imports(repeats: int) -> dict[str, Any]:
    """Each module alone in a fresh process; `nothing` is the interpreter's own start."""
    codes = {"nothing": "pass"} | {name: f"import {name}" for name in IMPORTS}
    return {
        name: summary(timed(lambda code=code: process("-c", code), repeats))
        for name, code in codes.items()
    }


def help_pages(repeats: int) -> dict[str, Any]:
    """`regime --help` and that of some commands."""
    pages = {"regime": [], "score": ["score"], "fetch": ["fetch"], "store": ["store"]}
    return {
        name: summary(
            timed(lambda words=words: process("-m", "training.cli", *words, "--help"), repeats),
            HELP,
        )
        for name, words in pages.items()
    }


@cache
def panel() -> pd.DataFrame:
    """A simulated market as the store gives it back."""
    from regime.data.as_of import panel_as_of
    from regime.data.calendar import end_of_day
    from regime.data.store import ObservationStore

    return panel_as_of(ObservationStore(home() / "observations.db"), end_of_day(NEWEST))


@cache
def home() -> Path:
    """A home with a simulated market and the default model in service."""
    from regime.bundle import fit_bundle
    from regime.config import load_experiment
    from regime.data.as_of import panel_as_of
    from regime.data.calendar import end_of_day
    from regime.data.sources import demo
    from regime.data.store import ObservationStore
    from regime.experiment import Comparison, reference_filter
    from regime.settings import Settings
    from regime.tracking.registry import promote, register
    from regime.tracking.runs import log_result

    folder = Path(tempfile.mkdtemp(prefix="regime-latency-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = Settings(home=folder)
    store = ObservationStore(settings.store)
    store.append(demo.fetch(NEWEST), fetched_at=end_of_day(NEWEST))
    known = panel_as_of(store, end_of_day(TRAINED_UNTIL))
    found = load_experiment(Path(__file__).parents[2] / "experiments" / "boosting_from_filter.toml")
    config = found.model_copy(update={"baskets": ("funds",)})
    result = Comparison(known).run(config)
    bundle = fit_bundle(config, "funds", known)
    fallback = fit_bundle(reference_filter(config), "funds", known)
    run = log_result(result, settings, simulated=True)
    promote(settings, register(bundle, fallback, result, run, settings, simulated=True))
    return folder


def score(repeats: int) -> dict[str, Any]:
    """`regime score` of a new day: the whole command, and its phases after the imports."""
    day = f"{NEWEST:%Y-%m-%d}"
    found: dict[str, list[float]] = {}
    for turn in range(repeats + 1):
        took = json.loads(process("-c", PHASES % day, home=home()))
        for name, seconds in took.items():
            found.setdefault(name, []).extend([seconds] if turn else [])
    # Not as published: --as-of keeps nothing, and the newest real close is not simulated.
    command = ("-m", "training.cli", "score", "--as-of", day)
    return {
        "phases": {
            name: summary(taken, SCORE if name.startswith("total") else None)
            for name, taken in found.items()
        },
        "whole command": summary(timed(lambda: process(*command, home=home()), repeats)),
    }


def one_day(repeats: int) -> dict[str, Any]:
    """One new row, the day before's features and path at hand: its features, then its
    probabilities at one horizon.
    """
    from regime.bundle import fit_bundle
    from regime.config import ExperimentConfig
    from regime.features.assembly import features_of, market_frame
    from regime.models.assembly import input_sets
    from regime.survivors import _walked, carry_forward

    frame = market_frame(panel(), "funds")
    lead = frame.filter(like="lead_").to_numpy()
    out: dict[str, Any] = {}

    def of_the_path() -> float:
        _walked.clear()
        carry_forward(lead[:-1], switching_cost=10.0)
        begin = time.perf_counter()
        carry_forward(lead, switching_cost=10.0)
        return time.perf_counter() - begin

    out["path and confirmation"] = summary([of_the_path() for _ in range(repeats)], UPDATE)
    for kind, (sets, params) in MODELS.items():
        config = ExperimentConfig(
            name=kind, baskets=("funds",), features={"sets": sets}, labels={"horizons": (0,)},
            model={"kind": kind, "params": params},
        )  # fmt: skip
        bundle = fit_bundle(config, "funds", panel()[:TRAINED_UNTIL])
        cost, window = config.labels.switching_cost, config.features.window
        X, names = bundle.features_of(panel()), input_sets(config)

        def features(names: Any = names, cost: float = cost, window: int = window) -> float:
            features_of(frame[:-1], names, cost, window)
            begin = time.perf_counter()
            features_of(frame, names, cost, window)
            return time.perf_counter() - begin

        predicted = timed(
            lambda bundle=bundle, X=X: bundle.predict_proba(panel(), X.index[-1], X=X), repeats
        )
        computed = [features() for _ in range(repeats)]
        both = [a + b for a, b in zip(computed, predicted, strict=True)]
        out[kind] = {
            "features": summary(computed),
            "probabilities": summary(predicted),
            "together": summary(both, UPDATE),
        }
    return out


def main() -> None:
    """Run every table and print it."""
    tables = {function.__name__: function for function in (imports, help_pages, score, one_day)}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--skip", nargs="*", default=[], choices=list(tables))
    arguments = parser.parse_args()
    out: dict[str, Any] = {"load before": os.getloadavg()}
    for name, run in tables.items():
        if name not in arguments.skip:
            out[name] = run(arguments.repeats)
    print(json.dumps(out | {"load after": os.getloadavg()}, indent=1))


if __name__ == "__main__":
    main()
