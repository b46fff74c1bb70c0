"""Observations with two dates, kept in SQLite: what was said, and since when it was known.

Rows are only ever added; triggers in the database hold to it. A value that changes comes
as a further row, known since the fetch that brought it, so a read `as_of` some moment
shows each period in the revision known then, whatever is fetched later. A period stored
for the first time counts from the `known_at` it came with, even where that lies before
the fetch: a first import would else know nothing of the past.

Dates are integers inside the database, because a panel of a million rows is read at
once: `period` in days since 1970-01-01, `known_at` and `fetched_at` in seconds since
1970-01-01 UTC, rounded up so that nothing is known early. Values are float64 to the
bit, except that SQLite keeps minus zero as zero.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from regime.data.catalog import CATALOG
from regime.data.database import ELSEWHERE, exists, sole_writer, transaction
from regime.data.observations import COLUMNS, SIMULATED
from regime.exceptions import StoreError

SCHEMA_VERSION = 1
_CELL = ["series", "period"]
_EPOCH = pd.Timestamp(0, tz="UTC")

_SCHEMA = sa.MetaData()
_OBSERVATION = sa.Table(
    "observation",
    _SCHEMA,
    sa.Column("series", sa.Text, nullable=False),
    sa.Column("period", sa.Integer, nullable=False),
    sa.Column("known_at", sa.Integer, nullable=False),
    sa.Column("value", sa.REAL, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("fetched_at", sa.Integer, nullable=False),
)
_FETCH = sa.Table(
    "fetch",
    _SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("fetched_at", sa.Integer, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("rows_added", sa.Integer, nullable=False),
)
_INSERT = "INSERT INTO observation VALUES (?, ?, ?, ?, ?, ?)"


class ObservationStore:
    """The observations of one installation; nothing stays open between calls.

    Every method raises `StoreError` on a file that is no store, is damaged or was written
    by a newer version; those that read also do so while nothing is stored.

    Parameters
    ----------
    path : Path
        The database. Its folder must exist; the file appears with the first `append`.
    patience : float
        Seconds to wait for another writer.
    """

    def __init__(self, path: Path, *, patience: float = 10.0) -> None:
        self.path = path
        self.patience = patience

    def append(self, observations: pd.DataFrame, *, fetched_at: pd.Timestamp) -> int:
        """Add what the store does not say yet: all of it, or nothing.

        A changed value of a stored period is known from `fetched_at`, or from its own
        `known_at` if that is later. Appending the same rows again adds none.

        Parameters
        ----------
        observations : DataFrame with the columns of `regime.data.observations`
            May hold several publications of a period; of a period stored before, only
            the newest counts.
        fetched_at : Timestamp with a time zone

        Returns
        -------
        int
            Rows added.

        Raises
        ------
        StoreError
            If the frame breaks its contract, if simulated and real rows would mix, if
            another process goes on writing, or if the disk refuses.
        """
        _check(observations)
        fetched = -((_EPOCH - _moment(fetched_at, "fetched_at")) // pd.Timedelta(seconds=1))
        if observations.empty:
            return 0
        new = _encoded(observations)
        coming = sorted(set(new["source"]))
        with sole_writer(self.path, patience=self.patience):
            self._refuse_mixing(set(coming))  # reads first: a file that is no store stays as it is
            with transaction(self.path, write=True) as connection:
                _create_schema(connection)
                added = _additions(new, _newest(connection, new), fetched)
                _insert(connection, added.assign(fetched_at=fetched))
                counts = added["source"].value_counts().reindex(coming, fill_value=0)
                for source, rows in counts.items():
                    log = {"fetched_at": fetched, "source": source, "rows_added": int(rows)}
                    connection.execute(_FETCH.insert(), log)
        return len(added)

    def read(
        self, as_of: pd.Timestamp | None = None, series: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Observations known by a moment.

        Parameters
        ----------
        as_of : Timestamp with a time zone, optional
            Only rows with `known_at` at or before it; by default all.
        series : sequence of catalogue ids, optional

        Returns
        -------
        DataFrame with the columns of `regime.data.observations`
            In the order stored, one row per series, period and `known_at`. `series` and
            `source` are categories, `period` datetime64[us], `known_at`
            datetime64[us, UTC], `value` finite.
        """
        query = sa.select(*(_OBSERVATION.c[name] for name in COLUMNS))
        if as_of is not None:
            until = (_moment(as_of, "as_of") - _EPOCH) // pd.Timedelta(seconds=1)
            query = query.where(_OBSERVATION.c.known_at <= until)
        if series is not None:
            query = query.where(_OBSERVATION.c.series.in_(list(series)))
        with self._reading() as connection:
            rows = _rows(connection, query)
        frame = pd.DataFrame(
            {
                "series": pd.Categorical(rows["series"]),
                "period": _days(rows["period"]),
                "known_at": _utc(rows["known_at"]),
                "value": rows["value"],
                "source": pd.Categorical(rows["source"]),
            }
        )
        # A value revised before it was ever known leaves two rows of one moment.
        return frame.drop_duplicates([*_CELL, "known_at"], keep="last", ignore_index=True)

    def sources(self) -> set[str]:
        """Who the stored rows are from; nobody while nothing is stored."""
        if not exists(self.path):
            return set()
        with transaction(self.path) as connection:
            return _sources(connection, self.path)

    def is_empty(self) -> bool:
        """Whether nothing is stored, be it that the file does not exist yet."""
        return not self.sources()

    def is_simulated(self) -> bool:
        """Whether what is stored is no market data; False while nothing is."""
        return SIMULATED in self.sources()

    def summary(self) -> pd.DataFrame:
        """What is stored of each series.

        Returns
        -------
        DataFrame indexed by series
            `first_period`, `last_period`, `newest_known_at` (UTC), `rows` (revisions
            counted) and `source` (several joined by commas).
        """
        of = _OBSERVATION.c
        query = sa.select(
            of.series,
            sa.func.min(of.period).label("first_period"),
            sa.func.max(of.period).label("last_period"),
            sa.func.max(of.known_at).label("newest_known_at"),
            sa.func.count().label("rows"),
            sa.func.group_concat(of.source.distinct()).label("source"),
        ).group_by(of.series)
        with self._reading() as connection:
            found = pd.DataFrame(connection.execute(query).mappings().all())
        return found.assign(
            first_period=_days(found["first_period"].to_numpy()),
            last_period=_days(found["last_period"].to_numpy()),
            newest_known_at=_utc(found["newest_known_at"].to_numpy()),
        ).set_index("series")

    def _refuse_mixing(self, coming: set[str]) -> None:
        sources = self.sources() | coming
        if SIMULATED in sources and len(sources) > 1:
            real = ", ".join(sorted(sources - {SIMULATED}))
            raise StoreError(
                f"Rows of {real} are market data and rows of {SIMULATED} are simulated; the store "
                f"{self.path} would hold both. {ELSEWHERE}, or use `regime demo`, which keeps one "
                f"of its own."
            )

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        if exists(self.path):
            with transaction(self.path) as connection:
                if _sources(connection, self.path):
                    yield connection
                    return
        raise StoreError(
            f"The store {self.path} is empty. Run `regime fetch --source demo` or "
            f"`regime fetch --source files --path DIR` first."
        )


