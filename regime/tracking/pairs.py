"""Two logged runs against each other, from what they left behind: nothing is fitted again."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from regime.evaluation.scores import log_losses
from regime.evaluation.significance import LEVEL, edge_over
from regime.exceptions import StoreError
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.kept import table
from regime.tracking.mlflow_client import (
    client,
    find_runs,
    is_simulated,
    local_database,
    plain_faults,
)
from regime.tracking.settled import settled

_ID, _PREFIX = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{6,31}")
_FILES = ("predictions.parquet", "labels.parquet")
_DEFAULT = ""  # a parameter that the other run has and this one does not


class LoggedRun(NamedTuple):
    """What a run kept of its walk-forward.

    Attributes
    ----------
    predictions, labels : as of `experiment.ExperimentResult`
    """

    run_id: str
    name: str
    started: pd.Timestamp
    simulated: bool
    panel_digest: str
    params: dict[str, str]
    predictions: pd.DataFrame
    labels: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs on the same days, B against A.

    Attributes
    ----------
    scores : one dict per basket set and horizon, plain numbers ready for JSON: `log_loss_a`,
        `log_loss_b`, and `edge`, nats, positive where B is better, with its interval and `dm_p`
    parameters : `parameter`, `a`, `b` of those that differ; empty where a run has none
    """

    a: LoggedRun
    b: LoggedRun
    scores: list[dict[str, Any]]
    parameters: list[dict[str, str]]


def compare_runs(settings: Settings, a: str, b: str) -> Pair:
    """The paired edge of run B over run A on the days both were scored on.

    Parameters
    ----------
    a, b : run ids, unique beginnings of six hex digits or more, or names of runs, of which the
        newest is meant

    Raises
    ------
    StoreError
        If a run is not there, was deleted, failed or kept no predictions, or if the two were
        not scored on the same panel, baskets, horizons, labels and days.
    """
    path = local_database(settings)
    if path is not None and not path.exists():
        raise StoreError(
            f"No run was ever logged: there is no {path}. `regime compare` with experiment files "
            "logs one for each."
        )
    tracker = client(settings)
    of_a, of_b = (_read(tracker, settings, _find(tracker, settings, one)) for one in (a, b))
    return pair(of_a, of_b)


def pair(a: LoggedRun, b: LoggedRun) -> Pair:
    """The same of two runs that were read; raises StoreError where they are no pair."""
    parts = [{key: _scored(run, *key) for key in _asked(run)} for run in (a, b)]
    if differ := "; ".join(_differences(a, b, *parts)):
        raise StoreError(
            f"{a.name} ({a.run_id[:8]}) and {b.name} ({b.run_id[:8]}) cannot be compared: "
            f"{differ}. Run both in one `regime compare`."
        )
    rows = []
    for key, (proba, actual) in parts[0].items():
        losses = [log_losses(one, actual) for one in (proba, parts[1][key][0])]
        edge = edge_over(losses[0], losses[1])
        rows.append(
            {
                "baskets": key[0],
                "horizon": key[1],
                "n_days": len(actual),
                "test_from": f"{actual.index[0]:%Y-%m-%d}",
                "test_to": f"{actual.index[-1]:%Y-%m-%d}",
                "log_loss_a": float(losses[0].mean()),
                "log_loss_b": float(losses[1].mean()),
                "edge": edge.edge,
                "edge_low": edge.low,
                "edge_high": edge.high,
                "interval_level": LEVEL,
                "dm_p": edge.dm_p,
            }
        )
    names = sorted({*a.params, *b.params})
    sides = [(name, a.params.get(name, _DEFAULT), b.params.get(name, _DEFAULT)) for name in names]
    parameters = [
        {"parameter": name, "a": in_a, "b": in_b} for name, in_a, in_b in sides if in_a != in_b
    ]
    return Pair(a, b, rows, parameters)


def _asked(run: LoggedRun) -> list[tuple[str, int]]:
    found = run.predictions[["baskets", "horizon"]].drop_duplicates()
    return sorted((str(baskets), int(horizon)) for baskets, horizon in found.to_numpy())


def _scored(run: LoggedRun, baskets: str, horizon: int) -> tuple[pd.DataFrame, "pd.Series[str]"]:
    """Probabilities and hindsight of the settled days, as a comparison scores them."""
    said, actual = settled(run.predictions, run.labels, baskets, horizon)
    return said[list(REGIMES)], actual


