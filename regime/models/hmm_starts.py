"""What a fit of hidden Gaussian states learns from, and what it starts from."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from regime.models.em import Parameters

FloatArray = npt.NDArray[np.float64]

SHORTEST_STRETCH = 5  # rows; a shorter one says little about what follows what
FAR = 1e5  # spreads; squares of what is farther leave no digits to tell near rows apart
LEAST, MOST = 1e-152, 1e150  # what can be squared and summed
STAY = 0.95  # where every random start begins: a state lasts twenty rows


def complete_stretches(X: FloatArray) -> tuple[FloatArray, list[int]]:
    """Rows of the stretches without a missing value, and the length of each stretch.

    A gap ends a stretch; one shorter than `SHORTEST_STRETCH` is left out.
    """
    known = ~np.isnan(X).any(axis=1)
    edges = np.flatnonzero(np.diff(known, prepend=False, append=False)).reshape(-1, 2)
    kept = [(first, end) for first, end in edges if end - first >= SHORTEST_STRETCH]
    rows = np.concatenate([X[first:end] for first, end in kept] or [X[:0]])
    return rows, [int(end - first) for first, end in kept]


def typical_units(rows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centre and spread of each column, and the covariance of all in those units.

    The spread is half the distance between the 16th and 84th percentile, the standard
    deviation where the middle is flat, 1 where all is. Centre and covariance are of the rows
    within ten spreads: whole rows, so that features which add up go on adding up.

    Raises
    ------
    ValueError
        If a spread is too small or a row too far away to be squared.
    """
    low, middle, high = np.quantile(rows, [0.159, 0.5, 0.841], axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        spread, flat = (high - low) / 2, 1e-12 * np.abs(middle)  # flat but for rounding
        spread = np.where(spread > flat, spread, rows.std(axis=0))
        spread = np.where(spread > flat, spread, 1.0)
        away = np.abs(rows - middle)
        held = (spread > LEAST) & (away < MOST * np.minimum(spread, 1)).all(axis=0)
    if not held.all():
        feature = int(held.argmin())
        raise ValueError(
            f"Feature {feature} lies about {middle[feature]:g} and reaches "
            f"{rows[away[:, feature].argmax(), feature]:g}, with a spread of {spread[feature]:g}; "
            f"what is squared must lie between {LEAST:g} and {MOST:g}. Look for extreme values, or "
            "choose other units."
        )
    near = (away <= 10 * spread).all(axis=1)
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


def random_starts(
    rows: FloatArray, pooled: FloatArray, n_states: int, n_starts: int, random: Any
) -> Parameters:
    """So many first guesses, at least one, whose states are equally likely and last."""
    guesses = [first_guess(rows, pooled, n_states, random) for _ in range(n_starts)]
    leave = (1 - STAY) / max(n_states - 1, 1)
    moves = np.full((n_states, n_states), leave)
    moves += np.eye(n_states) * (STAY - leave if n_states > 1 else 1 - leave)
    return Parameters(
        startprob=np.full((n_starts, n_states), 1 / n_states),
        transmat=np.tile(moves, (n_starts, 1, 1)),
        means=np.stack([means for means, _ in guesses]),
        covars=np.stack([covars for _, covars in guesses]),
    )


def beside(first: Parameters, others: Parameters) -> Parameters:
    """Both as one batch."""
    return Parameters(
        startprob=np.concatenate([first.startprob, others.startprob]),
        transmat=np.concatenate([first.transmat, others.transmat]),
        means=np.concatenate([first.means, others.means]),
        covars=np.concatenate([first.covars, others.covars]),
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
