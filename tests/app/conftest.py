"""A home with a model in service on a small simulated market."""

import os
import warnings

import pandas as pd
import pytest
from lived import TRAINED, Home, small
from once import once
from registered import experiment, register_one, trained
from shown import show

from regime.bundle import fit_bundle
from regime.config import ExperimentConfig
from regime.data.as_of import panel_as_of
from regime.data.calendar import end_of_day, trading_days
from regime.experiment import Comparison
from regime.scoring import assess, score_days
from regime.service.daily import run_day
from regime.service.intake import from_demo
from regime.settings import Settings
from regime.tracking.results import save_result


@pytest.fixture(scope="session")
def served(market, tmp_path_factory) -> Settings:
    """Published scores and a stored comparison of a filter on the fund-led baskets."""

    def make(folder):
        publish_a_filter(market, Settings(home=folder))

    return Settings(home=once(tmp_path_factory, "served", make))


def publish_a_filter(market, settings) -> None:
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


@pytest.fixture(scope="session")
def carded(market, tmp_path_factory) -> Settings:
    """A home with a registered filter, not in service, whose question is full of markup."""

    def make(folder):
        config = experiment(features={}, labels={"horizons": (0,)}, model={"kind": "filter"})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's own, on newer libraries
            register_one(*trained(market, config), market, folder)

    return Settings(home=once(tmp_path_factory, "carded", make))


@pytest.fixture
def home(monkeypatch):
    """Point the app at a home."""

    def point(path):
        monkeypatch.setitem(os.environ, "REGIME_HOME", str(path))

    return point


SESSIONS = trading_days(pd.Timestamp("2012-07-02"), pd.Timestamp("2012-07-10"))
STARTED = SESSIONS[[0, 2, 5]]  # days between are published late
DEGRADED = SESSIONS[-1]  # without its yields
THREE_HORIZONS = {"horizons": (0, 21, 63)}


@pytest.fixture(scope="session")
def lived(tmp_path_factory) -> Settings:
    """A home with a version in service that spoke on six days, the last one DEGRADED."""

    def make(folder):
        live(Home(folder / "home"))

    return Settings(home=once(tmp_path_factory, "lived", make) / "home")


def live(home: Home) -> None:
    config = small(labels=THREE_HORIZONS)
    home.fetch(TRAINED)
    home.train(TRAINED, config)
    panel = panel_as_of(home.store, end_of_day(TRAINED))
    comparison = Comparison(panel)
    plain = small(name="filter", features={}, labels=THREE_HORIZONS, model={"kind": "filter"})
    for one in (config, plain):
        save_result(comparison.run(one), home.settings.results, simulated=True)
    for day in STARTED:
        now = end_of_day(day)
        withhold = {"DGS10": 2} if day == DEGRADED else {}
        run_day(
            home.settings.model_copy(update={"now": now}),
            lambda store, now, withhold=withhold: from_demo(store, now, withhold=withhold),
        )


@pytest.fixture
def at_eight(lived, home, monkeypatch) -> Settings:
    """The app opened at the lived home, the morning after its last day."""
    home(lived.home)
    monkeypatch.setenv("REGIME_NOW", (end_of_day(SESSIONS[-1]) + pd.Timedelta(hours=9)).isoformat())
    return lived
