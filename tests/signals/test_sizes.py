"""Sizes worked by hand: equal weight, the other 450, the ladder, bursts, falls, runs, mid caps."""

import numpy as np
import pandas as pd
import pytest
from drawn import drawn
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from observed import frame
from watched import of_columns
from worked import known_and_old, told_in_spite, unnamed

from regime.data.calendar import trading_days
from regime.data.catalog import DECILES
from regime.data.panel import point_in_time
from regime.signals.declared.sizes import (
    LADDER,
    REST,
    SIGNALS,
    TOP_50_WEIGHT,
    rest_returns,
    top_50_weight,
)

BY_NAME = {one.name: one for one in SIGNALS}
DAYS = trading_days(pd.Timestamp("2023-01-03"), pd.Timestamp("2024-07-17"))
NAN = np.nan
# Deciles 7 to 9 stand in for one another; they come in one file.
TOGETHER = [("dec_7", "dec_8", "dec_9")]


def of(name, **columns):
    """A signal on days that begin in 2023, of columns given day by day."""
    return of_columns(BY_NAME[name], DAYS, columns)


def grown(rate, days=23):
    """An index that grows by so much a day."""
    return 100 * (1 + rate) ** np.arange(days)


def stepped(day_of_step, step, length):
    """An index of 100 that makes one step."""
    return np.where(np.arange(length) < day_of_step, 100.0, 100.0 * (1 + step))


@pytest.fixture(scope="module")
def panels():
    return known_and_old(SIGNALS, DAYS[-260:])


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda one: one.name)
def test_what_is_absent_or_old_is_no_number_of_today(signal, panels):
    known, old = panels
    assert not np.isnan(signal.of(known).iloc[-1])
    assert not told_in_spite(signal, known, old, TOGETHER)


def test_what_is_absent_is_named_with_where_to_get_it():
    assert not unnamed(SIGNALS)


# Row 1: equal weight against cap weight.


def test_equal_weight_is_told_less_cap_weight():
    # From 100 to 103 in five sessions, by way of 110 and 99: 3%, less 1% of 200 to 202.
    told = of("equal_over_cap_5d", RSP=[100.0, 110, 99, 99, 101, 103, 99],
              SPY=[200.0, 190, 210, 200, 200, 202, 171])  # fmt: skip
    # The day after: 99 / 110 - 1 = -10%, less 171 / 190 - 1 = -10%.
    assert_allclose(told, [NAN] * 5 + [0.02, 0.0], atol=1e-12)


def test_equal_weight_is_told_over_every_window_and_the_year_so_far():
    for days in (5, 21, 63, 252):
        told = of(
            f"equal_over_cap_{days}d", RSP=stepped(1, 0.10, days + 1), SPY=[50.0] * (days + 1)
        )
        assert_allclose(told, [NAN] * days + [0.10])
    # 2024 begins with 99 of 29 December 2023: 103.95 / 99 - 1 = 5%, less 4%.
    year = trading_days(pd.Timestamp("2023-12-28"), pd.Timestamp("2024-01-03"))
    panel = pd.DataFrame({"RSP": [90, 99, 100, 103.95], "SPY": [50, 50, 51, 52]}, year)
    assert_allclose(BY_NAME["equal_over_cap_ytd"].of(panel), [NAN, NAN, 100 / 99 - 1.02, 0.01])


def test_french_deciles_tell_it_without_any_fund():
    # 1%, 2% and 3% a day are 2% a day in equal parts; the market earns 0.8% and the bill 0.2%.
    panel = {"dec_7": 0.01, "dec_8": 0.02, "dec_9": 0.03, "mkt_rf": 0.008, "rf": [0.002] * 23}
    told = of("deciles_over_market_21d", **panel)
    assert_allclose(told, [NAN] * 22 + [1.02**21 - 1.01**21])
    trap = BY_NAME["deciles_over_market_21d"].declaration()["trap"]
    assert "2003" in trap
    assert "two months late" in trap


