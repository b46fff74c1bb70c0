"""Densities of rows in hidden states and what each state makes of its rows, as products.

A quadratic form in a row is a product with the features [x_i x_j, x, 1], and so are the
sums that a mean and a covariance follow from: one matrix product serves all restarts. Rows
are grouped by which of their values are known; what is missing is filled with its expected
value and square, given what is known and the state.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, polygamma, psi

from regime.models.em_recursions import FloatArray, Layout, compiled

IntArray = npt.NDArray[np.intp]

FEWEST_DEGREES, MOST_DEGREES = 0.5, 1000.0


@dataclass(frozen=True, slots=True)
class Pattern:
    """Rows in which the same values are known.

    Attributes
    ----------
    seen : ndarray of shape (n_seen,)
        Positions of the known features.
    rows : ndarray of shape (n_rows,), or None
        Positions of the rows; None for all rows.
    features : ndarray of shape (n_rows, n_pairs + n_seen + 1)
        Products of the known values pair by pair (only squares where covariances are
        diagonal), the values, and one.
    first, second : ndarray of shape (n_pairs,)
        Which of the known values each product is of.
    """

    seen: IntArray
    rows: IntArray | None
    features: FloatArray
    first: IntArray
    second: IntArray

    @classmethod
    def of(cls, X: FloatArray, seen: IntArray, rows: IntArray | None, full: bool) -> Self:
        """The pattern of these rows."""
        values = X[:, seen] if rows is None else X[np.ix_(rows, seen)]
        n = len(seen)
        first, second = np.triu_indices(n) if full else (np.arange(n), np.arange(n))
        features = np.empty((len(values), len(first) + n + 1))
        np.multiply(values[:, first], values[:, second], out=features[:, : len(first)])
        features[:, len(first) : -1] = values
        features[:, -1] = 1.0
        return cls(seen, rows, features, first, second)


def patterns(X: FloatArray, full: bool) -> list[Pattern]:
    """Rows by what is known of them; rows of which nothing is are in no pattern."""
    known = ~np.isnan(X)
    if known.all():
        return [Pattern.of(X, np.arange(X.shape[1]), None, full)]
    kinds, kind_of = np.unique(known, axis=0, return_inverse=True)
    return [
        Pattern.of(X, np.flatnonzero(kind), np.flatnonzero(kind_of.ravel() == number), full)
        for number, kind in enumerate(kinds)
        if kind.any()
    ]


@compiled
def invert(matrices: FloatArray, inverses: FloatArray, log_dets: FloatArray) -> FloatArray:
    """Inverses and log determinants by Cholesky; returns each one's smallest pivot.

    A pivot is what is left of a variance given the features before it. Where one is not
    positive it is returned as 0 and the inverse is not written.
    """
    count, n = matrices.shape[0], matrices.shape[1]
    lower, whiten = np.zeros((n, n)), np.zeros((n, n))
    pivots = np.empty(count)
    for number in range(count):
        smallest, log_det = np.inf, 0.0
        for j in range(n):
            left = matrices[number, j, j]
            for k in range(j):
                left -= lower[j, k] * lower[j, k]
            if not left > 0.0:  # NaN too
                smallest = 0.0
                break
            smallest = min(smallest, left)
            log_det += np.log(left)
            lower[j, j] = np.sqrt(left)
            for i in range(j + 1, n):
                value = matrices[number, i, j]
                for k in range(j):
                    value -= lower[i, k] * lower[j, k]
                lower[i, j] = value / lower[j, j]
        pivots[number] = smallest
        if smallest == 0.0:
            continue
        log_dets[number] = log_det
        for j in range(n):
            whiten[j, j] = 1.0 / lower[j, j]
            for i in range(j + 1, n):
                value = 0.0
                for k in range(j, i):
                    value -= lower[i, k] * whiten[k, j]
                whiten[i, j] = value / lower[i, i]
        for i in range(n):
            for j in range(i + 1):
                value = 0.0
                for k in range(i, n):
                    value += whiten[k, i] * whiten[k, j]
                inverses[number, i, j] = value
                inverses[number, j, i] = value
    return pivots


def precisions(covars: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Inverse, log determinant and smallest pivot of each (..., n, n) matrix."""
    flat = np.ascontiguousarray(covars).reshape(-1, *covars.shape[-2:])
    inverses, log_dets = np.zeros_like(flat), np.zeros(len(flat))
    pivots = invert(flat, inverses, log_dets)
    return (
        inverses.reshape(covars.shape),
        log_dets.reshape(covars.shape[:-2]),
        pivots.reshape(covars.shape[:-2]),
    )


