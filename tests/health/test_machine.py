"""Home, disk, hosts, clock and environment, one thing broken at a time."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from health.installed import HOUR, NOW, answering, unused

from regime.health import machine as health_machine
from regime.health.checks import State
from regime.health.machine import Probes, look_at_clock, look_at_environment
from regime.settings import Settings


def test_a_home_that_cannot_be_written_is_a_fault(look, monkeypatch, tmp_path):
    # Root may write anywhere but there.
    found = look(Settings(home=Path("/proc/self")))
    assert found.home.state is State.FAULT
    assert "cannot be written" in found.home.words
    assert "REGIME_HOME" in found.home.advice
    (tmp_path / "file").write_text("")
    found = look(Settings(home=tmp_path / "file"))
    assert found.home.state is State.FAULT
    assert "is not a folder" in found.home.words


@pytest.mark.parametrize(
    ("free", "state"),
    [(99, State.FAULT), (101, State.WARNING), (1023, State.WARNING), (1025, "ok")],
)
def test_the_disk_is_judged_by_what_is_free(whole, look, monkeypatch, free, state):
    usage = SimpleNamespace(free=free * 1024**2)
    monkeypatch.setattr(health_machine.shutil, "disk_usage", lambda _: usage)
    check = look(whole).disk
    assert check.state == state
    size = Path(whole.store).stat().st_size / 1024**2
    assert f"the store {size:.1f} MiB" in check.words
    assert "MLflow 0.0" not in check.words


def test_a_fetch_dated_in_the_future_is_a_fault_of_the_clock(whole, look):
    check = look(whole, NOW - HOUR).clock
    assert check.state is State.FAULT
    assert "2009-01-01 18:00" in check.words


def probed(**hosts):
    settings = Settings(mirror="http://127.0.0.1/")
    return Probes(settings, {name: f"http://127.0.0.1:{port}/" for name, port in hosts.items()})


def test_hosts_that_answer_anything_at_all_are_reached():
    with answering(status=404) as one, answering(status=403) as other:
        [check] = health_machine.look_at_network(probed(one=one, other=other))
    assert check.state is State.OK
    assert "All 2 hosts" in check.words


def test_without_a_network_there_is_a_warning_and_another_way(monkeypatch):
    [check] = health_machine.look_at_network(probed(one=unused(), other=unused()))
    assert check.state is State.WARNING
    assert "one, other: connection refused" in check.words
    assert "--source files" in check.advice
    assert "regime demo" in check.advice


def test_one_host_that_is_silent_is_named_and_not_waited_for(monkeypatch):
    monkeypatch.setattr(health_machine, "_SECONDS", 1.0)
    with answering() as good, answering(silence=3.0) as slow:
        begun = time.monotonic()
        [check] = health_machine.look_at_network(probed(good=good, slow=slow))
        assert time.monotonic() - begun < 2
    assert check.state is State.WARNING
    assert "1 of 2 hosts cannot be reached: slow: no answer" in check.words


def test_every_host_of_a_source_is_asked_or_the_mirror_alone():
    hosts = health_machine._hosts(Settings())
    assert {"fred.stlouisfed.org", "data.sec.gov", "query1.finance.yahoo.com"} <= set(hosts)
    assert set(hosts.values()) == {f"https://{host}/" for host in hosts}
    assert health_machine._hosts(Settings(mirror="http://box:8000/m")) == {
        "box": "http://box:8000/m"
    }


@pytest.mark.parametrize(
    ("ahead", "state", "words"),
    [
        (0, "ok", "agrees with 1 host."),
        (50, "ok", "agrees"),
        (95, "warning", "seconds behind those"),
        (-95, "warning", "seconds ahead of those"),
        (400, "fault", "7 minutes behind"),
        (-86400, "fault", "24 hours ahead of"),
    ],
)
def test_the_clock_is_held_against_a_hosts(ahead, state, words):
    with answering(ahead=ahead) as port:
        [check] = look_at_clock(NOW, NOW, probed(one=port))
    assert check.state == state
    assert words in check.words


def test_one_host_with_a_wrong_clock_is_outvoted_and_a_cache_says_its_age():
    with answering() as one, answering(ahead=9000) as wrong, answering(ahead=-600, age=600) as old:
        [check] = look_at_clock(NOW, None, probed(one=one, wrong=wrong, old=old))
    assert check.state is State.OK


def test_a_time_zone_that_nobody_knows_is_a_warning(monkeypatch):
    for zone, state in (
        ("Europe/Berlin", "ok"), (":UTC", "ok"), ("EST5EDT,M3.2.0,M11.1.0", "ok"),
        ("/etc/localtime", "ok"), ("", "ok"), ("Europe/Berlim", "warning"),
    ):  # fmt: skip
        monkeypatch.setenv("TZ", zone)
        assert look_at_clock(NOW, None, None)[0].state == state, zone


def test_packages_outside_their_bounds_are_a_fault(monkeypatch):
    assert look_at_environment()[0].state in {State.OK, State.WARNING}
    true = health_machine.version
    found = {"pandas": "2.3.3", "mlflow": "3.18.0"}
    monkeypatch.setattr(health_machine, "version", lambda name: found.get(name) or true(name))
    [check] = look_at_environment()
    assert check.state is State.FAULT
    assert "pandas 2.3.3 is not" in check.words
    assert "mlflow 3.18.0 is not" in check.words
    assert "numpy" not in check.words


def test_little_memory_is_a_warning(monkeypatch):
    monkeypatch.setattr(health_machine, "_free_memory", lambda: 100 * 1024**2)
    [check] = look_at_environment()
    assert check.state is State.WARNING
    assert "100.0 MiB of memory" in check.words
    monkeypatch.setattr(health_machine, "_free_memory", lambda: None)
    assert look_at_environment()[0].state is State.OK