# Row 2: the top 50 and the rest.


def test_the_rest_earns_what_the_top_50_do_not_with_the_weight_of_the_day_before():
    # Weight 0.5, of the day before: (1% - 0.5 x -0.6%) / 0.5 = 2.6%. The day after, 0.6: SPY is
    # unchanged and XLG gains 2%: (0 - 0.6 x 2%) / 0.4 = -3%.
    panel = pd.DataFrame({"SPY": [100, 101, 101], "XLG": [100, 99.4, 99.4 * 1.02],
                          "spy_top50_weight": [0.5, 0.6, 0.9]}, DAYS[:3])  # fmt: skip
    assert_allclose(rest_returns(panel), [NAN, 0.026, -0.03])
    assert_allclose(BY_NAME["top50_weight_used"].of(panel), [TOP_50_WEIGHT, 0.5, 0.6])


def test_a_month_of_the_notes_is_the_same_both_ways():
    # November 2025: top 50 -0.6%, the rest +1.3%; of a weight of 0.55 the index makes +0.255%.
    # With one step on row 3 no other day matters.
    whole = 0.55 * -0.006 + 0.45 * 0.013
    columns = {"SPY": stepped(3, whole, 23), "XLG": stepped(3, -0.006, 23)}
    assert_allclose(of("rest_of_index_21d", **columns)[-1], 0.013)
    assert_allclose(of("rest_over_top50_21d", **columns)[-1], 0.019)
    assert_allclose(of("top50_21d", **columns)[-1], -0.006)


def test_without_holdings_a_stated_constant_stands_in():
    columns = {"SPY": [100.0, 101], "XLG": [100.0, 99.4]}
    assert_allclose(of("top50_weight_used", **columns), 0.55)
    # (1% + 0.55 x 0.6%) / 0.45.
    with_nothing = pd.DataFrame({**columns, "spy_top50_weight": NAN}, DAYS[:2])
    assert_allclose(rest_returns(with_nothing)[-1:], 0.0133 / 0.45)
    for name in ("rest_over_top50_21d", "rest_of_index_21d", "top50_weight_used"):
        trap = BY_NAME[name].declaration()["trap"]
        assert f"stated constant of {TOP_50_WEIGHT:.0%}" in trap
        assert "holdings file" in trap


def test_a_weight_counts_for_the_day_after_and_no_longer():
    panel = pd.DataFrame({"spy_top50_weight": [0.4, NAN, NAN]}, DAYS[:3])
    assert_allclose(top_50_weight(panel), [0.55, 0.4, 0.55])


def test_a_weight_of_everything_leaves_no_rest_and_is_not_used():
    panel = pd.DataFrame({"spy_top50_weight": [1.0, 1.2, 0.5, 0.5]}, DAYS[:4])
    assert_allclose(top_50_weight(panel), [0.55, 0.55, 0.55, 0.5])


def test_an_old_holdings_file_gives_way_to_the_constant():
    # The file of 3 June, known at the close of the 4th, is in the panel until 13 June, ten days on,
    # and counts for the day after.
    rows = [("spy_top50_weight", "2024-06-03", "2024-06-04 12:00", 0.5)]
    rows += [(name, day, f"{day:%Y-%m-%d} 17:00", 100.0) for name in ("SPY", "XLG") for day in DAYS]
    used = BY_NAME["top50_weight_used"].of(point_in_time(frame(rows), DAYS))
    assert used["2024-06-04"] == TOP_50_WEIGHT
    assert (used["2024-06-05":"2024-06-14"] == 0.5).all()
    assert (used["2024-06-17":] == TOP_50_WEIGHT).all()


