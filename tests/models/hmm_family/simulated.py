"""Simulated markets, and the estimators that every test of the family asks."""

import numpy as np
from numpy.testing import assert_array_equal

from regime.models.hmm import GaussianHMMClassifier

NAMES = np.array(["broadening", "mega_cap_led", "small_cap_led"])
MEANS = np.array([[-1.0, 0.0], [0.0, 1.0], [1.0, -0.5]])


def chain(n_rows, moves, seed):
    """Hidden states, the first of them the first."""
    rng, state = np.random.default_rng(seed), 0
    sums, states = np.cumsum(moves, axis=1), np.empty(n_rows, dtype=int)
    for row, draw in enumerate(rng.random(n_rows)):
        states[row] = state = min(int((sums[state] < draw).sum()), len(moves) - 1)
    return states


def sticky(n_states, stay=0.97):
    return np.full((n_states, n_states), (1 - stay) / (n_states - 1)) + np.eye(n_states) * (
        stay - (1 - stay) / (n_states - 1)
    )


def market(n_rows, apart=1.2, seed=1, degrees=np.inf, means=MEANS):
    """Rows of sticky states, and which state each is in."""
    states = chain(n_rows, sticky(len(means)), seed)
    rng = np.random.default_rng(seed + 1000)
    noise = rng.normal(size=(n_rows, means.shape[1]))
    if np.isfinite(degrees):
        noise /= np.sqrt(rng.chisquare(degrees, size=(n_rows, 1)) / degrees)
    return apart * means[states] + noise, states


def hmm(**params):
    return GaussianHMMClassifier(**{"n_init": 3, "random_state": 0, **params})


def assert_same_arrays(one, other):
    arrays = other.to_arrays()
    assert one.to_arrays().keys() == arrays.keys()
    for name, array in one.to_arrays().items():
        assert_array_equal(array, arrays[name], err_msg=name)
