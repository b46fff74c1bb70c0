"""What a fit of hidden states learns from, and what it starts from."""

from dataclasses import replace
from numbers import Integral
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from regime.models.em import Emission, Parameters

FloatArray = npt.NDArray[np.float64]
RowNumbers = npt.NDArray[np.intp]
Missing = Literal["complete", "marginal"]

SHORTEST_STRETCH = 5  # rows; a shorter one says little about what follows what
FAR = 1e5  # spreads; squares of what is farther leave no digits to tell near rows apart
LEAST, MOST = 1e-152, 1e150  # what can be squared and summed
STAY = 0.95  # where every random start begins: a state lasts twenty rows
DEGREES = 10.0  # where every start begins: tails heavier than Gaussian, a variance that exists


def learnable(X: FloatArray, missing: Missing, n_states: int) -> tuple[RowNumbers, list[int]]:
    """Which rows so many states are learned from, and the length of each stretch of them.

    "complete": as `complete_stretches`. "marginal": all, in one stretch; time passes where
    nothing is known.

    Raises
    ------
    ValueError
        If there are fewer than two for each state, or a feature is never known.
    """
    if missing == "complete":
        at, lengths = _complete(X)
        n_rows, kind = len(at), f"complete rows, in stretches of {SHORTEST_STRETCH} or more"
        advice = "features that are known throughout, or fewer states"
    else:
        at, lengths = np.arange(len(X)), [len(X)]
        known = ~np.isnan(X)
        n_rows, kind = int(known.any(axis=1).sum()), "rows of which anything is known"
        advice = "fewer states, or a longer history"
    if n_rows < 2 * n_states:
        raise ValueError(
            f"{n_states} hidden states need at least {2 * n_states} {kind}; of n_samples = "
            f"{len(X)} rows, {n_rows} are such. Choose {advice}."
        )
    if missing == "marginal" and not known.any(axis=0).all():
        feature = int(known.any(axis=0).argmin())
        raise ValueError(
            f"Feature {feature} is unknown on all {len(X)} rows, so that nothing can be learned "
            "of it. Leave it out, or start where it is known."
        )
    return at, lengths


def complete_stretches(X: FloatArray) -> tuple[FloatArray, list[int]]:
    """Rows of the stretches without a missing value, and the length of each stretch.

    A gap ends a stretch; one shorter than `SHORTEST_STRETCH` is left out.
    """
    at, lengths = _complete(X)
    return X[at], lengths


def _complete(X: FloatArray) -> tuple[RowNumbers, list[int]]:
    known = ~np.isnan(X).any(axis=1)
    edges = np.flatnonzero(np.diff(known, prepend=False, append=False)).reshape(-1, 2)
    kept = [(first, end) for first, end in edges if end - first >= SHORTEST_STRETCH]
    at = np.concatenate([np.arange(first, end) for first, end in kept] or [np.arange(0)])
    return at, [int(end - first) for first, end in kept]


