"""Files that the program wrote itself, read back by whoever expects them whole."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd


def plain(text: str | bytes) -> Any:
    """Values of a JSON document; a ValueError if it is damaged, or nested beyond all depth."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def table(source: Path | IO[bytes], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A Parquet table, or some of its columns, with the index that pandas wrote.

    It is read without threads: where the kernel gives no more of them, pyarrow waits for ever
    (25.0, under RLIMIT_AS).

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or is damaged: the libraries below raise all there is.
    """
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(source) as file:
            read = file.read(columns=columns, use_threads=False, use_pandas_metadata=True)
        found: pd.DataFrame = read.to_pandas(use_threads=False)
        return found
    except (OSError, ValueError):
        raise
    except (
        ArrowException, ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError,
        TypeError,
    ) as error:  # fmt: skip
        raise ValueError(f"{type(error).__name__}, {error}") from error
