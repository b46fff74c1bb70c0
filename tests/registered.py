"""A home with one registered version, trained on a simulated market."""

from pathlib import Path

import pandas as pd

from regime.bundle import Bundle, fit_bundle
from regime.config import ExperimentConfig
from regime.experiment import Comparison, ExperimentResult, reference_filter
from regime.settings import Settings
from regime.tracking.registry import register
from regime.tracking.roster_writing import keep_roster
from regime.tracking.runs import log_result

HOSTILE = "Is a | wall, <b>bold</b>, [this](http://example.com), :red[that] or $x$ *so*?"


def experiment(**changes) -> ExperimentConfig:
    """A logistic regression on features of which some are unknown in training."""
    values = {
        "name": "small",
        "question": HOSTILE,
        "baskets": ("funds",),
        "features": {"sets": ("path", "rates", "breadth")},
        "labels": {"horizons": (0, 21)},
        "training": {"every": 3},
        "evaluation": {
            "first_test": {"funds": pd.Timestamp("1999-01-04").date()},
            "refit_every": 504,
        },
        "model": {"kind": "logistic", "params": {"C": 0.001}},
    }
    return ExperimentConfig(**{**values, **changes})


def trained(panel: pd.DataFrame, config: ExperimentConfig) -> tuple[ExperimentResult, Bundle]:
    """Its walk-forward and the model fitted on all of the panel."""
    return Comparison(panel).run(config), fit_bundle(config, "funds", panel)


def register_one(result: ExperimentResult, bundle: Bundle, panel: pd.DataFrame, home: Path) -> str:
    """Register it in a home, list it for the app, and return its version."""
    settings = Settings(home=home)
    fallback = fit_bundle(reference_filter(bundle.config), "funds", panel)
    run_id = log_result(result, settings, simulated=True)
    number = register(bundle, fallback, result, run_id, settings, simulated=True)
    assert keep_roster(settings) == []
    return number
