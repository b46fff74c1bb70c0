"""One MLflow run per experiment: what was asked, on which data, and what came out."""

import functools
import importlib.metadata
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from regime.code_digest import code_digest
from regime.config import ExperimentConfig
from regime.evaluation.scores import log_losses
from regime.experiment import ExperimentResult
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.git import ask_git
from regime.tracking.mlflow_client import (
    DATA,
    NOTE,
    OFFERED,
    SERVICE,
    client,
    experiment_id,
    market,
    plain_faults,
)
from regime.tracking.owners import OWNER, owner
from regime.tracking.settled import settled
from regime.tracking.sharpes import metric_of, spread_sharpes
from regime.tracking.trials import (
    CANDIDATE,
    CONFIGURATION,
    DECLARED,
    UNKNOWN,
    configuration_digest,
)

_NO_METRIC = {"experiment", "baskets", "horizon", "test_from", "test_to", "by_decade"}
_BATCH = 1000  # metrics MLflow takes at once
PURPOSE = "purpose"  # tag of a run that serves and does not ask
HEADLINE = "a key"  # MLflow shows groups of metrics by name, and this one first
_HEADLINE = ("edge", "edge_low", "edge_high", "log_loss")


def log_result(
    result: ExperimentResult,
    settings: Settings,
    *,
    simulated: bool,
    tags: dict[str, str] | None = None,
    note: str = "",
) -> str:
    """Log one experiment and return its run id; a run that fails half-way says FAILED.

    Parameters: the configuration, flattened. Metrics: every score, named
    `score/baskets_horizon`, and the few that matter first once more under `HEADLINE`; per refit
    the log loss of the days it served; per basket set the Sharpe ratio of the spread. Artefacts:
    predictions and calls as Parquet, figures, scores, the environment.

    Parameters
    ----------
    tags : with `CANDIDATE` the run goes to the MLflow experiment of its question, with
        `PURPOSE` to that of the service, else to that of the models on offer
    note : what that experiment asks, for its description

    Raises
    ------
    StoreError
        If MLflow cannot be reached, or does not allow it.
    """
    tracker = client(settings)
    with plain_faults(settings):
        run = tracker.create_run(
            experiment_id(tracker, settings, study_of(tags or {}), note=note),
            run_name=result.config.name,
            tags=_tags(result, simulated, tags),
        )
        run_id = str(run.info.run_id)
        try:
            _log_parameters(tracker, run_id, result.config)
            _log_dataset(tracker, run_id, result, simulated)
            _log_metrics(tracker, run_id, result)
            with tempfile.TemporaryDirectory() as folder:
                _write_artefacts(result, Path(folder))
                tracker.log_artifacts(run_id, folder)
            tracker.set_terminated(run_id, "FINISHED")
        except BaseException:
            tracker.set_terminated(run_id, "FAILED")
            raise
    return run_id


def study_of(tags: dict[str, str]) -> str:
    """What a run with these tags belongs to, as `experiment_id` takes it."""
    if question := tags.get(CANDIDATE, "").partition("/")[0]:
        return question.replace("_", " ")
    return SERVICE if PURPOSE in tags else OFFERED


def code_version() -> str:
    """The commit, with a + where the tree differs from it.

    Outside a checkout the release and the digest of its code, as 0.1.0+0123456789abcdef.
    """
    here = Path(__file__)
    try:
        # An environment may lie in somebody's repository, whose commit says nothing of this code.
        ask_git(here, "ls-files", "--error-unmatch", here.name)
        commit = ask_git(here, "rev-parse", "--short=12", "HEAD")
        changes = ask_git(here, "status", "--porcelain")
    except (OSError, subprocess.SubprocessError):
        return f"{_release()}+{code_digest()}"
    return commit + ("+" if changes else "")


def _release() -> str:
    try:
        return importlib.metadata.version("equity-leadership-regime")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


@functools.cache  # a third of a second, and a version that is registered asks twice
def environment() -> str:
    """Installed packages and their versions, one a line; looked for once in a process."""
    names = {
        f"{found.metadata['Name']}=={found.version}" for found in importlib.metadata.distributions()
    }
    return "\n".join(sorted(names, key=str.lower)) + "\n"


def _tags(result: ExperimentResult, simulated: bool, more: dict[str, str] | None) -> dict[str, str]:
    return {
        NOTE: result.config.question,
        "question": result.config.question,
        DATA: market(simulated),
        "panel_digest": result.panel_digest,
        "code_version": code_version(),
        OWNER: owner(),
        CONFIGURATION: configuration_digest(result.config),
        DECLARED: UNKNOWN,
        **(more or {}),
    }


