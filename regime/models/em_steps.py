"""The two steps of expectation maximisation, on standardised rows. Looks ahead by design."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import psi

from regime.models.em_emissions import Law, Moments, Pattern, patterns, precisions, solve_degrees
from regime.models.em_recursions import FloatArray, Layout, backward, forward, take_out_tops

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

    @classmethod
    def of(cls, X: FloatArray, lengths: list[int], full: bool) -> Self:
        """Standardise by the mean and a power of two near the deviation: no rounding."""
        known = ~np.isnan(X)
        counts = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, X, 0.0).sum(axis=0) / counts
        centred = X - centre
        spread = np.sqrt(np.where(known, centred**2, 0.0).sum(axis=0) / counts)
        flat = spread <= 1e-12 * np.abs(centre)  # but for rounding
        scale = np.where(flat, 1.0, 2.0 ** np.round(np.log2(np.where(flat, 1.0, spread))))
        ends = np.cumsum(lengths)
        first, last = np.zeros((2, len(X)), dtype=bool)
        first[ends - lengths] = last[ends - 1] = True
        log_scale = float((np.log(scale) * known.sum(axis=0)).sum())
        return cls(patterns(centred / scale, full), first, last, centre, scale, log_scale)

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
    """Memory for the columns of all restarts, used again in each step."""

    proba: FloatArray
    weights: FloatArray | None
    log_density: FloatArray

    @classmethod
    def room(cls, rows: Rows, layout: Layout, weighted: bool) -> Self:
        """As much as the rows need."""
        size = len(rows.first) * layout.columns
        gaps = rows.patterns[0].rows is not None
        return cls(
            np.empty(size), np.empty(size) if weighted else None, np.empty(size if gaps else 0)
        )


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
    rows: Rows, laws: list[Law], weights: FloatArray | None, room: FloatArray
) -> FloatArray:
    """Log density of every row in every column, and weights, pattern by pattern."""
    n_rows, columns = len(rows.first), laws[0].coefficients.shape[1]
    log_density = room[: n_rows * columns].reshape(n_rows, columns)
    log_density[:] = 0.0  # nothing known, no evidence
    for pattern, law in zip(rows.patterns, laws, strict=True):
        block = np.empty((len(pattern.features), columns))
        weight = None if weights is None else np.empty_like(block)
        log_density[pattern.rows] = law.log_density(pattern.features, block, weight)
        if weights is not None:
            weights[pattern.rows] = weight
    return log_density


def expect(rows: Rows, now: Parameters, work: Work) -> Expected:
    """Smooth the states of all restarts; leaves the smoothed columns in `work.proba`."""
    layout = Layout(*now.startprob.shape)
    states, lanes = layout.sizes
    columns, n_rows = layout.columns, len(rows.first)
    laws = [Law.of(one, now.means, now.covars, now.degrees, layout) for one in rows.patterns]
    proba = work.proba[: n_rows * columns].reshape(n_rows, columns)
    weights = None if work.weights is None else work.weights[: proba.size].reshape(proba.shape)
    whole, gaps = rows.patterns[0].features, rows.patterns[0].rows is not None
    step = min(layout.chunk(whole.shape[1]), n_rows)
    chunks = [slice(begin, begin + step) for begin in range(0, n_rows, step)]
    startprob, transmat = layout.pack(now.startprob), layout.pack(now.transmat)
    logs, moves, carried = np.zeros_like(startprob[:, 0]), np.zeros_like(transmat), startprob.copy()
    room, density = np.empty((2, step, columns))
    every = log_densities(rows, laws, weights, work.log_density) if gaps else room
    for chunk in chunks:
        size = len(rows.first[chunk])
        weight = None if weights is None else weights[chunk]
        here = every[chunk] if gaps else laws[0].log_density(whole[chunk], room[:size], weight)
        take_out_tops(states, lanes, here, logs)
        np.exp(here, out=density[:size])
        forward(states, lanes, here, density[:size], rows.first[chunk], startprob, transmat,
                proba[chunk], carried, logs)  # fmt: skip

    sums = [np.zeros_like(law.coefficients) for law in laws]
    counts, spreads = np.zeros((2, len(laws), columns))
    for chunk in reversed(chunks):
        backward(states, lanes, proba[chunk], rows.last[chunk], transmat, carried, moves)
        if not gaps:
            weight = None if weights is None else weights[chunk]
            _gather(whole[chunk], proba[chunk], weight, sums[0], counts[0], spreads[0])
    for number, one in enumerate(rows.patterns if gaps else []):
        weight = None if weights is None else weights[one.rows]
        to = sums[number], counts[number], spreads[number]
        _gather(one.features, proba[one.rows], weight, *to)

    moments = Moments.zeros(now.means.shape)
    spread = np.zeros_like(now.startprob)
    for one, total, count, logged in zip(rows.patterns, sums, counts, spreads, strict=True):
        n = layout.from_columns(count[None])[..., 0]
        moments.add(one, layout.from_columns(total), n, now.means, now.covars)
        if now.degrees is not None:
            half = (now.degrees + len(one.seen)) / 2
            spread += layout.from_columns(logged[None])[..., 0] + n * (psi(half) - np.log(half))
    return Expected(
        layout.unpack(logs),
        layout.from_columns(proba[rows.first].sum(axis=0)[None])[..., 0],
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
    if weights is None:
        added = features.T @ proba
        sums += added
        counts += added[-1]
        return
    weighted = proba * weights
    added = features.T @ weighted
    sums += added
    counts += proba.sum(axis=0)
    spreads += np.einsum("tc,tc->c", proba, np.log(weights)) - added[-1]


def maximise(
    now: Parameters, found: Expected, prior: Prior, full: bool, estimate_degrees: bool
) -> tuple[Parameters, npt.NDArray[np.bool_]]:
    """The best parameters given what is expected, and which states have no spread left.

    Those keep the mean and the covariance they had.
    """
    moments, n_features = found.moments, now.means.shape[-1]
    mass = (moments.weight + prior.centre_rows)[..., None]
    any_rows = mass > 1e-200
    means = (moments.first + prior.centre_rows * prior.centre) / np.where(any_rows, mass, 1.0)
    means = np.where(any_rows, means, now.means)
    away = means - prior.centre
    scatter = (
        moments.about(means)
        + prior.rows * prior.pooled
        + prior.centre_rows * away[..., :, None] * away[..., None, :]
    )
    mass = (moments.rows + prior.rows)[..., None, None]
    covars = scatter / np.where(mass > 1e-200, mass, np.nan) + np.diag(prior.added)
    covars = (covars + np.swapaxes(covars, -1, -2)) / 2
    if not full:
        covars *= np.eye(n_features)
    covars = at_least(covars, prior.least, full)
    _, _, pivots = precisions(covars)
    flat = ~(pivots > SINGULAR) | ~np.isfinite(means).all(axis=-1)
    means = np.where(flat[..., None], now.means, means)
    covars = np.where(flat[..., None, None], now.covars, covars)
    degrees = now.degrees
    if degrees is not None and estimate_degrees:
        some = moments.rows > 1e-8
        degrees = np.where(some, solve_degrees(-1 - np.where(some, found.spread, -2)), degrees)
    moves = prior.moves + prior.stay * np.eye(now.transmat.shape[-1])
    return Parameters(
        _shares(found.starts, prior.start, now.startprob),
        _shares(found.moves, moves, now.transmat),
        means,
        covars,
        degrees,
    ), flat


def _shares(counts: FloatArray, pseudo: float | FloatArray, before: FloatArray) -> FloatArray:
    """Counts and pseudo-counts as shares; what was impossible stays so, no counts no change."""
    counts = np.where(before > 0, counts + pseudo, 0.0)
    total = counts.sum(axis=-1, keepdims=True)
    shares: FloatArray = np.where(total > 1e-200, counts / np.maximum(total, 1e-200), before)
    return shares


def at_least(covars: FloatArray, least: float | FloatArray, full: bool) -> FloatArray:
    """The likeliest covariances with no variance, in whatever direction, below `least`."""
    floor: FloatArray = np.broadcast_to(np.asarray(least, dtype=np.float64), covars.shape[-1])
    if not (floor > 0).all() or not np.isfinite(covars).all():
        return covars
    if not full:
        return np.maximum(covars, np.diag(floor))
    units = np.sqrt(np.outer(floor, floor))
    values, vectors = np.linalg.eigh(covars / units)
    low = np.min(values, axis=-1, keepdims=True) < 1
    raised = (vectors * np.maximum(values, 1)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    chosen: FloatArray = np.where(low[..., None], raised * units, covars)
    return chosen


def log_prior(now: Parameters, prior: Prior) -> FloatArray:
    """Log prior density of each restart, up to a constant."""
    total = np.zeros(len(now.startprob))
    moves = prior.moves + prior.stay * np.eye(now.transmat.shape[-1])
    for shares, pseudo in ((now.startprob, prior.start), (now.transmat, moves)):
        terms = pseudo * np.log(np.where(shares > 0, shares, 1.0))
        total += terms.sum(axis=tuple(range(1, shares.ndim)))
    if prior.rows > 0 or prior.centre_rows > 0:
        precision, log_det, _ = precisions(now.covars)
        away = now.means - prior.centre
        drawn = prior.rows * prior.pooled
        drawn = drawn + prior.centre_rows * away[..., :, None] * away[..., None, :]
        pull = (precision * drawn).sum(axis=(-2, -1))
        total -= (prior.rows * log_det + pull).sum(axis=-1) / 2
    return total
