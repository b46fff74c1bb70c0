"""Concentration and valuation, worked by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from observed import frame

from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.observations import from_values
from regime.data.panel import point_in_time
from regime.signals.declared.valuation import SIGNALS

BY_NAME = {signal.name: signal for signal in SIGNALS}
DAYS = trading_days(pd.Timestamp("2000-01-03"), pd.Timestamp("2024-12-31"))


def of(name, values):
    """A signal on days whose one series is given."""
    signal = BY_NAME[name]
    return signal.of(pd.DataFrame({signal.needs[0]: values}, index=DAYS[: len(values)]))


@pytest.mark.parametrize(
    "name",
    ["spy_top7_weight", "spy_top10_weight", "spy_effective_number", "mcapshare_hi_10",
     "small_cheapness", "second_small_cheapness", "spread_within_small", "spread_within_large",
     "cape", "excess_yield"],
)  # fmt: skip
def test_a_level_is_what_was_known_that_day_and_nothing_older(name):
    assert_allclose(of(name, [0.31, np.nan, 0.33]), [0.31, np.nan, 0.33])


def test_the_percentile_counts_the_days_known_so_far_that_were_not_dearer():
    # 1,259 days are no percentile. Day 1,260 is the highest of 1,260: 1. The next, at 629.5, has
    # 630 days (0 to 629) below it and itself: 631 of 1,261.
    percentile = of("small_cheapness_percentile", [*np.arange(1260.0), 629.5])
    assert percentile.iloc[:1259].isna().all()
    assert_allclose(percentile.iloc[-2:], [1.0, 631 / 1261])


def test_twenty_years_forget_what_came_before_and_all_history_does_not():
    # Day 0 is the dearest ever. On day 5,040 the window of twenty years begins with day 1.
    values = np.r_[9.0, np.full(5039, 1.0), 2.0]
    assert of("small_cheapness_percentile", values).iloc[-1] == 1.0
    assert_allclose(of("cape_percentile", values).iloc[-1], 5040 / 5041)


def test_a_percentile_of_a_day_without_a_value_is_none():
    values = np.r_[np.arange(1300.0), np.nan, 5.0]
    percentile = of("excess_yield_percentile", values)
    assert np.isnan(percentile.iloc[1300])
    # 0 to 5 and itself: 7 of 1,301.
    assert_allclose(percentile.iloc[1301], 7 / 1301)


def test_the_ratio_of_a_july_is_not_used_before_that_july_is_over():
    # Portfolios are formed at the end of June. July and 60 days are over with 29 September, a
    # Sunday; until then the ratio of June counts, whose portfolios are of the year before.
    one = catalog.get("log_bm_june_q1_minus_q5")
    ratios = pd.Series([0.40, 0.70], pd.DatetimeIndex(["2024-06-30", "2024-07-31"]))
    panel = point_in_time(from_values(one, ratios, "test"), DAYS)
    cheapness = BY_NAME["small_cheapness"].of(panel)
    assert_allclose(cheapness["2024-08-30":"2024-09-27"], 0.40)
    assert_allclose(cheapness["2024-09-30":"2024-12-06"], 0.70)


def test_an_old_file_is_no_valuation_of_today():
    # June 2023 serves for 130 days, up to 7 November: a Tuesday.
    one = catalog.get("log_bm_june_q2_minus_q5")
    ratios = pd.Series([0.55], pd.DatetimeIndex(["2023-06-30"]))
    cheapness = BY_NAME["second_small_cheapness"].of(
        point_in_time(from_values(one, ratios, "test"), DAYS)
    )
    assert cheapness["2023-11-07"] == 0.55
    assert cheapness["2023-11-08":].isna().all()


def test_a_weight_of_two_weeks_ago_is_not_shown():
    rows = [("spy_top7_weight", "2024-08-01", "2024-08-02 12:00", 0.30)]
    weight = BY_NAME["spy_top7_weight"].of(point_in_time(frame(rows), DAYS))
    assert weight["2024-08-09"] == 0.30
    assert weight["2024-08-12":].isna().all()


def test_earnings_count_four_months_after_their_month():
    # April 2024 and 120 days are over with 28 August, after its close: known on the 29th.
    cape = catalog.get("cape")
    known = point_in_time(
        from_values(cape, pd.Series([33.5], pd.DatetimeIndex(["2024-04-30"])), "test"), DAYS
    )
    shown = BY_NAME["cape"].of(known)
    assert shown.first_valid_index() == pd.Timestamp("2024-08-29")


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_a_missing_series_is_no_number_throughout(signal):
    assert signal.of(pd.DataFrame({"SPY": 1.0}, index=DAYS[:1300])).isna().all()


def test_each_trap_is_told():
    told = {name: signal.declaration()["trap"] for name, signal in BY_NAME.items()}
    assert "no free history of weights" in told["spy_top7_weight"]
    assert "stands in for the notes' price over earnings" in told["small_cheapness"]
    assert "each July" in told["second_small_cheapness_percentile"]
    assert "two months later" in told["spread_within_large"]
    assert "known months after" in told["excess_yield_percentile"]


def test_no_level_that_drifts_over_decades_is_a_feature():
    assert not any(signal.feature for signal in SIGNALS)
