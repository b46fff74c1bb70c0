"""States of a refit keep their numbers, or it is said that they may not have."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from regime.models.matching import match_states


def posteriors(rng, n_rows, n_states, sharpness=4.0):
    """Days that mostly belong to one state, each state having its share of days."""
    weights = rng.normal(size=(n_rows, n_states))
    weights[np.arange(n_rows), np.arange(n_rows) % n_states] += sharpness
    return np.exp(weights) / np.exp(weights).sum(axis=1, keepdims=True)


def overlap(p, q):
    combined = np.maximum(p, q).sum()
    return np.minimum(p, q).sum() / combined if combined else 0.0


@given(st.integers(1, 7), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_a_permutation_is_undone(k, seed):
    rng = np.random.default_rng(seed)
    previous = posteriors(rng, 150, k)
    shuffled = rng.permutation(k)
    noisy = 0.9 * previous + 0.1 * posteriors(rng, 150, k)
    match = match_states(previous, noisy[:, shuffled])
    assert_array_equal(shuffled[match.order], np.arange(k))
    assert not match.ambiguous


@given(st.integers(2, 5), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_best_and_second_best_are_those_of_trying_every_numbering(k, seed):
    rng = np.random.default_rng(seed)
    previous, new = (rng.dirichlet(np.full(k, 0.3), size=12) for _ in range(2))
    means = {
        order: np.mean([overlap(previous[:, i], new[:, j]) for i, j in enumerate(order)])
        for order in itertools.permutations(range(k))
    }
    best, second = sorted(means.values(), reverse=True)[:2]
    match = match_states(previous, new)
    assert means[tuple(match.order)] == pytest.approx(best)
    assert match.overlap.mean() == pytest.approx(best)
    assert match.margin == pytest.approx(best - second, abs=1e-12)
    assert match.ambiguous == (match.margin < 0.1 or match.overlap.min() < 0.5)


def test_by_hand():
    previous = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    new = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
    match = match_states(previous, new)
    assert_array_equal(match.order, [1, 0])
    assert_allclose(match.overlap, [1.5 / 2, 1 / 1.5])
    assert match.margin == pytest.approx((1.5 / 2 + 1 / 1.5) / 2 - (0.5 / 3 + 0.0) / 2)
    assert not match.ambiguous


def test_states_that_say_the_same_are_ambiguous_however_well_they_overlap():
    even = np.full((50, 2), 0.5)
    match = match_states(even, even)
    assert_allclose(match.overlap, 1.0)
    assert match.margin == pytest.approx(0.0)
    assert match.ambiguous


def test_a_state_that_became_another_is_ambiguous_however_clear_the_rest():
    previous = np.eye(3)[np.repeat([0, 1, 2], [100, 100, 4])]
    new = np.eye(3)[np.repeat([0, 2, 1, 1], [100, 3, 97, 4])]  # the rare state moved elsewhere
    match = match_states(previous, new)
    assert match.margin > 0.1
    assert match.overlap.min() < 0.5
    assert match.ambiguous


def test_a_state_that_nobody_visits_is_ambiguous():
    never = np.eye(3)[np.tile([0, 1], 20)]
    match = match_states(never, never)
    assert match.overlap[2] == 0.0
    assert match.ambiguous


def test_a_single_state_is_itself():
    match = match_states(np.ones((5, 1)), np.ones((5, 1)))
    assert match.margin == 1.0
    assert not match.ambiguous


@pytest.mark.parametrize("shape", [(5, 3), (6, 2)])
def test_other_states_or_rows_cannot_be_matched(shape):
    with pytest.raises(ValueError, match="same rows and as many states"):
        match_states(np.full((5, 2), 0.5), np.full(shape, 1 / shape[1]))


def test_no_rows_or_unknown_ones_cannot_be_matched():
    with pytest.raises(ValueError, match="same rows"):
        match_states(np.empty((0, 2)), np.empty((0, 2)))
    with pytest.raises(ValueError, match="some missing"):
        match_states(np.full((5, 2), 0.5), np.full((5, 2), np.nan))
