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
from scipy.special import gammaln, polygamma, psi

from regime.models.compiled import compiled
from regime.models.em_recursions import Layout
from regime.models.em_rows import Pattern
from regime.models.matrices import FloatArray, IntArray, among, invert, precisions

FEWEST_DEGREES, MOST_DEGREES = 0.5, 1000.0


@compiled
def squared_distances(
    means: FloatArray,
    covars: FloatArray,
    seen: IntArray,
    first: IntArray,
    second: IntArray,
    coefficients: FloatArray,
    log_dets: FloatArray,
) -> None:
    """Coefficients of each state's squared distance in the features, and log determinants.

    Of the shapes (n_features, group, state, lane) and (group, state, lane).
    """
    n, n_pairs, (groups, states, lanes) = len(seen), len(first), log_dets.shape
    covar, precision, pull = np.empty((n, n)), np.empty((n, n)), np.empty(n)
    for number in range(groups * lanes):
        group, lane = number // lanes, number % lanes
        restart = min(number, means.shape[0] - 1)  # spare lanes hold copies
        for state in range(states):
            for i in range(n):
                for j in range(n):
                    covar[i, j] = covars[restart, state, seen[i], seen[j]]
            log_dets[group, state, lane] = invert(covar, precision)[1]
            size = 0.0
            for i in range(n):
                pull[i] = 0.0
                for j in range(n):
                    pull[i] += precision[i, j] * means[restart, state, seen[j]]
                size += pull[i] * means[restart, state, seen[i]]
            for pair in range(n_pairs):
                i, j = first[pair], second[pair]
                times = 1.0 if i == j else 2.0
                coefficients[pair, group, state, lane] = times * precision[i, j]
            for i in range(n):
                coefficients[n_pairs + i, group, state, lane] = -2.0 * pull[i]
            coefficients[-1, group, state, lane] = size


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
        shape = layout.groups, layout.n_states, layout.lanes
        coefficients, log_dets = np.empty((pattern.n_features, *shape)), np.empty(shape)
        squared_distances(
            means, covars, pattern.seen, pattern.first, pattern.second, coefficients, log_dets
        )
        columns, log_det = coefficients.reshape(pattern.n_features, -1), log_dets.ravel()
        n = len(pattern.seen)
        if degrees is None:
            columns *= -0.5
            columns[-1] -= (log_det + n * math.log(2 * math.pi)) / 2
            return cls(columns)
        degrees = layout.pack(degrees).ravel()
        power = (degrees + n) / 2
        constant = (
            gammaln(power)
            - gammaln(degrees / 2)
            - (n * np.log(degrees * math.pi) + log_det) / 2
            + power * np.log(degrees / (degrees + n))
        )
        return cls(columns, (degrees, power, constant))

    def log_density(
        self, features: FloatArray, out: FloatArray, weights: FloatArray | None
    ) -> FloatArray:
        """Log densities of the rows into `out`, and a Student-t's weights of the rows.

        `features` of shape (n_features, n_rows), `out` and `weights` (n_rows, n_columns).
        """
        np.matmul(features.T, self.coefficients, out=out)
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
        lanes: int,
        rows: FloatArray,
        means: FloatArray,
        covars: FloatArray,
    ) -> None:
        """Add one pattern's weighted feature sums, filled up by its states' conditional law.

        `sums` of shape (n_features, n_columns), `rows` (n_restarts, n_states).
        """
        n_features, n_seen = means.shape[-1], len(pattern.seen)
        self.rows[:] += rows
        part = self if n_seen == n_features else self.zeros((*rows.shape, n_seen))
        add_sums(sums, lanes, pattern.first, pattern.second, part.weight, part.first, part.second)
        if n_seen == n_features:
            return
        weight, first, second = part.weight, part.first, part.second
        self.weight[:] += weight
        missing = np.setdiff1d(np.arange(n_features), pattern.seen)
        known_inverse, _ = precisions(among(covars, pattern.seen, pattern.seen))
        slope = among(covars, missing, pattern.seen) @ known_inverse
        left = among(covars, missing, missing) - slope @ among(covars, pattern.seen, missing)
        fill = np.zeros((*rows.shape, n_features, n_seen))  # filled = fill @ known + offset
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


@compiled
def add_sums(
    sums: FloatArray,
    lanes: int,
    first: IntArray,
    second: IntArray,
    weight: FloatArray,
    values: FloatArray,
    products: FloatArray,
) -> None:
    """Add feature sums by column to sums of weights, values and products by restart and state."""
    n_pairs, (n_restarts, n_states) = len(first), weight.shape
    for restart in range(n_restarts):
        for state in range(n_states):
            column = (restart // lanes * n_states + state) * lanes + restart % lanes
            weight[restart, state] += sums[-1, column]
            for i in range(values.shape[2]):
                values[restart, state, i] += sums[n_pairs + i, column]
            for pair in range(n_pairs):
                i, j = first[pair], second[pair]
                products[restart, state, i, j] += sums[pair, column]
                if i != j:
                    products[restart, state, j, i] += sums[pair, column]


@compiled
def settle(
    rows: FloatArray,
    weight: FloatArray,
    first: FloatArray,
    second: FloatArray,
    pooled: FloatArray,
    pooled_rows: float,
    centre: FloatArray,
    centre_rows: float,
    added: FloatArray,
    full: bool,
    means: FloatArray,
    covars: FloatArray,
) -> None:
    """The likeliest means and covariances, given moments and a prior.

    A state of no weight keeps the mean it has; one of no rows has no covariance: NaN.
    """
    n_restarts, n_states, n = means.shape
    for restart in range(n_restarts):
        for state in range(n_states):
            mean, values = means[restart, state], first[restart, state]
            products, mass = second[restart, state], weight[restart, state]
            if mass + centre_rows > 1e-200:
                for i in range(n):
                    mean[i] = (values[i] + centre_rows * centre[i]) / (mass + centre_rows)
            count = rows[restart, state] + pooled_rows
            count = count if count > 1e-200 else np.nan
            for i in range(n):
                for j in range(i + 1):
                    scatter = (products[i, j] + products[j, i]) / 2
                    scatter -= values[i] * mean[j] + values[j] * mean[i]
                    scatter += mass * (mean[i] * mean[j]) + pooled_rows * pooled[i, j]
                    scatter += centre_rows * ((mean[i] - centre[i]) * (mean[j] - centre[j]))
                    value = scatter / count if full or i == j else 0.0
                    covars[restart, state, i, j] = covars[restart, state, j, i] = value
                covars[restart, state, i, i] += added[i]


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
