"""The measures against plain loops over the days."""

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from regime.data.calendar import trading_days
from regime.signals import measures
from regime.signals.measures import GAP

DAYS = trading_days(pd.Timestamp("2021-10-01"), pd.Timestamp("2023-03-31"))
NAN = math.nan


@pytest.fixture(scope="module")
def level():
    """Prices in whole cents that tie often, with gaps of a day to two weeks."""
    rng = np.random.default_rng(8)
    values = (100 * np.exp(rng.normal(0, 0.01, len(DAYS)).cumsum())).round(0)
    values[rng.random(len(DAYS)) < 0.05] = NAN
    values[60:63], values[120:130], values[:4] = NAN, NAN, NAN
    return pd.Series(values, DAYS)


def carried(values, row):
    """The newest value up to a row, `GAP` rows old at most."""
    for back in range(GAP + 1):
        if row - back >= 0 and not math.isnan(values[row - back]):
            return values[row - back]
    return NAN


def check(found, expected):
    assert_allclose(found, [expected(row) for row in range(len(found))], rtol=1e-12, atol=1e-15)
    assert found.notna().sum() > 100


@pytest.mark.parametrize("days", [1, 3, 21, 252])
def test_a_return_is_from_the_value_so_many_rows_before_or_the_newest_before_it(level, days):
    values = level.tolist()
    check(measures.total(level, days), lambda row: values[row] / carried(values, row - days) - 1)


def test_a_change_is_the_difference_to_so_many_rows_before(level):
    values = level.tolist()
    check(measures.change(level, 21), lambda row: values[row] - carried(values, row - 21))


def test_the_year_to_date_begins_at_the_last_close_of_the_year_before(level):
    values = level.tolist()

    def expected(row):
        before = [at for at in range(row) if DAYS[at].year == DAYS[row].year - 1]
        return values[row] / carried(values, before[-1]) - 1 if before else NAN

    check(measures.year_to_date(level), expected)
    assert measures.year_to_date(level[:"2021-12-31"]).isna().all()


@pytest.mark.parametrize("day", ["2022-03-12", "2022-03-11", "2021-09-01", "2021-12-30"])
def test_a_return_since_a_day_begins_at_its_close_or_the_newest_before(level, day):
    values, begun = level.tolist(), pd.Timestamp(day)
    before = [row for row in range(len(DAYS)) if DAYS[row] <= begun]
    base = carried(values, before[-1]) if before else NAN
    found = measures.since(level, begun)
    expected = [values[row] / base - 1 if DAYS[row] > begun else NAN for row in range(len(DAYS))]
    assert_allclose(found, expected, rtol=1e-12)


def test_equal_parts_earn_the_mean_of_what_is_known_of_them():
    # Returns: 10% and 20%, mean 15%; then 10% alone, since the other has no value.
    panel = pd.DataFrame({"A": [100.0, 110.0, 121.0], "B": [50.0, 60.0, NAN]}, DAYS[:3])
    assert_allclose(measures.mean_of(panel, ("A", "B")), [NAN, 1.15, 1.15 * 1.1])
    assert_allclose(measures.mean_of(panel, ("B",)), [50, 60, NAN])


def test_a_level_is_not_told_on_a_day_without_a_return():
    found = measures.level_of(pd.Series([NAN, 0.1, NAN, -0.5], DAYS[:4]))
    assert_allclose(found, [NAN, 1.1, NAN, 0.55])


@pytest.mark.parametrize(("window", "least"), [(0, 30), (50, 20)])
def test_a_percentile_counts_the_values_not_above_today_s(level, window, least):
    values = level.tolist()

    def expected(row):
        past = [one for one in values[max(row - window + 1, 0) if window else 0 : row + 1]
                if not math.isnan(one)]  # fmt: skip
        if math.isnan(values[row]) or len(past) < least:
            return NAN
        return sum(one <= values[row] for one in past) / len(past)

    check(measures.percentile(level, window, least), expected)


def test_a_streak_counts_days_of_one_sign_and_a_missing_day_ends_it():
    moves = pd.Series([0.1, 0.2, -0.1, -0.2, -0.1, 0.0, 0.0, 0.1, NAN, 0.1, 0.1], DAYS[:11])
    assert_allclose(measures.streak(moves), [1, 2, -1, -2, -3, 0, 0, 1, NAN, 1, 2])


def test_records_are_the_highest_value_so_far_and_a_tie_is_one_too(level):
    values = level.tolist()

    def high(row):
        return max((one for one in values[: row + 1] if not math.isnan(one)), default=NAN)

    check(measures.below_record(level), lambda row: values[row] / high(row) - 1)

    def since(row):
        if math.isnan(values[row]):
            return NAN
        return row - max(at for at in range(row + 1) if values[at] == high(row))

    check(measures.since_record(level), since)


def test_lows_and_averages_are_of_full_windows_with_short_gaps_carried(level):
    values = level.tolist()

    def window(row, days):
        return [carried(values, at) if at >= 0 else NAN for at in range(row - days + 1, row + 1)]

    def low(row):
        seen = window(row, 20)
        return NAN if any(map(math.isnan, seen)) else values[row] / min(seen) - 1

    check(measures.above_low(level, 20), low)
    check(
        measures.above_average(level, 20),
        lambda row: values[row] / (sum(window(row, 20)) / 20) - 1,
    )


def test_a_share_is_of_what_is_known_and_needs_enough_of_it():
    conditions = pd.DataFrame({"A": [True, True, False], "B": [False, True, False],
                               "C": [True, False, True]}, DAYS[:3])  # fmt: skip
    known = pd.DataFrame({"A": True, "B": True, "C": [True, False, False]}, DAYS[:3])
    assert_allclose(measures.share_true(conditions, known, 2), [2 / 3, 1, 0])
    assert_allclose(measures.share_true(conditions, known, 3), [2 / 3, NAN, NAN])


def test_days_true_begin_again_after_a_day_on_which_it_is_not():
    held = pd.Series([True, True, False, True, True, True], DAYS[:6])
    known = pd.Series([True, True, True, True, False, True], DAYS[:6])
    assert_allclose(measures.days_true(held, known), [1, 2, 0, 1, NAN, 3])
