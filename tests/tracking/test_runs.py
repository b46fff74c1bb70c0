"""A logged run holds what was asked and what came out, on a real SQLite store."""

import importlib.metadata
import sqlite3
import subprocess
import time
from contextlib import closing

import pandas as pd
import pytest
from tracked import tracked

from regime.code_digest import code_digest
from regime.config import ExperimentConfig
from regime.exceptions import StoreError
from regime.experiment import Comparison
from regime.settings import Settings
from regime.tracking import runs as module
from regime.tracking.mlflow_client import client, experiment_id, find_runs
from regime.tracking.runs import HEADLINE, log_result, refit_losses
from regime.tracking.trials import configuration_digest


@pytest.fixture(scope="module")
def result(market):
    config = ExperimentConfig(
        name="hmm",
        question="Does a run keep everything?",
        baskets=("french",),
        features={"sets": ("stress",)},
        labels={"horizons": (0, 21)},
        evaluation={
            "first_test": {"french": pd.Timestamp("2002-01-02").date()},
            "refit_every": 504,
        },
        model={"kind": "gaussian_hmm", "params": {"n_init": 1, "n_iter": 30}},
    )
    return Comparison(market).run(config)


@pytest.fixture(scope="module")
def logged(result, tmp_path_factory):
    settings = tracked(tmp_path_factory.mktemp("tracked"), tmp_path_factory)
    tracker = client(settings)
    run_id = log_result(result, settings, simulated=True, tags={"as_of": "2008-12-31"})
    return tracker, tracker.get_run(run_id), settings


def test_parameters_tags_and_data_are_there(result, logged):
    _, run, _ = logged
    assert run.info.run_name == "hmm"
    assert run.info.status == "FINISHED"
    assert run.data.params["model.kind"] == "gaussian_hmm"
    assert run.data.params["model.params.n_init"] == "1"
    assert run.data.tags["question"] == "Does a run keep everything?"
    assert run.data.tags["data"] == "SIMULATED"
    assert run.data.tags["as_of"] == "2008-12-31"
    dataset = run.inputs.dataset_inputs[0].dataset
    assert dataset.digest == result.panel_digest
    assert dataset.name == "SIMULATED market"


def test_every_score_is_a_metric_of_its_baskets_and_horizon(result, logged):
    _, run, _ = logged
    for row in result.scores:
        suffix = f"{row['baskets']}_{row['horizon']}d"
        assert run.data.metrics[f"log_loss/{suffix}"] == row["log_loss"]
        assert run.data.metrics[f"edge_low/{suffix}"] == row["edge_low"]


def test_each_refit_is_a_step_with_its_loss_and_its_health(result, logged):
    tracker, run, _ = logged
    losses = refit_losses(result)
    for horizon in (0, 21):
        expected = losses[losses["horizon"] == horizon]["log_loss"]
        steps = tracker.get_metric_history(run.info.run_id, f"refit_log_loss/french_{horizon}d")
        assert [step.value for step in steps] == list(expected)
        fits = result.fits[result.fits["horizon"] == horizon]
        health = tracker.get_metric_history(
            run.info.run_id, f"fit_log_likelihood_per_row/french_{horizon}d"
        )
        assert [step.value for step in health] == list(fits["log_likelihood_per_row"])
        matched = tracker.get_metric_history(
            run.info.run_id, f"fit_match_ambiguous/french_{horizon}d"
        )
        assert len(matched) == len(fits) - 1  # the first fit has nothing to be matched with


def test_figures_predictions_and_environment_are_artefacts_in_the_home(result, logged, tmp_path):
    tracker, run, settings = logged
    names = {file.path for file in tracker.list_artifacts(run.info.run_id)}
    assert names == {
        "figures", "predictions.parquet", "calls.parquet", "labels.parquet", "scores.json",
        "environment.txt",
    }  # fmt: skip
    figures = {file.path for file in tracker.list_artifacts(run.info.run_id, "figures")}
    assert figures == {
        f"figures/{name}_french.png" for name in ("ribbon", "reliability", "edge_by_decade")
    }
    assert str(settings.home) in run.info.artifact_uri
    path = tracker.download_artifacts(run.info.run_id, "predictions.parquet", str(tmp_path))
    pd.testing.assert_frame_equal(pd.read_parquet(path), result.predictions)


