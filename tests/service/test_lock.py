"""One run at a time, and the lock goes with its process."""

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pandas as pd
import pytest

from regime.exceptions import StoreError
from regime.service.lock import sole_run
from regime.settings import Settings

NOW = pd.Timestamp("2024-07-17 23:00", tz="UTC")
# Imports once, then holds the lock of each home it is told in a process of its own.
HOLDERS = """
import os, sys, time
import pandas as pd
from regime.service.lock import sole_run
from regime.settings import Settings
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        at = pd.Timestamp("2024-07-17 22:00", tz="UTC")
        with sole_run(Settings(home=line.strip()), "regime run", at=at):
            print(os.getpid(), flush=True)
            time.sleep(60)
        os._exit(0)
    os.waitpid(pid, 0)
    print("gone", flush=True)
"""


class Holder:
    """A process that holds the lock of a home."""

    def __init__(self, holders, home) -> None:
        self._holders = holders
        holders.stdin.write(f"{home}\n")
        holders.stdin.flush()
        self.pid, self._lives = int(holders.stdout.readline()), True

    def kill(self) -> None:
        if self._lives:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            assert self._holders.stdout.readline() == "gone\n"
            self._lives = False


@pytest.fixture(scope="module")
def holders():
    with subprocess.Popen(
        [sys.executable, "-c", HOLDERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


@pytest.fixture
def holder(holders, tmp_path):
    one = Holder(holders, tmp_path)
    yield one
    one.kill()


def test_the_second_is_told_who_holds_the_lock_and_since_when(holder, tmp_path):
    with (
        pytest.raises(StoreError) as told,
        sole_run(Settings(home=tmp_path), "regime score", at=NOW),
    ):
        pass
    assert f"`regime run`, process {holder.pid}" in str(told.value)
    assert "since 2024-07-17 22:00:00 UTC" in str(told.value)


def test_a_lock_whose_process_was_killed_is_free(holder, tmp_path):
    holder.kill()
    with sole_run(Settings(home=tmp_path), "regime run", at=NOW):
        assert (tmp_path / "run.json").read_text().count(f'"pid": {os.getpid()}') == 1
    assert not (tmp_path / "run.json").exists()


def test_a_word_on_the_holder_that_cannot_be_read_keeps_nobody_in(holder, tmp_path):
    (tmp_path / "run.json").write_text("{")
    with (
        pytest.raises(StoreError, match="Another run holds"),
        sole_run(Settings(home=tmp_path), "regime run", at=NOW),
    ):
        pass
