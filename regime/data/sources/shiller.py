"""Robert Shiller's workbook of the US stock market, monthly since 1871.

`ie_data.xls` is an Excel 97 workbook. https://shillerdata.com links the newest one, under an
address that changes with each. Where the page, its link or what it leads to cannot be had,
the copy at Yale stands in, which may lag by months or years: values it has not are missing
once those stored before are older than their `max_age`.

The sheet `Data` has some lines of words, then the lowest row of a header that is several
rows high, then a row a month:

    Date     P       D     E       CPI      Fraction  Rate GS10  ...  CAPE  ...  TR CAPE  ...  Yield
    1871.01  4.44    0.26  0.4     12.464   1871.04   5.32            NA         NA
    2023.1   4269.4  ...

`Date` is year.month, so October is .1. `P` is the mean of the month's daily closes, `D` and
`E` are of the last twelve months, interpolated between quarters and missing in the newest
ones, `CPI` the consumer price index, `Rate GS10` percent. `Yield` under "Excess CAPE" is a
decimal. Ten years without a ratio are `NA` or empty. The newest month carries the price and
the rate of the day of writing and estimated prices, as a note below the last row says; it is
left out here. Notes stand below the last month.
"""

import html
import math
import re
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from regime.data import catalog
from regime.data.observations import from_values, gather
from regime.data.sources.live import Http, Job, Request, Source
from regime.data.sources.workbooks import Rows, rows_of
from regime.exceptions import SourceError

NAME = "shiller"
PAGE = "https://shillerdata.com"
OLDER = "http://www.econ.yale.edu/~shiller/data/ie_data.xls"
SHEET = "Data"
LARGEST = 20 * 1024**2  # bytes; the workbook has under two million
_LINK = re.compile(
    r"""["'](?:https:)?(//img1\.wsimg\.com/blobby/go/(?:[\w-]+/)+ie_data\.xls"""
    r"""(?:\?[\w=&%.-]*)?)["']""",
    re.ASCII,
)
_FIRST = ("Date", "P", "D", "E", "CPI")  # how the lowest row of the header begins
_MISSING = frozenset({"", "NA", "#N/A"})

# Lowest rows of the header, from the top, by series. One yield of several is told by the
# words above it.
_HEADERS = {
    "sp_price": ("P",),
    "sp_dividend": ("D",),
    "sp_earnings": ("E",),
    "shiller_cpi": ("CPI",),
    "shiller_gs10": ("Rate GS10",),
    "cape": ("CAPE",),
    "tr_cape": ("TR CAPE",),
    "excess_cape_yield": ("Excess", "CAPE", "Yield"),
}
_MAY_BE_NEGATIVE = frozenset({"excess_cape_yield", "sp_earnings"})


def jobs(request: Request) -> list[Job]:
    """The workbook."""
    return [Job("ie_data.xls", partial(fetch, request=request))]


def fetch(http: Http, *, request: Request) -> pd.DataFrame:
    """Observations of the newest workbook that can be had, from `request.since` on."""
    return parse(_workbook(http), now=request.now, since=request.since)


def _workbook(http: Http) -> bytes:
    """The one that the page links, or else the copy at Yale."""
    try:
        return http.get(link(http.get(PAGE, kind="page")), kind="workbook")
    except SourceError as error:
        newest = str(error).rstrip(".")
    try:
        return http.get(OLDER, kind="workbook")
    except SourceError as error:
        older = str(error).rstrip(".")
    raise SourceError(
        f"ie_data.xls is needed, from {PAGE} or else from Yale, but neither has it. "
        f"{newest}; and {older}."
    )


def link(page: bytes) -> str:
    """Where the page has the workbook; a SourceError if it links none on its host of files."""
    found = _LINK.search(html.unescape(page.decode("utf-8", "replace")))
    if found is None:
        raise SourceError(
            f"{PAGE} should link ie_data.xls at img1.wsimg.com, but does not. Open it in a "
            f"browser: where it has the workbook now may be another place."
        )
    return f"https:{found[1]}"


def parse(document: bytes, *, now: pd.Timestamp, since: pd.Timestamp | None = None) -> pd.DataFrame:
    """Observations of every series of the workbook.

    Periods are ends of months. The newest month of the workbook, and one that was not over
    by `now`, are left out.

    Raises
    ------
    SourceError
        If it is no Excel 97 workbook, a column has another name or is there twice, a month
        is missing, a number is missing between others, or a cell is no number.
    """
    rows = _sheet(document)
    header = _header_row(rows)
    columns = {name: _column(rows, header, words, name) for name, words in _HEADERS.items()}
    months, last = _months(rows, header + 1)
    cells = rows[header + 1 : last]
    values = {name: _values(cells, months, column, name) for name, column in columns.items()}
    table = pd.DataFrame(values, months)[:-1]
    over = pd.DatetimeIndex(table.index) < now.tz_convert(None).normalize()
    table = table[over & (pd.DatetimeIndex(table.index) >= (since or months[0]))]
    return gather([from_values(catalog.get(name), table[name], NAME) for name in _HEADERS])


