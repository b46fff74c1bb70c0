"""A fetch killed at any moment: nothing stored is lost, nothing is there by half."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from replay import market
from replay.server import ReplayServer
from replay.yahoo import FEW

from regime.data.database.integrity import faults
from regime.data.store import ObservationStore

NOW = pd.Timestamp("2024-06-03 23:00", tz="UTC")
SOURCES = ("yahoo", "shiller", "french")
# Imports once, then fetches in a fork for each line it is told: imports take longer.
FORKS = """
import math, os, sys
import pandas as pd
import pandera.pandas, alembic.command, psycopg
from regime.data.network.archive import Archive
from regime.data.calendar import session_closes
from regime.data.network.exchange import Patience
from regime.data.fetching import fetch_live
from regime.data.network.http import HttpClient
from regime.data.sources.directory import LIVE
from regime.data.sources import yahoo
from regime.data.store import ObservationStore
from pathlib import Path
yahoo.FUNDS = {{name: yahoo.FUNDS[name] for name in {few!r}}}
session_closes(pd.Timestamp({now!r}).tz_convert(None))
print("ready", flush=True)
for line in sys.stdin:
    mirror, raw, place = line.split()
    pid = os.fork()
    if pid == 0:
        client = lambda _: HttpClient(
            Archive(Path(raw)), limits={{}}, default_limit=math.inf, user_agent="t", mirror=mirror)
        reports = list(fetch_live([LIVE[name] for name in {sources!r}], ObservationStore(place),
            client, now=pd.Timestamp({now!r})))
        bad = [line for report in reports for line in report.errors]
        print("\\n".join(bad), file=sys.stderr, flush=True)
        os._exit(1 if bad else 0)
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


class Fetches:
    """Starts fetches, and kills them."""

    def __init__(self) -> None:
        script = FORKS.format(now=NOW.isoformat(), sources=SOURCES, few=FEW)
        self.process = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._line() == "ready"

    def _line(self) -> str:
        return self.process.stdout.readline().strip()

    def run(self, mirror, raw, place, *, kill_after=None) -> bool:
        """Fetch, or begin to; whether it came to its end."""
        self.process.stdin.write(f"{mirror} {raw} {place}\n")
        self.process.stdin.flush()
        pid = int(self._line())
        if kill_after is not None:
            time.sleep(kill_after)
            with suppress(ProcessLookupError):  # it was faster
                os.kill(pid, signal.SIGKILL)
        return int(self._line()) == 0

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def served():
    with ReplayServer(market.documents(NOW, first="2024-01-02")) as server:
        yield server


@pytest.fixture(scope="module")
def fetches():
    forks = Fetches()
    yield forks
    forks.close()


def rows_by_source(store) -> dict[str, pd.DataFrame]:
    if store.is_empty():
        return {}
    rows = store.read().astype({"series": "str", "source": "str"})
    return {name: part.reset_index(drop=True) for name, part in rows.groupby("source")}


MANY = [pytest.param(database, 100, marks=pytest.mark.long) for database in ("sqlite", "postgres")]


@pytest.mark.parametrize(("new_store", "moments"), [("sqlite", 3), *MANY], indirect=["new_store"])
def test_a_fetch_killed_at_any_moment_leaves_whole_sources_and_a_free_lock(
    new_store, served, fetches, tmp_path, moments
):
    complete = new_store()
    start = time.perf_counter()
    assert fetches.run(served.url, tmp_path / "raw", address(complete))
    duration = time.perf_counter() - start
    expected = rows_by_source(complete)
    assert set(expected) == set(SOURCES)

    draw, killed, part = random.Random(moments), 0, 0
    store, raw = new_store(patience=1.0), tmp_path / "cut"
    while killed < moments:
        before = rows_by_source(store)
        if len(before) == len(SOURCES):  # begin again from nothing
            store = new_store(patience=1.0)
            shutil.rmtree(raw, ignore_errors=True)
            before = {}
        ended = fetches.run(
            served.url, raw, address(store), kill_after=draw.uniform(0, 0.9 * duration)
        )
        killed += not ended
        after = rows_by_source(store)
        part += 0 < len(after) < len(SOURCES)
        assert set(before) <= set(after)
        for source, rows in after.items():
            pd.testing.assert_frame_equal(rows, expected[source])
        assert faults(store.database) == []
        with store.database.sole_writer(patience=1.0):
            pass  # the lock went with its holder
    assert fetches.run(served.url, raw, address(store))
    for source, rows in rows_by_source(store).items():
        pd.testing.assert_frame_equal(rows, expected[source])
    print(f"{killed} of {moments} killed, {part} of them with some sources stored")


def address(store: ObservationStore) -> str | Path:
    return getattr(store.database, "path", None) or store.database.address
