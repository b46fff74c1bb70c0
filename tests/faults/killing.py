"""Commands ended by a signal at a moment nobody chose."""

import os
import random
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress

from commands import Done
from faults.world import RUN, World, rows_of

NOT_DEAD = 0.05  # seconds in which a command has hardly begun


def ended(world: World, words: Sequence, signal: int, after: float, **environment: str) -> Done:
    """Begin a command, and send it a signal so many seconds later."""
    began = time.monotonic()
    pid = world.commands.begin(*words, **world.environment() | environment)
    time.sleep(after)
    with suppress(ProcessLookupError):  # it was faster
        os.kill(pid, signal)
    code = world.commands.end(pid)
    said, noted = (file.read_text() for file in (world.commands.out, world.commands.err))
    return Done(code, said, noted, time.monotonic() - began)


def runs(world: World, signal: int, tries: int, seed: int) -> int:
    """End the daily run of `tries` days; how many it ended before they were done."""
    chance, took, hit = random.Random(seed), 1.5, 0
    for _ in range(tries):
        world.next_day()
        done = ended(world, RUN, signal, chance.uniform(NOT_DEAD, took))
        hit += done.returncode == -signal
        again = world.made_good()
        took = max(0.8 * took, again.seconds)
    return hit


def fetches(
    world: World, signal: int, tries: int, seed: int, *, words: Sequence, environment: dict
) -> int:
    """End a fetch into an empty store `tries` times; how many it ended."""
    chance, hit = random.Random(seed), 0
    expected, took = None, 0.3
    if tries > 1:
        whole = world.regime(*words, **environment)
        assert whole.returncode == 0, whole.stderr
        expected, took = values(world), whole.seconds
    for _ in range(tries):
        emptied(world)
        done = ended(world, words, signal, chance.uniform(NOT_DEAD, took), **environment)
        hit += done.returncode == -signal
        world.look()
        assert values(world) in (set(), expected or set())
        again = world.regime(*words, **environment)
        assert again.returncode == 0, again.stderr
        took = min(took, again.seconds)
        world.look()
        assert expected in (None, values(world))
        verified = world.regime("store", "verify")
        assert verified.returncode == 0, verified.stdout
    return hit


def values(world: World) -> set:
    """Series, period, moment it was known, value and source of what is stored."""
    return {row[:5] for row in rows_of(world.store) if row[0] != "ledger"}


def emptied(world: World) -> None:
    """A home as before its first fetch."""
    shutil.rmtree(world.home)
    world.home.mkdir()
    world.seen.clear()
