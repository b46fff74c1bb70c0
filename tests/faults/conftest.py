"""A home for each fault, and a note of what was promised, tried and lost."""

import shutil
from dataclasses import dataclass
from unittest.mock import patch

import pandas as pd
import pytest
from faults.forked import Forked
from faults.surroundings import FUNDS
from faults.world import ALONE, BEGIN, RUN, SMALL, World
from once import once
from replay import market, yahoo
from replay.server import ReplayServer

from regime.data.calendar import last_closed_session


@pytest.fixture(scope="session")
def forked(tmp_path_factory):
    """The command on a market of three funds, imported once."""
    running = Forked(tmp_path_factory.mktemp("forked"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def lived(forked, tmp_path_factory):
    """A home with a model in service and one published day. To be copied only."""

    def make(folder):
        (folder / "small.toml").write_text(SMALL)
        world = World(folder / "home", forked)
        for words in (
            ("fetch", "--source", "demo"),
            ("retrain", folder / "small.toml", *ALONE),
            ("champion",),
            RUN,
        ):
            done = world.regime(*words)
            assert done.returncode == 0, done.stdout + done.stderr

    return once(tmp_path_factory, "lived", make) / "home"


@pytest.fixture(scope="session")
def stocked(forked, tmp_path_factory):
    """A home with a market and no model, which takes a twentieth of the time. To be copied only."""

    def make(folder):
        done = World(folder / "home", forked).regime("fetch", "--source", "demo")
        assert done.returncode == 0, done.stderr

    return once(tmp_path_factory, "stocked", make) / "home"


@pytest.fixture
def settled(request, forked):
    """Makes a home in a folder: one that was lived in, or a stocked one where few are tried."""
    whole = request.node.get_closest_marker("long") is not None
    source = request.getfixturevalue("lived" if whole else "stocked")

    def settle(home):  # files of the model stay where they were written
        shutil.copytree(
            source, home, symlinks=True, ignore=shutil.ignore_patterns("artifacts"),
            dirs_exist_ok=True,
        )  # fmt: skip
        world = World(home, forked)
        world.day = BEGIN
        return world

    return settle


@pytest.fixture
def world(settled, tmp_path):
    """A home of the test's own."""
    return settled(tmp_path / "home")


@pytest.fixture
def blank(forked, tmp_path):
    """A home in which nothing is stored yet."""
    (tmp_path / "blank").mkdir()
    return World(tmp_path / "blank", forked)


@dataclass(frozen=True)
class Replayed:
    """A publisher, and the fetch that asks it: words of the command and its environment."""

    server: ReplayServer
    ask: dict


@pytest.fixture(scope="module")
def replay():
    """One publisher of the prices of few funds, on this machine."""
    now = pd.Timestamp.now("UTC")
    with patch.object(yahoo, "FUNDS", {name: yahoo.FUNDS[name] for name in FUNDS}):
        known = market.observations("2024-01-02", last_closed_session(now))
        documents = yahoo.documents(known[known["known_at"] <= now], now=now)
    hosted = {
        f"query1.finance.yahoo.com{path}" if path.startswith("/") else path: content
        for path, content in documents.items()
    }
    with ReplayServer(hosted) as server:
        environment = {
            "REGIME_MIRROR": server.url, "REGIME_NOW": "", "TEST_FUNDS": ",".join(FUNDS)
        }  # fmt: skip
        yield Replayed(
            server, {"words": ("fetch", "--source", "yahoo"), "environment": environment}
        )


@pytest.fixture
def record(record_property):
    """Note a fault for the table of SECURITY.md, and hold the promise to it."""

    def note(fault: str, promise: str, tries: int, rows_lost: int) -> None:
        for name, value in (
            ("fault", fault), ("promise", promise), ("tries", tries), ("rows_lost", rows_lost),
        ):  # fmt: skip
            record_property(name, value)
        assert rows_lost == 0, f"{fault}: {rows_lost} rows lost in {tries} tries"

    return note