@drawn(
    st.lists(st.tuples(*[st.floats(-0.1, 0.1)] * 2), min_size=2, max_size=12), st.floats(0.3, 0.7),
    few=5, full=50,
)  # fmt: skip
def test_top_50_and_rest_add_up_to_the_index(steps, weight):
    levels = np.cumprod(1 + np.array(steps), axis=0)
    panel = pd.DataFrame(levels, DAYS[: len(levels)], ["SPY", "XLG"])
    panel["spy_top50_weight"] = weight
    whole, top = (panel[name].pct_change() for name in ("SPY", "XLG"))
    used = top_50_weight(panel)
    again = used * top + (1 - used) * rest_returns(panel)
    assert_allclose(again[1:], whole[1:], atol=1e-12)


def test_the_year_so_far_of_the_rest_leaves_the_top_out():
    year = trading_days(pd.Timestamp("2023-12-27"), pd.Timestamp("2024-01-03"))
    # Nothing moves but on 3 January: 1% of the index, none of the top: 1% / 0.45.
    panel = pd.DataFrame({"SPY": [100] * 4 + [101], "XLG": 100.0}, year)
    told = BY_NAME["rest_over_top50_ytd"].of(panel)
    assert_allclose(told[-2:], [0, 0.01 / 0.45], atol=1e-12)
    assert "lagged a day" in REST.trap


# Row 3: the ladder.

# Second quarter of 2025 as the notes had it where they did, else a number between neighbours.
NOTED = dict(zip(LADDER, (0.22, 0.12, 0.10, 0.11, 0.115, 0.14, 0.13, 0.15), strict=True))


def ladder(returns, days=63):
    return {name: stepped(1, value, days + 1) for name, value in returns.items()}


def test_each_rung_is_told_by_its_return():
    columns = ladder(NOTED)
    for name, value in NOTED.items():
        assert_allclose(of(f"{name}_63d", **columns), [NAN] * 63 + [value])
        assert f"{name}_21d" in BY_NAME
        assert f"{name}_ytd" in BY_NAME
    assert_allclose(of("QQQ_63d", QQQ=stepped(1, 0.18, 64))[-1], 0.18)


def test_a_rung_that_always_earns_a_point_less_makes_a_slope_of_minus_one_point():
    falling = {name: 0.08 - 0.01 * place for place, name in enumerate(LADDER)}
    for days in (21, 63, 252):
        assert_allclose(of(f"ladder_slope_{days}d", **ladder(falling, days))[-1], -0.01)


def test_the_slope_is_that_of_least_squares():
    expected = np.polyfit(np.arange(8), [*NOTED.values()], 1)[0]
    # Places less 3.5 times returns: -3.5 x 22 - 2.5 x 12 - 1.5 x 10 - 0.5 x 11 + 0.5 x 11.5
    # + 1.5 x 14 + 2.5 x 13 + 3.5 x 15 = -15.75, over 42: -0.375 points a rung.
    assert_allclose(expected, -0.00375)
    assert_allclose(of("ladder_slope_63d", **ladder(NOTED))[-1], expected)


def test_a_ladder_with_a_rung_missing_has_no_slope_and_no_place():
    columns = ladder(NOTED)
    columns["IWR"] = np.r_[columns["IWR"][:-1], NAN]
    assert np.isnan(of("ladder_slope_63d", **columns)[-1])
    assert np.isnan(of("ladder_place_small_63d", **columns)[-1])


def test_the_place_of_small_companies_counts_the_rungs_ahead():
    # 12%: behind micro 22, S&P 100 15, Russell 1000 14 and S&P 13.
    assert_allclose(of("ladder_place_small_63d", **ladder(NOTED))[-1], 5)
    assert_allclose(of("ladder_place_small_63d", **ladder(NOTED | {"IWM": 0.3}))[-1], 1)
    # Level with the best it shares the first place.
    assert_allclose(of("ladder_place_small_63d", **ladder(NOTED | {"IWM": 0.22}))[-1], 1)


