"""Files that the program wrote itself, read back by whoever expects them whole."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd

_AT_ONCE = 1024  # rows; a century of all signals at once is 50 MB


def plain(text: str | bytes) -> Any:
    """Values of a JSON document; a ValueError if it is damaged, or nested beyond all depth."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def table(
    source: Path | IO[bytes],
    columns: Sequence[str] | None = None,
    *,
    since: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """A Parquet table, or some of its columns, with the index that pandas wrote.

    With `since` only rows whose column `date` is that day or later.

    It is read without threads: where the kernel gives no more of them, pyarrow waits for ever
    (25.0, under RLIMIT_AS).

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or is damaged: the libraries below raise all there is.
    """
    from pyarrow import ArrowException, Table, compute, parquet

    try:
        with parquet.ParquetFile(source) as file:
            if since is None:
                read = file.read(columns=columns, use_threads=False, use_pandas_metadata=True)
            else:
                groups = _groups(file, since)
                pieces = file.iter_batches(_AT_ONCE, groups, columns, use_threads=False)
                kept = [one.filter(compute.greater_equal(one["date"], since)) for one in pieces]
                nothing = file.read_row_groups([], columns, use_threads=False)
                read = Table.from_batches(kept, nothing.schema)
        read.validate(full=True)  # text that is no UTF-8 is not looked for otherwise
        found: pd.DataFrame = read.to_pandas(use_threads=False)
        return found
    except (OSError, ValueError):
        raise
    except (
        ArrowException, ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError,
        TypeError,
    ) as error:  # fmt: skip
        raise ValueError(f"{type(error).__name__}, {error}") from error


def _groups(file: Any, since: pd.Timestamp) -> list[int]:
    """Groups of rows of a Parquet file that may hold such a day."""
    column = file.schema_arrow.get_field_index("date")
    groups = []
    for group in range(file.metadata.num_row_groups):
        told = file.metadata.row_group(group).column(column).statistics
        if told is None or not told.has_min_max or told.max >= since:
            groups.append(group)
    return groups
