"""Models to be asked, and days ahead made by hand."""

import math

import numpy as np
import pandas as pd

from regime.config import ExperimentConfig
from regime.data.baskets import BASKET_SETS
from regime.data.calendar import session_closes
from regime.data.catalog import CATALOG, Unit
from regime.taxonomy import REGIMES

UNTIL = "2004-12-31"
BASKETS = dict(zip(("mega", "broad", "small"), REGIMES, strict=True))


def experiment(kind, *sets, horizons=(0, 21), **params):
    return ExperimentConfig(
        name=kind,
        baskets=("french", "funds"),
        labels={"horizons": horizons},
        features={"sets": sets, "window": 504},
        model={"kind": kind, "params": params},
    )


MODELS = {
    "filter": (experiment("filter"), "french"),
    "correction": (
        experiment("logistic_correction", "leadership", start="filter", C=0.01), "funds",
    ),
    "everything": (
        experiment("logistic", "path", "leadership", "breadth", "rates", C=1e-4), "french",
    ),
    "remembers": (
        experiment("gaussian_hmm", "leads", n_init=1, n_iter=10, start="labels"), "french",
    ),
}  # fmt: skip


def following(day, sessions=5):
    closes = session_closes(pd.Timestamp(day)).index
    return closes[closes > day][:sessions]


def steps(days, basket, move):
    returns = pd.DataFrame(0.0, days, list(REGIMES))
    returns[BASKETS[basket]] = move / len(days)
    return returns


def by_hand(panel, returns, baskets):
    """The panel of these days, a day and a series at a time."""
    legs = {
        name: regime
        for one in (baskets, BASKET_SETS[baskets].history)
        if one
        for regime, names in BASKET_SETS[one].legs.items()
        for name in names
    }
    rows, before = {}, panel.iloc[-1]
    for day, asked in returns.iterrows():
        row = before.copy()
        for name in panel:
            moved = math.exp(asked[legs[name]]) if name in legs else 1.0
            if CATALOG[name].unit is Unit.RETURN:
                row[name] = np.nan if np.isnan(row[name]) else moved - 1
            else:
                row[name] *= moved
        rows[day] = before = row
    return pd.concat([panel, pd.DataFrame.from_dict(rows, orient="index")]).rename_axis("date")
