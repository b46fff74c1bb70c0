"""Shares of today, from what was filed and the splits around it."""

import numpy as np
import pandas as pd
from drawn import drawn
from hypothesis import assume
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from observed import frame
from watched import carried_on

from regime.data.calendar import trading_days
from regime.data.panel import point_in_time
from regime.signals.filings import market_value, shares_today

DAYS = trading_days(pd.Timestamp("2024-01-02"), pd.Timestamp("2024-12-31"))


def carried(length, changes):
    return carried_on(DAYS[:length], changes)


def splits_on(length, on):
    return pd.Series(on, dtype=float).reindex(range(length)).set_axis(DAYS[:length])


def test_a_split_after_the_filing_multiplies_the_shares_until_a_report_counts_it():
    # Filed on row 1: 100 shares. Two for one on row 3. The report of row 6 counts 198.
    shares, split = carried(8, {1: 100, 6: 198}), splits_on(8, {3: 2})
    expected = [np.nan, 100, 100, 200, 200, 200, 198, 198]
    assert_allclose(shares_today(shares, split), expected)
    close = pd.Series([30, 30, 30, 15, 15, 15, 15, 15.0], DAYS[:8])
    assert_allclose(market_value(close, shares, split) * 1e6, np.array(expected) * close)


def test_a_report_of_a_quarter_before_the_split_but_filed_after_it_is_not_split_twice():
    # As Alphabet's: twenty for one on 18 July 2022; the report of June, a week later, counted it.
    days = trading_days(pd.Timestamp("2022-04-01"), pd.Timestamp("2022-08-31"))
    rows = [
        ("GOOGL_diluted_shares", "2022-03-31", "2022-04-27 00:00", 665e6),
        ("GOOGL_split", "2022-07-18", "2022-07-18 20:00", 20.0),
        ("GOOGL_diluted_shares", "2022-06-30", "2022-07-27 00:00", 13_300e6),
    ]
    panel = point_in_time(frame(rows), days)
    found = shares_today(panel["GOOGL_diluted_shares"], panel["GOOGL_split"])
    assert_allclose(found["2022-07-15":"2022-07-18"], [665e6, 13_300e6])
    assert_allclose(found["2022-07-26":"2022-07-27"], [13_300e6, 13_300e6])


def test_a_report_that_came_on_the_day_of_a_split_is_read_by_its_size():
    split = splits_on(6, {3: 10})
    assert_allclose(shares_today(carried(6, {1: 100, 3: 101}), split)[3:], [1010] * 3)
    assert_allclose(shares_today(carried(6, {1: 100, 3: 1010}), split)[3:], [1010] * 3)


def test_a_report_may_count_the_first_of_two_splits_and_not_the_second():
    split = splits_on(8, {3: 3, 5: 2})
    assert_allclose(shares_today(carried(8, {1: 100, 5: 303}), split)[5:], [606] * 3)


def test_shares_merged_into_fewer_are_counted_too():
    shares, split = carried(6, {1: 1000, 5: 101}), splits_on(6, {3: 0.1})
    assert_allclose(shares_today(shares, split), [np.nan, 1000, 1000, 100, 100, 101])


def test_what_a_panel_begins_with_waits_for_the_next_report():
    shares = carried(6, {0: 100, 4: 99})
    assert_allclose(shares_today(shares, splits_on(6, {2: 2})), [np.nan] * 4 + [99, 99])


def test_a_company_that_files_for_the_first_time_counts_at_once():
    assert_allclose(shares_today(carried(4, {2: 7}), splits_on(4, {1: 3})), [np.nan] * 2 + [7, 7])


@drawn(
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from([1.5, 2, 3, 4, 10, 20, 0.1]),
                       st.booleans()), max_size=4),
    st.lists(st.floats(0.93, 1.07), min_size=6, max_size=6),
    few=10, full=300,
)  # fmt: skip
def test_shares_follow_the_company_through_any_splits(splits, moves):
    # A report on every tenth row. A split in between, or on that day, known to it or not yet.
    length, on, unknown = 60, {}, {}
    for row, ratio, counted in splits:
        apart = not any(abs(row - other) < 10 for other in on)
        if apart:
            on[row] = ratio
            unknown[row] = not counted
    so_far = splits_on(length, on).fillna(1.0).cumprod().to_numpy()
    owners = 100 * np.cumprod(moves)  # in shares as if there never were a split
    filed, expected = {}, np.full(length, np.nan)
    for at, row in enumerate(range(1, length, 10)):
        late = np.prod([ratio for day, ratio in on.items() if day == row and unknown[day]])
        filed[row] = owners[at] * so_far[row] / late
        expected[row : row + 10] = owners[at] * so_far[row : row + 10]
    late_first = on.get(1) is not None and unknown[1]
    assume(not late_first and len(set(filed.values())) == len(filed))
    assert_allclose(shares_today(carried(length, filed), splits_on(length, on)), expected)
