"""Cached reads; the only module here that loads anything."""

from typing import Any

import pandas as pd
import streamlit as st

from regime.data.calendar import last_closed_session, trading_days
from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking.results import list_results, load_result


def experiments() -> list[str]:
    """Experiments with a stored result; the filter first, it is what others are held against."""
    names = [name for name in list_results(Settings().results) if not name.endswith("_ablation")]
    return sorted(names, key=lambda name: (name != "filter", name))


def result(name: str) -> dict[str, Any] | None:
    """A stored result, read again when it was replaced; None if it cannot be read."""
    folder = Settings().results
    try:
        version = str((folder / name).readlink())
        return _result(str(folder), name, version)
    except (OSError, StoreError):
        return None


@st.cache_data(max_entries=8, show_spinner=False)
def _result(folder: str, name: str, version: str) -> dict[str, Any]:
    del version  # part of the cache's key
    from pathlib import Path

    return load_result(Path(folder), name)


def sessions_behind(day: pd.Timestamp) -> int:
    """Closes there have been since `day`."""
    last = last_closed_session(pd.Timestamp.now("UTC"))
    return max(len(trading_days(day, last)) - 1, 0)