def _create_schema(connection: sa.Connection) -> None:
    _SCHEMA.create_all(connection)  # what is there stays
    for table in _SCHEMA.tables:
        for change in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER IF NOT EXISTS {table}_no_{change} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'rows are only ever added'); END"
            )
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _sources(connection: sa.Connection, path: Path) -> set[str]:
    """Sources of the rows stored, once the file is known to be a store."""
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    names = set(connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars())
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"The store {path} has schema version {version}, written by a newer program than "
            f"this one, which knows {SCHEMA_VERSION}. Install the newer one. {ELSEWHERE}, if not."
        )
    if names and not (version == SCHEMA_VERSION and names >= set(_SCHEMA.tables)):
        raise StoreError(
            f"{path} is a SQLite database, but no store of observations: it holds "
            f"{', '.join(sorted(names)[:5])}. {ELSEWHERE}, or move the file away."
        )
    added = sa.select(_FETCH.c.source).where(_FETCH.c.rows_added > 0).distinct()
    return set(connection.scalars(added)) if names else set()


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> np.ndarray:
    """Rows in the order stored, one field per selected column."""
    kinds = {"series": "O", "period": "i8", "known_at": "i8", "value": "f8", "source": "O"}
    result = connection.execute(query.order_by(sa.literal_column("rowid")))
    # Past SQLAlchemy's row objects, which would double the time.
    cursor: Any = result.cursor
    fields = [(column.name, kinds[column.name]) for column in query.selected_columns]
    return np.fromiter(cursor, dtype=np.dtype(fields))


