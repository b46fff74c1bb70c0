"""FRED-MD: the American economy as each month's vintage of McCracken and Ng shows it.

The table of changes has a row where a vintage first has a value, and one where it has another.
A vintage is named by its month, and not by its day: a value is known when that month is over,
which is up to four weeks after its publisher told it. Vintages before 2015 were put together
later, as of the ends of their months, from what ALFRED and Haver had kept; they are no worse,
but nobody held them in his hands.

What the oldest vintage holds is known by the lag of its series, where that is earlier: a value
of 1959 was told by 1960, in a revision that may be a later one. All its values are of one
revision, so growth between them is right. Between 2021-09 and 2024-08 there is no vintage;
values that 2024-08 is the first to hold are known only then. By their lags they would stand,
in a new base year, beside values in the old one: missing is better than wrong.

An index has the base year of its vintage: that of INDPRO went from 1992 to 2017. A store that
has the older periods from here and newer ones from FRED itself holds two bases as soon as FRED
has another one than the last vintage here, and growth across the join is wrong: compute it
within one source. Rates, percentages and numbers of people have no base.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from regime.data import catalog
from regime.data.declared.fred import IN_UNITS
from regime.data.observations import COLUMNS, gather
from regime.data.series import Series
from regime.exceptions import SourceError

TABLE = "fred_md_vintages"
NAME = "fred_md"
# The publisher's name -> id. It appends an x to what it has changed or put together.
SERIES_OF = {
    **{name: name for name in (
        "INDPRO", "CUMFNS", "UNRATE", "PAYEMS", "HOUST", "PERMIT", "CPIAUCSL", "PCEPI",
        "FEDFUNDS", "M2SL", "BUSLOANS",
    )},
    "UMCSENTx": "UMCSENT",
}  # fmt: skip
_MOST = 1e300  # of a number, so that it is still one in another unit
MOST_ROWS = 1_000_000  # all series in 25 years of vintages are 130,000
_YEARS = ("1800", "2200")
_NEEDED = ["series", "date", "vintage", "value"]


def read(path: Path) -> pd.DataFrame:
    """Observations of the table of changes.

    Parameters
    ----------
    path : Parquet with columns series, date (YYYY-MM-01), vintage (YYYY-MM) and value, in
        levels and in FRED's units

    Returns
    -------
    DataFrame with the columns of `regime.data.observations`, of those series that the
    catalogue has, by series, period and `known_at`. A value that a vintage repeats has no
    further row.

    Raises
    ------
    SourceError
        If the file cannot be read, lacks a column, or has a row that cannot be right.
    """
    table = _table(path)
    _check(path, table)
    table = table[table["series"].isin(list(SERIES_OF))]
    table = table.assign(
        period=_days(table["date"], "%Y-%m-%d") + pd.offsets.MonthEnd(0),
        told=(_days(table["vintage"], "%Y-%m") + pd.offsets.MonthBegin(1)).dt.tz_localize("UTC"),
    ).sort_values(["period", "vintage"], kind="stable")
    parts = [
        _published(catalog.get(identifier), table[table["series"] == name])
        for name, identifier in SERIES_OF.items()
    ]
    return gather([part for part in parts if len(part)])


def _published(series: Series, rows: pd.DataFrame) -> pd.DataFrame:
    same = (rows["period"] == rows["period"].shift()) & (rows["value"] == rows["value"].shift())
    rows = rows[~same]
    periods = pd.DatetimeIndex(rows["period"]).as_unit("us")
    known, by_lag = pd.DatetimeIndex(rows["told"]).as_unit("us"), series.known_at(periods)
    oldest = (rows["vintage"] == rows["vintage"].min()).to_numpy(dtype=bool)
    # To a digit that no publisher writes: 0.1 thousands are 100, not 100.00000000000001.
    values = np.round(rows["value"].to_numpy(dtype=np.float64) * IN_UNITS.get(series.id, 1), 9)
    return pd.DataFrame(
        {"series": series.id, "period": periods,
         "known_at": known.where(~(oldest & (by_lag < known)), by_lag),
         "value": values, "source": NAME},
        columns=COLUMNS,
    )  # fmt: skip


def _table(path: Path) -> pd.DataFrame:
    try:
        file = pq.ParquetFile(path)
        names = list(file.schema_arrow.names)
        if missing := [name for name in _NEEDED if names.count(name) != 1]:
            raise SourceError(
                f"{path.name} needs columns {', '.join(_NEEDED)}, each once, but {missing[0]} is "
                f"not among {', '.join(names[:8])}. Get {path} again."
            )
        if file.metadata.num_rows > MOST_ROWS:
            raise SourceError(
                f"{path.name} has {file.metadata.num_rows:,} rows, and at most {MOST_ROWS:,} are "
                f"read. Get {path} again."
            )
        # What pandas noted of its own columns is not needed, and may be damaged.
        plain = file.read(columns=_NEEDED, use_threads=False).replace_schema_metadata(None)
        plain.validate(full=True)  # else text that is no UTF-8 is found wherever it is looked at
        table: pd.DataFrame = plain.to_pandas(use_threads=False)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceError(
            f"{path.name} cannot be read as Parquet: {words.rstrip('.')}. Get {path} again."
        ) from error
    return table.astype(dict.fromkeys(_NEEDED[:3], "str"))


def _check(path: Path, table: pd.DataFrame) -> None:
    """Refuse a row that cannot be right, in words that name it."""
    date, vintage = table["date"], table["vintage"]
    value = pd.to_numeric(table["value"], errors="coerce").to_numpy(dtype=np.float64)
    faults = {
        "the date is no first day of a month, YYYY-MM-01": ~(
            date.str.fullmatch(r"\d{4}-\d{2}-01") & _days(date, "%Y-%m-%d").notna()
        ),
        "the vintage is no month, YYYY-MM": ~(
            vintage.str.fullmatch(r"\d{4}-\d{2}") & _days(vintage, "%Y-%m").notna()
        ),
        "the year is none that can be": ~(
            date.str[:4].between(*_YEARS) & vintage.str[:4].between(*_YEARS)
        ),
        "the month is after the vintage": date.str[:7] > vintage,
        "the value is no finite number": ~(np.abs(value) < _MOST),
        "series, date and vintage are there twice": table.duplicated(_NEEDED[:3]),
    }
    for words, rows in faults.items():
        if (at := np.flatnonzero(np.asarray(rows, dtype=bool))).size:
            row = ", ".join(str(cell) for cell in table.iloc[at[0]])
            raise SourceError(
                f"{path.name}, row {at[0] + 1} ({row}): {words}. Mend it, or get {path} again."
            )


def _days(text: "pd.Series[str]", layout: str) -> "pd.Series[pd.Timestamp]":
    return pd.to_datetime(text, format=layout, errors="coerce")
