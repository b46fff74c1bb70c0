"""What is due at a moment: by hand on known days, and against the calendar by brute force."""

import pandas as pd
import pytest
from drawn import drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.tseries.holiday import USFederalHolidayCalendar

from regime.data.calendar import last_closed_session, session_closes, trading_days
from regime.data.catalog import CATALOG, Frequency
from regime.data.checks.freshness import GRACE, Age, expected_period, freshness
from regime.exceptions import ConfigError

AT_ONCE = pd.Timedelta(0)
NEW_YORK = "America/New_York"
# Two years of a calendar that takes half a second a year to build.
MOMENTS = st.datetimes(pd.Timestamp("2023-03-01"), pd.Timestamp("2024-12-31")).map(
    lambda moment: pd.Timestamp(moment).floor("min").tz_localize("UTC")
)


def day(text):
    return pd.Timestamp(text)


def at(text, zone=NEW_YORK):
    return pd.Timestamp(text, tz=zone)


def state(name, newest, now, grace=AT_ONCE):
    return freshness({name: newest}, now, grace=grace)["state"].iloc[0]


@pytest.mark.parametrize(
    ("name", "now", "due"),
    [
        # Friday's yield is known at Monday's close; before it, Thursday's is the newest due.
        ("DGS10", "2024-07-12 15:59", "2024-07-10"),
        ("DGS10", "2024-07-12 16:00", "2024-07-11"),
        ("DGS10", "2024-07-14 12:00", "2024-07-11"),
        ("DGS10", "2024-07-15 15:59", "2024-07-11"),
        ("DGS10", "2024-07-15 16:00", "2024-07-12"),
        # Columbus Day: stocks trade, the bond market and its publishers rest.
        ("DGS10", "2024-10-14 16:30", "2024-10-10"),
        ("DGS10", "2024-10-15 16:30", "2024-10-11"),
        ("DGS10", "2024-10-16 16:30", "2024-10-15"),
        # A fund's close is known at once, half a session on the day after Thanksgiving.
        ("OEF", "2024-10-14 16:00", "2024-10-14"),
        ("SPY_close", "2024-11-29 12:59", "2024-11-27"),
        ("SPY_close", "2024-11-29 13:00", "2024-11-29"),
        # Exchange rates of a week take seven sessions at the most.
        ("DEXUSEU", "2024-07-12 16:00", "2024-07-02"),
        # The 10th day of the next month must be over, in UTC.
        ("UNRATE", "2024-07-10 19:59", "2024-05-31"),
        ("UNRATE", "2024-07-10 20:00", "2024-06-30"),
        ("UNRATE", "2024-03-15 12:00", "2024-02-29"),
        # Daily files of the French library come with those of their month: 60 days.
        ("hi_10", "2024-07-15 12:00", "2024-04-30"),
        ("hi_10", "2024-07-30 20:00", "2024-05-31"),
        ("mom", "2024-08-29 19:59", "2024-05-31"),
        ("mom", "2024-08-29 20:00", "2024-06-28"),
    ],
)
def test_the_newest_period_due_is_the_one_a_calendar_on_the_wall_says(name, now, due):
    assert expected_period(name, at(now), grace=AT_ONCE) == day(due)


@pytest.mark.parametrize(
    ("name", "newest", "now", "due"),
    [
        # NFCI: a Friday, out on the Wednesday after.
        ("NFCI", "2024-07-05", "2024-07-18 19:59", "2024-07-05"),
        ("NFCI", "2024-07-05", "2024-07-18 20:00", "2024-07-12"),
        # The value at hand is newer than what is due.
        ("NFCI", "2024-07-12", "2024-07-18 19:59", "2024-07-05"),
        ("WALCL", "2024-06-28", "2024-07-06 19:59", "2024-06-28"),
        ("WALCL", "2024-06-28", "2024-07-06 20:00", "2024-07-05"),
        # Quarters at the end of a month, and of a year of 52 or 53 weeks.
        ("MSFT_cash", "2024-03-31", "2024-08-29 19:59", "2024-03-31"),
        ("MSFT_cash", "2024-03-31", "2024-08-29 20:00", "2024-06-30"),
        ("MSFT_cash", "2024-02-29", "2024-07-30 20:00", "2024-05-31"),
        ("NVDA_cash", "2024-04-28", "2024-10-02 20:00", "2024-04-28"),
        ("NVDA_cash", "2024-04-28", "2024-10-04 20:00", "2024-07-28"),
        # Years, 100 days after their end.
        ("filers_counted_small", "2023-12-31", "2025-04-10 19:59", "2023-12-31"),
        ("filers_counted_small", "2023-12-31", "2025-04-10 20:00", "2024-12-31"),
    ],
)
def test_weeks_quarters_and_years_are_counted_from_the_value_at_hand(name, newest, now, due):
    row = freshness({name: day(newest)}, at(now), grace=AT_ONCE).iloc[0]
    assert row["expected_period"] == day(due)
    assert row["state"] == ("late" if day(newest) < day(due) else "fresh")


def test_by_default_the_morning_after_a_close_is_early_enough():
    closed = at("2024-07-11 16:00")
    assert expected_period("OEF", closed + GRACE - pd.Timedelta(minutes=1)) == day("2024-07-10")
    assert expected_period("OEF", closed + GRACE) == day("2024-07-11")
    assert pd.Timedelta(hours=24) > GRACE  # or a whole missing session would never show


