"""Other processes, and the power going off: fetches are whole, and the lock is free."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from data.stored import query
from observed import FETCHED, LATER, TWO_DAYS, many

from regime.data.store import ObservationStore
from regime.exceptions import StoreError

CHILD = """
import sys, time, itertools
from pathlib import Path
import pandas as pd
sys.path.insert(0, {here!r})
from observed import FETCHED, TWO_DAYS, many
from regime.data.store import ObservationStore
store = ObservationStore(sys.argv[1])
"""
PAUSE_INSIDE = """
insert = store.database.insert
def slow(*rows):
    insert(*rows)
    print("inside", flush=True)
    time.sleep(60)
store.database.insert = slow
store.append(many(100_000, 2.0), fetched_at=FETCHED + pd.Timedelta(days=1))
"""
APPEND_FOR_EVER = """
print("ready", flush=True)
for number in itertools.count(int(sys.argv[2])):
    store.append(many(4_000, float(number)), fetched_at=FETCHED + pd.Timedelta(days=number))
"""
APPEND_SOME = """
print("ready", flush=True)
sys.stdin.readline()
for number in range(8):
    rows = many(500, 1.0).assign(series=sys.argv[2])
    rows["period"] += pd.Timedelta(days=500 * number)
    assert store.append(rows, fetched_at=FETCHED) == 500
"""


def address(store: ObservationStore) -> str:
    return str(getattr(store.database, "path", None) or store.database.address)


@contextmanager
def child(script: str, store: ObservationStore, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Another Python that runs the script, and is gone afterwards."""
    code = CHILD.format(here=str(Path(__file__).parents[1])) + script
    command = [sys.executable, "-c", code, address(store), *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def hear(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == word


def assert_sound(store: ObservationStore) -> None:
    """Whole, with every logged row there and no other."""
    assert store.database.faults() == []
    logged = query(store, "SELECT fetched_at, sum(rows_added) FROM fetch_log GROUP BY 1 ORDER BY 1")
    stored = query(store, "SELECT fetched_at, count(*) FROM observation GROUP BY 1 ORDER BY 1")
    assert stored == logged


def test_readers_go_on_while_a_writer_writes_and_other_writers_wait_in_vain(store):
    store.append(many(20_000, 1.0), fetched_at=FETCHED)
    before = store.read()
    with child(PAUSE_INSIDE, store) as process:
        hear(process, "inside")  # with more rows than SQLite holds in memory
        pd.testing.assert_frame_equal(store.read(), before)
        assert store.summary().loc["OEF", "rows"] == 20_000
        impatient = ObservationStore(address(store), patience=0.3)
        with pytest.raises(StoreError) as error:
            impatient.append(TWO_DAYS, fetched_at=LATER)
        assert "Another process" in str(error.value)
        if store.database.dialect == "sqlite":
            assert f"{store.database}.lock" in str(error.value)
            assert f"pid {process.pid}" in str(error.value)
        process.kill()  # half-way: its rows are written, but not committed
        process.wait()
        pd.testing.assert_frame_equal(store.read(), before)
        assert impatient.append(TWO_DAYS, fetched_at=LATER) == 2
    assert_sound(store)


@pytest.mark.parametrize(
    "kills", [2, pytest.param(20, marks=pytest.mark.long)], ids=lambda kills: f"{kills}x"
)
def test_a_writer_killed_at_any_moment_leaves_whole_fetches_and_a_free_lock(store, kills):
    rows, moments = 4_000, random.Random(7)
    store.append(many(rows, 0.0), fetched_at=FETCHED)
    for _ in range(kills):
        number = query(store, "SELECT count(*) FROM fetch_log")[0][0]
        with child(APPEND_FOR_EVER, store, str(number)) as process:
            hear(process, "ready")
            time.sleep(moments.uniform(0.02, 0.6))
            process.kill()
            process.wait()
        assert len(store.read()) % rows == 0
        assert_sound(store)
    free = ObservationStore(address(store), patience=0.3)
    assert free.append(many(rows, -1.0), fetched_at=LATER + pd.Timedelta(days=999)) == rows


def test_two_writers_at_once_lose_nothing(store):
    with child(APPEND_SOME, store, "OEF") as one, child(APPEND_SOME, store, "IWM") as other:
        for process in (one, other):
            hear(process, "ready")
        for process in (one, other):
            process.communicate("go\n", timeout=60)
            assert process.returncode == 0
    assert store.summary()["rows"].to_dict() == {"IWM": 4000, "OEF": 4000}
    assert_sound(store)
