"""`regime store`: what it says, and what it leaves behind."""

import json
import sqlite3

import pandas as pd
import pytest
from asked import DOUBTFUL, ask, usage
from observed import FETCHED, LATER, TWO_DAYS
from typer.testing import CliRunner

from regime.data.store import ObservationStore
from regime.exceptions import ConfigError, RegimeError, StoreError
from training.cli import cli

# What is stored --------------------------------------------------------------------------


def test_info_tells_place_version_spans_fetches_and_doubts(filled, home):
    told = json.loads(ask("store", "info", "--json"))
    assert told["bytes"] == filled.database.size()
    assert {name: told[name] for name in told if name != "bytes"} == {
        "place": str(home / "observations.db"),
        "database": "SQLite",
        "schema_version": "0003",
        "archive": str(home / "raw"),
        "archive_bytes": 0,
        "series": 3,
        "rows": 5,
        "first_period": "2023-10-31",
        "last_period": "2024-01-03",
        "quarantined": 1,
        "simulated": False,
        "last_fetches": {
            "files": {"fetched_at": "2024-06-03T12:00:00Z", "series": 2, "rows_seen": 3,
                      "rows_added": 2},  # the doubtful one was seen too
            "fred": {"fetched_at": "2024-06-03T12:00:00Z", "series": 2, "rows_seen": 3,
                     "rows_added": 3},
        },
    }  # fmt: skip
    filled.append(TWO_DAYS, fetched_at=LATER)
    said = ask("store", "info")
    assert "5 rows of 3 series, 2023-10-31 to 2024-01-03\n1 values in quarantine" in said
    assert "files        2024-07-03T12:00:00Z: 1 series, 2 rows, 0 of them new" in said


def test_info_counts_the_archive_in_bytes(filled, home):
    (home / "raw" / "ab").mkdir(parents=True)
    (home / "raw" / "ab" / "document.gz").write_bytes(bytes(2_345_678))
    assert json.loads(ask("store", "info", "--json"))["archive_bytes"] == 2_345_678
    assert f"Archive of documents {home / 'raw'}, 2.3 MB" in ask("store", "info")


def test_info_of_nothing_says_how_to_begin_and_creates_nothing(home):
    assert "Nothing is stored yet. Run `regime fetch --source live`." in ask("store", "info")
    assert json.loads(ask("store", "info", "--json"))["schema_version"] is None
    assert not home.exists()


def test_info_of_nothing_but_doubts_counts_them(store):
    store.append(TWO_DAYS.iloc[:0], fetched_at=FETCHED, doubtful=DOUBTFUL)
    assert "0 rows of 0 series\n1 values in quarantine" in ask("store", "info")
    assert ask("store", "verify") == "sound: 0 rows of 0 series\n"


def test_info_says_which_numbers_are_simulated(store):
    store.append(TWO_DAYS.assign(source="demo"), fetched_at=FETCHED)
    assert "SIMULATED market" in ask("store", "info")


# Whether it is sound ---------------------------------------------------------------------


def test_a_sound_store_is_called_so_with_its_rows(filled):
    assert ask("store", "verify") == "sound: 5 rows of 3 series\n"


def test_a_store_that_is_not_there_is_sound(home):
    assert ask("store", "verify") == "sound: 0 rows of 0 series\n"
    assert not home.exists()


def test_each_fault_is_a_line_and_ends_in_failure(filled):
    with filled.database.transaction(write=True) as connection:
        connection.exec_driver_sql("DROP TRIGGER observation_no_DELETE")
        connection.exec_driver_sql("DELETE FROM observation WHERE value = 101.5")
    done = CliRunner().invoke(cli, ["store", "verify"])
    assert done.exit_code == 1
    removed, unguarded = done.stdout.splitlines()
    assert removed == "fault: Series OEF has 1 rows, but the fetches logged added 2."
    assert unguarded.endswith("can be changed: without trigger observation_no_DELETE.")
    assert "regime store import DIR" in done.stderr


# Out and in again ------------------------------------------------------------------------


def test_an_export_fills_a_home_that_is_not_there_yet(filled, tmp_path, monkeypatch):
    said = ask("store", "export", tmp_path / "a")
    assert said == f"5 rows of 4 series, 1 doubtful: {tmp_path / 'a'}\n"
    monkeypatch.setenv("REGIME_HOME", str(tmp_path / "deep" / "other"))
    place = tmp_path / "deep" / "other" / "observations.db"
    assert ask("store", "import", tmp_path / "a") == (f"5 rows of 4 series, 1 doubtful: {place}\n")
    pd.testing.assert_frame_equal(ObservationStore(place).read(), filled.read())
    with pytest.raises(StoreError, match="is not empty"):
        ask("store", "import", tmp_path / "a")
    with pytest.raises(StoreError, match="no whole export"):
        ask("store", "import", tmp_path / "nowhere")


# Tables of an older release ----------------------------------------------------------------


def older(store: ObservationStore) -> None:
    """A store as release 0.1 wrote it: one row."""
    connection = sqlite3.connect(store.database.path)
    connection.executescript("""
        CREATE TABLE observation (series TEXT, period INTEGER, known_at INTEGER, value REAL,
            source TEXT, fetched_at INTEGER);
        CREATE TABLE fetch (fetched_at INTEGER, source TEXT, rows_added INTEGER);
        INSERT INTO observation VALUES ('OEF', 19724, 1704229200, 100.0, 'files', 1717416000);
        INSERT INTO fetch VALUES (1717416000, 'files', 1);
        PRAGMA user_version = 1;
    """)
    connection.close()


