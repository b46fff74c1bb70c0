"""Two versions of the software on one store."""

import random
import signal
import sqlite3
from contextlib import closing

from faults.killing import NOT_DEAD, ended
from faults.world import RUN, World, rows_of

ASKED = [
    ("ledger", "verify"), RUN, ("fetch", "--source", "demo"), ("score",), ("store", "verify"),
    ("store", "upgrade"), ("store", "info"), ("store", "export", "nowhere/out"), ("panel",),
    ("ledger", "show"), ("doctor", "--offline"),
]  # fmt: skip


def _number(world: World, version: str) -> None:
    with closing(sqlite3.connect(world.store)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", (version,))


def version_of(world: World) -> str:
    """The version its tables have."""
    with closing(sqlite3.connect(world.store)) as database:
        return database.execute("SELECT version_num FROM alembic_version").fetchone()[0]


def newer(world: World, asked: list[tuple]) -> None:
    """Ask commands on a store of a release to come."""
    _number(world, "9999")
    before = rows_of(world.store)
    for words in asked:
        done = world.regime(*words)
        said = done.stdout + done.stderr
        assert done.returncode == 1, (words, said)
        assert "written by a newer program" in " ".join(said.split()), (words, said)
        assert "This should not happen" not in said
        world.look()
        assert rows_of(world.store) == before
    assert version_of(world) == "9999"
    _number(world, "0003")
    world.verified()


def _older(world: World) -> None:
    """The store as the release before the ledger left it."""
    with closing(sqlite3.connect(world.store)) as database, database:
        database.execute("DROP TABLE ledger")
        database.execute("UPDATE alembic_version SET version_num = '0002'")
    for copy in world.store.parent.glob(f"{world.store.name}.version-*"):
        copy.unlink()


def upgrades(world: World, tries: int, seed: int) -> None:
    """End an upgrade at any moment, `tries` times, and go on from what it left."""
    chance, took = random.Random(seed), 1.0
    copy = world.store.with_name(f"{world.store.name}.version-0002")
    for _ in range(tries):
        _older(world)
        world.seen = before = rows_of(world.store)
        words = ("store", "upgrade")
        ended(world, words, signal.SIGKILL, chance.uniform(NOT_DEAD, took))
        world.look()
        assert version_of(world) in ("0002", "0003")
        assert not copy.exists() or rows_of(copy) == before
        done = world.regime(*words)
        assert done.returncode == 0, done.stderr
        took = max(0.9 * took, done.seconds)
        world.look()
        assert version_of(world) == "0003"
        assert rows_of(copy) == before
        verified = world.regime("store", "verify")
        assert verified.returncode == 0, verified.stdout
