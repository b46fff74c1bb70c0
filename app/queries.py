"""Cached reads; the only module here that loads anything.

What is published lies behind one link that moves in one step, so a page shows one publication
throughout, and the link's goal is the key of what is kept in memory.
"""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from regime.brief.snapshot import Snapshot, load_snapshot, load_snapshot_of
from regime.bundle import Bundle
from regime.data.calendar import last_closed_session, trading_days
from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking.published import NAME, load_model
from regime.tracking.results import list_results, load_result


def snapshot(day: pd.Timestamp | None = None) -> Snapshot | None:
    """What was published last or, with a day, as it was known then; None while nothing was.

    Raises
    ------
    StoreError, EvaluationError
        If it cannot be read, or there are no probabilities of that day.
    """
    folder = Settings().published
    try:
        goal = str((folder / NAME).readlink())
    except OSError:
        return None
    newest = _newest(str(folder.absolute()), goal)
    return newest if day is None else _then(str(folder.absolute()), goal, day)


@st.cache_resource(max_entries=2, show_spinner=False)
def _newest(folder: str, goal: str) -> Snapshot:
    del folder, goal
    return load_snapshot(Settings())


@st.cache_resource(max_entries=6, show_spinner=False)
def _then(folder: str, goal: str, day: pd.Timestamp) -> Snapshot:
    return load_snapshot_of(Settings(), _newest(folder, goal), day)


def model() -> Bundle:
    """The model that spoke of the newest day; only What if asks it anything.

    Raises
    ------
    StoreError
        If it is not there or was changed.
    """
    folder = Settings().published
    return _model(str(folder.absolute()), str((folder / NAME).readlink()))


@st.cache_resource(max_entries=1, show_spinner=False)
def _model(folder: str, goal: str) -> Bundle:
    del folder, goal
    return load_model(Settings())


def experiments() -> list[str]:
    """Experiments with a stored comparison; ablations only show what does not work."""
    return [name for name in list_results(Settings().results) if not name.endswith("_ablation")]


def comparison(name: str) -> dict[str, Any] | None:
    """A stored comparison; None if it cannot be read."""
    folder = Settings().results
    try:
        return _comparison(str(folder.absolute()), name, str((folder / name).readlink()))
    except (OSError, StoreError):
        return None


@st.cache_resource(max_entries=8, show_spinner=False)
def _comparison(folder: str, name: str, goal: str) -> dict[str, Any]:
    del goal
    return load_result(Path(folder), name)


def sessions_behind(day: pd.Timestamp) -> int:
    """Closes there have been since `day`, by the clock or, in a rehearsal, by REGIME_NOW."""
    rehearsed = Settings().now
    now = pd.Timestamp.now("UTC") if rehearsed is None else pd.Timestamp(rehearsed)
    last = last_closed_session(now.tz_convert("UTC"))
    return max(len(trading_days(day, last)) - 1, 0)
