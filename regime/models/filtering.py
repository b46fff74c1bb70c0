"""The forward recursion: which hidden state, as far as the rows so far can tell.

Everything about row t follows from rows up to t, to the bit: the arithmetic works row by
row or element by element, never in blocks whose rounding depends on how many rows follow.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular

from regime.models.compiled import compiled
from regime.models.em_recursions import LOST, lift
from regime.models.missing import known_alike

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


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
    startprob: FloatArray,
    transmat: FloatArray,
    log_density: FloatArray,
    *,
    before: FloatArray | None = None,
) -> Filtered:
    """Carry the state probabilities forward, one row at a time.

    Parameters
    ----------
    startprob : ndarray of shape (n_states,)
        Probabilities of the states at the first row, before it is seen.
    transmat : ndarray of shape (n_states, n_states), rows sum to 1
    log_density : ndarray of shape (n_rows, n_states)
        Log density of each row in each state; a row of zeros is no evidence.
    before : ndarray of shape (n_states,), optional
        Filtered probabilities of the row before these, to go on from instead of a start.

    Returns
    -------
    Filtered

    Raises
    ------
    ValueError
        If shapes disagree, `before` holds no probabilities, or a row is impossible: no
        state with a finite log density can be reached.

    Notes
    -----
    O(n_rows n_states^2). Each row's largest log density is taken out before `exp`, so rows
    far from every state do not underflow. A state that falls below 1e-308 of the best one
    counts as left; only a transition leads back.

    Examples
    --------
    A state that stays nine times in ten, and three rows. The second contradicts the first; the
    third tells nothing, and certainty fades.

    >>> import numpy as np
    >>> stay = np.array([[0.9, 0.1], [0.1, 0.9]])
    >>> says = np.log([[0.8, 0.2], [0.2, 0.8], [1.0, 1.0]])
    >>> forward_filter(np.array([0.5, 0.5]), stay, says).proba.round(3)
    array([[0.8  , 0.2  ],
           [0.416, 0.584],
           [0.433, 0.567]])
    """
    # Copies in one order, all writable: the machine code is that of one kind of array.
    log_density = np.asarray(log_density, dtype=np.float64)
    ahead = np.array(startprob, dtype=np.float64)
    transmat = np.array(transmat, dtype=np.float64, order="C")
    _check_states(len(ahead), transmat, log_density, "log_density")
    if before is not None:
        before = np.array(before, dtype=np.float64)
        if before.shape != ahead.shape or (before < 0).any() or not np.isclose(before.sum(), 1):
            raise ValueError(
                f"`before` must be the probabilities of the {len(ahead)} states at the row "
                f"before, and add up to 1; found {before.tolist()}. Give one row of what was "
                "filtered."
            )
        _move(before, transmat, ahead)
    top = log_density.max(axis=1) if len(log_density) else np.empty(0)
    if (wrong := ~np.isfinite(top)).any():  # NaN and +inf come through the maximum too
        row = int(wrong.argmax())
        raise ValueError(
            f"Row {row} fits no state: its log densities are {log_density[row].tolist()}. "
            "Each row needs one that is finite and none that is NaN; look for a value that "
            "is far from anything seen in training."
        )
    proba, logs = np.empty(log_density.shape), top.copy()
    below = np.ascontiguousarray(log_density - top[:, None])
    wrong_row = _carry(ahead, transmat, below, proba, logs)
    if wrong_row >= 0:
        raise ValueError(
            f"Row {wrong_row} is impossible: every state it could come from is one that the "
            "transition matrix cannot reach by then."
        )
    return Filtered(proba, math.fsum(logs))


def _check_states(n: int, transmat: FloatArray, rows: FloatArray, name: str) -> None:
    """Raise unless all are of so many states; machine code would read beside what is not."""
    if transmat.shape != (n, n) or rows.ndim != 2 or rows.shape[1] != n:
        raise ValueError(
            f"{n} states need a `transmat` of shape ({n}, {n}) and `{name}` of shape (n_rows, "
            f"{n}); found {transmat.shape} and {rows.shape}. Give all of the same model."
        )


@compiled
def _move(state: FloatArray, transmat: FloatArray, ahead: FloatArray) -> None:
    """Probabilities of the states a row later, before it is seen."""
    for after in range(len(ahead)):
        ahead[after] = 0.0
        for before in range(len(ahead)):
            ahead[after] += state[before] * transmat[before, after]


@compiled
def _carry(
    ahead: FloatArray,
    transmat: FloatArray,
    log_density: FloatArray,
    proba: FloatArray,
    logs: FloatArray,
) -> int:
    """Fill `proba` and add to `logs`; the first impossible row, or -1."""
    n = len(ahead)
    for row in range(len(log_density)):
        total = 0.0
        for state in range(n):
            proba[row, state] = ahead[state] * math.exp(log_density[row, state])
            total += proba[row, state]
        if total < LOST:
            logs[row] += lift(ahead, log_density[row], proba[row])
            total = 0.0
            for state in range(n):
                total += proba[row, state]
            if not total > 0.0:
                return row
        logs[row] += math.log(total)
        for state in range(n):
            proba[row, state] /= total
        _move(proba[row], transmat, ahead)
    return -1


def smooth(filtered: FloatArray, transmat: FloatArray) -> FloatArray:
    """State probabilities given all rows, later ones included. Looks ahead by design.

    Parameters
    ----------
    filtered : ndarray of shape (n_rows, n_states), from `forward_filter`
    transmat : ndarray of shape (n_states, n_states), the one it was filtered with

    Returns
    -------
    ndarray of shape (n_rows, n_states), probabilities; rows sum to 1

    Raises
    ------
    ValueError
        If shapes disagree.
    """
    smoothed = np.array(filtered, dtype=np.float64, order="C")
    transmat = np.array(transmat, dtype=np.float64, order="C")
    _check_states(len(transmat), transmat, smoothed, "filtered")
    _carry_back(transmat, smoothed)
    return smoothed


@compiled
def _carry_back(transmat: FloatArray, proba: FloatArray) -> None:
    """Filtered to smoothed probabilities, in place, from the last row up."""
    n = len(transmat)
    ratio = np.empty(n)
    for row in range(len(proba) - 2, -1, -1):
        for state in range(n):
            ahead = 0.0
            for before in range(n):
                ahead += proba[row, before] * transmat[before, state]
            ratio[state] = proba[row + 1, state] / ahead if ahead > 0 else 0.0
        total = 0.0
        for state in range(n):
            back = 0.0
            for after in range(n):
                back += transmat[state, after] * ratio[after]
            proba[row, state] *= back
            total += proba[row, state]
        for state in range(n):
            proba[row, state] /= total


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
    for known, rows in known_alike(~np.isnan(X)):
        values = np.ascontiguousarray(X[np.ix_(rows, known)].T)
        for state, (mean, covar) in enumerate(zip(means, covars, strict=True)):
            whiten, log_volume = whitening(
                covar[np.ix_(known, known)], f"covariance matrix of state {state}"
            )
            constant = len(whiten) * math.log(2 * math.pi) / 2 + log_volume
            distance = squared_norm(whiten, values - mean[known, None])
            log_density[rows, state] = -0.5 * distance - constant
    return log_density


def whitening(covar: FloatArray, what: str) -> tuple[FloatArray, float]:
    """The lower triangle that makes such features independent, and half the log determinant.

    Raises
    ------
    ValueError
        Naming `what`, if it is not positive definite.
    """
    try:
        lower = np.linalg.cholesky(covar)
    except np.linalg.LinAlgError:
        raise ValueError(
            f"The {what} is not positive definite. Raise min_covar, or leave out features that "
            "repeat others."
        ) from None
    whiten: FloatArray = solve_triangular(lower, np.eye(len(lower)), lower=True)
    return whiten, float(np.log(np.diag(lower)).sum())


def mix(weights: FloatArray, rows: FloatArray) -> FloatArray:
    """`weights @ rows`, with each result independent of how many others are asked for."""
    mixed = np.zeros((len(weights), rows.shape[1]))
    for weight, row in zip(weights.T, rows, strict=True):
        mixed += weight[:, None] * row
    return mixed


def squared_norm(lower: FloatArray, values: FloatArray) -> FloatArray:
    """Squared length of each column of `lower @ values`; a far row may overflow to inf."""
    total = np.zeros(values.shape[1])
    with np.errstate(over="ignore"):
        for i in range(len(lower)):
            part = lower[i, 0] * values[0]
            for j in range(1, i + 1):
                part += lower[i, j] * values[j]
            total += part * part
    return total
