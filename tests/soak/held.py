"""What a soak must hold: memory that stays flat, logs without faults, each day published once."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd

MOST_MB, MOST_SHARE = 20.0, 0.05  # of growth in the second half; one of both is enough
AROUND = 3  # samples whose median stands for a moment
FAULTS = ("Traceback", "database is locked", "OperationalError", '"level": "ERROR"', " ERROR ")


@dataclass(frozen=True)
class Growth:
    """What a server's memory did in the second half of its life.

    Attributes
    ----------
    begin, end : MB in the middle and at the end, each the median of `AROUND` samples
    per_hour : MB an hour, the median slope between any two samples of the second half
    """

    begin: float
    end: float
    per_hour: float

    @property
    def flat(self) -> bool:
        grown = self.end - self.begin
        return grown < MOST_MB or grown < MOST_SHARE * self.begin


def growth(minutes: Sequence[float], used: Sequence[float]) -> Growth:
    """Of memory in MB, sampled at these minutes; a peak of one sample moves nothing.

    Raises
    ------
    ValueError
        If the second half has fewer than two samples.
    """
    half = len(used) // 2
    late = [*zip(minutes[half:], used[half:], strict=True)]
    if len(late) < 2:
        raise ValueError(
            f"Growth needs two samples in the second half; found {len(late)} of {len(used)} in "
            "all. Let the soak run longer."
        )
    slopes = [60 * (b - a) / (later - sooner) for (sooner, a), (later, b) in combinations(late, 2)]
    begin, end = (statistics.median(some) for some in (used[half:][:AROUND], used[-AROUND:]))
    return Growth(begin, end, statistics.median(slopes))


def faults_in(logs: Iterable[Path]) -> list[str]:
    """Lines of these logs that tell of a fault, with the name of their file."""
    return [
        f"{log.name}: {line.strip()[:200]}"
        for log in logs
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
        if any(fault in line for fault in FAULTS)
    ]


def wrongly_published(
    ledger: pd.DataFrame, sessions: pd.DatetimeIndex, horizons: Sequence[int]
) -> list[str]:
    """How rows of a ledger are not one of each session and horizon; nothing if they are.

    Parameters
    ----------
    ledger : DataFrame with `date` and `horizon`
    """
    wanted = pd.MultiIndex.from_product([sessions, horizons], names=["date", "horizon"])
    counted = ledger.groupby(["date", "horizon"]).size()
    found = counted.reindex(wanted.union(counted.index), fill_value=0)
    due = pd.Series(1, wanted).reindex(found.index, fill_value=0)
    return [
        f"{day:%Y-%m-%d}, {horizon} days ahead: {times} times, not {due[day, horizon]}"
        for (day, horizon), times in found.items()
        if times != due[day, horizon]
    ]
