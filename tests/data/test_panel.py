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


def test_nothing_observed_is_a_panel_without_columns():
    assert point_in_time(gather([]), DAYS).shape == (len(DAYS), 0)


@pytest.mark.parametrize(
    "days", [DAYS[::-1], pd.DatetimeIndex(["2024-01-06"]), pd.DatetimeIndex([])]
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
        digest(panel.rename(columns={"DGS10": "DGS1"})),
    }  # fmt: skip
    assert len(names) == 4
    assert digest(panel) == digest(panel.copy())
