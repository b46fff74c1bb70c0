"""`regime compare --runs` and `regime ui --check`, by commands only."""

import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest

from regime.settings import Settings
from regime.tracking.mlflow_client import client, find_runs

SECOND = """
# Does another strength of penalty change anything?
baskets = ["french"]
labels = { horizons = [0, 21] }
training = { since = 1963-01-01, every = 3 }
evaluation = { first_test = { french = 1980-01-02 }, refit_every = 504 }
model = { kind = "climatology" }
"""


@pytest.fixture(scope="module")
def home(regime, small):
    """Two experiments that were compared: one on offer, one a candidate of a question."""
    folder, _ = small
    question = folder / "questions" / "which_one"
    question.mkdir(parents=True)
    (question / "second.toml").write_text(SECOND)
    (folder / "questions" / "README.md").write_text("| `which_one` | two that hardly differ |\n")
    done = regime("compare", question / "second.toml", "--jobs", 1, home=folder / "home")
    assert done.returncode == 0, done.stderr
    return folder / "home"


def test_two_logged_runs_are_compared_without_a_fit(regime, home, tmp_path):
    done = regime(
        "compare", "--runs", "small", "second", "--json", tmp_path / "pair.json", home=home
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert "SIMULATED market" in done.stdout
    assert "edge of B over A [90%]" in done.stdout
    assert re.search(r"^now +\d\.\d{3} +\d\.\d{3} +[+-]\d\.\d{3} \[", done.stdout, re.MULTILINE)
    assert re.search(r"^model.kind +filter +climatology$", done.stdout, re.MULTILINE)
    told = json.loads((tmp_path / "pair.json").read_text())
    assert [row["horizon"] for row in told["scores"]] == [0, 21]
    by_id = regime(
        "compare", "--runs", told["a"]["run_id"], told["b"]["run_id"][:8], home=home
    ).stdout
    assert by_id == done.stdout.partition("Scores: ")[0]


def test_what_is_no_run_is_refused_in_one_line(regime, fails, home):
    fails(regime("compare", "--runs", "small", "third", home=home), "There is no run 'third'")
    fails(regime("compare", home=home), "Give experiment files, or two logged runs", code=2)
    done = regime("compare", "x.toml", "--runs", "a", "b", home=home)
    fails(done, "--runs compares what is logged", code=2)


def test_a_candidate_is_logged_under_its_question(home):
    settings = Settings(home=home)
    tracker = client(settings)
    found = {run.info.run_name: run for run in find_runs(tracker, settings)}
    asked = {name: tracker.get_experiment(run.info.experiment_id) for name, run in found.items()}
    assert asked["small"].name == "Equity leadership: models on offer"
    assert asked["second"].name == "Equity leadership: which one"
    assert asked["second"].tags["mlflow.note.content"] == "two that hardly differ"


def test_the_ui_is_checked_without_a_browser(regime, home):
    done = regime("ui", "--check", home=home)
    assert done.returncode == 0, done.stderr
    assert re.search(r"3 experiments and the newest 2 runs, in \d+\.\d\d seconds", done.stdout)
    assert "No model is in service yet." in done.stdout
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert f"{home}/mlflow.db" not in left.stdout  # what was started has ended


def test_the_check_says_what_is_wrong_with_the_database(regime, fails, home, tmp_path):
    fails(regime("ui", "--check", home=tmp_path / "none"), "There is nothing to show yet")
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(home / "mlflow.db", copy)
    with closing(sqlite3.connect(copy / "mlflow.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    fails(regime("ui", "--check", home=copy), "for another version of MLflow")
    (copy / "mlflow.db").write_bytes(b"no database" * 1000)
    fails(regime("ui", "--check", home=copy), "the file is damaged")
