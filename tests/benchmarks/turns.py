"""Contestants take turns, so that a neighbour's load falls on each alike."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Taken = dict[str, list[float]]  # seconds of each turn, by contestant


def seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def quietest(call: Callable[[], Any]) -> float:
    """The least of three: an interruption in one of two runs would spoil their difference."""
    return min(seconds(call) for _ in range(3))


def in_turns(calls: dict[str, Callable[[], float]], repeats: int) -> Taken:
    """Every call once per turn; a first turn, which compiles, is not counted."""
    taken: Taken = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            value = call()
            if turn:
                taken[name].append(value)
    return taken


def median(taken: Sequence[float]) -> float:
    return float(np.median(taken))


def milliseconds(taken: Taken) -> dict[str, dict[str, float]]:
    """Median and least of every contestant."""
    return {name: {"median": median(v) * 1e3, "least": min(v) * 1e3} for name, v in taken.items()}


def times(slow: Sequence[float], fast: Sequence[float], by: int = 1) -> float:
    """How often the median of the fast goes into that of the slow."""
    return by * median(slow) / median(fast)


def exponent(sizes: Sequence[int], taken: Taken) -> float:
    """Slope of the logarithm of median time over that of size."""
    medians = [median(taken[str(n)]) for n in sizes]
    return float(np.polyfit(np.log(sizes), np.log(medians), 1)[0])
