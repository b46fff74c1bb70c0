"""The panel against a slow reading of its definition."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from regime.data import catalog
from regime.data.calendar import session_closes, trading_days
from regime.data.observations import gather
from regime.data.panel import digest, point_in_time
from regime.exceptions import PanelError

DAYS = trading_days(pd.Timestamp("2024-01-02"), pd.Timestamp("2024-04-30"))


def observed(series, rows):
    """Observations from (period, known_at, value)."""
    periods, known, values = zip(*rows, strict=True) if rows else ((), (), ())
    return pd.DataFrame(
        {
            "series": series,
            "period": pd.DatetimeIndex(periods).as_unit("us"),
            "known_at": pd.DatetimeIndex(known, tz="UTC").as_unit("us"),
            "value": np.array(values, dtype=float),
            "source": "test",
        }
    )


MOMENTS = st.integers(0, 120 * 24).map(lambda h: pd.Timestamp("2024-01-01") + pd.Timedelta(hours=h))
ROWS = st.lists(
    st.tuples(
        st.integers(0, 110).map(lambda d: pd.Timestamp("2024-01-01") + pd.Timedelta(days=d)),
        MOMENTS,
        st.integers(-5, 5),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda row: (row[0], row[1]),
)


def slowly(rows, day, close, max_age):
    seen = [row for row in rows if row[1].tz_localize("UTC") <= close]
    if not seen:
        return np.nan
    newest = max(row[0] for row in seen)
    _, _, value = max((row for row in seen if row[0] == newest), key=lambda row: row[1])
    return value if (day - newest).days <= max_age else np.nan


@given(ROWS, st.sampled_from(["DGS10", "mcapshare_hi_10", "hi_10"]))
@settings(max_examples=80, deadline=None)
def test_a_day_holds_the_newest_known_period_in_its_newest_known_revision(rows, series):
    panel = point_in_time(observed(series, rows), DAYS)
    closes = session_closes(DAYS[-1])
    max_age = catalog.get(series).max_age
    expected = [slowly(rows, day, closes[day], max_age) for day in DAYS]
    assert_array_equal(panel[series].to_numpy(), np.array(expected, dtype=float))


@given(ROWS, ROWS)
@settings(max_examples=40, deadline=None)
def test_observations_known_later_change_no_earlier_day(rows, more):
    day = DAYS[40]
    close = session_closes(day)[day]
    later = [row for row in more if row[1].tz_localize("UTC") > close]
    before = point_in_time(observed("DGS10", rows), DAYS)[:day]
    after = point_in_time(observed("DGS10", rows + later), DAYS)[:day]
    pd.testing.assert_frame_equal(before, after)


def test_a_late_revision_of_an_old_period_does_not_replace_a_newer_period():
    rows = [
        (pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-04"), 1.0),
        (pd.Timestamp("2024-01-04"), pd.Timestamp("2024-01-05"), 2.0),
        (pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-08"), 9.0),
    ]
    assert point_in_time(observed("DGS10", rows), DAYS)["DGS10"]["2024-01-09"] == 2.0


def test_a_return_is_never_carried_to_the_next_day():
    rows = [(pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-03 21:00"), 0.01)]
    column = point_in_time(observed("hi_10", rows), DAYS)["hi_10"]
    assert column.dropna().to_dict() == {pd.Timestamp("2024-01-03"): 0.01}


def test_a_series_not_known_yet_has_an_empty_column():
    rows = [(pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-04"), 1.0)]
    panel = point_in_time(observed("DGS10", rows), DAYS, ["RSP", "DGS10"])
    assert panel["RSP"].isna().all()
    assert list(panel) == ["DGS10", "RSP"]


def test_a_series_whose_name_alone_is_there_has_no_column():
    rows = observed("DGS10", [(pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-04"), 1.0)])
    named = rows.assign(series=pd.Categorical(["DGS10"], ["DGS10", "RSP"]))
    assert list(point_in_time(named, DAYS)) == ["DGS10"]


def test_a_panel_of_decades_has_a_row_for_each_session():
    days = trading_days(pd.Timestamp("1990-01-02"), DAYS[-1])
    rows = [(pd.Timestamp("1990-01-03"), pd.Timestamp("1990-01-04"), 1.0)]
    panel = point_in_time(observed("DGS10", rows), days)
    assert panel.index.equals(days)
    assert panel["DGS10"].first_valid_index() == pd.Timestamp("1990-01-04")


def test_nothing_observed_is_a_panel_without_columns():
    assert point_in_time(gather([]), DAYS).shape == (len(DAYS), 0)


@pytest.mark.parametrize(
    "days",
    [
        DAYS[::-1],
        pd.DatetimeIndex(["2024-01-06"]),
        DAYS.union(pd.DatetimeIndex(["2024-01-06"])),
        pd.DatetimeIndex([]),
    ],
)
def test_days_that_are_no_ascending_sessions_are_refused(days):
    with pytest.raises(PanelError, match="ascending trading days"):
        point_in_time(observed("DGS10", []), days)


def test_the_digest_changes_with_any_value_day_or_name():
    rows = [(pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-04"), 1.0)]
    panel = point_in_time(observed("DGS10", rows), DAYS)
    other = panel.copy()
    other.iloc[-1, 0] = 1.0000001
    names = {
        digest(panel), digest(other), digest(panel[:-1]),
        digest(panel.rename(columns={"DGS10": "DGS1"})), digest(panel.shift(freq="D")),
    }  # fmt: skip
    assert len(names) == 5
    assert digest(panel) == digest(panel.copy())
    assert len(digest(panel)) == 16


def happened(series, *rows):
    """What a panel tells of an event series, by day: rows of period, known_at and value."""
    times = [(pd.Timestamp(period), pd.Timestamp(known), value) for period, known, value in rows]
    column = point_in_time(observed(series, times), DAYS)[series].dropna()
    return {f"{day:%m-%d}": round(value, 12) for day, value in column.items()}


def test_a_dividend_stands_on_its_day_if_it_was_known_by_that_close_and_else_on_the_next():
    # Friday closes at 21:00 UTC; a second later it is Monday's news.
    assert happened("SPY_dividend", ("2024-01-05", "2024-01-05 21:00:00", 1.5)) == {"01-05": 1.5}
    assert happened("SPY_dividend", ("2024-01-05", "2024-01-05 21:00:01", 1.5)) == {"01-08": 1.5}


def test_a_dividend_announced_ahead_waits_for_its_day_or_the_session_after_it():
    assert happened("SPY_dividend", ("2024-01-05", "2024-01-02 12:00", 1.5)) == {"01-05": 1.5}
    assert happened("SPY_dividend", ("2024-01-06", "2024-01-02 12:00", 1.5)) == {"01-08": 1.5}


def test_dividends_that_reach_one_day_add_up_and_splits_multiply():
    rows = [("2024-01-05", "2024-01-08 12:00"), ("2024-01-08", "2024-01-08 12:00")]
    assert happened("SPY_dividend", (*rows[0], 1.0), (*rows[1], 0.5)) == {"01-08": 1.5}
    assert happened("SPY_split", (*rows[0], 2.0), (*rows[1], 3.0)) == {"01-08": 6.0}


def test_a_revised_event_brings_what_the_revision_adds_on_the_day_it_was_known():
    late = ("2024-01-05", "2024-01-10 12:00")  # told before the first, as a store may read it
    first = ("2024-01-05", "2024-01-05 12:00")
    other = ("2024-01-08", "2024-01-08 12:00")
    # 1.2 after 1.0; the dividend of another day is no revision of it.
    assert happened("SPY_dividend", (*late, 1.2), (*other, 0.7), (*first, 1.0)) == {
        "01-05": 1.0, "01-08": 0.7, "01-10": 0.2,
    }  # fmt: skip
    # Three shares for one, not two: half as many again.
    assert happened("SPY_split", (*late, 3.0), (*first, 2.0)) == {"01-05": 2.0, "01-10": 1.5}


def test_an_event_before_the_first_day_counts_only_if_it_became_known_on_a_later_one():
    assert happened("SPY_dividend", ("2023-12-29", "2024-01-02 12:00", 1.0)) == {}
    assert happened("SPY_dividend", ("2023-12-29", "2024-01-03 12:00", 1.0)) == {"01-03": 1.0}
    assert happened("SPY_dividend", ("2024-01-02", "2024-01-02 12:00", 1.0)) == {"01-02": 1.0}


def test_an_event_known_or_due_after_the_last_day_is_not_told():
    assert happened("SPY_dividend", ("2024-04-29", "2024-05-01 12:00", 1.0)) == {}
    assert happened("SPY_dividend", ("2024-05-02", "2024-04-29 12:00", 1.0)) == {}
