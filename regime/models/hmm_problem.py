"""What is asked of an engine that fits hidden states, and what it answers."""

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from regime.models.em import Emission, Parameters
from regime.models.matrices import smallest_pivots

FloatArray = npt.NDArray[np.float64]

PSEUDO_COUNT = 0.1  # of each transition and of a row at the centre: no state can starve


@dataclass(frozen=True, slots=True)
class Problem:
    """Rows to explain, and what holds the states.

    Attributes
    ----------
    rows : ndarray of shape (n_rows, n_features), in typical units, NaN where unknown
    lengths : list of int
        Rows of each stretch, in order.
    pooled : ndarray of shape (n_features, n_features)
        Covariance of all rows; every state is held by `few` rows that look like it, so that
        none starves where features repeat one another.
    full : bool
        Whether states have covariances, not only variances.
    min_covar : float
        Variance added to every feature in every state.
    n_iter : int
        Steps at most.
    tol : float
        Change in nats per row that ends a fit.
    emission : {"gaussian", "student_t"}
    stickiness : float
        Rows that every state has stayed in, beyond those that were seen.
    """

    rows: FloatArray
    lengths: list[int]
    pooled: FloatArray
    full: bool
    min_covar: float
    n_iter: int
    tol: float
    emission: Emission = "gaussian"
    stickiness: float = 0.0

    @property
    def n_rows(self) -> int:
        """Rows of which anything is known."""
        return int((~np.isnan(self.rows)).any(axis=1).sum())

    @property
    def few(self) -> float:
        """How many rows of the whole sample every state is held by."""
        return len(self.pooled) + 1.0

    def worth(self, log_likelihood: FloatArray, transmat: FloatArray) -> FloatArray:
        """By which models are compared: likelihood, and how far each is as sticky as was asked.

        Shapes (...) and (..., n_states, n_states). The other priors are too weak to choose by.
        """
        if not self.stickiness:
            return log_likelihood
        stays = np.diagonal(transmat, axis1=-2, axis2=-1)
        added: FloatArray = self.stickiness * np.log(stays).sum(axis=-1)
        return log_likelihood + added


@dataclass(frozen=True, slots=True)
class Ended:
    """Where one start ended; covariances full whatever the type, degrees of a Student-t."""

    startprob: FloatArray
    transmat: FloatArray
    means: FloatArray
    covars: FloatArray
    log_likelihood: float
    iterations: int
    converged: bool
    non_monotone: bool
    smallest_state_rows: float
    revived: int = 0
    remarks: int = 0
    degrees: FloatArray | None = None

    @classmethod
    def nowhere(cls, starts: Parameters, number: int) -> Self:
        """A start that never became a model."""
        return cls(
            startprob=starts.startprob[number],
            transmat=starts.transmat[number],
            means=starts.means[number],
            covars=starts.covars[number],
            log_likelihood=math.nan,
            iterations=0,
            converged=False,
            non_monotone=False,
            smallest_state_rows=0.0,
        )

    def then(self, further: Self) -> Self:
        """Where it ended when it was carried on from here."""
        return replace(
            further,
            iterations=self.iterations + further.iterations,
            non_monotone=self.non_monotone or further.non_monotone,
            revived=self.revived + further.revived,
            remarks=self.remarks + further.remarks,
        )

    def is_finite(self) -> bool:
        """Whether this is a model at all."""
        arrays = [self.startprob, self.transmat, self.means, self.covars]
        arrays += [] if self.degrees is None else [self.degrees]
        return (
            math.isfinite(self.log_likelihood)
            and all(np.isfinite(array).all() for array in arrays)
            and bool(np.linalg.eigvalsh(self.covars).min() > 0)
            and bool(smallest_pivots(self.covars[None]).min() > 0)  # the next fit can start here
        )
