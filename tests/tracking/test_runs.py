"""A logged run holds what was asked and what came out, on a real SQLite store."""

import pandas as pd
import pytest

from regime.config import ExperimentConfig
from regime.exceptions import StoreError
from regime.experiment import Comparison
from regime.settings import Settings
from regime.tracking.mlflow_client import EXPERIMENT, client
from regime.tracking.runs import log_result, refit_losses


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
    settings = Settings(home=tmp_path_factory.mktemp("tracked"))
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


def test_all_runs_share_one_experiment(logged):
    tracker, run, _ = logged
    assert tracker.get_experiment(run.info.experiment_id).name == EXPERIMENT


def test_an_unreachable_tracking_server_is_a_clear_fault(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////proc/nothing/mlflow.db")
    with pytest.raises(StoreError, match="Check MLFLOW_TRACKING_URI"):
        client(Settings(home=tmp_path))
