"""Carry starts of hidden states to convergence: in one batch, or by hmmlearn.

Both maximise the same thing; hmmlearn takes one start after the other.
"""

from typing import Literal

import numpy as np

from regime.models.em import FitResult, Parameters, Prior, fit_batch
from regime.models.hmm_problem import PSEUDO_COUNT, Ended, Problem
from regime.threads import one_thread

Engine = Literal["batched", "hmmlearn"]

# Steps, and nats per row behind the best at which a challenger is then given up. Patience (40
# steps, 0.2 nats) won nothing on forty years of monthly refits, and took half as long again.
TRIAL, BEHIND = 20, 0.05


def carry(problem: Problem, starts: Parameters, engine: Engine) -> list[Ended]:
    """Where each start ends."""
    with np.errstate(all="ignore"), one_thread():
        if engine == "hmmlearn":
            from regime.models import hmm_by_hmmlearn  # only who asks for it waits for it

            return hmm_by_hmmlearn.carry(problem, starts)
        return _ended(_batched(problem, starts, problem.n_iter))


def challenge(problem: Problem, starts: Parameters, engine: Engine) -> list[Ended]:
    """The same, but of starts after the first only those are carried on that may still win."""
    if engine == "hmmlearn" or problem.n_iter <= TRIAL:
        return carry(problem, starts, engine)
    with np.errstate(all="ignore"), one_thread():
        trial = _batched(problem, starts, TRIAL)
        ended = _ended(trial)
        reached = problem.worth(trial.log_likelihood, trial.parameters.transmat)
        near = reached >= np.fmax.reduce(reached) - BEHIND * problem.n_rows
        near[0] = True
        going = np.flatnonzero(near & ~trial.converged & np.isfinite(reached))
        if len(going):
            found = _batched(problem, trial.parameters.take(going), problem.n_iter - TRIAL)
            for number, further in zip(going, _ended(found), strict=True):
                ended[number] = ended[number].then(further)
        return ended


def _batched(problem: Problem, starts: Parameters, n_iter: int) -> FitResult:
    prior = Prior(
        pooled=problem.pooled,
        rows=problem.few,
        centre_rows=PSEUDO_COUNT,
        start=PSEUDO_COUNT,
        moves=PSEUDO_COUNT,
        stay=problem.stickiness,
        added=problem.min_covar,
    )
    return fit_batch(
        problem.rows,
        problem.lengths,
        starts,
        covariance="full" if problem.full else "diag",
        emission=problem.emission,
        degrees="estimated",
        n_iter=n_iter,
        tol=problem.tol * problem.n_rows,
        prior=prior,
    )


def _ended(found: FitResult) -> list[Ended]:
    parameters = found.parameters
    return [
        Ended(
            startprob=parameters.startprob[number],
            transmat=parameters.transmat[number],
            means=parameters.means[number],
            covars=parameters.covars[number],
            log_likelihood=float(found.log_likelihood[number]),
            iterations=int(found.iterations[number]),
            converged=bool(found.converged[number]),
            non_monotone=not found.monotone[number],
            smallest_state_rows=float(found.state_rows[number].min()),
            revived=int(found.revived[number]),
            degrees=None if parameters.degrees is None else parameters.degrees[number],
        )
        for number in range(len(found.log_likelihood))
    ]
