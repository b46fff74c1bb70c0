"""What the app shows: the champion's newest scores, whole or not at all.

Who only reads it needs no model: what models are made of is imported where one is kept.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from regime.data.baskets import spliced_lead
from regime.data.panel import digest
from regime.exceptions import StoreError
from regime.labels.leadership import leadership_path
from regime.scoring import Readiness, State
from regime.settings import Settings
from regime.tracking.kept import plain, table
from regime.tracking.results import TRIES, goal_of, load_frames, save_frames, write_text

if TYPE_CHECKING:
    from regime.bundle import Bundle
    from regime.signals.watched import Watched

SAID = ("scores", "calls", "labels", "leads", "conditions", "ledger")
EXPLAINED = ("features", "shares", "drivers", "similar", "flips")
FEATURES = "features"  # large, and only what-if reads it
OF_A_DAY = ("drivers", "similar", "flips")  # explain one day only, and are kept of each
SHOWN = (*SAID, *(name for name in EXPLAINED if name != FEATURES))
SIGNALS = "signals"  # a frame of every signal by day, and what is said of them
_STRETCH = 2520  # sessions that are read together
NAME, MODEL, DAYS = "champion", "model", "days"


def publish(
    scores: pd.DataFrame,
    calls: pd.DataFrame,
    bundle: "Bundle",
    panel: pd.DataFrame,
    settings: Settings,
    *,
    version: str,
    readiness: Readiness,
    simulated: bool,
    known_at: pd.Timestamp,
    moved: pd.DataFrame,
    speaker: "Bundle",
    ledger: pd.DataFrame,
    explained: Mapping[str, pd.DataFrame],
    explained_by: str = "",
    features: Sequence[Mapping[str, Any]] = (),
    signals: "Watched | None" = None,
    notes: Sequence[str] = (),
) -> Path:
    """Keep all that the app shows, and the model for what-if; returns their folder.

    Parameters
    ----------
    scores : DataFrame with `scoring.COLUMNS`
    calls : DataFrame of `call.regime_call` of their horizon 0
    version : number of the model in service
    readiness : what of the newest day was missing, so that it is never silently stale
    known_at : the moment as of which the panel was read; with it and `panel_digest`,
        `regime panel --as-of` rebuilds what these numbers came from
    moved : DataFrame of `movement.overnight`, or empty
    bundle, speaker : the model in service, and who speaks of the newest day
    ledger : what was published, every row of the champions
    explained : DataFrames named `EXPLAINED`
    explained_by : digest of the model that explains
    features : what is declared of each column of the explained `features`
    signals : every watched number, where it could be told
    notes : what could not be told, a line each

    Raises
    ------
    StoreError
        If it cannot be written; what was shown before still is.
    """
    from regime.experiment import call_conditions
    from regime.tracking.storage import save_bundle

    lead = spliced_lead(panel, bundle.baskets)
    path = leadership_path(lead, switching_cost=bundle.config.labels.switching_cost)
    frames = {
        "scores": scores,
        "calls": calls.rename_axis("date").reset_index(),
        "labels": path.rename_axis("date").reset_index(),
        "leads": lead.rename_axis("date").reset_index(),
        "conditions": call_conditions(panel, bundle.baskets).rename_axis("date").reset_index(),
        "ledger": ledger,
        **explained,
    }
    spoke = str(scores["model_version"].iloc[-1])
    about = {
        "simulated": simulated,
        "baskets": bundle.baskets,
        "experiment": bundle.config.name,
        "model_version": spoke,
        "in_service": version,
        "trained_until": f"{bundle.trained_until:%Y-%m-%d}",
        "panel_digest": digest(panel),
        "known_at": known_at.isoformat(timespec="seconds"),
        "state": readiness.state.value,
        "missing": list(readiness.missing),
        "words": readiness.words,
        "moved": _records(moved),
        "switching_cost": bundle.config.labels.switching_cost,
        "explained_by": explained_by,
        "explained_until": f"{panel.index[-1]:%Y-%m-%d}",
        "features": [dict(one) for one in features],
        "notes": list(notes),
    }

    def keep_beside(folder: Path) -> None:
        of_model = {"digest": save_bundle(speaker, folder / MODEL)}
        (folder / f"{MODEL}.json").write_text(json.dumps(of_model), encoding="utf-8")
        if signals is not None:
            _keep_signals(signals, folder)

    folder = save_frames(frames, about, settings.published, NAME, also=keep_beside)
    _keep_day(about, frames, settings)
    return folder


def _keep_signals(signals: "Watched", folder: Path) -> None:
    """Numbers of the day, what is said of them, and their history in stretches of years."""
    signals.numbers.to_parquet(folder / f"{SIGNALS}_now.parquet", index=False)
    known = signals.history.loc[:, signals.history.notna().any()].astype(np.float32)
    known.rename_axis("date").reset_index().to_parquet(
        folder / f"{SIGNALS}.parquet", index=False, row_group_size=_STRETCH
    )
    said = {
        "day": f"{signals.day:%Y-%m-%d}",
        "declarations": signals.declarations,
        "seasons": signals.seasons,
        "tested": signals.tested,
    }
    (folder / f"{SIGNALS}.json").write_text(json.dumps(said), encoding="utf-8")


def load_signals(folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """What is said of the signals of one publication, and their numbers on its day.

    Parameters
    ----------
    folder : where the link to what is published leads

    Raises
    ------
    StoreError
        If there are none; says what to run.
    """
    try:
        said = dict(plain((folder / f"{SIGNALS}.json").read_bytes()))
        return said, table(folder / f"{SIGNALS}_now.parquet")
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"There are no readable signals in {folder} ({error}). Run `regime score`."
        ) from error


def load_signal_history(
    folder: Path, names: Sequence[str], *, since: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Signals of these names by day, as far as they were ever known, from `since` on.

    Raises
    ------
    StoreError
        If they cannot be read.
    """
    return _load_columns(folder / f"{SIGNALS}.parquet", names, since)


