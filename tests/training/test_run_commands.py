"""`regime run` as a stranger meets it: wrong words, nothing there yet, two at once."""

import json
import shutil
import sqlite3
import time
from contextlib import closing

import pytest

from regime.settings import Settings
from regime.tracking.ledger import Ledger

NOW = "2012-07-02T23:30:00-04:00"


@pytest.fixture(scope="module")
def trained(trained_home, tmp_path_factory):
    """A home with a version in service, of the Friday before."""
    return trained_home.copied(tmp_path_factory.mktemp("run") / "home")


@pytest.fixture
def ask(commands, trained):
    """A command in that home, as of the Monday."""

    def run(*words, home=None, code=0, now=NOW, **more):
        place = home or trained.settings.home
        done = commands.run(*words, REGIME_HOME=str(place), REGIME_NOW=now, COLUMNS="100", **more)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--source", "bloomberg"], "bloomberg"),
        (["--source", "files"], "needs --path DIR"),
        (["--path", "x"], "--path goes with --source files"),
        (["--source", "nowhere", "--withhold", "RSP"], "goes with --source demo only"),
        (["--source", "demo", "--withhold", "RSP:none"], "as in RSP or DGS10:2"),
        (["--source", "demo", "--withhold", "RSP:0"], "as in RSP or DGS10:2"),
        (["--retrain", "allways"], "allways"),
    ],
)
def test_wrong_usage_is_exit_code_2(ask, words, said):
    assert said in " ".join(ask("run", *words, code=2).stderr.replace("│", " ").split())


def test_an_empty_home_is_told_what_comes_first(ask, tmp_path):
    done = ask("run", "--source", "nowhere", home=tmp_path / "new", code=1)
    assert "is empty. Run `regime fetch" in done.stderr
    assert done.stdout == ""


def test_without_a_model_it_says_how_to_get_one(ask, tmp_path):
    ask("fetch", "--source", "demo", "--until", "1999-12-31", home=tmp_path)
    done = ask("run", "--source", "nowhere", home=tmp_path, code=1)
    assert "No model is in service yet. Run `regime retrain" in done.stderr


def test_a_series_that_is_none_is_not_withheld_in_silence(ask):
    done = ask("run", "--source", "demo", "--withhold", "RPS", code=1)
    assert "'RPS' cannot be withheld" in done.stderr
    assert "Did you mean RSP?" in done.stderr


def test_a_folder_that_is_not_there_leaves_what_is_stored_to_be_scored(ask, tmp_path):
    done = ask("run", "--source", "files", "--path", tmp_path / "none", code=4)
    assert "warning:" in done.stderr
    assert "HELD" in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("REGIME_NOW", "2012-07-02", "should have timezone info"),
        ("REGIME_NOW", "tomorrow", "should be a valid datetime"),
        ("REGIME_ALERT_LEVELS", "0.5 0.8", "it is not JSON"),
        ("REGIME_ALERT_LEVELS", "[2]", "less than 1"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_what_it_is_for(
    commands, trained, name, value, said
):
    environment = {"REGIME_HOME": str(trained.settings.home), name: value}
    done = commands.run("run", "--source", "nowhere", **environment)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {name} cannot be used: ")
    assert said in done.stderr
    assert "What it is for: " in done.stderr


def test_a_dry_run_says_what_it_would_do_and_changes_nothing(ask, trained):
    folder = trained.settings.home
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.db")}
    done = ask("run", "--source", "demo", "--dry-run", code=4)
    assert done.stdout.startswith("DRY RUN, nothing changed")
    assert "The source has" in done.stderr
    assert "It would not retrain" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.db")} == before
    assert Ledger(trained.store).read().empty


@pytest.fixture(scope="module")
def spoken(commands, trained):
    """How the run of that Monday went."""
    home = str(trained.settings.home)
    return commands.run("run", "--source", "demo", REGIME_HOME=home, REGIME_NOW=NOW)


def test_one_summary_line_on_standard_output_and_a_log_of_objects(ask, trained, spoken):
    done = spoken
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith("SIMULATED 2012-07-02 PUBLISHED: ")
    assert "1 day entered, ledger 2 rows" in done.stdout
    log = (trained.settings.home / "logs" / "run.jsonl").read_text().splitlines()
    lines = [json.loads(line) for line in log]
    assert lines[-1]["message"] == done.stdout.strip()
    steps = {line["message"] for line in lines if "seconds" in line}
    assert {"fetch", "validate", "score", "publish", "alert"} <= steps
    again = ask("run", "--source", "demo")
    assert "0 days entered, ledger 2 rows" in again.stdout


def test_two_at_once_publish_once_and_the_second_names_the_first(commands, ask, trained, tmp_path):
    out, err = tmp_path / "out", tmp_path / "err"
    first = commands.begin(
        "run", "--source", "demo", out=out, err=err,
        REGIME_HOME=str(trained.settings.home), REGIME_NOW=NOW,
    )  # fmt: skip
    holder = trained.settings.home / "run.json"
    end = time.monotonic() + 60
    while not holder.exists() and time.monotonic() < end:
        time.sleep(0.001)
    assert holder.exists(), "the first never took the lock"
    done = ask("run", "--source", "demo", code=1)
    assert f"`regime run`, process {first} on " in done.stderr
    assert "Wait for it, or end it" in done.stderr
    assert done.stdout == ""
    assert commands.end(first) == 0, err.read_text()
    assert "PUBLISHED" in out.read_text()
    assert not Ledger(trained.store).read().duplicated(["date", "horizon"]).any()


def test_a_changed_ledger_stops_the_run_before_it_publishes(ask, trained, spoken, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(trained.settings.home, home, ignore=shutil.ignore_patterns("artifacts"))
    with closing(sqlite3.connect(home / "observations.db")) as database:
        for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger'"
        ).fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE ledger SET broadening = broadening + 1e-9 WHERE seq = 1")
        database.commit()
    done = ask("run", "--source", "demo", home=home, now="2012-07-03T23:30:00-04:00", code=1)
    assert "The ledger is not what was published: " in done.stderr
    assert "Nothing was published" in done.stderr
    assert Settings(home=home).published.exists()
    done = ask("ledger", "verify", home=home, code=1)
    assert "row 1" in done.stdout.lower()
    done = ask("doctor", "--offline", home=home, code=1)
    assert "ledger" in done.stdout