def _log_parameters(tracker: Any, run_id: str, config: ExperimentConfig) -> None:
    from mlflow.entities import Param

    flat = pd.json_normalize(config.model_dump(mode="json", exclude={"name", "question"}))
    params = [Param(str(key), str(value)[:500]) for key, value in flat.iloc[0].items()]
    tracker.log_batch(run_id, params=params)


def _log_dataset(tracker: Any, run_id: str, result: ExperimentResult, simulated: bool) -> None:
    from mlflow.entities import Dataset, DatasetInput

    days = result.labels["date"]
    dataset = Dataset(
        name="SIMULATED market" if simulated else "market panel",
        digest=result.panel_digest,
        source_type="local",
        source=json.dumps({"store": "observations"}),
        profile=json.dumps({"from": f"{days.min():%Y-%m-%d}", "to": f"{days.max():%Y-%m-%d}"}),
    )
    tracker.log_inputs(run_id, datasets=[DatasetInput(dataset=dataset, tags=[])])


def _log_metrics(tracker: Any, run_id: str, result: ExperimentResult) -> None:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    # The headline first in every order: a run's page keeps that of logging, others the alphabet.
    metrics = [
        Metric(f"{HEADLINE}/{name}_{row['baskets']}_{row['horizon']}d", float(row[name]), now, 0)
        for row in result.scores
        for name in _HEADLINE
    ]
    metrics += [
        Metric(f"{name}/{row['baskets']}_{row['horizon']}d", float(value), now, 0)
        for row in result.scores
        for name, value in row.items()
        if name not in _NO_METRIC and value is not None
    ]
    for (baskets, horizon), steps in refit_losses(result).groupby(["baskets", "horizon"]):
        metrics += [
            Metric(f"refit_log_loss/{baskets}_{horizon}d", loss, now, step)
            for step, loss in enumerate(steps["log_loss"].tolist())
        ]
    metrics += [
        Metric(metric_of(baskets), ratio, now, 0)
        for baskets, ratio in spread_sharpes(result).items()
    ]
    metrics += _health_metrics(result, now)
    for start in range(0, len(metrics), _BATCH):
        tracker.log_batch(run_id, metrics=metrics[start : start + _BATCH])


def _health_metrics(result: ExperimentResult, now: int) -> list[Any]:
    from mlflow.entities import Metric

    metrics = []
    for (baskets, horizon), fits in result.fits.groupby(["baskets", "horizon"]):
        for name in fits.columns.drop(["baskets", "horizon", "fitted_on"]):
            metrics += [
                Metric(f"fit_{name}/{baskets}_{horizon}d", float(value), now, step)
                for step, value in enumerate(fits[name])
                if pd.notna(value)
            ]
    return metrics


def refit_losses(result: ExperimentResult) -> pd.DataFrame:
    """Log loss of the settled days each fit served: `baskets, horizon, fitted_on, log_loss`."""
    parts = []
    made = result.predictions[["baskets", "horizon"]].drop_duplicates()
    for baskets, horizon in made.itertuples(index=False):
        proba, actual = settled(result.predictions, result.labels, baskets, int(horizon))
        losses = log_losses(proba[list(REGIMES)], actual)
        table = losses.groupby(proba["fitted_on"]).mean().rename("log_loss").reset_index()
        parts.append(table.assign(baskets=baskets, horizon=horizon))
    return pd.concat(parts, ignore_index=True)


def _write_artefacts(result: ExperimentResult, folder: Path) -> None:
    from regime.tracking import figures  # matplotlib, which takes 0.3 s to import

    drawn = folder / "figures"
    drawn.mkdir()
    for baskets in result.config.baskets:
        predictions = result.predictions[result.predictions["baskets"] == baskets]
        labels = result.labels[result.labels["baskets"] == baskets]
        for name, figure in (
            ("ribbon", figures.probability_ribbon(predictions, labels)),
            ("reliability", figures.reliability(predictions, labels)),
            (
                "edge_by_decade",
                figures.edge_by_decade([r for r in result.scores if r["baskets"] == baskets]),
            ),
        ):
            figure.savefig(drawn / f"{name}_{baskets}.png", dpi=110)
    for name in ("predictions", "calls", "labels"):
        getattr(result, name).to_parquet(folder / f"{name}.parquet", index=False)
    (folder / "scores.json").write_text(json.dumps(result.scores, indent=1), encoding="utf-8")
    (folder / "environment.txt").write_text(environment(), encoding="utf-8")
