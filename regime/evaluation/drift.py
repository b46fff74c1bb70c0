"""Is the recent past unlike what a model was trained on, and did what was said hold?

Features are persistent: any half year of any decade stands apart from the rest of its history.
A population stability index is therefore no alarm by itself, whatever its size; what counts is
how seldom half years of the training history stood as far from the rest of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.evaluation.calibration import CalibrationError, calibration_error
from regime.evaluation.scores import count_episodes
from regime.exceptions import EvaluationError
from regime.taxonomy import REGIMES

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

WINDOW = 126  # trading days that count as recent
LEAST_WINDOWS = 10  # times its length that a history has to have before it is a yardstick
RARE = 0.99  # an alarm where fewer than one window in a hundred stood as far
KNOWN, GONE = 0.05, 0.50  # a feature missing on fewer days, and now on more, went missing
LEAST_EPISODES = 8  # outcomes below which calibration cannot be told
JUDGED = 2520  # newest trading days whose calibration is judged
_COLUMNS = ["psi", "rank", "beyond", "missing_before", "missing_now"]
_DECILES = np.arange(1, 10) / 10
_SAME = 1e-9  # nats; indexes closer than this differ by rounding
_HALF = 0.5  # a day, added to the count of every bin: none is impossible


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """How far the recent days stand from the training rows.

    Attributes
    ----------
    features : DataFrame indexed by feature
        `psi`, the population stability index in nats, and `rank`, the share of training
        windows whose own is smaller, NaN where the history is too short to say; `beyond`,
        the share of recent days outside of all that training saw; `missing_before` and
        `missing_now`, shares of days without a value since the feature's first;
        `went_missing`. A feature that training never knew has no row.
    psi : mean of the features' indexes; NaN without features
    rank : share of training windows whose mean is smaller; NaN where there is no telling
    n_windows : overlapping windows behind `rank`; about one in `WINDOW` is a new one
    """

    features: pd.DataFrame
    psi: float
    rank: float
    n_windows: int

    @property
    def is_unlike(self) -> bool:
        """Whether hardly any stretch of the training stood as far from the rest of it."""
        return self.rank > RARE

    @property
    def went_missing(self) -> tuple[str, ...]:
        """Features that training knew and the recent days mostly lack."""
        return tuple(map(str, self.features.index[self.features["went_missing"]]))

    @property
    def words(self) -> str:
        """The overall finding as one sentence."""
        if np.isnan(self.psi):
            return "There is no feature to compare."
        if np.isnan(self.rank):
            return (
                f"Mean stability index {self.psi:.2f}; the training history is too short to say "
                "how unusual that is."
            )
        top = self.features.sort_values("rank", ascending=False, kind="stable").index[:3]
        so = f"; farthest off: {', '.join(map(str, top))}" if self.is_unlike else ""
        return (
            f"Mean stability index of the last half year {self.psi:.2f}: {self.rank:.1%} of the "
            f"half years in training stood nearer to the rest{so}."
        )


def feature_drift(training: pd.DataFrame, recent: pd.DataFrame) -> FeatureDrift:
    """Hold the recent days against the training rows, and training windows against the rest.

    Parameters
    ----------
    training : DataFrame of shape (n_days, n_features)
        Consecutive trading days, all before `recent`; NaN where unknown. A feature counts
        from its first value on; later gaps are a bin of their own.
    recent : DataFrame of the same columns
        The newest trading days, `WINDOW` of them where there are as many.

    Raises
    ------
    EvaluationError
        If there are no recent days, a column is missing, or the two overlap.

    Notes
    -----
    Bins end at the deciles of training; a value that holds more than one decile is a bin of
    its own. With shares p of the window and q of what it is held against, half a day added to
    every bin that is not empty in both, the index is sum((p - q) log(p / q)). Recent days are
    held against all of training, a training window against training without it.

    The mean is over the features begun by the window's first day; windows count in which at
    least half of today's had. Windows of a history overlap and features last, so that few of
    them are new: `docs/drift.md` says how often a rank above `RARE` is a false alarm.
    """
    _check(training, recent)
    length = len(recent)
    enough = len(training) >= LEAST_WINDOWS * length
    n_windows = len(training) - length + 1 if enough else 0
    total, begun = np.zeros(n_windows), np.zeros(n_windows, dtype=np.int64)
    rows: dict[str, dict[str, float]] = {}
    for name in training.columns:
        values, news = (one[name].to_numpy(dtype=np.float64) for one in (training, recent))
        known = np.flatnonzero(np.isfinite(values))
        if not len(known):
            continue
        first = int(known[0])
        psi, windows = _stability(values[first:], news)
        row = {"psi": psi, "rank": np.nan}
        if len(values) - first >= LEAST_WINDOWS * length:
            row["rank"] = float((windows < psi - _SAME).mean())
        if n_windows and len(windows):
            total[first:] += windows
            begun[first:] += 1
        within = (news >= values[known].min()) & (news <= values[known].max())
        row["beyond"] = float((np.isfinite(news) & ~within).mean())
        row["missing_before"] = float(1 - np.isfinite(values[first:]).mean())
        row["missing_now"] = float(1 - np.isfinite(news).mean())
        rows[str(name)] = row
    table = pd.DataFrame.from_dict(rows, orient="index", columns=_COLUMNS).rename_axis("feature")
    table["went_missing"] = (table["missing_before"] < KNOWN) & (table["missing_now"] > GONE)
    if not rows:
        return FeatureDrift(table, float("nan"), float("nan"), 0)
    overall = float(table["psi"].mean())
    counted = (begun > 0) & (2 * begun >= len(rows))
    means = total[counted] / begun[counted]
    told = len(means) + length > LEAST_WINDOWS * length
    rank = float((means < overall - _SAME).mean()) if told else float("nan")
    return FeatureDrift(table, overall, rank, len(means))


def _check(training: pd.DataFrame, recent: pd.DataFrame) -> None:
    if not len(recent):
        raise EvaluationError(
            "Drift is looked for in the newest days, but there are none. Fetch newer data."
        )
    if missing := [str(name) for name in training.columns if name not in recent]:
        raise EvaluationError(
            f"Drift compares the same features, but the recent days lack {', '.join(missing)}. "
            "Compute both from one panel."
        )
    if len(training) and training.index[-1] >= recent.index[0]:
        raise EvaluationError(
            f"Drift compares recent days with earlier ones, but training ends on "
            f"{training.index[-1]:%Y-%m-%d} and the recent days begin on "
            f"{recent.index[0]:%Y-%m-%d}. Cut the training rows off before."
        )


def _stability(values: FloatArray, news: FloatArray) -> tuple[float, FloatArray]:
    """The index of the news against all values, and of each window of values against the rest."""
    edges = _edges(values[np.isfinite(values)])
    n_bins = len(edges) + 2
    codes, new = _codes(values, edges), _codes(news, edges)
    held = np.bincount(codes, minlength=n_bins)
    psi = _index(np.bincount(new, minlength=n_bins), held)
    length = len(news)
    if len(values) < 2 * length:
        return psi, np.empty(0)
    # A bin's part of the index depends on its count alone: few counts, many windows.
    counts = np.arange(length + 1)[:, None]
    part = _parts(counts, np.maximum(held - counts, 0), length, len(values) - length)
    part[:, held == 0] = 0.0
    windows = np.zeros(len(values) - length + 1)
    for number in np.flatnonzero(held):
        reached = np.concatenate([[0], np.cumsum(codes == number)])
        windows += part[reached[length:] - reached[:-length], number]
    return psi, windows


def _edges(known: FloatArray) -> FloatArray:
    """Deciles, ascending; around a value that holds several of them, one edge on each side."""
    edges, times = np.unique(np.quantile(known, _DECILES, method="lower"), return_counts=True)
    held = edges[times > 1]
    return np.unique(np.concatenate([edges, np.nextafter(held, -np.inf)]))


def _codes(values: FloatArray, edges: FloatArray) -> IntArray:
    """The bin of each value, from 0; the last is for what is missing."""
    codes = np.searchsorted(edges, values, side="left")
    return np.asarray(np.where(np.isfinite(values), codes, len(edges) + 1), dtype=np.int64)


def _index(here: IntArray, there: IntArray) -> float:
    used = (here > 0) | (there > 0)
    parts = _parts(here, there, int(here.sum()), int(there.sum()))
    return float(parts[used].sum())


def _parts(here: IntArray, there: IntArray, n_here: int, n_there: int) -> FloatArray:
    p, q = (here + _HALF) / (n_here + _HALF), (there + _HALF) / (n_there + _HALF)
    return np.asarray((p - q) * np.log(p / q))


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether what was published at one horizon came true as often as it said.

    Attributes
    ----------
    error : None where fewer than `LEAST_EPISODES` outcomes are known
    """

    horizon: int
    n_days: int
    n_episodes: int
    error: CalibrationError | None

    @property
    def is_off(self) -> bool:
        """Whether even the low end of the error is more than chance shows."""
        return self.error is not None and self.error.low > self.error.calibrated_high

    @property
    def words(self) -> str:
        """The same as one sentence."""
        ahead = "now" if self.horizon == 0 else f"in {self.horizon} days"
        if self.error is None:
            noun = "episode" if self.n_episodes == 1 else "episodes"
            return (
                f"What was published of the regime {ahead}: too early to tell: "
                f"{self.n_episodes} {noun}."
            )
        found = self.error
        return (
            f"What was published of the regime {ahead} was off by {found.error:.1%} "
            f"[{found.low:.1%}, {found.high:.1%}] on average over {self.n_days:,} days and "
            f"{self.n_episodes} episodes; right probabilities show up to "
            f"{found.calibrated_high:.1%} by chance."
        )


def judge_published(
    published: pd.DataFrame, actual: Mapping[int, "pd.Series[str]"]
) -> tuple[Judged, ...]:
    """Calibration of the last `JUDGED` published days whose outcome is known, per horizon.

    Parameters
    ----------
    published : DataFrame with `date`, `horizon` and a column per regime
        As the ledger keeps them; of a day that was published several times, the first counts:
        that is what was read.
    actual : by horizon, the confirmed regimes by the day that was spoken of from

    Raises
    ------
    EvaluationError
        If a probability is missing or not one.
    """
    judged = []
    for horizon, outcomes in actual.items():
        mine = published[published["horizon"] == horizon].drop_duplicates("date")
        said = mine.set_index("date")[list(REGIMES)].sort_index()
        days = said.index[said.index.isin(outcomes.dropna().index)][-JUDGED:]
        so = outcomes.loc[days]
        episodes = count_episodes(so)
        error = calibration_error(said.loc[days], so) if episodes >= LEAST_EPISODES else None
        judged.append(Judged(horizon, len(days), episodes, error))
    return tuple(judged)
