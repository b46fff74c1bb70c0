"""What expectation maximisation changes, and what was known beforehand."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from regime.models.matrices import FloatArray


@dataclass(frozen=True, slots=True)
class Parameters:
    """One model per restart.

    Attributes
    ----------
    startprob : ndarray of shape (n_restarts, n_states), rows sum to 1
    transmat : ndarray of shape (n_restarts, n_states, n_states), rows sum to 1
    means : ndarray of shape (n_restarts, n_states, n_features)
    covars : ndarray of shape (n_restarts, n_states, n_features, n_features)
        Positive definite; the scale matrix of a Student-t. Diagonal matrices for "diag".
    degrees : ndarray of shape (n_restarts, n_states), or None
        Degrees of freedom of a Student-t.
    """

    startprob: FloatArray
    transmat: FloatArray
    means: FloatArray
    covars: FloatArray
    degrees: FloatArray | None = None

    def take(self, restarts: npt.NDArray[np.intp]) -> Self:
        """Copies of those restarts."""
        degrees = None if self.degrees is None else self.degrees[restarts]
        return type(self)(self.startprob[restarts], self.transmat[restarts],
                          self.means[restarts], self.covars[restarts], degrees)  # fmt: skip

    def put(self, restarts: npt.NDArray[np.intp], others: "Parameters") -> None:
        """Overwrite those restarts."""
        for name in ("startprob", "transmat", "means", "covars", "degrees"):
            if (mine := getattr(self, name)) is not None:
                mine[restarts] = getattr(others, name)


@dataclass(frozen=True, slots=True)
class Prior:
    """What is known before the rows; nothing by default.

    Attributes
    ----------
    pooled : ndarray of shape (n_features, n_features)
        Covariance every state is drawn towards.
    rows : float
        How many rows' worth.
    centre : float or ndarray of shape (n_features,)
        Mean every state is drawn towards.
    centre_rows : float
        How many rows' worth.
    start, moves, stay : float
        Pseudo-counts of each start, of each move, and of each stay on top. What is
        impossible at the outset remains so.
    added : float or ndarray of shape (n_features,)
        Variance added after each step. Not the maximum of anything: the objective may fall.
    least : float or ndarray of shape (n_features,)
        No variance, in whatever direction, falls below; the objective never falls.
    """

    pooled: float | FloatArray = 0.0
    rows: float = 0.0
    centre: float | FloatArray = 0.0
    centre_rows: float = 0.0
    start: float = 0.0
    moves: float = 0.0
    stay: float = 0.0
    added: float | FloatArray = 0.0
    least: float | FloatArray = 0.0
