"""Decisions made by hand, and what the registry says afterwards."""

import pandas as pd

from regime.evaluation.gate import CHECKS, Check, Decision
from regime.settings import Settings
from regime.tracking.mlflow_client import client
from regime.tracking.names import MODEL
from regime.tracking.promotion import promote

NOW = pd.Timestamp("2009-01-01 18:00", tz="UTC")  # a holiday; the last close is due


def passed(number: str, champion: str | None, at: str = "2009-01-01 18:00") -> Decision:
    checks = tuple(Check(name, True, 1.0, 0.0, "fine") for name in CHECKS)
    return Decision(number, champion, pd.Timestamp(at, tz="UTC"), checks)


def aliases(settings: Settings) -> dict[str, str]:
    found = client(settings).get_registered_model(MODEL).aliases
    return {alias: str(number) for alias, number in found.items()}


def tags(settings: Settings, number: str) -> dict[str, str]:
    return dict(client(settings).get_model_version(MODEL, number).tags)


def in_service(settings: Settings, *numbers: str) -> None:
    before = None
    for number in numbers:
        promote(settings, number, passed(number, before))
        before = number
