"""One wide table of a file: the text of its cells, and where each row stands.

Text, because a fault is shown as it is written in the file, and because CSV and Parquet
then pass the same checks.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from regime.exceptions import SourceError

MOST_ROWS = 500_000  # a day since 1926 in each of 20 revisions
MOST_UNPACKED = 1024**3  # bytes; sixty years of a thousand daily series have a quarter of it
SUFFIXES = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True, slots=True)
class Table:
    """The wanted part of a file.

    Attributes
    ----------
    header : every column of the file
    cells : for `date` and each wanted column there is, one text per row; "" where empty
    places : for each row, the line of a CSV (from 1, the header's) or the row of a Parquet
    """

    path: Path
    header: list[str]
    cells: dict[str, list[str]]
    places: list[str]


def stem(name: str) -> str | None:
    """File name without the suffix of a table; None if it is no table, or hidden."""
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix) and not name.startswith("."):
            return name[: -len(suffix)]
    return None


def read_table(path: Path, wanted: Sequence[str]) -> Table:
    """Read `date` and those of the wanted columns that the file has.

    Raises
    ------
    SourceError
        If the file cannot be read, is no whole table of its kind, has no rows, or has
        no `date` or a wanted column twice.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path.name} cannot be read: {error.strerror}. Make {path} readable for you."
        ) from error
    if not raw.strip():
        raise SourceError(f"{path.name} is empty. Get {path} again.")
    if raw.lstrip()[:1] == b"<":
        raise SourceError(
            f"{path.name} is a web page, not a table: a download gone wrong. Get {path} again."
        )
    read = _read_parquet if path.name.lower().endswith(".parquet") else _read_csv
    table = read(path, raw, ["date", *wanted])
    if not table.places:
        raise SourceError(f"{path.name} has a header, but no rows. Get {path} again.")
    return table


def _read_csv(path: Path, raw: bytes, wanted: Sequence[str]) -> Table:
    # Not pandas: it fills up rows that are cut short, and does not count blank lines.
    content = _unpacked(path, raw) if path.name.lower().endswith(".gz") else raw
    _check_rows(path, content.count(b"\n"))
    _check_text(path, content)
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    reader = csv.reader(text, strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise SourceError(
            f"{path.name}, line {reader.line_num}: this is no CSV, {error}. Mend it in {path}."
        ) from error
    header = [name.strip() for name in rows[0][1]] if rows else []
    _check_header(path, header, wanted)
    for line, row in rows:
        if len(row) != len(header):
            raise SourceError(
                f"{path.name}, line {line}: {len(row)} cells under {len(header)} columns. If the "
                f"file was cut short, get {path} again; if a cell holds a comma, quote the cell."
            )
    at = {name: header.index(name) for name in wanted if name in header}
    cells = {name: [row[column].strip() for _, row in rows[1:]] for name, column in at.items()}
    return Table(path, header, cells, [f"line {line}" for line, _ in rows[1:]])


def _unpacked(path: Path, raw: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(raw)) as file:
            content = file.read(MOST_UNPACKED + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{path.name} is no whole gzip: {error}. Get {path} again.") from error
    if len(content) > MOST_UNPACKED:
        raise SourceError(
            f"{path.name} unpacks to more than {MOST_UNPACKED:,} bytes, and no table here is that "
            f"large. Unpack and split {path} if it is what you want."
        )
    return content


def _check_rows(path: Path, rows: int) -> None:
    if rows > MOST_ROWS:
        raise SourceError(
            f"{path.name} has {rows:,} rows, and at most {MOST_ROWS:,} are read. Get {path} again, "
            f"or split it."
        )


def _check_text(path: Path, raw: bytes) -> None:
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"{path.name}, line {line}: this is no UTF-8 text. Save {path} as UTF-8."
        ) from error


def _read_parquet(path: Path, raw: bytes, wanted: Sequence[str]) -> Table:
    try:
        file = pq.ParquetFile(pa.BufferReader(raw))
        header = list(file.schema_arrow.names)
        _check_header(path, header, wanted)
        _check_rows(path, file.metadata.num_rows)
        columns = file.read([name for name in wanted if name in header], use_threads=False)
        cells = {
            name: ["" if cell is None else str(cell) for cell in columns[name].to_pylist()]
            for name in columns.column_names
        }
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        words = (str(error).splitlines() or [type(error).__name__])[0]
        raise SourceError(f"{path.name} is no whole Parquet: {words} Get {path} again.") from error
    return Table(path, header, cells, [f"row {row}" for row in range(1, columns.num_rows + 1)])


def _check_header(path: Path, header: list[str], wanted: Sequence[str]) -> None:
    if "date" not in header:
        shown = ", ".join(header[:10]) + (", ..." if len(header) > 10 else "")
        raise SourceError(
            f"{path.name} has no column `date`, only {shown}. Call the column of days `date`."
        )
    if twice := [name for name in wanted if header.count(name) > 1]:
        raise SourceError(
            f"{path.name} has more than one column {twice[0]}. Keep only one of them in {path}."
        )
