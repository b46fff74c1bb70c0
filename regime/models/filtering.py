"""The forward recursion: which hidden state, as far as the rows so far can tell.

Everything about row t follows from rows up to t, to the bit: the arithmetic works row by
row or element by element, never in blocks whose rounding depends on how many rows follow.
"""

import math
from dataclasses import dataclass
from operator import mul

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Filtered:
    """What the rows so far say.

    Attributes
    ----------
    proba : ndarray of shape (n_rows, n_states), rows sum to 1
        Probability of each state given this row and those before it.
    log_likelihood : float
        Log density of all rows, in nats.
    """

    proba: FloatArray
    log_likelihood: float


def forward_filter(
    startprob: FloatArray, transmat: FloatArray, log_density: FloatArray
) -> Filtered:
    """Carry the state probabilities forward, one row at a time.

    Parameters
    ----------
    startprob : ndarray of shape (n_states,)
        Probabilities of the states at the first row, before it is seen.
    transmat : ndarray of shape (n_states, n_states), rows sum to 1
    log_density : ndarray of shape (n_rows, n_states)
        Log density of each row in each state; a row of zeros is no evidence.

    Raises
    ------
    ValueError
        If a row is impossible: no state with a finite log density can be reached.

    Notes
    -----
    O(n_rows n_states^2). Each row's largest log density is taken out before `exp`, so rows
    far from every state do not underflow. A state that falls below 1e-308 of the best one
    counts as left; only a transition leads back.
    """
    log_density = np.asarray(log_density, dtype=np.float64)
    top = log_density.max(axis=1) if len(log_density) else np.empty(0)
    if (wrong := ~np.isfinite(top)).any():  # NaN and +inf come through the maximum too
        row = int(wrong.argmax())
        raise ValueError(
            f"Row {row} fits no state: its log densities are {log_density[row].tolist()}. "
            "Each row needs one that is finite and none that is NaN; look for a value that "
            "is far from anything seen in training."
        )
    proba = np.empty_like(log_density)
    logs = top.tolist()
    columns = np.asarray(transmat, dtype=np.float64).T.tolist()
    ahead = np.asarray(startprob, dtype=np.float64).tolist()
    # Plain floats: for a handful of states numpy would spend its time on overhead.
    for row, relative in enumerate((log_density - top[:, None]).tolist()):
        joint = list(map(mul, ahead, map(math.exp, relative)))
        total = sum(joint)
        if total < 1e-200:
            joint, lifted = _lift(ahead, relative, row)
            total = sum(joint)
            logs[row] += lifted
        state = [value / total for value in joint]
        proba[row] = state
        logs[row] += math.log(total)
        ahead = [sum(map(mul, state, column)) for column in columns]
    return Filtered(proba, math.fsum(logs))


def smooth(filtered: FloatArray, transmat: FloatArray) -> FloatArray:
    """State probabilities given all rows, later ones included. Looks ahead by design.

    Parameters
    ----------
    filtered : ndarray of shape (n_rows, n_states), from `forward_filter`
    transmat : ndarray of shape (n_states, n_states), the one it was filtered with
    """
    smoothed = filtered.copy()
    for row in range(len(filtered) - 2, -1, -1):
        ahead = filtered[row] @ transmat
        update = np.divide(smoothed[row + 1], ahead, out=np.zeros_like(ahead), where=ahead > 0)
        smoothed[row] = filtered[row] * (transmat @ update)
        smoothed[row] /= smoothed[row].sum()
    return smoothed


def gaussian_log_density(X: FloatArray, means: FloatArray, covars: FloatArray) -> FloatArray:
    """Log density of what is known of each row; missing features are integrated out.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), NaN where unknown
    means : ndarray of shape (n_states, n_features)
    covars : ndarray of shape (n_states, n_features, n_features), positive definite

    Returns
    -------
    ndarray of shape (n_rows, n_states); 0 in every state for a row with nothing known.

    Raises
    ------
    ValueError
        If a covariance matrix is not positive definite.
    """
    log_density = np.zeros((len(X), len(means)))
    patterns, pattern_of = np.unique(~np.isnan(X), axis=0, return_inverse=True)
    for number, known in enumerate(patterns):
        rows = np.flatnonzero(pattern_of == number)
        values = np.ascontiguousarray(X[np.ix_(rows, known)].T)
        for state, (mean, covar) in enumerate(zip(means, covars, strict=True)):
            try:
                lower = np.linalg.cholesky(covar[np.ix_(known, known)])
            except np.linalg.LinAlgError:
                raise ValueError(
                    f"The covariance matrix of state {state} is not positive definite. "
                    "Raise min_covar, or leave out features that repeat others."
                ) from None
            whiten = solve_triangular(lower, np.eye(len(lower)), lower=True)
            constant = len(lower) * math.log(2 * math.pi) / 2 + np.log(np.diag(lower)).sum()
            distance = _squared_norm(whiten, values - mean[known, None])
            log_density[rows, state] = -0.5 * distance - constant
    return log_density


def mix(weights: FloatArray, rows: FloatArray) -> FloatArray:
    """`weights @ rows`, with each result independent of how many others are asked for."""
    mixed = np.zeros((len(weights), rows.shape[1]))
    for weight, row in zip(weights.T, rows, strict=True):
        mixed += weight[:, None] * row
    return mixed


def _squared_norm(lower: FloatArray, values: FloatArray) -> FloatArray:
    """Squared length of each column of `lower @ values`; a far row may overflow to inf."""
    total = np.zeros(values.shape[1])
    with np.errstate(over="ignore"):
        for i in range(len(lower)):
            part = lower[i, 0] * values[0]
            for j in range(1, i + 1):
                part += lower[i, j] * values[j]
            total += part * part
    return total


def _lift(ahead: list[float], relative: list[float], row: int) -> tuple[list[float], float]:
    """The joint weights of a row whose likely states could hardly be reached.

    Returns weights whose largest is 1, and the logarithm of what they were divided by.
    """
    logs = [
        math.log(before) + density if before > 0 else -math.inf
        for before, density in zip(ahead, relative, strict=True)
    ]
    largest = max(logs)
    if largest == -math.inf:
        raise ValueError(
            f"Row {row} is impossible: every state it could come from is one that the "
            "transition matrix cannot reach by then."
        )
    return [math.exp(value - largest) for value in logs], largest