def load_features(folder: Path, names: Sequence[str]) -> pd.DataFrame:
    """Features of these names by day, as far as they were published.

    Raises
    ------
    StoreError
        If they cannot be read.
    """
    return _load_columns(folder / f"{FEATURES}.parquet", names, None)


def _load_columns(path: Path, names: Sequence[str], since: pd.Timestamp | None) -> pd.DataFrame:
    """Those of these columns that a published file has, indexed by its `date`."""
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            there = {*file.schema_arrow.names}
        columns = ["date", *(name for name in names if name in there)]
        return table(path, columns, since=since).set_index("date")
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(f"{path} cannot be read ({error}). Run `regime score`.") from error


def _keep_day(
    about: Mapping[str, Any], frames: Mapping[str, pd.DataFrame], settings: Settings
) -> None:
    """What is told of this day only, so that it can be seen later as it was seen then."""
    day = frames["scores"]["date"].max()
    of_the_day = {name: _records(frames[name]) for name in OF_A_DAY}
    facts = {key: value for key, value in about.items() if key != "features"}
    folder = settings.published / DAYS
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{folder} could not be made: {error.strerror or error}. What is shown of "
            f"{day:%Y-%m-%d} stands; free some room, then run `regime score`."
        ) from error
    path = folder / f"{day:%Y-%m-%d}.json"
    if about["state"] == State.HELD and path.exists():
        return  # what is held is a later day, of which nothing is told
    text = json.dumps({"about": facts, **of_the_day})
    write_text(path, text, "day")


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    text = frame.to_json(orient="records", double_precision=15, date_format="iso")
    return list(json.loads(text))


def load_day(settings: Settings, day: pd.Timestamp) -> dict[str, Any] | None:
    """What was kept of a published day: `about`, and the frames `OF_A_DAY`; None without it."""
    path = settings.published / DAYS / f"{day:%Y-%m-%d}.json"
    try:
        kept = plain(path.read_bytes())
        if not all(isinstance(row, dict) for name in OF_A_DAY for row in kept[name]):
            return None
        frames = {name: pd.DataFrame(kept[name]) for name in OF_A_DAY}
        about = dict(kept["about"])
        for column in ("date", "episode"):
            if column in frames["similar"]:
                days = [None if one is None else str(one) for one in frames["similar"][column]]
                text = pd.Series(days, dtype="str")
                frames["similar"][column] = pd.to_datetime(text, format="ISO8601")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None
    return {"about": about, **frames}


def load_model(settings: Settings) -> "Bundle":
    """The model that spoke of the newest day, as it was kept beside what it said.

    Raises
    ------
    StoreError
        If it is not there or was changed since.
    """
    from regime.tracking.storage import load_bundle

    link = settings.published / NAME
    for attempt in range(TRIES):
        folder = goal_of(link)
        try:
            about = plain((folder / f"{MODEL}.json").read_bytes())
            return load_bundle(folder / MODEL, digest=about["digest"])
        except (OSError, ValueError, KeyError, TypeError, StoreError) as error:
            if attempt < TRIES - 1 and goal_of(link) != folder:
                continue  # replaced meanwhile, and its files with it
            raise StoreError(
                f"There is no readable model in {folder} ({error}). Run `regime score`."
            ) from error
    raise AssertionError  # the last attempt returns or raises


def load_published(settings: Settings, frames: Sequence[str] = SAID) -> dict[str, Any]:
    """What `publish` kept: these of its frames by name, and `about`.

    Raises
    ------
    StoreError
        If nothing was published, or it cannot be read.
    """
    return load_frames(settings.published, NAME, frames, remedy="regime score")


def write_rows(rows: pd.DataFrame, path: Path, kind: str) -> None:
    """Write scores as CSV or JSON; the file is replaced only when it is complete."""
    rows = rows.assign(
        date=rows["date"].dt.strftime("%Y-%m-%d"),
        trained_until=rows["trained_until"].dt.strftime("%Y-%m-%d"),
    )
    text = rows.to_csv(index=False) if kind == "csv" else rows.to_json(orient="records", indent=1)
    write_text(path, text, "scores")