def typical_units(rows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centre and spread of each column, and the covariance of all in those units.

    The spread is half the distance between the 16th and 84th percentile, the standard
    deviation where the middle is flat, 1 where all is. Centre and covariance are of the rows
    within ten spreads: whole rows, so that features which add up go on adding up. Missing
    values are left out; two features of which one is often unknown then look less alike.

    Raises
    ------
    ValueError
        If a spread is too small or a row too far away to be squared.
    """
    known = ~np.isnan(rows)
    gaps = not known.all()
    quantiles = np.nanquantile if gaps else np.quantile
    low, middle, high = quantiles(rows, [0.159, 0.5, 0.841], axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        spread, flat = (high - low) / 2, 1e-12 * np.abs(middle)  # flat but for rounding
        wide = np.nanstd(rows, axis=0) if gaps else rows.std(axis=0)
        spread = np.where(spread > flat, spread, wide)
        spread = np.where(spread > flat, spread, 1.0)
        away = np.abs(rows - middle)
        held = (away < MOST * np.minimum(spread, 1)) | ~known
        held = (spread > LEAST) & held.all(axis=0)
    if not held.all():
        feature = int(held.argmin())
        row = np.where(known[:, feature], away[:, feature], -1.0).argmax()
        raise ValueError(
            f"Feature {feature} lies about {middle[feature]:g} and reaches "
            f"{rows[row, feature]:g}, with a spread of {spread[feature]:g}; "
            f"what is squared must lie between {LEAST:g} and {MOST:g}. Look for extreme values, or "
            "choose other units."
        )
    near = ((away <= 10 * spread) | ~known).all(axis=1)
    typical = rows[near] if near.mean() > 0.5 else rows
    if not gaps:
        centre = typical.mean(axis=0)
        standard = (typical - centre) / spread
        return centre, spread, standard.T @ standard / len(standard)
    if not (~np.isnan(typical)).any(axis=0).all():  # what was near knew too little
        typical = rows
    centre = np.nanmean(typical, axis=0)
    standard = (typical - centre) / spread
    # Each variance over the rows that know it; the rest so that it stays a covariance.
    standard /= np.sqrt((~np.isnan(typical)).mean(axis=0))
    standard[np.isnan(standard)] = 0.0
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
    gaps = np.isnan(segments)
    if gaps.any():  # what a segment does not know lies at the centre, as far as it can tell
        seen = np.maximum((~gaps).sum(axis=1), 1)
        means = np.where(gaps, 0.0, segments).sum(axis=1) / seen
        segments = np.where(gaps, means[:, None], segments)
    else:
        means = segments.mean(axis=1)
    centred = segments - means[:, None]
    within = np.einsum("kti,ktj->kij", centred, centred) / length
    return means, (within + pooled) / 2 + 1e-3 * np.eye(rows.shape[1])


def random_starts(
    rows: FloatArray, pooled: FloatArray, n_states: int, n_starts: int, random: Any
) -> Parameters:
    """So many first guesses, whose states are equally likely and last; rows in typical units."""
    guesses = [first_guess(rows, pooled, n_states, random) for _ in range(n_starts)]
    return Parameters(
        startprob=np.full((n_starts, n_states), 1 / n_states),
        transmat=np.tile(lasting(n_states), (n_starts, 1, 1)),
        means=np.array([means for means, _ in guesses]),
        covars=np.array([covars for _, covars in guesses]),
    )


def lasting(n_states: int) -> FloatArray:
    """Moves (n_states, n_states) of states that last alike: `STAY`, or for ever if alone."""
    if n_states == 1:
        return np.ones((1, 1))
    moves = np.full((n_states, n_states), (1 - STAY) / (n_states - 1))
    np.fill_diagonal(moves, STAY)
    return moves


def source_of(seed: Any, n_rows: int, *, warm: bool) -> Any:
    """Where random starts come from: challengers are other segments at every refit."""
    if warm and isinstance(seed, Integral):
        return np.random.RandomState([int(seed), n_rows])
    return check_random_state(seed)


def of_kind(starts: Parameters, emission: Emission) -> Parameters:
    """The same starts with degrees of freedom for a Student-t, without for a Gaussian."""
    if emission == "gaussian":
        return replace(starts, degrees=None)
    if starts.degrees is not None:
        return starts
    return replace(starts, degrees=np.full(starts.startprob.shape, DEGREES))


def beside(first: Parameters, others: Parameters) -> Parameters:
    """Both as one batch."""
    degrees = None
    if first.degrees is not None and others.degrees is not None:
        degrees = np.concatenate([first.degrees, others.degrees])
    return Parameters(
        startprob=np.concatenate([first.startprob, others.startprob]),
        transmat=np.concatenate([first.transmat, others.transmat]),
        means=np.concatenate([first.means, others.means]),
        covars=np.concatenate([first.covars, others.covars]),
        degrees=degrees,
    )


def in_units(parameters: Parameters, centre: FloatArray, scale: FloatArray) -> Parameters:
    """The same models of rows that are first centred and then divided by a scale.

    Raises
    ------
    ValueError
        If the scale is so far from the models' that they cannot be written in it.
    """
    with np.errstate(all="ignore"):
        means = (parameters.means - centre) / scale
        covars = parameters.covars / np.outer(scale, scale)
    variances = np.diagonal(covars, axis1=-2, axis2=-1)
    if not (np.isfinite(means).all() and np.isfinite(covars).all() and (variances > 0).all()):
        raise ValueError(
            "The model to go on from needs rows in units like its own; in the spreads of these, "
            f"its variances range from {variances.min():g} to {variances.max():g}. Fit from "
            "nothing, with `fit`."
        )
    return replace(parameters, means=means, covars=covars)
