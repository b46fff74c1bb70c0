"""The default against the filter on real data: what METHOD.md, section 8, says of it."""

from pathlib import Path

import pytest

from regime.config import LabelConfig, load_experiment
from regime.experiment import Comparison

pytestmark = pytest.mark.real_data
EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def test_the_edge_on_french_baskets_at_63_days_is_above_zero_with_its_interval(real_panel):
    config = load_experiment(EXPERIMENTS / "resampled_leadership.toml")
    config = config.model_copy(
        update={"baskets": ("french",), "labels": LabelConfig(horizons=(63,))}
    )
    (row,) = Comparison(real_panel).run(config).scores
    assert row["edge"] == pytest.approx(0.0276, abs=0.002)
    assert row["edge_low"] > 0.005
    assert row["log_loss"] < 1.0986  # a third each
    assert row["n_episodes"] == 108  # one of the 109 now began and ended before any forecast
