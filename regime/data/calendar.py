"""The trading days of the New York Stock Exchange, and when each one closed."""

import contextlib
import os
import warnings
import zlib
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

FIRST_DAY = pd.Timestamp("1926-01-01")
_YEARS_AHEAD = 3  # of the newest date asked for, so that lags can reach past it


@lru_cache(maxsize=4)
def _closes_to(year: int) -> "pd.Series[pd.Timestamp]":
    kept = _kept(year)
    moments = _read(kept)
    if moments is None:
        moments = _compute(year)
        _keep(moments, kept)
    days, closes = moments.astype("datetime64[us]")
    index = pd.DatetimeIndex(days, name="date")
    return pd.Series(pd.DatetimeIndex(closes).tz_localize("UTC"), index, name="market_close")


def _compute(year: int) -> np.ndarray:
    """Days and closes in two rows of microseconds."""
    import pandas_market_calendars as market_calendars  # a slow import

    with warnings.catch_warnings():  # it still calls what pandas 3 has renamed
        warnings.simplefilter("ignore", DeprecationWarning)
        schedule = market_calendars.get_calendar("NYSE").schedule(
            FIRST_DAY, pd.Timestamp(year, 12, 31)
        )
    days = pd.DatetimeIndex(schedule.index).as_unit("us").asi8
    return np.stack([days, pd.DatetimeIndex(schedule["market_close"]).as_unit("us").asi8])


def _kept(year: int) -> Path:
    """Where a century of sessions is kept, half a second's work: with the compiled modules,
    so that it goes when they go, and by the release it came from.
    """
    release = version("pandas_market_calendars")
    return Path(__file__).parent / "__pycache__" / f"sessions-{release}-{FIRST_DAY.year}-{year}.npy"


def _read(kept: Path) -> np.ndarray | None:
    """The kept sessions; None where there are none, or not as they were written."""
    try:
        found: np.ndarray = np.load(kept, allow_pickle=False)
        if found[2, 0] == _check(found[:2]):
            return found[:2]
    except (OSError, ValueError, IndexError, EOFError):
        pass
    return None


def _keep(moments: np.ndarray, kept: Path) -> None:
    draft = kept.with_name(f"{kept.name}.{os.getpid()}")
    whole = np.vstack([moments, np.full(moments.shape[1], _check(moments))])
    try:
        kept.parent.mkdir(exist_ok=True)
        with draft.open("wb") as file:
            np.save(file, whole, allow_pickle=False)
        draft.replace(kept)
    except OSError:  # an installation nobody may write to: computed anew each time
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _check(moments: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(moments).tobytes())


def session_closes(until: pd.Timestamp) -> "pd.Series[pd.Timestamp]":
    """Closing time of every session from 1926 to at least three years after `until`.

    Parameters
    ----------
    until : a day, without a time zone

    Returns
    -------
    Series of shape (n_days,), UTC timestamps
        Indexed by trading day (no time zone). Saturdays are sessions until 1952, early closes and
        unplanned closures are as they happened.
    """
    return _closes_to(until.year + _YEARS_AHEAD)


def trading_days(first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """Sessions from `first` to `last`, both included where they are sessions."""
    days = pd.DatetimeIndex(session_closes(last).index)
    return days[(days >= first) & (days <= last)]


def sessions_since(day: pd.Timestamp, last: pd.Timestamp) -> int:
    """How many sessions follow a session, up to another; 0 where none does."""
    return max(len(trading_days(day, last)) - 1, 0)


def settlement_days(first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """The 15th and the last day of each month, or the session before, from `first` to `last`."""
    months = pd.period_range(first, last, freq="M")
    ends = months.to_timestamp() + pd.offsets.MonthEnd(0)
    days = (months.to_timestamp() + pd.Timedelta(days=14)).append(ends).sort_values()
    sessions = pd.DatetimeIndex(session_closes(last).index)
    settled = sessions[sessions.searchsorted(days, side="right") - 1]
    return settled[(settled >= first) & (settled <= last)]


def last_closed_session(now: pd.Timestamp) -> pd.Timestamp:
    """The newest trading day whose close is not after `now` (UTC)."""
    closes = session_closes(now.tz_convert(None))
    position = int(closes.searchsorted(now, side="right")) - 1
    return pd.Timestamp(closes.index[position])


def new_york_day(moment: pd.Timestamp) -> pd.Timestamp:
    """The day that a moment with a time zone falls on in New York, without one."""
    return pd.Timestamp(moment.tz_convert("America/New_York").tz_localize(None).normalize())


def end_of_day(day: pd.Timestamp) -> pd.Timestamp:
    """The last second of a day in New York (UTC): what an evening's fetch brought is in."""
    midnight = (day.normalize() + pd.Timedelta(days=1)).tz_localize("America/New_York")
    return (midnight - pd.Timedelta(seconds=1)).tz_convert("UTC")