def test_the_slope_along_the_deciles_is_of_compound_returns():
    # Decile n earns n thousandths on one day of the 21: a tenth of a point a decile.
    columns = {name: np.where(np.arange(22) == 5, 0.001 * (place + 1), 0.0)
               for place, name in enumerate(DECILES)}  # fmt: skip
    assert_allclose(of("decile_slope_21d", **columns)[-1], 0.001)


# Rows 4 and 5: a burst, and falls of the Nasdaq 100.


def test_a_burst_is_five_sessions_of_small_companies_alone_and_against_large():
    # 9 to 16 July 2024: 100 to 111.5, while the S&P made 1.6 and the Nasdaq lost 0.5.
    columns = {"IWM": [100.0, 103.6, 104.8, 106.7, 108, 111.5], "SPY": [100.0] * 5 + [101.6],
               "QQQ": [100.0] * 5 + [99.5]}  # fmt: skip
    assert_allclose(of("small_5d", **columns), [NAN] * 5 + [0.115])
    assert_allclose(of("small_over_large_5d", **columns)[-1], 0.099)
    assert_allclose(of("small_over_nasdaq_5d", **columns)[-1], 0.12)


def test_small_over_giants_is_compounded_from_daily_returns():
    # Rows 1 to 5: 1.1 x 0.9 = 0.99 of the small; 1.01 of the giants.
    told = of(
        "small_over_giants_5d", qnt_2=[0.5, 0.10, -0.10, 0, 0, 0], hi_10=[0, 0, 0, 0, 0, 0.01]
    )
    assert_allclose(told, [NAN] * 5 + [0.99 - 1.01])


def test_falls_are_of_one_session_and_of_three():
    told = {days: of(f"nasdaq_{days}d", QQQ=[100.0, 110, 99, 104.94, 95.4])
            for days in (1, 3)}  # fmt: skip
    # 110 / 100, 99 / 110, 104.94 / 99, 95.4 / 104.94.
    assert_allclose(told[1], [NAN, 0.10, -0.10, 0.06, 95.4 / 104.94 - 1])
    # 104.94 / 100, and 95.4 / 110: the fall began from the top.
    assert_allclose(told[3], [NAN, NAN, NAN, 0.0494, 95.4 / 110 - 1])


# Row 36: runs.


def test_eight_falling_days_and_thirteen_days_ahead():
    software = 100 * 0.99 ** np.arange(9)
    assert_allclose(of("software_streak", IGV=software), [NAN, *-np.arange(1.0, 9)])
    # Both rise, small companies more, on thirteen days; on the next they rise less.
    small, large = np.r_[grown(0.02, 14), 100 * 1.02**13], np.r_[grown(0.01, 14), 120.0]
    told = of("small_streak", IWM=small, SPY=large)
    assert_allclose(told, [NAN, *np.arange(1.0, 14), -1])
    assert_allclose(of("equal_streak", RSP=small, SPY=large), told)


@pytest.mark.parametrize(
    ("name", "fund"),
    [("tech_streak", "XLK"), ("nasdaq_streak", "QQQ"), ("small_rising_streak", "IWM")],
)
def test_a_day_without_a_move_or_a_close_ends_a_run(name, fund):
    told = of(name, **{fund: [100.0, 101, 102, 102, 103, NAN, 104, 105]})
    # The day after the gap it is measured from the close before the gap.
    assert_allclose(told, [NAN, 1, 2, 0, 1, NAN, 1, 2])


def test_a_run_says_that_a_coin_has_runs_too():
    assert "fair coin" in BY_NAME["small_streak"].declaration()["trap"]


# Row 42: the middle.


def test_mid_cap_growth_is_told_against_the_market_and_against_value():
    columns = ladder({"IWP": 0.09, "IWS": 0.05, "SPY": 0.06, "IJH": 0.02})
    assert_allclose(of("mid_growth_63d", **columns)[-1], 0.03)
    assert_allclose(of("mid_growth_over_value_63d", **columns)[-1], 0.04)
    assert_allclose(of("mid_63d", **columns)[-1], -0.04)
