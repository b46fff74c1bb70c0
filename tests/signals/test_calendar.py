"""The calendar's signals in a panel of what was known: turns, midterms, and notes of events."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from worked import remedies

from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.observations import from_values
from regime.data.panel import point_in_time
from regime.features.assembly import declared
from regime.signals.declared.calendar import EVENTS, SIGNALS
from regime.signals.registry import all_signals
from regime.signals.seasons import lead_of_small, places_around_turn, turn_of

BY_NAME = {one.name: one for one in SIGNALS}
DAYS = trading_days(pd.Timestamp("2021-11-01"), pd.Timestamp("2023-03-31"))
PLACE = places_around_turn(DAYS)
# A fifth of a point a day about the turn to 2022, two fifths about that to 2023, else nothing.
LEAD = pd.Series(np.where(turn_of(DAYS) == 2022, 0.002, 0.004), DAYS)
LEAD = LEAD.where(PLACE.notna(), 0.0)
TURN = ("turn_of_year_average", "turn_of_year_last", "turn_of_year_count")
CYCLE = ("cycle_year_lead", "cycle_year_count")


def known(days=DAYS, *, without=(), **series):
    """What a panel shows of these series, each observed on all days but some."""
    gone = pd.DatetimeIndex(without)
    rows = [
        from_values(catalog.get(name), values.drop(gone, errors="ignore"), "test")
        for name, values in series.items()
    ]
    return point_in_time(pd.concat(rows), days)


def funds(**more):
    return known(IWM=100 * (1 + LEAD).cumprod(), SPY=pd.Series(50.0, DAYS), **more)


def told(name, panel):
    return BY_NAME[name].of(panel)


# Row 41: the turn of the year.


def test_turns_are_averaged_once_they_are_over_and_counted():
    # Fifteen sessions of 0.2 are 3%; of 0.4, 6%. The turn to 2023 is over with 17 January.
    average, last, count = (told(name, funds()) for name in TURN)
    assert DAYS[(PLACE == 10).to_numpy()].tolist() == [pd.Timestamp("2022-01-14"),
                                                       pd.Timestamp("2023-01-17")]  # fmt: skip
    assert np.isnan(average["2022-01-13"])
    assert count["2022-01-13"] == 0
    assert_allclose(average["2022-01-14":"2023-01-13"], 0.03)
    assert_allclose(last["2022-01-14":"2023-01-13"], 0.03)
    assert_allclose(average["2023-01-17":], 0.045)
    assert_allclose(last["2023-01-17":], 0.06)
    assert count["2023-01-13"] == 1
    assert count["2023-01-17"] == 2


def test_a_turn_with_a_session_that_is_not_known_is_not_counted():
    stopped = funds()
    stopped.loc["2023-01-05", "IWM"] = np.nan
    assert told("turn_of_year_count", stopped).iloc[-1] == 1
    assert_allclose(told("turn_of_year_average", stopped).iloc[-1], 0.03)
    assert_allclose(told("turn_of_year_last", stopped).iloc[-1], 0.03)


def test_french_portfolios_stand_in_for_a_day_that_the_funds_do_not_have():
    # On 5 January the small earn 1% and the giants 0.6%: the same 0.4 points.
    day = pd.Timestamp("2023-01-05")
    panel = funds(qnt_2=pd.Series(0.010, DAYS), hi_10=pd.Series(0.006, DAYS))
    panel.loc[day, "IWM"] = np.nan
    assert told("turn_of_year_count", panel).iloc[-1] == 2
    # So they do on the 6th, on which the fund's return is that of two days.
    assert_allclose(told("turn_of_year_last", panel).iloc[-1], 0.06)


def test_after_a_gap_the_lead_is_of_both_funds_over_the_same_days():
    # 102 / 100 and 51 / 50.5 would be of two days and of one; both are of two, and 51 / 50 is 2%.
    panel = pd.DataFrame({"IWM": [100, np.nan, 102], "SPY": [50, 50.5, 51], "qnt_2": np.nan,
                          "hi_10": np.nan}, DAYS[:3])  # fmt: skip
    assert_allclose(lead_of_small(panel), [np.nan, np.nan, 0], atol=1e-12)
    # Where the portfolios told of the day between, they tell of the day after, too.
    panel = panel.assign(qnt_2=0.01, hi_10=0.004)
    assert_allclose(lead_of_small(panel), [0.006] * 3)


def test_turns_that_were_over_are_not_forgotten_when_a_fund_stops():
    # A mean of what was over is as true today as then; the fund's last day is 17 March.
    panel = known(IWM=(100 * (1 + LEAD).cumprod())[:"2023-03-17"], SPY=pd.Series(50.0, DAYS))
    assert panel["IWM"]["2023-03-20":].isna().all()
    assert_allclose(told("turn_of_year_average", panel).iloc[-1], 0.045)
    assert told("turn_of_year_count", panel).iloc[-1] == 2


@pytest.mark.parametrize("name", [*TURN, *CYCLE])
@pytest.mark.parametrize("gone", ["IWM", "SPY"])
def test_without_a_fund_no_season_is_told_and_it_is_named(name, gone):
    assert told(name, funds().drop(columns=gone)).isna().all()
    said = remedies([BY_NAME[name]])[name]
    assert gone in said
    assert "regime fetch" in said


def test_seasons_say_how_few_they_are_and_have_no_percentile():
    for name in (*TURN, *CYCLE, "days_to_midterm"):
        assert not BY_NAME[name].ranked
    assert "a few dozen years" in BY_NAME["turn_of_year_average"].declaration()["trap"]
    assert "Few cycles: see the count" in BY_NAME["cycle_year_lead"].declaration()["trap"]
    assert {name.split("_")[-1] for name in (*TURN, *CYCLE)} >= {"count"}


# Row 26: the election cycle.


def test_the_midterm_is_counted_down_to_without_any_series():
    # From 17 July 2024 two years and 14 + 31 + 30 + 31 + 3 days to 3 November 2026.
    panel = pd.DataFrame(index=pd.DatetimeIndex(["2024-07-17"]))
    assert told("days_to_midterm", panel).item() == 730 + 109
    assert BY_NAME["days_to_midterm"].needs == ()


def test_a_midterm_year_is_set_beside_the_midterm_years_that_were_over():
    days = trading_days(pd.Timestamp("2018-01-02"), pd.Timestamp("2022-12-30"))
    steps = pd.Series(0.0, days)
    steps["2018-06-01"], steps["2019-06-03"], steps["2022-02-01"] = 0.10, -0.20, 0.50
    panel = pd.DataFrame({"IWM": 100 * (1 + steps).cumprod(), "SPY": 50.0}, days)
    lead, count = (told(name, panel) for name in CYCLE)
    # In 2018 no midterm year was over, nor in 2021 the first year of a cycle.
    for first, last in (("2018-01-02", "2018-12-28"), ("2021-01-04", "2021-12-30")):
        assert (count[first:last] == 0).all()
        assert lead[first:last].isna().all()
    assert_allclose(lead["2022-01-03":"2022-12-29"], 0.10)
    assert (count["2022-01-03":"2022-12-29"] == 1).all()
    # At the last close of 2022 that year is over: the mean of 10 and 50.
    assert_allclose([lead.iloc[-1], count.iloc[-1]], [0.30, 2])


# Row 28: dated events.


def test_without_a_list_of_events_it_says_where_to_write_one():
    assert told("sessions_since_event", funds()).isna().all()
    assert "events.csv" in remedies([BY_NAME["sessions_since_event"]])["sessions_since_event"]


def test_an_event_of_long_ago_is_told_by_how_long_ago_it_was():
    on = pd.Series(0.0, DAYS)
    on["2021-11-04"] = 1.0
    since = told("sessions_since_event", on.to_frame(EVENTS))
    assert np.isnan(since["2021-11-03"])
    assert since["2021-11-04"] == 0
    assert since.iloc[-1] == len(DAYS) - 4  # 4 November is the fourth session


def test_no_feature_of_any_model_reads_dated_events():
    assert EVENTS not in catalog.CATALOG  # so no panel of a model has such a column
    for one in all_signals():
        assert not (one.feature and EVENTS in (*one.needs, *one.uses)), one.name
    read = {name for _, feature in declared(252).values() for name in feature.needs}
    assert EVENTS not in read
    assert len(read) > 20
    assert "never a feature" in BY_NAME["sessions_since_event"].declaration()["trap"]
