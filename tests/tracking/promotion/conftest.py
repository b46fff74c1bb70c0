"""A home with three versions of one model, to judge and to damage."""

import shutil
import warnings

import pandas as pd
import pytest
from registered import experiment, trained
from tracked import tracked
from tracking.promotion.decided import NOW

from regime.bundle import fit_bundle
from regime.data.as_of import panel_as_of
from regime.data.calendar import trading_days
from regime.data.sources import demo
from regime.data.store import ObservationStore
from regime.evaluation.gate import Check
from regime.experiment import reference_filter
from regime.settings import Settings
from regime.tracking import promotion
from regime.tracking.mlflow_client import client, experiment_id
from regime.tracking.promotion import decide
from regime.tracking.registry import register

NOBODY = pd.DataFrame()


@pytest.fixture(scope="session")
def small():
    """Settings of an experiment that is quickly walked forward."""
    return experiment(
        features={"sets": ()},
        labels={"horizons": (0, 21)},
        training={"every": 3, "since": pd.Timestamp("1990-01-01").date()},
        model={"kind": "filter"},
    )


@pytest.fixture(scope="session")
def whole(small, tmp_path_factory):
    """A home with a store that ends on the last close, and three versions of one model."""
    settings = tracked(tmp_path_factory.mktemp("versions") / "home", tmp_path_factory)
    settings.make_home()
    days = trading_days(pd.Timestamp("1988-01-04"), pd.Timestamp("2008-12-31"))
    store = ObservationStore(settings.store)
    store.append(demo.simulate(days).observations, fetched_at=NOW)
    panel = panel_as_of(store, NOW)
    result, bundle = trained(panel, small)
    fallback = fit_bundle(reference_filter(small), "funds", panel)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on newer libraries
        tracker = client(settings)
        for _ in range(3):  # of runs without the figures that a comparison leaves
            run_id = tracker.create_run(experiment_id(tracker, settings)).info.run_id
            register(bundle, fallback, result, run_id, settings, simulated=True)
    return settings, panel


@pytest.fixture
def home(whole, tmp_path):
    """A copy to move aliases in; artefacts of the models stay where they are."""
    shutil.copytree(whole[0].home, tmp_path / "home", symlinks=True)
    return Settings(home=tmp_path / "home")


@pytest.fixture
def panel(whole):
    return whole[1]


@pytest.fixture
def judged(home, panel, monkeypatch):
    """Judge a version here; a fresh process takes seconds, and has tests of its own."""
    fine = Check("clean_process", True, 0.0, 1e-12, "not asked")
    monkeypatch.setattr(promotion, "check_apart", lambda *_: fine)

    def judge(number=None, now=NOW, **options):
        store = ObservationStore(home.store)
        return decide(home, store, panel, number, ledger=NOBODY, now=now, **options)

    return judge
