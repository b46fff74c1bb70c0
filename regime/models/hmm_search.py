"""The likeliest model that can be reached, and how sure one may be that it is."""

import math
from typing import Any

import numpy as np

from regime.models.em import Parameters
from regime.models.hmm_engines import Engine, carry, challenge
from regime.models.hmm_problem import Ended, Problem
from regime.models.hmm_starts import beside, random_starts

Health = dict[str, float | int | bool]


def search(
    problem: Problem,
    n_states: int,
    warm: Parameters | None,
    *,
    n_random: int,
    engine: Engine,
    random: Any,
) -> list[Ended]:
    """Where each start ends: first the one given, if any, then the random ones."""
    if warm is not None and not n_random:
        return carry(problem, warm, engine)
    starts = random_starts(problem.rows, problem.pooled, n_states, n_random, random)
    if warm is None:
        return carry(problem, starts, engine)
    return challenge(problem, beside(warm, starts), engine)


def best_of(tried: list[Ended], problem: Problem, *, warm: bool) -> tuple[Ended, Health]:
    """The likeliest of those that ended in a model, and how all did, as plain numbers.

    `warm` says that the first went on from another fit. Likelihoods are of the rows in
    typical units; what the numbers mean stands at `GaussianHMMClassifier`.

    Raises
    ------
    ValueError
        If none ended in a finite model.
    """
    n_rows = len(problem.rows)
    finite = sorted((end for end in tried if end.is_finite()), key=lambda end: -end.log_likelihood)
    if not finite:
        raise ValueError(
            f"None of {len(tried)} starts ended in a finite model of "
            f"{len(tried[0].startprob)} states on n_samples = {n_rows} complete rows of "
            f"{problem.rows.shape[1]} features. Use fewer states or features, a larger "
            "min_covar, or look for extreme values."
        )
    best, per_row = finite[0], [end.log_likelihood / n_rows for end in finite]
    health: Health = {
        "n_rows": n_rows,
        "n_stretches": len(problem.lengths),
        "n_starts": len(tried),
        "n_finite": len(finite),
        "n_converged": sum(end.converged for end in finite),
        "n_at_best": sum(per_row[0] - value <= problem.tol for value in per_row),
        "runner_up_gap": per_row[0] - per_row[1] if len(per_row) > 1 else math.nan,
        "log_likelihood_per_row": per_row[0],
        "iterations": best.iterations,
        "converged": best.converged,
        "non_monotone": best.non_monotone,
        "smallest_state_rows": best.smallest_state_rows,
        "smallest_eigenvalue": float(np.linalg.eigvalsh(best.covars).min()),
        "n_revived": best.revived,
        "n_remarks": sum(end.remarks for end in tried),
        "warm": warm,
    }
    if warm:
        others = [end.log_likelihood for end in tried[1:] if end.is_finite()]
        gain = (max(others) - tried[0].log_likelihood) / n_rows if others else math.nan
        health["challenger_gain"] = gain
    return best, health
