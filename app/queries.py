"""Cached reads; the only module here that loads anything.

What is published lies behind one link that moves in one step, so a page shows one publication
throughout, and the link's goal is the key of what is kept in memory.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd
import streamlit as st

from regime.brief import data as brief_data
from regime.brief.data import Holdings
from regime.brief.signals import crossed_words
from regime.brief.snapshot import Snapshot, load_snapshot, load_snapshot_of
from regime.brief.sure import Sure
from regime.brief.sure import how_sure as how_sure_of
from regime.brief.watched import signals_of, topic_words
from regime.data.calendar import last_closed_session, sessions_since
from regime.data.store import ObservationStore
from regime.exceptions import RegimeError, StoreError
from regime.health import kept
from regime.health.kept import Finding
from regime.settings import Settings
from regime.signals.declared.yours import LEVELS
from regime.tracking.certificate import load_certificate
from regime.tracking.dated_events import Events, load_events, save_events
from regime.tracking.published import NAME, load_model, load_signal_history
from regime.tracking.results import TRIES, list_results, load_result
from regime.tracking.roster import load_roster, roster_path

if TYPE_CHECKING:
    from regime.bundle import Bundle

T = TypeVar("T")
_A_YEAR, _EVERY = pd.Timedelta(days=366), 8  # of a sparkline, and one in how many is drawn


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


def _read(read: Callable[[str, str], T]) -> T:
    """What is read of the folder and goal that are published; again if they are replaced."""
    link = Settings().published / NAME
    for attempt in range(TRIES):
        goal = str(link.readlink())
        try:
            return read(str(link.parent.absolute()), goal)
        except RegimeError:
            if attempt == TRIES - 1 or str(link.readlink()) == goal:
                raise
    raise AssertionError  # the last attempt returns or raises


@dataclass(frozen=True, slots=True)
class Signals:
    """Every signal of a day: what there is to list, and what it looked like lately.

    Attributes
    ----------
    table : DataFrame of `brief.signals.signal_table`, in the order of the declarations
    recent : by name, values of the last year, one in `_EVERY`
    said : by topic, what there is to say beside its numbers
    """

    table: pd.DataFrame
    recent: dict[str, list[float]]
    said: dict[str, str]


def signals(day: pd.Timestamp | None = None) -> Signals:
    """Every signal as it was known on the day that `snapshot(day)` shows; not to be changed.

    Raises
    ------
    StoreError
        If none were published, or they cannot be read.
    """
    return _read(lambda folder, goal: _signals(folder, goal, day))


@st.cache_resource(max_entries=4, show_spinner=False)
def _signals(folder: str, goal: str, day: pd.Timestamp | None) -> Signals:
    here = Path(folder) / goal
    labels = _newest(folder, goal).labels if day is None else _then(folder, goal, day).labels
    table, said = signals_of(here, labels, day)
    newest = pd.Timestamp(said["day"])
    until = newest if day is None else day
    year = load_signal_history(here, table["name"].tolist(), since=until - _A_YEAR).loc[:until]
    drawn = year.iloc[::-1].iloc[::_EVERY].iloc[::-1]
    recent = {str(name): column.dropna().tolist() for name, column in drawn.items()}
    words = {LEVELS.title: crossed_words(table)} | (topic_words(said) if day is None else {})
    return Signals(table, recent, words)


def signal_history(name: str, day: pd.Timestamp) -> "pd.Series[float]":
    """A signal by trading day up to `day`; empty where it was never known."""
    return _read(lambda folder, goal: _signal_history(folder, goal, name)).loc[:day]


@st.cache_resource(max_entries=8, show_spinner=False)
def _signal_history(folder: str, goal: str, name: str) -> "pd.Series[float]":
    frame = load_signal_history(Path(folder) / goal, [name])
    return frame[name] if name in frame else pd.Series(dtype="float64", index=frame.index[:0])


def how_sure(shown: Snapshot) -> list[Sure]:
    """`brief.sure.how_sure`, worked out once for each day that is looked at."""
    about, folder = shown.about, Settings().published
    goal = str((folder / NAME).readlink())  # also what is said of a published day's past may change
    key = (str(folder), goal, about["panel_digest"], about["known_at"], str(about["model_version"]))
    return _how_sure(key, shown.day, len(shown.ledger), shown)


@st.cache_data(max_entries=12, show_spinner=False)
def _how_sure(
    key: tuple[str, ...], day: pd.Timestamp, published: int, _shown: Snapshot
) -> list[Sure]:
    del key, day, published
    return how_sure_of(_shown)


def levers() -> "tuple[Bundle, pd.DataFrame, pd.DataFrame]":
    """The model of the newest day, what it reads of each day, and `brief.what_if.levers`.

    Raises
    ------
    StoreError, EvaluationError
        If the model is not there or was changed, or reads what was not published.
    """
    return _read(_levers)


@st.cache_resource(max_entries=1, show_spinner=False)
def _levers(folder: str, goal: str) -> "tuple[Bundle, pd.DataFrame, pd.DataFrame]":
    from regime.brief.what_if import levers, read_by  # with scikit-learn: only needed here

    bundle = load_model(Settings())
    X = read_by(bundle, Path(folder) / goal, _newest(folder, goal).day)
    return bundle, X, levers(bundle, X)


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


def roster() -> dict[str, Any] | None:
    """Versions and runs as `tracking.roster` kept them; None while nothing was kept.

    Raises
    ------
    StoreError
        If it cannot be read.
    """
    path = roster_path(Settings())
    try:
        written = path.stat().st_mtime_ns
    except OSError:
        return None
    return _roster(str(path.absolute()), written)


@st.cache_resource(max_entries=2, show_spinner=False)
def _roster(path: str, written: int) -> dict[str, Any] | None:
    del path, written
    return load_roster(Settings())


def mlflow_ui() -> str:
    """Address of the MLflow UI, whether or not it runs."""
    return Settings().mlflow_ui


def certificate() -> dict[str, Any] | None:
    """What the newest audit found; None while there was none.

    Raises
    ------
    StoreError
        If it cannot be read.
    """
    return load_certificate(Settings())


def events() -> Events:
    """The user's dated events, as they are on disk now.

    Raises
    ------
    StoreError
        If the list cannot be read.
    """
    newest = snapshot()
    return load_events(Settings(), simulated=newest is None or bool(newest.about["simulated"]))


def keep_events(rows: pd.DataFrame, read: str) -> Events:
    """`tracking.dated_events.save_events`."""
    return save_events(Settings(), rows, read=read)


def sessions_behind(day: pd.Timestamp) -> int:
    """Closes there have been since `day`, by the clock or, in a rehearsal, by REGIME_NOW."""
    return sessions_since(day, last_closed_session(now()))


def now() -> pd.Timestamp:
    """The present moment in UTC or, in a rehearsal, REGIME_NOW."""
    rehearsed = Settings().now
    moment = pd.Timestamp.now("UTC") if rehearsed is None else pd.Timestamp(rehearsed)
    return moment.tz_convert("UTC")


def holdings(until: pd.Timestamp | None = None) -> Holdings:
    """What the store holds or, with a moment (UTC), what it held then; at most a minute old.

    Raises
    ------
    StoreError
        If nothing is stored, or it cannot be read.
    """
    location = Settings().store
    return _holdings(str(location), _changed(location), until)


@st.cache_data(ttl=60, max_entries=4, show_spinner=False)
def _holdings(location: str, changed: float, until: pd.Timestamp | None) -> Holdings:
    del location, changed
    return brief_data.holdings(ObservationStore(Settings().store), until)


def values(series: str, until: pd.Timestamp | None = None) -> pd.DataFrame:
    """The stored values of one series; see `brief.data.recent`."""
    location = Settings().store
    return _values(str(location), _changed(location), series, until)


@st.cache_data(ttl=60, max_entries=16, show_spinner=False)
def _values(location: str, changed: float, series: str, until: pd.Timestamp | None) -> pd.DataFrame:
    del location, changed
    return brief_data.recent(ObservationStore(Settings().store), series, until)


def _changed(location: Path | str) -> float:
    """When a store's file was written last; of a server the clock alone decides."""
    times = [0.0]
    for ending in ("", "-wal") if isinstance(location, Path) else ():
        with suppress(OSError):
            times.append(Path(f"{location}{ending}").stat().st_mtime)
    return max(times)


def findings() -> list[Finding]:
    """What `regime doctor` and `regime run` found last."""
    return kept.findings(Settings())
