"""A market and a model fitted on it."""

import pytest
from models.hmm.simulated import market

from regime.models.hmm import GaussianHMMClassifier


@pytest.fixture(scope="session")
def days():
    return market()


@pytest.fixture(scope="session")
def fitted(days):
    return GaussianHMMClassifier(random_state=0).fit(*days)
