"""Stores of earlier releases open with this one, and lose nothing on the way."""

import sqlite3
from contextlib import closing

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from observed import FETCHED, LATER, TWO_DAYS

from regime.data.database.integrity import faults
from regime.data.database.schema import METADATA
from regime.data.database.schema_version import NEWEST, VERSIONS
from regime.data.store import ObservationStore
from regime.exceptions import StoreError

# As release 0.1 wrote it, to the letter.
RELEASE_0_1 = """
CREATE TABLE observation (series TEXT NOT NULL, period INTEGER NOT NULL, known_at INTEGER
    NOT NULL, value REAL NOT NULL, source TEXT NOT NULL, fetched_at INTEGER NOT NULL);
CREATE TABLE fetch (id INTEGER NOT NULL, fetched_at INTEGER NOT NULL, source TEXT NOT NULL,
    rows_added INTEGER NOT NULL, PRIMARY KEY (id));
CREATE TRIGGER observation_no_UPDATE BEFORE UPDATE ON observation
    BEGIN SELECT RAISE(ABORT, 'rows are only ever added'); END;
CREATE TRIGGER observation_no_DELETE BEFORE DELETE ON observation
    BEGIN SELECT RAISE(ABORT, 'rows are only ever added'); END;
CREATE TRIGGER fetch_no_UPDATE BEFORE UPDATE ON fetch
    BEGIN SELECT RAISE(ABORT, 'rows are only ever added'); END;
CREATE TRIGGER fetch_no_DELETE BEFORE DELETE ON fetch
    BEGIN SELECT RAISE(ABORT, 'rows are only ever added'); END;
PRAGMA user_version = 1;
"""
DAY, NEXT = 19724, 19725  # 2024-01-02 and the day after, in days since 1970
KNOWN, NEXT_KNOWN = 1704229200, 1704315600  # their closes
AT, LATER_AT = int(FETCHED.timestamp()), int(LATER.timestamp())
ROWS = [
    ("OEF", DAY, KNOWN, 100.0, "files", AT),
    ("OEF", NEXT, NEXT_KNOWN, 101.5, "files", AT),
    ("DGS10", DAY, NEXT_KNOWN, 4.0, "files", AT),
    ("OEF", NEXT, LATER_AT, 99.0, "files", LATER_AT),
    # A value revised twice within one second: the later row counted.
    ("DGS10", NEXT, LATER_AT + 9, 4.1, "files", LATER_AT),
    ("DGS10", NEXT, LATER_AT + 9, 4.2, "files", LATER_AT),
]


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "observations.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(RELEASE_0_1)
        connection.executemany("INSERT INTO observation VALUES (?, ?, ?, ?, ?, ?)", ROWS)
        connection.execute("INSERT INTO fetch VALUES (1, ?, 'files', 3)", [AT])
        connection.execute("INSERT INTO fetch VALUES (2, ?, 'files', 3)", [LATER_AT])
        connection.commit()
    return ObservationStore(path)


def test_readers_say_what_to_run_and_change_nothing(old):
    before = old.database.path.read_bytes()
    for use in (old.read, old.summary, old.is_empty, old.series):
        with pytest.raises(StoreError, match=r"version 0001.*Run `regime store upgrade`"):
            use()
    assert old.schema_version() == "0001"
    assert old.database.path.read_bytes() == before


def test_an_upgrade_keeps_every_row_and_a_copy_of_the_file_as_it_was(old):
    before = old.database.path.read_bytes()
    copy = old.upgrade()
    assert copy is not None
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT * FROM observation").fetchall() == ROWS
    assert old.schema_version() == NEWEST
    assert faults(old.database) == []
    with old.database.transaction() as connection:
        query = sa.text("SELECT count(*), sum(value) FROM observation")
        assert tuple(connection.execute(query).one()) == (6, sum(row[3] for row in ROWS))
    rows = old.read()
    assert list(zip(rows["series"], rows["value"], strict=True)) == [
        ("DGS10", 4.0), ("DGS10", 4.2), ("OEF", 100.0), ("OEF", 101.5), ("OEF", 99.0),
    ]  # fmt: skip
    assert old.read(as_of=FETCHED)["value"].to_list() == [4.0, 100.0, 101.5]
    assert old.upgrade() is None  # there is nothing left to do
    assert len(before) > 0


def test_a_fetch_upgrades_by_itself_and_goes_on(old):
    rows = TWO_DAYS.assign(value=[100.0, 98.0])
    assert old.append(rows, fetched_at=LATER + pd.Timedelta(days=1)) == 1
    assert old.schema_version() == NEWEST
    assert old.database.path.with_name("observations.db.version-0001").exists()


def test_an_upgrade_that_breaks_off_leaves_the_old_store(old, monkeypatch):
    from regime.data.database import schema_version

    def breaks(_connection, _found):
        raise StoreError("the power went off")

    upgrade = schema_version.upgrade
    monkeypatch.setattr("regime.data.store.upgrade", breaks)
    with pytest.raises(StoreError, match="power"):
        old.upgrade()
    monkeypatch.setattr("regime.data.store.upgrade", upgrade)
    assert old.schema_version() == "0001"
    assert old.upgrade() is not None


def test_migrations_end_where_the_code_says_the_tables_are(store):
    store.append(TWO_DAYS, fetched_at=FETCHED)
    with store.database.transaction() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [
            found for found in compare_metadata(context, METADATA) if "alembic" not in str(found)
        ]
    assert differences == []
    assert store.schema_version() == VERSIONS[-1]


def test_the_readable_view_shows_names_and_dates(store):
    store.append(TWO_DAYS, fetched_at=FETCHED)
    with store.database.transaction() as connection:
        row = connection.execute(
            sa.text("SELECT series, period, value, source, known_at FROM observation_in_words "
                    "ORDER BY period")
        ).first()  # fmt: skip
    assert [str(cell) for cell in row] == [
        "OEF", "2024-01-02", "100.0", "files", "2024-01-02 21:00:00",
    ]  # fmt: skip
