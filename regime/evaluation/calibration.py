"""Whether it was so as often as was said, and how much of that could be chance.

`proba` has one column per regime and rows that sum to one; `actual` holds regime names on the
same index, confirmed ones only. Rows are consecutive trading days, and probabilities of days
they were not learned from: neighbours share a label for months, so thousands of rows hold a
hundred or so independent outcomes. Whatever is said about chance here counts on that.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.evaluation.calibration_chance import (
    kept_overnight,
    one_hot,
    resampled_sums,
    simulated_counts,
)
from regime.evaluation.scores import brier_score
from regime.evaluation.significance import TAILS
from regime.exceptions import EvaluationError
from regime.taxonomy import REGIMES

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

N_BINS = 15
RESAMPLES = 1000
SIMULATIONS = 500


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """Expected calibration error, beside what perfect calibration would show of it.

    Attributes
    ----------
    error : mean gap between what was said and how often it was so, all regimes pooled
    low, high : its interval at `LEVEL`, stationary bootstrap
    calibrated_mean, calibrated_low, calibrated_high
        What probabilities that come true exactly as often as they say would show on these
        rows: mean, and the middle `LEVEL` of simulations (`high` is the 95th percentile).
    draw_days : mean days for which a simulated outcome keeps its luck
    n_days, n_episodes : rows, and stretches of one regime behind them
    """

    error: float
    low: float
    high: float
    calibrated_mean: float
    calibrated_low: float
    calibrated_high: float
    draw_days: float
    n_days: int
    n_episodes: int

    @property
    def excess(self) -> float:
        """What of the error is more than calibrated probabilities would show; may be negative."""
        return self.error - self.calibrated_mean

    @property
    def beyond_chance(self) -> bool:
        """Whether calibrated probabilities would show less in 95 of 100 histories."""
        return self.error > self.calibrated_high


class WhenWeSaid(NamedTuple):
    """How often a call of about this probability was right; NaN where there was none.

    Attributes
    ----------
    said : mean probability given on those days
    so : share of those days on which it was so
    n_days : how many days
    n_episodes : stretches of one regime they belong to; about as many outcomes are independent
    """

    said: float
    so: float
    n_days: int
    n_episodes: int

    @property
    def words(self) -> str:
        """The same as a sentence."""
        if not self.n_days:
            return "We never said so."
        noun = "episode" if self.n_episodes == 1 else "episodes"
        return (
            f"When we said {self.said:.0%}, it was so {self.so:.0%} of the time: "
            f"{self.n_days:,} days in {self.n_episodes} {noun}."
        )


@dataclass(frozen=True, slots=True)
class Murphy:
    """The Brier score in parts; `brier` is that of each bin's mean probability.

    Attributes
    ----------
    reliability : squared gaps between said and so; 0 is best
    resolution : how far the bins' outcomes lie from the regime's overall share; large is best
    uncertainty : what saying the overall shares would score
    within_bins : Brier score of the probabilities as they are less `brier`
    """

    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float

    @property
    def brier(self) -> float:
        """Brier score of the binned probabilities: 0 to 2."""
        return self.reliability - self.resolution + self.uncertainty


def reliability(
    proba: pd.DataFrame, actual: "pd.Series[str]", n_bins: int = N_BINS, seed: int = 0
) -> pd.DataFrame:
    """Said against so, for each regime in equal bins of its probability.

    Parameters
    ----------
    proba : DataFrame of shape (n_days, n_regimes)
        Probabilities, one column per regime, indexed by trading day.
    actual : Series of shape (n_days,)
        The regime of each day, by name; the same days as `proba`.
    n_bins : equal bins of probability
    seed : of the bootstrap's draws

    Returns
    -------
    DataFrame of shape (n_bins_held, 8), one row per regime and bin that holds a day
        `regime`; `bin_low` and `bin_high`; `said`, the mean probability; `so`, the share of
        days on which it was so; `low` and `high`, the interval of `so` at `LEVEL` from a
        stationary bootstrap over rows, mean block 252; `n_days`; `n_episodes`, the stretches
        of one regime in `actual` that those days belong to: about as many outcomes are
        independent. Where all days of a bin agree, no resample differs and the interval has
        no width: read `n_episodes` instead.

    Raises
    ------
    EvaluationError
        If there are no rows, indexes differ, or a probability is missing or not one.

    References
    ----------
    Politis and Romano (1994), JASA 89(428), 1303-1313: the stationary bootstrap.
    """
    said, so = _checked(proba, actual)
    n_regimes = said.shape[1]
    bins = _bins(said, n_bins)
    cells = bins + n_bins * np.arange(n_regimes)
    size = n_bins * n_regimes
    days, right = one_hot(cells, size), one_hot(cells, size, so)
    n_days = days.sum(axis=0)
    used = np.flatnonzero(n_days)

    counted = np.hstack([days[:, used], right[:, used]])
    n_drawn, n_right = np.hsplit(resampled_sums(counted, RESAMPLES, seed), 2)
    shares = np.where(n_drawn > 0, n_right / np.maximum(n_drawn, 1), np.nan)
    low, high = np.nanquantile(shares, TAILS, axis=0)
    pairs = np.unique(cells + size * _episode(actual)[:, None])
    episodes = np.bincount(pairs % size, minlength=size)
    promised = np.bincount(cells.ravel(), said.ravel(), minlength=size)
    return pd.DataFrame(
        {
            "regime": np.array(REGIMES, dtype=object)[used // n_bins],
            "bin_low": used % n_bins / n_bins,
            "bin_high": (used % n_bins + 1) / n_bins,
            "said": promised[used] / n_days[used],
            "so": right.sum(axis=0)[used] / n_days[used],
            "low": low,
            "high": high,
            "n_days": n_days[used].astype(np.int64),
            "n_episodes": episodes[used],
        }
    )


def calibration_error(
    proba: pd.DataFrame, actual: "pd.Series[str]", n_bins: int = N_BINS, seed: int = 0
) -> CalibrationError:
    """The expected calibration error, its interval, and what chance alone would show.

    The error adds up absolute gaps, so luck never cancels: probabilities without fault show
    one too, the larger the fewer outcomes are independent. Read it against `calibrated_*`,
    not zero. Resamples show more of it than the rows; the interval leaves out that shift.

    Parameters
    ----------
    proba : DataFrame of shape (n_days, n_regimes)
        Probabilities, one column per regime, indexed by trading day.
    actual : Series of shape (n_days,)
        The regime of each day, by name; the same days as `proba`.
    n_bins : equal bins of probability
    seed : of the draws

    Returns
    -------
    CalibrationError, in units of probability

    Raises
    ------
    EvaluationError
        If there are no rows, indexes differ, or a probability is missing or not one.

    Notes
    -----
    Outcomes of calibrated probabilities are simulated on the very probabilities of `proba`,
    row t's regime being k with probability `proba[t, k]` exactly. Each regime draws a
    waiting time of mean one and the smallest of `time / probability` happens: a race, in
    which no order of the regimes matters. The times are kept from one day to the next and
    drawn anew with the same chance 1 / `draw_days` each day, so an outcome lasts until the
    probabilities or the luck have moved. Outcomes drawn this way for given probabilities
    cannot also last exactly as long as real episodes: a regime must change at least as often
    as the probabilities move. What decides how large the error gets by chance is how long
    `so - said` keeps its sign: months for a forecast far ahead, weeks for a nowcast that
    notices its mistake. `draw_days` is therefore such that the autocovariances of
    `so - said` up to 252 days, Bartlett weights, add up to what they add up to in `actual`.
    Errors that are no luck but a fault last too and widen the band a little.

    References
    ----------
    Bröcker and Smith (2007), Weather and Forecasting 22(3), 651-661: simulated outcomes as
    the yardstick of a reliability diagram.
    """
    said, so = _checked(proba, actual)
    bins = _bins(said, n_bins)
    n_values = said.size
    gaps = one_hot(bins, n_bins, said - so)
    error = _error(gaps.sum(axis=0), n_values)
    resampled = _error(resampled_sums(gaps, RESAMPLES, seed), n_values)
    shift = resampled.mean() - error
    low, high = np.maximum(np.quantile(resampled, TAILS) - shift, 0.0)

    keep = kept_overnight(said, so, bins)
    promised = one_hot(bins, n_bins, said).sum(axis=0)
    happened = simulated_counts(said, bins, n_bins, keep, SIMULATIONS, seed)
    simulated = _error(promised - happened, n_values)
    calibrated_low, calibrated_high = np.quantile(simulated, TAILS)
    return CalibrationError(
        error=float(error),
        low=float(low),
        high=float(high),
        calibrated_mean=float(simulated.mean()),
        calibrated_low=float(calibrated_low),
        calibrated_high=float(calibrated_high),
        draw_days=float(1 / (1 - keep)),
        n_days=len(said),
        n_episodes=int(_episode(actual)[-1]) + 1,
    )


def when_we_said(
    proba: pd.DataFrame, actual: "pd.Series[str]", around: float = 0.7, width: float = 0.1
) -> WhenWeSaid:
    """How often the most probable regime was so, on days it was given about `around`.

    Counts the days on which its probability was in [`around` - `width` / 2, `around` +
    `width` / 2), and the stretches of one regime in `actual` behind them.

    Parameters
    ----------
    proba : DataFrame of shape (n_days, n_regimes)
        Probabilities, one column per regime, indexed by trading day.
    actual : Series of shape (n_days,)
        The regime of each day, by name; the same days as `proba`.
    around, width : middle and width of the bin, probabilities

    Returns
    -------
    WhenWeSaid

    Raises
    ------
    EvaluationError
        If there are no rows, indexes differ, or a probability is missing or not one.
    """
    said, so = _checked(proba, actual)
    called = said.argmax(axis=1)
    rows = np.arange(len(said))
    top, right = said[rows, called], so[rows, called]
    here = (top >= around - width / 2) & (top < around + width / 2)
    if not here.any():
        return WhenWeSaid(float("nan"), float("nan"), 0, 0)
    return WhenWeSaid(
        said=float(top[here].mean()),
        so=float(right[here].mean()),
        n_days=int(here.sum()),
        n_episodes=len(np.unique(_episode(actual)[here])),
    )


def murphy(proba: pd.DataFrame, actual: "pd.Series[str]", n_bins: int = N_BINS) -> Murphy:
    """Murphy's decomposition of the Brier score, summed over the regimes.

    Parameters
    ----------
    proba : DataFrame of shape (n_days, n_regimes)
        Probabilities, one column per regime, indexed by trading day.
    actual : Series of shape (n_days,)
        The regime of each day, by name; the same days as `proba`.
    n_bins : equal bins of probability

    Returns
    -------
    Murphy, in units of the Brier score, 0 to 2

    Raises
    ------
    EvaluationError
        If there are no rows, indexes differ, or a probability is missing or not one.

    References
    ----------
    Murphy (1973), Journal of Applied Meteorology 12(4), 595-600.
    """
    said, so = _checked(proba, actual)
    n_rows, n_regimes = said.shape
    cells = (_bins(said, n_bins) + n_bins * np.arange(n_regimes)).ravel()
    shape, size = (n_regimes, n_bins), n_regimes * n_bins
    n_days = np.bincount(cells, minlength=size).reshape(shape)
    promised = np.bincount(cells, said.ravel(), minlength=size).reshape(shape)
    happened = np.bincount(cells, so.ravel(), minlength=size).reshape(shape)
    within = np.maximum(n_days, 1)
    overall = so.mean(axis=0)
    gap = (promised - happened) / within
    apart = happened / within - overall[:, None]
    lost = (n_days * gap**2).sum() / n_rows
    told = (n_days * apart**2).sum() / n_rows
    unknown = (overall * (1 - overall)).sum()
    rest = brier_score(proba, actual) - (lost - told + unknown)
    return Murphy(float(lost), float(told), float(unknown), float(rest))


def _checked(proba: pd.DataFrame, actual: "pd.Series[str]") -> tuple[FloatArray, FloatArray]:
    """What was said and what was so, both of shape (n_rows, n_regimes)."""
    if not len(proba) or not proba.index.equals(actual.index):
        raise EvaluationError(
            "Calibration needs probabilities and outcomes of the same days, one at least; found "
            f"{len(proba)} rows and {len(actual)}. Keep the confirmed rows of both."
        )
    said = proba[list(REGIMES)].to_numpy(dtype=np.float64)
    if (wrong := ~((said >= 0) & (said <= 1 + 1e-9)).all(axis=1)).any():
        row = int(wrong.argmax())
        raise EvaluationError(
            f"Probabilities lie between 0 and 1; row {proba.index[row]} says "
            f"{said[row].tolist()}. Leave out rows without a forecast."
        )
    so = actual.to_numpy()[:, None] == np.array(REGIMES, dtype=object)[None, :]
    if (unknown := ~so.any(axis=1)).any():
        row = int(unknown.argmax())
        raise EvaluationError(
            f"Outcomes are {', '.join(REGIMES)}; row {actual.index[row]} is "
            f"{actual.iloc[row]!r}. Keep the confirmed rows of both."
        )
    return said, so.astype(np.float64)


def _bins(said: FloatArray, n_bins: int) -> IntArray:
    return np.minimum((said * n_bins).astype(np.int64), n_bins - 1)


def _episode(actual: "pd.Series[str]") -> IntArray:
    """Number of the stretch each row belongs to, from 0."""
    values = actual.to_numpy()
    return np.concatenate([[0], np.cumsum(values[1:] != values[:-1])]).astype(np.int64)


def _error(gaps: FloatArray, n_values: int) -> FloatArray:
    return np.asarray(np.abs(gaps).sum(axis=-1) / n_values)
