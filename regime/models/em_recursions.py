"""Forward and backward through hidden states for many restarts at once, compiled.

Columns are laid out so that `LANES` restarts lie side by side: column (group, state, lane)
belongs to restart group * LANES + lane. The number of states and lanes comes as the length
of a tuple, which the compiler knows, so that it unrolls the inner loops.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regime.models.compiled import compiled
from regime.models.matrices import FloatArray

LANES = 4  # restarts whose recursions run abreast: while one's row waits, another's goes on
CACHED = 768 * 1024  # bytes of a chunk's work arrays: what a core keeps at hand
SMALL = 1_000_000  # multiplications in a product that BLAS does without repacking its factors
LOST = 1e-200  # a row this improbable is taken again in logarithms
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each restart's states lie among the columns."""

    n_restarts: int
    n_states: int

    @property
    def lanes(self) -> int:
        """Restarts side by side."""
        return 1 if self.n_restarts == 1 else LANES

    @property
    def groups(self) -> int:
        """Bundles of restarts; the last is filled up with copies."""
        return -(-self.n_restarts // self.lanes)

    @property
    def columns(self) -> int:
        """All columns."""
        return self.groups * self.n_states * self.lanes

    @property
    def sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Tuples as long as there are states and lanes."""
        return (0,) * self.n_states, (0,) * self.lanes

    def pack(self, values: FloatArray) -> FloatArray:
        """(restart, state, ...) to (group, state, ..., lane)."""
        spare = self.groups * self.lanes - self.n_restarts
        if spare:
            values = np.concatenate([values, np.repeat(values[-1:], spare, axis=0)])
        bundled = values.reshape(self.groups, self.lanes, *values.shape[1:])
        return np.ascontiguousarray(bundled.transpose(0, *range(2, bundled.ndim), 1))

    def unpack(self, values: FloatArray) -> FloatArray:
        """(group, ..., lane) to (restart, ...)."""
        bundled = values.transpose(0, -1, *range(1, values.ndim - 1))
        return bundled.reshape(-1, *bundled.shape[2:])[: self.n_restarts]

    def from_columns(self, values: FloatArray) -> FloatArray:
        """(n, column) to (restart, state, n)."""
        split = values.reshape(len(values), self.groups, self.n_states, self.lanes)
        return self.unpack(split.transpose(1, 2, 0, 3))

    def chunk(self, n_features: int) -> int:
        """Rows to work on at a time."""
        rows = CACHED // (8 * (n_features + 3 * self.columns))
        small = SMALL // (n_features * self.columns)
        rows = min(rows, small) if small >= 256 else rows
        return max(64, min(rows // 64 * 64, 1024))


@compiled
def take_out_tops(
    states: tuple[int, ...], lanes: tuple[int, ...], log_density: FloatArray, tops: FloatArray
) -> None:
    """Subtract each row's largest log density, by restart, and add it to `tops`."""
    n, width = len(states), len(lanes)
    for group in range(tops.shape[0]):
        offset = group * n * width
        for row in range(log_density.shape[0]):
            for lane in range(width):
                top = log_density[row, offset + lane]
                for state in range(1, n):
                    value = log_density[row, offset + state * width + lane]
                    top = value if value > top else top  # noqa: FURB136 - max() asks for NaN
                tops[group, lane] += top
                for state in range(n):
                    log_density[row, offset + state * width + lane] -= top


@compiled
def lift(ahead: FloatArray, log_density: FloatArray, joint: FloatArray) -> float:
    """Joint weights of a row whose likely states could hardly be reached, the largest 1.

    Returns the logarithm of what they were divided by.
    """
    for j in range(len(joint)):
        joint[j] = np.log(ahead[j]) + log_density[j] if ahead[j] > 0 else -np.inf
    top: float = joint.max()
    joint[:] = np.exp(joint - top)
    return top


@compiled
def forward(
    states: tuple[int, ...],
    lanes: tuple[int, ...],
    log_density: FloatArray,
    density: FloatArray,
    first: npt.NDArray[np.bool_],
    startprob: FloatArray,
    transmat: FloatArray,
    proba: FloatArray,
    carried: FloatArray,
    logs: FloatArray,
) -> None:
    """Filtered probabilities of a chunk of rows into `proba`; log likelihoods onto `logs`.

    `log_density` has its tops taken out and `density` is its exponential. `carried` holds
    (group, state, lane) probabilities of the row before, and of the last row afterwards.
    """
    n, width = len(states), len(lanes)
    # `product` puts off the logarithm for as long as it can be held
    total, product = np.empty(width), np.empty(width)
    for group in range(transmat.shape[0]):
        offset = group * n * width
        before, at = carried[group].copy().ravel(), 0
        product[:] = 1.0
        for row in range(density.shape[0]):
            if first[row]:
                for j in range(n):
                    for lane in range(width):
                        cell = offset + j * width + lane
                        proba[row, cell] = startprob[group, j, lane] * density[row, cell]
            else:
                for j in range(n):
                    for lane in range(width):
                        cell, ahead = offset + j * width + lane, 0.0
                        for i in range(n):
                            ahead += before[at + i * width + lane] * transmat[group, i, j, lane]
                        proba[row, cell] = ahead * density[row, cell]
            lowest = 1.0
            for lane in range(width):
                whole = 0.0
                for j in range(n):
                    whole += proba[row, offset + j * width + lane]
                total[lane] = whole
                so_far = product[lane] * whole
                lowest = so_far if so_far < lowest else lowest  # noqa: FURB136
            if lowest < 1e-100:
                for lane in range(width):
                    logs[group, lane] += np.log(product[lane])
                    product[lane] = 1.0
                    if total[lane] < LOST:
                        begin = offset + lane
                        cells = slice(begin, begin + n * width, width)
                        reach = startprob[group, :, lane].copy()
                        if not first[row]:
                            reach[:] = 0.0
                            for i in range(n):
                                came = before[at + i * width + lane]
                                reach += came * transmat[group, i, :, lane]
                        logs[group, lane] += lift(reach, log_density[row, cells], proba[row, cells])
                        total[lane] = proba[row, cells].sum()
            for lane in range(width):
                product[lane] *= total[lane]
                share = 1.0 / total[lane]
                for j in range(n):
                    proba[row, offset + j * width + lane] *= share
            before, at = proba[row], offset
        for lane in range(width):
            logs[group, lane] += np.log(product[lane])
            for j in range(n):
                carried[group, j, lane] = before[at + j * width + lane]


@compiled
def backward(
    states: tuple[int, ...],
    lanes: tuple[int, ...],
    proba: FloatArray,
    last: npt.NDArray[np.bool_],
    transmat: FloatArray,
    smoothed: FloatArray,
    carried: FloatArray,
    moves: FloatArray,
) -> None:
    """Filtered to smoothed probabilities of a chunk, from its last row up.

    `smoothed` may be `proba` itself. `carried` holds the smoothed (group, state, lane)
    probabilities of the row after, and of the first row afterwards. Onto `moves` go the
    expected moves between states, yet to be multiplied by the probability of each move.
    """
    n, width = len(states), len(lanes)
    ratio = np.empty((n, width))
    for group in range(transmat.shape[0]):
        offset = group * n * width
        for row in range(proba.shape[0] - 1, -1, -1):
            if last[row]:
                for i in range(n):
                    for lane in range(width):
                        cell = offset + i * width + lane
                        carried[group, i, lane] = smoothed[row, cell] = proba[row, cell]
                continue
            for j in range(n):
                for lane in range(width):
                    ahead = TINY  # 0 / 0 is 0: a state that cannot be reached
                    for i in range(n):
                        here = proba[row, offset + i * width + lane]
                        ahead += here * transmat[group, i, j, lane]
                    ratio[j, lane] = carried[group, j, lane] / ahead
            for i in range(n):
                for lane in range(width):
                    cell, back = offset + i * width + lane, 0.0
                    here = proba[row, cell]
                    for j in range(n):
                        back += transmat[group, i, j, lane] * ratio[j, lane]
                        moves[group, i, j, lane] += here * ratio[j, lane]
                    carried[group, i, lane] = smoothed[row, cell] = here * back
        for lane in range(width):  # what rounding has added or lost on the way
            whole = 0.0
            for i in range(n):
                whole += carried[group, i, lane]
            for i in range(n):
                carried[group, i, lane] /= whole
