"""Files that are not what was written: pages of the store, and what is published."""

import os
import random
import shutil
import sqlite3
from contextlib import closing
from copy import copy
from pathlib import Path

import pandas as pd
import pytest
from faults.world import RUN, World, told

from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking.published import SHOWN, load_features, load_published


def _settle(store: Path) -> None:
    """All of the store in its one file."""
    with closing(sqlite3.connect(store)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode = DELETE")


def pages_of(store: Path, table: str) -> tuple[int, list[int]]:
    """Size of a page, and where those of a table or of its indexes are, the first being 1."""
    with closing(sqlite3.connect(store)) as database:
        (size,) = database.execute("PRAGMA page_size").fetchone()
        (count,) = database.execute("PRAGMA page_count").fetchone()
        roots = [
            root for (root,) in database.execute(
                "SELECT rootpage FROM sqlite_master WHERE tbl_name = ? AND rootpage > 0", (table,)
            )
        ]  # fmt: skip
    if table == "ledger":  # so few rows that each root is all there is
        return size, roots
    return size, list(range(1, count + 1))


def break_page(store: Path, size: int, page: int, chance: random.Random) -> None:
    """Random bytes in place of a whole page."""
    with store.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(chance.randbytes(size))


def pages(world: World, folder: Path, table: str, tries: int, seed: int, *, run: bool) -> int:
    """Break a page and bring the export back, `tries` times; how often a run was refused.

    Parameters
    ----------
    folder : for the export, and for a home like this one in which a run is tried
    run : whether it is, and whether the next day is published after the last remedy
    """
    chance, refused = random.Random(seed), 0
    done = world.regime("store", "export", folder / "backup")
    assert done.returncode == 0, done.stderr
    _settle(world.store)
    ledger = world.ledger()
    expected = _tomorrow(world, folder / "sound") if run else None
    for number in range(tries):
        size, found = pages_of(world.store, table)
        break_page(world.store, size, chance.choice(found), chance)
        verified = world.regime("store", "verify")
        assert verified.returncode == 1, verified.stdout
        assert "fault: " in verified.stdout or "error: " in verified.stderr
        if run:
            said = _tomorrow(world, folder / f"broken-{number}")
            refused += said is None
            assert said in (None, expected), "nothing is half-read"
        for file in world.store.parent.glob(f"{world.store.name}*"):
            file.unlink()
        done = world.regime("store", "import", folder / "backup")
        assert done.returncode == 0, done.stderr
        world.look()
        assert world.ledger() == ledger
        _settle(world.store)
    if run:
        world.next_day()
        world.made_good()
    return refused


def _tomorrow(world: World, folder: Path) -> list[tuple] | None:
    """What a run enters of the next day in a home like this one; None if it is refused."""
    shutil.copytree(world.home, folder, symlinks=True)
    other = copy(world)  # not a new one, which would read the broken rows
    other.home, other.store = folder, folder / world.store.name
    other.next_day()
    if not told(other.regime(*RUN)):
        return None
    return [row for row in other.ledger() if pd.Timestamp(row[1], unit="D") == other.day]


def cut_short(world: World, tries: int, seed: int) -> None:
    """Cut a published file, `tries` times: who reads it is told, and `regime score` mends it."""
    chance, settings = random.Random(seed), Settings(home=world.home)
    sound = load_published(settings, SHOWN)
    for _ in range(tries):
        folder = (settings.published / "champion").resolve()
        files = sorted(folder.glob("*.parquet"))
        file = chance.choice(files)
        os.truncate(file, chance.randrange(file.stat().st_size))
        with pytest.raises(StoreError, match="Run `regime score`"):
            _read_all(settings)
        done = world.regime("score")
        assert done.returncode == 0, done.stderr
        world.look()
        mended = _read_all(settings)
        assert mended.pop("about") == sound["about"]
        for name, frame in mended.items():
            # Until when its model was trained is no part of what was entered of a day.
            left, right = (
                one.drop(columns="trained_until", errors="ignore") for one in (frame, sound[name])
            )
            pd.testing.assert_frame_equal(left, right)


def _read_all(settings: Settings) -> dict:
    """What the app shows; its features are read too."""
    said = load_published(settings, SHOWN)
    load_features((settings.published / "champion").resolve(), ["lead"])
    return said
