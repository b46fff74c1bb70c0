"""A bull and bear composite of our own: how far towards greed the known inputs stand.

Six blocks count the same, each the mean of its inputs' percentiles among all that had been known
of them. High is crowded optimism. Weights and inputs were chosen beforehand and fitted to
nothing; `composite_test` says whether it told anything of what came next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.exceptions import PanelError
from regime.signals.measures import above_average, share_true

FIVE_YEARS = 1260  # sessions with a value, below which an input has no percentile
FEWEST_BLOCKS = 2
FEWEST_WINDOWS = 10
_CALLED_SOMETHING = 0.05  # p below which a relation is told

FloatArray = npt.NDArray[np.float64]
Blocks = Mapping[str, Sequence[str]]


def percentiles(inputs: pd.DataFrame, least: int = FIVE_YEARS) -> pd.DataFrame:
    """Place of each value among all values of its column so far, ties in the middle, above 0 to 1.

    NaN where a value is missing, and with fewer than `least` of them so far.
    """
    return inputs.expanding(least).rank(pct=True).where(inputs.notna())


def block_means(ranked: pd.DataFrame, blocks: Blocks) -> pd.DataFrame:
    """Mean of the known percentiles of each block's inputs, NaN where none is known."""
    return pd.DataFrame(
        {block: ranked[list(names)].mean(axis=1) for block, names in blocks.items()}
    )


def composed(means: pd.DataFrame) -> pd.DataFrame:
    """The composite of block means, 0 to 10, and how much it hangs on one block.

    Parameters
    ----------
    means : DataFrame of shape (n_days, n_blocks), shares of 1, as of `block_means`

    Returns
    -------
    DataFrame of shape (n_days, 4)
        `value`, ten times the mean of the live blocks; `low` and `high`, the least and the most
        that it would be with one of them left out; `live`, the number of blocks that are known.
        The first three are NaN with fewer than `FEWEST_BLOCKS` live, `live` with none.
    """
    live = means.notna().sum(axis=1)
    told = live >= FEWEST_BLOCKS
    whole, others = means.sum(axis=1), (live - 1).where(told)
    return pd.DataFrame({
        "value": 10 * (whole / live).where(told),
        "low": 10 * (whole - means.max(axis=1)) / others,
        "high": 10 * (whole - means.min(axis=1)) / others,
        "live": live.astype(np.float64).where(live > 0),
    })  # fmt: skip


def share_above(panel: pd.DataFrame, funds: Sequence[str], window: int) -> "pd.Series[float]":
    """Share of funds above the mean of their last `window` closes; NaN unless half are known."""
    away = pd.DataFrame({fund: above_average(panel[fund], window) for fund in funds})
    return share_true(away > 0, away.notna(), (len(funds) + 1) // 2)


@dataclass(frozen=True, slots=True)
class CompositeTest:
    """Whether high values came before high or low outcomes.

    Attributes
    ----------
    n : days with a value and an outcome
    windows : of their outcomes, the most that do not overlap
    rank_correlation : Spearman's, NaN if it cannot be tested
    p : share of circular shifts with a correlation at least as far from zero, NaN likewise
    words : the above in a sentence or two
    """

    n: int
    windows: int
    rank_correlation: float
    p: float
    words: str


def composite_test(
    composite: "pd.Series[float]",
    outcome: "pd.Series[float]",
    *,
    horizon: int = 63,
    seed: int = 0,
    draws: int = 2000,
) -> CompositeTest:
    """Looks ahead by design: whether values told the returns of the sessions after them.

    Parameters
    ----------
    composite : a value a day, NaN where not known
    outcome : total-return index of the market, on the same days; ascending
    horizon : sessions after each value over which the return is taken
    seed, draws : of the circular shifts, each by `horizon` rows at least, under which neither
        series loses its persistence and both lose their relation

    Raises
    ------
    PanelError
        If the days differ, or horizon or draws is not positive.
    """
    if not composite.index.equals(outcome.index) or horizon < 1 or draws < 1:
        raise PanelError(
            f"A test needs a composite and an outcome of the same days, and a positive horizon "
            f"and number of draws; found {len(composite)} and {len(outcome)} days, {horizon} and "
            f"{draws}. Take both from one panel."
        )
    ahead = outcome.shift(-horizon) / outcome - 1
    rows = np.flatnonzero((composite.notna() & ahead.notna()).to_numpy())
    n, windows = len(rows), _windows(rows, horizon)
    if windows < FEWEST_WINDOWS:
        return _untested(n, windows, f"windows of {horizon} sessions that do not overlap: {windows}"
                         f", and it takes {FEWEST_WINDOWS}")  # fmt: skip
    value, later = _ranks(composite.iloc[rows]), _ranks(ahead.iloc[rows])
    if not value.any() or not later.any():
        return _untested(n, windows, "the value or the outcome never changes")
    shifted = _correlations(value, later)
    correlation = float(shifted[0])
    nearest = min(horizon, n // FEWEST_WINDOWS)  # fewer where values are rare
    picked = np.random.default_rng(seed).integers(nearest, n - nearest + 1, draws)
    as_far = np.abs(shifted[picked]) >= abs(correlation) - 1e-12
    p = float((1 + as_far.sum()) / (1 + draws))
    days = pd.DatetimeIndex(composite.index[rows])
    words = _words(int(days[0].year), int(days[-1].year), horizon, windows, correlation, p)
    return CompositeTest(n, windows, correlation, p, words)


def _words(first: int, last: int, horizon: int, windows: int, correlation: float, p: float) -> str:
    when = f"Between {first} and {last}" if first < last else f"In {first}"
    shifts = f"p {p:.2f}" if p >= 0.01 else "p below 0.01"
    found = f"rank correlation {correlation:.2f}, {shifts}, {windows} windows that do not overlap."
    if p >= _CALLED_SOMETHING:
        return f"{when} it told nothing of the market's next {horizon} sessions: {found}"
    side = "high" if correlation > 0 else "low"
    return (
        f"{when} it told something of the market's next {horizon} sessions, high values before "
        f"{side} returns: {found}"
    )


def _untested(n: int, windows: int, reason: str) -> CompositeTest:
    return CompositeTest(n, windows, np.nan, np.nan, f"It cannot be tested: {reason}.")


def _windows(rows: npt.NDArray[np.intp], horizon: int) -> int:
    """Most windows that begin at some of the rows and do not overlap."""
    count, free = 0, 0
    for row in rows:
        if row >= free:
            count, free = count + 1, int(row) + horizon
    return count


def _ranks(values: "pd.Series[float]") -> FloatArray:
    """Ranks about their mean, of length one; zeros if all are the same."""
    places = values.rank().to_numpy(np.float64)
    ranks: FloatArray = np.subtract(places, places.mean())
    length = float(np.sqrt((ranks**2).sum()))
    return np.divide(ranks, length) if length > 0 else ranks


def _correlations(value: FloatArray, later: FloatArray) -> FloatArray:
    """Correlation of the second with the first moved on around a circle, by number of rows."""
    n = len(value)
    return np.fft.irfft(np.conj(np.fft.rfft(value)) * np.fft.rfft(later), n)
