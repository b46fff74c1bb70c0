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


FRENCH, FUNDS = {0: 0.740, 21: 1.007, 63: 1.111}, {0: 0.735, 21: 1.008, 63: 1.077}
# METHOD's exploratory run: +0.004 [-0.011, +0.020], +0.007, +0.008 with intervals around 0
SINCE_1963 = {0: 0.004, 21: 0.007, 63: 0.008}
# The horizons between are walked forward in the same way; all of them under `long`.
every_horizon = pytest.param((0, 21, 63), id="every", marks=pytest.mark.long)


def scores(comparison, name, horizons, *baskets):
    config = load_experiment(EXPERIMENTS / f"{name}.toml")
    labels = config.labels.model_copy(update={"horizons": horizons})
    update = {"labels": labels, "baskets": baskets or config.baskets}
    rows = comparison.run(config.model_copy(update=update)).scores
    return {(row["baskets"], row["horizon"]): row for row in json.loads(json.dumps(rows))}


@pytest.mark.parametrize("horizons", [(0,), every_horizon])
def test_the_filter_scores_what_it_is_known_to_score(comparison, horizons):
    rows = scores(comparison, "filter", horizons)
    for baskets, known in (("french", FRENCH), ("funds", FUNDS)):
        for horizon in horizons:
            assert rows[baskets, horizon]["log_loss"] == pytest.approx(known[horizon], abs=0.005)
    assert rows["french", 0]["test_from"] == "1975-01-02"
    assert rows["french", 0]["test_to"] == "2024-12-24"
    assert rows["french", 0]["n_episodes"] == 109
    assert rows["funds", 0]["test_from"] == "2010-01-04"


def test_on_french_baskets_at_63_days_it_does_too(comparison):
    rows = scores(comparison, "filter", (63,), "french")
    assert rows["french", 63]["log_loss"] == pytest.approx(FRENCH[63], abs=0.005)


@pytest.mark.parametrize("horizons", [(0,), every_horizon])
def test_climatology_knows_the_frequencies_and_no_more(comparison, horizons):
    rows = scores(comparison, "climatology", horizons, "french")
    for horizon in horizons:
        assert 1.09 < rows["french", horizon]["log_loss"] < 1.13
    assert rows["french", 0]["edge_high"] < -0.3


@pytest.mark.parametrize("horizons", [(0,), every_horizon])
def test_a_filter_from_1963_cannot_be_told_from_the_filter(comparison, horizons):
    rows = scores(comparison, "filter_since_1963_ablation", horizons, "french")
    for horizon in horizons:
        assert rows["french", horizon]["edge"] == pytest.approx(SINCE_1963[horizon], abs=0.002)
        row = rows["french", horizon]
        assert row["edge_low"] < 0 < row["edge_high"]
        assert row["dm_p"] > 0.3
    assert rows["french", 0]["edge_low"] == pytest.approx(-0.011, abs=0.003)
    assert rows["french", 0]["edge_high"] == pytest.approx(0.020, abs=0.003)
