"""What is registered, without loading any of it."""

from typing import NamedTuple

import pandas as pd

from regime.settings import Settings
from regime.tracking.mlflow_client import client, plain_faults
from regime.tracking.registry import CHAMPION, MODEL

_MOST = 10_000


class Registered(NamedTuple):
    """A version as the registry describes it."""

    number: str
    experiment: str
    baskets: str
    trained_until: pd.Timestamp
    decided: bool  # whether the gate has judged it, one way or the other


def registered(settings: Settings) -> list[Registered]:
    """Every version this program registered, oldest first."""
    tracker = client(settings)
    with plain_faults(settings):
        found = tracker.search_model_versions(f"name='{MODEL}'", max_results=_MOST)
    rows = [
        Registered(
            number=str(one.version),
            experiment=one.tags["experiment"],
            baskets=one.tags["baskets"],
            trained_until=pd.Timestamp(one.tags["trained_until"]),
            decided="gate_decision" in one.tags,
        )
        for one in found
        if {"experiment", "baskets", "trained_until"} <= {*one.tags}
    ]
    return sorted(rows, key=lambda one: int(one.number))


def champion_number(settings: Settings) -> str | None:
    """The version in service, or None."""
    tracker = client(settings)
    with plain_faults(settings):
        found = tracker.search_registered_models(f"name='{MODEL}'")
    number = dict(found[0].aliases).get(CHAMPION) if found else None
    return None if number is None else str(number)
