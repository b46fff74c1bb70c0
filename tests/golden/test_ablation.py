"""Feature-stuffing loses: an untuned booster on everything is worse than climatology."""

from pathlib import Path

import pytest

from regime.config import EvaluationConfig, load_experiment
from regime.experiment import Comparison

pytestmark = pytest.mark.real_data
EXPERIMENTS = Path(__file__).parents[2] / "experiments"
NAME = "hist_gradient_boosting_everything_ablation"


def losses(comparison, name, **changes):
    config = load_experiment(EXPERIMENTS / f"{name}.toml").model_copy(update=changes)
    rows = comparison.run(config).scores
    return {(row["baskets"], row["horizon"]): row for row in rows}


def lesson(comparison, horizons, **changes):
    booster = losses(comparison, NAME, **changes)
    climatology = losses(comparison, "climatology", **changes)
    for horizon in horizons:
        row = booster["french", horizon]
        assert row["log_loss"] > climatology["french", horizon]["log_loss"]
        assert row["edge_high"] < -0.1


@pytest.mark.long
def test_a_booster_on_everything_is_worse_than_climatology_refit_once_a_decade(real_panel):
    lesson(
        Comparison(real_panel),
        (0, 21, 63),
        baskets=("french",),
        evaluation=EvaluationConfig(refit_every=2520),
    )


@pytest.mark.long
def test_a_booster_on_everything_is_worse_than_climatology(real_panel):
    lesson(Comparison(real_panel), (0, 21, 63))
