"""Files of issuers that say what their index fund holds, read into one form.

State Street's workbook of SPY has some rows about the fund, a header, a row a line, and words
below them:

    Fund Name:      SPDR S&P 500 ETF Trust
    Ticker Symbol:  SPY
    Holdings:       As of 14-Nov-2026

    Name         Ticker  Identifier  SEDOL    Weight    Sector  Shares Held  Local Currency
    NVIDIA CORP  NVDA    67066G104   2379504  8.217272  -       298385133    USD
    US DOLLAR    -       999USDZ92            0.210631  -       1724799064   USD

BlackRock's CSV files say the same of their funds, and the number of shares of the fund:

    iShares Russell 2000 ETF
    Fund Holdings as of,"Nov 13, 2026"
    Inception Date,"May 22, 2000"
    Shares Outstanding,"278,700,000.00"
    Ticker,Name,Sector,Asset Class,Market Value,Weight (%),...
    "BE","BLOOM ENERGY CLASS A CORP","Industrials","Equity","987,654,321.00","1.02",...

Funds that hold futures have `Market Weight` in place of `Weight (%)`. Weights are percent of
the fund. A day without a file is answered with one whose day is "-".
"""

import csv
import io
import math
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from python_calamine import CalamineWorkbook

from regime.data.calendar import new_york_day
from regime.data.sources.workbooks import is_of_reader
from regime.exceptions import SourceError

MOST_UNPACKED = 50 * 1024**2  # bytes of a workbook; SPY's has under half a million
MOST_ROWS, MOST_COLUMNS = 20_000, 100
FIRST_YEAR = 1993  # of the oldest fund
TOLERANCE = 2.0  # points by which weights may fail to add up to 100
_SHARE = re.compile(r"[A-Z]{1,5}([./ -][A-Z])?")  # futures and rights have digits in theirs
_CLASS = re.compile(r"[\s-]+(CL|CLASS|SER|SERIES)[\s.-]+[A-Z]$")
_AS_OF = re.compile(r"\bAs of (\d{1,2}-[A-Za-z]{3}-\d{4})$")
_CELL = re.compile(rb"""\br\s*=\s*["']([A-Za-z]*)(\d+)["']""")  # where it stands: AB12, or a row
_CHUNK = 1 << 20
_LOOK = "Open it in a browser and see what changed"

_Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Fund:
    """What a fund held on a day.

    Attributes
    ----------
    day : the day its file speaks of, no time zone
    lines : DataFrame with columns ticker, company, weight
        A row a listed share, in the order of the file. `company` is the name without the
        class of the share, `weight` a share of the fund, 0.07 for seven percent. Cash,
        futures and rights have none.
    shares_outstanding : of the fund itself; NaN where its file does not say
    """

    ticker: str
    day: pd.Timestamp
    lines: pd.DataFrame
    shares_outstanding: float

    @property
    def symbols(self) -> frozenset[str]:
        """Tickers in letters alone, as BRKB for BRK.B."""
        return frozenset(re.sub("[^A-Z]", "", ticker) for ticker in self.lines["ticker"])


def read_spdr(content: bytes, ticker: str, *, now: pd.Timestamp) -> Fund:
    """A fund in State Street's workbook.

    Raises
    ------
    SourceError
        If it is no workbook of at most `MOST_UNPACKED` bytes, is of another fund, lacks its
        day or a column, has a weight that is none, or fails what `_judged` asks.
    """
    rows = [[_word(cell) for cell in row] for row in _sheet(content, ticker)]
    header = _header(rows, ("Name", "Ticker", "SEDOL", "Weight"), ticker)
    told = [" ".join(word for word in row if word) for row in rows[:header]]
    of = next((line for line in told if line.startswith("Ticker Symbol")), "no ticker symbol")
    if of.split()[-1] != ticker:
        raise _fault(ticker, "its own file", f"{of[:60]!r}")
    when = next((line for line in told if line.startswith("Holdings")), "no line Holdings")
    found = _AS_OF.search(when)
    day = _day(found[1] if found else when, "%d-%b-%Y", ticker)
    name, symbol, sedol, weight = (
        rows[header].index(column) for column in ("Name", "Ticker", "SEDOL", "Weight")
    )
    lines = []
    for row in rows[header + 1 :]:
        if not any(row[1:]):  # empty, or a note
            break
        listed = row[sedol] not in {"", "-"} and _SHARE.fullmatch(row[symbol]) is not None
        lines.append((row[symbol], row[name], row[weight], listed))
    return _judged(ticker, day, lines, math.nan, now)


def read_ishares(content: bytes, ticker: str, *, index: str, now: pd.Timestamp) -> Fund:
    """A fund in BlackRock's CSV file.

    Parameters
    ----------
    index : words that the name of the fund holds

    Raises
    ------
    SourceError
        If it is no such table, is of another fund, lacks its day, its shares outstanding or a
        column, is cut short, has a number that is none, or fails what `_judged` asks.
    """
    rows = _table(content, ticker)
    header = _header(rows, ("Ticker", "Name", "Asset Class", "Exchange"), ticker)
    if not any(index in cell for cell in rows[0]):
        raise _fault(ticker, f"a file that begins with a name with {index}", f"{rows[0][:1]}")
    told = {row[0]: row[1] for row in rows[:header] if len(row) == 2}
    day = _day(told.get("Fund Holdings as of", "no line Fund Holdings as of"), "%b %d, %Y", ticker)
    written = told.get("Shares Outstanding", "no line Shares Outstanding")
    shares = _number(written)
    if shares is None or not shares > 0:
        raise _fault(ticker, "its shares outstanding", f"{written[:40]!r}")
    columns = rows[header]
    weight = next((at for at, one in enumerate(columns) if one in {"Weight (%)", "Market Weight"}),
                  None)  # fmt: skip
    if weight is None:
        raise _fault(ticker, "a column Weight (%) or Market Weight", ", ".join(columns)[:120])
    at = {name: columns.index(name) for name in ("Ticker", "Name", "Asset Class", "Exchange")}
    lines = []
    for row in rows[header + 1 :]:
        if not any(row) or len(row) == 1:  # empty, or a note
            break
        if len(row) != len(columns):
            raise _fault(ticker, f"{len(columns)} cells a line", f"a line cut short at {row[-1]!r}")
        listed = (
            row[at["Asset Class"]] == "Equity"
            and not row[at["Exchange"]].upper().startswith("NO MARKET")
            and _SHARE.fullmatch(row[at["Ticker"]]) is not None
        )
        lines.append((row[at["Ticker"]], row[at["Name"]], row[weight], listed))
    return _judged(ticker, day, lines, shares, now)


