"""Where signals stand, against brute force and by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from drawn import drawn
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from regime.signals.standing import (
    ENOUGH,
    HIGHEST,
    KNOWN,
    LATE,
    LOWEST,
    MISSING,
    REMARKABLE,
    WINDOW,
    extremes,
    longest_before,
    standing,
)

NAN = math.nan
DAYS = pd.bdate_range("1995-01-02", periods=WINDOW + 700, name="date")


@pytest.fixture(scope="module")
def values():
    """Plain, with ties, with gaps and a late start, late, never known, and never another."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(len(DAYS), 3)), columns=["plain", "gaps", "late"])
    frame["ties"] = frame["plain"].round()
    frame.loc[rng.random(len(DAYS)) < 0.2, "gaps"] = NAN
    frame.loc[: len(DAYS) - 2000, "gaps"] = NAN
    frame.loc[len(DAYS) - 1, "gaps"] = 0.3
    frame.loc[len(DAYS) - 5 :, "late"] = NAN
    return frame.assign(never=NAN, still=2.0)


@pytest.fixture(scope="module")
def told(values):
    found = standing(values.to_numpy(), DAYS)
    return found.set_index(pd.Index(values.columns))


@pytest.mark.parametrize("name", ["plain", "ties", "gaps", "still"])
def test_a_percentile_is_of_the_twenty_years_before_with_ties_counted_half(values, told, name):
    column = values[name].tolist()
    now, window = column[-1], column[-1 - WINDOW : -1]
    past = [one for one in window if not math.isnan(one)]
    share = sum((one < now) + (one == now) / 2 for one in past) / len(past)
    assert told["percentile"][name] == pytest.approx(share, rel=1e-12)
    first = next(at for at, one in enumerate(window) if not math.isnan(one))
    assert told["window_from"][name] == DAYS[-1 - WINDOW + first]


def test_what_never_moved_stands_in_the_middle_and_says_for_how_long(told):
    assert told["percentile"]["still"] == 0.5
    assert told["unchanged"]["still"] == len(DAYS) - 1
    assert told["extreme_is"]["still"] == HIGHEST  # and lowest: the first of them is told
    assert told["change_63"]["still"] == 0


def test_changes_are_to_the_value_so_many_rows_before(values, told):
    for name in ("plain", "ties", "gaps", "late"):
        for days in (21, 63):
            change = values[name].iloc[-1] - values[name].iloc[-1 - days]
            assert_allclose(told[f"change_{days}"][name], change)


def test_a_late_value_has_its_day_and_no_number_of_today(values, told):
    row = told.loc["late"]
    assert (row["state"], row["known"], row["stale"]) == (LATE, DAYS[-6], 5)
    assert row["last"] == values["late"].iloc[-6]
    of_today = ["value", "percentile", "change_21", "change_63", "extreme"]
    assert told.loc["late", of_today].isna().all()


def test_what_was_never_known_has_no_day_either(told):
    row = told.loc["never"]
    assert (row["state"], row["extreme_is"]) == (MISSING, "")
    assert row.drop(["state", "extreme_is"]).isna().all()


def test_the_rest_is_known(told):
    known = told.drop(index=["late", "never"])
    assert set(known["state"]) == {KNOWN}
    assert set(known["known"]) == {DAYS[-1]}
    assert (known["stale"] == 0).all()


@pytest.mark.parametrize(
    ("column", "unchanged"),
    # A day that is not known counts for the value after it.
    [([1, 1, 2, 2, 2], 2), ([2, 1, NAN, 2], 1), ([1, 2, NAN, 2], 2), ([NAN, 5], 0),
     ([1, 2, NAN], 1)],
)  # fmt: skip
def test_unchanged_counts_from_the_day_it_became_what_it_is(column, unchanged):
    found = standing(np.array(column)[:, None], DAYS[: len(column)])
    assert found["unchanged"].item() == unchanged


def test_a_year_of_earlier_values_makes_a_percentile_and_one_less_does_not():
    rising = np.arange(ENOUGH + 1.0)[:, None]
    assert standing(rising, DAYS[: ENOUGH + 1])["percentile"].item() == 1
    assert np.isnan(standing(rising[1:], DAYS[1 : ENOUGH + 1])["percentile"].item())


def test_one_day_alone_is_no_fault():
    found = standing(np.array([[1.0, NAN]]), DAYS[:1])
    assert found["state"].tolist() == [KNOWN, MISSING]
    assert found["window_from"].isna().all()
    assert found["percentile"].isna().all()


# Extremes -----------------------------------------------------------------------------


def slow_before(values, row):
    """Back over the run of ties and gaps that ends at the row, then to the newest as high."""
    at = row - 1
    while at >= 0 and (math.isnan(values[at]) or values[at] == values[row]):
        at -= 1
    while at >= 0 and not values[at] >= values[row]:
        at -= 1
    return at if at >= 0 else None


