"""One SQLite file: one process writes at a time, readers go on, faults are told in words.

The writer holds `<file>.lock`, which the kernel frees when its holder dies. A write-ahead
log keeps readers out of its way, and leaves a transaction whole or not there at all.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock, Timeout

from regime.exceptions import StoreError

ELSEWHERE = "Set REGIME_HOME to another folder"
_FAULTS = {  # by the beginning of SQLite's name for it
    "SQLITE_FULL": ("the disk is full", "Free some space and run it again"),
    "SQLITE_IOERR": ("the disk refused to read or write", "Check its free space and health"),
    "SQLITE_READONLY": ("it is read-only", f"Make it and its folder writable. {ELSEWHERE}, if not"),
    "SQLITE_CANTOPEN": ("it cannot be opened", "Check that it is a file in a writable folder"),
    "SQLITE_NOTADB": ("it is no SQLite database", f"{ELSEWHERE}, or move the file away"),
    "SQLITE_CORRUPT": ("it is damaged", "Move it away and fetch again"),
    "SQLITE_BUSY": ("another program holds it", "Close that program and run it again"),
}


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; a StoreError if that may not be looked up."""
    try:
        return path.exists()
    except OSError as error:
        raise StoreError(
            f"The store {path} cannot be looked up: {error.strerror}. {ELSEWHERE}."
        ) from error


@contextmanager
def transaction(path: Path, *, write: bool = False) -> Iterator[sa.Connection]:
    """A connection whose changes are kept together, or not at all if anything is raised.

    Parameters
    ----------
    write : bool
        Also creates the file. Take `sole_writer` first.

    Raises
    ------
    StoreError
        If SQLite cannot read or write the file, saying what to do about it.
    """
    engine = sa.create_engine(
        "sqlite://", creator=lambda: _open(path, write=write), poolclass=sa.NullPool
    )
    begin = "BEGIN IMMEDIATE" if write else "BEGIN"
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    try:
        with engine.begin() as connection:
            yield connection
    except (sa.exc.DBAPIError, sqlite3.Error) as error:
        raise _explained(error, path) from error


@contextmanager
def sole_writer(path: Path, *, patience: float) -> Iterator[None]:
    """Hold the lock beside the file.

    Raises
    ------
    StoreError
        If another process still holds it after `patience` seconds, or it cannot be taken.
    """
    if not exists(path.parent):
        raise StoreError(
            f"The store {path} cannot be written: its folder is not there. Create "
            f"{path.parent}, or set REGIME_HOME to a folder you may write to."
        )
    name = path.with_name(path.name + ".lock")
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
            f"The store {path} cannot be written: its lock {name} cannot be taken, "
            f"{error.strerror or error}. {ELSEWHERE}."
        ) from error
    try:
        with suppress(OSError):  # only a hint to whoever waits
            name.write_text(str(os.getpid()), encoding="ascii")
        yield
    finally:
        lock.release()


def _open(path: Path, *, write: bool) -> sqlite3.Connection:
    # Not mode=ro to read: SQLite must keep the index of its log beside the file.
    uri = f"{path.absolute().as_uri()}?mode={'rwc' if write else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL" if write else "PRAGMA query_only = 1")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _explained(error: Exception, path: Path) -> StoreError:
    cause = getattr(error, "orig", None) or error
    name = getattr(cause, "sqlite_errorname", "")
    for start, (what, next_step) in _FAULTS.items():
        if name.startswith(start):
            return StoreError(f"The store {path}: {what} ({cause}). {next_step}.")
    return StoreError(f"The store {path} failed: {cause}. Move it away and fetch again.")


def _holder(lock: Path) -> str:
    with suppress(OSError, ValueError):
        return f" (pid {int(lock.read_text(encoding='ascii'))})"
    return ""
