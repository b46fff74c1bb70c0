"""Weekly reports in a daily panel, each counted once.

A panel carries the number of a report until the next one, so two weeks with the same number look
like one long one. Reports are told apart by the calendar instead: one becomes known on the same
weekday of each week, or at the first close after it, and the last row before the next such day
shows it. A report that fails to come while the one before is still fresh enough to be carried
counts as a repetition: a panel cannot tell the two apart.

Row t depends on rows up to t. `ends` is a weekly frequency of pandas, "W-THU" where reports become
known on Fridays; `report_weeks` has it for a series.
"""

import numpy as np
import pandas as pd

from regime.data.series import Frequency, Series
from regime.exceptions import PanelError
from regime.signals.measures import streak

_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_FRIDAY = 4  # the day that stands for a week's period


def report_weeks(series: Series) -> str:
    """Weeks that begin on the day a report of this series is known by lag, e.g. "W-THU".

    Raises
    ------
    PanelError
        If the series is not weekly.
    """
    if series.frequency is not Frequency.WEEKLY:
        raise PanelError(
            f"Weeks of reports need a weekly series, but {series.id} is {series.frequency}. "
            f"Use its daily values as they are."
        )
    return f"W-{_DAYS[(_FRIDAY + series.lag) % 7]}"


def weekly_sum(values: "pd.Series[float]", weeks: int, ends: str) -> "pd.Series[float]":
    """Sum of the newest `weeks` reports, in their unit; NaN where one of them is not known."""
    week, closed = _closed(values, ends)
    before = pd.Series(0.0, closed.index)
    for back in range(1, weeks):
        before = before + closed.shift(back)
    return values + _on(values, before, week)


def weekly_change(values: "pd.Series[float]", weeks: int, ends: str) -> "pd.Series[float]":
    """Newest report less that of `weeks` reports before; NaN where either is not known."""
    week, closed = _closed(values, ends)
    return values - _on(values, closed.shift(weeks), week)


def weekly_score(
    values: "pd.Series[float]", weeks: int, least: int, ends: str
) -> "pd.Series[float]":
    """Standard deviations by which a value stands above the mean of the `weeks` weeks before.

    NaN with fewer than `least` of them known, and where they do not vary.
    """
    week, closed = _closed(values, ends)
    before = closed.shift(1).rolling(weeks, min_periods=least)
    mean, spread = _on(values, before.mean(), week), _on(values, before.std(), week)
    return (values - mean) / spread.where(spread > 0)


def weekly_streak(values: "pd.Series[float]", ends: str) -> "pd.Series[float]":
    """Reports in a row with this sign, negative below zero; a week without one ends the run."""
    week, closed = _closed(values, ends)
    before = _on(values, streak(closed).shift(1), week)
    sign = pd.Series(np.sign(values), values.index)
    return sign.where(np.sign(before) != sign, before + sign)


def _closed(values: "pd.Series[float]", ends: str) -> "tuple[pd.PeriodIndex, pd.Series[float]]":
    """The week of each row, and the value of each week's last row; no week is left out."""
    week = pd.DatetimeIndex(values.index).to_period(ends)
    last = ~week.duplicated(keep="last")
    closed = pd.Series(values.to_numpy()[last], week[last])
    return week, closed.reindex(pd.period_range(week[0], week[-1], freq=ends))


def _on(
    values: "pd.Series[float]", weekly: "pd.Series[float]", week: pd.PeriodIndex
) -> "pd.Series[float]":
    """What belongs to the week of each row, on the days of `values`."""
    return pd.Series(weekly.reindex(week).to_numpy(np.float64), values.index)
