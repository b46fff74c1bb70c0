"""Weekly flows of US funds, estimated by the Investment Company Institute.

`combined_flows_data_YEAR.xls` is an Excel 97 workbook that is written over once a week. Its
sheet has words, a header of two or three rows, a block of months, and below a line of its own
the block of the last four or five weeks, then notes:

    Date         Total LT MF and ETF flows     Equity                      Hybrid   Bond      ...
                                               Total    Domestic   World            Total     ...
    04/30/2026   102273                        61739    ...
    Estimated weekly fund flows
    05/27/2026   15641                         -2214    -1575      -640    -1529    19471     ...
    Note: ...

Million USD. Empty columns stand between those with numbers, dates are words or dates. The
total is the sum of equity, hybrid, bond and commodity, and equity that of domestic and world,
each rounded: a workbook in which they are not is refused, for its columns may have moved.
"""

import datetime as dt
import math
from functools import partial
from typing import Any

import pandas as pd

from regime.data import catalog
from regime.data.calendar import new_york_day
from regime.data.declared.ici import FLOWS
from regime.data.observations import from_values, gather
from regime.data.sources.live import Http, Job, Request, Source
from regime.data.sources.workbooks import Rows, rows_of
from regime.exceptions import SourceError, UnreachedError

NAME = "ici"
ADDRESS = "https://www.ici.org/combined_flows_data_{}.xls"
PAGE = (
    "https://www.ici.org/research/statistics/etfs/weekly-combined-estimated-etf-and-longterm-flows"
)
SHEET = "Weekly MF & ETF Public Report"
WEEKLY = "estimated weekly fund flows"  # the line above the weeks, in lower case
JANUARY = 1
FIRST_YEAR = 2000  # before any of these estimates
_HEADER_ROWS = 3
_ROUNDING = 5.0  # million USD, of a sum of four rounded numbers

# How the words of the header begin: of the group, and below it. The names that are no series
# make up the total.
_COLUMNS = {
    "ici_total_flow": ("total", ""),
    "ici_equity_flow": ("equity", "total"),
    "ici_domestic_equity_flow": ("equity", "domestic"),
    "ici_world_equity_flow": ("equity", "world"),
    "hybrid": ("hybrid", ""),
    "ici_bond_flow": ("bond", "total"),
    "ici_commodity_flow": ("commodity", ""),
}
_SUMS = {
    "ici_total_flow": ("ici_equity_flow", "hybrid", "ici_bond_flow", "ici_commodity_flow"),
    "ici_equity_flow": ("ici_domestic_equity_flow", "ici_world_equity_flow"),
}


def jobs(request: Request) -> list[Job]:
    """The workbook."""
    return [Job("combined_flows_data.xls", partial(fetch, request=request))]


def fetch(http: Http, *, request: Request) -> pd.DataFrame:
    """Observations of this year's workbook, from `request.since` on.

    In January there may be none yet, and that of the year before has the newest weeks.
    """
    found = parse(_workbook(http, new_york_day(request.now)), now=request.now)
    return found if request.since is None else found[found["period"] >= request.since]


def _workbook(http: Http, today: pd.Timestamp) -> bytes:
    try:
        return http.get(ADDRESS.format(today.year), kind="workbook")
    except UnreachedError:
        raise
    except SourceError as error:
        if today.month != JANUARY:
            raise
        newer = str(error).rstrip(".")
    try:
        return http.get(ADDRESS.format(today.year - 1), kind="workbook")
    except SourceError as error:
        raise SourceError(f"{newer}; and {error}") from error


def parse(document: bytes, *, now: pd.Timestamp) -> pd.DataFrame:
    """Observations of the weekly block: every series of flows, known by the lag.

    Raises
    ------
    SourceError
        If it is no such workbook, has no weekly block, a column under other words or twice, a
        cell that is no number, sums that do not add up, weeks out of order or in the future.
    """
    rows = rows_of(document, SHEET, _fault)
    columns = _columns(rows)
    weeks = _weeks(rows, new_york_day(now))
    table = pd.DataFrame(
        {
            name: {day: _number(row[column], name, day) for day, row in weeks.items()}
            for name, column in columns.items()
        }
    )
    _check_sums(table)
    return gather([from_values(catalog.get(name), table[name], NAME) for name in FLOWS])


