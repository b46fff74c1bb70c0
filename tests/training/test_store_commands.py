"""`regime store` and `regime panel`: what they say, and what they leave behind."""

import json
import sqlite3

import numpy as np
import pandas as pd
import pytest
from observed import FETCHED, LATER, TWO_DAYS, frame
from typer.testing import CliRunner

from regime.data.as_of import panel_as_of
from regime.data.calendar import end_of_day
from regime.data.panel import digest
from regime.data.store import ObservationStore
from regime.exceptions import ConfigError, RegimeError, StoreError
from training.cli import cli

DOUBTFUL = frame([("IWM", "2024-01-04", "2024-01-04 21:00", 1.0)]).assign(reason="a fall of 99%")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home that is not there yet."""
    monkeypatch.setenv("REGIME_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("REGIME_DATABASE_URL", raising=False)
    return tmp_path / "home"


@pytest.fixture
def store(home) -> ObservationStore:
    home.mkdir()
    return ObservationStore(home / "observations.db")


@pytest.fixture
def filled(store) -> ObservationStore:
    """Two days of a fund, a rate, a monthly value, and one value in quarantine."""
    rates = frame(
        [
            ("DGS10", "2024-01-02", "2024-01-03 21:00", 4.0),
            ("DGS10", "2024-01-03", "2024-01-04 21:00", 4.1),
            ("value_spread_q1", "2023-10-31", "2023-12-31 00:00", 2.0),
        ],
        source="fred",
    )
    rows = pd.concat([TWO_DAYS, rates], ignore_index=True)
    store.append(rows, fetched_at=FETCHED, doubtful=DOUBTFUL, looked=True)
    return store


def ask(*words: object) -> str:
    """Standard output of the command; a fault is raised as it is."""
    done = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def usage(*words: object) -> str:
    done = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 2, done.output
    return " ".join(done.stderr.replace("│", " ").split())


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


# What was known ----------------------------------------------------------------------------


def panel(*words: object) -> dict[str, object]:
    return json.loads(ask("panel", "--json", *words))


def test_a_day_means_its_end_in_new_york(filled):
    for day, end in (("2024-01-03", "2024-01-04T04:59:59Z"), ("2024-01-07", "2024-01-08T04:59:")):
        told = panel("--as-of", day)
        assert told["as_of"].startswith(end)
        known = panel_as_of(filled, end_of_day(pd.Timestamp(day)))
        assert told["digest"] == digest(known)
        assert (told["days"], told["columns"]) == known.shape
        assert told["last_day"] == f"{known.index[-1]:%Y-%m-%d}"
    assert panel("--as-of", "2024-01-03T20:59")["last_day"] == "2024-01-02"
    assert panel("--as-of", "2024-01-04T04:59:59Z") == panel("--as-of", "2024-01-03")
    assert panel("--as-of", "2024-01-04T04:59:59") == panel("--as-of", "2024-01-03")


def test_without_a_moment_the_panel_is_that_of_now(filled):
    now = panel()
    assert now["digest"] == digest(panel_as_of(filled, pd.Timestamp.now("UTC")))
    again = panel("--as-of", now["as_of"])  # what it prints can be asked for
    assert {**again, "as_of": ""} == {**now, "as_of": ""}


def test_the_same_moment_gives_the_same_digest_after_any_later_fetch(filled):
    moments = ["2024-01-03", "2024-01-04T21:30", f"{FETCHED:%Y-%m-%dT%H:%M}"]
    before = {moment: ask("panel", "--as-of", moment) for moment in moments}
    revised = TWO_DAYS.assign(value=[90.0, 91.0])
    new = frame([("OEF", "2024-01-04", "2024-01-04 21:00", 102.0)])
    late = pd.concat([revised, new], ignore_index=True)
    filled.append(late, fetched_at=LATER, looked=True)
    assert panel()["digest"] != panel("--as-of", moments[-1])["digest"]
    assert {moment: ask("panel", "--as-of", moment) for moment in moments} == before


def test_a_panel_of_named_series_does_not_care_what_else_is_fetched(filled):
    words = ["panel", "--as-of", "2024-01-04", "--series", "OEF", "--series", "DGS10"]
    before = ask(*words)
    first = frame([("SPY", "1993-01-29", "1993-01-29 21:00", 43.0)])
    filled.append(first, fetched_at=LATER)
    assert ask(*words) == before
    assert panel("--as-of", "2024-01-04")["first_day"] == "1993-01-29"


def described(told: dict[str, object]) -> dict[str, dict[str, object]]:
    return {row["series"]: row for row in told["series"]}


def test_each_column_says_which_row_it_rests_on(filled):
    rows = described(panel("--as-of", "2024-01-04"))
    assert rows["DGS10"] == {
        "series": "DGS10",
        "value": 4.1,
        "period": "2024-01-03",
        "age_days": 1,
        "source": "fred",
        "known_at": "2024-01-04T21:00:00Z",
        "fetched_at": "2024-06-03T12:00:00Z",
        "why": None,
    }
    spread = rows["value_spread_q1"]
    assert (spread["value"], spread["period"], spread["age_days"]) == (2.0, "2023-10-31", 65)


def test_neither_what_came_after_the_close_nor_an_older_period_is_what_it_rests_on(store):
    rows = frame(
        [
            ("DGS10", "2024-01-02", "2024-01-03 21:00", 4.0),
            ("DGS10", "2024-01-03", "2024-01-04 20:00", 4.1),
            ("OEF", "2024-01-04", "2024-01-04 21:00", 102.0),
            ("DGS10", "2024-01-02", "2024-01-04 21:00", 9.0),  # a revision
            ("DGS10", "2024-01-04", "2024-01-04 22:00", 4.2),
        ]
    )
    store.append(rows, fetched_at=FETCHED)
    told = panel("--as-of", "2024-01-04T23:00")
    rate = described(told)["DGS10"]
    assert told["last_day"] == "2024-01-04"
    assert (rate["value"], rate["period"]) == (4.1, "2024-01-03")


def test_a_missing_value_says_why(filled):
    rows = described(panel("--as-of", "2024-01-04"))
    assert rows["OEF"]["value"] is None
    assert rows["OEF"]["why"] == "too old: last of 2024-01-03, at most 0 days"
    assert rows["SPY"]["why"] == "nothing stored"
    assert described(panel("--as-of", "2024-01-02"))["DGS10"]["why"] == "nothing known by then"
    said = ask("panel", "--as-of", "2024-01-04")
    assert "missing  too old: last of 2024-01-03, at most 0 days" in said
    assert "4.1  2024-01-03     1  fred      2024-01-04 21:00  2024-06-03 12:00" in said


def test_what_a_column_rests_on_has_its_value(home):
    """On a market of many series and years: the row described is the row shown."""
    ask("fetch", "--source", "demo", "--until", "1987-06-30")
    kept = ObservationStore(home / "observations.db")
    for day in ("1987-06-30", "1974-10-03", "1965-01-04"):
        rows = described(panel("--as-of", day))
        known = panel_as_of(kept, end_of_day(pd.Timestamp(day)))
        assert set(known.columns) <= set(rows)
        stored = kept.read(end_of_day(pd.Timestamp(day)))
        for name, last in known.iloc[-1].items():
            assert (rows[name]["value"] is None) == np.isnan(last)
            if rows[name]["value"] is not None:
                mine = stored[stored["series"] == name].set_index("period")["value"]
                assert mine.loc[rows[name]["period"]] == last == rows[name]["value"]


def test_a_fund_rests_on_its_close_and_an_event_on_nothing(store):
    closes = frame(
        [
            ("OEF_close", "2024-01-02", "2024-01-02 21:00", 200.0),
            ("OEF_close", "2024-01-03", "2024-01-03 21:00", 201.0),
            ("OEF_dividend", "2024-01-02", "2024-01-02 21:00", 0.5),
        ],
        source="yahoo",
    )
    store.append(closes, fetched_at=FETCHED)
    names = ["--series", "OEF", "--series", "OEF_close", "--series", "OEF_dividend"]
    told = panel("--as-of", "2024-01-03", *names)
    rows = described(told)
    assert told["columns"] == 3
    assert rows["OEF"]["value"] == pytest.approx(100 * 201 / 200)
    assert (rows["OEF"]["source"], rows["OEF"]["period"]) == ("yahoo", "2024-01-03")
    assert rows["OEF_close"]["value"] == 201.0
    assert rows["OEF_dividend"]["why"] == "nothing happened that day; last on 2024-01-02"


def test_only_the_columns_asked_for_are_rebuilt(filled):
    told = panel("--series", "DGS10", "--series", "DGS10", "--as-of", "2024-01-04")
    assert list(described(told)) == ["DGS10"]
    assert told["columns"] == 1
    with pytest.raises(ConfigError, match=r"no series 'DGS11'.*Near it are"):
        panel("--series", "DGS11")
    with pytest.raises(ConfigError, match=r"value_spread_q1 is none\. Add one, such as"):
        panel("--series", "value_spread_q1")
    with pytest.raises(StoreError, match=r"Nothing of SPY is stored in .*Fetch it"):
        panel("--series", "SPY", "--series", "value_spread_q1")


def test_moments_that_are_none_are_refused(filled):
    assert "neither a day" in usage("panel", "--as-of", "3 January 2024")
    assert "neither a day" in usage("panel", "--as-of", "2024-02-30")
    assert "must lie between 1926-07-01 and today" in usage("panel", "--as-of", "1900-01-01")
    assert "must lie between 1926-07-01 and today" in usage("panel", "--as-of", "2199-01-01T00:00")
    soon = pd.Timestamp.now("UTC") + pd.Timedelta(minutes=2)
    assert "--as-of" in usage("panel", "--as-of", f"{soon:%Y-%m-%dT%H:%M}")
    with pytest.raises(StoreError, match="knew of no daily value by 2023-12-29"):
        panel("--as-of", "2023-12-29")


def test_the_panel_of_an_empty_store_says_how_to_fill_it(home):
    with pytest.raises(StoreError, match="Run `regime fetch --source live`"):
        ask("panel")
    assert not home.exists()


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_the_file_holds_the_panel_to_the_bit(filled, tmp_path, ending):
    file = tmp_path / f"panel.{ending}"
    told = panel("--as-of", "2024-01-04", "--output", file)
    if ending == "parquet":
        back = pd.read_parquet(file)
    else:
        back = pd.read_csv(file, index_col="date", parse_dates=["date"])
    assert digest(back) == told["digest"]
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_file_that_cannot_be_written_whole_is_left_as_it_was(filled, tmp_path, monkeypatch):
    file = tmp_path / "out" / "panel.csv"
    file.parent.mkdir()
    file.write_text("what stood there")

    def full(_, draft, **options):
        with open(draft, "w") as opened:  # noqa: PTH123
            opened.write("date,DG")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(StoreError, match=r"could not be written to .*No space left on device"):
        ask("panel", "--output", file)
    assert [path.name for path in file.parent.iterdir()] == ["panel.csv"]
    assert file.read_text() == "what stood there"
    assert ".csv or .parquet" in usage("panel", "--output", tmp_path / "panel.txt")
    with pytest.raises(ConfigError, match="there is no folder"):
        ask("panel", "--output", tmp_path / "nowhere" / "panel.csv")