def _differences(
    a: LoggedRun, b: LoggedRun, in_a: dict[Any, Any], in_b: dict[Any, Any]
) -> Iterator[str]:
    if a.panel_digest != b.panel_digest:
        yield f"their panels differ ({a.panel_digest[:8]} and {b.panel_digest[:8]})"
    for place, what in enumerate(("baskets", "horizons")):
        sides = [
            ", ".join(f"{one}" for one in sorted({key[place] for key in part}))
            for part in (in_a, in_b)
        ]
        if sides[0] != sides[1]:
            yield f"their {what} differ ({sides[0]} and {sides[1]})"
    for key in in_a.keys() & in_b.keys():
        ours, theirs = in_a[key][1], in_b[key][1]
        about = f"with {key[0]} baskets {key[1]} days ahead"
        if not ours.index.equals(theirs.index):
            shared = len(ours.index.intersection(theirs.index))
            yield (
                f"{about} the days scored differ ({len(ours):,} from {_first(ours)} and "
                f"{len(theirs):,} from {_first(theirs)}, {shared:,} in both)"
            )
        elif not ours.equals(theirs):
            yield f"{about} hindsight names other leaders on {int((ours != theirs).sum()):,} days"


def _first(actual: "pd.Series[str]") -> str:
    return f"{actual.index[0]:%Y-%m-%d}" if len(actual) else "never"


def _find(tracker: Any, settings: Settings, wanted: str) -> Any:
    """The run that is meant; StoreError where none is, or more than one."""
    if _ID.fullmatch(wanted) or _PREFIX.fullmatch(wanted):
        found = find_runs(tracker, settings, f"attributes.run_id LIKE '{wanted}%'")
        if len(found) > 1:
            raise StoreError(
                f"{len(found)} runs begin with {wanted}: "
                f"{', '.join(sorted(run.info.run_id[:12] for run in found)[:5])}. Give more digits."
            )
        if found:
            return found[0]
    # A name that looks like hex digits is a name all the same.
    found = []
    if quote := next((mark for mark in "'\"" if mark not in wanted), ""):
        found = find_runs(
            tracker,
            settings,
            f"attributes.run_name = {quote}{wanted}{quote}",
            order_by=["attributes.start_time DESC"],
        )
    if not found:
        raise StoreError(
            f"There is no run {wanted!r}. Give a run's id, at least six digits of its beginning, "
            "or its name; `regime ui` lists them."
        )
    return next((run for run in found if run.info.lifecycle_stage == "active"), found[0])


def _read(tracker: Any, settings: Settings, run: Any) -> LoggedRun:
    """What a run left behind; StoreError where it did not finish or kept too little."""
    info, tags = run.info, run.data.tags
    about = f"Run {info.run_id[:8]} ({info.run_name})"
    if info.lifecycle_stage != "active":
        raise StoreError(
            f"{about} was deleted. Restore it with `mlflow runs restore --run-id {info.run_id}`, "
            "or give another."
        )
    if info.status != "FINISHED":
        raise StoreError(
            f"{about} is {info.status}, not FINISHED: what it kept may be half. Give the id of "
            "another, or run the experiment again."
        )
    held: dict[str, pd.DataFrame] = {}
    with plain_faults(settings), tempfile.TemporaryDirectory() as folder:
        there = {file.path for file in tracker.list_artifacts(info.run_id)}
        if missing := [name for name in _FILES if name not in there]:
            raise StoreError(
                f"{about} kept no {' and no '.join(missing)}. Give a run that `regime compare` "
                "logged, or run its experiment again."
            )
        for name in _FILES:
            file = Path(tracker.download_artifacts(info.run_id, name, folder))
            try:
                held[name] = table(file)
            except (OSError, ValueError) as error:
                raise StoreError(
                    f"{about}: {name} cannot be read ({str(error).splitlines()[0]}). Run its "
                    "experiment again."
                ) from error
    return LoggedRun(
        run_id=info.run_id,
        name=info.run_name,
        started=pd.Timestamp(info.start_time, unit="ms", tz="UTC"),
        simulated=is_simulated(tags),
        panel_digest=tags.get("panel_digest", "unknown"),
        params=dict(run.data.params),
        predictions=held[_FILES[0]],
        labels=held[_FILES[1]],
    )