def test_an_upgrade_says_where_the_copy_of_before_is(store, home):
    older(store)
    assert "Its tables are of version 0001. Run `regime store upgrade`." in ask("store", "info")
    for words in (["panel"], ["store", "quarantine"], ["store", "export", home / "a"]):
        with pytest.raises(StoreError, match="regime store upgrade"):
            ask(*words)
    copy = home / "observations.db.version-0001"
    said = ask("store", "upgrade")
    assert said.splitlines()[0].endswith("observations.db: upgraded from version 0001 to 0003.")
    assert said.splitlines()[1] == f"As it was before: {copy}"
    assert ObservationStore(copy).schema_version() == "0001"
    assert store.read()["value"].to_list() == [100.0]
    assert "Nothing to upgrade" in ask("store", "upgrade")
    assert ask("store", "verify") == "sound: 1 rows of 1 series\n"


def test_where_nothing_is_nothing_is_upgraded(home):
    assert "there is nothing in" in ask("store", "upgrade")
    assert not home.exists()


# Doubtful values -------------------------------------------------------------------------


def test_the_quarantine_lists_value_source_day_and_reason(filled):
    said = ask("store", "quarantine")
    row = "IWM  2024-01-04  1             files     fetched 2024-06-03  a fall of 99%"
    assert said.splitlines()[0] == row
    assert json.loads(ask("store", "quarantine", "--series", "IWM", "--json")) == [
        {
            "series": "IWM",
            "period": "2024-01-04",
            "known_at": "2024-01-04T21:00:00Z",
            "value": 1.0,
            "source": "files",
            "fetched_at": "2024-06-03T12:00:00Z",
            "reason": "a fall of 99%",
        }
    ]
    assert ask("store", "quarantine", "--series", "OEF") == "Nothing of OEF is in quarantine.\n"
    with pytest.raises(ConfigError, match=r"no series 'IVM'.*Near it are"):
        ask("store", "quarantine", "--series", "IVM")


def test_an_empty_quarantine_is_told_in_words_and_in_json(home):
    assert ask("store", "quarantine") == "Nothing is in quarantine.\n"
    assert json.loads(ask("store", "quarantine", "--json")) == []


def test_an_accepted_value_leaves_the_quarantine_and_is_replayed_from_now_on(filled):
    before = pd.Timestamp.now("UTC")
    said = ask("store", "accept", "IWM", "2024-01-04", "--why", " the exchange says so ")
    assert said.startswith("IWM of 2024-01-04 is 1, known from 20")
    assert "Nothing is in quarantine." in ask("store", "quarantine")
    row = filled.read(series=["IWM"]).iloc[0]
    assert row["value"] == 1.0
    assert row["known_at"] == pd.Timestamp("2024-01-04 21:00", tz="UTC")  # everybody saw it
    assert filled.read(before.floor("s"), series=["IWM"]).empty  # but this store only now
    with filled.database.transaction() as connection:
        why = connection.exec_driver_sql("SELECT why FROM ruling").scalars().all()
    assert why == ["the exchange says so"]
    with pytest.raises(StoreError, match="Nothing of IWM of 2024-01-04 is in quarantine"):
        ask("store", "accept", "IWM", "2024-01-04", "--why", "again")


def test_what_cannot_be_accepted_is_told(filled):
    with pytest.raises(ConfigError, match=r"no series 'IVM' in the catalogue"):
        ask("store", "accept", "IVM", "2024-01-04", "--why", "so")
    assert "--why needs a reason" in usage("store", "accept", "IWM", "2024-01-04", "--why", " ")
    assert "Missing option '--why'" in usage("store", "accept", "IWM", "2024-01-04")
    assert "does not match the format" in usage("store", "accept", "IWM", "4.1.2024", "--why", "so")


# Places that cannot be read ----------------------------------------------------------------

EVERY_COMMAND = [
    ["store", "info"], ["store", "verify"], ["store", "export", "nowhere/a"], ["store", "upgrade"],
    ["store", "quarantine"], ["store", "accept", "OEF", "2024-01-04", "--why", "so"], ["panel"],
]  # fmt: skip


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_a_place_that_is_no_store_is_told_in_one_line(home, words, monkeypatch):
    home.mkdir()
    (home / "observations.db").write_text("a letter, longer than the head of a database " * 99)
    in_one_line(words, "is no SQLite database")
    monkeypatch.setenv("REGIME_DATABASE_URL", "postgresql://me:secret@127.0.0.1:9/regime")
    in_one_line(words, "cannot be reached")
    monkeypatch.setenv("REGIME_DATABASE_URL", "mysql://me:secret@host/regime")
    in_one_line(words, "REGIME_DATABASE_URL needs an address")
    monkeypatch.delenv("REGIME_DATABASE_URL")
    monkeypatch.setenv("REGIME_HOME", str(home / "observations.db"))
    in_one_line(words, "is not a folder")


def in_one_line(words: list[str], fault: str) -> None:
    done = CliRunner().invoke(cli, words)
    assert isinstance(done.exception, RegimeError)
    assert fault in str(done.exception)
    assert "\n" not in str(done.exception)
    assert "secret" not in str(done.exception)


def test_a_fault_has_no_traceback_and_a_command_of_its_own_has_help(regime, fails, tmp_path):
    done = regime("store", "export", tmp_path / "a", home=tmp_path / "home")
    fails(done, "error: The store", "is empty. Run `regime fetch --source live`")
    assert done.stderr.count("\n") == 1
    done = regime("--help", module="store")
    assert "Example: regime store info" in " ".join(done.stdout.split())
    done = regime("--help", module="panel")
    assert "Example: regime panel" in " ".join(done.stdout.split())
