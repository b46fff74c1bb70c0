"""Rates, curve, credit and liquidity, worked by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from observed import frame

from regime.data.calendar import trading_days
from regime.data.panel import point_in_time
from regime.signals.declared.rates import SIGNALS

BY_NAME = {signal.name: signal for signal in SIGNALS}
DAYS = trading_days(pd.Timestamp("2024-07-01"), pd.Timestamp("2024-12-31"))


def values(name, **columns):
    """A signal over days that begin in July 2024, of columns given day by day."""
    length = len(next(iter(columns.values())))
    return BY_NAME[name].of(pd.DataFrame(columns, index=DAYS[:length])).to_numpy()


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        # 4.38 - 5.33 and 4.25 - 4.33.
        ("one_year_over_funds", {"DGS1": [4.38, 4.25], "DFF": [5.33, 4.33]}, [-0.95, -0.08]),
        ("two_year_over_funds", {"DGS2": [3.91, np.nan], "DFF": [5.33, 4.33]}, [-1.42, np.nan]),
        ("one_year_over_sofr", {"DGS1": [4.38], "SOFR": [5.35]}, [-0.97]),
        ("futures_over_funds", {"fed_funds_12m": [3.33], "DFF": [5.33]}, [-2.0]),
        ("DGS10", {"DGS10": [3.83]}, [3.83]),
        ("T10Y2Y", {"T10Y2Y": [-0.25]}, [-0.25]),
        ("BAA10Y", {"BAA10Y": [1.71]}, [1.71]),
        # 7,123,238 less 413,000 million dollars.
        ("net_liquidity", {"WALCL": [7_123_238.0], "RRPONTSYD": [413_000.0]}, [6_710_238.0]),
    ],
)
def test_a_spread_is_the_first_rate_less_the_second(name, columns, expected):
    assert_allclose(values(name, **columns), expected, atol=1e-9)


def test_thirteen_weeks_of_liquidity_are_sixty_three_sessions():
    # Assets fall by 10 a session, the repo facility by 3: 63 x (-10) - 63 x (-3) = -441.
    steps = np.arange(70.0)
    change = values("net_liquidity_13w", WALCL=9000 - 10 * steps, RRPONTSYD=500 - 3 * steps)
    assert np.isnan(change[:63]).all()
    assert_allclose(change[63:], -441)
    assert_allclose(values("bank_reserves_13w", WRESBAL=2 * steps)[63:], 126)


def test_high_yield_leads_treasuries_by_the_difference_of_two_returns():
    # 103/100 - 1 less 99/100 - 1 = 0.03 + 0.01 over five sessions.
    lead = values("credit_over_treasuries_5d", HYG=[100.0] * 5 + [103], IEF=[100.0] * 5 + [99])
    assert_allclose(lead, [np.nan] * 5 + [0.04])


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_a_missing_series_is_no_number_throughout(signal):
    rest = pd.DataFrame(1.0, index=DAYS[:90], columns=[*signal.needs[:-1], "DGS7_other"])
    assert signal.of(rest).isna().all()


def test_what_no_source_has_says_what_to_supply():
    assert "own_series" in BY_NAME["futures_over_funds"].declaration()["supply"]
    assert "fed_funds_12m" in BY_NAME["futures_over_funds"].declaration()["supply"]
    assert BY_NAME["DGS10"].declaration()["supply"] == ""


def test_a_yield_that_stopped_is_no_number_after_ten_days():
    # Both of 1 August; ten days after it, on the 12th, they are eleven days old.
    rows = [
        (name, "2024-08-01", "2024-08-02 12:00", value)
        for name, value in [("DGS1", 4.5), ("DFF", 5.33)]
    ]
    spread = BY_NAME["one_year_over_funds"].of(point_in_time(frame(rows), DAYS))
    assert_allclose(spread["2024-08-02":"2024-08-09"], -0.83)
    assert spread["2024-08-12":].isna().all()


def test_liquidity_is_no_number_once_the_weekly_report_stopped():
    # The Friday of its week is 2 August; 18 days on it is the 20th, and the 21st has none.
    rows = [
        ("WALCL", "2024-08-02", "2024-08-05 12:00", 7_175_256.0),
        ("RRPONTSYD", "2024-08-16", "2024-08-16 18:00", 330_000.0),
    ]
    net = BY_NAME["net_liquidity"].of(point_in_time(frame(rows), DAYS))
    assert_allclose(net["2024-08-16":"2024-08-20"], 6_845_256)
    assert net["2024-08-21":].isna().all()


def test_models_may_read_only_what_the_catalogue_has_modelled():
    features = {signal.name for signal in SIGNALS if signal.feature}
    assert {"one_year_over_funds", "BAA10Y", "BAMLH0A0HYM2"} <= features
    # Nor levels that drift over decades.
    assert not {"one_year_over_sofr", "futures_over_funds", "DGS10", "fed_assets"} & features


def test_each_trap_is_told():
    told = {name: signal.declaration()["trap"] for name, signal in BY_NAME.items()}
    assert "term premium" in told["one_year_over_funds"]
    assert "bills" in told["two_year_over_funds"]
    assert "three years only" in told["BAMLH0A0HYM2"]
    assert "first fetch" in told["BAMLH0A0HYM2"]
    assert "Thursday" in told["net_liquidity"]
