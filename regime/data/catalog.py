"""Every series the models may see: unit, rhythm, when it is known, where it is found.

One table, because what a number means and when anybody could have known it must not be
said twice. Publication lags follow the publishers' calendars; where only the latest
revision of a series can be had, the lag stands in for its history and `basis` says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from regime.data.calendar import session_closes
from regime.exceptions import ConfigError, PanelError


class Frequency(StrEnum):
    """How often a series has a new period."""

    DAILY = "daily"
    MONTHLY = "monthly"


class Basis(StrEnum):
    """How far the stored history is what anybody saw at the time."""

    PUBLISHED = "published"  # first published values, never revised
    REVISED = "revised"  # the latest revision; the lag stands in for the vintage
    RECONSTRUCTED = "reconstructed"  # computed later from prices seen at that close


class Unit(StrEnum):
    """What one means."""

    RETURN = "decimal return"
    INDEX = "total-return index"
    PERCENT = "percent per year"
    POINTS = "percentage points"
    RATIO = "ratio"
    SHARE = "share of 1"
    LOG_RATIO = "log ratio"
    LEVEL = "index level"


_POSITIVE = {Unit.INDEX, Unit.LEVEL}


@dataclass(frozen=True, slots=True)
class Series:
    """One series and its publication calendar.

    Attributes
    ----------
    lag : int
        Daily series: sessions from the period's close to the close at which it is
        known. Monthly series: calendar days from the month's end.
    max_age : int
        Calendar days after the end of its period from which a value counts as missing.
        Zero for returns and prices: yesterday's return is not today's.
    table, column : str
        File name without suffix, and column, under which `files` looks for it.
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

    @property
    def positive(self) -> bool:
        """Whether a value of zero or less is an error."""
        return self.unit in _POSITIVE

    def known_at(self, periods: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """When values of these periods became known, by lag alone (UTC).

        A daily value of a day without a session counts for the session before it, so
        that its lag runs from a close. A monthly value is known when the last day of its
        lag is over, which is the close after that day.
        """
        if self.frequency is Frequency.MONTHLY:
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


def _daily(
    table: str, unit: Unit, lag: int, max_age: int, basis: Basis, **columns: str
) -> list[Series]:
    return [
        Series(column, title, unit, Frequency.DAILY, lag, max_age, basis, table, column)
        for column, title in columns.items()
    ]


def _monthly(table: str, unit: Unit, lag: int, max_age: int, **columns: str) -> list[Series]:
    return [
        Series(column, title, unit, Frequency.MONTHLY, lag, max_age, Basis.REVISED, table, column)
        for column, title in columns.items()
    ]


DECILES = ("lo_10", *(f"dec_{number}" for number in range(2, 10)), "hi_10")

_ALL = [
    # Returns of portfolios rebuilt from CRSP: anybody saw the prices at that close.
    *_daily(
        "french_size_portfolios_vw_daily", Unit.RETURN, 0, 0, Basis.RECONSTRUCTED,
        qnt_2="Second-smallest NYSE size quintile",
        **{name: f"NYSE size decile {rank}" for rank, name in enumerate(DECILES, 1)},
    ),
    *_daily(
        "french_factors_daily", Unit.RETURN, 0, 0, Basis.RECONSTRUCTED,
        mkt_rf="US market less the bill rate",
        hml="Value less growth",
        mom="Winners less losers, 12-2 months",
        rf="One-month bill, return a day",
    ),
    # Vendor-adjusted indices: only ratios between two days mean anything.
    *_daily(
        "etf_total_return_index_daily", Unit.INDEX, 0, 0, Basis.RECONSTRUCTED,
        OEF="S&P 100 fund", XLG="S&P 500 Top 50 fund", RSP="S&P 500 equal-weight fund",
        IWM="Russell 2000 fund", IJR="S&P SmallCap 600 fund", SPY="S&P 500 fund",
    ),
    # Book-to-market of portfolios formed each June, one value a month, files out within
    # two months; the ratio of a July is thereby never used before that July is over.
    *_monthly(
        "valuation_and_concentration_monthly", Unit.LOG_RATIO, 60, 130,
        log_bm_june_q1_minus_q5="Book-to-market, smallest over largest quintile",
        log_bm_june_q2_minus_q5="Book-to-market, second-smallest over largest quintile",
        value_spread_q1="Book-to-market, cheap over dear, smallest quintile",
        value_spread_q5="Book-to-market, cheap over dear, largest quintile",
    ),
    *_monthly(
        "valuation_and_concentration_monthly", Unit.SHARE, 60, 130,
        mcapshare_hi_10="Share of the top NYSE decile in total market value",
    ),
    # Earnings behind the ratio are known three to six months after the month they carry.
    *_monthly(
        "shiller_monthly", Unit.RATIO, 120, 190,
        excess_cape_yield="Cyclically adjusted earnings yield less the real 10-year yield",
    ),
    # Published on the next business day.
    *_daily(
        "fred_daily", Unit.PERCENT, 1, 10, Basis.PUBLISHED,
        DFF="Effective federal funds rate", DGS1="Treasury yield, 1 year",
        DGS2="Treasury yield, 2 years", DGS10="Treasury yield, 10 years",
        DFII10="Real Treasury yield, 10 years", T10YIE="Break-even inflation, 10 years",
    ),
    *_daily(
        "fred_daily", Unit.POINTS, 1, 10, Basis.PUBLISHED,
        BAA10Y="Baa corporate yield less the 10-year Treasury yield",
        BAMLH0A0HYM2="US high-yield option-adjusted spread",
    ),
    *_daily(
        "fred_daily", Unit.LEVEL, 1, 10, Basis.PUBLISHED,
        VIXCLS="Implied volatility of the S&P 500, 30 days (VIX)",
    ),
    # Members of each day, but prices of survivors only: coverage 0.38 in 1996, 0.76 in
    # 2010, 0.95 in 2024.
    *_daily(
        "sp500_breadth_daily", Unit.SHARE, 0, 5, Basis.RECONSTRUCTED,
        pct_above_50dma="S&P 500 members above their 50-day average",
        pct_above_200dma="S&P 500 members above their 200-day average",
        pct_beating_spy_63d="S&P 500 members ahead of the index over 63 days",
        pct_beating_spy_252d="S&P 500 members ahead of the index over 252 days",
        pct_new_52w_high="S&P 500 members at a 52-week high",
        pct_new_52w_low="S&P 500 members at a 52-week low",
    ),
    *_daily(
        "sp500_breadth_daily", Unit.RATIO, 0, 5, Basis.RECONSTRUCTED,
        adv_minus_dec_ratio="S&P 500 advancers less decliners, over members priced",
        avg_corr_63d="Average correlation of S&P 500 members, 63 days",
    ),
]  # fmt: skip

CATALOG: dict[str, Series] = {series.id: series for series in _ALL}


def tables() -> dict[str, list[Series]]:
    """Series by the table that `files` looks for them in."""
    found: dict[str, list[Series]] = {}
    for series in CATALOG.values():
        found.setdefault(series.table, []).append(series)
    return found


def describe_location(ids: Iterable[str]) -> str:
    """Where `files` looks for these series: "column RSP of etf_...csv[.gz] or .parquet"."""
    by_table: dict[str, list[str]] = {}
    for series in (get(identifier) for identifier in ids):
        by_table.setdefault(series.table, []).append(series.column)
    return "; ".join(
        f"column{'s' if len(columns) > 1 else ''} {', '.join(columns)} "
        f"of {table}.csv, .csv.gz or .parquet"
        for table, columns in by_table.items()
    )


def get(identifier: str) -> Series:
    """The series of that name; a ConfigError names the nearest ones."""
    try:
        return CATALOG[identifier]
    except KeyError:
        raise ConfigError(
            f"There is no series {identifier!r} in the catalogue. Known are: "
            f"{', '.join(CATALOG)}. Add it to regime/data/catalog.py."
        ) from None
