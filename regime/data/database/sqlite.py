"""The store in one SQLite file.

The writer holds `<file>.lock`, which the kernel frees when its holder dies. A write-ahead
log keeps readers out of its way, and leaves a transaction whole or not there at all.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from filelock import FileLock, Timeout

from regime.data.database.base import ELSEWHERE, Database, numpy_type
from regime.exceptions import StoreError

# Not to fetch again at once: the ledger is in there, and no source has it.
_REMEDY = (
    "Move it away, and bring back a copy or an export of it (`regime store import DIR`), which has "
    "the ledger too. Without either, where nothing was published: Move it away and fetch again"
)
_FAULTS = {  # by the beginning of SQLite's name for it
    "SQLITE_FULL": ("the disk is full", "Free some space and run it again"),
    "SQLITE_IOERR": ("the disk refused to read or write", "Check its free space and health"),
    "SQLITE_READONLY": ("it is read-only", f"Make it and its folder writable. {ELSEWHERE}, if not"),
    "SQLITE_CANTOPEN": ("it cannot be opened", "Check that it is a file in a writable folder"),
    "SQLITE_NOTADB": ("it is no SQLite database", f"{ELSEWHERE}, or move the file away"),
    "SQLITE_CORRUPT": ("it is damaged", _REMEDY),
    "SQLITE_BUSY": ("another program holds it", "Close that program and run it again"),
}
_MOST_AT_ONCE = 200_000  # rows as Python objects, so that millions need little memory
_BATCH = "adbc.sqlite.query.batch_rows"


class SqliteFile(Database):
    """One file. Its folder must exist; the file appears with the first write."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path
        self._engines: dict[bool, sa.Engine] = {}

    def exists(self) -> bool:
        """Whether there is such a file or folder."""
        return _exists(self.path)

    @contextmanager
    def transaction(self, *, write: bool = False) -> Iterator[sa.Connection]:
        """A connection whose changes are kept together, or not at all."""
        try:
            with self._engine(write).begin() as connection:
                yield connection
        except (sa.exc.DBAPIError, sqlite3.Error) as error:
            raise self._explained(error) from error

    def _engine(self, write: bool) -> sa.Engine:
        """Made once, for the statements it has compiled; it keeps no connection."""
        if write not in self._engines:
            engine = sa.create_engine(
                "sqlite://", creator=lambda: _open(self.path, write=write), poolclass=sa.NullPool
            )
            begin = "BEGIN IMMEDIATE" if write else "BEGIN"
            sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
            self._engines[write] = engine
        return self._engines[write]

    @contextmanager
    def sole_writer(self, *, patience: float) -> Iterator[None]:
        """Hold the lock beside the file."""
        if not _exists(self.path.parent):
            raise StoreError(
                f"The store {self.path} cannot be written: its folder is not there. Create "
                f"{self.path.parent}, or set REGIME_HOME to a folder you may write to."
            )
        name = self.path.with_name(self.path.name + ".lock")
        lock = FileLock(name, timeout=patience)
        try:
            lock.acquire()
        except Timeout:
            raise StoreError(
                f"Another process{_holder(name)} is writing to the store and has held {name} for "
                f"{patience:g} seconds. Wait for it, or end it, and run this again."
            ) from None
        except OSError as error:
            raise StoreError(
                f"The store {self.path} cannot be written: its lock {name} cannot be taken, "
                f"{error.strerror or error}. {ELSEWHERE}."
            ) from error
        try:
            with suppress(OSError):  # only a hint to whoever waits
                name.write_text(str(os.getpid()), encoding="ascii")
            yield
        finally:
            lock.release()

    def rows(self, connection: sa.Connection, query: sa.Select[Any]) -> np.ndarray:
        """Numbers of a query, one field for each of its columns."""
        fields = np.dtype([(column.name, numpy_type(column)) for column in query.selected_columns])
        # Past SQLAlchemy's row objects, which would double the time.
        cursor: Any = connection.execute(query).cursor
        return np.fromiter(cursor, dtype=fields)

    def many_rows(self, connection: sa.Connection, query: sa.Select[Any]) -> np.ndarray:
        """The same, without an object for every number, in a third of the time.

        By a connection of its own. What it cannot read it leaves to `rows`, which can say why.
        """
        from adbc_driver_sqlite import dbapi

        fields = np.dtype([(column.name, numpy_type(column)) for column in query.selected_columns])
        asked = query.compile(
            dialect=connection.dialect, compile_kwargs={"render_postcompile": True}
        )
        values = [asked.params[name] for name in asked.positiontup or ()]
        try:
            with (
                dbapi.connect(_address(self.path, write=False)) as reader,
                reader.cursor() as cursor,
            ):
                cursor.adbc_statement.set_options(**{_BATCH: str(_MOST_AT_ONCE)})
                cursor.execute(str(asked), values)
                found = cursor.fetch_arrow_table()
        except dbapi.Error:
            return self.rows(connection, query)
        rows = np.empty(len(found), fields)
        for name, column in zip(fields.names or (), found.columns, strict=True):
            rows[name] = column.to_numpy()
        return rows

    def insert(
        self, connection: sa.Connection, table: sa.Table, columns: Mapping[str, np.ndarray]
    ) -> None:
        """Add many rows of numbers at once."""
        # Plain tuples: dictionaries, which SQLAlchemy prefers, take three times as long.
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608
        total = len(next(iter(columns.values())))
        for start in range(0, total, _MOST_AT_ONCE):
            part = slice(start, start + _MOST_AT_ONCE)
            values = [column[part].tolist() for column in columns.values()]
            connection.exec_driver_sql(statement, list(zip(*values, strict=True)))

    def size(self) -> int:
        """Bytes of the file and its log."""
        files = (self.path.with_name(self.path.name + ending) for ending in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def faults(self) -> list[str]:
        """What SQLite's own check finds wrong."""
        with self.transaction() as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check(5)").scalars().all()
        return [line for line in found if line != "ok"]

    def copy_to(self, target: Path) -> None:
        """A consistent copy; the file is there only once it is whole."""
        part = target.with_name(target.name + ".part")
        part.unlink(missing_ok=True)
        try:
            with (
                closing(_open(self.path, write=False)) as source,
                closing(sqlite3.connect(part)) as copy,
            ):
                source.backup(copy)
            part.replace(target)
        except (sqlite3.Error, OSError) as error:
            part.unlink(missing_ok=True)
            raise StoreError(
                f"The store {self.path} cannot be copied to {target}: {error}. Free some space, "
                f"or make the folder writable, and run it again."
            ) from error

    def _explained(self, error: Exception) -> StoreError:
        cause = getattr(error, "orig", None) or error
        name = getattr(cause, "sqlite_errorname", "")
        for start, (what, next_step) in _FAULTS.items():
            if name.startswith(start):
                return StoreError(f"The store {self.path}: {what} ({cause}). {next_step}.")
        return StoreError(f"The store {self.path} failed: {cause}. {_REMEDY}.")


def _open(path: Path, *, write: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(_address(path, write=write), uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL" if write else "PRAGMA query_only = 1")
        # Past the default 2 MB, which a sorted insert into a large table outgrows.
        connection.execute("PRAGMA cache_size = -65536")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _address(path: Path, *, write: bool) -> str:
    # Not mode=ro to read: SQLite must keep the index of its log beside the file.
    return f"{path.absolute().as_uri()}?mode={'rwc' if write else 'rw'}"


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise StoreError(
            f"The store {path} cannot be looked up: {error.strerror}. {ELSEWHERE}."
        ) from error


def _holder(lock: Path) -> str:
    with suppress(OSError, ValueError):
        return f" (pid {int(lock.read_text(encoding='ascii'))})"
    return ""
