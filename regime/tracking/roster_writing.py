"""The roster is written: what MLflow knows of versions and runs, for whom never imports it."""

import json
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

import pandas as pd

from regime.evaluation.decision import CHECKS
from regime.exceptions import RegimeError, StoreError
from regime.settings import Settings
from regime.tracking.mlflow_client import (
    FAMILY,
    SERVICE,
    client,
    has_tracking,
    is_simulated,
    plain_faults,
)
from regime.tracking.names import CHALLENGER, CHAMPION, FORMER, MODEL
from regime.tracking.registry import iso, load_card
from regime.tracking.results import write_text
from regime.tracking.roster import SCHEMA, roster_path
from regime.tracking.sharpes import tried_on
from regime.tracking.versions import aliases_of

MOST_RUNS = 200
# What two runs are put side by side by; `NAME/BASKETS_HORIZONd`, see docs/mlflow.md.
METRICS = (
    "log_loss", "edge", "edge_low", "edge_high", "brier", "ece", "ece_if_calibrated_high",
    "balanced_accuracy", "detection_delay_days", "switches_per_year", "n_episodes",
)  # fmt: skip
_SPREAD = "spread_sharpe_"  # of `sharpes.metric_of`
_MOST_VERSIONS = 1000


def keep_roster(settings: Settings) -> list[str]:
    """Write what the registry and recent runs say now; whole, or what stood before stands.

    Returns
    -------
    list of str
        Empty; or why it could not be kept, for a line beside the result: whoever calls this has
        done something that is not undone by it, so it raises no `RegimeError`.
    """
    try:
        told = roster_of(settings)
        settings.published.mkdir(parents=True, exist_ok=True)
        text = json.dumps(told, indent=1, allow_nan=False)
        write_text(roster_path(settings), text, "roster")
    except (RegimeError, OSError, ValueError) as error:
        return [f"warning: the app's list of versions and runs was not renewed: {error}"]
    return []


def roster_of(settings: Settings) -> dict[str, Any]:
    """Everything a roster says, as plain JSON values.

    Returns
    -------
    dict
        - `as_of`, the moment, UTC; `model`, the name in the registry;
        - `champion`, `challenger`, `former`: a number each, or None;
        - `versions`, the newest first: `number`, `experiment`, `baskets`, `trained_until`,
          `simulated`, `registered_at`, `aliases`, `run_id`, `experiment_id` (MLflow's), `gate`
          (None where it never judged, else `decision`, `decided_at`, `against` and `checks`, each
          with `name`, `passed`, `words`, `value`, `bound`), `promoted_at`, `promoted_over`,
          `forced`, `forced_why`, `rolled_back_at`, `rolled_back_why`, `card` as of
          `registry.load_card`, its digest checked just now, or None and `card_fault` says why;
        - `runs`, the newest `MOST_RUNS` of comparisons: `run_id`, `name`, `experiment_id`,
          `study`, `started`, `status`, `simulated`, `panel_digest`, `params`, `metrics`;
        - `tried`, by basket set, those of the champion or else of the newest version: `n_trials`
          and `sharpes` of `sharpes.tried_on`.

    Raises
    ------
    StoreError
        If MLflow cannot be reached.
    """
    about: dict[str, Any] = {
        "schema": SCHEMA,
        "as_of": iso(pd.Timestamp.now("UTC")),
        "model": MODEL,
        **dict.fromkeys((CHAMPION, CHALLENGER, FORMER)),
        "versions": [],
        "runs": [],
        "tried": {},
    }
    if not has_tracking(settings):
        return about
    tracker = client(settings)
    with plain_faults(settings):
        aliases = aliases_of(tracker)
        about |= {alias: aliases.get(alias) for alias in (CHAMPION, CHALLENGER, FORMER)}
        about["versions"] = list(_versions(tracker, settings, aliases))
        about["runs"] = list(_runs(tracker))
    spoken = [one for one in about["versions"] if one["number"] == about[CHAMPION]]
    for one in (spoken or about["versions"])[:1]:
        tried = tried_on(one["baskets"], settings, simulated=one["simulated"])
        about["tried"][one["baskets"]] = {
            "n_trials": tried.n_trials,
            "sharpes": [float(ratio) for ratio in tried.sharpes],
        }
    return about


