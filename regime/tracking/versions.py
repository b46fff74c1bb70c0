"""What is registered, without loading any of it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from regime.evaluation.decision import CHECKS
from regime.settings import Settings
from regime.tracking.mlflow_client import client, plain_faults
from regime.tracking.names import CHAMPION, MODEL

PASSING = frozenset({"fresh", "clean_process"})  # checks whose failure is not the version's
_MOST = 10_000


class Registered(NamedTuple):
    """A version as the registry describes it."""

    number: str
    experiment: str
    baskets: str
    trained_until: pd.Timestamp
    pending: bool  # whether the gate has yet to judge it, for the first time or again
    rejected_for: tuple[str, ...]  # words of the checks it failed, if that is final


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
            pending=_is_pending(one.tags),
            rejected_for=() if _is_pending(one.tags) else _failed(one.tags),
        )
        for one in found
        if {"experiment", "baskets", "trained_until"} <= {*one.tags}
    ]
    return sorted(rows, key=lambda one: int(one.number))


def _is_pending(tags: Mapping[str, str]) -> bool:
    """Whether a run that judges versions should judge this one.

    A version that passed and was not promoted lost its run in between; one that failed only
    what passes, late data or a process that did not answer in time, may pass another day.
    """
    decision = tags.get("gate_decision")
    if decision == "reject":
        return not {name for name in CHECKS if _has_failed(tags, name)} - PASSING
    return decision is None or "promoted_at" not in tags


def _failed(tags: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(tags[f"gate_{name}"] for name in CHECKS if _has_failed(tags, name))


def _has_failed(tags: Mapping[str, str], name: str) -> bool:
    return tags.get(f"gate_{name}", "").startswith("failed")


def champion_number(settings: Settings) -> str | None:
    """The version in service, or None."""
    tracker = client(settings)
    with plain_faults(settings):
        return aliases_of(tracker).get(CHAMPION)


def aliases_of(tracker: Any) -> dict[str, str]:
    """By alias the number of the version it is of; empty while nothing is registered."""
    found = tracker.search_registered_models(f"name='{MODEL}'")
    return {str(alias): str(number) for alias, number in found[0].aliases.items()} if found else {}
