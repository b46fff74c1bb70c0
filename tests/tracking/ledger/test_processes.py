"""Several processes, and the power going off: a day is there once, whole or not at all."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from tracking.ledger.kept import MONDAY, everything, publish

from regime.data.store import ObservationStore

CHILD = """
import sys, time
import pandas as pd
from ledgered import evening, rows
from regime.data.store import ObservationStore
from regime.tracking import ledger as module
from regime.tracking.ledger import Ledger
place, day, slow = sys.argv[1], sys.argv[2], len(sys.argv) > 3
ledger = Ledger(ObservationStore(place, patience=30.0))
ledger.read()
if slow:
    framed = module.frame
    def stop(found):  # inside the transaction, every row inserted
        print("inside", flush=True)
        time.sleep(60)
    commit = module.sa.Connection.execute
    def execute(self, statement, *args, **kwargs):
        done = commit(self, statement, *args, **kwargs)
        if getattr(statement, "is_insert", False):
            stop(None)
        return done
    module.sa.Connection.execute = execute
print("ready", flush=True)
sys.stdin.readline()
print(len(ledger.append(rows(day), published_at=evening(day))), flush=True)
"""


def child(store: ObservationStore, day: str, *words: str) -> "subprocess.Popen[str]":
    place = getattr(store.database, "path", None) or store.database.address
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(place), day, *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip


def test_processes_that_publish_one_day_at_once_publish_it_once(ledger):
    processes = [child(ledger.store, MONDAY) for _ in range(3)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 3
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    added = sorted(process.communicate(timeout=60)[0] for process in processes)
    assert added == ["0\n", "0\n", "3\n"]
    assert len(everything(ledger)) == 3
    assert ledger.faults() == []


def test_a_process_killed_with_its_rows_inserted_and_not_committed_leaves_none(week):
    with child(week.store, "2024-06-10", "slow") as process:
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "inside\n"
        process.kill()
    assert len(everything(week)) == 15
    assert week.faults() == []
    assert len(publish(week, "2024-06-10")) == 3  # the lock went with its holder


@pytest.mark.parametrize(
    "moments", [2, pytest.param(40, marks=pytest.mark.long)], ids=lambda number: f"{number}x"
)
def test_a_process_killed_at_any_moment_leaves_all_of_a_day_or_nothing(week, moments):
    draw = random.Random(moments)
    days = pd.bdate_range("2024-06-10", periods=moments)
    whole = 0
    for day in days:
        with child(week.store, f"{day:%Y-%m-%d}") as process:
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("go\n")
            process.stdin.flush()
            time.sleep(draw.uniform(0, 0.08))
            process.kill()
        there = (week.read()["date"] == day).sum()
        assert there in {0, 3}
        whole += there == 3
        assert week.faults() == []
    print(f"{whole} of {moments} were there before the kill")
