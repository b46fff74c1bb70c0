"""Windows of pairs, worked by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from regime.data.calendar import trading_days
from regime.signals.declaration import POINTS, RETURN, STREAK, Pair, Topic
from regime.signals.windows import needs, over, returns, run_of

DAYS = trading_days(pd.Timestamp("2023-12-26"), pd.Timestamp("2024-01-09"))
TOPIC = Topic("Any", "sizes", "Which?", "Because.")
# Ten closes; 29 December is the fourth.
PANEL = pd.DataFrame(
    {
        "A": [100, 102, 101, 100, 110, 99, 99, 99, 120, 121],
        "B": [50, 50, 51, 40, 42, 42, 42, 42, 42, 44],
        "C": [10, 10, 10, 10, 11, 11, 11, 11, 11, 11],
    },
    DAYS,
    dtype=float,
)


def test_a_pair_is_one_signal_for_each_span_and_the_year_so_far():
    found = returns("a", "A less B", "A", TOPIC, against="B", spans=(1, 5, 7), features=(5,))
    assert [one.name for one in found] == ["a_1d", "a_5d", "a_7d", "a_ytd"]
    assert [one.title for one in found] == [
        "A less B, a day", "A less B, a week", "A less B, 7 sessions", "A less B, year to date",
    ]  # fmt: skip
    assert {one.unit for one in found} == {POINTS}
    assert [one.feature for one in found] == [False, True, False, False]
    assert {one.needs for one in found} == {("A", "B")}
    assert {one.pair for one in found} == {Pair("A less B", ("A",), ("B",))}


def test_one_side_alone_is_a_return_and_needs_no_year_to_date():
    (found,) = returns("a", "A", "A", TOPIC, spans=(3,), ytd=False)
    assert (found.name, found.unit, found.needs) == ("a_3d", RETURN, ("A",))
    assert_allclose(found.of(PANEL).iloc[[2, 3, 9]], [np.nan, 0, 121 / 99 - 1])


def test_the_second_side_is_taken_from_the_first():
    # On 9 January: 121 / 110 - 1 = 10%, less 44 / 42 - 1 = 4.76%; since 29 December 21% less 10%.
    week, year = returns("a", "A less B", "A", TOPIC, against="B", spans=(5,))
    assert week.of(PANEL).iloc[-1] == pytest.approx(0.10 - 2 / 42)
    assert year.of(PANEL).iloc[-1] == pytest.approx(0.21 - 0.10)
    assert year.of(PANEL)[:"2023-12-29"].isna().all()


def test_a_side_of_several_is_rebalanced_daily():
    # From 29 December to 2 January B earned 5% and C 10%, 7.5% together, and A earned 10%.
    (found,) = returns("a", "A", "A", TOPIC, against=("B", "C"), spans=(1,), ytd=False)
    assert found.of(PANEL)["2024-01-02"] == pytest.approx(0.10 - 0.075)


def test_a_run_counts_the_days_that_one_side_won():
    # A less B: +2, -3, +21, +5, -10, 0, 0, +21 and -4 points.
    ahead = run_of("run", "A ahead", Pair("", ("A",), ("B",)), TOPIC)
    assert ahead.unit == STREAK
    assert_allclose(ahead.of(PANEL), [np.nan, 1, -1, 1, 2, -1, 0, 0, 1, -1])


def test_a_tie_in_all_but_the_last_digit_is_a_tie():
    same = PANEL.assign(A=PANEL["B"] * 1.1 / 3)
    run = run_of("run", "A ahead", Pair("", ("A",), ("B",)), TOPIC).of(same)
    assert (run.iloc[1:] == 0).all()


def test_any_window_may_be_laid_over_a_pair():
    pair = Pair("", ("A", "C"), ("B",))
    assert needs(pair) == ("A", "C", "B")
    first = over(pair, lambda level: level * 0 + 1)(PANEL)
    assert_allclose(first.iloc[1:], 0)
