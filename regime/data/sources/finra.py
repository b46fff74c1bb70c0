"""Short interest of small and large companies, from FINRA's file of a settlement day.

`https://cdn.finra.org/equity/otcmarket/biweekly/shrt20241115.csv` has a line a symbol, with
bars between cells in spite of its name:

    accountingYearMonthNumber|symbolCode|issueName|issuerServicesGroupExchangeCode|
    marketClassCode|currentShortPositionQuantity|previousShortPositionQuantity|
    stockSplitFlag|averageDailyVolumeQuantity|daysToCoverQuantity|revisionFlag|
    changePercent|changePreviousNumber|settlementDate
    20241115|A|Agilent Technologies|A|NYSE|5170553|5749623||1369994|3.77||-10.07|-579070|2024-11-15

The header is one line. Symbols have no sign between letters: BRKB. Days to cover are printed
as at least one, so they are divided anew here. Files from June 2021 on have listed companies.
Addresses without a file, not yet or never, are answered with 403.
"""

import math
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd

from regime.data.calendar import new_york_day, settlement_days
from regime.data.catalog import get
from regime.data.declared.finra import MEMBERS_OF, SERIES, series_id
from regime.data.observations import from_values, gather
from regime.data.sources import holdings
from regime.data.sources.live import AGAIN, Http, Job, Request, Source
from regime.exceptions import SourceError, UnreachedError

NAME = "finra"
HOST = "cdn.finra.org"
ADDRESS = f"https://{HOST}/equity/otcmarket/biweekly/shrt{{:%Y%m%d}}.csv"
FIRST = pd.Timestamp("2021-06-15")
MONTHS_AT_FIRST = 12
PATIENCE = pd.Timedelta(days=7)  # past the day on which a file is due
FEWEST = 0.5  # share of members without which a file is not whole
_SYMBOL, _SPLIT, _DAY = "symbolCode", "stockSplitFlag", "settlementDate"
_NUMBERS = {
    "current": "currentShortPositionQuantity",
    "previous": "previousShortPositionQuantity",
    "volume": "averageDailyVolumeQuantity",
}
_MOST = 1e15  # shares; not a number is not below it either
_COLUMNS = (_SYMBOL, *_NUMBERS.values(), _SPLIT, _DAY)


@dataclass(slots=True)
class Members:
    """Symbols of the funds' members by size, asked for once for all jobs of a fetch."""

    now: pd.Timestamp
    _got: dict[str, frozenset[str]] = field(default_factory=dict)
    _failed: SourceError | None = None

    def __call__(self, http: Http) -> dict[str, frozenset[str]]:
        """The symbols; the SourceError of the first try once there was one."""
        if self._failed is not None:
            raise self._failed
        try:
            for size, ticker in MEMBERS_OF.items():
                if size not in self._got:
                    self._got[size] = holdings.fund(http, ticker, now=self.now).symbols
        except SourceError as error:
            self._failed = error
            raise
        return self._got


def jobs(request: Request) -> list[Job]:
    """One job for each settlement day that is due, the oldest first."""
    days, members = due(request), Members(request.now)
    return [
        Job(f"FINRA {day:%Y-%m-%d}", partial(fetch, day=day, members=members, request=request))
        for day in days
    ]


def due(request: Request) -> pd.DatetimeIndex:
    """Settlement days whose values are known by now and not stored, or from `since` on."""
    today = new_york_day(request.now)
    stored = [request.newest[one.id] for one in SERIES if one.id in request.newest]
    first = today - pd.DateOffset(months=MONTHS_AT_FIRST)
    if request.since is not None:
        first = request.since
    elif stored:
        first = max(stored) + pd.Timedelta(days=1)
    if (first := max(first, FIRST)) > today:
        return pd.DatetimeIndex([])
    days = settlement_days(first, today)
    return days[SERIES[0].known_at(days) <= request.now]


def fetch(http: Http, *, day: pd.Timestamp, members: Members, request: Request) -> pd.DataFrame:
    """Observations of a settlement day; none while its file may be late.

    Raises
    ------
    SourceError
        If the file is overdue, or `parse` refuses it, or the members cannot be had.
    """
    try:
        content = http.get(ADDRESS.format(day), kind="csv")
    except UnreachedError:
        raise
    except SourceError as error:
        due_at = SERIES[0].known_at(pd.DatetimeIndex([day]))[0]
        if request.now < due_at + PATIENCE:
            return gather([])
        raise SourceError(
            f"{error} Later `regime fetch --source finra --since {day:%Y-%m-%d}` asks for this "
            f"day again."
        ) from error
    return parse(content, day, members(http))


