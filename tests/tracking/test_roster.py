"""Versions and runs in one file: what it tells, and that it is read without MLflow."""

import subprocess
import sys
import warnings

import pytest
from registered import experiment, register_one, trained
from tracked import tracked

from regime.evaluation.decision import CHECKS
from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking.mlflow_client import client, experiment_id
from regime.tracking.names import MODEL
from regime.tracking.registry import load_card, promote
from regime.tracking.results import write_text
from regime.tracking.roster import load_roster, roster_path
from regime.tracking.roster_writing import keep_roster, roster_of

_READS = """
import sys
import app.queries, app.charts.models, app.charts.value, regime.brief.models, regime.brief.value
from regime.settings import Settings
from regime.tracking.roster import load_roster
assert load_roster(Settings())["champion"] == "1"
print(sorted({"mlflow", "arch", "statsmodels"} & {*sys.modules}))
"""


@pytest.fixture(scope="module")
def home(market, tmp_path_factory):
    """Two versions of a filter, of which the first was promoted and the second judged."""
    settings = tracked(tmp_path_factory.mktemp("roster"), tmp_path_factory)
    config = experiment(features={}, labels={"horizons": (0,)}, model={"kind": "filter"})
    found = trained(market, config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on newer libraries
        register_one(*found, market, settings.home)
        promote(settings, "1")
    tracker = client(settings)
    first = tracker.get_model_version(MODEL, "1")
    tracker.create_model_version(MODEL, first.source, first.run_id, tags=first.tags)
    tracker.set_registered_model_alias(MODEL, "challenger", "2")
    for tag in ("promoted_at", "promoted_over"):
        tracker.delete_model_version_tag(MODEL, "2", tag)
    for study, seconds in (("beat the filter", 3), ("beat the filter", 5), ("service", 4e9)):
        about = experiment_id(tracker, settings, study)
        run = tracker.create_run(about, start_time=int(seconds * 1000), run_name=study)
        tracker.log_metric(run.info.run_id, "edge/funds_0d", float("nan"))
    for key, words in {
        "gate_decision": "reject",
        "gate_decided_at": "2009-01-02T01:00:00+00:00",
        "gate_against": "1",
        "gate_log_loss": "passed: edge over version 1, nats: now +0.000",
        "gate_fresh": "failed: ends on 2008-12-31: fetch newer data",
        "gate_numbers": '{"fresh": [12.0, 5.0]',  # cut short
    }.items():
        tracker.set_model_version_tag(MODEL, "2", key, words)
    assert keep_roster(settings) == []
    return settings


def test_it_tells_versions_roles_and_what_the_gate_said(home):
    told = load_roster(home)
    assert (told["champion"], told["challenger"], told["former"]) == ("1", "2", None)
    newest, first = told["versions"]
    assert (newest["number"], first["number"]) == ("2", "1")
    assert newest["simulated"]
    assert newest["aliases"] == ["challenger"]
    assert newest["card"] == load_card(home, "2")
    assert [one["name"] for one in newest["gate"]["checks"]] == ["log_loss", "fresh"]
    assert [one["passed"] for one in newest["gate"]["checks"]] == [True, False]
    assert newest["gate"]["checks"][1]["words"] == "ends on 2008-12-31: fetch newer data"
    assert {one["name"] for one in newest["gate"]["checks"]} <= {*CHECKS}
    assert first["gate"]["decision"] == "not gated"
    assert first["promoted_over"] == "none"
    assert newest["promoted_at"] is None


def test_it_tells_runs_with_the_numbers_and_parameters_to_compare_by(home):
    told = load_roster(home)
    run = told["runs"][0]
    logged = client(home).get_run(run["run_id"])
    assert run["params"] == logged.data.params
    assert run["metrics"]["log_loss/funds_0d"] == logged.data.metrics["log_loss/funds_0d"]
    assert not any(name.startswith(("a key", "fit_", "refit_")) for name in run["metrics"])
    assert run["experiment_id"] == logged.info.experiment_id
    assert told["tried"]["funds"]["n_trials"] == 1


def test_the_newest_runs_of_comparisons_come_first_and_no_more_than_are_wanted(home, monkeypatch):
    runs = load_roster(home)["runs"]
    assert [run["study"] for run in runs] == ["models on offer", *["beat the filter"] * 2]
    assert [run["started"][17:19] for run in runs[1:]] == ["05", "03"]
    assert runs[1]["metrics"] == {"edge/funds_0d": None}
    monkeypatch.setattr("regime.tracking.roster_writing.MOST_RUNS", 2)
    assert roster_of(home)["runs"] == runs[:2]


def test_a_card_that_was_changed_is_left_out_and_said(home):
    tracker = client(home)
    digest = tracker.get_model_version(MODEL, "2").tags["card_sha256"]
    try:
        tracker.set_model_version_tag(MODEL, "2", "card_sha256", "0" * 64)
        newest = roster_of(home)["versions"][0]
        assert newest["card"] is None
        assert "not what was registered" in newest["card_fault"]
    finally:
        tracker.set_model_version_tag(MODEL, "2", "card_sha256", digest)


def test_it_is_read_without_mlflow_and_what_else_is_slow(home):
    done = subprocess.run(
        [sys.executable, "-c", _READS],
        env={"REGIME_HOME": str(home.home), "PATH": "", "HOME": str(home.home)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr


def test_what_cannot_be_kept_is_a_line_and_what_stood_before_stands(home, monkeypatch):
    before = roster_path(home).read_bytes()

    def full(*_):
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("regime.tracking.roster_writing.write_text", full)
        (line,) = keep_roster(home)
    assert line.startswith("warning: ")
    assert "the disk is full" in line
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    (line,) = keep_roster(home)
    assert "nothing answers" in line
    assert roster_path(home).read_bytes() == before


def test_nothing_was_kept_or_it_cannot_be_read(tmp_path):
    settings = Settings(home=tmp_path / "new")
    assert load_roster(settings) is None
    assert not settings.home.exists()
    assert keep_roster(settings) == []  # and makes no database
    assert [path.name for path in settings.home.rglob("*")] == ["published", "roster.json"]
    assert load_roster(settings)["versions"] == []
    for text, why in (
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ('{"schema": 9}', "has schema 9"),
        ('{"schema": 1}', "lacks as_of"),
    ):
        write_text(roster_path(settings), text, "roster")
        with pytest.raises(StoreError, match=rf"{why}.*regime run"):
            load_roster(settings)
