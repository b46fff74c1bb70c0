"""What the app shows: the champion's newest scores, whole or not at all."""

from pathlib import Path
from typing import Any

import pandas as pd

from regime.bundle import Bundle
from regime.call import regime_call
from regime.data.baskets import spliced_lead
from regime.data.panel import digest
from regime.experiment import call_conditions
from regime.labels.leadership import leadership_path, path_as_known
from regime.scoring import Readiness
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.results import load_frames, save_frames, write_text

FRAMES = ("scores", "calls", "labels", "leads")
NAME = "champion"


def publish(
    rows: pd.DataFrame,
    bundle: Bundle,
    panel: pd.DataFrame,
    settings: Settings,
    *,
    readiness: Readiness,
    simulated: bool,
    known_at: pd.Timestamp | None = None,
) -> Path:
    """Keep scores, calls, hindsight path and leads for the app; returns their folder.

    Parameters
    ----------
    readiness : what of the newest day was missing, so that it is never silently stale
    known_at : the moment as of which the panel was read; with it and `panel_digest`,
        `regime panel --as-of` rebuilds what these numbers came from
    """
    lead = spliced_lead(panel, bundle.baskets)
    cost = bundle.config.labels.switching_cost
    now = rows[rows["horizon"] == 0].set_index("date")[list(REGIMES)]
    calls = regime_call(
        now,
        path=path_as_known(lead, switching_cost=cost),
        conditions=call_conditions(panel, bundle.baskets),
    )
    frames = {
        "scores": rows,
        "calls": calls.rename_axis("date").reset_index(),
        "labels": leadership_path(lead, switching_cost=cost).rename_axis("date").reset_index(),
        "leads": lead.rename_axis("date").reset_index(),
    }
    about = {
        "simulated": simulated,
        "baskets": bundle.baskets,
        "experiment": bundle.config.name,
        "model_version": str(rows["model_version"].iloc[-1]),
        "trained_until": f"{bundle.trained_until:%Y-%m-%d}",
        "panel_digest": digest(panel),
        "known_at": None if known_at is None else known_at.isoformat(timespec="seconds"),
        "state": readiness.state.value,
        "missing": list(readiness.missing),
        "words": readiness.words,
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
