"""Where rows are kept: one SQLite file, or PostgreSQL. One process writes, readers go on.

Both promise the same. A transaction is whole or not there at all, whatever kills its
process. A reader sees the rows of one moment and never waits for the writer. The writer's
lock goes with its process.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import sqlalchemy as sa

ELSEWHERE = "Set REGIME_HOME to another folder"


class Database(ABC):
    """One place of rows; nothing stays open between calls.

    Every method raises `StoreError` where the place cannot be read or written, in words
    that say what to do about it and that hold no password.
    """

    dialect: str

    def __init__(self, name: str) -> None:
        self.name = name  # for the reader

    def __str__(self) -> str:
        return self.name

    @abstractmethod
    def exists(self) -> bool:
        """Whether there is anything to read, be it no store."""

    @abstractmethod
    def transaction(self, *, write: bool = False) -> AbstractContextManager[sa.Connection]:
        """A connection whose changes are kept together, or not at all if anything is raised.

        Parameters
        ----------
        write : bool
            Also creates what is not there. Take `sole_writer` first.
        """

    @abstractmethod
    def sole_writer(self, *, patience: float) -> AbstractContextManager[None]:
        """Keep every other writer out; a StoreError if one stays for `patience` seconds."""

    @abstractmethod
    def rows(self, connection: sa.Connection, query: sa.Select[Any]) -> np.ndarray:
        """Numbers of a query, one field for each of its columns, none of them null."""

    def many_rows(self, connection: sa.Connection, query: sa.Select[Any]) -> np.ndarray:
        """The same of a long answer, as it stands now: what others committed since is in it."""
        return self.rows(connection, query)

    @abstractmethod
    def insert(
        self, connection: sa.Connection, table: sa.Table, columns: Mapping[str, np.ndarray]
    ) -> None:
        """Add many rows of numbers at once."""

    @abstractmethod
    def size(self) -> int:
        """Bytes on disk, all of it."""

    @abstractmethod
    def faults(self) -> list[str]:
        """What the database finds wrong with its own pages or indexes, in words."""


def numpy_type(column: sa.ColumnElement[Any]) -> str:
    """Type of a column of numbers."""
    kind = column.type
    if isinstance(kind, sa.Float):
        return "f8"
    return "i8" if isinstance(kind, sa.BigInteger) else "i4"
