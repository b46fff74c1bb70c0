"""The layout of the Kenneth R. French data library: files of several tables.

A file is prose, then tables: lines of title, a header that begins with a comma, and rows
that begin with a day, a month or a year. Returns are in percent; -99.99 and -999 are
missing values. What is relied on is checked, for a table that moved by one column would
look as right as before.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from regime.data.sources.live import AGAIN
from regime.exceptions import SourceError

FOLDER = "/pages/faculty/ken.french/ftp/"
DAY, MONTH = "%Y%m%d", "%Y%m"  # how a table dates its rows
_DIGITS = {DAY: 8, MONTH: 6}
_RHYTHM = {DAY: "daily", MONTH: "monthly"}
MOST_LINES = 500_000  # ten times those of the longest file
LONGEST_LINE = 10_000  # letters
_MISSING = (-99.99, -999.0)

_ROW = re.compile(r"\s*\d{4,8}\s*(,|$)")
_NUMBERS = re.compile(r"[-\d.,\s]*")
_NUMBER = re.compile(r"\s*-?(\d+\.?\d*|\.\d+)\s*")
_INSIDE = {*",-.0123456789"}  # begins no line that may stand right below a header or a row
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Table:
    """A table wanted from a file.

    Attributes
    ----------
    title : pattern of the whole title, small letters without blanks
    dated : DAY or MONTH
    columns : as the header names them; case and blanks do not matter
    series : for each column, the catalogue id it goes to, or a name that derivations use,
        or None if it is not taken
    percent : whether numbers are percent, handed on as decimals
    """

    title: str
    dated: str
    columns: Sequence[str]
    series: Sequence[str | None]
    percent: bool = True


@dataclass(frozen=True, slots=True)
class File:
    """A file of the library: `name`_CSV.zip."""

    name: str
    tables: Sequence[Table]
    derived: Sequence[str] = ()  # catalogue ids computed from the columns, see `derive`

    @property
    def path(self) -> str:
        """Of the archive, on the host."""
        return f"{FOLDER}{self.name}_CSV.zip"


@dataclass(slots=True)
class _Block:
    """One table as it stands in the text; `lines` are the numbers of its rows."""

    title: str
    columns: list[str]
    header: int
    rows: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


def parse(text: str, file: File) -> pd.DataFrame:
    """Columns of one file by series name.

    Returns
    -------
    DataFrame indexed by period (the day, or the last day of the month)
        Returns as decimals, all else in units of the file; NaN where missing. The
        wanted tables of a file have the same rows.

    Raises
    ------
    SourceError
        If a wanted table is absent, there twice, or has other columns; if its rows are
        out of order, twice, left out (months), cut off or of another length than their
        header; if a number is none; if the tables have different rows. Names the file,
        the line and what stands there.
    """
    if text.lstrip()[:1] == "<":
        raise fault(file, "needed tables, found a web page", line=1)
    if (lines := text.count("\n")) > MOST_LINES:
        raise fault(file, f"needed at most {MOST_LINES:,} lines, found {lines:,}")
    blocks = _blocks(text, file)
    frames = [_columns(_find(blocks, table, file), table, file) for table in file.tables]
    for frame, table in zip(frames, file.tables, strict=True):
        if not frame.index.equals(frames[0].index):
            raise fault(
                file,
                f"needed tables of the same rows, found {_span(frames[0])} in the first and "
                f"{_span(frame)} in the one with {frame.columns[0]} ({_RHYTHM[table.dated]})",
            )
    return pd.concat(frames, axis=1)


def decoded(content: bytes, file: File) -> str:
    """UTF-8, else Latin-1, in which older files have their copyright sign."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if odd := _CONTROL.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        raise fault(file, f"needed text, found the byte {ord(odd[0])}", line=line)
    return text


def _blocks(text: str, file: File) -> list[_Block]:
    """The tables of a file; what is neither title nor table is passed over."""
    blocks: list[_Block] = []
    title: list[str] = []
    current: _Block | None = None
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            raise fault(file, f"needed lines, found one of {len(line):,} letters", line=number)
        if _ROW.match(line):
            if current is None and not _NUMBERS.fullmatch(line):
                continue  # prose that happens to begin with a year
            if current is None:
                raise fault(file, f"found a row without a header: {_short(line)}", line=number)
            if line.count(",") != len(current.columns):
                raise fault(
                    file,
                    f"needed {len(current.columns)} values, as in the header of line "
                    f"{current.header}, found {line.count(',')}: {_short(line)}",
                    line=number,
                )
            current.rows.append(line)
            current.lines.append(number)
        elif current is not None and line.lstrip()[:1] in _INSIDE:
            raise fault(file, f"needed a row, found {_short(line)}", line=number)
        elif line.lstrip().startswith(","):
            names = [_plain(name) for name in line.split(",")[1:]]
            current = _Block("".join("".join(title).lower().split()), names, number)
            blocks.append(current)
            title = []
        elif line.strip():
            current = None
            title.append(line)
        else:
            current, title = None, []
    if _ROW.match(lines[-1]):
        raise fault(file, f"the file ends within a row: {_short(lines[-1])}", line=len(lines))
    return blocks


