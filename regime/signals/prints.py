"""Prints: what slow series said release by release, told apart from revisions.

The panel shows the newest period of a series and nothing of its older ones. Beside the series it
may carry two kinds of extra columns, which `extra_columns` makes:

- `<series>@period`: the newest period known, as days since 1970. It changes with a new print; a
  change of the value alone is a revision.
- `<series>@<n>`: the value of `n` periods before that one, as known on the same day. Both sides
  of a growth rate are then of one vintage, whatever has been re-based or benchmarked since.

Without the second, the value last seen of that period, while it was the newest, stands in.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.data import catalog
from regime.data.calendar import session_closes
from regime.data.panel import point_in_time
from regime.data.series import Frequency
from regime.exceptions import PanelError

FloatArray = npt.NDArray[np.float64]
_PERIOD = "period"


def period_of(series: str) -> str:
    """Column of the newest period of a series: `UNRATE@period`."""
    return f"{series}@{_PERIOD}"


def before(series: str, prints: int) -> str:
    """Column of the value `prints` periods before, as known on the same day: `PAYEMS@3`."""
    return f"{series}@{prints}"


def numbered(
    period: "pd.Series[float]", frequency: Frequency = Frequency.MONTHLY
) -> "pd.Series[float]":
    """Periods counted one by one, so that one less is the period before; NaN where NaN.

    Parameters
    ----------
    period : last day of each period, days since 1970; a Friday for weeks

    Raises
    ------
    PanelError
        If the frequency is neither weekly, monthly nor quarterly.
    """
    there = period.notna().to_numpy()
    count = np.full(len(period), np.nan)
    count[there] = _count(period.to_numpy()[there].astype("datetime64[D]"), frequency)
    return pd.Series(count, period.index)


def _count(periods: npt.NDArray[np.datetime64], frequency: Frequency) -> npt.NDArray[np.int64]:
    if frequency is Frequency.WEEKLY:
        # The first Friday was day 1.
        return (periods.astype("datetime64[D]").astype(np.int64) - 1) // 7
    if frequency not in {Frequency.MONTHLY, Frequency.QUARTERLY}:
        raise PanelError(
            f"Prints are weekly, monthly or quarterly, but this series is {frequency}. "
            f"For daily series take regime.signals.measures.change."
        )
    months = periods.astype("datetime64[M]").astype(np.int64)
    return months if frequency is Frequency.MONTHLY else months // 3


def last_seen(
    values: "pd.Series[float]",
    number: "pd.Series[float]",
    prints: int,
    *,
    bound: float = np.inf,
) -> "pd.Series[float]":
    """What was last seen of the period `prints` before the newest.

    Parameters
    ----------
    values : what was known of the newest period on each day
    number : that period, counted; never falls
    prints : 1 or more
    bound : a step from one day to the next beyond this share of the value is a new base, not
        news: there is no comparing across it

    Returns
    -------
    On each day, the value of the last day on which that period was the newest. NaN if it never
    was (its release was left out, or came together with a later one), if nothing is known today,
    and from a step beyond `bound` until that period, too, was released after the step.

    Raises
    ------
    PanelError
        If `prints` is below 1: the last value of the newest period may lie ahead.
    """
    if prints < 1:
        raise PanelError(f"An earlier print needs 1 or more prints back, found {prints}.")
    there = (values.notna() & number.notna()).to_numpy()
    known, seen = values.to_numpy(np.float64)[there], number.to_numpy(np.float64)[there]
    found = np.full(len(values), np.nan)
    if not len(seen):
        return pd.Series(found, values.index)
    target = seen - prints
    at = seen.searchsorted(target, side="right") - 1
    breaks = _breaks(known.astype(np.float64), bound)
    same = (at >= 0) & (seen[at] == target) & (breaks[at] == breaks)
    found[there] = np.where(same, known[at], np.nan)
    return pd.Series(found, values.index)


def _breaks(known: FloatArray, bound: float) -> npt.NDArray[np.int64]:
    """Steps beyond the bound so far."""
    if not np.isfinite(bound):
        return np.zeros(len(known), np.int64)
    step = np.abs(np.diff(known, prepend=known[:1]))
    base = np.abs(np.concatenate([known[:1], known[:-1]]))
    return np.cumsum(step > bound * base)


def print_change(
    value: "pd.Series[float]",
    period: "pd.Series[float]",
    prints: int,
    *,
    frequency: Frequency = Frequency.MONTHLY,
    ratio: bool = False,
    bound: float = np.inf,
    known: "pd.Series[float] | None" = None,
) -> "pd.Series[float]":
    """The newest print as known on each day, less the one `prints` periods before.

    Parameters
    ----------
    value, period : the series and its `@period`
    ratio : over that print less one, decimal, and not less it
    bound : of `last_seen`, for days on which that print is only known as last seen
    known : the earlier print as known on each day (`@<n>`), which goes before as last seen

    Returns
    -------
    In the unit of the value, or decimal. A revision of the newest period changes the result from
    its day on, and is no print. NaN where either side is not known.
    """
    base = last_seen(value, numbered(period, frequency), prints, bound=bound)
    if known is not None:
        base = known.fillna(base)
    return value / base - 1 if ratio else value - base


def extra_columns(
    observations: pd.DataFrame, days: pd.DatetimeIndex, names: Iterable[str]
) -> pd.DataFrame:
    """The columns `<series>@period` and `<series>@<n>` that a panel lacks.

    Parameters
    ----------
    observations : DataFrame with the columns of `data.observations`
    days : trading days of the panel, ascending
    names : extra columns; others are left out

    Returns
    -------
    DataFrame of shape (n_days, n_extra)
        Indexed by `date`. NaN wherever `point_in_time` shows no value of the series: not known
        yet, or too old; of `@<n>` also while that period itself is not known.

    Raises
    ------
    PanelError
        As `point_in_time`, and if a series is neither weekly, monthly nor quarterly.
    ConfigError
        If a series is not in the catalogue.
    """
    wanted = sorted({name for name in names if "@" in name})
    apart = [(name, *name.split("@")) for name in wanted]
    slow = observations[observations["series"].isin({series for _, series, _ in apart})]
    since_1970 = slow["period"].to_numpy().astype("datetime64[D]").astype(np.float64)
    newest = point_in_time(
        slow.assign(value=since_1970), days, sorted({series for _, series, _ in apart})
    )
    closes = pd.DatetimeIndex(session_closes(days[-1]).reindex(days)).as_unit("us").asi8
    return pd.DataFrame(
        {
            name: newest[series].to_numpy()
            if kind == _PERIOD
            else _as_known(slow[slow["series"] == series], newest[series], closes, int(kind))
            for name, series, kind in apart
        },
        index=newest.index,
    )


def _as_known(
    rows: pd.DataFrame,
    newest: "pd.Series[float]",
    closes: npt.NDArray[np.int64],
    prints: int,
) -> FloatArray:
    """Value of `prints` periods before the newest, as known at each close."""
    found = np.full(len(newest), np.nan)
    there = newest.notna().to_numpy()
    if not there.any():
        return found
    frequency = catalog.get(str(rows["series"].iloc[0])).frequency
    known_at = pd.DatetimeIndex(rows["known_at"]).as_unit("us").asi8
    moments = np.unique(known_at)

    def key(count: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Order by period, and within it by when something was known."""
        return count * (len(moments) + 1) + moments.searchsorted(at, side="right")

    count = _count(rows["period"].to_numpy(), frequency)
    keys = key(count, known_at)
    order = np.argsort(keys, kind="stable")
    target = numbered(newest, frequency).to_numpy(np.float64)[there].astype(np.int64) - prints
    at = keys[order].searchsorted(key(target, closes[there]), side="right") - 1
    row = order[at]
    known = (at >= 0) & (count[row] == target)
    found[there] = np.where(known, rows["value"].to_numpy(np.float64)[row], np.nan)
    return found
