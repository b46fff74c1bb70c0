"""A healthy installation on a simulated market is well, and one broken check costs no other."""

import multiprocessing
import sys

import numpy as np
from health.installed import FUNDS, NOW

from regime.data.store import ObservationStore
from regime.health import data as health_data
from regime.health import examine as health
from regime.health import machine as health_machine
from regime.health import model as health_model
from regime.health.checks import EXIT_CODES, Check, State, attempt, worst
from regime.health.examine import examine
from regime.settings import Settings


def test_a_healthy_installation_is_well_in_every_check(whole, look):
    found = look(whole)
    assert {name: check.state for name, check in found.all.items() if check.state != "ok"} == {}
    assert [*found.all] == [
        "home", "disk", "store", "writing", "freshness", "quarantine", "model", "published",
        "drift", "ambiguity", "clock", "environment",
    ]  # fmt: skip
    assert found.health.state is State.OK
    assert "SIMULATED" in found.store.words
    assert "reach 2008-12-31" in found.freshness.words
    assert "trained until 2008-12-31, 0 sessions ago" in found.model.words
    assert "the last close, by version 1" in found.published.words
    required = found.series[found.series["counts"] == "required"]
    assert list(required["series"]) == FUNDS
    assert not [check for check in found.all.values() if check.state == "ok" and check.advice]


def test_the_model_is_looked_at_in_a_process_of_its_own(whole):
    before = multiprocessing.active_children()  # joblib keeps its own for a while
    found = {check.name: check for check in examine(whole, NOW, offline=True).checks}
    assert found["model"].state is State.OK
    assert "loads and is what was registered" in found["model"].words
    assert set(multiprocessing.active_children()) <= set(before)


def test_a_model_that_hangs_or_crashes_is_unknown_and_costs_nothing_else(
    whole, monkeypatch, tmp_path
):
    monkeypatch.setattr(health, "PATIENCE", 0.01)
    found = {check.name: check for check in examine(whole, NOW, offline=True).checks}
    assert found["model"].state is State.UNKNOWN
    assert "longer than 0.01 seconds" in found["model"].words
    assert found["freshness"].state is State.OK
    apart = health._Apart(whole, NOW)
    monkeypatch.setattr(health, "PATIENCE", 30.0)
    apart._process.kill()
    [check], champion = apart.said()
    assert champion is None
    assert check.state is State.UNKNOWN
    assert "ended with exit code -9" in check.words


def test_looking_creates_and_changes_nothing(whole, look, tmp_path):
    before = {
        path: (path.stat().st_size, path.stat().st_mtime_ns)
        for path in whole.home.rglob("*")
        if path.suffix not in {".lock", ".db-shm", ".db-wal"} and path.is_file()
    }
    look(whole, thorough=True)
    after = {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in before}
    assert after == before
    empty = Settings(home=tmp_path / "nothing" / "home")
    found = look(empty)
    assert not empty.home.parent.exists()
    assert {name: str(found.all[name].state) for name in ("home", "store", "model")} == {
        "home": "warning", "store": "warning", "model": "warning",
    }  # fmt: skip
    assert found.health.state is State.WARNING
    assert "regime fetch" in found.store.advice
    empty.home.mkdir(parents=True)
    look(empty)
    assert not list(empty.home.iterdir())


def test_a_password_in_the_words_of_any_check_is_hidden(whole, look, monkeypatch):
    def fail(_):
        raise RuntimeError("no luck with https://jane:secret@example.com/x")

    monkeypatch.setattr(health_machine, "look_at_home", fail)
    check = look(whole).home
    assert check.state is State.UNKNOWN
    assert "https://***@example.com/x" in check.words


def test_a_check_that_breaks_is_unknown_and_the_others_go_on(whole, look, afresh, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("by a test\nin two lines")

    for module, name in (
        (health_data, "look_at_quarantine"), (health_machine, "look_at_environment"),
        (health_model, "_published"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, fail)
    found = look(whole)
    for check in (found.quarantine, found.environment, found.published):
        assert check.state is State.UNKNOWN
        assert "ZeroDivisionError: by a test in two lines." in check.words
    assert found.model.state is State.OK
    assert found.health.state is State.UNKNOWN
    assert EXIT_CODES[found.health.state] == 3


def test_a_broken_package_costs_only_the_checks_that_need_it(whole, look, afresh, monkeypatch):
    monkeypatch.setitem(sys.modules, "regime.health.data", None)
    found = look(whole)
    assert found.store.state is State.UNKNOWN
    assert found.model.state is State.OK
    assert found.home.state is State.OK


def test_the_worst_state_counts():
    assert worst([]) is State.OK
    assert worst([State.WARNING, State.UNKNOWN, State.OK]) is State.WARNING
    assert worst([State.WARNING, State.FAULT, State.OK]) is State.FAULT
    assert {state: EXIT_CODES[state] for state in State} == {
        "ok": 0, "unknown": 3, "warning": 3, "fault": 1,
    }  # fmt: skip
    assert attempt("x", lambda: [Check("x", State.OK, "Well.")]) == [Check("x", State.OK, "Well.")]


def test_values_of_the_fixture_are_what_the_simulation_gave(whole):
    values = ObservationStore(whole.store).read(series=FUNDS)["value"]
    assert np.isfinite(values).all()
