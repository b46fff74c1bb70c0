"""What a fit of hidden Gaussian states starts from, is held by, and how it ended."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from hmmlearn.base import ConvergenceMonitor
from hmmlearn.hmm import GaussianHMM

FloatArray = npt.NDArray[np.float64]

SHORTEST_STRETCH = 5  # rows; a shorter one says little about what follows what


def complete_stretches(X: FloatArray) -> tuple[FloatArray, list[int]]:
    """Rows of the stretches without a missing value, and the length of each stretch.

    A gap ends a stretch; one shorter than `SHORTEST_STRETCH` is left out.
    """
    known = ~np.isnan(X).any(axis=1)
    edges = np.flatnonzero(np.diff(known, prepend=False, append=False)).reshape(-1, 2)
    kept = [(first, end) for first, end in edges if end - first >= SHORTEST_STRETCH]
    rows = np.concatenate([X[first:end] for first, end in kept] or [X[:0]])
    return rows, [int(end - first) for first, end in kept]


@dataclass(frozen=True, slots=True)
class Start:
    """Where one start ended; covariances full whatever the type."""

    startprob: FloatArray
    transmat: FloatArray
    means: FloatArray
    covars: FloatArray
    log_likelihood: float
    iterations: int
    converged: bool
    non_monotone: bool
    smallest_state_rows: float

    @classmethod
    def read(cls, hmm: Any, log_likelihood: float, smoothed: FloatArray) -> Self:
        """Take over what hmmlearn's model has learned."""
        return cls(
            startprob=hmm.startprob_,
            transmat=hmm.transmat_,
            means=hmm.means_,
            covars=np.array(hmm.covars_),
            log_likelihood=log_likelihood,
            iterations=int(hmm.monitor_.iter),
            converged=hmm.monitor_.settled,
            non_monotone=hmm.monitor_.fell,
            smallest_state_rows=float(smoothed.sum(axis=0).min()),
        )

    def is_finite(self) -> bool:
        """Whether this is a model at all."""
        arrays = (self.startprob, self.transmat, self.means, self.covars)
        return (
            math.isfinite(self.log_likelihood)
            and all(np.isfinite(array).all() for array in arrays)
            and bool(np.linalg.eigvalsh(self.covars).min() > 0)
        )


class ShrunkHMM(GaussianHMM):
    """Each state's covariance is that of its rows and of a few that look like the whole sample.

    hmmlearn's own prior is the same matrix for every state, divided by its rows: where one
    feature repeats others, the rarer state is the wider, so loses rows, and starves.
    """

    def shrink_to(self, pooled: FloatArray, min_covar: float) -> None:
        """Set the covariance of the few rows and what is added to every variance."""
        full, n_features = self.covariance_type == "full", len(pooled)
        self.few, unit = n_features + 1.0, np.eye(n_features)
        self.covars_weight = self.few + (n_features if full else 1)  # hmmlearn takes these off
        self.pooled = pooled if full else np.diag(pooled)
        self.added = min_covar * (unit if full else np.diag(unit))

    def _do_mstep(self, stats: Any) -> None:
        counts = stats["post"].reshape(-1, *(1,) * self.pooled.ndim) + self.few
        self.covars_prior = self.few * self.pooled + counts * self.added
        super()._do_mstep(stats)


class Monitor(ConvergenceMonitor):
    """hmmlearn's monitor, except that running out of steps is not convergence.

    With priors the likelihood alone may dip on the way up, so a fall is noted, not an end.
    """

    def report(self, log_prob: float) -> None:
        """Note one step."""
        self.history.append(log_prob)
        self.iter += 1

    @property
    def converged(self) -> bool:
        """Whether to stop."""
        return self.settled

    @property
    def settled(self) -> bool:
        """Whether the last step changed the log-likelihood by less than `tol`."""
        return len(self.history) > 1 and bool(abs(self.history[-1] - self.history[-2]) < self.tol)

    @property
    def fell(self) -> bool:
        """Whether a step lost more than `tol`."""
        return bool((np.diff(self.history) < -self.tol).any())


def typical_units(rows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centre and spread of each column, and the covariance of all in those units.

    The spread is half the distance between the 16th and 84th percentile, the standard
    deviation where the middle is flat, 1 where all is. Centre and covariance are of the rows
    within ten spreads: whole rows, so that features which add up go on adding up.
    """
    low, middle, high = np.quantile(rows, [0.159, 0.5, 0.841], axis=0)
    spread, flat = (high - low) / 2, 1e-12 * np.abs(middle)  # flat but for rounding
    spread = np.where(spread > flat, spread, rows.std(axis=0))
    spread = np.where(spread > flat, spread, 1.0)
    near = (np.abs(rows - middle) <= 10 * spread).all(axis=1)
    typical = rows[near] if near.mean() > 0.5 else rows
    centre = typical.mean(axis=0)
    standard = (typical - centre) / spread
    return centre, spread, standard.T @ standard / len(standard)


def first_guess(
    rows: FloatArray, pooled: FloatArray, n_states: int, random: Any
) -> tuple[FloatArray, FloatArray]:
    """Mean and covariance of each state from a random segment, half of it the whole sample.

    Segments are as long for every state: from one row to the share of an average state, long
    and short equally likely. k-means would cost as much as 25 steps from here.
    """
    length = max(int((len(rows) / n_states) ** random.uniform()), 1)
    firsts = random.choice(len(rows) - length + 1, size=n_states, replace=False)
    segments = np.stack([rows[first : first + length] for first in firsts])
    means = segments.mean(axis=1)
    centred = segments - means[:, None]
    within = np.einsum("kti,ktj->kij", centred, centred) / length
    return means, (within + pooled) / 2 + 1e-3 * np.eye(rows.shape[1])


def diagonals(covars: FloatArray) -> FloatArray:
    """The variances of each state."""
    return np.ascontiguousarray(np.diagonal(covars, axis1=1, axis2=2))


@contextmanager
def overheard() -> Iterator[list[str]]:
    """What hmmlearn would have logged, collected instead."""
    remarks: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        remarks.append(record.getMessage())
        return False

    log = logging.getLogger("hmmlearn.base")
    log.addFilter(keep)
    try:
        yield remarks
    finally:
        log.removeFilter(keep)
