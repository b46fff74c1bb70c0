"""One run at a time, and the lock goes with its process."""

import os
import signal
import subprocess
import sys

import pandas as pd
import pytest

from regime.exceptions import StoreError
from regime.service.lock import sole_run
from regime.settings import Settings

NOW = pd.Timestamp("2024-07-17 23:00", tz="UTC")
HOLDER = """
import sys, time
import pandas as pd
from regime.service.lock import sole_run
from regime.settings import Settings
with sole_run(Settings(home=sys.argv[1]), "regime run", at=pd.Timestamp("2024-07-17 22:00", tz="UTC")):
    print("held", flush=True)
    time.sleep(60)
"""  # noqa: E501


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_is_told_who_holds_the_lock_and_since_when(holder, tmp_path):
    with (
        pytest.raises(StoreError) as told,
        sole_run(Settings(home=tmp_path), "regime score", at=NOW),
    ):
        pass
    assert f"`regime run`, process {holder.pid}" in str(told.value)
    assert "since 2024-07-17 22:00:00 UTC" in str(told.value)


def test_a_lock_whose_process_was_killed_is_free(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
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
