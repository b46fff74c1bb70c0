"""The store, its quarantine and its freshness, one thing broken at a time."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pandas as pd
import psycopg
import pytest
from filelock import FileLock
from health.installed import DAY, FUNDS, HOUR, LAST, NOW, unused
from postgres_server import PostgresServer, programs

from regime.data.observations import COLUMNS
from regime.data.store import ObservationStore
from regime.exceptions import StoreError
from regime.health import data as health_data
from regime.health import model as health_model
from regime.health.checks import EXIT_CODES, State
from regime.settings import Settings


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
