"""The two steps of expectation maximisation, on standardised rows. Looks ahead by design."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import psi

from regime.models.em_emissions import Law, Moments, settle, solve_degrees
from regime.models.em_parameters import Parameters, Prior
from regime.models.em_recursions import CACHED, Layout, backward, forward, take_out_tops
from regime.models.em_rows import Rows
from regime.models.matrices import FloatArray, at_least, precisions, shares, smallest_pivots

SINGULAR = 1e-10  # of a feature's variance in the sample: with less left, a state has collapsed


@dataclass(frozen=True, slots=True)
class Work:
    """Memory used again in each step.

    `proba`, `weights` and, where values are missing, `log_density` hold the columns of all
    rows; `chunk` what is worked out for a chunk of rows and then forgotten. `keep` says
    whether `proba` ends as smoothed rather than filtered probabilities.
    """

    proba: FloatArray
    weights: FloatArray | None
    log_density: FloatArray
    chunk: FloatArray
    keep: bool

    @classmethod
    def room(cls, rows: Rows, layout: Layout, weighted: bool, keep: bool = False) -> Self:
        """As much as the rows need."""
        size, widest = len(rows.first) * layout.columns, rows.widest
        return cls(
            np.empty(size),
            np.empty(size) if weighted else None,
            np.empty(size if rows.gaps else 0),
            np.empty(max(CACHED // 8, layout.chunk(widest) * (widest + 2 * layout.columns))),
            keep or rows.gaps,
        )

    def parts(self, *sizes: int) -> list[FloatArray]:
        """Neighbouring parts of `chunk`."""
        ends = np.cumsum(sizes)
        return [self.chunk[end - size : end] for size, end in zip(sizes, ends, strict=True)]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the first step hands to the second; a leading axis of n_restarts.

    `spread` is the mean of log(w) - w over the rows of a state, weights w of a Student-t
    given the row, with what its expectation lacks.
    """

    log_likelihood: FloatArray
    starts: FloatArray
    moves: FloatArray
    moments: Moments
    spread: FloatArray

    def take(self, restarts: npt.NDArray[np.intp]) -> Self:
        """Only those restarts."""
        return type(self)(
            self.log_likelihood[restarts],
            self.starts[restarts],
            self.moves[restarts],
            self.moments.take(restarts),
            self.spread[restarts],
        )


def log_densities(
    rows: Rows, laws: list[Law], step: int, weights: FloatArray | None, work: Work
) -> FloatArray:
    """Log density of every row in every column, and weights, pattern by pattern."""
    n_rows, columns = len(rows.first), laws[0].coefficients.shape[1]
    log_density = work.log_density[: n_rows * columns].reshape(n_rows, columns)
    log_density[:] = 0.0  # nothing known, no evidence
    for pattern, law in zip(rows.patterns, laws, strict=True):
        at = np.arange(n_rows) if pattern.rows is None else pattern.rows
        for part, features in pattern.blocks(step, work.chunk):
            block = np.empty((features.shape[1], columns))
            weight = None if weights is None else np.empty_like(block)
            log_density[at[part]] = law.log_density(features, block, weight)
            if weights is not None:
                weights[at[part]] = weight
    return log_density


def expect(rows: Rows, now: Parameters, work: Work) -> Expected:
    """Smooth the states of all restarts; leaves their columns in `work.proba` if to be kept."""
    layout = Layout(*now.startprob.shape)
    states, lanes = layout.sizes
    columns, n_rows = layout.columns, len(rows.first)
    laws = [Law.of(one, now.means, now.covars, now.degrees, layout) for one in rows.patterns]
    proba = work.proba[: n_rows * columns].reshape(n_rows, columns)
    weights = None if work.weights is None else work.weights[: proba.size].reshape(proba.shape)
    step, whole = min(layout.chunk(rows.widest), n_rows), rows.patterns[0]
    chunks = [(begin, min(begin + step, n_rows)) for begin in range(0, n_rows, step)]
    startprob, transmat = layout.pack(now.startprob), layout.pack(now.transmat)
    logs, moves, carried = np.zeros_like(startprob[:, 0]), np.zeros_like(transmat), startprob.copy()
    room, block, density = work.parts(step * rows.widest, step * columns, step * columns)
    block, density = block.reshape(step, columns), density.reshape(step, columns)
    every = log_densities(rows, laws, step, weights, work) if rows.gaps else block
    for begin, end in chunks:
        chunk, size = slice(begin, end), end - begin
        if rows.gaps:
            here = every[chunk]
        else:
            weight = None if weights is None else weights[chunk]
            here = laws[0].log_density(whole.features(begin, end, room), block[:size], weight)
        take_out_tops(states, lanes, here, logs)
        np.exp(here, out=density[:size])
        forward(states, lanes, here, density[:size], rows.first[chunk], startprob, transmat,
                proba[chunk], carried, logs)  # fmt: skip

    sums = [np.zeros_like(law.coefficients) for law in laws]
    counts, spreads = np.zeros((2, len(laws), columns))
    starts = np.zeros(columns)
    for begin, end in reversed(chunks):
        chunk = slice(begin, end)
        smoothed = proba[chunk] if work.keep else block[: end - begin]
        backward(states, lanes, proba[chunk], rows.last[chunk], transmat, smoothed, carried, moves)
        starts += smoothed[rows.first[chunk]].sum(axis=0)
        if not rows.gaps:
            weight = None if weights is None else weights[chunk]
            features = whole.features(begin, end, room)
            _gather(features, smoothed, weight, sums[0], counts[0], spreads[0])
    for number, one in enumerate(rows.patterns if rows.gaps else []):
        for part, features in one.blocks(step, room):
            at = part if one.rows is None else one.rows[part]
            weight = None if weights is None else weights[at]
            _gather(features, proba[at], weight, sums[number], counts[number], spreads[number])

    moments = Moments.zeros(now.means.shape)
    spread = np.zeros_like(now.startprob)
    for one, total, count, logged in zip(rows.patterns, sums, counts, spreads, strict=True):
        n = layout.from_columns(count[None])[..., 0]
        moments.add(one, total, layout.lanes, n, now.means, now.covars)
        if now.degrees is not None:
            half = (now.degrees + len(one.seen)) / 2
            spread += layout.from_columns(logged[None])[..., 0] + n * (psi(half) - np.log(half))
    return Expected(
        layout.unpack(logs),
        layout.from_columns(starts[None])[..., 0],
        layout.unpack(moves) * now.transmat,
        moments,
        spread / np.maximum(moments.rows, 1e-300),
    )


