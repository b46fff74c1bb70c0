"""The trading days of the New York Stock Exchange, and when each one closed."""

import warnings
from functools import lru_cache

import pandas as pd

FIRST_DAY = pd.Timestamp("1926-01-01")
_YEARS_AHEAD = 3  # of the newest date asked for, so that lags can reach past it


@lru_cache(maxsize=4)
def _closes_to(year: int) -> "pd.Series[pd.Timestamp]":
    import pandas_market_calendars as market_calendars  # a slow import

    with warnings.catch_warnings():  # it still calls what pandas 3 has renamed
        warnings.simplefilter("ignore", DeprecationWarning)
        schedule = market_calendars.get_calendar("NYSE").schedule(
            FIRST_DAY, pd.Timestamp(year, 12, 31)
        )
    closes: pd.Series[pd.Timestamp] = schedule["market_close"].dt.as_unit("us")
    closes.index = pd.DatetimeIndex(closes.index).as_unit("us").rename("date")
    return closes


def session_closes(until: pd.Timestamp) -> "pd.Series[pd.Timestamp]":
    """Closing time of every session from 1926 to at least three years after `until`.

    Returns
    -------
    Series of UTC timestamps, indexed by trading day (no time zone). Saturdays are
    sessions until 1952, early closes and unplanned closures are as they happened.
    """
    return _closes_to(until.year + _YEARS_AHEAD)


def trading_days(first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """Sessions from `first` to `last`, both included where they are sessions."""
    days = pd.DatetimeIndex(session_closes(last).index)
    return days[(days >= first) & (days <= last)]


def last_closed_session(now: pd.Timestamp) -> pd.Timestamp:
    """The newest trading day whose close is not after `now` (UTC)."""
    closes = session_closes(now.tz_convert(None))
    position = int(closes.searchsorted(now, side="right")) - 1
    return pd.Timestamp(closes.index[position])


def end_of_day(day: pd.Timestamp) -> pd.Timestamp:
    """The last second of a day in New York (UTC): what an evening's fetch brought is in."""
    midnight = (day.normalize() + pd.Timedelta(days=1)).tz_localize("America/New_York")
    return (midnight - pd.Timedelta(seconds=1)).tz_convert("UTC")
