"""Simulated chains, and what holds of every distribution."""

import numpy as np
from hmmlearn.hmm import GaussianHMM
from numpy.testing import assert_allclose

NAMES = np.array(["broadening", "mega_cap_led", "small_cap_led"])


def simulate(n_rows, means, covars, transmat, seed):
    """Rows and hidden states of a Gaussian chain that begins in its stationary distribution."""
    rng = np.random.default_rng(seed)
    means, moves = np.asarray(means), np.cumsum(transmat, axis=1)
    states = np.empty(n_rows, dtype=int)
    state = rng.choice(len(means), p=np.linalg.matrix_power(transmat, 10_000)[0])
    for row, draw in enumerate(rng.random(n_rows)):
        states[row] = state = (
            min(int((moves[state] < draw).sum()), len(means) - 1) if row else state
        )
    roots = np.linalg.cholesky(covars)
    noise = rng.normal(size=(n_rows, means.shape[1]))
    return means[states] + np.einsum("tij,tj->ti", roots[states], noise), states


STICKY = np.array([[0.97, 0.02, 0.01], [0.01, 0.97, 0.02], [0.02, 0.01, 0.97]])


def market(n_rows=1500, apart=1.2, seed=1):
    means = apart * np.array([[-1.0, 0.0], [0.0, 1.0], [1.0, -0.5]])
    covars = np.array([np.eye(2), [[1.5, 0.5], [0.5, 0.8]], 0.6 * np.eye(2)])
    X, states = simulate(n_rows, means, covars, STICKY, seed)
    return X, NAMES[states]


def hmmlearn_twin(model):
    hmm = GaussianHMM(model.n_states, "full")
    hmm.startprob_, hmm.transmat_ = model.startprob_, model.transmat_
    hmm.means_, hmm.covars_ = model.means_, model.covars_
    return hmm


def assert_distributions(*arrays):
    for array in arrays:
        assert (array >= 0).all()
        assert_allclose(array.sum(axis=-1), 1.0, rtol=1e-12)
