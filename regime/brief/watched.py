"""The table of signals of any published day: as it was kept, or worked out from their history."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from regime.brief.signal_words import NOT_KNOWN, reading
from regime.brief.signals import (
    extreme_words,
    favours_words,
    most_extreme_first,
    season_words,
    signal_table,
)
from regime.signals.declared.composite import TOPIC
from regime.signals.numbers import signal_numbers
from regime.signals.standing import KNOWN
from regime.tracking.published import load_signal_history, load_signals

COMPOSITE = TOPIC.title
_MOST = 8  # extremes in a note


def signals_of(
    folder: Path, labels: pd.DataFrame, day: pd.Timestamp | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table of a day, and what is said of all its signals.

    Parameters
    ----------
    folder : where the link to what is published leads
    labels : hindsight as it looked on `day`
    day : by default the newest that was published

    Returns
    -------
    DataFrame of `brief.signals.signal_table`, and `day`, `declarations` and `tested`. Of an
    earlier day figures are those of now: what was revised since is not undone.

    Raises
    ------
    StoreError
        If none were published, or they cannot be read.
    """
    said, numbers = load_signals(folder)
    declared = said["declarations"]
    if day is not None and day != pd.Timestamp(said["day"]):
        numbers = signal_numbers(
            declared, lambda names: load_signal_history(folder, names), labels, day
        )
    return signal_table(declared, numbers), said


def topic_words(said: Mapping[str, Any]) -> dict[str, str]:
    """By topic, what there is to say beside its numbers: seasons, and whether it told anything."""
    tested = " ".join(said["tested"])
    return season_words(said["seasons"]) | ({COMPOSITE: tested} if tested else {})


def note_rows(table: pd.DataFrame) -> dict[str, list[Any]]:
    """What a note says: `extremes`, sentences, and `rows`, the first known of each topic."""
    extremes = [
        f"{row['title']}: {extreme_words(row)}."
        for row in most_extreme_first(table).head(_MOST).to_dict("records")
    ]
    first = table[table["state"] == KNOWN].drop_duplicates("topic")
    return {"extremes": extremes, "rows": [_row(row) for row in first.to_dict("records")]}


def _row(row: Mapping[Any, Any]) -> dict[str, str]:
    unit = reading(str(row["unit"]))
    change = unit.said_change(row["change_21"], row["value"])
    return {
        "topic": str(row["topic"]),
        "title": str(row["title"]),
        "value": unit.said(row["value"]),
        "percentile": "" if pd.isna(row["percentile"]) else f"{100 * row['percentile']:.0f}",
        "change": "" if change == NOT_KNOWN else change,
        "favours": favours_words(row) if row["favours"] else "",
    }
