"""A home whose app has sixty years of daily probabilities to show, on a simulated market."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pandas as pd

from regime.config import ExperimentConfig, load_experiment
from regime.data.as_of import panel_as_of
from regime.data.calendar import end_of_day, last_closed_session
from regime.data.sources import demo
from regime.data.store import ObservationStore
from regime.experiment import Comparison
from regime.service.publishing import commit, prepare
from regime.service.retraining import retrain
from regime.settings import Settings
from regime.tracking.registry import promote
from regime.tracking.results import save_result
from regime.tracking.roster_writing import keep_roster

FIRST = pd.Timestamp("1966-01-03")  # of the days that are tested, and drawn


def experiment(name: str) -> ExperimentConfig:
    """An experiment of the project on the French baskets, tested on sixty years."""
    path = Path(__file__).parents[2] / "experiments" / f"{name}.toml"
    config = load_experiment(path)
    tested = {"first_test": {"french": FIRST.date()}}
    evaluation = config.evaluation.model_copy(update=tested)
    return config.model_copy(update={"baskets": ("french",), "evaluation": evaluation})


@cache
def home() -> Path:
    """With the default model in service since the last close."""
    folder = Path(tempfile.mkdtemp(prefix="regime-app-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = Settings(home=folder)
    now = pd.Timestamp.now("UTC").floor("s")
    store = ObservationStore(settings.store)
    store.append(demo.fetch(last_closed_session(now), watched=True), fetched_at=now)
    panel = panel_as_of(store, end_of_day(last_closed_session(now)))
    comparison = Comparison(panel)
    save_result(comparison.run(experiment("filter")), settings.results, simulated=True)
    config = experiment("resampled_leadership")
    save_result(comparison.run(config), settings.results, simulated=True)
    promote(settings, retrain(config, panel, settings, store).number)
    commit(prepare(settings, store, now), settings, store)
    keep_roster(settings)
    return folder
