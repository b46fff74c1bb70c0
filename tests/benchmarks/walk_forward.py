"""Forty years of monthly refits, going on from month to month, beside hmmlearn from nothing.

    python tests/benchmarks/walk_forward.py --data FOLDER [--windows 12]

Eight features of relative strength and of the market's state, French baskets, 16,000 days to
the end of the data; 480 refits, 21 days apart, three states with full covariances. Ours goes
on from the month before with three random challengers; hmmlearn begins ten times from
nothing, on a sample of the windows, at the same tolerance and with the same hold on each
state. One thread. Not a test: the machine decides the seconds. Prints JSON.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from regime.data.baskets import BASKET_SETS
from regime.data.calendar import trading_days
from regime.data.panel import point_in_time
from regime.data.sources import files
from regime.features.assembly import features_of, market_frame
from regime.labels.leadership import leadership_path
from regime.models.hmm import GaussianHMMClassifier

ROWS, REFITS, EVERY, STATES, FEATURES = 16_000, 480, 21, 3, 8
FIRST = 40  # random starts of the first fit, which all others go on from
TIMES_FASTER, SHORTFALL = 20.0, 1e-4
PER_ROW = "log_likelihood_per_row"


def real_rows(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Features known throughout, and the regime of each day in hindsight."""
    read = files.fetch(folder, required=[BASKET_SETS["french"].series])
    days = trading_days(pd.Timestamp("1926-07-01"), pd.Timestamp("2024-12-31"))
    frame = market_frame(point_in_time(read.observations, days), "french")
    features = features_of(frame, ["leadership", "stress"], 10.0, 2520)[-ROWS:]
    known = features.loc[:, features.notna().all()].iloc[:, :FEATURES]
    if known.shape != (ROWS, FEATURES):
        raise SystemExit(f"{known.shape[1]} features are known on {len(known)} days; too few.")
    leads = frame[[name for name in frame if str(name).startswith("lead_")]]
    leads = leads.rename(columns=lambda name: str(name).removeprefix("lead_"))
    path = leadership_path(leads, switching_cost=10.0)["regime"]
    return known.to_numpy(), path[-ROWS:].to_numpy(dtype=object)


def timed_fit(model: GaussianHMMClassifier, previous: Any, X: Any, y: Any) -> float:
    """Seconds it takes."""
    begin = time.perf_counter()
    if previous is None:
        model.fit(X, y)
    else:
        model.fit_from(previous, X, y)
    return time.perf_counter() - begin


def walk_forward(folder: Path, windows: int = 12, tol: float = 1e-5) -> dict[str, Any]:
    """All refits by ours, the sampled ones by hmmlearn, and what they reach."""
    X, y = real_rows(folder)
    ends = [ROWS - EVERY * (REFITS - 1 - number) for number in range(REFITS)]
    sampled = np.linspace(1, REFITS - 1, windows).round().astype(int)
    timed_fit(GaussianHMMClassifier(STATES, n_init=1), None, X[:500], y[:500])  # compiles
    previous, seconds, reached, gains = None, [], [], []
    for end in ends:
        model = GaussianHMMClassifier(STATES, n_init=FIRST, tol=tol, random_state=0)
        seconds.append(timed_fit(model, previous, X[:end], y[:end]))
        reached.append(model.health_[PER_ROW])
        gains.append(model.health_.get("challenger_gain", np.nan))
        previous = model
    theirs, shortfalls = [], []
    for number in sampled:
        end = ends[number]
        cold = GaussianHMMClassifier(STATES, n_init=10, tol=tol, engine="hmmlearn", random_state=1)
        theirs.append(timed_fit(cold, None, X[:end], y[:end]))
        shortfalls.append(cold.health_[PER_ROW] - reached[number])
    ours = np.array(seconds)
    return {
        "refits": REFITS,
        "rows": [ends[0], ends[-1]],
        "seconds of all refits": round(float(ours.sum()), 1),
        "sampled windows": windows,
        "median seconds of a refit": {
            "ours": round(float(np.median(ours[sampled])), 3),
            "hmmlearn": round(float(np.median(theirs)), 3),
        },
        "times faster": round(float(np.sum(theirs) / ours[sampled].sum()), 1),
        "least times faster of a window": round(float(np.min(theirs / ours[sampled])), 1),
        "goal": TIMES_FASTER,
        "shortfall against ten cold starts, nats per row": {
            "worst": float(np.max(shortfalls)),
            "mean": float(np.mean(shortfalls)),
            "best": float(np.min(shortfalls)),
        },
        "shortfall goal": SHORTFALL,
        "refits that a challenger won": int(np.nansum(np.array(gains) > tol)),
    }


def main() -> None:
    """Run it and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--windows", type=int, default=12)
    parser.add_argument("--tol", type=float, default=1e-5)
    arguments = parser.parse_args()
    with threadpool_limits(limits=1):
        print(json.dumps(walk_forward(arguments.data, arguments.windows, arguments.tol), indent=1))


if __name__ == "__main__":
    main()
