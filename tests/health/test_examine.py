"""A healthy installation on a simulated market, and one thing broken at a time."""

import multiprocessing
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from contextlib import closing
from datetime import date
from email.utils import formatdate
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import psycopg
import pytest
from filelock import FileLock
from postgres_server import PostgresServer, programs
from shown import show
from tracked import tracked

from regime.bundle import fit_bundle
from regime.config import ExperimentConfig
from regime.data.as_of import panel_as_of
from regime.data.calendar import trading_days
from regime.data.observations import COLUMNS
from regime.data.sources import demo
from regime.data.store import ObservationStore
from regime.exceptions import StoreError
from regime.experiment import Comparison
from regime.health import data as health_data
from regime.health import examine as health
from regime.health import machine as health_machine
from regime.health import model as health_model
from regime.health.checks import EXIT_CODES, Check, State, attempt, worst
from regime.health.examine import examine
from regime.health.machine import Probes, look_at_clock, look_at_environment
from regime.scoring import assess, score_days
from regime.settings import Settings
from regime.tracking.mlflow_client import client, experiment_id
from regime.tracking.registry import load_version, promote, register

NOW = pd.Timestamp("2009-01-01 18:00", tz="UTC")  # a holiday; the last close is due
LAST = pd.Timestamp("2008-12-31")
FUNDS = ["OEF", "RSP", "IWM"]
HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Settings of an installation with a store, a champion and a published result."""
    settings = tracked(tmp_path_factory.mktemp("healthy") / "home", tmp_path_factory)
    settings.make_home()
    days = trading_days(pd.Timestamp("1988-01-04"), LAST)
    store = ObservationStore(settings.store)
    store.append(demo.simulate(days).observations, fetched_at=NOW)
    panel = panel_as_of(store, NOW)
    config = ExperimentConfig(
        name="filter", baskets=("funds",), labels={"horizons": (0,)},
        training={"every": 3, "since": date(1990, 1, 1)}, model={"kind": "filter"},
        evaluation={"first_test": {"funds": date(2006, 1, 3)}},
    )  # fmt: skip
    bundle = fit_bundle(config, "funds", panel)
    tracker = client(settings)
    run_id = tracker.create_run(experiment_id(tracker, settings)).info.run_id
    result = Comparison(panel).run(config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on newer libraries
        register(bundle, bundle, result, run_id, settings, simulated=True)
    version = load_version(settings, promote(settings))
    rows = score_days(version.bundle, version.walk_forward, panel, version="1")
    show(rows, version.bundle, panel, settings, readiness=assess(version.bundle, panel, LAST))
    return settings


@pytest.fixture
def home(whole, tmp_path):
    """A copy of it to break; artefacts of the model stay where they are."""
    shutil.copytree(whole.home, tmp_path / "home", symlinks=True)
    return Settings(home=tmp_path / "home")


@pytest.fixture(scope="module")
def model_of():
    """What is said of a model at a moment, by home; of the whole one, looked at once."""
    return cache(health_model.look_at_model)


@pytest.fixture
def afresh():
    """For what a test does to the model or to the looking at it."""


@pytest.fixture
def look(monkeypatch, request, model_of):
    """Examine in this process, and the checks by name."""
    changed = {"tmp_path", "afresh"} & {*request.fixturenames}

    class Here:
        def __init__(self, settings, now):
            ask = health_model.look_at_model if changed else model_of
            self.found = ask(settings, now)

        def said(self):
            return self.found

    monkeypatch.setattr(health, "_Apart", Here)

    def examined(settings, now=NOW, **options):
        found = examine(settings, now, **{"offline": True, **options})
        by_name = {check.name: check for check in found.checks}
        assert len(by_name) == len(found.checks)
        return SimpleNamespace(**by_name, all=by_name, health=found, series=found.series)

    return examined


def added(settings, rows, **options):
    """Append observations (series, period, value) known at once."""
    frame = pd.DataFrame(rows, columns=["series", "period", "value"])
    frame["period"] = pd.to_datetime(frame["period"]).astype("datetime64[us]")
    frame["known_at"] = (frame["period"] + 21 * HOUR).dt.tz_localize("UTC")
    frame = frame.assign(source="demo", series=frame["series"].astype("str"))[COLUMNS]
    frame["value"] = frame["value"].astype("float64")
    return ObservationStore(settings.store).append(
        frame.iloc[:0] if "doubtful" in options else frame,
        fetched_at=options.get("fetched_at", NOW),
        doubtful=frame.assign(reason=options["doubtful"]) if "doubtful" in options else None,
    )


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
    found = {check.name: check for check in examine(whole, NOW, offline=True).checks}
    assert found["model"].state is State.OK
    assert "loads and is what was registered" in found["model"].words
    assert not multiprocessing.active_children()


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


def test_a_demo_beside_an_empty_store_is_pointed_at(tmp_path, look):
    (tmp_path / "demo").mkdir()
    assert f"REGIME_HOME={tmp_path / 'demo'}" in look(Settings(home=tmp_path)).store.words


def test_a_stale_store_is_a_fault_that_names_the_series_and_the_day_due(whole, look):
    found = look(whole, NOW + 5 * DAY)  # Tuesday 2009-01-06, 13:00 in New York
    assert found.freshness.state is State.FAULT
    assert "OEF ends on 2008-12-31, 2009-01-05 is due" in found.freshness.words
    assert "regime fetch --source demo" in found.freshness.advice
    assert found.published.state is State.WARNING
    assert "2 sessions behind the last close" in found.published.words
    assert EXIT_CODES[found.health.state] == 1


def test_before_the_grace_is_over_a_missing_close_is_none(whole, look):
    friday = pd.Timestamp("2009-01-03 14:59", tz="UTC")  # its close and 18 hours, less a minute
    assert look(whole, friday).freshness.state is State.OK
    assert look(whole, friday).published.state is State.OK
    assert look(whole, friday + pd.Timedelta(minutes=1)).freshness.state is State.FAULT


def test_a_fund_is_as_new_as_its_closes_or_its_index(home, look):
    day = NOW + 2 * DAY
    added(home, [(f"{name}_close", "2009-01-02", 50.0) for name in FUNDS], fetched_at=day)
    found = look(home, day)
    rows = found.series.set_index("series")
    assert list(rows.loc[FUNDS, "state"]) == ["fresh"] * 3
    assert "SPY" not in found.freshness.words  # nothing that the filter reads
    assert found.freshness.state is State.OK


def test_a_late_series_that_only_features_read_is_a_warning(whole, look, monkeypatch):
    found = look(whole)
    late = {**dict.fromkeys(found.series["series"], LAST), "DGS10": pd.Timestamp("2008-12-01")}
    stored = health_data.Stored(late, True, NOW, pd.DataFrame())
    for reads, state in ((("DGS10",), State.WARNING), ((), State.OK)):
        champion = health_model.Champion("1", "funds", reads, LAST, 252, True)
        [check], _ = health_data.look_at_freshness(stored, champion, NOW)
        assert check.state is state
    assert "funds" in check.words
    [check], table = health_data.look_at_freshness(stored, None, NOW)  # all that models may see
    assert check.state is State.WARNING
    assert "DGS10 ends on 2008-12-01" in check.words
    assert (table["counts"] == "read").sum() > 10


def test_a_model_of_a_simulated_market_beside_real_data_is_a_warning(whole, look):
    champion = health_model.Champion("1", "funds", (), LAST, 252, True)
    for simulated, state in ((True, State.OK), (False, State.WARNING)):
        stored = health_data.Stored(dict.fromkeys(FUNDS, LAST), simulated, NOW, pd.DataFrame())
        [check], _ = health_data.look_at_freshness(stored, champion, NOW)
        assert check.state is state
    assert "trained on a SIMULATED market" in check.words
    assert "regime retrain" in check.advice


def test_without_a_champion_one_whole_basket_set_is_enough():
    french = ["hi_10", "dec_7", "dec_8", "dec_9", "qnt_2"]
    quarantined = pd.DataFrame()
    for names, said in ((french, "french"), ([*FUNDS], "funds"), (["OEF", "RSP", "IJR"], "ijr")):
        stored = health_data.Stored(dict.fromkeys(names, LAST), True, NOW, quarantined)
        [check], _ = health_data.look_at_freshness(stored, None, NOW)
        assert check.state is State.OK
        assert said in check.words
    stored = health_data.Stored({"DGS10": LAST, "OEF": LAST}, True, NOW, quarantined)
    assert health_data.look_at_freshness(stored, None, NOW)[0][0].state is State.FAULT


def test_everything_stored_is_dated_only_if_asked(home, look):
    added(home, [("UNRATE", "2008-11-30", 6.8)])
    assert "UNRATE" not in set(look(home).series["series"])
    rows = look(home, thorough=True).series.set_index("series")
    assert rows.loc["UNRATE", "state"] == "fresh"
    assert pd.isna(rows.loc["UNRATE", "counts"])
    late = look(home, NOW + 40 * DAY, thorough=True)
    assert late.series.set_index("series").loc["UNRATE", "state"] == "late"
    assert "UNRATE" not in late.freshness.words


def test_a_quarantined_value_is_a_warning_while_it_is_news(home, look):
    added(home, [("OEF", "2008-12-30", 1e6)], doubtful="OEF of 2008-12-30 is doubted for a test.")
    check = look(home).quarantine
    assert check.state is State.WARNING
    assert "1 value waits" in check.words
    assert "doubted for a test" in check.words
    assert "regime store accept" in check.advice
    later = look(home, NOW + 15 * DAY).quarantine
    assert later.state is State.OK
    assert "1 value waits" in later.words


def test_a_corrupted_store_is_a_fault_that_says_how_to_go_on(home, look):
    with closing(sqlite3.connect(home.store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(Path(home.store).read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 200] = os.urandom(200)
    Path(home.store).write_bytes(content)
    found = look(home)
    assert found.store.state is State.FAULT
    assert "not sound" in found.store.words or "damaged" in found.store.words
    assert "freshness" not in found.all
    assert found.model.state is State.OK  # nothing else is lost with it
    Path(home.store).write_bytes(b"no database at all, " * 500)
    assert look(home).store.state is State.FAULT
    assert "no SQLite database" in look(home).store.words


def test_what_only_every_row_shows_is_found_on_request(home, look):
    with closing(sqlite3.connect(home.store)) as connection, connection:
        connection.execute("DROP TRIGGER observation_no_UPDATE")
    assert look(home).store.state is State.OK
    found = look(home, thorough=True).store
    assert found.state is State.FAULT
    assert "observation can be changed" in found.words


def test_tables_of_another_version_are_a_fault_with_the_command(home, look):
    for version, said in (("0001", "regime store upgrade"), ("0099", "Install the newer one")):
        with closing(sqlite3.connect(home.store)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", [version])
        check = look(home).store
        assert check.state is State.FAULT
        assert said in check.words


def test_a_lock_is_well_while_it_is_young_and_a_warning_once_it_is_old(home, look):
    name = home.home / "observations.db.lock"
    with FileLock(name):
        moment = time.time()
        os.utime(name, (moment, moment))
        now = pd.Timestamp(moment, unit="s", tz="UTC")
        database = ObservationStore(home.store).database
        check = health_data._writing(database, now + HOUR / 12)
        assert check.state is State.OK
        assert "just now" in check.words
        check = health_data._writing(database, now + HOUR + pd.Timedelta(seconds=1))
        assert check.state is State.WARNING
        assert "for 60 minutes" in check.words
        assert str(name) in check.advice
    assert look(home).writing.state is State.OK


def test_a_store_that_cannot_be_written_is_a_fault(home, look, monkeypatch):
    def refuse(self, *, patience):
        raise StoreError("The store cannot be written: its lock cannot be taken.")

    monkeypatch.setattr("regime.data.database.sqlite.SqliteFile.sole_writer", refuse)
    assert look(home).writing.state is State.FAULT


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


def test_a_fetch_dated_in_the_future_is_a_fault_of_the_clock(whole, look):
    check = look(whole, NOW - HOUR).clock
    assert check.state is State.FAULT
    assert "2009-01-01 18:00" in check.words


@pytest.fixture(scope="module")
def postgres():
    """A server, or a skip that says what is missing."""
    if programs() is None:
        pytest.skip("no PostgreSQL server is installed")
    with PostgresServer() as server:
        yield server


def test_a_store_in_postgresql_is_looked_at_as_one_in_a_file(postgres, look, tmp_path):
    settings = Settings(home=tmp_path, database_url=postgres.new_address())
    assert "Nothing is stored yet" in look(settings).store.words
    added(settings, [(name, LAST, 100.0) for name in FUNDS])
    found = look(settings, thorough=True)
    assert [found.store.state, found.writing.state, found.freshness.state] == [State.OK] * 3
    assert "PostgreSQL" in found.store.words
    database = ObservationStore(settings.store).database
    with database.sole_writer(patience=1.0):
        now = pd.Timestamp.now("UTC")
        assert health_data._writing(database, now).state is State.OK
        check = health_data._writing(database, now + HOUR + pd.Timedelta(seconds=1))
    assert check.state is State.WARNING
    assert "for 60 minutes" in check.words
    with psycopg.connect(postgres.address, autocommit=True) as connection:
        connection.execute("ALTER ROLE regime SET default_transaction_read_only = on")
        check = health_data._writing(database, now)
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("ALTER ROLE regime RESET default_transaction_read_only")
    assert check.state is State.FAULT
    assert "read-only" in check.words


def test_a_server_that_is_down_is_a_fault_without_its_password(look, tmp_path):
    address = f"postgresql://jane:secret@127.0.0.1:{unused()}/regime"
    found = look(Settings(home=tmp_path, database_url=address))
    assert found.store.state is State.FAULT
    assert "cannot be reached" in found.store.words
    assert not [check for check in found.all.values() if "secret" in f"{check.words}{check.advice}"]


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


class answering:  # noqa: N801 - reads as a phrase
    """A server on this machine whose clock is off by some seconds; yields its port."""

    def __init__(self, *, status=200, ahead=0.0, age=None, silence=0.0):
        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self):
                time.sleep(silence)
                self.send_response_only(status)
                self.send_header("Date", formatdate(time.time() + ahead, usegmt=True))
                if age is not None:
                    self.send_header("Age", str(age))
                self.end_headers()

            do_GET = do_HEAD  # noqa: N815

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()
        return self.server.server_port

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def unused():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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


def test_values_of_the_fixture_are_what_the_simulation_gave(whole):
    values = ObservationStore(whole.store).read(series=FUNDS)["value"]
    assert np.isfinite(values).all()
