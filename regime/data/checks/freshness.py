"""Which series are as new as their publishers' calendars promise."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache

import pandas as pd
from pandas.tseries.holiday import USFederalHolidayCalendar

from regime.data.calendar import (
    last_closed_session,
    new_york_day,
    session_closes,
    settlement_days,
)
from regime.data.catalog import MODELLED, get
from regime.data.declared import french
from regime.data.series import Frequency, Series

GRACE = pd.Timedelta(hours=18)  # to publish, to fetch each night: the morning after a close
_WEEK = pd.Timedelta(weeks=1)
_MONTHS = {Frequency.QUARTERLY: 3, Frequency.YEARLY: 12}
_LONG_YEAR = pd.Timedelta(days=7)  # by which a fiscal year of 53 weeks moves its quarters
_RECENT = 60  # sessions, more than any lag

# The French library's files of a month come together, its daily ones with its monthly ones.
_WITH_THE_MONTH = {one.id for one in french.SERIES if one.frequency is Frequency.DAILY}
_AFTER_THE_MONTH = max(one.lag for one in french.SERIES if one.frequency is Frequency.MONTHLY)


class Age(StrEnum):
    """How a series stands at a moment."""

    FRESH = "fresh"  # everything due is there
    LATE = "late"  # a due period is not there; the one before it still serves
    MISSING = "missing"  # nothing is there, or what is there is too old for a panel


def freshness(
    newest: Mapping[str, pd.Timestamp | None], now: pd.Timestamp, *, grace: pd.Timedelta = GRACE
) -> pd.DataFrame:
    """How new each series is, and how new it should be.

    Parameters
    ----------
    newest : by catalogue id, the newest period at hand; None or NaT where there is none
    now : Timestamp with a time zone
    grace : how long after it was known, by its lag, a period may still be missing

    Returns
    -------
    DataFrame with one row for each series, in the order given
        `series`; `newest_period`; `age_days` from it to today in New York; `expected_period`,
        the newest period that is due; `state`, a value of `Age`. Both periods have no time
        zone. `expected_period` is NaT for events, which come when they come and are never
        late, and where the rhythm of a weekly, quarterly or yearly series cannot be told
        without a value. Daily values of an office (lag above zero) are due on days on which
        banks open too. Daily files of the French library are due with the files of their month.

    Raises
    ------
    ConfigError
        If the catalogue does not know a series.
    """
    now = now.tz_convert("UTC")
    session, today = last_closed_session(now), new_york_day(now)
    ripe = now - grace
    rows = []
    for name, period in newest.items():
        series = get(name)
        at = None if period is None or pd.isna(period) else period
        expected = _expected(series, at, ripe)
        rows.append(
            {
                "series": name,
                "newest_period": at,
                "age_days": None if at is None else (today - at).days,
                "expected_period": expected,
                "state": str(_age(series, at, expected, session)),
            }
        )
    columns = ["series", "newest_period", "age_days", "expected_period", "state"]
    return pd.DataFrame(rows, columns=columns).astype(
        {
            "series": "str",
            "newest_period": "datetime64[us]",
            "age_days": "Int64",
            "expected_period": "datetime64[us]",
            "state": "str",
        }
    )


def dated_by_closes(
    newest: Mapping[str, pd.Timestamp], names: Iterable[str] = MODELLED
) -> dict[str, pd.Timestamp]:
    """Newest periods, with those of funds by their closes too: total returns are made of them.

    Parameters
    ----------
    newest : the newest period at hand, by catalogue id
    names : series to date so, by default those that models see
    """
    found = dict(newest)
    for name in names:
        dates = [found[one] for one in (name, f"{name}_close") if one in found]
        if dates:
            found[name] = max(dates)
    return found


def expected_period(name: str, now: pd.Timestamp, *, grace: pd.Timedelta = GRACE) -> pd.Timestamp:
    """The newest period of a daily or monthly series that is due."""
    return pd.Timestamp(freshness({name: None}, now, grace=grace)["expected_period"].iloc[0])


def _age(
    series: Series,
    newest: pd.Timestamp | None,
    expected: pd.Timestamp | None,
    session: pd.Timestamp,
) -> Age:
    if series.frequency is Frequency.EVENT:
        return Age.FRESH
    if newest is None:
        return Age.MISSING
    if expected is None or newest >= expected:
        return Age.FRESH
    serves = series.max_age
    if series.id in _WITH_THE_MONTH:
        serves += _AFTER_THE_MONTH + 31  # the panel misses the newest months by nature
    return Age.MISSING if (session - newest).days > serves else Age.LATE


def _expected(
    series: Series, newest: pd.Timestamp | None, ripe: pd.Timestamp
) -> pd.Timestamp | None:
    """The newest period known by `ripe`; None if there is no telling."""
    if series.frequency is Frequency.MONTHLY:
        return _newest_month(series.lag, ripe)
    if series.id in _WITH_THE_MONTH:
        return _last_session(_newest_month(_AFTER_THE_MONTH, ripe))
    if series.frequency is Frequency.DAILY:
        return _newest_day(series.lag, ripe)
    if series.frequency is Frequency.TWICE_MONTHLY:
        return _newest_settlement(series, ripe)
    if series.frequency is Frequency.EVENT or newest is None:
        return None
    return _newest_in_step(series, newest, ripe)


@lru_cache(maxsize=16)
def _newest_day(lag: int, ripe: pd.Timestamp) -> pd.Timestamp:
    """The day whose value, `lag` days later, was known at a close not after `ripe`."""
    closes = session_closes(ripe.tz_localize(None))
    recent = closes[: int(closes.searchsorted(ripe, side="right"))].iloc[-_RECENT:]
    days = pd.DatetimeIndex(recent.index)
    if lag > 0:  # an office: it neither counts nor publishes on a bank holiday
        days = days.difference(USFederalHolidayCalendar().holidays(days[0], days[-1]))
    return pd.Timestamp(days[-1 - lag])


@lru_cache(maxsize=16)
def _newest_settlement(series: Series, ripe: pd.Timestamp) -> pd.Timestamp:
    """The settlement day whose value was known at a close not after `ripe`."""
    today = ripe.tz_localize(None).normalize()
    days = settlement_days(today - 3 * pd.offsets.MonthBegin(1), today)
    return pd.Timestamp(days[series.known_at(days) <= ripe][-1])


def _newest_month(lag: int, ripe: pd.Timestamp) -> pd.Timestamp:
    """The end of the newest month that was over, with its lag, by `ripe`."""
    over = ripe.tz_localize(None) - pd.Timedelta(days=lag + 1)
    return pd.Timestamp((over.normalize() + pd.Timedelta(days=1)) - pd.offsets.MonthEnd(1))


def _last_session(day: pd.Timestamp) -> pd.Timestamp:
    return pd.Timestamp(session_closes(day)[:day].index[-1])


def _newest_in_step(
    series: Series, newest: pd.Timestamp, ripe: pd.Timestamp
) -> pd.Timestamp | None:
    """The newest of the periods a week, a quarter or a year apart from this one."""
    months = _MONTHS.get(series.frequency, 0)
    step = 13 * months // 3 * _WEEK if months else _WEEK
    counts = range(-4, max((ripe.tz_localize(None) - newest) // step, 0) + 2)
    slack = pd.Timedelta(0)
    if months and newest.is_month_end:
        periods = [newest + pd.offsets.MonthEnd(months * count) for count in counts]
    else:
        periods = [newest + count * step for count in counts]
        slack = _LONG_YEAR if months else slack
    known_at = series.known_at(pd.DatetimeIndex(periods)) + slack
    due = [period for period, at in zip(periods, known_at, strict=True) if at <= ripe]
    return due[-1] if due else None
