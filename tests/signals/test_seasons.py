"""Seasons worked by hand, on the sessions of the New York Stock Exchange."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from regime.data.calendar import trading_days
from regime.signals import seasons
from regime.signals.declared.calendar import EVENTS, SIGNALS
from regime.signals.seasons import (
    by_cycle_year,
    by_place,
    days_to_midterm,
    lead_of_cycle_year,
    midterm,
    past_mean,
    places_around_turn,
    turns,
    year_of_cycle,
    years,
)

BY_NAME = {one.name: one for one in SIGNALS}


def days(first, last):
    return trading_days(pd.Timestamp(first), pd.Timestamp(last))


# The turn of the year: in 2023 and 2024 Christmas and New Year's Day were no sessions.
PLACES = {
    "2023-12-21": np.nan, "2023-12-22": -5, "2023-12-26": -4, "2023-12-27": -3, "2023-12-28": -2,
    "2023-12-29": -1, "2024-01-02": 1, "2024-01-03": 2, "2024-01-04": 3, "2024-01-05": 4,
    "2024-01-08": 5, "2024-01-09": 6, "2024-01-10": 7, "2024-01-11": 8, "2024-01-12": 9,
    "2024-01-16": 10, "2024-01-17": np.nan,
}  # fmt: skip


def test_places_count_sessions_from_the_turn():
    sessions = pd.DatetimeIndex([*PLACES])
    assert_allclose(places_around_turn(sessions), [*PLACES.values()])
    assert places_around_turn(sessions[:0]).empty
    assert places_around_turn(days("2024-02-01", "2024-11-29")).isna().all()


def test_a_place_does_not_depend_on_where_the_days_end():
    sessions = pd.DatetimeIndex([*PLACES])
    for end in range(1, len(sessions)):
        assert_allclose(places_around_turn(sessions[:end]), [*PLACES.values()][:end])


@pytest.fixture
def lead():
    """0.01 a day about the turn to 2022, 0.03 about that to 2023, none on other days."""
    sessions = days("2021-11-01", "2023-06-30")
    place = places_around_turn(sessions)
    value = np.where(sessions < pd.Timestamp("2022-06-01"), 0.01, 0.03)
    return pd.Series(np.where(place.notna(), value, 0.0), sessions)


def test_a_turn_is_the_sum_of_its_fifteen_sessions_once_all_are_over(lead):
    found = turns(lead)
    assert list(found.index) == [2022, 2023]
    assert found["lead"].tolist() == pytest.approx([0.15, 0.45])
    # 3 to 14 January 2022 and, with a Monday off, 3 to 17 January 2023: ten sessions each.
    assert found["over"].tolist() == [pd.Timestamp("2022-01-14"), pd.Timestamp("2023-01-17")]
    assert list(turns(lead[:"2023-01-13"]).index) == [2022]
    holed = lead.copy()
    holed["2022-01-05"] = np.nan
    assert list(turns(holed).index) == [2023]


def test_the_mean_of_turns_counts_only_those_that_are_over(lead):
    told = past_mean(turns(lead), pd.DatetimeIndex(lead.index))
    assert told["count"][["2022-01-13", "2022-01-14", "2023-01-13", "2023-01-17"]].tolist() == [
        0, 1, 1, 2,
    ]  # fmt: skip
    assert np.isnan(told["lead"]["2022-01-13"])
    assert told["lead"]["2023-01-13"] == pytest.approx(0.15)
    assert told["lead"]["2023-01-17"] == pytest.approx(0.30)  # (0.15 + 0.45) / 2


def test_events_need_not_come_in_order():
    over = pd.to_datetime(["2024-05-02", "2024-01-02"])
    events = pd.DataFrame({"lead": [4.0, 2.0], "over": over})
    told = past_mean(events, pd.to_datetime(["2024-01-01", "2024-01-02", "2024-05-02"]))
    assert_allclose(told["lead"], [np.nan, 2, 3])


def test_the_average_by_place_says_of_how_many_years(lead):
    told = by_place(lead).set_index("place")
    assert list(told.index) == [*range(-5, 0), *range(1, 11)]
    assert (told["years"] == 2).all()
    assert_allclose(told["lead"], 0.02)


def test_the_signals_of_the_turn_are_those_numbers(lead):
    # Leads of small companies: the fund rises by them while the market stands still.
    panel = pd.DataFrame({"IWM": (1 + lead).cumprod(), "SPY": 1.0}, lead.index)
    average, last, count = (
        BY_NAME[f"turn_of_year_{one}"].of(panel) for one in ("average", "last", "count")
    )
    assert average["2023-06-30"] == pytest.approx(0.30)
    assert last["2022-12-30"] == pytest.approx(0.15)
    assert last["2023-01-17"] == pytest.approx(0.45)
    assert np.isnan(last["2022-01-13"])
    assert count.iloc[[0, -1]].tolist() == [0, 2]


def test_french_portfolios_stand_in_where_the_funds_are_not_known():
    panel = pd.DataFrame({"IWM": [np.nan, 1, 1.1], "SPY": [1, 1, 1.05], "qnt_2": 0.02,
                          "hi_10": 0.005}, days("2024-01-02", "2024-01-04"))  # fmt: skip
    assert_allclose(seasons.lead_of_small(panel), [0.015, 0.015, 0.05])


# The president's four years -----------------------------------------------------------


@pytest.mark.parametrize(
    "day", ["2018-11-06", "2022-11-08", "2026-11-03", "2014-11-04", "2010-11-02"]
)
def test_a_midterm_is_on_the_tuesday_after_the_first_monday_of_november(day):
    assert midterm(int(day[:4])) == pd.Timestamp(day)
    assert pd.Timestamp(day).day_name() == "Tuesday"


def test_days_to_the_midterm_fall_to_zero_and_begin_again():
    # From 8 November 2022 to 3 November 2026 there are 4 * 365 + 1 - 5 = 1,456 days.
    told = days_to_midterm(days("2018-11-05", "2022-11-09"))
    assert told[["2018-11-05", "2018-11-06", "2022-11-08"]].tolist() == [1, 0, 0]
    assert told["2018-11-07"] == 1462  # to 8 November 2022: 4 * 365 + 1 + 1
    assert told["2022-11-09"] == 1455
    assert days_to_midterm(pd.DatetimeIndex([])).empty


def test_the_year_after_an_election_is_the_first_of_the_cycle():
    dates = pd.to_datetime(["2020-11-03", "2021-01-20", "2022-11-08", "2023-01-03", "2024-11-05"])
    assert_array_equal(year_of_cycle(dates), [4, 1, 2, 3, 4])


def test_a_year_counts_once_its_last_session_is_known_and_few_are_missing():
    sessions = days("2018-01-02", "2020-06-30")
    lead = pd.Series(0.001, sessions)
    found = years(lead)
    assert list(found.index) == [2018, 2019]
    assert found["cycle"].tolist() == [2, 3]
    assert_allclose(found["lead"], [0.251, 0.252])  # sessions: 251 and 252
    assert found["over"].tolist() == [pd.Timestamp("2018-12-31"), pd.Timestamp("2019-12-31")]
    assert list(years(lead[:"2019-12-30"]).index) == [2018]
    # One in twenty of 251 is 12.55: 12 may be missing and 13 may not.
    for gone, kept in ((12, [2018, 2019]), (13, [2019])):
        holed = lead.copy()
        holed.iloc[10 : 10 + gone] = np.nan
        assert list(years(holed).index) == kept
    assert years(lead[:0]).empty


def test_the_average_by_year_of_the_cycle_is_of_whole_years():
    sessions = days("2018-01-02", "2023-06-30")
    lead = pd.Series(0.0, sessions)
    lead["2018-06-01"], lead["2022-06-01"], lead["2023-06-01"] = 0.10, 0.30, 9.0
    told = by_cycle_year(lead)
    assert told["year"].tolist() == [1, 2, 3, 4]
    assert told["years"].tolist() == [1, 2, 1, 1]  # 2021; 2018 and 2022; 2019; 2020
    assert_allclose(told["lead"], [0, 0.20, 0, 0], atol=1e-15)


def test_a_year_is_set_beside_those_of_its_place_in_the_cycle_only():
    sessions = days("2010-01-04", "2018-12-31")
    lead = pd.Series(0.0, sessions)
    lead["2010-06-01"], lead["2014-06-02"], lead["2015-06-01"] = 0.10, 0.30, -0.50
    told = lead_of_cycle_year(lead)
    assert told["count"][["2010-12-30", "2014-01-02", "2018-01-02"]].tolist() == [0, 1, 2]
    assert np.isnan(told["lead"]["2010-12-30"])
    assert told["lead"][["2014-01-02", "2018-12-28"]].tolist() == pytest.approx([0.10, 0.20])
    assert told["lead"]["2014-12-31"] == pytest.approx(0.20)  # over at that close


def test_sessions_are_counted_from_the_newest_event():
    events = [np.nan, 0, 1, 0, 0, 1, 1, 0]
    panel = pd.DataFrame({EVENTS: events}, days("2024-01-02", "2024-01-11"))
    told = BY_NAME["sessions_since_event"].of(panel)
    assert_allclose(told, [np.nan, np.nan, 0, 1, 2, 0, 0, 1])
