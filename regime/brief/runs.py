"""Logged runs side by side, and where they are in the MLflow UI."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pandas as pd

from regime.brief.snapshot import Snapshot
from regime.data.calendar import end_of_day
from regime.tracking.wording import horizon_name, interval_words

Run = Mapping[str, Any]
_SHOWN = {
    "log_loss": "log loss, nats",
    "edge": "edge over the filter, nats [90%]",
    "brier": "Brier score",
    "ece": "calibration error",
    "detection_delay_days": "sessions late at a change",
    "switches_per_year": "changes of the most probable regime a year",
}


def known_runs(roster: Mapping[str, Any] | None, snapshot: Snapshot) -> list[Run]:
    """Finished runs that were started by the end of the snapshot's day, the newest first."""
    runs: list[Run] = [] if roster is None else list(roster["runs"])
    until = end_of_day(snapshot.day)
    return [
        one
        for one in runs
        if one["status"] == "FINISHED"
        and not (snapshot.then and pd.Timestamp(one["started"]) > until)
    ]


def run_label(run: Run) -> str:
    """A run as it is chosen: its name, when, and the beginning of its id."""
    began = pd.Timestamp(run["started"])
    return f"{run['name']}, {began.day} {began:%b %Y %H:%M}, {run['run_id'][:6]}"


def differing(runs: Sequence[Run]) -> pd.DataFrame:
    """Parameters in which runs differ: `parameter`, and a column per run by its label."""
    names = sorted({name for run in runs for name in run["params"]})
    rows = []
    for name in names:
        values = [run["params"].get(name) for run in runs]
        if len(set(values)) > 1:
            shown = ["default" if one is None else one for one in values]
            told = dict(zip(map(run_label, runs), shown, strict=True))
            rows.append({"parameter": name, **told})
    return pd.DataFrame(rows, columns=["parameter", *map(run_label, runs)])


def baskets_of(runs: Sequence[Run]) -> list[str]:
    """Basket sets that all of these runs were scored on."""
    scored = [{*_baskets(run)} for run in runs]
    return sorted(set.intersection(*scored)) if scored else []


def _baskets(run: Run) -> Iterator[str]:
    for name in run["metrics"]:
        kind, _, about = name.partition("/")
        if kind == "log_loss":
            yield about.rpartition("_")[0]


def side_by_side(runs: Sequence[Run], baskets: str) -> pd.DataFrame:
    """Key numbers of runs on one basket set: `number`, and a column per run by its label."""
    horizons = sorted(
        {
            int(name.rpartition("_")[2].removesuffix("d"))
            for run in runs
            for name in run["metrics"]
            if name.startswith(f"log_loss/{baskets}_")
        }
    )
    rows = []
    for metric, words in _SHOWN.items():
        for horizon in horizons:
            about = f"{baskets}_{horizon}d"
            shown = [_metric(run["metrics"], metric, about) for run in runs]
            if any(shown):
                told = dict(zip(map(run_label, runs), shown, strict=True))
                rows.append({"number": f"{words}, {horizon_name(horizon)}", **told})
    return pd.DataFrame(rows, columns=["number", *map(run_label, runs)])


def _metric(metrics: Mapping[str, float | None], name: str, about: str) -> str:
    value = metrics.get(f"{name}/{about}")
    if value is None:
        return ""
    if name in {"detection_delay_days", "switches_per_year"}:
        return f"{value:.1f}"
    if name != "edge":
        return f"{value:.3f}"
    low, high = metrics.get(f"edge_low/{about}"), metrics.get(f"edge_high/{about}")
    if low == value == high == 0:
        return "the model to beat"
    return interval_words(value, low, high, metrics.get(f"n_episodes/{about}") or 0)


def unlike(runs: Sequence[Run]) -> str:
    """Why numbers of these runs do not compare, or nothing."""
    if len({run["simulated"] for run in runs}) > 1:
        return "Some of these runs are of a SIMULATED market, some of real prices."
    if len({run["panel_digest"] for run in runs}) > 1:
        return (
            "These runs are of different data or days, so their numbers do not compare; run both "
            "in one `regime compare`."
        )
    return ""


# Into the MLflow UI


def run_address(ui: str, run: Run) -> str:
    """The page of a run."""
    return f"{ui.rstrip('/')}/#/experiments/{quote(run['experiment_id'])}/runs/{run['run_id']}"


def compare_address(ui: str, runs: Sequence[Run]) -> str:
    """The page that puts runs side by side."""
    ids = json.dumps([run["run_id"] for run in runs])
    experiments = json.dumps(sorted({run["experiment_id"] for run in runs}))
    return f"{ui.rstrip('/')}/#/compare-runs?runs={quote(ids)}&experiments={quote(experiments)}"


def version_address(ui: str, model: str, version: Mapping[str, Any]) -> str:
    """The page of a version in the registry."""
    return f"{ui.rstrip('/')}/#/models/{quote(model)}/versions/{version['number']}"
