"""Hidden Gaussian states by hmmlearn, start after start: the oracle of the batched engine."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from hmmlearn.base import ConvergenceMonitor
from hmmlearn.hmm import GaussianHMM

from regime.models.em import Parameters
from regime.models.hmm_problem import PSEUDO_COUNT, Ended, Problem

FloatArray = npt.NDArray[np.float64]


def carry(problem: Problem, starts: Parameters) -> list[Ended]:
    """Where each start ends; those that end in nothing finite say so themselves."""
    return [_carry_one(problem, starts, number) for number in range(len(starts.startprob))]


def _carry_one(problem: Problem, starts: Parameters, number: int) -> Ended:
    ended = Ended.nowhere(starts, number)
    # Where a row is so far from every state that "scaling" underflows, "log" is slower.
    for implementation in ("scaling", "log"):
        hmm = _unfitted(problem, starts, number, implementation)
        with overheard() as remarks:
            try:
                hmm.fit(problem.rows, problem.lengths)
                log_likelihood, smoothed = hmm.score_samples(problem.rows, problem.lengths)
            except ValueError:
                continue
        ended = Ended(
            startprob=hmm.startprob_,
            transmat=hmm.transmat_,
            means=hmm.means_,
            covars=np.array(hmm.covars_),
            log_likelihood=float(log_likelihood),
            iterations=int(hmm.monitor_.iter),
            converged=hmm.monitor_.settled,
            non_monotone=hmm.monitor_.fell,
            smallest_state_rows=float(smoothed.sum(axis=0).min()),
            remarks=len(remarks),
        )
        if ended.is_finite():
            break
    return ended


def _unfitted(problem: Problem, starts: Parameters, number: int, implementation: str) -> Any:
    covars = starts.covars[number]
    hmm = ShrunkHMM(
        len(covars),
        "full" if problem.full else "diag",
        means_weight=PSEUDO_COUNT,
        startprob_prior=1 + PSEUDO_COUNT,
        transmat_prior=1 + PSEUDO_COUNT + problem.stickiness * np.eye(len(covars)),
        n_iter=problem.n_iter,
        init_params="",
        implementation=implementation,
    )
    hmm.shrink_to(problem.pooled, problem.min_covar)
    hmm.monitor_ = Monitor(problem.tol * len(problem.rows), problem.n_iter, verbose=False)
    hmm.startprob_, hmm.transmat_ = starts.startprob[number], starts.transmat[number]
    hmm.means_ = starts.means[number]
    hmm.covars_ = covars if problem.full else diagonals(covars)
    return hmm


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
