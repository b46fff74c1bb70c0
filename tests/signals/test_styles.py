"""Styles worked by hand: momentum, quality or junk, value against growth."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from watched import of_columns
from worked import known_and_old, told_in_spite, unnamed

from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.observations import from_values
from regime.data.panel import point_in_time
from regime.signals.declared.styles import SIGNALS

BY_NAME = {one.name: one for one in SIGNALS}
DAYS = trading_days(pd.Timestamp("2023-01-03"), pd.Timestamp("2024-07-17"))
NAN = np.nan


def of(name, **columns):
    """A signal on days that begin in 2023, of columns given day by day."""
    return of_columns(BY_NAME[name], DAYS, columns)


def stepped(step, length, on=1):
    """An index of 100 that makes one step."""
    return np.where(np.arange(length) < on, 100.0, 100.0 * (1 + step))


@pytest.fixture(scope="module")
def panels():
    return known_and_old(SIGNALS, DAYS[-270:])


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda one: one.name)
def test_what_is_absent_or_old_is_no_number_of_today(signal, panels):
    known, old = panels
    assert not np.isnan(signal.of(known).iloc[-1])
    assert not told_in_spite(signal, known, old)


def test_what_is_absent_is_named_with_where_to_get_it():
    assert not unnamed(SIGNALS)


# Row 16: momentum.


def test_the_momentum_fund_is_told_less_the_market():
    told = of("momentum_fund_5d", MTUM=[100.0, 110, 99, 99, 99, 97], SPY=[100.0] * 5 + [101])
    assert_allclose(told, [NAN] * 5 + [-0.04])


def test_a_factor_is_compounded_from_its_daily_returns():
    # Rows 1 to 5: 1.1 x 0.9 x 0.95 = 0.9405; row 0 is before the window.
    told = of("momentum_5d", mom=[0.5, 0.10, -0.10, 0, 0, -0.05])
    assert_allclose(told, [NAN] * 5 + [-0.0595])
    assert_allclose(of("value_21d", hml=[0.0, 0.10, -0.10] + [0.0] * 19)[-1], -0.01)
    assert_allclose(of("profitable_21d", rmw=[0.0] * 21 + [0.02])[-1], 0.02)


def test_a_crash_of_momentum_says_which_momentum_and_how_late():
    factor, fund = (BY_NAME[one].declaration()["trap"] for one in ("momentum_5d",
                                                                  "momentum_fund_5d"))  # fmt: skip
    assert "only holds winners" in fund
    assert "one to two months late" in factor
    assert "one to two months late" not in fund


# Row 17: quality or junk.


@pytest.mark.parametrize(
    ("name", "of_", "against"),
    [("small_quality", "IJR", "IWM"), ("quality", "QUAL", "SPY"), ("low_risk", "SPLV", "SPHB"),
     ("calm", "USMV", "SPY"), ("small_value", "IWN", "IWO"), ("large_value", "VTV", "VUG")],
)  # fmt: skip
def test_a_style_is_told_by_one_fund_less_another(name, of_, against):
    columns = {of_: stepped(0.03, 64), against: stepped(0.10, 64)}
    assert_allclose(of(f"{name}_63d", **columns), [NAN] * 63 + [-0.07])


def test_small_quality_says_that_one_index_screens_for_profit():
    trap = BY_NAME["small_quality_63d"].declaration()["trap"]
    assert "S&P 600 screens for profit and the Russell 2000 does not" in trap
    assert "other differences" in trap


def test_the_lead_of_junk_is_counted_in_days():
    # Junk jumps on row 2, so its quarter is ahead from row 63, when the first quarter is over,
    # to row 64, the last whose quarter began before the jump; from row 65 both are level.
    junk, quality = stepped(0.05, 68, on=2), np.full(68, 100.0)
    told = of("junk_lead_small", IWM=junk, IJR=quality)
    assert_allclose(told, [NAN] * 63 + [1, 2, 0, 0, 0])
    assert_allclose(of("junk_lead_large", SPHB=quality, SPLV=junk)[63:], 0)


def test_a_day_on_which_it_is_not_known_ends_the_lead_of_junk():
    junk = stepped(0.05, 70, on=6)
    junk[65] = NAN
    told = of("junk_lead_large", SPHB=junk, SPLV=np.full(70, 100.0))
    assert_allclose(told[63:], [1, 2, NAN, 1, 2, 3, 0])


def test_a_month_of_small_companies_is_the_most_less_the_least_profitable():
    # (2% + 4%) / 2 less (-6% + 0%) / 2.
    told = of("small_profitable_month", vw_me1_op1=[-0.06, NAN], vw_me2_op1=[0.0, 0.0],
              vw_me1_op5=[0.02, 0.02], vw_me2_op5=[0.04, 0.04])  # fmt: skip
    assert_allclose(told, [0.06, NAN])


def test_a_month_of_profits_comes_two_months_late_and_ages():
    # April 2023 and 60 days are over with 29 June; 130 days after April it is 7 September.
    signal = BY_NAME["small_profitable_month"]
    rows = [
        from_values(catalog.get(name), pd.Series([0.02], pd.DatetimeIndex(["2023-04-30"])), "test")
        for name in signal.needs
    ]
    told = signal.of(point_in_time(pd.concat(rows), DAYS))
    assert told.first_valid_index() == pd.Timestamp("2023-06-30")
    assert told.last_valid_index() == pd.Timestamp("2023-09-07")
    assert_allclose(told.dropna(), 0, atol=1e-12)


# Row 18: value against growth.


def test_value_has_funds_now_and_a_factor_for_the_past():
    for name in ("small_value", "large_value", "value"):
        assert {f"{name}_{days}d" for days in (21, 63, 252)} <= {*BY_NAME}
    assert BY_NAME["value_63d"].needs == ("hml",)
    assert "one to two months late" in BY_NAME["value_63d"].declaration()["trap"]


def test_yesterday_s_factor_is_no_factor_of_today():
    hml = from_values(catalog.get("hml"), pd.Series(0.001, DAYS[:-1]), "test")
    told = BY_NAME["value_21d"].of(point_in_time(hml, DAYS))
    assert not np.isnan(told.iloc[-2])
    assert np.isnan(told.iloc[-1])
