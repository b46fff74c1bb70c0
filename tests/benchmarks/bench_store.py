"""Five million observations in the store: import, a further day, a panel, a reader's wait.

Each step once, in a process of its own; a day and a panel more than once.
"""

import os
from functools import partial

import pandas as pd
import pytest
from benchmarks.store import PANEL as SERIES
from benchmarks.store import apart, fill, names, one_day, panel, readers_wait, restored

from regime.data.as_of import panel_as_of
from regime.data.store import ObservationStore

ROWS = 5_000_000
IMPORT, DAY, PANEL, READ = 90.0, 2.0, 1.5, 0.2  # seconds
MEMORY = 1.5  # GiB
KINDS = {"sqlite": "Store", "postgresql": "PostgreSQL store"}


@pytest.fixture
def place(kind, tmp_path) -> str:
    if kind == "sqlite":
        return str(tmp_path / "observations.db")
    if not (address := os.environ.get("REGIME_BENCH_DATABASE")):
        pytest.skip("set REGIME_BENCH_DATABASE to the address of an empty PostgreSQL database")
    return address


@pytest.mark.parametrize("kind", KINDS)
def test_five_million_observations(kind, place, report):
    """One after the other: each step finds what the ones before it stored."""
    steps = {
        "fill": fill, "one day": one_day, "panel": panel, "restored": restored,
        "reader's wait": readers_wait,
    }  # fmt: skip
    found = {name: apart(step, place, ROWS) for name, step in steps.items()}
    series, moment = names(ROWS)[:SERIES], pd.Timestamp("2026-01-05 23:00", tz="UTC")
    report.ours(partial(panel_as_of, ObservationStore(place), moment, series), rounds=3)
    for name, step, seconds, goal in (
        ("import", "fill", "seconds", IMPORT),
        ("a further day of every series", "one day", "seconds", DAY),
        ("panel of 40 series", "panel", "seconds", PANEL),
        ("panel of 40 series, at worst", "panel", "worst", PANEL),
        ("longest wait of a reader", "reader's wait", "seconds", READ),
    ):
        report.at_most(f"{KINDS[kind]}: {name}", found[step][seconds], "s", goal)
    for name, measured in (("export", "export seconds"), ("import of an export", "seconds")):
        report.without_goal(f"{KINDS[kind]}: {name}", found["restored"][measured], "s")
    report.at_most(
        f"{KINDS[kind]}: most memory of a step",
        max(one["gib"] for one in found.values()), "GiB", MEMORY,
    )  # fmt: skip
    report.detail(rows=ROWS, **found)
    assert found["fill"]["rows"] >= ROWS
    assert found["restored"]["rows"] == found["fill"]["rows"] + found["one day"]["rows"]