def _sheet(document: bytes) -> Rows:
    """Rows of the sheet of data, cells as Python values."""
    return rows_of(document, SHEET, _fault, largest=LARGEST)


def _header_row(rows: Rows) -> int:
    for number, row in enumerate(rows):
        if tuple(_word(cell) for cell in row[: len(_FIRST)]) == _FIRST:
            return number
    found = next((list(row[: len(_FIRST)]) for row in rows if _word(row[0]) == _FIRST[0]), "none")
    raise _fault(f"have a header that begins {', '.join(_FIRST)}", f"{found}")


def _column(rows: Rows, header: int, words: tuple[str, ...], name: str) -> int:
    """The one column under these words."""
    above = rows[max(0, header + 1 - len(words)) : header + 1]
    found = [
        column
        for column in range(len(rows[header]))
        if tuple(_word(row[column]) for row in above) == words
    ]
    if len(found) != 1:
        names = ", ".join(_word(cell) for cell in rows[header] if _word(cell))
        wanted = f"have one column {' '.join(words)!r} for {name}"
        raise _fault(wanted, f"{len(found)} among {names}")
    return found[0]


def _months(rows: Rows, first: int) -> tuple[pd.DatetimeIndex, int]:
    """Ends of the months, one a row from `first` on, and the row after the last of them."""
    last = first
    while last < len(rows) and isinstance(rows[last][0], float | int):
        last += 1
    if last - first < 2:
        raise _fault("have a row a month below its header", f"{last - first}")
    months: list[pd.Period] = []
    for row in rows[first:last]:
        written = float(row[0])
        month = round((written - math.floor(written)) * 100)
        sound = 1 <= month <= 12 and 1800 < written < 2200
        here = pd.Period(year=math.floor(written), month=month, freq="M") if sound else None
        if here is None or (months and here != months[-1] + 1):
            after = f" after {months[-1]}" if months else ""
            raise _fault("have every month once and in order", f"{row[0]!r}{after}")
        months.append(here)
    if any(isinstance(row[0], float | int) for row in rows[last:]):
        raise _fault("have no gap between its months", f"a row without a date after {months[-1]}")
    return pd.PeriodIndex(months).to_timestamp().as_unit("us") + pd.offsets.MonthEnd(0), last


def _values(cells: Rows, months: pd.DatetimeIndex, column: int, name: str) -> list[float]:
    """Numbers of one column, NaN where missing, which is at its two ends only."""
    numbers: list[float] = []
    for month, row in zip(months, cells, strict=True):
        cell = row[column]
        if isinstance(cell, str) and _word(cell) in _MISSING:
            numbers.append(math.nan)
            continue
        number = isinstance(cell, float | int) and not isinstance(cell, bool)
        if not number or not math.isfinite(cell) or (cell <= 0 and name not in _MAY_BE_NEGATIVE):
            raise _fault(f"have a number for {name} of {month:%Y-%m}", f"{str(cell)[:40]!r}")
        numbers.append(float(cell))
    known = np.flatnonzero(~np.isnan(numbers))
    if not len(known) or known[-1] - known[0] + 1 != len(known):
        raise _fault(f"have {name} without a gap", f"{len(known)} months of {len(months)}")
    return numbers


def _word(cell: Any) -> str:
    return " ".join(cell.split()) if isinstance(cell, str) else ""


def _fault(wanted: str, found: str) -> SourceError:
    return SourceError(
        f"Shiller's ie_data.xls should {wanted}; found {found}. Its layout may have changed: "
        f"look at the workbook that {PAGE} links."
    )


SOURCE = Source(
    name=NAME,
    title="Robert Shiller, Irrational Exuberance",
    endpoint=f"The workbook ie_data.xls that {PAGE} links, or else {OLDER}.",
    format="Excel 97 workbook, sheet Data, a row a month.",
    licence="Offered for free use by its author; name him.",
    lag="Prices a day, rates a week, earnings four months after the month they carry.",
    hosts={"shillerdata.com": 1.0, "img1.wsimg.com": 1.0, "www.econ.yale.edu": 1.0},
    jobs=jobs,
)
