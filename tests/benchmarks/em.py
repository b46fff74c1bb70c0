"""What batched expectation maximisation is measured on, and beside whom; one thread."""

from typing import Any

import numpy as np
from benchmarks.turns import quietest
from hmmlearn.hmm import GaussianHMM

from regime.models.em import Parameters, fit_batch
from regime.models.em_recursions import Layout, backward, forward

RESTARTS, STATES, FEATURES = 10, 3, 8
STEPS = 4  # per timing, beyond the first, whose share of preparation is taken off


def simulated(
    n_rows: int,
    separation: float = 0.6,
    *,
    states: int = STATES,
    features: int = FEATURES,
    seed: int = 0,
) -> np.ndarray:
    """Rows from sticky Gaussian states."""
    rng = np.random.default_rng(seed)
    leaves = rng.random(n_rows) > 0.97
    drawn = rng.integers(states, size=n_rows)
    path = drawn[np.maximum.accumulate(np.where(leaves, np.arange(n_rows), 0))]
    means = rng.normal(scale=separation, size=(states, features))
    spread = 1 + 0.4 * np.arange(states)
    return means[path] + rng.normal(size=(n_rows, features)) * spread[path, None]


def starts(X: np.ndarray, n: int, *, states: int = STATES, seed: int = 1) -> Parameters:
    """Means of random segments, the sample's covariance, states that last."""
    rng = np.random.default_rng(seed)
    at = rng.integers(len(X) - 20, size=(n, states))
    means = np.stack([[X[i : i + 20].mean(axis=0) for i in row] for row in at])
    leave = 0.05 / (states - 1)
    move = np.full((states, states), leave) + np.eye(states) * (0.95 - leave)
    return Parameters(
        np.full((n, states), 1 / states),
        np.tile(move, (n, 1, 1)),
        means,
        np.tile(np.cov(X.T), (n, states, 1, 1)),
    )


def hmmlearn_fit(
    X: np.ndarray, one: Parameters, b: int, engine: str, n_iter: int, tol: float
) -> Any:
    """One restart by hmmlearn, without priors."""
    hmm = GaussianHMM(
        one.means.shape[1], "full", n_iter=n_iter, tol=tol, implementation=engine, init_params="",
        means_weight=0, covars_prior=0, covars_weight=0,
    )  # fmt: skip
    hmm.startprob_, hmm.transmat_ = one.startprob[b], one.transmat[b]
    hmm.means_, hmm.covars_ = one.means[b], one.covars[b]
    return hmm.fit(X)


def steps_of_ours(X: np.ndarray, one: Parameters) -> float:
    """Seconds per step of all restarts: from the second step to the last, evaluation apart."""

    def run(n_iter: int) -> float:
        return quietest(lambda: fit_batch(X, [len(X)], one, n_iter=n_iter, tol=0, revivals=0))

    return (run(1 + STEPS) - run(1)) / STEPS


def floor(X: np.ndarray) -> dict[str, float]:
    """The bare work of a step: two products, the exponential, the recursions. Seconds."""
    layout = Layout(RESTARTS, STATES)
    sizes = layout.sizes
    rng = np.random.default_rng(2)
    n_pairs = FEATURES * (FEATURES + 1) // 2
    features = rng.normal(size=(len(X), n_pairs + FEATURES + 1))
    coefficients = rng.normal(size=(features.shape[1], layout.columns)) / 20
    log_density, density, proba = np.empty((3, len(X), layout.columns))
    first, last = np.zeros((2, len(X)), dtype=bool)
    first[0] = last[-1] = True
    one = starts(X, RESTARTS)
    startprob, transmat = layout.pack(one.startprob), layout.pack(one.transmat)
    logs, moves, carried = np.zeros_like(startprob[:, 0]), np.zeros_like(transmat), startprob.copy()
    sums = np.empty_like(coefficients)
    return {
        "density product": quietest(lambda: np.matmul(features, coefficients, out=log_density)),
        "exp": quietest(lambda: np.exp(log_density, out=density)),
        "forward": quietest(
            lambda: forward(
                *sizes, log_density, density, first, startprob, transmat, proba, carried, logs
            )
        ),
        "backward": quietest(
            lambda: backward(*sizes, proba, last, transmat, density, carried, moves)
        ),
        "statistics product": quietest(lambda: np.matmul(features.T, proba, out=sums)),
    }