def among(matrices: FloatArray, rows: IntArray, columns: IntArray) -> FloatArray:
    """Those rows and columns of each (..., n, n) matrix."""
    chosen: FloatArray = matrices[..., rows[:, None], columns]
    return chosen


def squared_distances(
    pattern: Pattern, means: FloatArray, covars: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Coefficients of each state's squared distance in the features, and log determinants.

    Shapes (n_restarts, n_states, n_features) and (n_restarts, n_states).
    """
    precision, log_det, _ = precisions(among(covars, pattern.seen, pattern.seen))
    mean = means[..., pattern.seen]
    pull = np.einsum("bkij,bkj->bki", precision, mean)
    pairs = precision[..., pattern.first, pattern.second]
    pairs = np.where(pattern.first == pattern.second, pairs, 2 * pairs)
    size = np.einsum("bki,bki->bk", pull, mean)
    return np.concatenate([pairs, -2 * pull, size[..., None]], axis=-1), log_det


def gaussian_coefficients(pattern: Pattern, means: FloatArray, covars: FloatArray) -> FloatArray:
    """Coefficients of each state's log density in the features."""
    coefficients, log_det = squared_distances(pattern, means, covars)
    coefficients *= -0.5
    coefficients[..., -1] -= (log_det + len(pattern.seen) * math.log(2 * math.pi)) / 2
    return coefficients


@dataclass(frozen=True, slots=True)
class Law:
    """How to turn the features of a pattern into log densities, one column per state.

    `coefficients` give log densities; for a Student-t squared distances, from which its
    `tail` of degrees of freedom, power and constant leads on.
    """

    coefficients: FloatArray
    tail: tuple[FloatArray, FloatArray, FloatArray] | None = None

    @classmethod
    def of(
        cls,
        pattern: Pattern,
        means: FloatArray,
        covars: FloatArray,
        degrees: FloatArray | None,
        layout: Layout,
    ) -> Self:
        """The law of a pattern; parameters with leading axes (n_restarts, n_states)."""
        if degrees is None:
            return cls(layout.to_columns(gaussian_coefficients(pattern, means, covars)))
        distances, log_det = squared_distances(pattern, means, covars)
        n, power = len(pattern.seen), (degrees + len(pattern.seen)) / 2
        constant = (
            gammaln(power)
            - gammaln(degrees / 2)
            - (n * np.log(degrees * math.pi) + log_det) / 2
            + power * np.log(degrees / (degrees + n))
        )
        return cls(
            layout.to_columns(distances),
            (
                layout.pack(degrees).ravel(),
                layout.pack(power).ravel(),
                layout.pack(constant).ravel(),
            ),
        )

    def log_density(
        self, features: FloatArray, out: FloatArray, weights: FloatArray | None
    ) -> FloatArray:
        """Log densities of the rows into `out`, and a Student-t's weights of the rows."""
        np.matmul(features, self.coefficients, out=out)
        if self.tail is None or weights is None:
            return out
        degrees, power, constant = self.tail
        np.maximum(out, 0.0, out=out)  # a distance of zero may round to less
        out += degrees
        np.divide(2 * power, out, out=weights)
        np.log(weights, out=out)
        out *= power
        out += constant
        return out


@dataclass(frozen=True, slots=True)
class Moments:
    """Expected sums over the rows of each state; leading axes (n_restarts, n_states).

    `rows` counts rows, `weight` their weights (Student-t: a far row weighs less; Gaussian:
    the same), `first` and `second` sum weighted values and products.
    """

    rows: FloatArray
    weight: FloatArray
    first: FloatArray
    second: FloatArray

    @classmethod
    def zeros(cls, shape: tuple[int, int, int]) -> Self:
        """Nothing seen yet; `shape` is (n_restarts, n_states, n_features)."""
        return cls(np.zeros(shape[:2]), np.zeros(shape[:2]), np.zeros(shape),
                   np.zeros((*shape, shape[2])))  # fmt: skip

    def take(self, restarts: IntArray) -> Self:
        """Only those restarts."""
        return type(self)(self.rows[restarts], self.weight[restarts], self.first[restarts],
                          self.second[restarts])  # fmt: skip

    def add(
        self,
        pattern: Pattern,
        sums: FloatArray,
        rows: FloatArray,
        means: FloatArray,
        covars: FloatArray,
    ) -> None:
        """Add one pattern's weighted feature sums, filled up by its states' conditional law."""
        n_pairs, n_seen = len(pattern.first), len(pattern.seen)
        weight, first = sums[..., -1], sums[..., n_pairs:-1]
        second = np.zeros((*sums.shape[:2], n_seen, n_seen))
        second[..., pattern.first, pattern.second] = sums[..., :n_pairs]
        second[..., pattern.second, pattern.first] = sums[..., :n_pairs]
        self.rows[:] += rows
        self.weight[:] += weight
        n_features = means.shape[-1]
        if n_seen == n_features:
            self.first[:] += first
            self.second[:] += second
            return
        missing = np.setdiff1d(np.arange(n_features), pattern.seen)
        known_inverse, _, _ = precisions(among(covars, pattern.seen, pattern.seen))
        slope = among(covars, missing, pattern.seen) @ known_inverse
        left = among(covars, missing, missing) - slope @ among(covars, pattern.seen, missing)
        fill = np.zeros((*sums.shape[:2], n_features, n_seen))  # filled = fill @ known + offset
        fill[..., pattern.seen, :] = np.eye(n_seen)
        fill[..., missing, :] = slope
        offset = np.zeros_like(means)
        offset[..., missing] = means[..., missing] - np.einsum(
            "bkij,bkj->bki", slope, means[..., pattern.seen]
        )
        filled = np.einsum("bkij,bkj->bki", fill, first)
        cross = filled[..., :, None] * offset[..., None, :]
        self.first[:] += filled + weight[..., None] * offset
        self.second[:] += (
            fill @ second @ np.swapaxes(fill, -1, -2)
            + cross
            + np.swapaxes(cross, -1, -2)
            + weight[..., None, None] * offset[..., :, None] * offset[..., None, :]
        )
        self.second[..., missing[:, None], missing] += rows[..., None, None] * left

    def about(self, means: FloatArray) -> FloatArray:
        """Weighted sums of products of deviations from `means`."""
        cross = self.first[..., :, None] * means[..., None, :]
        squares = means[..., :, None] * means[..., None, :]
        return (
            self.second
            - cross
            - np.swapaxes(cross, -1, -2)
            + self.weight[..., None, None] * squares
        )


def solve_degrees(target: FloatArray) -> FloatArray:
    """Degrees of freedom v with log(v / 2) - psi(v / 2) = target, within their bounds.

    The left side falls from infinity to zero as v grows, so that where the target is not
    positive the bound is the best there is.
    """
    lowest, highest = FEWEST_DEGREES / 2, MOST_DEGREES / 2
    goal = np.maximum(target, 1e-12)
    half = np.clip((1 + np.sqrt(1 + 4 * goal / 3)) / (4 * goal), lowest, highest)
    for _ in range(12):  # Newton between logarithms, where the curve is almost a line
        gap = np.log(half) - psi(half)
        slope = half * (1 / half - polygamma(1, half)) / gap
        step = np.log(goal / gap) / slope
        half = np.clip(half * np.exp(step), lowest, highest)
        if np.abs(step).max() < 1e-13:
            break
    degrees: FloatArray = 2 * half
    return degrees
