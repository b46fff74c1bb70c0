"""Every block of README.md and docs/ does what the page says, in the order it stands there."""

import os
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pytest
from conftest import REAL_DATA
from docs.blocks import ROOT, page, pages
from docs.walking import BIN, INSTALLED, SHARED, Walk, is_free, ports
from filelock import FileLock
from once import once
from replay import market
from replay.server import ReplayServer

pytestmark = pytest.mark.long
FIRST = "1988-01-04"  # as much history as the default asks for
PAGES = [page(path) for path in pages()]
NOT_RUN = {block.place: block.not_run for one in PAGES for block in one.blocks if block.not_run}


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The home of a finished `regime demo`; to be copied only."""

    def make(folder):
        code = {} if INSTALLED else {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [Path(INSTALLED or BIN) / "regime", "demo", "--no-serve"], cwd=folder,
            capture_output=True, text=True,
            env={**os.environ, **code, "REGIME_HOME": str(folder / ".regime")},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    return once(tmp_path_factory, "docs-demo", make) / ".regime" / "demo"


@pytest.fixture(scope="session")
def mirror():
    """Every live source, answered on this machine."""
    with ReplayServer(market.documents(pd.Timestamp.now("UTC"), first=FIRST)) as server:
        yield server.url


@pytest.mark.parametrize("walked", [one for one in PAGES if one.is_run], ids=lambda one: one.path)
def test_a_page_can_be_followed(walked, request, tmp_path, tmp_path_factory, record_property):
    blocks = [block for block in walked.blocks if not block.not_run]
    asked = any("live" in block.text for block in blocks)
    with ExitStack() as ends:
        if wanted := ports(walked):
            ends.enter_context(FileLock(tmp_path_factory.getbasetemp().parent / "docs-ports"))
            wait_for(wanted)
        walk = ends.enter_context(Walk(
            walked, tmp_path / "walk",
            demo=request.getfixturevalue("demo") if "demo" in walked.stands_on else None,
            mirror=request.getfixturevalue("mirror") if asked else None,
            data=REAL_DATA if REAL_DATA.is_dir() else None,
        ))  # fmt: skip
        for block in blocks:
            if SHARED in block.text and walk.data is None:
                pytest.skip(f"from {block.place} on: no real data; set REGIME_TEST_DATA")
            began = time.monotonic()
            walk.run(block)
            record_property(block.place, round(time.monotonic() - began, 1))


@pytest.mark.parametrize("place", NOT_RUN)
def test_a_block_is_not_run_for_a_reason(place):
    pytest.skip(f"{place}: {NOT_RUN[place]}")


def wait_for(wanted: set[int], seconds: float = 600.0) -> None:
    """Until ports are free: other work on this machine may use them."""
    end = time.monotonic() + seconds
    while taken := [port for port in wanted if not is_free(port)]:
        assert time.monotonic() < end, f"ports {taken} are in use by something else"
        time.sleep(1)
