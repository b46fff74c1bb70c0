"""Cached reads; the only module here that loads anything."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from regime.data.calendar import last_closed_session, trading_days
from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking.published import NAME, load_published
from regime.tracking.results import list_results, load_result


def published() -> dict[str, Any] | None:
    """What the model in service said last; None while there is none."""
    return _read(Settings().published, NAME, "published")


def experiments() -> list[str]:
    """Experiments with a stored comparison; ablations only show what does not work."""
    return [name for name in list_results(Settings().results) if not name.endswith("_ablation")]


def comparison(name: str) -> dict[str, Any] | None:
    """A stored comparison; None if it cannot be read."""
    return _read(Settings().results, name, "comparison")


def versions() -> list[str]:
    """Numbers of the registered versions: the one in service first, then the newest.

    Raises
    ------
    StoreError
        If MLflow cannot be reached.
    """
    from regime.tracking.registry import list_versions  # with MLflow: seconds, only needed here

    found = list_versions(Settings())
    said = published()
    served = None if said is None else said["about"]["model_version"]
    return sorted(found, key=lambda version: version != served)


def card(version: str) -> dict[str, Any]:
    """The model card of a version.

    Raises
    ------
    StoreError
        If it has none, or one that cannot be read or trusted; says what to do.
    """
    from regime.tracking.registry import load_card

    return load_card(Settings(), version)


def _read(folder: Path, name: str, kind: str) -> dict[str, Any] | None:
    try:
        # The link moves when a result is replaced, so its goal is the key of the cache.
        return _load(str(folder.absolute()), name, kind, str((folder / name).readlink()))
    except (OSError, StoreError):
        return None


@st.cache_data(max_entries=16, show_spinner=False)
def _load(folder: str, name: str, kind: str, version: str) -> dict[str, Any]:
    del version
    if kind == "published":
        return load_published(Settings())
    return load_result(Path(folder), name)


def sessions_behind(day: pd.Timestamp) -> int:
    """Closes there have been since `day`."""
    last = last_closed_session(pd.Timestamp.now("UTC"))
    return max(len(trading_days(day, last)) - 1, 0)
