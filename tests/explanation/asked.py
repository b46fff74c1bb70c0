"""Models whose answers are explained, and the days they are explained between."""

import numpy as np
import pandas as pd

from regime.explained import FILTER
from regime.features.assembly import FAMILIES
from regime.taxonomy import REGIMES

EVERYTHING = ["path", "rates", "valuation", "breadth", "leadership", "styles", "stress"]
SMALL = {"n_markets": 4, "n_days": 800, "blocks": [21]}
FEW = {"n_init": 1, "n_iter": 5}
KINDS = {
    "persistence": ("persistence", [], {}),
    "filter": ("filter", [], {}),
    "logistic": ("logistic", EVERYTHING, {}),
    "three": ("hist_gradient_boosting", ["path", "leads", "styles"], {"max_iter": 20}),
    "default": ("logistic_correction", ["leadership"], {"start_params": SMALL}),
    "hidden": ("gaussian_hmm", ["leads", "styles"], FEW),
    "chain": ("hybrid", ["path", "leads"], {"max_iter": 5}),
    "from_hidden": (
        "logistic_correction",
        ["styles"],
        {"start": "gaussian_hmm", "start_params": FEW},
    ),
    "stack": ("stack", [], {}),
}
REMEMBER = {"hidden", "chain", "from_hidden", "stack"}


def centred(proba):
    logs = np.log(np.asarray(proba, dtype=float))
    return logs - logs.mean(axis=-1, keepdims=True)


def by_player(table):
    return table.pivot_table(index="player", columns="regime", values="share")[list(REGIMES)]


def busiest(said):
    """The month after which the answer had moved most."""
    logs = pd.DataFrame(centred(said), said.index)[2600:]
    day = logs.diff(21).abs().max(axis=1).idxmax()
    return day, said.index[said.index.get_loc(day) - 21]


def family_of(column):
    if column.startswith("path_"):
        return FILTER
    return next(n for n in FAMILIES if column in [one.name for one in FAMILIES[n](504)])


def asked(bundle, X, day, since, moved, *, late=True):
    """The answer where these columns have moved, from a history that is told all over again."""
    history = X[X.index < (day if late else since)]
    row = X.loc[[since]].copy()
    row[moved] = X.loc[[day], moved].to_numpy()
    said = bundle.predict_proba(None, X=pd.concat([history, row]))
    return centred(said[list(REGIMES)].iloc[-1])
