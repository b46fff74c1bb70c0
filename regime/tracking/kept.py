"""Files that the program wrote itself, read back by whoever expects them whole."""

import json
from pathlib import Path
from typing import IO, Any

import pandas as pd


def plain(text: str | bytes) -> Any:
    """Values of a JSON document; a ValueError if it is damaged, or nested beyond all depth."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def table(source: Path | IO[bytes], **options: Any) -> pd.DataFrame:
    """A Parquet table, as `pandas.read_parquet` reads it.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or is damaged: the libraries below raise all there is.
    """
    from pyarrow import ArrowException

    try:
        return pd.read_parquet(source, **options)
    except (OSError, ValueError):
        raise
    except (
        ArrowException, ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError,
        TypeError,
    ) as error:  # fmt: skip
        raise ValueError(f"{type(error).__name__}, {error}") from error
