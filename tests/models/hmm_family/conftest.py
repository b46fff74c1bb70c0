"""A market with its regimes, and the same with gaps."""

import numpy as np
import pytest
from models.hmm_family.simulated import NAMES, market


@pytest.fixture(scope="session")
def days():
    X, states = market(1200)
    return X, NAMES[states]


@pytest.fixture(scope="session")
def gappy(days):
    X = days[0].copy()
    rng = np.random.default_rng(0)
    X[rng.random(X.shape) < 0.03] = np.nan
    X[400:405] = np.nan
    return X, days[1]
