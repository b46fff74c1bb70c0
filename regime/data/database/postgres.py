"""The store in PostgreSQL, for several machines that share one.

The writer holds an advisory lock of its session, which the server frees when the
connection ends, be it by a killed process. Numbers go in and out by binary COPY.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from regime.data.database.base import Database, numpy_type
from regime.exceptions import StoreError

_LOCK = 7_305_514_108  # any number that is ours alone
_CONNECT_SECONDS = 5
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"


class Postgres(Database):
    """A database of a server, by its address."""

    dialect = "postgresql"

    def __init__(self, address: str) -> None:
        try:
            url = sa.make_url(address).set(drivername="postgresql+psycopg")
        except (sa.exc.ArgumentError, ValueError):
            raise StoreError(
                "REGIME_DATABASE_URL is no address. Write postgresql://USER:PASSWORD@HOST/NAME."
            ) from None
        self.address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        # Only what holds no password: a query may, and so may what looks like a host.
        host = (url.host or "localhost").rpartition("@")[2]
        port = f":{url.port}" if url.port else ""
        super().__init__(f"postgresql://{host}{port}/{url.database or ''}")
        self._url = url
        self._engines: dict[bool, sa.Engine] = {}

    def exists(self) -> bool:
        """Whether the database holds any table."""
        with self.transaction() as connection:
            return bool(sa.inspect(connection).get_table_names())

    @contextmanager
    def transaction(self, *, write: bool = False) -> Iterator[sa.Connection]:
        """A connection whose changes are kept together, or not at all."""
        try:
            with self._engine(write).begin() as connection:
                if not write:
                    connection.exec_driver_sql("SET TRANSACTION READ ONLY")
                yield connection
        except (sa.exc.DBAPIError, psycopg.Error) as error:
            raise self._explained(error) from error

    def _engine(self, write: bool) -> sa.Engine:
        """Made once, for what it has compiled and asked the server; it keeps no connection."""
        if write not in self._engines:
            self._engines[write] = sa.create_engine(
                self._url,
                poolclass=sa.NullPool,
                connect_args={"connect_timeout": _CONNECT_SECONDS},
                # One moment for all queries of a reader.
                isolation_level="READ COMMITTED" if write else "REPEATABLE READ",
            )
        return self._engines[write]

    @contextmanager
    def sole_writer(self, *, patience: float) -> Iterator[None]:
        """Hold the advisory lock on a connection of its own."""
        until = time.monotonic() + patience
        try:
            connection = psycopg.connect(
                self.address,
                connect_timeout=_CONNECT_SECONDS,
                autocommit=True,
            )
        except psycopg.Error as error:
            raise self._explained(error) from None  # the cause may tell the address
        with connection:
            while not self._locked(connection):
                if time.monotonic() > until:
                    raise StoreError(
                        f"Another process is writing to the store {self.name} and has held its "
                        f"lock for {patience:g} seconds. Wait for it, or end it, and run this "
                        f"again."
                    )
                time.sleep(0.05)
            yield

    def _locked(self, connection: "psycopg.Connection[Any]") -> bool:
        try:
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
        except psycopg.Error as error:
            raise self._explained(error) from error
        return bool(row and row[0])

    def rows(self, connection: sa.Connection, query: sa.Select[Any]) -> np.ndarray:
        """Numbers of a query, one field for each of its columns."""
        fields = [(column.name, numpy_type(column)) for column in query.selected_columns]
        text = query.compile(
            dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
            compile_kwargs={"literal_binds": True},  # numbers only
        )
        with _cursor(connection).copy(f"COPY ({text}) TO STDOUT (FORMAT BINARY)") as copy:
            raw = b"".join(bytes(block) for block in copy)
        packed = np.dtype(_packed(fields))
        start = len(_SIGNATURE)
        found = np.frombuffer(raw, packed, (len(raw) - start - len(_END)) // packed.itemsize, start)
        rows = np.empty(len(found), np.dtype(fields))
        for name, _ in fields:
            rows[name] = found[name]
        return rows

    def insert(
        self, connection: sa.Connection, table: sa.Table, columns: Mapping[str, np.ndarray]
    ) -> None:
        """Add many rows of numbers at once."""
        fields = [(name, numpy_type(table.c[name])) for name in columns]
        packed = np.zeros(len(next(iter(columns.values()))), np.dtype(_packed(fields)))
        packed["fields"] = len(fields)
        for name, kind in fields:
            packed[name], packed[f"bytes of {name}"] = columns[name], int(kind[1:])
        statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
        with _cursor(connection).copy(statement) as copy:
            for part in (_SIGNATURE, packed.tobytes(), _END):
                copy.write(part)

    def size(self) -> int:
        """Bytes of the whole database."""
        with self.transaction() as connection:
            size = connection.scalar(sa.text("SELECT pg_database_size(current_database())"))
        return int(size or 0)

    def faults(self) -> list[str]:
        """What reading every row of every table finds wrong."""
        found = []
        with self.transaction() as connection:
            tables = sa.inspect(connection).get_table_names()
        for table in tables:
            try:
                with self.transaction() as connection:
                    connection.scalar(sa.select(sa.func.count()).select_from(sa.table(table)))
            except StoreError as error:
                found.append(str(error))
        return found

    def _explained(self, error: Exception) -> StoreError:
        cause = getattr(error, "orig", None) or error
        said = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
        for secret in (self._url.password, self._url.query.get("password")):
            if secret:
                said = said.replace(str(secret), "***")
        if self._url.host and "@" in self._url.host:  # a password with an @ that is not written %40
            said = said.replace(self._url.host, self._url.host.rpartition("@")[2])
        state = getattr(cause, "sqlstate", None) or ""
        faults = {
            "28": "The server refuses this user. Check REGIME_DATABASE_URL",
            "3D": "The server has no such database. Create it, or mend REGIME_DATABASE_URL",
            "53": "The server has run out of disk, memory or connections. Free some",
            "42501": "This user may not do that. Grant it the right to create and write tables",
            "25006": "The server is read-only. Use the one that takes writes",
        }
        for start, words in faults.items():
            if state.startswith(start):
                return StoreError(f"The store {self.name}: {said}. {words} and run it again.")
        if isinstance(cause, psycopg.OperationalError):
            return StoreError(
                f"The store {self.name} cannot be reached: {said}. Start the server, or mend "
                f"REGIME_DATABASE_URL; without it the store is a SQLite file."
            )
        return StoreError(f"The store {self.name} failed: {said}.")


def _cursor(connection: sa.Connection) -> "psycopg.Cursor[Any]":
    driver: Any = connection.connection.driver_connection
    cursor: psycopg.Cursor[Any] = driver.cursor()
    return cursor


def _packed(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Layout of one row of a binary COPY: a count, then for each field its size and itself."""
    layout = [("fields", ">i2")]
    for name, kind in fields:
        layout += [(f"bytes of {name}", ">i4"), (name, f">{kind}")]
    return layout
