"""What only a file can go through: damage, permissions, a full disk."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from observed import FETCHED, LATER, TWO_DAYS, many, use_everything
from unprivileged import without_privileges

from regime.data.store import ObservationStore
from regime.exceptions import StoreError


@pytest.fixture
def store(tmp_path: Path) -> ObservationStore:
    return ObservationStore(tmp_path / "observations.db")


def query(store: ObservationStore, sql: str) -> None:
    with store.database.transaction(write=True) as connection:
        connection.exec_driver_sql(sql)


def test_a_file_without_content_is_an_empty_store(store):
    store.database.path.touch()
    assert store.is_empty()
    with pytest.raises(StoreError, match="is empty"):
        store.read()
    assert store.append(TWO_DAYS, fetched_at=FETCHED) == 2


def test_a_file_that_is_no_database_is_left_alone(store):
    store.database.path.write_text("a letter, longer than the head of a database " * 99)
    before = store.database.path.read_bytes()
    for words in use_everything(store):
        assert "no SQLite database" in words
        assert "REGIME_HOME" in words
    assert store.database.path.read_bytes() == before


def test_the_database_of_another_program_is_left_alone(store):
    query(store, "CREATE TABLE runs (id)")
    before = store.database.path.read_bytes()
    for words in use_everything(store):
        assert "no store of observations: it holds runs" in words
    assert store.database.path.read_bytes() == before


def test_a_folder_in_its_place_is_told(store):
    store.database.path.mkdir()
    for words in use_everything(store):
        assert "Check that it is a file" in words


def test_a_damaged_store_is_told(store):
    store.append(many(5000, 1.0), fetched_at=FETCHED)
    with store.database.path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xaa" * 4096 * 5)
    with pytest.raises(StoreError, match=r"is damaged.*Move it away and fetch again"):
        store.read()


def test_a_folder_that_is_gone_is_told(store):
    gone = ObservationStore(store.database.path.parent / "gone" / "observations.db")
    with pytest.raises(StoreError, match=r"folder is not there. Create .*gone"):
        gone.append(TWO_DAYS, fetched_at=FETCHED)
    assert gone.is_empty()


@pytest.mark.parametrize(
    ("file", "folder"), [(0o444, 0o777), (0o444, 0o555), (0o644, 0o555), (0, 0o755), (0o644, 0)]
)
def test_a_store_one_may_not_write_is_told_and_stays_as_it_is(file, folder):
    # Not in tmp_path, which nobody but its owner may enter.
    with tempfile.TemporaryDirectory() as name:
        store = ObservationStore(Path(name) / "observations.db", patience=0.2)
        store.append(TWO_DAYS, fetched_at=FETCHED)
        Path(f"{store.database}.lock").unlink()
        store.database.path.chmod(file)
        store.database.path.parent.chmod(folder)
        try:
            with without_privileges(), pytest.raises(StoreError, match=r"writ|looked up|opened"):
                store.append(TWO_DAYS.assign(value=1.0), fetched_at=LATER)
        finally:
            store.database.path.parent.chmod(0o755)
        assert store.read()["value"].to_list() == [100.0, 101.5]


APPEND_INTO_LITTLE_SPACE = """
import sys, resource
import pandas as pd
sys.path.insert(0, sys.argv[2])
from observed import FETCHED, many
from regime.data.store import ObservationStore
from regime.exceptions import StoreError
store = ObservationStore(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # a sixth of what the rows take
try:
    store.append(many(20_000, 2.0), fetched_at=FETCHED + pd.Timedelta(days=1))
except StoreError as error:
    print(error)
"""


def test_a_disk_that_fills_up_leaves_the_store_as_it_was(store):
    store.append(many(20_000, 1.0), fetched_at=FETCHED)
    before = store.read()
    here = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", APPEND_INTO_LITTLE_SPACE, str(store.database), here]
    said = subprocess.run(command, text=True, capture_output=True, timeout=60).stdout
    assert "Free some space" in said or "Check its free space" in said
    pd.testing.assert_frame_equal(store.read(), before)
    assert store.database.faults() == []


def test_a_full_database_is_told_as_a_full_disk(store):
    store.append(TWO_DAYS, fetched_at=FETCHED)

    def narrow(connection, _record):
        connection.execute("PRAGMA max_page_count = 20")

    sa.event.listen(sa.Engine, "connect", narrow)
    try:
        with pytest.raises(StoreError, match=r"the disk is full.*Free some space"):
            store.append(many(20_000, 2.0), fetched_at=LATER)
    finally:
        sa.event.remove(sa.Engine, "connect", narrow)
    assert len(store.read()) == 2
    assert store.append(many(20_000, 2.0), fetched_at=LATER) == 20_000
    assert store.database.faults() == []
