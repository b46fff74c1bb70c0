"""Benchmarks report rows beside goals; what was run is merged into one file and drawn."""

import datetime
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks import results
from benchmarks.results import Row
from threadpoolctl import threadpool_limits

RESULTS = Path(__file__).parent / "results.json"
DOCS = Path(__file__).parents[2] / "docs"
FOUND = pytest.StashKey[dict[str, Any]]()
BROKEN = pytest.StashKey[set[str]]()
ALL = pytest.StashKey[list[str]]()


class Report:
    """Rows of one benchmark, and pytest-benchmark's statistics of ours."""

    def __init__(self, benchmark: Any) -> None:
        self.benchmark = benchmark
        self.rows: list[Row] = []
        self.details: dict[str, Any] = {}
        self.load = os.getloadavg()[0]

    def ours(self, call: Callable[[], Any], rounds: int) -> float:
        """Time our contestant alone, with warm caches, for its spread; median seconds."""
        self.benchmark.pedantic(call, rounds=rounds, warmup_rounds=1)
        return float(self.benchmark.stats.stats.median)

    def at_least(self, name: str, measured: float, unit: str, goal: float) -> None:
        self._add(Row(name, float(measured), unit, goal, more_is_better=True))

    def at_most(self, name: str, measured: float, unit: str, goal: float) -> None:
        self._add(Row(name, float(measured), unit, goal, more_is_better=False))

    def without_goal(self, name: str, measured: float, unit: str) -> None:
        self._add(Row(name, float(measured), unit, None, more_is_better=False))

    def detail(self, **facts: Any) -> None:
        self.details |= facts

    def _add(self, row: Row) -> None:
        assert math.isfinite(row.measured), f"{row.name} is not a number"
        self.rows.append(row)

    def as_record(self) -> dict[str, Any]:
        """Ready for JSON."""
        record = {
            "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
            "commit": results.commit(),
            "load_before": self.load,
            "rows": [row.as_record() for row in self.rows],
        }
        stats = self.benchmark.stats.stats
        record["ours_seconds"] = {
            "rounds": stats.rounds, "median": stats.median, "min": stats.min, "max": stats.max,
        }  # fmt: skip
        return record | {"detail": self.details}


@pytest.fixture
def report(benchmark) -> Report:
    return Report(benchmark)


@pytest.fixture
def single_thread() -> Iterator[None]:
    """One thread for linear algebra, theirs and ours."""
    with threadpool_limits(limits=1):
        yield


def pytest_configure(config):
    config.stash[FOUND], config.stash[BROKEN], config.stash[ALL] = {}, set(), []


def pytest_collection_finish(session):
    session.config.stash[ALL].extend(_name(item) for item in session.items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.when == "call" and (reported := getattr(item, "funcargs", {}).get("report")):
        if outcome.passed:
            record = reported.as_record()
            reported.benchmark.extra_info.update(record)
            item.config.stash[FOUND][_name(item)] = record
        elif outcome.failed:
            item.config.stash[BROKEN].add(_name(item))
    return outcome


def pytest_terminal_summary(terminalreporter, config):
    """Merge, draw, and print the table of what was measured in this run."""
    found, gone = config.stash[FOUND], config.stash[BROKEN]
    if not found and not gone:
        return
    from benchmarks import picture  # only where something is drawn

    kept = results.read(RESULTS)
    order = list(kept["benchmarks"])
    if _is_whole(config):
        order = config.stash[ALL]
        gone = gone | (set(kept["benchmarks"]) - set(order))  # renamed or removed
    merged = results.merge(kept, found, here=results.machine(), gone=gone, order=order)
    results.write(RESULTS, merged)
    picture.draw(merged, DOCS / "benchmarks.svg")
    results.write_table(DOCS / "benchmarks.md", merged)

    rows = results.rows({"benchmarks": found})
    words = [("what", "measured", "goal", ""), *(row.words for row in rows)]
    widths = [max(len(line[i]) for line in words) for i in range(3)]
    terminalreporter.section("benchmarks beside their goals")
    for name, measured, goal, met in words:
        terminalreporter.write_line(
            f"{name:{widths[0]}}  {measured:>{widths[1]}}  {goal:>{widths[2]}}  {met}".rstrip(),
            bold=met == "MISSED",
        )
    missed = sum(row.met is False for row in rows)
    terminalreporter.write_line(f"{missed} of {len(rows)} missed their goals.")
    for name in sorted(gone):
        terminalreporter.write_line(f"Taken out of the results: {name}")


def _is_whole(config: pytest.Config) -> bool:
    """Whether nothing was left out by choice."""
    chosen = config.option
    everything = set(chosen.file_or_dir) <= {"tests/benchmarks"}
    return everything and not (chosen.keyword or chosen.markexpr or chosen.deselect)


def _name(item: pytest.Item) -> str:
    file, test = Path(item.path).stem, item.name
    return f"{file.removeprefix('bench_')}: {test.removeprefix('test_')}"
