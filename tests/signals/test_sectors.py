"""Sectors worked by hand: the league table, technology's place in it, and its streak."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from worked import known_and_old, sides, told_in_spite, unnamed

from regime.data.calendar import trading_days
from regime.signals.declared.breadth import SECTORS
from regime.signals.declared.sectors import INDUSTRIES, SIGNALS, TITLES
from regime.signals.since import since_table

BY_NAME = {one.name: one for one in SIGNALS}
DAYS = trading_days(pd.Timestamp("2025-10-31"), pd.Timestamp("2025-12-31"))
NAN = np.nan
# November 2025 as the notes had it for health care, technology and shippers.
MONTH = {"XLV": 0.091, "XLK": -0.044, "IYT": 0.11, "XLF": 0.02, "XLE": 0.015, "XLI": -0.01,
         "XLY": -0.02, "XLP": 0.03, "XLU": 0.005, "XLB": 0.04}  # fmt: skip


def month(**returns):
    """Funds of 100 that make these steps on the first of 21 days."""
    after = {name: np.r_[100.0, np.full(21, 100 * (1 + value))] for name, value in returns.items()}
    return pd.DataFrame(after, DAYS[:22])


@pytest.fixture(scope="module")
def panels():
    days = trading_days(pd.Timestamp("2023-06-01"), pd.Timestamp("2024-07-17"))
    return known_and_old(SIGNALS, days)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda one: one.name)
def test_what_is_absent_or_old_is_no_number_of_today(signal, panels):
    known, old = panels
    assert not np.isnan(signal.of(known).iloc[-1])
    assert not told_in_spite(signal, known, old, sides(signal))


def test_what_is_absent_is_named_with_where_to_get_it():
    assert not unnamed(SIGNALS)


def test_every_sector_and_industry_has_a_month_and_a_year_so_far():
    panel = month(**MONTH)
    for name, value in MONTH.items():
        told = BY_NAME[f"{name}_21d"].of(panel)
        assert_allclose(told, [NAN] * 21 + [value])
    for name in (*SECTORS, *INDUSTRIES):
        assert BY_NAME[f"{name}_21d"].title == f"{TITLES[name]} ({name}), a month"
        assert f"{name}_ytd" in BY_NAME


def test_the_league_is_told_over_any_window():
    # From the close of 10 November: 100 to 104 of energy, 104 / 95 of technology at the end.
    panel = month(XLK=-0.05, XLE=0.0)
    panel.loc[DAYS[21] :, ["XLK", "XLE"]] = 104.0
    league = since_table(panel, SIGNALS, pd.Timestamp("2025-11-10")).set_index("series")["value"]
    assert_allclose(league[["XLK", "XLE"]], [104 / 95 - 1, 0.04])
    assert np.isnan(league["XLV"])
    assert {*SECTORS, *INDUSTRIES} <= {*league.index}


def test_technology_is_told_against_the_market_and_health_care():
    panel = month(**MONTH, SPY=0.003)
    assert_allclose(BY_NAME["tech_over_market_21d"].of(panel).iloc[-1], -0.047)
    assert_allclose(BY_NAME["tech_over_health_21d"].of(panel).iloc[-1], -0.135)
    panel = panel.join(month(RSPT=0.01))
    assert_allclose(BY_NAME["equal_tech_over_tech_21d"].of(panel).iloc[-1], 0.054)


def test_cyclical_sectors_are_told_less_defensive_ones_in_equal_parts():
    # (-1 + 4 + 2 - 2 + 1.5) / 5 = 0.9 of cyclical sectors, (9.1 + 3 + 0.5) / 3 = 4.2 of others.
    # The daily mean has no return on the first row, so one more day stands before.
    panel = month(**MONTH)
    before = panel[:1].set_axis([DAYS[0] - pd.Timedelta(days=1)])
    told = BY_NAME["cyclical_over_defensive_21d"].of(pd.concat([before, before, panel])[1:])
    assert_allclose(told.iloc[-1], 0.009 - 0.042)


def test_a_sector_without_a_close_leaves_the_mean_to_the_others():
    panel = month(**MONTH)
    before = panel[:1].set_axis([DAYS[0] - pd.Timedelta(days=1)])
    panel = pd.concat([before, panel])
    panel.loc[DAYS[1] :, "XLB"] = NAN
    told = BY_NAME["cyclical_over_defensive_21d"].of(panel)
    assert_allclose(told.iloc[-1], 0.005 / 4 - 0.042)  # (-1 + 2 - 2 + 1.5) / 4


def test_the_place_of_technology_is_among_the_sectors_known():
    panel = month(**MONTH)
    place = BY_NAME["tech_place_21d"]
    assert_allclose(place.of(panel), [NAN] * 21 + [9])
    # Real estate is worse still, communication is better.
    assert_allclose(place.of(panel.join(month(XLRE=-0.08, XLC=0.01))).iloc[-1], 10)
    assert_allclose(place.of(panel.assign(XLK=month(XLK=0.091)["XLK"])).iloc[-1], 1)
    panel.loc[DAYS[21], "XLU"] = NAN
    assert np.isnan(place.of(panel).iloc[-1])


def test_technology_s_days_ahead_are_counted():
    panel = pd.DataFrame(
        {"XLK": [100.0, 101, 102.01, 102.01, 102.01], "SPY": [100.0, 100, 100, 101, 100]}, DAYS[:5]
    )
    assert_allclose(BY_NAME["tech_ahead_streak"].of(panel), [NAN, 1, 2, -1, 1])


def test_sectors_that_were_taken_out_of_others_are_a_trap():
    trap = BY_NAME["XLC_21d"].declaration()["trap"]
    assert "2018" in trap
    assert "2015" in trap
