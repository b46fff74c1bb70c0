"""The baselines on real data: what METHOD.md says of them."""

import json
from pathlib import Path

import pytest

from regime.config import load_experiment
from regime.experiment import Comparison

pytestmark = pytest.mark.real_data
EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture(scope="module")
def comparison(real_panel):
    return Comparison(real_panel)


def scores(comparison, name):
    rows = comparison.run(load_experiment(EXPERIMENTS / f"{name}.toml")).scores
    return {(row["baskets"], row["horizon"]): row for row in json.loads(json.dumps(rows))}


def test_the_filter_scores_what_it_is_known_to_score(comparison):
    rows = scores(comparison, "filter")
    french = [rows["french", horizon]["log_loss"] for horizon in (0, 21, 63)]
    assert french == pytest.approx([0.740, 1.007, 1.111], abs=0.005)
    assert rows["french", 0]["test_from"] == "1975-01-02"
    assert rows["french", 0]["test_to"] == "2024-12-24"
    assert rows["french", 0]["n_episodes"] == 109
    funds = [rows["funds", horizon]["log_loss"] for horizon in (0, 21, 63)]
    assert funds == pytest.approx([0.735, 1.008, 1.077], abs=0.005)
    assert rows["funds", 0]["test_from"] == "2010-01-04"


def test_climatology_knows_the_frequencies_and_no_more(comparison):
    rows = scores(comparison, "climatology")
    for horizon in (0, 21, 63):
        assert 1.09 < rows["french", horizon]["log_loss"] < 1.13
    assert rows["french", 0]["edge_high"] < -0.3


def test_a_filter_from_1963_cannot_be_told_from_the_filter(comparison):
    # METHOD's exploratory run: +0.004 [-0.011, +0.020], +0.007, +0.008 with intervals around 0
    rows = scores(comparison, "filter_since_1963_ablation")
    edges = [rows["french", horizon]["edge"] for horizon in (0, 21, 63)]
    assert edges == pytest.approx([0.004, 0.007, 0.008], abs=0.002)
    for horizon in (0, 21, 63):
        row = rows["french", horizon]
        assert row["edge_low"] < 0 < row["edge_high"]
        assert row["dm_p"] > 0.3
    assert rows["french", 0]["edge_low"] == pytest.approx(-0.011, abs=0.003)
    assert rows["french", 0]["edge_high"] == pytest.approx(0.020, abs=0.003)
