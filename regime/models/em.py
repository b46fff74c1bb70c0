"""Expectation maximisation for hidden Markov models, all restarts in one batch.

Offline: every estimate looks at all rows. Restarts that have converged leave the batch.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from regime.models.em_emissions import Law
from regime.models.em_parameters import Parameters, Prior
from regime.models.em_recursions import Layout
from regime.models.em_rows import Rows
from regime.models.em_steps import Work, expect, log_prior, maximise
from regime.models.matrices import FloatArray, at_least, smallest_pivots

__all__ = ["Expectations", "FitResult", "Parameters", "Prior", "expectations", "fit_batch"]

BoolArray = npt.NDArray[np.bool_]
Covariance = Literal["full", "diag"]
Emission = Literal["gaussian", "student_t"]
Degrees = Literal["fixed", "estimated"]

ENTRY = 0.05  # share of moves that lead to a revived state at first


@dataclass(frozen=True, slots=True)
class FitResult:
    """How each restart ended; a leading axis of n_restarts throughout.

    Attributes
    ----------
    parameters : Parameters
    log_likelihood : ndarray of shape (n_restarts,)
        Nats, under `parameters`.
    history, objective : ndarray of shape (n_restarts, n_steps + 1)
        Log-likelihood, and log-likelihood plus log prior (up to a constant), before the
        first step and after each; NaN once a restart has left.
    iterations : ndarray of int
        Steps taken.
    converged : ndarray of bool
        Whether the last step changed the objective by less than `tol`.
    monotone : ndarray of bool
        Whether no step lost more than `tol`, or than rounding does; revivals apart.
    collapsed, revived : ndarray of int
        States that ended with too few rows or no spread, and restarted states on the way.
    state_rows : ndarray of shape (n_restarts, n_states)
        Expected rows of each state, of those with anything known.
    """

    parameters: Parameters
    log_likelihood: FloatArray
    history: FloatArray
    objective: FloatArray
    iterations: npt.NDArray[np.int_]
    converged: BoolArray
    monotone: BoolArray
    collapsed: npt.NDArray[np.int_]
    revived: npt.NDArray[np.int_]
    state_rows: FloatArray


@dataclass(frozen=True, slots=True)
class Expectations:
    """What the rows say of the hidden states. Looks ahead by design.

    `log_likelihood` (n_restarts,), `posteriors` (n_restarts, n_rows, n_states) and `moves`
    (n_restarts, n_states, n_states), the expected number of each move.
    """

    log_likelihood: FloatArray
    posteriors: FloatArray
    moves: FloatArray


def fit_batch(
    X: FloatArray,
    lengths: list[int],
    starts: Parameters,
    *,
    covariance: Covariance = "full",
    emission: Emission = "gaussian",
    degrees: Degrees = "fixed",
    n_iter: int = 200,
    tol: float = 1e-2,
    prior: Prior | None = None,
    starved: float = 1.0,
    revivals: int = 1,
) -> FitResult:
    """Carry every start to convergence, together.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        NaN where unknown, which is integrated out exactly; a row of nothing else is no
        evidence but time passes.
    lengths : list of int
        Rows of each sequence, in order.
    starts : Parameters
    covariance : {"full", "diag"}
    emission : {"gaussian", "student_t"}
    degrees : {"fixed", "estimated"}
        Whether a Student-t keeps the degrees of freedom it starts with; estimated ones stay
        within `FEWEST_DEGREES` and `MOST_DEGREES`.
    n_iter : int
        Steps at most.
    tol : float
        A restart has converged when a step changes its objective by less, in nats.
    prior : Prior, optional
    starved : float
        A state of fewer expected rows has collapsed.
    revivals : int
        How often each state may be restarted, from the rows the other states explain worst.
        A collapsed state beyond that keeps a spread it last had, and is reported.

    Raises
    ------
    ValueError
        If shapes disagree, a value is infinite, or a start is no model.

    Notes
    -----
    O(n_rows n_states (n_features^2 + n_states)) per step and restart, and a handful of
    small matrices per pattern of missing values. Use one BLAS thread. Restarts that share a
    batch change one another's results by rounding, 1e-13 or so, and no more.

    Squared distances are sums of products, which lose the digits that a far row's square
    takes: a state a million spreads from the middle and a tenth of one wide is known to
    0.1 nats only, and a step may seem to lose as much.
    """
    prior = prior or Prior()
    _check(X, lengths, starts, emission)
    rows = Rows.of(X, lengths, covariance == "full")
    if emission == "gaussian":
        starts = replace(starts, degrees=None)
    every = np.arange(len(starts.startprob))
    known = rows.prior(prior)
    now = rows.standard(starts.take(every), covariance == "full")
    now = replace(now, covars=at_least(now.covars, known.least, covariance == "full"))
    n, k = now.startprob.shape
    best = now.take(every)
    history, objective = np.full((2, n, n_iter + 1), np.nan)
    iterations, converged = np.zeros(n, dtype=int), np.zeros(n, dtype=bool)
    monotone, broken = np.ones(n, dtype=bool), np.zeros((n, k), dtype=bool)
    revived, just_revived = np.zeros((n, k), dtype=int), np.zeros(n, dtype=bool)
    state_rows = np.zeros((n, k))
    work = Work.room(rows, Layout(n, k), emission == "student_t")
    active = every
    for step in range(n_iter + 1):
        found = expect(rows, now, work)
        history[active, step] = found.log_likelihood
        objective[active, step] = value = found.log_likelihood + log_prior(now, known)
        iterations[active], state_rows[active] = step, found.moments.rows
        best.put(active, now)
        if step:
            gain = value - objective[active, step - 1]
            free = just_revived[active]
            slack = np.maximum(tol, 1e-10 * (1 + np.abs(value)))
            monotone[active] &= free | (gain >= -slack)
            converged[active] = ~free & (np.abs(gain) < tol)
        if step == n_iter or converged[active].all():
            break
        stay = np.flatnonzero(~converged[active])
        if len(stay) < len(active):
            now, active, found = now.take(stay), active[stay], found.take(stay)
        now, flat = maximise(
            now, found, known, covariance == "full", estimate_degrees=degrees == "estimated"
        )
        broken[active] = flat | (found.moments.rows < starved)
        just_revived[:] = False
        hopeful = broken[active] & (revived[active] < revivals) & (k > 1)
        for position in np.flatnonzero(hopeful.any(axis=1)):
            # one at a time: two would rise from the same rows
            counts = np.where(hopeful[position], found.moments.rows[position], np.inf)
            restart, state = active[position], int(counts.argmin())
            _revive(rows, now, int(position), state)
            revived[restart, state] += 1
            just_revived[restart], broken[restart, state] = True, False
    last = int(iterations.max()) + 1
    return FitResult(
        rows.original(best),
        history[every, iterations] - rows.log_scale,
        history[:, :last] - rows.log_scale,
        objective[:, :last] - rows.log_scale,
        iterations,
        converged,
        monotone,
        broken.sum(axis=1),
        revived.sum(axis=1),
        state_rows,
    )


def expectations(
    X: FloatArray,
    lengths: list[int],
    parameters: Parameters,
    *,
    covariance: Covariance = "full",
    emission: Emission = "gaussian",
) -> Expectations:
    """Smoothed states and expected moves under each model; arguments as for `fit_batch`."""
    _check(X, lengths, parameters, emission)
    rows = Rows.of(X, lengths, covariance == "full")
    if emission == "gaussian":
        parameters = replace(parameters, degrees=None)
    layout = Layout(*parameters.startprob.shape)
    work = Work.room(rows, layout, emission == "student_t", keep=True)
    found = expect(rows, rows.standard(parameters, covariance == "full"), work)
    smoothed = layout.from_columns(work.proba.reshape(len(rows.first), -1))
    return Expectations(
        found.log_likelihood - rows.log_scale, np.swapaxes(smoothed, 1, 2), found.moves
    )


def _check(X: FloatArray, lengths: list[int], starts: Parameters, emission: Emission) -> None:
    """Raise where arguments contradict one another or a start is no model."""
    if X.ndim != 2 or not np.issubdtype(X.dtype, np.floating):
        raise ValueError(
            f"X must be a table of floats, rows by features; it is {X.dtype} of shape {X.shape}."
        )
    if np.isinf(X).any() or np.isnan(X).all():
        raise ValueError(
            "X needs at least one known value and none that is infinite; look for divisions by "
            "zero, or mark what is unknown as NaN."
        )
    if min(lengths, default=0) < 1 or sum(lengths) != len(X):
        raise ValueError(
            f"The lengths of the sequences must be at least 1 and add up to the {len(X)} rows of "
            f"X; they are {lengths}."
        )
    n, k, d = *starts.startprob.shape, X.shape[1]
    wanted = {"startprob": (n, k), "transmat": (n, k, k), "means": (n, k, d),
              "covars": (n, k, d, d)}  # fmt: skip
    if emission == "student_t":
        wanted["degrees"] = (n, k)
    for name, shape in wanted.items():
        values = getattr(starts, name)
        if values is None or values.shape != shape or not np.isfinite(values).all():
            found = "nothing" if values is None else f"shape {values.shape}"
            raise ValueError(
                f"Starts need finite `{name}` of shape {shape}; found {found}. The leading axis "
                "counts restarts, the second states."
            )
    for name in ("startprob", "transmat"):
        values = getattr(starts, name)
        if (values < 0).any() or not np.allclose(values.sum(axis=-1), 1.0):
            raise ValueError(
                f"Rows of `{name}` must be probabilities that add up to 1; the smallest is "
                f"{values.min()}, the sums range from {values.sum(axis=-1).min()} to "
                f"{values.sum(axis=-1).max()}."
            )
    singular = smallest_pivots(starts.covars) == 0
    if singular.any():
        restart, state = np.argwhere(singular)[0]
        raise ValueError(
            f"Starts need positive definite `covars`; that of restart {restart}, state {state} is "
            "not. Add something to its diagonal."
        )
    if emission == "student_t" and starts.degrees is not None and (starts.degrees <= 0).any():
        raise ValueError(
            f"Degrees of freedom must be positive; the smallest is {starts.degrees.min()}."
        )


def _revive(rows: Rows, now: Parameters, restart: int, state: int) -> None:
    """Restart a state, in place, from the rows the other states explain worst."""
    one = now.take(np.array([restart]))
    layout = Layout(1, now.startprob.shape[1])
    others = np.delete(np.arange(layout.n_states), state)
    n_rows, n_features = len(rows.first), len(rows.scale)
    best, values = np.full(n_rows, np.inf), np.full((n_rows, n_features), np.nan)
    for pattern in rows.patterns:
        law = Law.of(pattern, one.means, one.covars, one.degrees, layout)
        at = np.arange(n_rows) if pattern.rows is None else pattern.rows
        step = layout.chunk(pattern.n_features)
        for part, features in pattern.blocks(step, np.empty(step * pattern.n_features)):
            block = np.empty((features.shape[1], layout.columns))
            weights = None if one.degrees is None else np.empty_like(block)
            logs = law.log_density(features, block, weights)[:, others]
            best[at[part]] = logs.max(axis=1) / len(pattern.seen)
        values[at[:, None], pattern.seen] = pattern.values.T
    known = int(np.isfinite(best).sum())
    count = min(max(n_features + 1, n_rows // (20 * layout.n_states)), known)
    worst = values[np.argsort(best, kind="stable")[:count]]
    seen = np.maximum((~np.isnan(worst)).sum(axis=0), 1)
    mean = np.nansum(worst, axis=0) / seen
    now.means[restart, state] = mean
    now.covars[restart, state] = np.diag(np.nansum((worst - mean) ** 2, axis=0) / seen + 0.5)
    startprob, transmat = now.startprob[restart], now.transmat[restart]
    startprob *= 1 - ENTRY
    startprob[state] += ENTRY
    transmat *= 1 - ENTRY
    transmat[:, state] += ENTRY
    transmat[state] = ENTRY / max(layout.n_states - 1, 1)
    transmat[state, state] = 1 - ENTRY
    if now.degrees is not None:
        now.degrees[restart, state] = np.median(now.degrees[restart])
