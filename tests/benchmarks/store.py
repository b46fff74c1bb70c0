"""Steps of work on a store of five million observations, each run in a process of its own."""

import multiprocessing
import re
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from regime.data.as_of import panel_as_of
from regime.data.calendar import session_closes, trading_days
from regime.data.catalog import CATALOG, Frequency
from regime.data.store import ObservationStore

DAYS = 16_000
PANEL = 40  # series
FETCHED = pd.Timestamp("2026-01-05 22:00", tz="UTC")


def names(rows: int) -> list[str]:
    """Series to fill; daily ones first, so that the panel is of daily series."""
    by_rhythm = sorted(CATALOG.values(), key=lambda one: one.frequency is not Frequency.DAILY)
    usable = [one.id for one in by_rhythm if one.frequency is not Frequency.EVENT]
    return usable[: -(-rows // DAYS)]


def history(series: list[str], days: pd.DatetimeIndex) -> pd.DataFrame:
    """A value of every series on every day, known at that day's close."""
    closes = pd.DatetimeIndex(session_closes(days[-1]).loc[days])
    rng = np.random.default_rng(len(days))
    return pd.DataFrame(
        {
            "series": pd.Categorical.from_codes(
                np.repeat(np.arange(len(series)), len(days)), categories=series
            ),
            "period": np.tile(days.to_numpy(), len(series)),
            "known_at": closes[np.tile(np.arange(len(days)), len(series))],
            "value": rng.normal(size=len(series) * len(days)) * 0.01,
            "source": pd.Categorical.from_codes(
                np.zeros(len(series) * len(days), int), categories=["files"]
            ),
        }
    )


def fill(place: str, rows: int) -> dict[str, Any]:
    """The first import, in batches of series as sources bring them."""
    days = trading_days(pd.Timestamp("1962-01-02"), pd.Timestamp("2026-01-02"))[-DAYS:]
    chosen, store = names(rows), ObservationStore(place)
    spent, added = 0.0, 0
    for first in range(0, len(chosen), 60):
        frame = history(chosen[first : first + 60], days)
        start = time.perf_counter()
        added += store.append(frame, fetched_at=FETCHED)
        spent += time.perf_counter() - start
    return {"seconds": spent, "rows": added, "bytes": store.database.size()}


def one_day(place: str, rows: int) -> dict[str, Any]:
    """The next session of every series."""
    day = pd.DatetimeIndex(["2026-01-05"])
    frame = history(names(rows), day)
    start = time.perf_counter()
    added = ObservationStore(place).append(frame, fetched_at=FETCHED, looked=True)
    return {"seconds": time.perf_counter() - start, "rows": added}


def panel(place: str, rows: int) -> dict[str, Any]:
    """Forty series as of a day half-way and as of the end; the slower of five each."""
    chosen, seconds = names(rows)[:PANEL], []
    store = ObservationStore(place)
    for as_of in ("1995-06-30 21:00", "2026-01-05 23:00"):
        for _ in range(5):
            start = time.perf_counter()
            shape = panel_as_of(store, pd.Timestamp(as_of, tz="UTC"), chosen).shape
            seconds.append(time.perf_counter() - start)
    return {"seconds": float(np.median(seconds[5:])), "worst": max(seconds), "shape": list(shape)}


def restored(place: str, rows: int) -> dict[str, Any]:
    """Export to Parquet, and import of it into an empty SQLite store."""
    # Here, so that it adds nothing to the memory of the other steps.
    from regime.data.database.transfer import export, restore

    del rows
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        export(ObservationStore(place), Path(folder) / "export")
        between = time.perf_counter()
        target = ObservationStore(Path(folder) / "observations.db")
        found = restore(target, Path(folder) / "export")
        return {
            "export seconds": between - start,
            "seconds": time.perf_counter() - between,
            "rows": found["observations"],
        }


def reader(place: str, until: float, results: Any) -> None:
    """Small reads without a pause; the longest of them."""
    store, longest, reads = ObservationStore(place), 0.0, 0
    while time.time() < until:
        start = time.perf_counter()
        store.read(series=["DGS10"], since=pd.Timestamp("2025-12-01"))
        longest = max(longest, time.perf_counter() - start)
        reads += 1
    results.put({"seconds": longest, "reads": reads})


def readers_wait(place: str, rows: int) -> dict[str, Any]:
    """A reader beside a writer that revises half a million rows."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    days = trading_days(pd.Timestamp("1962-01-02"), pd.Timestamp("2026-01-02"))[-DAYS:]
    frame = history(names(rows)[:30], days).assign(value=0.5)
    process = context.Process(target=reader, args=(place, time.time() + 12.0, results))
    process.start()
    time.sleep(3.0)
    start = time.perf_counter()
    added = ObservationStore(place).append(frame, fetched_at=FETCHED + pd.Timedelta(days=1))
    wrote = time.perf_counter() - start
    found: dict[str, Any] = results.get(timeout=60)
    process.join()
    return {**found, "rows revised meanwhile": added, "writer seconds": wrote}


def apart(step: Callable[[str, int], dict[str, Any]], place: str, rows: int) -> dict[str, Any]:
    """What a step found in a process of its own, so that its peak memory is its own."""
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    process = context.Process(target=_measured, args=(step, place, rows, results))
    process.start()
    process.join()
    assert process.exitcode == 0, f"{step.__name__} ended with exit code {process.exitcode}"
    found: dict[str, Any] = results.get()
    return found


def _measured(
    step: Callable[[str, int], dict[str, Any]], place: str, rows: int, results: Any
) -> None:
    found = step(place, rows)
    results.put({**found, "gib": _peak_kib() / 1024**2})


def _peak_kib() -> int:
    """Most memory this process had; `ru_maxrss` would begin with that of its parent."""
    status = Path("/proc/self/status")
    if status.exists() and (peak := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(peak[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
