"""What an experiment's probabilities earned beside the equal mix, day by day."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from regime.config import EvaluationConfig, ExperimentConfig, LabelConfig, TrainingConfig
from regime.data.baskets import spliced_returns
from regime.evaluation.rotation import on_same_days, rotate
from regime.experiment import Comparison
from regime.taxonomy import REGIMES


def configured(*, baskets=("french", "funds"), horizons=(0, 21)) -> ExperimentConfig:
    return ExperimentConfig(
        name="filter",
        baskets=baskets,
        labels=LabelConfig(horizons=horizons),
        training=TrainingConfig(every=5),
        evaluation=EvaluationConfig(
            first_test=dict.fromkeys(baskets, date(2004, 1, 2)), refit_every=504
        ),
        model={"kind": "filter"},
    )


@pytest.fixture(scope="module")
def result(market):
    return Comparison(market).run(configured())


@pytest.mark.parametrize("baskets", ["french", "funds"])
def test_a_spread_is_what_the_weights_earned_less_the_equal_mix_at_ten_points(
    result, market, baskets
):
    said = result.predictions.query("horizon == 21 and baskets == @baskets").set_index("date")
    returns = spliced_returns(market, baskets)[said.index[0] :]
    weights = said[list(REGIMES)]
    mix = weights * 0 + 1 / 3
    expected = rotate(weights, returns, 10)["net"] - rotate(mix, returns, 10)["net"]
    found = result.spreads[result.spreads["baskets"] == baskets].set_index("date")["spread"]
    pd.testing.assert_series_equal(found, expected, check_names=False, check_freq=False)
    assert len(found) == len(said) - 2 > 1000
    assert found.std() > 0


def test_without_the_horizon_that_is_held_there_are_no_spreads(market):
    config = configured(baskets=("french",), horizons=(0,))
    spreads = Comparison(market).run(config).spreads
    assert spreads.empty
    assert list(spreads.columns) == ["baskets", "date", "spread"]


def test_a_spread_is_blind_to_the_future(result, market):
    part = Comparison(market[:"2006-05-31"]).run(configured()).spreads
    known = result.spreads[result.spreads["date"] <= "2006-05-31"].reset_index(drop=True)
    assert len(part) > 1000
    assert_frame_equal(part, known)


def test_a_day_on_which_a_basket_has_no_return_is_left_out(market):
    gone = pd.Timestamp("2005-03-15")
    panel = market.copy()
    panel.loc[gone, "hi_10"] = np.nan
    spreads = Comparison(panel).run(configured(baskets=("french",), horizons=(21,))).spreads
    days = market["2004-01-02":].index[2:]
    assert list(spreads["date"]) == list(days.drop(gone))
    assert spreads["spread"].notna().all()


def test_only_days_with_a_probability_and_every_return_are_held():
    days = pd.bdate_range("2001-01-02", periods=6)
    proba = pd.DataFrame(1 / 3, days[:5], list(REGIMES))
    returns = pd.DataFrame(0.01, days[1:], list(REGIMES))
    returns.iloc[1, 2] = np.nan
    held, earned = on_same_days(proba, returns)
    assert list(held.index) == list(earned.index) == [days[1], days[3], days[4]]
    assert earned.notna().all(axis=None)
