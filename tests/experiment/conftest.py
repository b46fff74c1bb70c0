"""A random walk, and the results of experiments on it."""

import pandas as pd
import pytest
from experiment.configured import EXPERIMENTS, random_walk

from regime.experiment import Comparison, ExperimentResult


@pytest.fixture(scope="session")
def panel() -> pd.DataFrame:
    return random_walk()


@pytest.fixture(scope="session")
def results(panel) -> dict[str, ExperimentResult]:
    comparison = Comparison(panel)
    return {config.name: comparison.run(config) for config in EXPERIMENTS}
