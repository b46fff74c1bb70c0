"""Prints and revisions told apart, worked by hand and by brute force."""

import numpy as np
import pandas as pd
import pytest
from drawn import drawn
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from observed import frame

from regime.data.calendar import session_closes, trading_days
from regime.data.panel import point_in_time
from regime.data.series import Frequency
from regime.exceptions import ConfigError, PanelError
from regime.signals.prints import (
    extra_columns,
    last_seen,
    numbered,
    print_change,
)

DAYS = trading_days(pd.Timestamp("2024-01-02"), pd.Timestamp("2024-12-31"))


def daily(values):
    return pd.Series(np.array(values, dtype=float), DAYS[: len(values)])


def ends(*months):
    """Last days of months of 2024, as days since 1970."""
    days = [pd.Timestamp(2024, month, 1) + pd.offsets.MonthEnd(0) for month in months]
    return daily([(day - pd.Timestamp("1970-01-01")).days for day in days])


def test_a_revision_is_no_print():
    # January: 100, revised to 101 on the second day. February: 104, revised to 103. March: 105.
    value = daily([100, 101, 104, 103, 105])
    period = ends(1, 1, 2, 2, 3)
    # February is held against January as last seen, 101: 104 - 101 = 3, then 2. March against
    # February as last seen, 105 - 103 = 2, and against January, 105 - 101 = 4.
    assert_allclose(print_change(value, period, 1), [np.nan, np.nan, 3, 2, 2])
    assert_allclose(print_change(value, period, 2), [np.nan] * 4 + [4])
    assert_allclose(print_change(value, period, 2, ratio=True).iloc[-1], 105 / 101 - 1)


def test_a_print_that_says_the_same_again_is_a_print():
    assert_allclose(print_change(daily([5, 5, 5]), ends(1, 2, 3), 2), [np.nan, np.nan, 0])


def test_an_earlier_print_as_known_now_goes_before_the_one_last_seen():
    # January was 100 when it came out and is 98 in the release of February.
    change = print_change(daily([100, 103]), ends(1, 2), 1, known=daily([np.nan, 98]))
    assert_allclose(change, [np.nan, 5])


def test_a_month_that_was_never_released_is_no_comparison():
    # October is left out: November has no month before, but three months before there is August.
    value, period = daily([1, 2, 4, 7]), ends(8, 9, 11, 12)
    assert_allclose(print_change(value, period, 1), [np.nan, 1, np.nan, 3])
    assert_allclose(print_change(value, period, 3), [np.nan, np.nan, 3, 5])


def test_no_comparison_across_a_new_base_until_both_prints_are_of_it():
    # 2010 = 100 until May, 2020 = 100 from June: 130 becomes 98, a step of a quarter.
    value = daily([128, 129, 130, 98, 99, 100])
    change = print_change(value, ends(3, 4, 5, 6, 7, 8), 2, ratio=True, bound=0.05)
    assert_allclose(change, [np.nan, np.nan, 130 / 128 - 1, np.nan, np.nan, 100 / 98 - 1])


def test_a_new_base_between_prints_is_a_break_too():
    # The same month is 130 one day and 98 the next.
    value = daily([129, 130, 98, 99])
    change = print_change(value, ends(4, 5, 5, 6), 1, bound=0.05)
    assert_allclose(change, [np.nan, 1, np.nan, 1])


def test_a_step_of_just_the_bound_is_news():
    change = print_change(daily([100, 105]), ends(1, 2), 1, bound=0.05)
    assert_allclose(change, [np.nan, 5])


def test_a_day_without_a_value_has_no_change_and_breaks_no_chain():
    value, period = daily([100, np.nan, 103]), ends(1, 2, 2)
    period.iloc[1] = np.nan
    assert_allclose(print_change(value, period, 1), [np.nan, np.nan, 3])


def test_weeks_and_quarters_are_counted_one_by_one():
    fridays = pd.Series([1.0, 8.0, 366.0])  # 2 and 9 January 1970, 1 January 1971
    assert_array_equal(numbered(fridays, Frequency.WEEKLY), [0, 1, 52])
    # Ends of 1970's first and third quarter and of 1971's first: days 89, 272 and 454.
    assert_array_equal(numbered(pd.Series([89.0, 272, 454]), Frequency.QUARTERLY), [0, 2, 4])
    with pytest.raises(PanelError, match="weekly, monthly or quarterly"):
        numbered(fridays, Frequency.DAILY)


def test_the_newest_print_itself_is_refused():
    with pytest.raises(PanelError, match="1 or more"):
        last_seen(daily([1]), numbered(ends(1)), 0)


SEEN = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([np.nan, 10.0, 10.4, 11.0, 20.0])), max_size=25
)


