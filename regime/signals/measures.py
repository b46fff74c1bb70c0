"""What signals are made of: pure, causal functions of daily values.

Row t of every result depends on rows up to t. A value missing on day t gives NaN on day t, never
an older one in its place; the day a window begins may fall on a gap, and then the newest value
before it, `GAP` rows old at most, stands in.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

GAP = 5  # sessions in a row without a value, over which the start of a window is carried
YEAR = 252  # sessions


def total(level: "pd.Series[float]", days: int) -> "pd.Series[float]":
    """Simple return over the last `days` rows, decimal."""
    return level / level.ffill(limit=GAP).shift(days) - 1


def year_to_date(level: "pd.Series[float]") -> "pd.Series[float]":
    """Simple return since the last row of the year before, decimal; NaN in the first year."""
    filled = level.ffill(limit=GAP)
    year = pd.DatetimeIndex(level.index).year
    last = filled[~year.duplicated(keep="last")]
    base = pd.Series(last.to_numpy(), year.unique() + 1)
    return level / base.reindex(year).to_numpy() - 1


def since(level: "pd.Series[float]", day: pd.Timestamp) -> "pd.Series[float]":
    """Simple return since the close of `day`, or the newest before it; NaN up to that day."""
    filled = level.ffill(limit=GAP)
    before = filled[filled.index <= day]
    base = before.iloc[-1] if len(before) else np.nan
    return (level / base - 1).where(level.index > day)


def mean_of(panel: pd.DataFrame, names: Sequence[str]) -> "pd.Series[float]":
    """Level of a basket held in equal parts, rebalanced daily: its returns are the mean of its
    members' that have one; NaN on days without any.
    """
    if len(names) == 1:
        return panel[names[0]]
    levels = panel[list(names)]
    returns = levels / levels.ffill(limit=GAP).shift(1) - 1
    return level_of(returns.mean(axis=1))


def level_of(returns: "pd.Series[float]") -> "pd.Series[float]":
    """A total-return index from simple returns, 1 before the first; NaN where there is none."""
    return (1 + returns.fillna(0.0)).cumprod().where(returns.notna())


def change(values: "pd.Series[float]", days: int) -> "pd.Series[float]":
    """Difference to `days` rows before, in the unit of the values."""
    return values - values.ffill(limit=GAP).shift(days)


def percentile(values: "pd.Series[float]", window: int, least: int) -> "pd.Series[float]":
    """Share of the last `window` values that are not above this one; NaN with fewer than `least`.

    Of what was known on each day only. `window` 0: of all there are.
    """
    trailing = values.rolling(window, min_periods=least) if window else values.expanding(least)
    return trailing.rank(method="max", pct=True)


def streak(returns: "pd.Series[float]") -> "pd.Series[float]":
    """Days in a row with this sign, negative for losses; 0 on a day without a move."""
    sign = pd.Series(np.sign(returns), returns.index)
    run = sign.groupby((sign != sign.shift()).cumsum()).cumcount() + 1
    return (run * sign).where(returns.notna())


def below_record(level: "pd.Series[float]") -> "pd.Series[float]":
    """Return from the highest value so far, decimal and not above zero."""
    return level / level.cummax() - 1


def since_record(level: "pd.Series[float]") -> "pd.Series[float]":
    """Rows since the highest value so far; 0 on a record."""
    return _rows_since(level == level.cummax()).where(level.notna())


def above_low(level: "pd.Series[float]", window: int) -> "pd.Series[float]":
    """Return from the lowest value of the last `window` rows, decimal; NaN until they are full."""
    lowest = level.ffill(limit=GAP).rolling(window).min()
    return level / lowest - 1


def above_average(level: "pd.Series[float]", window: int) -> "pd.Series[float]":
    """Distance from the mean of the last `window` rows, decimal; NaN until it is full."""
    return level / level.ffill(limit=GAP).rolling(window).mean() - 1


def share_true(conditions: pd.DataFrame, known: pd.DataFrame, least: int) -> "pd.Series[float]":
    """Share of the known columns in which a condition holds; NaN with fewer than `least` known."""
    count = known.sum(axis=1)
    return ((conditions & known).sum(axis=1) / count).where(count >= least)


def days_true(condition: "pd.Series[bool]", known: "pd.Series[bool]") -> "pd.Series[float]":
    """Rows in a row on which a condition has held, 0 where it does not; NaN where not known."""
    run = condition.groupby((~condition).cumsum()).cumsum()
    return run.astype(np.float64).where(known)


def _rows_since(mark: "pd.Series[bool]") -> "pd.Series[float]":
    place = pd.Series(np.arange(len(mark), dtype=np.float64), mark.index)
    return place - place.where(mark).ffill()
