"""What the filter's probabilities were worth on the funds, 2010 to 2024: nothing."""

import pytest

from regime.config import ExperimentConfig, LabelConfig, TrainingConfig
from regime.data.baskets import spliced_returns
from regime.evaluation.deflated import probabilistic_sharpe, track_record
from regime.evaluation.rotation import COSTS_BP, NO_EDGE, daily_spread, value
from regime.experiment import Comparison
from regime.taxonomy import REGIMES

pytestmark = [pytest.mark.real_data, pytest.mark.long]


@pytest.fixture(scope="module")
def filtered(real_panel):
    """The filter's walk-forward probabilities 21 days ahead, and what the funds returned."""
    config = ExperimentConfig(
        name="filter",
        baskets=("funds",),
        labels=LabelConfig(horizons=(21,)),
        training=TrainingConfig(every=3),
        model={"kind": "filter"},
    )
    predictions = Comparison(real_panel).run(config).predictions
    proba = predictions.set_index("date")[list(REGIMES)][:"2024-12-31"]
    return proba, spliced_returns(real_panel, "funds")


@pytest.fixture(scope="module")
def rows(filtered):
    return {(row["rival"], row["cost_bp"]): row for row in value(*filtered)}


@pytest.mark.parametrize("cost", COSTS_BP)
@pytest.mark.parametrize("rival", ["equal_mix", "mega_cap_led", "broadening", "small_cap_led"])
def test_the_filter_had_no_trading_edge_at_any_cost(rows, rival, cost):
    assert rows[rival, cost]["verdict"].startswith(NO_EDGE)


def test_without_costs_it_could_not_be_told_from_the_equal_mix_nor_from_the_giants(rows):
    mix, giants = rows["equal_mix", 0], rows["mega_cap_led", 0]
    assert mix["verdict"] == giants["verdict"] == NO_EDGE
    # Percent a year, measured; the tolerance is a tenth of the interval's width.
    assert 100 * mix["spread"] == pytest.approx(-0.16, abs=0.1)
    assert (100 * mix["spread_low"], 100 * mix["spread_high"]) == pytest.approx(
        (-0.64, 0.30), abs=0.15
    )
    assert 100 * giants["spread"] == pytest.approx(-1.55, abs=0.4)
    assert (100 * giants["spread_low"], 100 * giants["spread_high"]) == pytest.approx(
        (-3.37, 0.34), abs=0.6
    )
    assert mix["information_ratio"] == pytest.approx(-0.08, abs=0.05)
    assert mix["n_days"] == 3772
    assert (mix["earned_from"], mix["earned_to"]) == ("2010-01-06", "2024-12-31")


def test_it_turned_over_ten_times_a_year_and_at_ten_points_that_was_a_loss(rows):
    mix = rows["equal_mix", 10]
    assert mix["turnover"] == pytest.approx(10.2, abs=0.5)
    assert mix["rival_turnover"] == pytest.approx(0.31, abs=0.05)
    assert mix["verdict"].startswith("no trading edge, but a loss of 1.")
    assert mix["break_even_bp"] == pytest.approx(-1.6, abs=1)
    assert rows["mega_cap_led", 10]["break_even_bp"] < 0


def test_it_fell_less_than_the_mix_and_more_than_the_giants(rows):
    mix, giants = rows["equal_mix", 10], rows["mega_cap_led", 10]
    assert mix["max_drawdown"] == pytest.approx(0.341, abs=0.005)
    assert mix["rival_max_drawdown"] == pytest.approx(0.371, abs=0.005)
    assert giants["rival_max_drawdown"] == pytest.approx(0.314, abs=0.005)
    assert (mix["growth"], mix["rival_growth"], giants["rival_growth"]) == pytest.approx(
        (0.109, 0.123, 0.141), abs=0.002
    )


def test_the_probability_that_its_ratio_over_the_mix_is_positive_is_below_one_half(filtered):
    record = track_record(daily_spread(*filtered))
    assert probabilistic_sharpe(record) == pytest.approx(0.38, abs=0.05)
    assert record.n_days < 3772