def parse(content: bytes, day: pd.Timestamp, members: dict[str, frozenset[str]]) -> pd.DataFrame:
    """Observations of one settlement day.

    Parameters
    ----------
    members : symbols by size, in letters alone

    Returns
    -------
    DataFrame with the columns of `regime.data.observations`. A size without a line that has
    volume has no days to cover, and one without shares short, then or before, no change.

    Raises
    ------
    SourceError
        If it is no such table, is cut short, is of another day, has a number that is none, or
        lacks half of the members.
    """
    table = _table(content, day, frozenset().union(*members.values()))
    parts = []
    for size, symbols in members.items():
        for measure, value in _measures(table[table.index.isin(symbols)], symbols, day).items():
            series = get(series_id(measure, size))
            parts.append(from_values(series, pd.Series([value], pd.DatetimeIndex([day])), NAME))
    return gather(parts)


def _measures(found: pd.DataFrame, symbols: frozenset[str], day: pd.Timestamp) -> dict[str, float]:
    coverage = len(found) / max(len(symbols), 1)
    if coverage < FEWEST:
        raise _fault(day, f"needed {FEWEST:.0%} of the members or more, found {len(found)} of "
                          f"{len(symbols)}")  # fmt: skip
    traded = found[found["volume"] > 0]
    unsplit = found[~found["split"]].dropna(subset=["current", "previous"])
    now, before = unsplit["current"].sum(), unsplit["previous"].sum()
    return {
        "days": float((traded["current"] / traded["volume"]).median()),
        "change": float(np.log(now / before)) if now > 0 and before > 0 else math.nan,
        "coverage": coverage,
    }


def _table(content: bytes, day: pd.Timestamp, wanted: frozenset[str]) -> pd.DataFrame:
    """Numbers of the wanted symbols; one that is there twice is not told."""
    # Not splitlines: names of companies may hold what Unicode takes for the end of a line.
    lines = content.decode("utf-8-sig", "replace").replace("\r\n", "\n").split("\n")
    header = lines[0].split("|")
    if missing := [name for name in _COLUMNS if header.count(name) != 1]:
        found = "a web page" if content.lstrip()[:1] == b"<" else repr("|".join(header)[:120])
        raise _fault(day, f"line 1: needed one column {missing[0]}, found {found}")
    at = {name: header.index(name) for name in _COLUMNS}
    settled = f"{day:%Y%m%d}"
    rows: list[tuple[str, bool, float, float, float]] = []
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split("|")
        if not line.strip():
            continue
        if len(cells) != len(header):
            raise _fault(day, f"line {number}: needed {len(header)} cells, found {line[-60:]!r}")
        if (written := cells[at[_DAY]].strip().replace("-", "")) != settled:
            raise _fault(day, f"line {number}: needed the settlement day, found {written[:20]!r}")
        if (symbol := cells[at[_SYMBOL]].strip()) in wanted:
            now, before, volume = (
                _number(cells[at[name]], day, number) for name in _NUMBERS.values()
            )
            rows.append((symbol, bool(cells[at[_SPLIT]].strip()), now, before, volume))
    table = pd.DataFrame(rows, columns=["symbol", "split", *_NUMBERS]).set_index("symbol")
    return table[~table.index.duplicated(keep=False)]


def _number(text: str, day: pd.Timestamp, line: int) -> float:
    """The number in a cell, NaN if it is empty."""
    if not text.strip():
        return math.nan
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < _MOST:
        raise _fault(day, f"line {line}: needed a number of shares, found {text[:40]!r}")
    return number


def _fault(day: pd.Timestamp, words: str) -> SourceError:
    return SourceError(f"Short interest of {day:%Y-%m-%d}, {words}. {AGAIN}")


SOURCE = Source(
    name=NAME,
    title="FINRA, consolidated short interest",
    endpoint=(
        f"https://{HOST}/equity/otcmarket/biweekly/shrtYYYYMMDD.csv of each settlement day, and "
        f"the members of {' and '.join(MEMBERS_OF.values())} as `holdings` has them."
    ),
    format="Text with bars between cells, a line a symbol; the latest revision only.",
    licence="Free for personal use: https://www.finra.org/terms-of-use.",
    lag="The seventh business day after the 15th and the last day of a month.",
    hosts={HOST: 1.0, **holdings.SOURCE.hosts},
    jobs=jobs,
)
