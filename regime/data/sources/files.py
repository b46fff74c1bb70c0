"""A folder of wide tables (CSV, gzipped CSV or Parquet) as observations.

Each table has a `date` column, YYYY-MM-DD or timestamps, and one column per series. The
catalogue says in which table and column a series is looked for; nothing else is opened.
Empty cells, `.` and `NA` are missing values. Whatever else is odd is an error that names
the file, the column and the first row at fault: a wrong number would be stored for good.

A table may have a column `known_at`: when the values of the row were published, as a
timestamp with its time zone (2024-02-15T08:30-05:00, or ending in Z), or as a date, which
means that they were known when that day was over in New York (the next day at 00:00 UTC).
Where it is empty they were known by the publication lags of their series. A period may then
have several rows, one for each revision, sorted by date and `known_at`, empty ones first. No
moment may lie in the future, before the period, or, for daily returns and prices, before the
close of the day.

`fred_md_vintages.parquet` is no wide table, but the changes of FRED-MD from vintage to
vintage (`regime.data.sources.fred_md`). Of a series that it has, the other tables add only
the periods after its last: they know no vintages, and may have another base year. The two years
before are told again with the first of them, so that growth is never across two bases.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from regime.data import catalog
from regime.data.calendar import FIRST_DAY, trading_days
from regime.data.catalog import Frequency, Series, Unit
from regime.data.observations import from_values, gather, period_ends
from regime.data.sources import fred_md
from regime.data.sources.tables import SUFFIXES, Table, read_table, stem
from regime.exceptions import SourceError

SOURCE = "files"
KNOWN_AT = "known_at"
CHANGES = f"{fred_md.TABLE}.parquet"
MISSING = frozenset({"", ".", "NA", "N/A", "#N/A", "null"})  # and nan, which is a number
MOST_PROBLEMS = 5  # told at once
_EARLIEST_DAY = FIRST_DAY + pd.Timedelta(days=1)  # a session; before it no close is known
_EARLIEST_MONTH = pd.Timestamp("1800-01-31")  # stock prices by month reach back to 1871
_PRINTS_BEFORE = 24  # of a series with vintages, told again on the base of what comes after
_OF_A_CLOSE = {Unit.RETURN, Unit.INDEX, Unit.PRICE}
_DAY = r"\d{4}-\d{2}-\d{2}"
_MOMENT = _DAY + r"[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}(?::?\d{2})?)"
_ISO_DAY = r"^(\d{4}-\d{2}(?:-\d{2})?)(?:[T ]\d{2}:.*)?$"
_ENDINGS = " or ".join((", ".join(SUFFIXES[:-1]), SUFFIXES[-1]))


@dataclass(frozen=True, slots=True, eq=False)
class FolderRead:
    """What a folder held.

    Attributes
    ----------
    observations : DataFrame of shape (n_observations, n_columns)
        The columns of `regime.data.observations`, in the catalogue's units.
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
        Daily periods are the days as dated, weekly ones the Fridays of their weeks, monthly
        ones the ends of their months; each is known by the publication lag of its series,
        if its row does not say when. Missing values are left out.

    Raises
    ------
    SourceError
        If the folder or one of its known tables cannot be read, if a date or a value
        cannot be right, or if no alternative is complete. Tells up to five problems,
        one per line.
    """
    paths, changes, unread = _tables_in(folder)
    unknown: dict[str, list[str]] = {}
    parts: dict[str, pd.DataFrame] = {}
    problems: list[str] = []
    for name, path in paths.items():
        series = catalog.tables()[name]
        columns = [one.column for one in series]
        try:
            table = read_table(path, [KNOWN_AT, *columns])
            told = _told(table)
            frequencies = {one.frequency for one in series}
            periods = {frequency: _periods(table, frequency, told) for frequency in frequencies}
        except SourceError as error:
            problems.append(str(error))
            continue
        known = {"date", KNOWN_AT, *columns}
        if others := [column for column in table.header if column not in known]:
            unknown[path.name] = others
        for one in (one for one in series if one.column in table.header):
            try:
                values = _values(table, one, periods[one.frequency], told)
                parts[one.id] = from_values(one, values, SOURCE, known_at=told)
            except SourceError as error:
                problems.append(str(error))
    vintages = gather([])
    if changes is not None:
        try:
            vintages = fred_md.read(changes)
        except SourceError as error:
            problems.append(str(error))
    _raise_together(problems)
    return FolderRead(
        observations=gather([*_beyond(vintages, parts), vintages]),
        unknown_columns=unknown,
        unread_files=unread,
        absent=[identifier for identifier in catalog.MODELLED if identifier not in parts],
        warnings=_check_required(folder, required, parts) + _empty_columns(parts),
    )


def _beyond(vintages: pd.DataFrame, parts: dict[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """Of each series with vintages, the rows of periods after the last of them, and the two years
    before as they look by then: growth across that day is told on one base.
    """
    last = vintages.groupby("series", observed=True)["period"].max()
    found = []
    for identifier, part in parts.items():
        if identifier not in last.index:
            found.append(part)
            continue
        after = part[part["period"] > last[identifier]]
        before = part[part["period"] <= last[identifier]].tail(_PRINTS_BEFORE if len(after) else 0)
        found += [before.assign(known_at=after["known_at"].min()), after]
    return found


def _tables_in(folder: Path) -> tuple[dict[str, Path], Path | None, list[str]]:
    """Path of each table that the catalogue knows, of the changes of FRED-MD, and names of
    the other tables.
    """
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
    changes = next((path for path in files if path.name == CHANGES), None)
    if not paths and changes is None:
        shown = ", ".join(path.name for path in files[:10]) or "nothing: it is empty"
        raise SourceError(
            f"The folder {folder} holds no table that the catalogue knows. Looked for "
            f"{', '.join(known)}, each as {_ENDINGS}; found {shown}. Give another folder, or "
            f"name the files so."
        )
    others = [path for path in files if path != changes]
    return paths, changes, [path.name for path in others if stem(path.name) not in {None, *paths}]


def _told(table: Table) -> pd.DatetimeIndex | None:
    """When each row was published, NaT where it does not say; None if no row does."""
    if KNOWN_AT not in table.cells:
        return None
    cells = pd.Series(table.cells[KNOWN_AT], dtype="str")
    is_day = cells.str.fullmatch(_DAY).to_numpy()
    text = cells.where(cells.str.fullmatch(_MOMENT) | is_day)
    moments = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    # The store counts whole seconds; nothing may be known earlier than it was.
    told = pd.DatetimeIndex(moments).as_unit("us").ceil("s")
    faults = {
        "is no moment. Write YYYY-MM-DD, or YYYY-MM-DDTHH:MM with Z or another time zone": (
            told.isna() & ~cells.isin(MISSING).to_numpy()
        ),
        "is in the future. Mend it, or the clock of this computer": told > pd.Timestamp.now("UTC"),
    }
    if fault := _first(faults):
        row, words = fault
        raise SourceError(
            f"{table.path.name}, column {KNOWN_AT}, {table.places[row]}: "
            f"{_quoted(cells[row])} {words}."
        )
    return told.where(~is_day, told + pd.Timedelta(days=1))


def _periods(table: Table, frequency: Frequency, told: pd.DatetimeIndex | None) -> pd.DatetimeIndex:
    """Days of the rows, or ends of their months: in order, in the past, and each once, or once
    for each moment at which it was told.
    """
    days = pd.Series(table.cells["date"], dtype="str").str.extract(_ISO_DAY)[0]
    dates = pd.DatetimeIndex(pd.to_datetime(days, format="ISO8601", errors="coerce")).as_unit("us")
    latest = pd.Timestamp.now("UTC").tz_localize(None).normalize()
    earliest, rhythm = _EARLIEST_DAY, "day"
    if frequency is Frequency.MONTHLY:
        dates = (dates + pd.offsets.MonthEnd(0)).as_unit("us")
        latest += pd.offsets.MonthEnd(0)  # the month that is running may have a row
        earliest, rhythm = _EARLIEST_MONTH, "month"
    behind, twice = np.r_[False, dates[1:] < dates[:-1]], dates.duplicated()
    if told is not None:
        since = told.fillna(pd.Timestamp(0, tz="UTC"))  # by lag, so first
        behind |= np.r_[False, (dates[1:] == dates[:-1]) & (since[1:] < since[:-1])]
        twice = pd.MultiIndex.from_arrays([dates, since]).duplicated()
    faults = {
        "is no date. Write dates as YYYY-MM-DD": dates.isna(),
        f"is before {earliest:%Y-%m-%d}. Mend the date": dates < earliest,
        "is in the future. Mend the date, or the clock of this computer": dates > latest,
        f"gives a {rhythm} a second row. Keep one row a {rhythm}": twice,
        "stands below a later date. Sort the rows, oldest first": behind,
    }
    if fault := _first(faults):
        row, words = fault
        raise SourceError(
            f"{table.path.name}, column date, {table.places[row]}: "
            f"{_quoted(table.cells['date'][row])} {words}."
        )
    return dates


def _values(
    table: Table, series: Series, periods: pd.DatetimeIndex, told: pd.DatetimeIndex | None
) -> "pd.Series[float]":
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
        newest = ~periods.duplicated(keep="last")
        slips = np.zeros(len(values), dtype=bool)
        slips[newest] = _spikes(values[newest])
        faults["is a slip: more than half away from the rows around it. Mend it"] = slips
    if series.max_age == 0:
        sessions = trading_days(periods.min(), periods.max())
        faults["is not on a trading day of New York. Remove the row"] = ~(
            periods.isin(sessions) | np.isnan(values)
        )
    if series.frequency is Frequency.WEEKLY:
        faults["gives a week, Sunday to Saturday, a second value. Keep one"] = _again(
            period_ends(series, periods), periods, values
        )
    if told is not None:
        faults |= _untimely(series, periods, told, values)
    if fault := _first(faults):
        row, words = fault
        raise SourceError(
            f"{table.path.name}, column {series.column}, {table.places[row]} "
            f"({periods[row]:%Y-%m-%d}): {_quoted(cells[row])} {words}."
        )
    return pd.Series(values, index=periods)


def _again(weeks: pd.DatetimeIndex, days: pd.DatetimeIndex, values: np.ndarray) -> np.ndarray:
    """Values of a week that has one already, of another of its days."""
    again = np.zeros(len(values), dtype=bool)
    there = np.flatnonzero(~np.isnan(values))
    weeks, days = weeks[there], days[there]
    again[there[1:]] = (weeks[1:] == weeks[:-1]) & (days[1:] != days[:-1])
    return again


def _untimely(
    series: Series, periods: pd.DatetimeIndex, told: pd.DatetimeIndex, values: np.ndarray
) -> dict[str, np.ndarray]:
    """Rows known before they could be, and those not known later than the row above."""
    there, ends = ~np.isnan(values), period_ends(series, periods)
    begins = {
        Frequency.WEEKLY: ends - pd.Timedelta(days=5),
        Frequency.MONTHLY: ends - pd.offsets.MonthBegin(1),
    }.get(series.frequency, ends)
    # Dividends and splits are announced before their day.
    early = (told < begins.tz_localize("UTC")) & (series.frequency is not Frequency.EVENT)
    faults = {f"has a {KNOWN_AT} before its period. Mend it": early & there}
    if series.frequency is Frequency.DAILY and series.unit in _OF_A_CLOSE:
        before_close = told < replace(series, lag=0).known_at(periods)
        faults[f"has a {KNOWN_AT} before the close of its day. Mend it"] = before_close & there
    known, ends = told.where(told.notna(), series.known_at(ends))[there], ends[there]
    late = np.zeros(len(values), dtype=bool)
    late[np.flatnonzero(there)[1:]] = (ends[1:] == ends[:-1]) & (known[1:] <= known[:-1])
    faults[
        f"is known no later than the row above, which has no {KNOWN_AT} and so the lag of its "
        f"series, {series.lag} days. Fill it in"
    ] = late
    return faults


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


def _quoted(cell: str) -> str:
    """A cell as a message shows it: its beginning, if it is beyond all size."""
    return repr(cell if len(cell) <= 60 else f"{cell[:60]}...")


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