def test_an_event_is_never_late_and_what_is_not_there_is_missing():
    now = at("2024-07-15 12:00")
    table = freshness(dict.fromkeys(["SPY_split", "OEF", "NFCI", "UNRATE"]), now)
    assert list(table["state"]) == ["fresh", "missing", "missing", "missing"]
    assert table["newest_period"].isna().all()
    assert table["age_days"].isna().all()
    assert list(table["expected_period"].isna()) == [True, False, True, False]
    assert state("SPY_dividend", day("1999-12-17"), now) == "fresh"


def test_a_late_value_serves_until_its_greatest_age():
    now = at("2024-07-15 12:00")
    assert state("DGS10", day("2024-07-10"), now) == "late"
    assert state("DGS10", day("2024-07-02"), now) == "late"  # ten days before the last close
    assert state("DGS10", day("2024-07-01"), now) == "missing"
    assert state("OEF", day("2024-07-11"), now) == "missing"  # a close serves its own day only
    assert state("UNRATE", day("2024-05-31"), now) == "late"
    assert state("UNRATE", day("2024-03-31"), now) == "missing"


def test_french_files_are_fresh_though_the_panel_misses_their_last_months():
    now = at("2024-07-15 12:00")
    assert state("hi_10", day("2024-04-30"), now) == "fresh"
    assert state("hi_10", day("2024-07-12"), now) == "fresh"  # as a simulated market has it
    assert state("hi_10", day("2024-04-29"), now) == "late"
    assert state("hi_10", day("2023-12-29"), now) == "missing"


def test_age_is_counted_in_days_of_new_york():
    row = freshness({"DGS10": day("2024-07-12")}, at("2024-07-16 02:00", "UTC")).iloc[0]
    assert row["age_days"] == 3


def test_an_unknown_series_is_a_clear_fault():
    with pytest.raises(ConfigError, match="DGS10"):
        freshness({"DSG10": None}, at("2024-07-15 12:00"))


def bank_days(until):
    days = trading_days(until - pd.Timedelta(days=60), until)
    return days.difference(USFederalHolidayCalendar().holidays(days[0], days[-1]))


@drawn(
    MOMENTS,
    st.sampled_from(["OEF", "SPY_close", "DGS10", "DEXUSEU", "USEPUINDXD"]),
    few=30,
    full=100,
)
def test_a_day_is_due_once_its_lag_is_over_and_no_later_day_is(now, name):
    series, closes = CATALOG[name], session_closes(now.tz_localize(None))
    today = now.tz_localize(None).normalize()
    days = list(bank_days(today) if series.lag else trading_days(today - GRACE * 60, today))
    days += list(bank_days(today + pd.Timedelta(days=40)))[-20:]
    days = sorted({*days}) if series.lag else days
    ready = [
        one
        for number, one in enumerate(days)
        if number + series.lag < len(days) and closes[days[number + series.lag]] <= now
    ]
    assert expected_period(name, now, grace=AT_ONCE) == ready[-1]
    # The lag of the catalogue, which knows no bank holidays, promises it by then at the latest.
    assert series.known_at(pd.DatetimeIndex([ready[-1]]))[0] <= now


@settings(max_examples=100, deadline=None)
@given(MOMENTS, st.sampled_from(["UNRATE", "JTSJOL", "sp_price", "excess_cape_yield"]))
def test_a_month_is_due_once_its_lag_is_over_and_no_later_month_is(now, name):
    months = pd.date_range("2000-01-31", "2025-12-31", freq="ME")
    ready = months[CATALOG[name].known_at(months) + GRACE <= now]
    assert expected_period(name, now) == ready[-1]


@settings(max_examples=60, deadline=None)
@given(MOMENTS, st.sampled_from(["NFCI", "WALCL", "MSFT_cash"]), st.integers(0, 30))
def test_a_week_or_quarter_is_due_once_its_lag_is_over(now, name, ago):
    quarterly = CATALOG[name].frequency is Frequency.QUARTERLY
    periods = pd.date_range("1990-01-05", "2025-12-31", freq="QE" if quarterly else "W-FRI")
    ready = periods[CATALOG[name].known_at(periods) + GRACE <= now]
    newest = ready[-1 - ago]
    row = freshness({name: newest}, now).iloc[0]
    assert row["expected_period"] == ready[-1]
    assert (row["state"] == "fresh") == (ago == 0)


@drawn(MOMENTS, few=5, full=10)
def test_what_is_fresh_stays_so_with_newer_values_and_nothing_gets_fresh_by_waiting(now):
    newest = last_closed_session(now - pd.Timedelta(days=40))
    order = [Age.FRESH, Age.LATE, Age.MISSING]

    def states(period, moment):
        found = freshness(dict.fromkeys(CATALOG, period), moment)["state"]
        return found.map(order.index).to_numpy()

    before = states(newest, now)
    assert (states(newest + pd.Timedelta(days=7), now)[: len(before)] <= before)[
        [one.frequency in {Frequency.DAILY, Frequency.MONTHLY} for one in CATALOG.values()]
    ].all()
    assert (states(newest, now + pd.Timedelta(days=9)) >= before).all()


def test_every_series_of_the_catalogue_can_be_dated():
    now = at("2024-07-15 12:00")
    table = freshness(dict.fromkeys(CATALOG, day("2024-07-15")), now)
    assert list(table["series"]) == list(CATALOG)
    assert set(table["state"]) == {"fresh"}
    assert table.dtypes.astype(str).to_dict() == {
        "series": "str", "newest_period": "datetime64[us]", "age_days": "Int64",
        "expected_period": "datetime64[us]", "state": "str",
    }  # fmt: skip