def _columns(rows: Rows) -> dict[str, int]:
    """Where each flow stands, by the words above it."""
    top = next((at for at, row in enumerate(rows) if _word(row[0]) == "date"), None)
    if top is None:
        raise _fault("have a header that begins with Date", f"none in {len(rows)} rows")
    group, words = "", []
    for column, cell in enumerate(rows[top]):
        group = _word(cell) or group
        below = [_word(row[column]) for row in rows[top + 1 : top + _HEADER_ROWS]]
        # Below the header of two rows stands a month.
        words.append((group, " ".join(word for word in below if word and not _date(word))))
    found = {}
    for name, (first, second) in _COLUMNS.items():
        fitting = [
            column
            for column, (over, under) in enumerate(words)
            if over.startswith(first) and (under.startswith(second) if second else not under)
            and (second or _word(rows[top][column]))
        ]  # fmt: skip
        if len(fitting) != 1:
            told = ", ".join(sorted({f"{over} {under}".strip() for over, under in words if over}))
            raise _fault(
                f"have one column {f'{first} {second}'.strip()!r} for {name}",
                f"{len(fitting)} among {told}",
            )
        found[name] = fitting[0]
    return found


def _weeks(rows: Rows, today: pd.Timestamp) -> dict[pd.Timestamp, list[Any]]:
    """Rows of the weekly block by day, which end where no date stands."""
    start = next((at for at, row in enumerate(rows) if _word(row[0]) == WEEKLY), None)
    if start is None:
        raise _fault(f"have a line {WEEKLY!r} above the weeks", f"none in {len(rows)} rows")
    found: dict[pd.Timestamp, list[Any]] = {}
    for row in rows[start + 1 :]:
        day = _date(row[0])
        if day is None and (word := _word(row[0])) and word[0].isdigit():
            raise _fault("have a date before each week", f"{word[:40]!r}")
        if day is None:
            break
        if found and day <= max(found):
            raise _fault("have its weeks once and in order", f"{day:%Y-%m-%d} after a later one")
        if day.year < FIRST_YEAR:
            raise _fault("have weeks of our days", f"one of the year {day.year}")
        if day > today:
            raise _fault("have weeks up to now", f"one to {day:%Y-%m-%d}, which is in the future")
        found[day] = list(row)
    if not found:
        raise _fault("have a row a week below its line", "none")
    return found


def _check_sums(table: pd.DataFrame) -> None:
    for name, parts in _SUMS.items():
        sums = table[list(parts)].sum(axis=1)
        away = ((table[name] - sums).abs() > _ROUNDING).to_numpy()
        if away.any():
            day = pd.DatetimeIndex(table.index)[away][0]
            raise _fault(
                f"have {name} as the sum of {', '.join(parts)}",
                f"{table[name][away].iloc[0]:,.0f} and {sums[away].iloc[0]:,.0f} in the week to "
                f"{day:%Y-%m-%d}",
            )


def _date(cell: Any) -> pd.Timestamp | None:
    """The day that a cell holds, written MM/DD/YYYY or as a date."""
    if isinstance(cell, dt.date):
        return pd.Timestamp(cell).normalize()
    try:
        return pd.Timestamp(dt.datetime.strptime(_word(cell), "%m/%d/%Y"))
    except ValueError:
        return None


def _number(cell: Any, name: str, day: pd.Timestamp) -> float:
    number = isinstance(cell, float | int) and not isinstance(cell, bool)
    if not number or not math.isfinite(cell):
        raise _fault(f"have a number for {name}, week to {day:%Y-%m-%d}", f"{str(cell)[:40]!r}")
    return float(cell)


def _word(cell: Any) -> str:
    return " ".join(cell.split()).lower() if isinstance(cell, str) else ""


def _fault(wanted: str, found: str) -> SourceError:
    return SourceError(
        f"The ICI's combined_flows_data.xls should {wanted}; found {found}. Its layout may have "
        f"changed: look at the workbook that {PAGE} links."
    )


SOURCE = Source(
    name=NAME,
    title="Investment Company Institute, combined estimated fund flows",
    endpoint=f"{ADDRESS.format('YEAR')}, without a key (linked at {PAGE}).",
    format="Excel 97 workbook with the last four or five weeks, written over each week.",
    licence="Copyright Investment Company Institute; for personal use, name the source.",
    lag="Wednesday for the week to the Wednesday before; fitted to monthly figures later.",
    hosts={"www.ici.org": 1.0},
    jobs=jobs,
)