def _newest(connection: sa.Connection, new: pd.DataFrame) -> pd.DataFrame:
    """What is stored last of each period of these series, dates as the integers stored."""
    columns = (_OBSERVATION.c[name] for name in (*_CELL, "known_at", "value"))
    among = _OBSERVATION.c.series.in_(sorted(set(new["series"])))
    stored = pd.DataFrame(_rows(connection, sa.select(*columns).where(among)))
    return stored.drop_duplicates(_CELL, keep="last")


def _additions(new: pd.DataFrame, stored: pd.DataFrame, fetched: int) -> pd.DataFrame:
    """Rows of `new` for periods not stored, and revisions of stored ones."""
    both = new.merge(stored, on=_CELL, how="left", suffixes=("", "_stored"))
    first = both["value_stored"].isna()
    newest = ~both.duplicated(_CELL, keep="last")
    revised = ~first & newest & (both["value"] != both["value_stored"])
    # Not before the row it revises either: a clock set back must not hide the revision.
    since = both[["known_at", "known_at_stored"]].max(axis=1).clip(lower=fetched)
    both["known_at"] = both["known_at"].where(~revised, since).astype("int64")
    return both.loc[first | revised, COLUMNS]


def _insert(connection: sa.Connection, rows: pd.DataFrame) -> None:
    # Plain tuples: dictionaries, which SQLAlchemy prefers, take three times as long.
    columns = [rows[column.name].tolist() for column in _OBSERVATION.columns]
    if len(rows):
        connection.exec_driver_sql(_INSERT, list(zip(*columns, strict=True)))


def _check(observations: pd.DataFrame) -> None:
    """A fault here is one of the program, caught before it is stored for good."""
    if list(observations.columns) != COLUMNS:
        raise StoreError(f"Observations need the columns {COLUMNS}: {list(observations.columns)}.")
    known_at, period = observations["known_at"], observations["period"]
    if not isinstance(known_at.dtype, pd.DatetimeTZDtype):
        raise StoreError(f"`known_at` needs a time zone, but is {known_at.dtype}.")
    if not isinstance(period.dtype, np.dtype) or period.dtype.kind != "M":
        raise StoreError(f"`period` must be days without a time zone, but is {period.dtype}.")
    if unknown := set(observations["series"].unique()) - set(CATALOG):
        raise StoreError(f"The catalogue does not know the series {sorted(map(str, unknown))}.")
    faults = {
        "a value that is not finite": ~np.isfinite(observations["value"].to_numpy("float64")),
        "no date or no source": observations.drop(columns="value").isna().any(axis=1),
        "a period that is no whole day": period != period.dt.normalize(),
        "one publication twice": observations.duplicated([*_CELL, "known_at"]),
    }
    for fault, rows in faults.items():
        if rows.any():
            first = observations[np.asarray(rows)].iloc[0]
            raise StoreError(f"Observations hold {fault}: {first['series']}, {first['period']}.")


def _encoded(observations: pd.DataFrame) -> pd.DataFrame:
    """Dates as the integers stored, publications of a period in their order."""
    days = observations["period"].to_numpy().astype("datetime64[D]").astype("int64")
    known_at = _seconds(observations["known_at"])
    names = {name: observations[name].astype(object) for name in ("series", "source")}
    frame = observations.assign(period=days, known_at=known_at, **names)
    return frame.sort_values([*_CELL, "known_at"], kind="stable", ignore_index=True)


def _moment(when: pd.Timestamp, name: str) -> pd.Timestamp:
    if pd.isna(when) or when.tzinfo is None:
        raise StoreError(f"`{name}` must be a moment with a time zone, but is {when}.")
    return when


def _seconds(moments: "pd.Series[pd.Timestamp]") -> np.ndarray:
    utc = moments.dt.tz_convert("UTC").dt.as_unit("us").dt.tz_localize(None)
    return -(-utc.to_numpy().astype("int64") // 1_000_000)


def _utc(seconds: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(seconds.astype("datetime64[s]")).as_unit("us").tz_localize("UTC")


def _days(days: np.ndarray) -> np.ndarray:
    return days.astype("datetime64[D]").astype("datetime64[us]")
