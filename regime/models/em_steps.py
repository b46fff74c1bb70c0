"""The two steps of expectation maximisation, on standardised rows. Looks ahead by design."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import psi

from regime.models.em_emissions import (
    Law,
    Moments,
    Pattern,
    at_least,
    patterns,
    settle,
    solve_degrees,
)
from regime.models.em_recursions import (
    CACHED,
    FloatArray,
    Layout,
    backward,
    forward,
    precisions,
    shares,
    smallest_pivots,
    take_out_tops,
)

SINGULAR = 1e-10  # of a feature's variance in the sample: with less left, a state has collapsed


@dataclass(frozen=True, slots=True)
class Parameters:
    """One model per restart.

    Attributes
    ----------
    startprob : ndarray of shape (n_restarts, n_states), rows sum to 1
    transmat : ndarray of shape (n_restarts, n_states, n_states), rows sum to 1
    means : ndarray of shape (n_restarts, n_states, n_features)
    covars : ndarray of shape (n_restarts, n_states, n_features, n_features)
        Positive definite; the scale matrix of a Student-t. Diagonal matrices for "diag".
    degrees : ndarray of shape (n_restarts, n_states), or None
        Degrees of freedom of a Student-t.
    """

    startprob: FloatArray
    transmat: FloatArray
    means: FloatArray
    covars: FloatArray
    degrees: FloatArray | None = None

    def take(self, restarts: npt.NDArray[np.intp]) -> Self:
        """Copies of those restarts."""
        degrees = None if self.degrees is None else self.degrees[restarts]
        return type(self)(self.startprob[restarts], self.transmat[restarts],
                          self.means[restarts], self.covars[restarts], degrees)  # fmt: skip

    def put(self, restarts: npt.NDArray[np.intp], others: "Parameters") -> None:
        """Overwrite those restarts."""
        for name in ("startprob", "transmat", "means", "covars", "degrees"):
            if (mine := getattr(self, name)) is not None:
                mine[restarts] = getattr(others, name)


@dataclass(frozen=True, slots=True)
class Prior:
    """What is known before the rows; nothing by default.

    Attributes
    ----------
    pooled : ndarray of shape (n_features, n_features)
        Covariance every state is drawn towards.
    rows : float
        How many rows' worth.
    centre : float or ndarray of shape (n_features,)
        Mean every state is drawn towards.
    centre_rows : float
        How many rows' worth.
    start, moves, stay : float
        Pseudo-counts of each start, of each move, and of each stay on top. What is
        impossible at the outset remains so.
    added : float or ndarray of shape (n_features,)
        Variance added after each step. Not the maximum of anything: the objective may fall.
    least : float or ndarray of shape (n_features,)
        No variance, in whatever direction, falls below; the objective never falls.
    """

    pooled: float | FloatArray = 0.0
    rows: float = 0.0
    centre: float | FloatArray = 0.0
    centre_rows: float = 0.0
    start: float = 0.0
    moves: float = 0.0
    stay: float = 0.0
    added: float | FloatArray = 0.0
    least: float | FloatArray = 0.0


def middle_of(values: FloatArray) -> tuple[float, float]:
    """Mean of the values within ten spreads, and the spread: half of the middle two thirds.

    The standard deviation where the middle is flat, 1 where all is but for rounding.
    """
    if not len(values):
        return 0.0, 1.0
    low, middle, high = np.quantile(values, [0.159, 0.5, 0.841])
    spread, flat = (high - low) / 2, 1e-12 * abs(middle)
    if not spread > flat:
        spread = values.std()
    if not spread > flat:
        return float(middle), 1.0
    return float(values[np.abs(values - middle) <= 10 * spread].mean()), float(spread)


@dataclass(frozen=True, slots=True)
class Rows:
    """Standardised rows, grouped by what is known of them.

    `first` and `last` mark the ends of sequences; `centre` and `scale` lead back to the
    original units, in which log-likelihoods are lower by `log_scale`.
    """

    patterns: list[Pattern]
    first: npt.NDArray[np.bool_]
    last: npt.NDArray[np.bool_]
    centre: FloatArray
    scale: FloatArray
    log_scale: float

    @property
    def gaps(self) -> bool:
        """Whether some value is missing."""
        return self.patterns[0].rows is not None

    @property
    def widest(self) -> int:
        """Features of the pattern that has most."""
        return max(pattern.n_features for pattern in self.patterns)

    @classmethod
    def of(cls, X: FloatArray, lengths: list[int], full: bool) -> Self:
        """Standardise by a centre and a power of two near the spread: no rounding.

        Both of the middle of the rows: a wild value would leave the others no digits.
        """
        known = ~np.isnan(X)
        typical = [middle_of(column[here]) for column, here in zip(X.T, known.T, strict=True)]
        centre, spread = np.array(typical).T
        scale = 2.0 ** np.round(np.log2(spread))
        ends = np.cumsum(lengths)
        first, last = np.zeros((2, len(X)), dtype=bool)
        first[ends - lengths] = last[ends - 1] = True
        log_scale = float((np.log(scale) * known.sum(axis=0)).sum())
        return cls(patterns((X - centre) / scale, full), first, last, centre, scale, log_scale)

    def standard(self, parameters: Parameters, full: bool) -> Parameters:
        """Parameters in standard units."""
        squares = np.outer(self.scale, self.scale)
        covars = parameters.covars / squares
        return replace(
            parameters,
            means=(parameters.means - self.centre) / self.scale,
            covars=covars if full else covars * np.eye(len(squares)),
        )

    def original(self, parameters: Parameters) -> Parameters:
        """Parameters in the units of the rows."""
        return replace(
            parameters,
            means=parameters.means * self.scale + self.centre,
            covars=parameters.covars * np.outer(self.scale, self.scale),
        )

    def prior(self, prior: Prior) -> Prior:
        """The prior in standard units, with nothing left out."""
        n = len(self.scale)
        return replace(
            prior,
            pooled=np.broadcast_to(prior.pooled, (n, n)) / np.outer(self.scale, self.scale),
            centre=(prior.centre - self.centre) / self.scale,
            added=np.broadcast_to(prior.added, n) / self.scale**2,
            least=np.broadcast_to(prior.least, n) / self.scale**2,
        )


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