def test_a_run_that_cannot_be_written_says_failed(result, logged, monkeypatch):
    tracker, run, settings = logged

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("regime.tracking.runs._write_artefacts", full)
    with pytest.raises(OSError, match="No space left"):
        log_result(result, settings, simulated=True)
    newest = tracker.search_runs([run.info.experiment_id], max_results=1)[0]
    assert newest.info.status == "FAILED"


def test_the_headline_is_the_first_group_and_repeats_the_scores(result, logged):
    _, run, _ = logged
    groups = {name.rpartition("/")[0] for name in run.data.metrics}
    assert min(groups) == HEADLINE
    headline = {name for name in run.data.metrics if name.startswith(f"{HEADLINE}/")}
    assert headline == {
        f"{HEADLINE}/{name}_french_{horizon}d"
        for name in ("edge", "edge_low", "edge_high", "log_loss")
        for horizon in (0, 21)
    }
    for row in result.scores:
        assert run.data.metrics[f"{HEADLINE}/edge_french_{row['horizon']}d"] == row["edge"]


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ({}, "Equity leadership: models on offer"),
        ({"candidate": "beat_the_filter/stack"}, "Equity leadership: beat the filter"),
        ({"purpose": "retrain"}, "Equity leadership: service"),
    ],
)
def test_a_run_goes_to_the_experiment_of_its_question(result, logged, monkeypatch, tags, name):
    tracker, _, settings = logged
    monkeypatch.setattr("regime.tracking.runs._write_artefacts", lambda *_: None)
    run_id = log_result(result, settings, simulated=True, tags=tags, note="Is it?")
    run = tracker.get_run(run_id)
    kept = tracker.get_experiment(run.info.experiment_id)
    assert kept.name == name
    assert kept.tags["mlflow.note.content"] == "Is it?"
    assert run.data.tags["configuration"] == configuration_digest(result.config)


def test_a_note_that_is_there_stays(tmp_path, tmp_path_factory):
    settings = tracked(tmp_path, tmp_path_factory)
    tracker = client(settings)
    for note in ("", "the first", "another", ""):
        known = experiment_id(tracker, settings, "why", note=note)
    assert tracker.get_experiment(known).tags["mlflow.note.content"] == "the first"


def test_runs_of_every_experiment_of_ours_are_found_even_in_a_deleted_one(
    tmp_path, tmp_path_factory
):
    settings = tracked(tmp_path, tmp_path_factory)
    tracker = client(settings)
    earlier = tracker.create_experiment("Equity leadership regime")  # its name until now
    mine = [experiment_id(tracker, settings, study) for study in ("a", "b")]
    other = tracker.create_experiment("Something else")
    runs = [tracker.create_run(one).info.run_id for one in (earlier, *mine, other)]
    tracker.delete_experiment(mine[0])
    found = {run.info.run_id for run in find_runs(tracker, settings, page=1)}
    assert found == set(runs[:3])
    with pytest.raises(StoreError, match=f"mlflow experiments restore -x {mine[0]}"):
        experiment_id(tracker, settings, "a")


def _locked(path):
    held = sqlite3.connect(path)
    held.execute("BEGIN EXCLUSIVE")
    return held


def _damaged(path):
    path.write_bytes(b"no database" * 1000)


def _of_another_mlflow(path):
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_locked, "kept the database locked"),
        (_damaged, "the file is damaged .* Restore it from a backup"),
        (_of_another_mlflow, "for another version of MLflow"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line_within_seconds(
    tmp_path, tmp_path_factory, monkeypatch, harm, said
):
    monkeypatch.setattr("regime.tracking.mlflow_client._LOCKED", 0.2)
    settings = tracked(tmp_path, tmp_path_factory)
    held = harm(settings.home / "mlflow.db")
    began = time.monotonic()
    with pytest.raises(StoreError, match=said) as fault:
        client(settings)
    assert time.monotonic() - began < 10
    assert "\n" not in str(fault.value)
    if held:
        held.close()


def test_an_unreachable_tracking_server_is_a_clear_fault(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////proc/nothing/mlflow.db")
    with pytest.raises(StoreError, match="Check MLFLOW_TRACKING_URI"):
        client(Settings(home=tmp_path))


def test_outside_a_checkout_the_code_is_named_by_release_and_digest(tmp_path, monkeypatch):
    # In an environment that lies in somebody's repository, whose commit says nothing of it.
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "runs.py"))
    (tmp_path / "runs.py").write_text("")
    release = importlib.metadata.version("equity-leadership-regime")
    assert module.code_version() == f"{release}+{code_digest()}"
