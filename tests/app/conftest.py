"""A home with a model in service on a small simulated market."""

import os

import pandas as pd
import pytest
from shown import show

from regime.bundle import fit_bundle
from regime.config import ExperimentConfig
from regime.experiment import Comparison
from regime.scoring import assess, score_days
from regime.settings import Settings
from regime.tracking.results import save_result


@pytest.fixture(scope="session")
def served(market, tmp_path_factory) -> Settings:
    """Published scores and a stored comparison of a filter on the fund-led baskets."""
    settings = Settings(home=tmp_path_factory.mktemp("served"))
    config = ExperimentConfig(
        name="filter",
        baskets=("funds",),
        evaluation={"first_test": {"funds": pd.Timestamp("1999-01-04").date()}},
        training={"every": 3},
        model={"kind": "filter"},
    )
    known = market[:"2007-12-31"]
    result = Comparison(known).run(config)
    save_result(result, settings.results, simulated=True)
    bundle = fit_bundle(config, "funds", known)
    record = result.predictions.drop(columns="baskets")
    rows = score_days(bundle, record, market, version="3")
    readiness = assess(bundle, market, market.index[-1])
    show(rows, bundle, market, settings, readiness=readiness)
    return settings


@pytest.fixture
def home(monkeypatch):
    """Point the app at a home."""

    def point(path):
        monkeypatch.setitem(os.environ, "REGIME_HOME", str(path))

    return point
