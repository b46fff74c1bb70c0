"""The doctor as a person and as cron call it: exit codes, one object, never a traceback."""

import json
import sqlite3
from contextlib import closing

import pandas as pd
import pytest
from typer.testing import CliRunner

from regime.data.calendar import last_closed_session
from regime.data.observations import COLUMNS
from regime.data.store import ObservationStore
from regime.health import examine as health
from regime.health.checks import Check, State
from regime.health.examine import Health
from regime.settings import Settings
from training.cli import cli

NOW = pd.Timestamp.now("UTC").floor("s")
FUNDS = ["OEF", "RSP", "IWM"]


def stored(home, last):
    """A store with three funds up to a day."""
    settings = Settings(home=home)
    settings.make_home()
    period = pd.DatetimeIndex([last]).as_unit("us")
    known_at = (period + pd.Timedelta(hours=21)).tz_localize("UTC")
    frames = [
        pd.DataFrame({"series": name, "period": period, "known_at": known_at, "value": 100.0})
        for name in FUNDS
    ]
    rows = pd.concat(frames, ignore_index=True).assign(source="files")[COLUMNS]
    fetched = min(NOW, known_at[0] + pd.Timedelta(hours=1))
    ObservationStore(settings.store).append(rows, fetched_at=fetched)
    return settings


def answered(done):
    """The one object on standard output."""
    assert "Traceback" not in done.stderr, done.stderr
    told = json.loads(done.stdout)
    assert list(told) == ["state", "checked_at", "checks", "series"]
    assert {tuple(check) for check in told["checks"]} == {("name", "state", "words", "next")}
    return told, {check["name"]: check for check in told["checks"]}


def test_help_has_an_example_both_ways(regime):
    for done in (regime("doctor", "--help"), regime("--help", module="doctor")):
        assert done.returncode == 0
        assert "Example: regime doctor" in " ".join(done.stdout.split())


def test_a_new_installation_is_warned_of_and_nothing_is_created(regime, tmp_path):
    home = tmp_path / "home"
    done = regime("doctor", "--json", "--offline", home=home)
    told, checks = answered(done)
    assert done.returncode == 3, done.stderr
    assert told["state"] == "warning"
    assert told["series"] == []
    assert pd.Timestamp(told["checked_at"]) >= NOW
    assert "regime fetch" in checks["store"]["next"]
    assert "network" not in checks
    assert not home.exists()


def test_a_store_as_new_as_the_last_close_has_no_fault_and_an_old_one_has(regime, tmp_path):
    last = last_closed_session(NOW)
    stored(tmp_path / "new", last)
    told, checks = answered(regime("doctor", "--json", "--offline", home=tmp_path / "new"))
    assert checks["freshness"]["state"] == "ok"
    assert checks["store"]["state"] == "ok"
    assert {row["series"] for row in told["series"]} == {*FUNDS}
    assert {row["newest_period"] for row in told["series"]} == {f"{last:%Y-%m-%d}"}
    stored(tmp_path / "old", pd.Timestamp("2024-06-28"))
    done = regime("doctor", "--json", "--offline", "--all", home=tmp_path / "old")
    told, checks = answered(done)
    assert done.returncode == 1
    assert told["state"] == "fault"
    assert checks["freshness"]["state"] == "fault"
    assert {row["state"] for row in told["series"]} == {"missing"}
    assert set(told["series"][0]) == {
        "series", "newest_period", "age_days", "expected_period", "state", "counts",
    }  # fmt: skip


def test_a_person_reads_lines_with_what_to_do_next(regime, tmp_path):
    stored(tmp_path, pd.Timestamp("2024-06-28"))
    done = regime("doctor", "--offline", home=tmp_path)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    fault = next(line for line in lines if line.startswith("fault    freshness"))
    assert "OEF ends on 2024-06-28" in fault
    assert "-> Run `regime fetch --source live`" in lines[lines.index(fault) + 1]
    assert [line for line in lines if line.startswith("missing  RSP ")]
    assert lines[-1].startswith("1 fault, 2 warnings")
    assert done.stderr == ""


def test_an_installation_that_is_broken_all_over_is_told_without_a_traceback(regime, tmp_path):
    home = tmp_path / "home"
    stored(home, pd.Timestamp("2024-06-28"))
    (home / "observations.db").write_bytes(b"no database" * 1000)
    (home / "mlflow.db").write_bytes(b"no database" * 1000)
    (home / "published").write_text("no folder")
    done = regime("doctor", "--json", "--offline", "--all", home=home)
    _, checks = answered(done)
    assert done.returncode == 1
    assert [checks[name]["state"] for name in ("store", "model", "published")] == ["fault"] * 3
    assert checks["home"]["state"] == "ok"
    (tmp_path / "file").write_text("")
    done = regime("doctor", "--json", "--offline", home=tmp_path / "file")
    _, checks = answered(done)
    assert done.returncode == 1
    assert "Set REGIME_HOME" in checks["home"]["words"]


def test_tables_of_an_older_release_are_named_with_the_command(regime, tmp_path):
    settings = stored(tmp_path, pd.Timestamp("2024-06-28"))
    with closing(sqlite3.connect(settings.store)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    _, checks = answered(regime("doctor", "--json", "--offline", home=tmp_path))
    assert checks["store"]["state"] == "fault"
    assert "regime store upgrade" in checks["store"]["words"]


@pytest.mark.parametrize(
    ("states", "code", "said"),
    [
        (["ok", "ok"], 0, "All is well"),
        (["ok", "warning", "warning"], 3, "2 warnings"),
        (["unknown", "ok"], 3, "1 unknown"),
        (["warning", "fault", "unknown"], 1, "1 fault, 1 warning, 1 unknown"),
    ],
)
def test_the_exit_code_is_that_of_the_worst_check(monkeypatch, tmp_path, states, code, said):
    checks = tuple(Check(f"check{at}", State(state), "Words.") for at, state in enumerate(states))
    monkeypatch.setattr(health, "examine", lambda *_, **__: Health(NOW, checks, None))
    monkeypatch.setenv("REGIME_HOME", str(tmp_path))
    done = CliRunner().invoke(cli, ["doctor"])
    assert done.exit_code == code
    assert said in done.stdout.splitlines()[-1]
    told = json.loads(CliRunner().invoke(cli, ["doctor", "--json"]).stdout)
    assert told["state"] == str(health.worst(State(state) for state in states))


def test_a_look_that_breaks_as_a_whole_is_still_one_object(monkeypatch, tmp_path):
    def fail(*_, **__):
        raise ZeroDivisionError("by a test")

    monkeypatch.setattr(health, "examine", fail)
    monkeypatch.setenv("REGIME_HOME", str(tmp_path))
    done = CliRunner().invoke(cli, ["doctor", "--json"])
    told = json.loads(done.stdout)
    assert done.exit_code == 3
    assert told["checks"][0]["state"] == "unknown"
    assert "ZeroDivisionError: by a test" in told["checks"][0]["words"]


def test_sources_are_asked_unless_offline_and_their_absence_is_no_fault(
    regime, tmp_path, monkeypatch
):
    # A port that nobody listens on stands for no network at all.
    monkeypatch.setenv("REGIME_MIRROR", "http://127.0.0.1:9/")
    _, checks = answered(regime("doctor", "--json", home=tmp_path))
    assert checks["network"]["state"] == "warning"
    assert "regime demo" in checks["network"]["next"]
    _, checks = answered(regime("doctor", "--json", "--offline", home=tmp_path))
    assert "network" not in checks
