"""Disks that are full, read-only or hold no larger file, and surroundings too narrow to work in."""

import json
import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from faults.world import RUN, World, told

Settle = Callable[[Path], World]
ROOMY = 256 * 1024  # KiB
_LITTLE = 1024  # KiB: more than a run of the small market writes


def _mount(folder: Path, *options: str) -> bool:
    words = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@contextmanager
def own_disk(folder: Path) -> Iterator[Callable[[str], None]]:
    """A disk in memory at this folder, and what mounts it again with other options."""
    folder.mkdir()
    if not _mount(folder, f"size={ROOMY}k"):
        pytest.skip("a disk of its own is mounted, which takes root")
    try:
        yield lambda option: _again(folder, option)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _again(folder: Path, option: str) -> None:
    assert _mount(folder, "remount", option), option


def fill_up(settle: Settle, folder: Path, tries: int, seed: int) -> tuple[int, int]:
    """Runs on a disk that has little left; rows lost, and how many runs were told so."""
    chance, refused = random.Random(seed), 0
    with own_disk(folder) as mounted:
        world = settle(folder / "home")
        for _ in range(tries):
            world.next_day()
            used = int(subprocess.check_output(["du", "-sk", str(folder)]).split()[0])
            mounted(f"size={used + chance.randrange(8, _LITTLE)}k")
            refused += not told(world.regime(*RUN))
            world.look()
            mounted(f"size={ROOMY}k")
            world.made_good()
    return world.lost, refused


def only_read(settle: Settle, folder: Path, commands: list[tuple]) -> tuple[int, int]:
    """Commands on a disk that may be read only; rows lost, and how many were told so."""
    refused = 0
    with own_disk(folder) as mounted:
        world = settle(folder / "home")
        world.next_day()
        mounted("ro")
        for words in commands:
            refused += not told(world.regime(*words))
            world.look()
        mounted("rw")
        if len(commands) > 2:
            world.made_good()
    return world.lost, refused


def limited(world: World, draw: Callable[[random.Random], dict], tries: int, seed: int) -> int:
    """Runs under a limit that is drawn; how many were told, or ended, by it."""
    chance, refused = random.Random(seed), 0
    for _ in range(tries):
        world.next_day()
        done = world.regime(*RUN, **draw(chance))
        refused += not told(done, killed=True)
        world.look()
        if tries > 1:
            world.made_good()
    return refused


def limit(name: str, least: int, most: int) -> Callable[[random.Random], dict]:
    """A limit of the kernel between these two."""
    return lambda chance: {"TEST_LIMITS": json.dumps({name: chance.randrange(least, most)})}


def memory(least: int, most: int) -> Callable[[random.Random], dict]:
    """So many MiB beside what the process holds when it begins."""
    return lambda chance: {"TEST_MEMORY": str(chance.randrange(least, most) * 2**20)}
