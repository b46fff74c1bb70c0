"""The likeliest model that can be reached, and how sure one may be that it is."""

import math

import numpy as np

from regime.models.em import Parameters
from regime.models.hmm_engines import Engine, carry, challenge
from regime.models.hmm_problem import Ended, Problem
from regime.models.hmm_starts import beside

Health = dict[str, float | int | bool]


def search(
    problem: Problem, warm: Parameters | None, others: Parameters, engine: Engine
) -> list[Ended]:
    """Where each start ends: first the one to go on from, if any, then the others, if any."""
    if warm is None:
        return carry(problem, others, engine)
    if not len(others.startprob):
        return carry(problem, warm, engine)
    return challenge(problem, beside(warm, others), engine)


def best_of(tried: list[Ended], problem: Problem, *, warm: bool) -> tuple[Ended, Health]:
    """The likeliest of those that ended in a model, and how all did, as plain numbers.

    `warm` says that the first went on from another fit. Likelihoods are of the rows in
    typical units; what the numbers mean stands at `GaussianHMMClassifier`. Where stickiness
    was asked for, the likeliest is the one of most likelihood and stickiness together.

    Raises
    ------
    ValueError
        If none ended in a finite model.
    """
    n_rows = problem.n_rows

    def worth(end: Ended) -> float:
        return float(problem.worth(np.array(end.log_likelihood), end.transmat))

    finite = sorted((end for end in tried if end.is_finite()), key=lambda end: -worth(end))
    if not finite:
        raise ValueError(
            f"None of {len(tried)} starts ended in a finite model of "
            f"{len(tried[0].startprob)} states on n_samples = {n_rows} rows of "
            f"{problem.rows.shape[1]} features. Use fewer states or features, a larger "
            "min_covar, or look for extreme values."
        )
    best, per_row = finite[0], [worth(end) / n_rows for end in finite]
    health: Health = {
        "n_rows": n_rows,
        "n_stretches": len(problem.lengths),
        "n_starts": len(tried),
        "n_finite": len(finite),
        "n_converged": sum(end.converged for end in finite),
        "n_at_best": sum(per_row[0] - value <= problem.tol for value in per_row),
        "runner_up_gap": per_row[0] - per_row[1] if len(per_row) > 1 else math.nan,
        "log_likelihood_per_row": best.log_likelihood / n_rows,
        "iterations": best.iterations,
        "converged": best.converged,
        "non_monotone": best.non_monotone,
        "smallest_state_rows": best.smallest_state_rows,
        "smallest_eigenvalue": float(np.linalg.eigvalsh(best.covars).min()),
        "n_revived": best.revived,
        "n_remarks": sum(end.remarks for end in tried),
        "warm": warm,
        "n_states": len(best.startprob),
    }
    if warm:
        others = [worth(end) for end in tried[1:] if end.is_finite()]
        gain = (max(others) - worth(tried[0])) / n_rows if others else math.nan
        health["challenger_gain"] = gain
    return best, health
