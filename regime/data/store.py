"""Observations with two dates, kept in a database: what was said, and since when it was known.

Rows are only ever added; triggers in the database hold to it. A value that changes comes as
a further row, so a read `as_of` some moment shows what this store knew then, whatever is
fetched later; `regime.data.database.revisions` says since when a row counts as known.
Doubtful values wait in a quarantine and enter no read.

Values are float64 to the bit, except that minus zero is kept as zero. Moments are kept in
whole seconds, rounded up so that nothing is known early.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from regime.data.catalog import CATALOG
from regime.data.database import schema
from regime.data.database.base import ELSEWHERE, Database
from regime.data.database.encoding import categories_of, check, day_numbers, days, second, utc
from regime.data.database.places import database_at
from regime.data.database.schema_version import NEWEST, back_up, back_up_path, upgrade, version_of
from regime.data.database.writing import Writer, ids_of, names_in, spans
from regime.data.observations import COLUMNS, SIMULATED
from regime.exceptions import StoreError


class ObservationStore:
    """The observations of one installation; nothing stays open between calls.

    Every method raises `StoreError` on a database that is no store, is damaged, cannot be
    reached or was written by a newer version; those that read also do so while nothing is
    stored, or while the tables are those of an older version.

    Parameters
    ----------
    location : Path, or str
        A SQLite file, whose folder must exist and which appears with the first `append`; or
        the address of a PostgreSQL database, postgresql://USER:PASSWORD@HOST/NAME.
    patience : float
        Seconds to wait for another writer.
    """

    def __init__(self, location: Path | str, *, patience: float = 10.0) -> None:
        self.database: Database = database_at(location)
        self.patience = patience

    def append(
        self,
        observations: pd.DataFrame,
        *,
        fetched_at: pd.Timestamp,
        doubtful: pd.DataFrame | None = None,
        looked: bool = False,
        dry_run: bool = False,
    ) -> int:
        """Add what the store does not say yet: all of it, or nothing.

        Appending the same rows again adds none. Tables of an older version are brought to
        the newest first, a SQLite file after it was copied.

        Parameters
        ----------
        observations : DataFrame of shape (n_observations, n_columns)
            The columns of `regime.data.observations`, in the catalogue's units. May hold several
            publications of a period.
        fetched_at : Timestamp with a time zone
        doubtful : the same columns and `reason`: rows to quarantine, each once
        looked : bool
            Whether the publisher was asked. What it did not have then is not believed later
            to have been known by then.
        dry_run : bool
            Only count.

        Returns
        -------
        int
            Rows added; the quarantine not counted.

        Raises
        ------
        StoreError
            If a frame breaks its contract, if simulated and real rows would mix, if another
            process goes on writing, or if the disk refuses.
        """
        check(observations)
        fetched = second(fetched_at, "fetched_at")
        doubtful = observations.iloc[:0].assign(reason="") if doubtful is None else doubtful
        check(doubtful.drop(columns="reason"))
        if observations.empty and doubtful.empty:
            return 0
        coming = set(observations["source"].unique()) | set(doubtful["source"].unique())
        self._refuse_mixing(coming)
        if dry_run:
            return self._count_new(observations, fetched)
        with self.writing() as connection:
            self._refuse_mixing(coming | set(names_in(connection, schema.SOURCE)))
            writer = Writer(self.database, connection, fetched, looked=looked)
            added = writer.add(observations)
            writer.log_doubted(doubtful, observations)
            writer.quarantine(doubtful)
        return added

    def accept(self, series: str, period: pd.Timestamp, *, why: str, at: pd.Timestamp) -> float:
        """Take the newest quarantined value of a period as right.

        A replay shows it from now on, and so does the panel; but what everybody saw at its
        close, a price or a return, keeps its day. Returns the value. A StoreError if nothing of
        that period is quarantined.
        """
        waiting = self.quarantined()
        found = waiting[(waiting["series"] == series) & (waiting["period"] == period)]
        if found.empty:
            raise StoreError(
                f"Nothing of {series} of {period:%Y-%m-%d} is in quarantine. "
                f"`regime store quarantine` lists what is."
            )
        row = found.iloc[[-1]]
        moment = second(at, "at")
        with self.writing() as connection:
            # Nobody asked the publisher, so this says nothing about other periods.
            writer = Writer(self.database, connection, moment, looked=False)
            later = CATALOG[series].max_age > 0
            known_at = max(row["known_at"].iloc[0], at) if later else row["known_at"].iloc[0]
            writer.add(row[COLUMNS].assign(known_at=known_at))
            ruling = {
                "series": ids_of(connection, schema.SERIES, [series])[series],
                "period": int(day_numbers(row["period"])[0]),
                "value": float(row["value"].iloc[0]),
                "ruled_at": moment,
                "why": why,
            }
            connection.execute(schema.RULING.insert(), ruling)
        return float(row["value"].iloc[0])

    def read(
        self,
        as_of: pd.Timestamp | None = None,
        series: Sequence[str] | None = None,
        since: pd.Timestamp | None = None,
    ) -> pd.DataFrame:
        """Observations, or those of them that were known by a moment.

        Parameters
        ----------
        as_of : Timestamp with a time zone, optional
            Only rows known at or before it, and of what was fetched later only the history
            that a first import brought; by default all.
        series : sequence of catalogue ids, optional
        since : first period, optional

        Returns
        -------
        DataFrame of shape (n_observations, n_columns)
            The columns of `regime.data.observations`, in the catalogue's units. By series, period
            and publication, one row of each. `series` and `source` are categories, `period`
            datetime64[us], `known_at` datetime64[us, UTC], `value` finite.
        """
        of = schema.OBSERVATION.c
        query = sa.select(of.series, of.period, of.known_at, of.value, of.source)
        if as_of is not None:
            query = query.where(of.seen_at <= second(as_of, "as_of", up=False))
        if since is not None:
            query = query.where(of.period >= int(day_numbers(pd.Series([since]))[0]))
        with self.reading() as connection:
            known = ids_of(connection, schema.SERIES, series)
            if series is not None:
                query = query.where(of.series.in_(sorted(known.values())))
            else:  # of a series that is new since, the name is not known here
                query = query.where(of.series <= max(known.values(), default=0))
            query = query.order_by(of.series, of.period, of.known_at, of.fetched_at)
            rows = self.database.many_rows(connection, query)
        with self.reading() as connection:  # anew, for the names of all that was read
            sources = names_in(connection, schema.SOURCE)
        # A value revised before it was ever known leaves two rows of one moment.
        keys = ("series", "period", "known_at")
        again = np.logical_and.reduce([rows[name][1:] == rows[name][:-1] for name in keys])
        rows = rows[~np.r_[again, False][: len(rows)]]
        return pd.DataFrame(
            {
                "series": categories_of(rows["series"], {at: name for name, at in known.items()}),
                "period": days(rows["period"]),
                "known_at": utc(rows["known_at"]),
                "value": rows["value"],
                "source": categories_of(rows["source"], {at: name for name, at in sources.items()}),
            }
        )

    def series(self) -> list[str]:
        """Ids of what is stored, in alphabetical order."""
        with self.reading() as connection:
            return sorted(spans(connection))

    def spans(self) -> dict[str, tuple[pd.Timestamp, pd.Timestamp]]:
        """The oldest and newest period of each stored series; nothing while nothing is."""
        if self.is_empty():
            return {}
        with self.reading() as connection:
            found = spans(connection)
        ends = pd.DatetimeIndex(days(np.array([*found.values()], dtype=np.int64).ravel()))
        return dict(zip(found, zip(ends[::2], ends[1::2], strict=True), strict=True))

    def sources(self) -> set[str]:
        """Who the stored rows are from; nobody while nothing is stored."""
        with self.looking() as connection:
            return set() if connection is None else set(names_in(connection, schema.SOURCE))

    def is_empty(self) -> bool:
        """Whether nothing is stored, be it that the database does not exist yet."""
        if not self.sources():
            return True
        with self.database.transaction() as connection:
            return not _holds_rows(connection)

    def is_simulated(self) -> bool:
        """Whether what is stored is no market data; False while nothing is."""
        return SIMULATED in self.sources()

    def schema_version(self) -> str | None:
        """Version of the tables; None while there are none."""
        if not self.database.exists():
            return None
        with self.database.transaction() as connection:
            return version_of(connection, self.database)

    def upgrade(self) -> Path | None:
        """Bring the tables to the newest version; returns the copy made before, if any."""
        found = self.schema_version()
        if found in {None, NEWEST}:
            return None
        with self.writing():
            pass
        return back_up_path(self.database, found)

    def summary(self) -> pd.DataFrame:
        """What is stored of each series.

        Returns
        -------
        DataFrame of shape (n_series, 6), indexed by series
            `first_period`, `last_period`, `newest_known_at` (UTC), `rows` (revisions
            counted), `fetched_at` (UTC, of the newest row) and `source` (several joined by
            commas).
        """
        of = schema.OBSERVATION.c
        query = sa.select(
            of.series,
            of.source,
            sa.func.min(of.period).label("first_period"),
            sa.func.max(of.period).label("last_period"),
            sa.func.max(of.known_at).label("newest_known_at"),
            sa.func.count().label("rows"),
            sa.func.max(of.fetched_at).label("fetched_at"),
        ).group_by(of.series, of.source)
        with self.reading() as connection:
            found = pd.DataFrame(connection.execute(query).mappings().all())
            series = {at: name for name, at in names_in(connection, schema.SERIES).items()}
            source = {at: name for name, at in names_in(connection, schema.SOURCE).items()}
        found = found.assign(
            series=found["series"].map(series), source=found["source"].map(source)
        ).sort_values(["series", "source"])
        by_series = found.groupby("series").agg(
            first_period=("first_period", "min"),
            last_period=("last_period", "max"),
            newest_known_at=("newest_known_at", "max"),
            rows=("rows", "sum"),
            fetched_at=("fetched_at", "max"),
            source=("source", ",".join),
        )
        return by_series.assign(
            first_period=days(by_series["first_period"].to_numpy()),
            last_period=days(by_series["last_period"].to_numpy()),
            newest_known_at=utc(by_series["newest_known_at"].to_numpy()),
            fetched_at=utc(by_series["fetched_at"].to_numpy()),
        )

    def quarantined(self) -> pd.DataFrame:
        """Doubtful rows that no stored value has borne out, oldest first.

        Returns
        -------
        DataFrame of shape (n_rows, n_columns)
            The columns of `regime.data.observations`, in the catalogue's units, `fetched_at` (UTC)
            and `reason`.
        """
        of, o = schema.QUARANTINE.c, schema.OBSERVATION.c
        stored = sa.exists().where(
            o.series == of.series, o.period == of.period, o.value == of.value
        )
        query = sa.select(
            schema.SERIES.c.name.label("series"), of.period, of.known_at, of.value,
            schema.SOURCE.c.name.label("source"), of.fetched_at, of.reason,
        ).where(
            schema.SERIES.c.id == of.series, schema.SOURCE.c.id == of.source, ~stored
        ).order_by(of.id)  # fmt: skip
        columns = [*COLUMNS, "fetched_at", "reason"]
        rows: list[Any] = []
        if self.sources():
            with self.database.transaction() as connection:
                rows = [tuple(row) for row in connection.execute(query)]
        found = pd.DataFrame(rows, columns=columns)
        return found.assign(
            period=days(found["period"].to_numpy(dtype="i8")),
            known_at=utc(found["known_at"].to_numpy(dtype="i8")),
            value=found["value"].astype("float64"),
            fetched_at=utc(found["fetched_at"].to_numpy(dtype="i8")),
        )

    def fetches(self) -> pd.DataFrame:
        """Every fetch, oldest first.

        Returns
        -------
        DataFrame of shape (n_fetches, 5)
            `fetched_at` (UTC), `source`, `series` (how many), `rows_seen` and `rows_added`.
        """
        of = schema.FETCH.c
        query = sa.select(
            of.fetched_at, schema.SOURCE.c.name.label("source"),
            sa.func.count().label("series"), sa.func.sum(of.rows_seen).label("rows_seen"),
            sa.func.sum(of.rows_added).label("rows_added"),
        ).where(schema.SOURCE.c.id == of.source).group_by(
            of.fetched_at, schema.SOURCE.c.name
        ).order_by(sa.func.min(of.id))  # fmt: skip
        with self.reading() as connection:
            found = pd.DataFrame(connection.execute(query).mappings().all())
        return found.assign(fetched_at=utc(found["fetched_at"].to_numpy()))

    def _count_new(self, observations: pd.DataFrame, fetched: int) -> int:
        if self.is_empty():
            return len(observations)
        with self.reading() as connection:
            return Writer(self.database, connection, fetched, looked=False).count(observations)

    def _refuse_mixing(self, sources: set[str]) -> None:
        if SIMULATED in sources and len(sources) > 1:
            real = ", ".join(sorted(sources - {SIMULATED}))
            raise StoreError(
                f"Rows of {real} are market data and rows of {SIMULATED} are simulated; the store "
                f"{self.database} would hold both. {ELSEWHERE}, or use `regime demo`, which keeps "
                f"one of its own."
            )

    def _demand_newest(self, found: str) -> None:
        if found != NEWEST:
            raise StoreError(
                f"The store {self.database} has tables of version {found}, written by an earlier "
                f"release; this one reads {NEWEST}. Run `regime store upgrade`, which copies it "
                f"first."
            )

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """The one writer's transaction, on the newest tables."""
        with self.database.sole_writer(patience=self.patience):
            found = self.schema_version()  # reads first: what is no store stays as it is
            if found not in {None, NEWEST}:
                back_up(self.database, str(found))
            with self.database.transaction(write=True) as connection:
                if found != NEWEST:
                    upgrade(connection, found)
                yield connection

    @contextmanager
    def looking(self) -> Iterator[sa.Connection | None]:
        """A reader's transaction, be no row stored; None while there are no tables."""
        if self.database.exists():
            with self.database.transaction() as connection:
                found = version_of(connection, self.database)
                if found is not None:
                    self._demand_newest(found)
                    yield connection
                    return
        yield None

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A reader's transaction; a StoreError while nothing is stored."""
        with self.looking() as connection:
            if connection is not None and _holds_rows(connection):
                yield connection
                return
        raise StoreError(
            f"The store {self.database} is empty. Run `regime fetch --source live`, `regime "
            f"fetch --source files --path DIR` or `regime fetch --source demo` first."
        )


def _holds_rows(connection: sa.Connection) -> bool:
    return connection.scalar(sa.select(schema.OBSERVATION.c.series).limit(1)) is not None