def _find(blocks: list[_Block], table: Table, file: File) -> _Block:
    """The block that a table is; its header is what it should be."""
    digits = _DIGITS[table.dated]
    found = [block for block in blocks if re.fullmatch(table.title, block.title)]
    if len(found) != 1:
        titles = "; ".join(repr(block.title[:60]) for block in blocks) or "no table"
        raise fault(
            file,
            f"needed one {_RHYTHM[table.dated]} table titled {table.title[:60]!r} (a pattern), "
            f"found {len(found)} among {titles}",
        )
    (block,) = found
    wanted = [_plain(name) for name in table.columns]
    if block.columns != wanted:
        pairs = zip([*wanted, "the end"], [*block.columns, "the end"], strict=False)
        expected, there = next(pair for pair in pairs if pair[0] != pair[1])
        raise fault(file, f"needed the column {expected!r}, found {there!r}", line=block.header)
    if not block.rows:
        raise fault(file, "needed rows below this header, found none", line=block.header)
    for row, number in zip(block.rows, block.lines, strict=True):
        if len(row.split(",", 1)[0].strip()) != digits:
            raise fault(
                file,
                f"needed a {_RHYTHM[table.dated]} row, dated in {digits} digits, found "
                f"{_short(row)}",
                line=number,
            )
    return block


def _columns(block: _Block, table: Table, file: File) -> pd.DataFrame:
    cells = np.array([row.split(",") for row in block.rows])
    values = _numbers(cells[:, 1:], block, file)
    values[np.isin(values, _MISSING)] = np.nan
    if table.percent:
        values = np.round(values / 100, 10)  # the number a decimal would have been read as
    periods = _periods(cells[:, 0], block, table, file)
    taken = [place for place, name in enumerate(table.series) if name is not None]
    return pd.DataFrame(
        values[:, taken], index=periods, columns=[table.series[place] for place in taken]
    )


def _numbers(cells: np.ndarray, block: _Block, file: File) -> np.ndarray:
    if _NUMBERS.fullmatch("".join(block.rows)):
        try:
            values: np.ndarray = cells.astype(np.float64)
            if np.isfinite(values).all():
                return values
        except ValueError:
            pass  # said below, with its place
    for row, number in zip(cells, block.lines, strict=True):
        for cell, column in zip(row, block.columns, strict=True):
            if not _NUMBER.fullmatch(cell) or np.isinf(float(cell)):
                raise fault(
                    file, f"needed a number for {column!r}, found {_short(cell)}", line=number
                )
    raise fault(file, "needed numbers, found something else", line=block.header)


def _periods(cells: np.ndarray, block: _Block, table: Table, file: File) -> pd.DatetimeIndex:
    """Periods of the rows: dates, in order, each once; months without a gap."""
    days = pd.DatetimeIndex(
        pd.to_datetime(np.char.strip(cells), format=table.dated, errors="coerce")
    ).as_unit("us")
    order = np.ones(len(days), dtype=bool)
    words = "a later day than in the row before"
    if table.dated == MONTH:
        count = days.year.to_numpy() * 12 + days.month.to_numpy()
        order[1:] = np.diff(count) == 1
        words = "the month after the one in the row before"
        days = (days + pd.offsets.MonthEnd(0)).as_unit("us")
    else:
        order[1:] = days[1:] > days[:-1]
    for right, needed in ((days.notna(), "a date"), (order, words)):
        if not right.all():
            row = int(np.argmin(right))
            raise fault(file, f"needed {needed}, found {_short(cells[row])}", line=block.lines[row])
    return days


def _plain(name: str) -> str:
    return " ".join(name.lower().split())


def _short(text: str) -> str:
    """What stands there, as one short quoted piece."""
    shown = " ".join(str(text).split())
    return repr(shown if len(shown) <= 40 else f"{shown[:40]}...")


def _span(frame: pd.DataFrame) -> str:
    return f"{len(frame)} rows, {frame.index[0]:%Y-%m-%d} to {frame.index[-1]:%Y-%m-%d},"


def fault(file: File, words: str, *, line: int | None = None) -> SourceError:
    """What is wrong with a file, to be raised; `words` say what was needed and found."""
    place = "" if line is None else f", line {line}"
    return SourceError(f"{file.name}_CSV.zip{place}: {words}. {AGAIN}")
