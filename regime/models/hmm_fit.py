"""The likeliest hidden states of some rows: sought in typical units, told in the rows' own."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from regime.models.em import Parameters
from regime.models.hmm_labels import labelled_start
from regime.models.hmm_problem import Ended, Problem
from regime.models.hmm_search import Health, best_of, search
from regime.models.hmm_starts import (
    FAR,
    in_units,
    of_kind,
    random_starts,
    source_of,
    typical_units,
)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


def fit_states(
    rows: FloatArray,
    lengths: list[int],
    n_states: int,
    params: Mapping[str, Any],
    *,
    own: IntArray | None = None,
    previous: Parameters | None = None,
) -> tuple[Ended, Health]:
    """Fit so many states from several starts, and keep the likeliest.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features), stretch after stretch, NaN where unknown
    lengths : list of int
        Rows of each stretch, in order.
    params : those of `GaussianHMMClassifier`, by name
    own : ndarray of shape (n_rows,), optional
        Each row's own regime as a number, `UNKNOWN` where it is; with it the fit starts from
        the labels (hindsight, known of training rows alone), without it at random.
    previous : Parameters, optional
        One model of as many states and features, in the units of `rows`, to go on from.

    Returns
    -------
    Ended, its parameters in the units of `rows`, its likelihood of typical units
        States ascend in the first feature, or follow the regimes where `own` is given.
    Health
        As `GaussianHMMClassifier` has it.

    Raises
    ------
    ValueError
        If rows cannot be squared, no start ends in a finite model, or labels are too few.
    """
    centre, scale, pooled = typical_units(rows)
    problem = Problem(
        rows=np.clip((rows - centre) / scale, -FAR, FAR),
        lengths=lengths,
        pooled=pooled,
        full=params["covariance_type"] == "full",
        min_covar=params["min_covar"],
        n_iter=params["n_iter"],
        tol=params["tol"],
        emission=params["emission"],
        stickiness=params["stickiness"],
    )
    warm = None
    if previous is not None:
        warm = in_units(of_kind(previous, problem.emission), centre, scale)
    others = _other_starts(problem, own, n_states, params, warm=warm is not None)
    tried = search(problem, warm, of_kind(others, problem.emission), params["engine"])
    best, health = best_of(tried, problem, warm=warm is not None)
    known = (~np.isnan(rows)).sum(axis=0) / problem.n_rows
    health["log_likelihood_per_row"] -= float((np.log(scale) * known).sum())

    labelled = own is not None  # in the regimes' order from the start
    order = np.arange(n_states) if labelled else np.lexsort(best.means.T[::-1])
    found = replace(
        best,
        startprob=best.startprob[order],
        transmat=best.transmat[np.ix_(order, order)],
        means=best.means[order] * scale + centre,
        covars=best.covars[order] * np.outer(scale, scale),
        degrees=None if best.degrees is None else best.degrees[order],
    )
    return found, health


def _other_starts(
    problem: Problem,
    own: IntArray | None,
    n_states: int,
    params: Mapping[str, Any],
    *,
    warm: bool,
) -> Parameters:
    """Where a fit begins that goes on from nothing, or what competes with one that does not."""
    n_starts = params["n_challengers"] if warm else params["n_init"]
    if own is not None and n_starts:
        return labelled_start(problem, own, n_states)
    random = source_of(params["random_state"], len(problem.rows), warm=warm)
    return random_starts(problem.rows, problem.pooled, n_states, n_starts, random)
