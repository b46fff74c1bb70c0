"""Which state of a refit is which state of the model before it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

FloatArray = npt.NDArray[np.float64]

# Below these a match is a guess: a state shares less than half of its days with its
# namesake, or another numbering would do almost as well.
LEAST_OVERLAP = 0.5
LEAST_MARGIN = 0.1


@dataclass(frozen=True, slots=True)
class Match:
    """The new states in the order of the previous ones.

    Attributes
    ----------
    order : ndarray of shape (n_states,)
        `new[:, order]` lines up with `previous`.
    overlap : ndarray of shape (n_states,)
        Shared over combined probability of each previous state and its match, in [0, 1].
    margin : float
        Mean overlap less that of the second-best numbering; 1 for a single state.
    ambiguous : bool
        Whether `margin` is below `LEAST_MARGIN` or an overlap below `LEAST_OVERLAP`.
    """

    order: npt.NDArray[np.int64]
    overlap: FloatArray
    margin: float
    ambiguous: bool


def match_states(previous: FloatArray, new: FloatArray) -> Match:
    """Pair states so that the mean overlap of their probabilities is largest.

    Parameters
    ----------
    previous, new : ndarray of shape (n_rows, n_states)
        Filtered state probabilities of the same rows under the two models.

    Raises
    ------
    ValueError
        If the shapes differ, there is no row, or a probability is missing.

    Notes
    -----
    The overlap of two states is sum(min(p, q)) / sum(max(p, q)) over rows, so a rare state
    counts as much as a common one. A state that neither model ever visits overlaps nothing.
    The second-best numbering avoids at least one pair of the best, so forbidding each pair
    in turn finds it.
    """
    if previous.shape != new.shape or not len(new):
        raise ValueError(
            "Matching needs both models' probabilities of the same rows and as many states, "
            f"found shapes {previous.shape} and {new.shape}. Refit with equal n_states and "
            "give rows that both models can read."
        )
    if not (np.isfinite(previous).all() and np.isfinite(new).all()):
        raise ValueError("Matching needs every state probability, found some missing.")
    shared = np.minimum(previous[:, :, None], new[:, None, :]).sum(axis=0)
    combined = np.maximum(previous[:, :, None], new[:, None, :]).sum(axis=0)
    overlaps = np.divide(shared, combined, out=np.zeros_like(shared), where=combined > 0)

    states, order = linear_sum_assignment(overlaps, maximize=True)
    overlap = overlaps[states, order]
    margin = 1.0
    if len(order) > 1:
        others = [_best_without(overlaps, pair) for pair in zip(states, order, strict=True)]
        margin = float(overlap.mean() - max(others))
    ambiguous = bool(margin < LEAST_MARGIN or overlap.min() < LEAST_OVERLAP)
    return Match(order, overlap, margin, ambiguous)


def _best_without(overlaps: FloatArray, pair: tuple[int, int]) -> float:
    """The largest mean overlap of a numbering that does not contain `pair`."""
    forbidden = overlaps.copy()
    forbidden[pair] = -len(overlaps) - 1.0
    states, order = linear_sum_assignment(forbidden, maximize=True)
    return float(overlaps[states, order].mean())
