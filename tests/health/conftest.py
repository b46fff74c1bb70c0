"""An installation on a simulated market, and a look at it in this process."""

import shutil
import warnings
from datetime import date
from functools import cache
from types import SimpleNamespace

import pandas as pd
import pytest
from health.installed import LAST, NOW
from shown import show
from tracked import tracked

from regime.bundle import fit_bundle
from regime.config import ExperimentConfig
from regime.data.as_of import panel_as_of
from regime.data.calendar import trading_days
from regime.data.sources import demo
from regime.data.store import ObservationStore
from regime.experiment import Comparison
from regime.health import examine as health
from regime.health import model as health_model
from regime.health.examine import examine
from regime.scoring import assess, score_days
from regime.settings import Settings
from regime.tracking.mlflow_client import client, experiment_id
from regime.tracking.registry import load_version, promote, register


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """Settings of an installation with a store, a champion and a published result."""
    settings = tracked(tmp_path_factory.mktemp("healthy") / "home", tmp_path_factory)
    settings.make_home()
    days = trading_days(pd.Timestamp("1988-01-04"), LAST)
    store = ObservationStore(settings.store)
    store.append(demo.simulate(days).observations, fetched_at=NOW)
    panel = panel_as_of(store, NOW)
    config = ExperimentConfig(
        name="filter", baskets=("funds",), labels={"horizons": (0,)},
        training={"every": 3, "since": date(1990, 1, 1)}, model={"kind": "filter"},
        evaluation={"first_test": {"funds": date(2006, 1, 3)}},
    )  # fmt: skip
    bundle = fit_bundle(config, "funds", panel)
    tracker = client(settings)
    run_id = tracker.create_run(experiment_id(tracker, settings)).info.run_id
    result = Comparison(panel).run(config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on newer libraries
        register(bundle, bundle, result, run_id, settings, simulated=True)
    version = load_version(settings, promote(settings))
    rows = score_days(version.bundle, version.walk_forward, panel, version="1")
    show(rows, version.bundle, panel, settings, readiness=assess(version.bundle, panel, LAST))
    return settings


@pytest.fixture
def home(whole, tmp_path):
    """A copy of it to break; artefacts of the model stay where they are."""
    shutil.copytree(whole.home, tmp_path / "home", symlinks=True)
    return Settings(home=tmp_path / "home")


@pytest.fixture(scope="session")
def model_of():
    """What is said of a model at a moment, by home; of the whole one, looked at once."""
    return cache(health_model.look_at_model)


@pytest.fixture
def afresh():
    """For what a test does to the model or to the looking at it."""


@pytest.fixture
def look(monkeypatch, request, model_of):
    """Examine in this process, and the checks by name."""
    changed = {"tmp_path", "afresh"} & {*request.fixturenames}

    class Here:
        def __init__(self, settings, now):
            ask = health_model.look_at_model if changed else model_of
            self.found = ask(settings, now)

        def said(self):
            return self.found

    monkeypatch.setattr(health, "_Apart", Here)

    def examined(settings, now=NOW, **options):
        found = examine(settings, now, **{"offline": True, **options})
        by_name = {check.name: check for check in found.checks}
        assert len(by_name) == len(found.checks)
        return SimpleNamespace(**by_name, all=by_name, health=found, series=found.series)

    return examined
