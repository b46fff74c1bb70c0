"""Bundles of several kinds of model, fitted once."""

import numpy as np
import pytest
from explanation.asked import KINDS

from regime.bundle import fit_bundle
from regime.config import ExperimentConfig
from regime.models.log_pool import LogPool
from regime.taxonomy import REGIMES

TRAINED = "2003-12-31"


def experiment(name, **changes):
    kind, sets, params = KINDS[name]
    members = [experiment(one) for one in ("default", "hidden")] if name == "stack" else []
    values = {
        "name": name,
        "baskets": ("french",),
        "features": {"sets": sets, "window": 504},
        "labels": {"horizons": (21,)},
        "model": {"kind": kind, "params": params},
        "members": members,
    }
    return ExperimentConfig(**{**values, **changes})


@pytest.fixture(scope="session")
def fitted(market):
    """By name, a bundle, what it reads of the market and what it says of every day."""
    kept = {}

    def fit(name):
        if name not in kept:
            pools = {21: LogPool().fit(np.empty((0, 6)), [])} if name == "stack" else None
            bundle = fit_bundle(experiment(name), "french", market[:TRAINED], pools)
            X = bundle.features_of(market)
            said = bundle.predict_proba(market, X=X).set_index("date")[list(REGIMES)]
            kept[name] = bundle, X, said
        return kept[name]

    return fit
