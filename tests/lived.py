"""A home with a simulated market in which a service lives."""

import shutil
import warnings

import pandas as pd

from regime.config import ExperimentConfig
from regime.data.as_of import panel_as_of
from regime.data.calendar import end_of_day
from regime.data.store import ObservationStore
from regime.service.intake import from_demo
from regime.service.retraining import retrain
from regime.settings import Settings
from regime.tracking.registry import promote

TRAINED = pd.Timestamp("2012-06-29")


def small(**changes) -> ExperimentConfig:
    """A logistic regression that reads rates, tested on two years."""
    values = {
        "name": "small",
        "baskets": ("funds",),
        "features": {"sets": ("path", "rates")},
        "labels": {"horizons": (0, 21)},
        "training": {"every": 3},
        "evaluation": {
            "first_test": {"funds": pd.Timestamp("2009-01-02").date()},
            "refit_every": 252,
        },
        "model": {"kind": "logistic", "params": {"C": 0.001}},
    }
    return ExperimentConfig(**{**values, **changes})


class Home:
    """A home that is lived in."""

    def __init__(self, folder) -> None:
        self.settings = Settings(home=folder)
        self.settings.make_home()
        self.store = ObservationStore(self.settings.store)

    def fetch(self, day, **withhold) -> pd.Timestamp:
        """What the simulated market has published by the end of a day; returns that moment."""
        now = end_of_day(pd.Timestamp(day))
        from_demo(self.store, now, withhold=withhold)
        return now

    def train(self, day, config=None, *, serve=True) -> str:
        """A version trained at the end of a day."""
        panel = panel_as_of(self.store, end_of_day(pd.Timestamp(day)))
        with warnings.catch_warnings():  # MLflow's own, at its first import
            warnings.simplefilter("ignore")
            done = retrain(config or small(), panel, self.settings, self.store)
        if serve:
            promote(self.settings, done.number)
        return done.number

    def copied(self, folder) -> "Home":
        """A copy of its own; files of models stay where they were written."""
        shutil.copytree(
            self.settings.home, folder, symlinks=True, ignore=shutil.ignore_patterns("artifacts")
        )
        return Home(folder)
