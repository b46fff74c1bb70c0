"""The newest audit's certificate: kept in the home folder for the app, and logged to MLflow."""

import json
from collections.abc import Mapping
from typing import Any

from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking.mlflow_client import DATA, client, market, plain_faults
from regime.tracking.operations import log_operation
from regime.tracking.results import write_text

NAME = "certificate.json"
_NEEDED = {"passed", "audited_at", "findings", "digest", "days", "model_version", "panel_digest"}


def keep_certificate(settings: Settings, told: Mapping[str, Any]) -> str:
    """Keep what an audit found, log it as a run with the whole as an artifact; its run id."""
    folder = settings.audits
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(told, indent=1, default=str)
    write_text(folder / NAME, text, "certificate")
    findings = list(told["findings"])
    run_id = log_operation(
        settings,
        f"audit {'passed' if told['passed'] else 'FAILED'}",
        tags={
            "audit": "passed" if told["passed"] else "FAILED",
            "model_version": str(told["model_version"]),
            "panel_digest": str(told["panel_digest"]),
            DATA: market(bool(told.get("simulated"))),
            "certificate": str(told["digest"]),
        },
        metrics={
            "audit_days": float(told["days"]),
            "audit_checks": float(len(findings)),
            "audit_failed": float(sum(not found["holds"] for found in findings)),
        },
    )
    with plain_faults(settings):
        client(settings).log_text(run_id, text, NAME)
    return run_id


def load_certificate(settings: Settings) -> dict[str, Any] | None:
    """What the newest audit found; None while there was none.

    Raises
    ------
    StoreError
        If it cannot be read.
    """
    path = settings.audits / NAME
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read ({error}). Run `regime audit`.") from error
    if not isinstance(told, dict) or not {*told} >= _NEEDED:
        raise StoreError(f"{path} is no certificate. Run `regime audit`.")
    return told
