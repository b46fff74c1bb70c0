"""Many small matrices at once: factors, inverses, floors under them, rows as probabilities.

Stacks have leading axes (n_restarts, n_states); what is here knows nothing of hidden states.
"""

import numpy as np
import numpy.typing as npt

from regime.models.compiled import compiled

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


@compiled
def factor(matrix: FloatArray, lower: FloatArray) -> tuple[float, float]:
    """Cholesky factor into `lower`; smallest pivot and log determinant.

    A pivot is what is left of a variance given the features before it. Where one is not
    positive the smallest is returned as 0 and the rest means nothing.
    """
    smallest, log_det = np.inf, 0.0
    for j in range(matrix.shape[0]):
        left = matrix[j, j]
        for k in range(j):
            left -= lower[j, k] * lower[j, k]
        if not left > 0.0:  # NaN too
            return 0.0, 0.0
        smallest = min(smallest, left)
        log_det += np.log(left)
        lower[j, j] = np.sqrt(left)
        for i in range(j + 1, matrix.shape[0]):
            value = matrix[i, j]
            for k in range(j):
                value -= lower[i, k] * lower[j, k]
            lower[i, j] = value / lower[j, j]
    return smallest, log_det


@compiled
def invert(matrix: FloatArray, inverse: FloatArray) -> tuple[float, float]:
    """Inverse of a matrix, zeros if it has none; smallest pivot and log determinant."""
    n = matrix.shape[0]
    lower, whiten = np.zeros((n, n)), np.zeros((n, n))
    smallest, log_det = factor(matrix, lower)
    inverse[:] = 0.0
    if smallest == 0.0:
        return smallest, log_det
    for j in range(n):
        whiten[j, j] = 1.0 / lower[j, j]
        for i in range(j + 1, n):
            value = 0.0
            for k in range(j, i):
                value -= lower[i, k] * whiten[k, j]
            whiten[i, j] = value / lower[i, i]
    for i in range(n):
        for j in range(i + 1):
            value = 0.0
            for k in range(i, n):
                value += whiten[k, i] * whiten[k, j]
            inverse[i, j] = value
            inverse[j, i] = value
    return smallest, log_det


@compiled
def smallest_pivots(matrices: FloatArray) -> FloatArray:
    """Smallest pivot of each (restart, state) matrix; 0 where one is not positive."""
    pivots, lower = np.empty(matrices.shape[:2]), np.zeros(matrices.shape[2:])
    for restart in range(matrices.shape[0]):
        for state in range(matrices.shape[1]):
            pivots[restart, state] = factor(matrices[restart, state], lower)[0]
    return pivots


@compiled
def invert_all(matrices: FloatArray, inverses: FloatArray, log_dets: FloatArray) -> None:
    """Inverse and log determinant of each (restart, state) matrix."""
    for restart in range(matrices.shape[0]):
        for state in range(matrices.shape[1]):
            found = invert(matrices[restart, state], inverses[restart, state])
            log_dets[restart, state] = found[1]


def precisions(covars: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Inverse and log determinant of each (n_restarts, n_states, n, n) matrix."""
    inverses, log_dets = np.empty(covars.shape), np.empty(covars.shape[:2])
    invert_all(np.ascontiguousarray(covars), inverses, log_dets)
    return inverses, log_dets


def at_least(covars: FloatArray, least: float | FloatArray, full: bool) -> FloatArray:
    """The likeliest covariances with no variance, in whatever direction, below `least`."""
    floor: FloatArray = np.broadcast_to(np.asarray(least, dtype=np.float64), covars.shape[-1])
    if not (floor > 0).all():
        return covars
    if not full:
        return np.maximum(covars, np.diag(floor))
    units = np.outer(np.sqrt(floor), np.sqrt(floor))
    scaled = covars / units
    low = ~(smallest_pivots(scaled - np.eye(len(floor))) > 0)  # some variance is below 1
    low &= np.isfinite(covars).all(axis=(-2, -1))
    if low.any():
        values, vectors = np.linalg.eigh(scaled[low])
        raised = (vectors * np.maximum(values, 1)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
        covars = covars.copy()
        covars[low] = raised * units
    return covars


def among(matrices: FloatArray, rows: IntArray, columns: IntArray) -> FloatArray:
    """Those rows and columns of each (..., n, n) matrix."""
    chosen: FloatArray = matrices[..., rows[:, None], columns]
    return chosen


@compiled
def shares(counts: FloatArray, pseudo: FloatArray, before: FloatArray) -> FloatArray:
    """Counts and pseudo-counts as shares; what was impossible stays so, no counts no change.

    Shapes (n_restarts, m, n_states), (m, n_states) for the pseudo-counts.
    """
    found = before.copy()
    for restart in range(counts.shape[0]):
        for row in range(counts.shape[1]):
            total = 0.0
            for state in range(counts.shape[2]):
                if before[restart, row, state] > 0:
                    total += counts[restart, row, state] + pseudo[row, state]
            if total > 1e-200:
                for state in range(counts.shape[2]):
                    if before[restart, row, state] > 0:
                        count = counts[restart, row, state] + pseudo[row, state]
                        found[restart, row, state] = count / total
    return found
