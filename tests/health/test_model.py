"""The model, its tracking and what is published, one thing broken at a time."""

import shutil
import subprocess
import sys
import time

import pandas as pd
import pytest
from filelock import FileLock
from health.installed import DAY, FUNDS, LAST, NOW, answering, unused

from regime.health import data as health_data
from regime.health import model as health_model
from regime.health.checks import State
from regime.tracking.mlflow_client import client


def test_a_model_of_a_simulated_market_beside_real_data_is_a_warning(whole, look):
    champion = health_model.Champion("1", "funds", (), LAST, 252, True)
    for simulated, state in ((True, State.OK), (False, State.WARNING)):
        stored = health_data.Stored(dict.fromkeys(FUNDS, LAST), simulated, NOW, pd.DataFrame())
        [check], _ = health_data.look_at_freshness(stored, champion, NOW)
        assert check.state is state
    assert "trained on a SIMULATED market" in check.words
    assert "regime retrain" in check.advice


def test_a_changed_file_of_the_champion_is_a_fault(whole, look, afresh):
    victim = next((whole.home / "artifacts").rglob("bundle/*.npz"))
    content = victim.read_bytes()
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        check = look(whole).model
    finally:
        victim.write_bytes(content)
    assert check.state is State.FAULT
    assert "not what was registered" in check.words
    assert look(whole).model.state is State.OK


def test_no_champion_is_a_warning_that_says_how_to_get_one(home, look):
    client(home).delete_registered_model_alias("equity-leadership-regime", "champion")
    found = look(home)
    assert found.model.state is State.WARNING
    assert "none has been promoted" in found.model.words
    assert "regime promote" in found.model.advice
    assert found.freshness.state is State.OK


def test_a_tracking_database_that_is_empty_or_none_is_told_apart(home, look):
    path = home.home / "mlflow.db"
    path.unlink()
    path.touch()
    assert "is empty" in look(home).model.words
    assert path.stat().st_size == 0
    path.write_bytes(b"no database, " * 100)
    found = look(home)
    assert found.model.state is State.FAULT
    assert "cannot be read" in found.model.words
    assert found.published.state is State.OK


def test_a_held_tracking_database_does_not_hold_the_look(home, look, monkeypatch):
    monkeypatch.setattr(health_model, "_SECONDS", 0.1)
    with FileLock(f"{home.home / 'mlflow.db'}.lock"):
        found = look(home)
    assert found.model.state is State.FAULT
    assert "Another process has held" in found.model.words


@pytest.mark.parametrize("answer", [None, 503])
def test_a_tracking_server_that_is_silent_is_a_fault_at_once(home, look, monkeypatch, answer):
    with answering(status=answer or 200) as port:
        place = f"127.0.0.1:{port if answer else unused()}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://jane:secret@{place}")
        begun = time.monotonic()
        check = look(home).model
    assert time.monotonic() - begun < 10
    assert check.state is State.FAULT
    assert place in check.words
    assert "secret" not in check.words


def test_a_model_of_old_training_is_a_warning(whole, look):
    assert look(whole, NOW + 380 * DAY).model.state is State.OK
    check = look(whole, NOW + 410 * DAY).model
    assert check.state is State.WARNING
    assert "every 252 sessions" in check.words
    assert "regime retrain" in check.advice


@pytest.mark.parametrize(
    ("days", "state"), [(1, "ok"), (4, "warning"), (8, "warning"), (13, "fault")]
)
def test_a_published_result_ages(whole, look, days, state):
    assert look(whole, NOW + days * DAY).published.state == state


def test_what_was_published_by_another_version_is_told_and_degraded_is_a_warning(home, look):
    path = home.published / "champion" / "result.json"
    text = path.read_text()
    path.write_text(text.replace('"model_version": "1"', '"model_version": "7 (filter)"'))
    check = look(home).published
    assert check.state is State.OK
    assert "by version 7. Version 1 is in service since; it speaks next." in check.words
    path.write_text(text.replace('"PUBLISHED"', '"DEGRADED"'))
    assert look(home).published.state is State.WARNING
    path.write_text("{")
    assert look(home).published.state is State.FAULT
    shutil.rmtree(home.published)
    check = look(home).published
    assert check.state is State.WARNING
    assert check.advice == "Run `regime score`."


def test_nothing_slow_is_imported_before_something_is_there_to_load(tmp_path):
    probe = f"""if True:
        import sys
        import pandas as pd
        from pathlib import Path
        from regime.settings import Settings
        from regime.health.model import look_at_model
        look_at_model(Settings(home=Path({str(tmp_path)!r})), pd.Timestamp.now('UTC'))
        print([name for name in ('mlflow', 'sklearn', 'skops') if name in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
