"""What a series is: its unit, its rhythm, when it is known, and what it may look like.

Series are declared in `regime.data.declared`, one module per publisher; `regime.data.catalog`
gathers them.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from regime.data.calendar import session_closes
from regime.exceptions import PanelError


class Frequency(StrEnum):
    """How often a series has a new period."""

    DAILY = "daily"
    WEEKLY = "weekly"
    TWICE_MONTHLY = "twice a month"  # settlement days of `calendar.settlement_days`
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"
    EVENT = "event"  # only on days on which something happens


class Basis(StrEnum):
    """How far the stored history is what anybody saw at the time."""

    PUBLISHED = "published"  # first published values, never or rarely revised
    VINTAGE = "vintage"  # every revision with the day it was published
    REVISED = "revised"  # the latest revision; the lag stands in for the vintage
    RECONSTRUCTED = "reconstructed"  # computed later from prices seen at that close


class Unit(StrEnum):
    """What one means."""

    RETURN = "decimal return"
    INDEX = "total-return index"
    PRICE = "USD per share as quoted that day"
    DIVIDEND = "USD per share, paid to who held it the day before"
    SPLIT = "new shares for one old"
    PERCENT = "percent per year"
    POINTS = "percentage points"
    RATIO = "ratio"
    SHARE = "share of 1"
    LOG_RATIO = "log ratio"
    LEVEL = "index level"
    COUNT = "number"
    THOUSANDS = "thousands"
    MILLION_USD = "million USD"
    USD = "USD"


_IN_SESSIONS = {Frequency.DAILY, Frequency.EVENT, Frequency.TWICE_MONTHLY}
_POSITIVE = {Unit.INDEX, Unit.LEVEL, Unit.PRICE, Unit.DIVIDEND, Unit.SPLIT}


@dataclass(frozen=True, slots=True)
class Series:
    """One series and its publication calendar.

    Attributes
    ----------
    id, title : the column of the panel, and what it is called
    unit : what one means
    frequency : how often there is a new period
    lag : int
        Daily series, those twice a month and events: sessions from the period's close to
        the close at which it is known. Others: calendar days from the end of the period.
    max_age : int
        Calendar days after the end of its period from which a value counts as missing.
        Zero for returns and prices: yesterday's return is not today's.
    basis : how far the stored history is what anybody saw at the time
    table, column : str
        File name without suffix, and column, under which `files` looks for it.
    modelled : bool
        Whether it has a column in the panel that models see; the others are read by name.
    lowest, highest : float
        A value outside these bounds is doubtful, and is quarantined.
    jump : float
        A change from one period to the next beyond this is doubtful until the value after
        it confirms the new level: in logs where values are above zero, else in units.
    rolling : bool
        Whether the publisher drops old values, or later fetches ask for new ones alone, so
        that a shorter history is no fault.
    happens_to : str or None
        Of an event: the series whose values say that somebody looked on that day.
    """

    id: str
    title: str
    unit: Unit
    frequency: Frequency
    lag: int
    max_age: int
    basis: Basis
    table: str
    column: str
    modelled: bool = True
    lowest: float = -math.inf
    highest: float = math.inf
    jump: float = math.inf
    rolling: bool = False
    happens_to: str | None = None

    @property
    def positive(self) -> bool:
        """Whether a value of zero or less is an error."""
        return self.unit in _POSITIVE

    @property
    def lags_in_sessions(self) -> bool:
        """Whether `lag` counts sessions, not calendar days."""
        return self.frequency in _IN_SESSIONS

    def known_at(self, periods: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """When values of these periods became known, by lag alone (UTC).

        A daily value of a day without a session counts for the session before it, so
        that its lag runs from a close. A value of a week, month, quarter or year is known when
        the last day of its lag is over, which is the close after that day.

        Parameters
        ----------
        periods : DatetimeIndex of shape (n_periods,), days without a time zone, in any order

        Returns
        -------
        DatetimeIndex of shape (n_periods,), UTC timestamps

        Raises
        ------
        PanelError
            If a period whose lag counts sessions is before the first session of the calendar.
        """
        if not self.lags_in_sessions:
            return (periods + pd.Timedelta(days=self.lag + 1)).tz_localize("UTC").as_unit("us")
        if not len(periods):
            return pd.DatetimeIndex([], dtype="datetime64[us, UTC]")
        closes = session_closes(periods.max())
        at = closes.index.searchsorted(periods, side="right") - 1
        if at.min() < 0:
            raise PanelError(
                f"{self.id} has a value of {periods.min():%Y-%m-%d}, before the first session the "
                f"calendar knows, {closes.index[0]:%Y-%m-%d}. Leave such days out."
            )
        return pd.DatetimeIndex(closes)[at + self.lag]


def daily(
    table: str, unit: Unit, lag: int, max_age: int, basis: Basis, **columns: str
) -> list[Series]:
    """Daily series of one table, titles by column; the column is the id."""
    return [
        Series(column, title, unit, Frequency.DAILY, lag, max_age, basis, table, column)
        for column, title in columns.items()
    ]


def monthly(table: str, unit: Unit, lag: int, max_age: int, **columns: str) -> list[Series]:
    """Monthly series of one table, of which only the latest revision is at hand."""
    return [
        Series(column, title, unit, Frequency.MONTHLY, lag, max_age, Basis.REVISED, table, column)
        for column, title in columns.items()
    ]
