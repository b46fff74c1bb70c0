"""Which rows a fit may use, against one loop per row."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from regime.evaluation.splits import ConfirmedWalkForward
from regime.exceptions import EvaluationError
from regime.labels.leadership import leadership_path, target

DAYS = pd.bdate_range("2001-01-02", periods=260)


def settled_after(lags) -> pd.DataFrame:
    """A target whose row t is confirmed `lags[t]` rows later; never, where that is off the end."""
    rows = np.arange(len(lags)) + np.asarray(lags)
    on = [DAYS[row] if row < len(lags) else pd.NaT for row in rows]
    days = DAYS[: len(lags)]
    return pd.DataFrame({"regime": "broadening", "confirmed_on": on}, index=days)


def folds(table, first_test=60, refit_every=50, since=0, every=1):
    splits = ConfirmedWalkForward(DAYS[first_test], refit_every, DAYS[since], every)
    return list(splits.split(table))


@given(
    st.lists(st.integers(0, 120), min_size=80, max_size=200),
    st.integers(10, 79),
    st.integers(1, 90),
    st.integers(0, 40),
    st.integers(1, 5),
)
@settings(max_examples=80, deadline=None)
def test_folds_are_what_a_loop_over_every_row_says(lags, first_test, refit_every, since, every):
    table = settled_after(lags)
    confirmed_on = list(table["confirmed_on"])

    def may_be_learned(row: int, close: pd.Timestamp) -> bool:
        known = pd.notna(confirmed_on[row]) and confirmed_on[row] <= close
        return known and table.index[row] >= DAYS[since]

    starts = range(first_test, len(table), refit_every)
    closes = [table.index[start - 1] for start in starts]
    train = [[row for row in range(len(table)) if may_be_learned(row, day)] for day in closes]
    assume(all(train))
    got = folds(table, first_test, refit_every, since, every)
    assert [fold.fitted_on for fold in got] == closes
    assert [list(fold.train) for fold in got] == [rows[::every] for rows in train]
    assert [list(fold.test) for fold in got] == [
        list(range(start, min(start + refit_every, len(table)))) for start in starts
    ]


@given(
    st.lists(st.integers(0, 60), min_size=80, max_size=200),
    st.integers(65, 79),
    st.integers(1, 60),
)
@settings(max_examples=60, deadline=None)
def test_no_fold_learns_from_its_tests_or_from_what_was_still_open(lags, first_test, refit_every):
    table = settled_after(lags)
    served = []
    for fold in folds(table, first_test, refit_every):
        assert (table["confirmed_on"].iloc[fold.train] <= fold.fitted_on).all()
        assert fold.train.max() < fold.test.min()
        assert fold.fitted_on < table.index[fold.test.min()]
        served += list(fold.test)
    assert served == list(range(first_test, len(table)))


def test_a_row_confirmed_at_the_close_of_the_fit_is_learned_from_and_one_a_day_later_is_not():
    lags = np.zeros(100, dtype=int)
    lags[10], lags[11] = 49, 49  # rows 59 and 60; the fit is made at row 59
    train = folds(settled_after(lags))[0].train
    assert 10 in train
    assert 11 not in train


def test_a_row_that_settles_late_is_learned_from_by_later_fits():
    lags = np.zeros(200, dtype=int)
    lags[5] = 100
    assert [5 in fold.train for fold in folds(settled_after(lags))] == [False, True, True]


def test_since_and_every_choose_among_the_confirmed_rows():
    fold = folds(settled_after(np.zeros(100, dtype=int)), since=20, every=7)[0]
    assert list(fold.train) == [20, 27, 34, 41, 48, 55]


def test_a_first_test_without_a_session_begins_on_the_next():
    table = settled_after(np.zeros(100, dtype=int))
    saturday = pd.Timestamp("2001-03-03")
    splits = ConfirmedWalkForward(saturday, 50, DAYS[0])
    first = next(splits.split(table))
    assert table.index[first.test[0]] == pd.Timestamp("2001-03-05")
    assert first.fitted_on == pd.Timestamp("2001-03-02")


@pytest.mark.parametrize("horizon", [0, 21, 63])
def test_a_fit_knows_only_labels_that_a_replay_of_its_close_has_settled(leads, horizon):
    whole = target(leadership_path(leads, switching_cost=5.0), horizon)
    splits = ConfirmedWalkForward(leads.index[500], 150, leads.index[0])
    for fold in splits.split(whole):
        replay = target(leadership_path(leads[: fold.fitted_on], switching_cost=5.0), horizon)
        settled = replay["regime"].dropna()
        assert list(whole.index[fold.train]) == list(settled.index)
        assert list(whole["regime"].iloc[fold.train]) == list(settled)


def test_folds_are_blind_to_the_future(leads):
    def split(days: int):
        table = leadership_path(leads[:days], switching_cost=5.0)
        return list(ConfirmedWalkForward(leads.index[400], 100, leads.index[0]).split(table))

    for one, other in zip(split(900), split(750), strict=False):
        assert one.fitted_on == other.fitted_on
        np.testing.assert_array_equal(one.train, other.train)
        np.testing.assert_array_equal(one.test[: len(other.test)], other.test)


def test_a_first_test_after_the_end_names_the_last_day():
    table = settled_after(np.zeros(100, dtype=int))
    with pytest.raises(EvaluationError, match=f"{DAYS[120]:%Y-%m-%d}.*{DAYS[99]:%Y-%m-%d}"):
        folds(table, first_test=120)


def test_a_fit_without_a_confirmed_row_is_an_error():
    with pytest.raises(EvaluationError, match="no confirmed row to learn from"):
        folds(settled_after(np.full(100, 90)))


def test_a_fit_whose_confirmed_rows_are_all_before_since_is_an_error():
    with pytest.raises(EvaluationError, match=f"since {DAYS[80]:%Y-%m-%d}"):
        folds(settled_after(np.zeros(100, dtype=int)), since=80)


def test_a_first_test_on_or_before_the_first_day_has_nothing_to_learn_from():
    with pytest.raises(EvaluationError, match="leads begin on 2001-01-02"):
        folds(settled_after(np.zeros(100, dtype=int)), first_test=0)
