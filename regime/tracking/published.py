"""What the app shows: the champion's newest scores, whole or not at all."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from regime.bundle import Bundle
from regime.data.baskets import spliced_lead
from regime.data.panel import digest
from regime.labels.leadership import leadership_path
from regime.scoring import Readiness
from regime.settings import Settings
from regime.tracking.results import load_frames, save_frames, write_text

FRAMES = ("scores", "calls", "labels", "leads")
NAME = "champion"


def publish(
    scores: pd.DataFrame,
    calls: pd.DataFrame,
    bundle: Bundle,
    panel: pd.DataFrame,
    settings: Settings,
    *,
    version: str,
    readiness: Readiness,
    simulated: bool,
    known_at: pd.Timestamp,
    moved: pd.DataFrame,
) -> Path:
    """Keep scores, calls, hindsight path and leads for the app; returns their folder.

    Parameters
    ----------
    scores : DataFrame with `scoring.COLUMNS`
    calls : DataFrame of `call.regime_call` of their horizon 0
    version : number of the model in service
    readiness : what of the newest day was missing, so that it is never silently stale
    known_at : the moment as of which the panel was read; with it and `panel_digest`,
        `regime panel --as-of` rebuilds what these numbers came from
    moved : DataFrame of `movement.overnight`, or empty
    """
    lead = spliced_lead(panel, bundle.baskets)
    path = leadership_path(lead, switching_cost=bundle.config.labels.switching_cost)
    frames = {
        "scores": scores,
        "calls": calls.rename_axis("date").reset_index(),
        "labels": path.rename_axis("date").reset_index(),
        "leads": lead.rename_axis("date").reset_index(),
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
        "moved": json.loads(moved.to_json(orient="records", double_precision=15)),
    }
    return save_frames(frames, about, settings.published, NAME)


def load_published(settings: Settings) -> dict[str, Any]:
    """What `publish` kept: its frames by name, and `about`."""
    return load_frames(settings.published, NAME, FRAMES, remedy="regime score")


def write_rows(rows: pd.DataFrame, path: Path, kind: str) -> None:
    """Write scores as CSV or JSON; the file is replaced only when it is complete."""
    rows = rows.assign(
        date=rows["date"].dt.strftime("%Y-%m-%d"),
        trained_until=rows["trained_until"].dt.strftime("%Y-%m-%d"),
    )
    text = rows.to_csv(index=False) if kind == "csv" else rows.to_json(orient="records", indent=1)
    write_text(path, text, "scores")