def _versions(
    tracker: Any, settings: Settings, aliases: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    found = tracker.search_model_versions(f"name='{MODEL}'", max_results=_MOST_VERSIONS)
    for one in sorted(found, key=lambda one: int(one.version), reverse=True):
        number, tags = str(one.version), dict(one.tags)
        try:
            card, fault = load_card(settings, number), ""
        except StoreError as error:
            card, fault = None, str(error)
        yield {
            "number": number,
            "experiment": tags.get("experiment", ""),
            "baskets": tags.get("baskets", ""),
            "trained_until": tags.get("trained_until", ""),
            "simulated": is_simulated(tags),
            "registered_at": _moment(one.creation_timestamp),
            "aliases": sorted(alias for alias, at in aliases.items() if at == number),
            "run_id": one.run_id,
            "experiment_id": _experiment_of(tracker, one.run_id),
            "gate": _gate(tags),
            "promoted_at": tags.get("promoted_at"),
            "promoted_over": tags.get("promoted_over"),
            "forced": tags.get("forced") == "true",
            "forced_why": tags.get("forced_why"),
            "rolled_back_at": tags.get("rolled_back_at"),
            "rolled_back_why": tags.get("rolled_back_why"),
            "card": card,
            "card_fault": fault,
        }


def _experiment_of(tracker: Any, run_id: str) -> str | None:
    from mlflow.exceptions import MlflowException

    try:
        return str(tracker.get_run(run_id).info.experiment_id)
    except MlflowException:  # it was deleted for good
        return None


def _gate(tags: Mapping[str, str]) -> dict[str, Any] | None:
    """What the gate said of a version, out of its tags; None where it never judged it."""
    decision = tags.get("gate_decision")
    if decision is None:
        return None
    try:
        numbers = dict(json.loads(tags.get("gate_numbers", "{}")))
    except ValueError:  # cut short by a store that takes no longer tags
        numbers = {}
    checks = []
    for name in CHECKS:
        if f"gate_{name}" in tags:
            verdict, _, words = tags[f"gate_{name}"].partition(": ")
            value, bound = numbers.get(name, (None, None))
            checks.append(
                {
                    "name": name,
                    "passed": verdict == "passed",
                    "words": words,
                    "value": value,
                    "bound": bound,
                }
            )
    return {
        "decision": decision,
        "decided_at": tags.get("gate_decided_at"),
        "against": tags.get("gate_against"),
        "checks": checks,
    }


def _runs(tracker: Any) -> Iterator[dict[str, Any]]:
    """The newest of every experiment but the service's own, deleted ones left out."""
    found = tracker.search_experiments(filter_string=f"name LIKE '{FAMILY}%'", max_results=1000)
    studies = {
        str(one.experiment_id): study
        for one in found
        if (study := one.name.removeprefix(f"{FAMILY}: ")) != SERVICE
    }
    if not studies:
        return
    runs = tracker.search_runs(
        list(studies), max_results=MOST_RUNS, order_by=["attributes.start_time DESC"]
    )
    for run in runs:
        info, tags = run.info, run.data.tags
        yield {
            "run_id": info.run_id,
            "name": info.run_name,
            "experiment_id": str(info.experiment_id),
            "study": studies[str(info.experiment_id)],
            "started": _moment(info.start_time),
            "status": info.status,
            "simulated": is_simulated(tags),
            "panel_digest": tags.get("panel_digest", ""),
            "params": dict(run.data.params),
            "metrics": {
                name: value if isfinite(value) else None
                for name, value in run.data.metrics.items()
                if name.partition("/")[0] in METRICS or name.startswith(_SPREAD)
            },
        }


def _moment(milliseconds: int) -> str:
    return iso(pd.Timestamp(milliseconds, unit="ms", tz="UTC"))
