"""A folder of wide tables (CSV, gzipped CSV or Parquet) as observations.

Each table has a `date` column, YYYY-MM-DD or timestamps, and one column per series. The
catalogue says in which table and column a series is looked for; nothing else is opened.
Empty cells, `.` and `NA` are missing values. Whatever else is odd is an error that names
the file, the column and the first row at fault: a wrong number would be stored for good.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from regime.data import catalog
from regime.data.calendar import FIRST_DAY, trading_days
from regime.data.catalog import Frequency, Series, Unit
from regime.data.observations import from_values, gather
from regime.data.sources.tables import SUFFIXES, Table, read_table, stem
from regime.exceptions import SourceError

SOURCE = "files"
MISSING = frozenset({"", ".", "NA", "N/A", "#N/A", "null"})  # and nan, which is a number
MOST_PROBLEMS = 5  # told at once
_EARLIEST_DAY = FIRST_DAY + pd.Timedelta(days=1)  # a session; before it no close is known
_EARLIEST_MONTH = pd.Timestamp("1800-01-31")  # stock prices by month reach back to 1871
_ISO_DAY = r"^(\d{4}-\d{2}(?:-\d{2})?)(?:[T ]\d{2}:.*)?$"
_ENDINGS = " or ".join((", ".join(SUFFIXES[:-1]), SUFFIXES[-1]))


@dataclass(frozen=True, slots=True, eq=False)
class FolderRead:
    """What a folder held.

    Attributes
    ----------
    observations : DataFrame with the columns of `regime.data.observations`
    unknown_columns : by file name, the columns that the catalogue does not know
    unread_files : names of the tables that the catalogue does not know
    absent : ids of the panel's series without a column
    warnings : sentences on what is there only in part
    """

    observations: pd.DataFrame
    unknown_columns: dict[str, list[str]]
    unread_files: list[str]
    absent: list[str]
    warnings: list[str]


def fetch(folder: Path, required: Sequence[Sequence[str]]) -> FolderRead:
    """Read every series of the catalogue that the folder holds.

    Parameters
    ----------
    required : alternatives, each a sequence of catalogue ids
        At least one of them must be there with every series.

    Returns
    -------
    FolderRead
        Daily periods are the days as dated, monthly ones the ends of their months; each
        is known by the publication lag of its series. Missing values are left out.

    Raises
    ------
    SourceError
        If the folder or one of its known tables cannot be read, if a date or a value
        cannot be right, or if no alternative is complete. Tells up to five problems,
        one per line.
    """
    paths, unread = _tables_in(folder)
    unknown: dict[str, list[str]] = {}
    read: dict[str, pd.Series[float]] = {}
    problems: list[str] = []
    for name, path in paths.items():
        series = catalog.tables()[name]
        columns = [one.column for one in series]
        try:
            table = read_table(path, columns)
            frequencies = {one.frequency for one in series}
            periods = {frequency: _periods(table, frequency) for frequency in frequencies}
        except SourceError as error:
            problems.append(str(error))
            continue
        if others := [column for column in table.header if column not in {"date", *columns}]:
            unknown[path.name] = others
        for one in (one for one in series if one.column in table.header):
            try:
                read[one.id] = _values(table, one, periods[one.frequency])
            except SourceError as error:
                problems.append(str(error))
    _raise_together(problems)
    parts = {
        identifier: from_values(catalog.get(identifier), values, SOURCE)
        for identifier, values in read.items()
    }
    return FolderRead(
        observations=gather(list(parts.values())),
        unknown_columns=unknown,
        unread_files=unread,
        absent=[identifier for identifier in catalog.MODELLED if identifier not in parts],
        warnings=_check_required(folder, required, parts) + _empty_columns(parts),
    )


def _tables_in(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Path of each table that the catalogue knows, and names of the other tables."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise SourceError(
            f"The folder {folder} cannot be read: {error.strerror}. Give a folder of tables: "
            f"`regime fetch --source files --path DIR`."
        ) from error
    known = catalog.tables()
    paths: dict[str, Path] = {}
    for path in files:
        name = stem(path.name)
        if name in paths:
            raise SourceError(
                f"The table {name} is there twice, as {paths[name].name} and {path.name}. Keep "
                f"the right one and remove the other from {folder}."
            )
        if name in known:
            paths[name] = path
    if not paths:
        shown = ", ".join(path.name for path in files[:10]) or "nothing: it is empty"
        raise SourceError(
            f"The folder {folder} holds no table that the catalogue knows. Looked for "
            f"{', '.join(known)}, each as {_ENDINGS}; found {shown}. Give another folder, or "
            f"name the files so."
        )
    return paths, [path.name for path in files if stem(path.name) not in {None, *paths}]


def _periods(table: Table, frequency: Frequency) -> pd.DatetimeIndex:
    """Days of the rows, or ends of their months: each once, in order, in the past."""
    days = pd.Series(table.cells["date"], dtype="str").str.extract(_ISO_DAY)[0]
    dates = pd.DatetimeIndex(pd.to_datetime(days, format="ISO8601", errors="coerce")).as_unit("us")
    latest = pd.Timestamp.now("UTC").tz_localize(None).normalize()
    earliest, rhythm = _EARLIEST_DAY, "day"
    if frequency is Frequency.MONTHLY:
        dates = (dates + pd.offsets.MonthEnd(0)).as_unit("us")
        latest += pd.offsets.MonthEnd(0)  # the month that is running may have a row
        earliest, rhythm = _EARLIEST_MONTH, "month"
    behind = np.r_[False, dates[1:] < dates[:-1]]
    faults = {
        "is no date. Write dates as YYYY-MM-DD": dates.isna(),
        f"is before {earliest:%Y-%m-%d}. Mend the date": dates < earliest,
        "is in the future. Mend the date, or the clock of this computer": dates > latest,
        f"gives a {rhythm} a second row. Keep one row a {rhythm}": dates.duplicated(),
        "stands below a later date. Sort the rows, oldest first": behind,
    }
    if fault := _first(faults):
        row, words = fault
        raise SourceError(
            f"{table.path.name}, column date, {table.places[row]}: "
            f"{table.cells['date'][row]!r} {words}."
        )
    return dates


def _values(table: Table, series: Series, periods: pd.DatetimeIndex) -> "pd.Series[float]":
    """Numbers of one column, NaN where missing, none of them impossible."""
    cells = table.cells[series.column]
    numbers = [_number(cell) for cell in cells]
    values = np.array(numbers, dtype=np.float64)
    faults = {
        "is no number. Mend it, or leave the cell empty": np.array([n is None for n in numbers]),
        "is not finite. Leave the cell empty if the value is missing": np.isinf(values),
    }
    if series.positive:
        faults[f"cannot be: {series.unit} is above zero. Mend it"] = values <= 0
    if series.unit is Unit.RETURN:
        faults["cannot be: a return is above -1, and 0.01 is one percent. Mend it"] = values <= -1
        if series.frequency is Frequency.DAILY:
            faults["cannot be: no such basket doubled in a day. Mend it"] = values >= 1
    if series.unit is Unit.INDEX:
        faults["is a slip: more than half away from the rows around it. Mend it"] = _spikes(values)
    if series.max_age == 0:
        sessions = trading_days(periods.min(), periods.max())
        faults["is not on a trading day of New York. Remove the row"] = ~(
            periods.isin(sessions) | np.isnan(values)
        )
    if fault := _first(faults):
        row, words = fault
        raise SourceError(
            f"{table.path.name}, column {series.column}, {table.places[row]} "
            f"({periods[row]:%Y-%m-%d}): {cells[row]!r} {words}."
        )
    return pd.Series(values, index=periods)


def _number(cell: str) -> float | None:
    """The number written there, NaN if none is, None if something else is."""
    try:
        # Python reads 1_000 as a thousand; a table that says so means something else.
        return np.nan if cell in MISSING else float(cell.replace("_", "?"))
    except ValueError:
        return None


def _spikes(values: np.ndarray) -> np.ndarray:
    """Rows half away from both neighbours, in the same direction; missing ones are skipped."""
    known = np.flatnonzero(np.isfinite(values) & (values > 0))
    move = np.diff(np.log(values[known]), prepend=np.nan, append=np.nan)
    into, out_of = move[:-1], -move[1:]
    spikes = np.zeros(len(values), dtype=bool)
    spikes[known] = (np.minimum(np.abs(into), np.abs(out_of)) > np.log(1.5)) & (
        np.sign(into) == np.sign(out_of)
    )
    return spikes


def _first(faults: dict[str, np.ndarray]) -> tuple[int, str] | None:
    """First row with the first of these faults that there is, and the fault."""
    found = ((int(rows.argmax()), words) for words, rows in faults.items() if rows.any())
    return next(found, None)


def _raise_together(problems: list[str]) -> None:
    if problems:
        more = len(problems) - MOST_PROBLEMS
        rest = [f"And {more} more."] if more > 0 else []
        raise SourceError("\n".join(problems[:MOST_PROBLEMS] + rest))


def _check_required(
    folder: Path, required: Sequence[Sequence[str]], parts: dict[str, pd.DataFrame]
) -> list[str]:
    """Warnings on alternatives there in part, if another one is complete."""
    filled = {identifier for identifier, part in parts.items() if len(part)}
    lacking = {tuple(ids): [name for name in ids if name not in filled] for ids in required}
    if required and all(lacking.values()):
        looked_for = "; or for ".join(catalog.describe_location(ids) for ids in required)
        missing = "; or ".join(", ".join(names) for names in lacking.values())
        found = ", ".join(name for ids in required for name in ids if name in filled)
        raise SourceError(
            f"The folder {folder} holds no complete set of baskets. Looked for {looked_for}. "
            f"Found {found or 'none of these'}; missing: {missing}. Add the missing columns."
        )
    return [
        f"{', '.join(name for name in ids if name in filled)} cannot be used as baskets without "
        f"{', '.join(names)}: add {catalog.describe_location(names)}."
        for ids, names in lacking.items()
        if names and len(names) < len(ids)
    ]


def _empty_columns(parts: dict[str, pd.DataFrame]) -> list[str]:
    return [
        f"There is no value in {catalog.describe_location([identifier])}."
        for identifier, part in parts.items()
        if part.empty
    ]