def _gather(
    features: FloatArray,
    proba: FloatArray,
    weights: FloatArray | None,
    sums: FloatArray,
    counts: FloatArray,
    spreads: FloatArray,
) -> None:
    """Add a block's weighted feature sums, row counts and sums of log(w) - w by column."""
    added = features @ (proba if weights is None else proba * weights)
    sums += added
    if weights is None:
        counts += added[-1]
    else:
        counts += proba.sum(axis=0)
        spreads += np.einsum("tc,tc->c", proba, np.log(weights)) - added[-1]


def maximise(
    now: Parameters, found: Expected, prior: Prior, full: bool, estimate_degrees: bool
) -> tuple[Parameters, npt.NDArray[np.bool_]]:
    """The best parameters given what is expected, and which states have no spread left.

    Those keep the mean and the covariance they had.
    """
    moments, means, covars = found.moments, now.means.copy(), np.empty_like(now.covars)
    settle(
        moments.rows, moments.weight, moments.first, moments.second, np.asarray(prior.pooled),
        prior.rows, np.asarray(prior.centre), prior.centre_rows, np.asarray(prior.added),
        full, means, covars,
    )  # fmt: skip
    covars = at_least(covars, prior.least, full)
    flat = ~(smallest_pivots(covars) > SINGULAR) | ~np.isfinite(means).all(axis=-1)
    if flat.any():
        means[flat], covars[flat] = now.means[flat], now.covars[flat]
    degrees = now.degrees
    if degrees is not None and estimate_degrees:
        some = moments.rows > 1e-8
        degrees = np.where(some, solve_degrees(-1 - np.where(some, found.spread, -2)), degrees)
    start, moves = _pseudo_counts(prior, now.startprob.shape[1])
    return Parameters(
        shares(found.starts[:, None], start, now.startprob[:, None])[:, 0],
        shares(found.moves, moves, now.transmat),
        means,
        covars,
        degrees,
    ), flat


def _pseudo_counts(prior: Prior, n_states: int) -> tuple[FloatArray, FloatArray]:
    """Of the starts (1, n_states), and of the moves (n_states, n_states)."""
    moves = np.full((n_states, n_states), prior.moves, dtype=np.float64)
    moves.flat[:: n_states + 1] += prior.stay
    return np.full((1, n_states), prior.start, dtype=np.float64), moves


def log_prior(now: Parameters, prior: Prior) -> FloatArray:
    """Log prior density of each restart, up to a constant."""
    total = np.zeros(len(now.startprob))
    if prior.start or prior.moves or prior.stay:
        start, moves = _pseudo_counts(prior, now.startprob.shape[1])
        for probabilities, pseudo in ((now.startprob[:, None], start), (now.transmat, moves)):
            logs = np.log(np.where(probabilities > 0, probabilities, 1.0))
            total += (pseudo * logs).sum(axis=(1, 2))
    if prior.rows > 0 or prior.centre_rows > 0:
        precision, log_det = precisions(now.covars)
        away = now.means - prior.centre
        drawn = prior.rows * prior.pooled
        drawn = drawn + prior.centre_rows * away[..., :, None] * away[..., None, :]
        pull = (precision * drawn).sum(axis=(-2, -1))
        total -= (prior.rows * log_det + pull).sum(axis=-1) / 2
    return total
