"""What chance alone makes of calibration: resampled rows, and outcomes drawn as they were said.

Arrays only. `said` holds probabilities and `so` ones and zeros, both of shape (n_rows, n_regimes),
rows consecutive trading days; `bins` holds the bin of each probability, from 0.
"""

import numpy as np
import numpy.typing as npt

from regime.evaluation.significance import BLOCK

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_AT_A_TIME = 50  # paths in memory together
_LAGS = np.array([1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, BLOCK])


def one_hot(cells: IntArray, n_cells: int, values: FloatArray | None = None) -> FloatArray:
    """Each row's values (or ones), added up in the cells its regimes fall into."""
    rows = np.repeat(np.arange(len(cells)), cells.shape[1]) * n_cells + cells.ravel()
    weights = None if values is None else values.ravel()
    counted = np.bincount(rows, weights, minlength=len(cells) * n_cells)
    return counted.reshape(len(cells), n_cells).astype(np.float64)


def resampled_sums(values: FloatArray, n_resamples: int, seed: int) -> FloatArray:
    """Column sums of each stationary bootstrap of the rows: shape (n_resamples, n_columns)."""
    from arch.bootstrap import StationaryBootstrap  # a second's import, only needed here

    bootstrap = StationaryBootstrap(BLOCK, np.arange(len(values)), seed=np.random.default_rng(seed))
    before = np.vstack([np.zeros(values.shape[1]), values.cumsum(axis=0)])
    sums = np.empty((n_resamples, values.shape[1]))
    for number, ((rows,), _) in enumerate(bootstrap.bootstrap(n_resamples)):
        # A resample is a few dozen stretches of rows, each a difference of running sums.
        ends = np.append(np.flatnonzero(np.diff(rows) != 1), len(rows) - 1)
        begins = np.append(0, ends[:-1] + 1)
        sums[number] = (before[rows[ends] + 1] - before[rows[begins]]).sum(axis=0)
    return sums


def kept_overnight(said: FloatArray, so: FloatArray, bins: IntArray) -> float:
    """Chance that a simulated path keeps its luck overnight, from how long errors last."""
    lags = _LAGS[len(said) > _LAGS]
    if not len(lags):
        return 0.0
    # Bartlett weights, and each lag stands for those between it and its neighbours.
    weight = (1 - lags / (BLOCK + 1)) * np.gradient(lags) if len(lags) > 1 else np.ones(1)
    wrong = so - said
    real, lasting = [], []
    for lag in lags:
        near = bins[:-lag] == bins[lag:]  # only these add up in one bin
        real.append(float((wrong[:-lag] * wrong[lag:])[near].sum()))
        lasting.append(float(shared_luck(said[:-lag], said[lag:])[near].sum()))
    wanted = float(weight @ np.array(real))
    # Sums fall as luck changes more often; the root is where they meet.
    low, high = 0.0, 1 - 1 / len(said)
    for _ in range(50):
        keep = (low + high) / 2
        enough = float((weight * keep**lags) @ np.array(lasting)) > wanted
        low, high = (low, keep) if enough else (keep, high)
    return (low + high) / 2


def shared_luck(one: FloatArray, other: FloatArray) -> FloatArray:
    """Covariance of two rows' errors under the same luck, for each regime."""
    both = np.empty_like(one)
    for k in range(one.shape[1]):
        # Regime k wins both races if its time is the smallest against the stronger rival of each.
        rivals = np.maximum(one * other[:, [k]], other * one[:, [k]]).sum(axis=1)
        mine = one[:, k] * other[:, k]
        both[:, k] = mine / np.where(rivals > 0, rivals, 1.0) - mine
    return both


def simulated_counts(
    said: FloatArray, bins: IntArray, n_bins: int, keep: float, n_simulations: int, seed: int
) -> FloatArray:
    """How often it was so in each bin, if said rightly: shape (n_simulations, n_bins).

    `keep` is the chance that a path keeps its luck from one row to the next.
    """
    n_rows, n_regimes = said.shape
    rng = np.random.default_rng([seed, 1])  # not the numbers the bootstrap has used
    inside = [one_hot(bins[:, [k]], n_bins).astype(np.float32) for k in range(n_regimes)]
    slowness = (1 / np.maximum(said.T, 1e-30)).astype(np.float32)  # improbable is late, not never
    found = []
    for begin in range(0, n_simulations, _AT_A_TIME):
        shape = min(_AT_A_TIME, n_simulations - begin), n_rows
        anew = rng.random(shape, dtype=np.float32) >= keep
        anew[:, 0] = True
        lasts = np.diff(np.append(np.flatnonzero(anew), anew.size))
        times = rng.standard_exponential((n_regimes, len(lasts)), dtype=np.float32)
        arrival = np.repeat(times, lasts, axis=1).reshape(n_regimes, *shape)
        arrival *= slowness[:, None, :]
        winner = arrival.argmin(axis=0)
        counts = [(winner == k).astype(np.float32) @ inside[k] for k in range(n_regimes)]
        found.append(np.sum(counts, axis=0, dtype=np.float64))
    return np.vstack(found)
