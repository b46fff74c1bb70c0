"""A roster as `tracking.roster` keeps it, of three versions and three runs."""

import json
from pathlib import Path
from typing import Any


def roster(**changes: Any) -> dict[str, Any]:
    """Version 2 in service against the gate, 3 the challenger, 1 taken back."""
    return {
        "schema": 1,
        "as_of": "2024-06-03T20:00:00+00:00",
        "model": "equity-leadership-regime",
        "champion": "2",
        "challenger": "3",
        "former": "1",
        "versions": [
            _version("3", "2024-06-01"),
            _version(
                "2", "2024-01-03",
                gate={
                    "decision": "reject",
                    "decided_at": "2024-01-04T01:00:00+00:00",
                    "against": "1",
                    "checks": [
                        _check("log_loss", True, "edge over version 1, nats: now +0.010"),
                        _check("fresh", False, "not as new as published: <b>OEF</b> ends early"),
                    ],
                },
                promoted_at="2024-01-04T01:00:00+00:00", promoted_over="1", forced=True,
                forced_why="files end early",
            ),
            _version(
                "1", "2023-01-03",
                promoted_at="2023-01-04T01:00:00+00:00", promoted_over="none",
                rolled_back_at="2023-01-06T01:00:00+00:00", rolled_back_why="calls changed daily",
            ),
        ],
        "runs": [
            _run("newer", "2024-01-03", {"model.kind": "logistic", "features.sets": "['rates']"}),
            _run("older", "2024-01-01", {"model.kind": "filter"}, edge=0.0),
            _run("broken", "2023-12-31", {}, status="FAILED"),
        ],
        "tried": {"funds": {"n_trials": 4, "sharpes": [0.01, 0.02, -0.01]}},
        **changes,
    }  # fmt: skip


def keep(told: dict[str, Any], home: Path) -> None:
    """Write it where the app looks."""
    (home / "published").mkdir(parents=True, exist_ok=True)
    (home / "published" / "roster.json").write_text(json.dumps(told), encoding="utf-8")


def _version(number: str, day: str, **changes: Any) -> dict[str, Any]:
    return {
        "number": number, "experiment": "small", "baskets": "funds", "trained_until": day,
        "simulated": True, "registered_at": f"{day}T22:00:00+00:00", "aliases": [],
        "run_id": number * 32, "experiment_id": "1", "gate": None, "promoted_at": None,
        "promoted_over": None, "forced": False, "forced_why": None, "rolled_back_at": None,
        "rolled_back_why": None, "card": None, "card_fault": "no card",
        **changes,
    }  # fmt: skip


def _check(name: str, passed: bool, words: str) -> dict[str, Any]:
    return {"name": name, "passed": passed, "words": words, "value": 0.0, "bound": 0.0}


def _run(
    name: str, day: str, params: dict[str, str], *, edge: float = 0.02, status: str = "FINISHED"
) -> dict[str, Any]:
    spread = 0.03 if edge else 0.0
    numbers = {
        "log_loss": 0.7, "edge": edge, "edge_low": edge - spread, "edge_high": edge + spread,
        "n_episodes": 40.0, "ece": 0.02,
    }  # fmt: skip
    each = [(key, one, horizon) for key, one in numbers.items() for horizon in (0, 21)]
    return {
        "run_id": name.encode().hex().ljust(32, "0"), "name": name, "experiment_id": "1",
        "study": "models on offer", "started": f"{day}T12:00:00+00:00", "status": status,
        "simulated": False, "panel_digest": "abc",
        "params": {"labels.switching_cost": "10.0", **params},
        "metrics": {f"{key}/funds_{horizon}d": one for key, one, horizon in each},
    }  # fmt: skip
