"""What was known at each close: one row per trading day, one column per series."""

import hashlib
from collections.abc import Iterable

import numpy as np
import pandas as pd

from regime.data import catalog
from regime.data.calendar import session_closes
from regime.exceptions import PanelError

_DAY = 86_400_000_000  # microseconds


def point_in_time(
    observations: pd.DataFrame, days: pd.DatetimeIndex, series: Iterable[str] = ()
) -> pd.DataFrame:
    """The newest period known at each close, in the revision known then.

    Parameters
    ----------
    observations : DataFrame of shape (n_observations, n_columns)
        The columns of `data.observations`, in the catalogue's units.
    days : DatetimeIndex
        Trading days of the panel, ascending.
    series : names that get a column even if nothing of them is known yet

    Returns
    -------
    DataFrame of shape (n_days, n_series)
        Indexed by `date`. Day t holds, per series, the value of the newest period among
        observations with `known_at` not after the close of t; of several such values of
        one period, the one published last. A value older than the series' `max_age` is
        missing (NaN), never carried on. A later revision of an older period changes no
        newer row.
        An event (a dividend, a split) stands on the day at whose close it became known: what
        is known a day late is paid a day late, not lost. Several in one day are added up,
        splits multiplied; a revision counts with what it adds. NaN where nothing happened.

    Raises
    ------
    PanelError
        If a day is not a trading day, or the days are not ascending.
    ConfigError
        If an observation is of a series that is not in the catalogue.

    Examples
    --------
    A yield of Monday that came out on Tuesday morning is on Tuesday's row. Its own day did not know
    it.

    >>> import pandas as pd
    >>> from regime.data.calendar import trading_days
    >>> days = trading_days(pd.Timestamp("2024-07-15"), pd.Timestamp("2024-07-17"))
    >>> known = pd.to_datetime(["2024-07-16 12:00", "2024-07-17 12:00"], utc=True)
    >>> observations = pd.DataFrame(
    ...     {"series": "DGS10", "period": days[:2], "known_at": known, "value": [4.23, 4.17]}
    ... )
    >>> point_in_time(observations, days)["DGS10"].tolist()
    [nan, 4.23, 4.17]
    """
    closes = session_closes(days.max()).reindex(days) if len(days) else None
    if closes is None or closes.isna().any() or not days.is_monotonic_increasing:
        raise PanelError(
            "A panel needs ascending trading days, and at least one. "
            "Take them from regime.data.calendar.trading_days(first, last)."
        )
    columns = {
        str(name): _column(rows, catalog.get(str(name)), days, closes)
        for name, rows in observations.groupby("series", observed=True, sort=True)
    }
    names = sorted({*columns, *series})
    return pd.DataFrame(columns, index=days.rename("date"), columns=names, dtype=np.float64)


def _column(
    rows: pd.DataFrame,
    series: catalog.Series,
    days: pd.DatetimeIndex,
    closes: "pd.Series[pd.Timestamp]",
) -> np.ndarray:
    if series.frequency is catalog.Frequency.EVENT:
        return _as_they_became_known(rows, series.unit is catalog.Unit.SPLIT, days, closes)
    return _as_known(rows, series.max_age, days, closes)


def _as_they_became_known(
    rows: pd.DataFrame,
    multiplied: bool,
    days: pd.DatetimeIndex,
    closes: "pd.Series[pd.Timestamp]",
) -> np.ndarray:
    """What events brought on each day."""
    rows = rows.sort_values(["period", "known_at"], kind="stable")
    before = rows.groupby("period")["value"].shift(fill_value=1.0 if multiplied else 0.0)
    news = rows["value"] / before if multiplied else rows["value"] - before
    known_on = pd.DatetimeIndex(closes).searchsorted(pd.DatetimeIndex(rows["known_at"]))
    happened_on = days.searchsorted(pd.DatetimeIndex(rows["period"]))
    on = np.maximum(known_on, happened_on)
    old = (rows["period"] < days[0]).to_numpy() & (on == 0)
    inside = ~old & (on < len(days))
    by_day = news[inside].groupby(on[inside])
    brought = by_day.prod() if multiplied else by_day.sum()
    values: np.ndarray = brought.reindex(range(len(days))).to_numpy()
    return values


def _as_known(
    rows: pd.DataFrame, max_age: int, days: pd.DatetimeIndex, closes: "pd.Series[pd.Timestamp]"
) -> np.ndarray:
    """Value of one series on each day."""
    # Numbers in place of dates: over forty series pandas would take six times as long.
    known_at, closed = _microseconds(rows["known_at"]), _microseconds(closes)
    periods, values = _microseconds(rows["period"]), rows["value"].to_numpy(np.float64)
    in_order = np.lexsort((periods, known_at))
    first_day = closed.searchsorted(known_at[in_order], side="left")
    periods, values = periods[in_order], values[in_order]
    newest = (periods >= np.maximum.accumulate(periods)) & (first_day < len(days))
    first_day, periods, values = first_day[newest], periods[newest], values[newest]
    # The last row known by each day: of one day's several, the one published last.
    at = first_day.searchsorted(np.arange(len(days)), side="right") - 1
    if not len(values):
        return np.full(len(days), np.nan)
    age = _microseconds(days) - periods[at]
    fresh = (at >= 0) & (age <= max_age * _DAY)
    return np.where(fresh, values[at], np.nan)


def _microseconds(moments: "pd.Series[pd.Timestamp] | pd.DatetimeIndex") -> np.ndarray:
    return pd.DatetimeIndex(moments).as_unit("us").asi8


def digest(panel: pd.DataFrame) -> str:
    """Sixteen hex digits that name exactly these days, series and values.

    Parameters
    ----------
    panel : DataFrame of shape (n_days, n_series), in the catalogue's units; NaN where not known

    Returns
    -------
    str
    """
    sha = hashlib.sha256(",".join(panel.columns).encode())
    sha.update(panel.index.to_numpy().astype("datetime64[D]").tobytes())
    sha.update(np.ascontiguousarray(panel.to_numpy(dtype=np.float64)).tobytes())
    return sha.hexdigest()[:16]