def _judged(
    ticker: str,
    day: pd.Timestamp,
    lines: list[tuple[str, str, str, bool]],
    shares: float,
    now: pd.Timestamp,
) -> Fund:
    """The fund, if its day is not in the future and its weights add up."""
    today = new_york_day(now)
    if day > today:
        raise _fault(ticker, f"a day up to {today:%Y-%m-%d}", f"{day:%Y-%m-%d}, in the future",
                     "Check the clock of this computer")  # fmt: skip
    if day.year < FIRST_YEAR:
        raise _fault(ticker, "a day of our days", f"one of the year {day.year}")
    total, kept = 0.0, []
    for symbol, name, written, listed in lines:
        weight = _number(written)
        if weight is None and listed:
            raise _fault(ticker, f"a weight of {symbol}", f"{written[:40]!r}")
        total += weight or 0.0
        if listed:
            company = _CLASS.sub("", " ".join(name.upper().split()))
            kept.append((symbol, company, (weight or 0.0) / 100))
    if abs(total - 100) > TOLERANCE:
        raise _fault(ticker, f"weights that add up to 100 within {TOLERANCE:g} points",
                     f"{total:.2f} over {len(lines)} lines")  # fmt: skip
    frame = pd.DataFrame(kept, columns=["ticker", "company", "weight"])
    return Fund(ticker, day, frame, shares)


def _sheet(content: bytes, ticker: str) -> _Rows:
    """Cells of the first sheet of a workbook of a size that can be."""
    try:
        _require_size(content, ticker)
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
        if sheet.total_height > MOST_ROWS or sheet.total_width > MOST_COLUMNS:
            found = f"{sheet.total_height} rows and {sheet.total_width} columns"
            raise _fault(ticker, f"at most {MOST_ROWS} rows and {MOST_COLUMNS} columns", found)
        return sheet.to_python()
    except SourceError:
        raise
    except BaseException as error:
        if not is_of_reader(error):
            raise
        page = content.lstrip()[:1] == b"<"
        found = "a web page" if page else f"{len(content):,} bytes that are none ({error})"
        raise _fault(ticker, "a whole workbook", found) from error


def _require_size(content: bytes, ticker: str) -> None:
    """Raise if a workbook, which is a zip archive, unpacks to more than it can hold.

    Two cells far apart are enough: the reader makes room for all that lie between them.
    """
    size = 0
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            parts = []
            for chunk in _unpacked(archive, member):
                size += len(chunk)
                parts.append(chunk)
                if size > MOST_UNPACKED:
                    raise _fault(ticker, f"at most {MOST_UNPACKED:,} bytes of cells", "more")
            for column, row in _CELL.findall(b"".join(parts)):
                if len(column) > 2 or len(row) > 8 or int(row) > MOST_ROWS:
                    place = (column + row)[:20].decode()
                    raise _fault(ticker, f"at most {MOST_ROWS} rows", f"a cell {place}")


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _table(content: bytes, ticker: str) -> list[list[str]]:
    """Cells of a CSV file, without the spaces around them."""
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"", b"<"}:
        raise _fault(ticker, "a table", "a web page" if content.strip() else "nothing")
    try:
        text = content.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _fault(ticker, "a whole table", f"one that cannot be read ({error})") from error
    if len(rows) > MOST_ROWS:
        raise _fault(ticker, f"at most {MOST_ROWS} rows", f"{len(rows)}")
    return [[cell.strip() for cell in row] for row in rows]


def _header(rows: list[list[str]], wanted: Sequence[str], ticker: str) -> int:
    """The row of the header, the first that has both a name and a ticker."""
    found = next((at for at, row in enumerate(rows) if {"Name", "Ticker"} <= {*row}), None)
    if found is None:
        raise _fault(ticker, f"a header with {', '.join(wanted)}", f"none in {len(rows)} rows")
    if missing := [name for name in wanted if rows[found].count(name) != 1]:
        raise _fault(ticker, f"one column {missing[0]}", ", ".join(rows[found])[:120])
    return found


def _day(text: str, layout: str, ticker: str) -> pd.Timestamp:
    day = pd.to_datetime(text, format=layout, errors="coerce")  # of no text, too
    if not pd.isna(day):
        return day.as_unit("us")
    words = "Its day may not be out yet: fetch again tomorrow. Else look at the file"
    raise _fault(ticker, "the day it speaks of", f"{text[:60]!r}", words)


def _number(text: str) -> float | None:
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _word(cell: Any) -> str:
    return str(cell).strip()


def _fault(ticker: str, wanted: str, found: str, then: str = _LOOK) -> SourceError:
    return SourceError(
        f"The holdings file of {ticker} should have {wanted}; found {found}. {then}."
    )