@pytest.mark.parametrize(
    ("values", "row", "before"),
    [
        ([3, 1, 2], 2, 0),
        ([3, 2, 2, 2], 3, 0),  # it stood still: since it was 3
        ([1, 2, 2, 2], 3, None),  # it stood still, on record
        ([2, 1, 2], 2, 0),  # as high counts
        ([2, NAN, 2], 2, None),  # a gap does not part it
        ([5, NAN, 2, NAN, NAN, 4], 5, 0),
        ([NAN, NAN, 4], 2, None),
        ([4], 0, None),
    ],
)
def test_the_newest_day_as_high_is_found_by_hand(values, row, before):
    assert longest_before(values, row) == before


few = st.sampled_from([NAN, 0.0, 1.0, 2.0, 3.0])


@drawn(st.lists(few, min_size=1, max_size=30), st.data(), few=60, full=2000)
def test_the_newest_day_as_high_is_that_of_a_walk_back(values, data):
    row = data.draw(st.sampled_from(range(len(values))))
    if not math.isnan(values[row]):
        assert longest_before(values, row) == slow_before(values, row)


def test_the_newest_day_as_high_is_found_years_back_too(values):
    for column in (values["ties"].tolist(), values["gaps"].tolist()):
        for row in range(len(column) - 40, len(column)):
            if not math.isnan(column[row]):
                assert longest_before(column, row) == slow_before(column, row)
    falling = np.r_[5.0, np.linspace(4, 1, 3000), 4.5, np.full(700, NAN), 4.5]
    assert longest_before(falling, len(falling) - 1) == 0


def slow_extreme(values, lately=5):
    """Of the last days, whatever reaches back farthest; of a tie the newest, and the highest."""
    rows = [row for row, value in enumerate(values) if not math.isnan(value)]
    if not rows or rows[-1] != len(values) - 1:
        return None
    found = []
    for row in rows:
        if row < len(values) - lately:
            continue
        for place, (word, sign) in enumerate([(HIGHEST, 1), (LOWEST, -1)]):
            before = slow_before([sign * value for value in values], row)
            back = row - (rows[0] if before is None else before)
            found.append((back, row, -place, word, before))
    back, row, _, word, before = max(found, key=lambda one: one[:3])
    return None if back < REMARKABLE else (row, word, before)


@drawn(
    st.lists(few, min_size=1, max_size=40), st.lists(few, min_size=1, max_size=8),
    st.sampled_from([0, 30, 62, 63, 64, 80]), few=60, full=2000,
)  # fmt: skip
def test_the_extreme_is_that_of_a_search_day_by_day(early, late, between):
    values = [*early, *[1.0, 2.0] * (between // 2), *late]
    days = DAYS[: len(values)]
    row = extremes(np.array(values)[:, None], days).iloc[0]
    expected = slow_extreme(values)
    if expected is None:
        assert row["extreme_is"] == ""
        assert row.drop("extreme_is").isna().all()
        return
    on, word, before = expected
    assert (row["extreme"], row["extreme_on"], row["extreme_is"]) == (values[on], days[on], word)
    first = next(at for at, value in enumerate(values) if not math.isnan(value))
    assert row["extreme_from"] == days[first]
    assert row["extreme_since"] is (pd.NaT if before is None else row["extreme_since"])
    assert before is None or row["extreme_since"] == days[before]


def test_a_burst_three_days_ago_is_told_and_one_six_days_ago_is_not():
    # Highest on the day before last but one since the first day, 100 rows before it.
    values = np.r_[9.0, np.full(99, 1.0), 8.0, 2.0, 3.0]
    for after, told in ((0, True), (2, True), (3, False)):
        column = np.r_[values, np.full(after, 3.0)]
        row = extremes(column[:, None], DAYS[: len(column)]).iloc[0]
        assert (row["extreme"] == 8) == told
        if told:
            assert (row["extreme_on"], row["extreme_is"]) == (DAYS[100], HIGHEST)
            assert row["extreme_since"] == DAYS[0]


def test_of_two_that_reach_back_as_far_the_newer_day_is_told():
    # 5 is the highest since the 9 of 72 rows before, and -5 the lowest since -9, 72 rows before.
    column = np.r_[9.0, -9.0, np.zeros(70), 5.0, -5.0]
    row = extremes(column[:, None], DAYS[: len(column)]).iloc[0]
    assert (row["extreme"], row["extreme_is"], row["extreme_since"]) == (-5, LOWEST, DAYS[1])


@pytest.mark.parametrize(("back", "told"), [(REMARKABLE, True), (REMARKABLE - 1, False)])
def test_an_extreme_of_less_than_a_quarter_is_not_worth_a_word(back, told):
    column = np.r_[-5.0, 5.0, np.linspace(0, 1, back - 2), 0.5, 2.0]  # 2 is the most since 5
    row = extremes(column[:, None], DAYS[: len(column)]).iloc[0]
    assert len(column) - 1 - 1 == back
    assert (row["extreme_is"] == HIGHEST) == told
