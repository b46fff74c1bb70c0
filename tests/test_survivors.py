"""The best paths against all paths there are."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from regime.survivors import _walked, carry_forward, carry_many

# Multiples of 1/8 add up without rounding, so ties are ties and equality is exact.
EIGHTHS = st.integers(-32, 32).map(lambda number: number / 8)
LEADS = st.integers(1, 9).flatmap(lambda days: arrays(np.float64, (days, 3), elements=EIGHTHS))
COSTS = st.integers(1, 24).map(lambda number: number / 8)


def all_paths(lead, cost):
    """Every path and what it earns."""
    paths = np.array(list(itertools.product(range(3), repeat=len(lead))))
    earned = lead[np.arange(len(lead)), paths].sum(axis=1)
    return paths, earned - cost * (paths[:, 1:] != paths[:, :-1]).sum(axis=1)


@given(LEADS, COSTS)
@settings(max_examples=60, deadline=None)
def test_the_best_path_earns_what_the_best_of_all_paths_earns(lead, cost):
    _, earned = all_paths(lead, cost)
    path = carry_forward(lead, switching_cost=cost).path()
    own = lead[np.arange(len(lead)), path].sum() - cost * (path[1:] != path[:-1]).sum()
    assert own == earned.max()


@given(LEADS, COSTS)
@settings(max_examples=60, deadline=None)
def test_scores_are_the_best_of_all_paths_ending_there_less_the_best_of_all(lead, cost):
    paths, earned = all_paths(lead, cost)
    ending = [earned[paths[:, -1] == regime].max() for regime in range(3)]
    scores = carry_forward(lead, switching_cost=cost).score
    np.testing.assert_array_equal(scores[-1], np.array(ending) - earned.max())


@given(LEADS, COSTS)
@settings(max_examples=60, deadline=None)
def test_survivors_agree_exactly_as_far_as_their_paths_are_the_same(lead, cost):
    survivors = carry_forward(lead, switching_cost=cost)
    for day in range(len(lead)):
        traced = np.array([trace(survivors, day, regime) for regime in range(3)])
        same = (traced == traced[0]).all(axis=0)
        agreed = len(same) if same.all() else int(same.argmin())
        assert survivors.agreed_through[day] == agreed - 1


def trace(survivors, day, regime):
    """The best path to `regime` on `day`, followed back."""
    path = []
    for row in range(day, -1, -1):
        path.append(regime)
        regime = int(survivors.came_from[row, regime])
    return path[::-1]


@given(LEADS, COSTS)
@settings(max_examples=40, deadline=None)
def test_since_is_where_the_traced_path_last_changed(lead, cost):
    survivors = carry_forward(lead, switching_cost=cost)
    last = len(lead) - 1
    for regime in range(3):
        path = np.array(trace(survivors, last, regime))
        changes = np.flatnonzero(path[1:] != path[:-1])
        assert survivors.since[last, regime] == (changes[-1] + 1 if len(changes) else 0)


def test_a_days_own_row_is_never_agreed_at_its_own_close(leads):
    survivors = carry_forward(leads.to_numpy(), switching_cost=10.0)
    assert (survivors.agreed_through < np.arange(len(leads))).all()


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_every_attribute_is_blind_to_the_future(seed):
    lead = np.random.default_rng(seed).normal(size=(120, 3))
    whole, part = (
        carry_forward(lead, switching_cost=4.0),
        carry_forward(lead[:70], switching_cost=4.0),
    )
    for name in ("score", "came_from", "since", "agreed_through"):
        np.testing.assert_array_equal(getattr(whole, name)[:70], getattr(part, name))


@given(LEADS, COSTS, st.integers(1, 9), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_walk_carried_on_is_the_walk_taken_at_once(lead, cost, days, changed):
    other = lead[:days] + (0.125 if changed else 0.0)
    _walked.clear()
    at_once = carry_forward(lead, switching_cost=cost)
    _walked.clear()
    carry_forward(other, switching_cost=cost)
    carried_on = carry_forward(lead, switching_cost=cost)
    for name in ("score", "came_from", "since", "agreed_through", "agreement"):
        np.testing.assert_array_equal(getattr(carried_on, name), getattr(at_once, name))


def test_a_walk_carried_on_day_by_day_is_the_walk_taken_at_once():
    lead = np.random.default_rng(2).normal(size=(150, 3))
    _walked.clear()
    at_once = carry_forward(lead, switching_cost=2.0)
    _walked.clear()
    for days in range(1, len(lead) + 1):
        grown = carry_forward(lead[:days], switching_cost=2.0)
        assert grown.agreed_through[-1] == at_once.agreed_through[days - 1]
    for name in ("score", "came_from", "since", "agreed_through", "agreement"):
        np.testing.assert_array_equal(getattr(grown, name), getattr(at_once, name))


def test_a_caller_who_changes_its_leads_gets_the_path_of_the_changed_ones():
    lead = np.random.default_rng(0).normal(size=(50, 3))
    before = carry_forward(lead, switching_cost=2.0).score.copy()
    lead *= 2
    after = carry_forward(lead, switching_cost=2.0).score
    assert not np.array_equal(before, after)
    _walked.clear()
    np.testing.assert_array_equal(after, carry_forward(lead, switching_cost=2.0).score)


def test_a_path_asked_for_twice_cannot_be_overwritten():
    survivors = carry_forward(np.eye(3), switching_cost=1.0)
    with pytest.raises(ValueError, match="read-only"):
        survivors.score[0] = 1.0


@given(LEADS, COSTS)
@settings(max_examples=25, deadline=None)
def test_the_path_up_to_a_row_is_that_of_the_history_which_ends_there(lead, cost):
    whole = carry_forward(lead, switching_cost=cost)
    for last in range(len(lead)):
        cut = carry_forward(lead[: last + 1], switching_cost=cost)
        np.testing.assert_array_equal(whole.path(last), cut.path())


MARKETS = st.integers(1, 9).flatmap(lambda days: arrays(np.float64, (days, 2, 3), elements=EIGHTHS))


@given(MARKETS, COSTS)
@settings(max_examples=40, deadline=None)
def test_many_markets_at_once_have_the_scores_and_paths_of_each_alone_ties_too(leads, cost):
    score, path = carry_many(leads, switching_cost=cost)
    for market in range(2):
        alone = carry_forward(leads[:, market], switching_cost=cost)
        np.testing.assert_array_equal(score[:, market], alone.score)
        np.testing.assert_array_equal(path[:, market], alone.path())


def test_a_regime_that_is_alone_leads_always_and_agrees_with_itself():
    lead = np.array([[0.5], [-1.0], [2.0], [0.0]])
    for days in (2, 4):  # the second walk goes on from the first
        survivors = carry_forward(lead[:days], switching_cost=1.0)
        assert survivors.score.tolist() == [[0.0]] * days
        assert survivors.agreed_through.tolist() == [*range(days)]
        assert survivors.path().tolist() == [0] * days


def test_a_path_asked_for_again_is_not_walked_again_and_memory_holds_four_costs():
    _walked.clear()
    lead = np.random.default_rng(1).normal(size=(50, 3))
    first = [carry_forward(lead, switching_cost=cost) for cost in (1.0, 2.0, 3.0, 4.0)]
    again = [carry_forward(lead, switching_cost=cost) for cost in (1.0, 2.0, 3.0, 4.0)]
    assert all(one is other for one, other in zip(first, again, strict=True))
    for cost in range(5, 14):
        carry_forward(lead, switching_cost=float(cost))
        assert len(_walked) <= 4
