"""Rows in standard units, grouped by which of their values are known, as features.

The features [x_i x_j, x, 1] of a row turn every quadratic form in it into a product.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from regime.models.compiled import compiled
from regime.models.em_parameters import Parameters, Prior
from regime.models.matrices import FloatArray, IntArray
from regime.models.missing import known_alike

HELD = 8 * 1024 * 1024  # bytes of features kept; fetching more takes longer than making them anew


@dataclass(frozen=True, slots=True)
class Pattern:
    """Rows in which the same values are known.

    Attributes
    ----------
    seen : ndarray of shape (n_seen,)
        Positions of the known features.
    rows : ndarray of shape (n_rows,), or None
        Positions of the rows; None for all rows.
    values : ndarray of shape (n_seen, n_rows)
        The known values.
    first, second : ndarray of shape (n_pairs,)
        Which of the known values each product is of: of every pair, or, where covariances
        are diagonal, of each with itself.
    held : ndarray of shape (n_rows, n_features), or None
        The features, if they take little room.
    """

    seen: IntArray
    rows: IntArray | None
    values: FloatArray
    first: IntArray
    second: IntArray
    held: FloatArray | None = None

    @classmethod
    def of(cls, X: FloatArray, seen: IntArray, rows: IntArray | None, full: bool) -> Self:
        """The pattern of these rows."""
        values = X[:, seen] if rows is None else X[np.ix_(rows, seen)]
        n = len(seen)
        first, second = np.triu_indices(n) if full else (np.arange(n), np.arange(n))
        one = cls(seen, rows, np.ascontiguousarray(values.T), first, second)
        size = len(values) * one.n_features
        if size * 8 > HELD:
            return one
        return replace(one, held=one.features(0, len(values), np.empty(size)).T.copy())

    @property
    def n_features(self) -> int:
        """Products, values and one."""
        return len(self.first) + len(self.seen) + 1

    def features(self, begin: int, end: int, room: FloatArray) -> FloatArray:
        """Features of some of the rows, (n_features, end - begin), made in `room` if not held."""
        if self.held is not None:
            return self.held[begin:end].T
        made = room[: self.n_features * (end - begin)].reshape(self.n_features, -1)
        make_features(self.values, self.first, self.second, begin, made)
        return made

    def blocks(self, step: int, room: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
        """The features of all rows, so many rows at a time, in the same `room`."""
        n_rows = self.values.shape[1]
        for begin in range(0, n_rows, step):
            end = min(begin + step, n_rows)
            yield slice(begin, end), self.features(begin, end, room)


@compiled
def make_features(
    values: FloatArray, first: IntArray, second: IntArray, begin: int, made: FloatArray
) -> None:
    """Products pair by pair, values and one, from row `begin` for as many rows as `made` has."""
    n_pairs, end = len(first), begin + made.shape[1]
    for pair in range(n_pairs):
        left, right = values[first[pair]][begin:end], values[second[pair]][begin:end]
        to = made[pair]
        for row in range(made.shape[1]):
            to[row] = left[row] * right[row]
    for feature in range(values.shape[0]):
        made[n_pairs + feature] = values[feature][begin:end]
    made[-1] = 1.0


def patterns(X: FloatArray, full: bool) -> list[Pattern]:
    """Rows by what is known of them; rows of which nothing is are in no pattern."""
    known = ~np.isnan(X)
    if known.all():
        return [Pattern.of(X, np.arange(X.shape[1]), None, full)]
    return [
        Pattern.of(X, np.flatnonzero(kind), rows, full)
        for kind, rows in known_alike(known)
        if kind.any()
    ]


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