@drawn(SEEN, st.integers(1, 4), st.sampled_from([0.06, np.inf]), few=10, full=300)
def test_the_print_last_seen_is_that_of_brute_force_and_blind_to_the_future(seen, prints, bound):
    values = daily([value for _, value in seen])
    number = daily(np.cumsum([step for step, _ in seen])).where(values.notna())
    found = last_seen(values, number, prints, bound=bound)
    for today in range(len(seen)):
        earlier = [day for day in range(today) if number.iloc[day] == number.iloc[today] - prints]
        expected = np.nan
        if earlier:
            between = values.iloc[earlier[-1] : today + 1].dropna().to_numpy()
            if (np.abs(np.diff(between)) <= bound * between[:-1]).all():
                expected = values.iloc[earlier[-1]]
        assert_array_equal(found.iloc[today], expected)
        until = slice(0, today + 1)
        assert_array_equal(
            found.iloc[until],
            last_seen(values.iloc[until], number.iloc[until], prints, bound=bound),
        )


def test_both_sides_of_a_change_are_of_one_vintage():
    # Payrolls of October, 100, are 90 since the release of January, which brings its own 97:
    # three months before it is October as known that day, and the change is 7, not -3.
    rows = [
        ("PAYEMS", "2023-10-31", "2023-11-03 13:30", 100.0),
        ("PAYEMS", "2023-12-31", "2024-01-05 13:30", 104.0),
        ("PAYEMS", "2024-01-31", "2024-02-02 13:30", 97.0),
        ("PAYEMS", "2023-10-31", "2024-02-02 13:30", 90.0),
        ("PAYEMS", "2023-10-31", "2024-02-14 13:30", 91.0),
    ]
    found = extra_columns(frame(rows), DAYS, ["PAYEMS@period", "PAYEMS@3", "PAYEMS@2", "DGS10"])
    assert list(found) == ["PAYEMS@2", "PAYEMS@3", "PAYEMS@period"]
    # 31 December 2023 is day 19,722, 31 January 19,753. Two before December is October, three
    # before is September, of which nothing is known.
    assert_allclose(found.loc["2024-01-05":"2024-02-01", "PAYEMS@period"], 19722)
    assert_allclose(found.loc["2024-02-02":"2024-04-19", "PAYEMS@period"], 19753)
    assert_allclose(found.loc["2024-01-05":"2024-02-01", "PAYEMS@2"], 100)
    assert found.loc[:"2024-02-01", "PAYEMS@3"].isna().all()
    assert_allclose(found.loc["2024-02-02":"2024-02-13", "PAYEMS@3"], 90)
    assert_allclose(found.loc["2024-02-14":"2024-04-19", "PAYEMS@3"], 91)
    # November, two before January, never came.
    assert found.loc["2024-02-02":, "PAYEMS@2"].isna().all()
    # January serves 80 days, up to 20 April, a Saturday.
    assert found.loc["2024-04-22":].isna().all(axis=None)


def test_extra_columns_of_what_was_never_observed_are_empty():
    found = extra_columns(frame([]), DAYS, ["UNRATE@period", "UNRATE@12"])
    assert found.isna().all(axis=None)
    assert found.shape == (len(DAYS), 2)
    assert extra_columns(frame([]), DAYS, []).shape == (len(DAYS), 0)


def test_extra_columns_of_an_unknown_series_are_refused():
    with pytest.raises(ConfigError, match="UNRAT"):
        extra_columns(frame([("UNRAT", "2024-01-31", "2024-02-02", 4.0)]), DAYS, ["UNRAT@12"])


def test_extra_columns_of_a_daily_series_are_refused():
    rows = [("DGS10", "2024-01-03", "2024-01-04 12:00", 4.0)]
    with pytest.raises(PanelError, match="weekly, monthly or quarterly"):
        extra_columns(frame(rows), DAYS, ["DGS10@1"])


RELEASES = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 250), st.integers(1, 9)),
    min_size=1, max_size=15, unique_by=lambda row: row[:2],
)  # fmt: skip


@drawn(RELEASES, st.integers(1, 3), few=8, full=150)
def test_the_print_as_known_that_day_is_that_of_brute_force(releases, prints):
    months = [pd.Timestamp(2023, 10, 1) + pd.offsets.MonthEnd(1 + one) for one, _, _ in releases]
    known = [pd.Timestamp("2024-01-02 15:00") + pd.Timedelta(days=day) for _, day, _ in releases]
    rows = [
        ("UNRATE", month, at, float(value))
        for month, at, (_, _, value) in zip(months, known, releases, strict=True)
    ]
    observed = frame(rows)
    newest = point_in_time(observed, DAYS)["UNRATE"]
    found = extra_columns(observed, DAYS, [f"UNRATE@{prints}", "UNRATE@period"])
    closes = session_closes(DAYS[-1]).reindex(DAYS)
    assert_array_equal(found["UNRATE@period"].isna(), newest.isna())
    for day in DAYS[::9]:
        seen = observed[observed["known_at"] <= closes[day]]
        expected = np.nan
        if newest.notna()[day]:
            target = seen["period"].max() + pd.offsets.MonthEnd(-prints)
            of = seen[seen["period"] == target].sort_values("known_at")["value"]
            expected = of.iloc[-1] if len(of) else np.nan
        assert_array_equal(found.loc[day, f"UNRATE@{prints}"], expected)
