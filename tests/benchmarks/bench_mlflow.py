"""Five hundred runs in MLflow's SQLite database: what our own reads and the UI's list take.

Runs are logged as `regime compare` logs them, but for figures and tables, which are files and
not in the database. A fifth is deleted, and counts all the same.
"""

import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import mock

import httpx
import pandas as pd

from regime.config import ExperimentConfig
from regime.experiment import Comparison, ExperimentResult
from regime.settings import Settings
from regime.tracking.mlflow_client import client, find_runs
from regime.tracking.registry import list_versions
from regime.tracking.runs import log_result
from regime.tracking.sharpes import tried_on
from regime.tracking.trials import count_configurations

RUNS, DELETED = 500, 100
ROUNDS = 3
COUNT, FIND, UI = 5.0, 0.5, 3.0  # seconds
QUESTIONS = ("which_filter", "how_often", "what_else")


def small_result(market: pd.DataFrame) -> ExperimentResult:
    """The filter on three horizons, refitted every two years."""
    config = ExperimentConfig(
        name="filter",
        question="How long do lists of runs take?",
        baskets=("french",),
        training={"every": 3},
        evaluation={
            "first_test": {"french": pd.Timestamp("2000-01-03").date()},
            "refit_every": 504,
        },
        model={"kind": "filter"},
    )
    return Comparison(market).run(config)


def log_many(result: ExperimentResult, settings: Settings, many: int) -> list[str]:
    """Runs of as many configurations, under three questions and on offer."""
    runs = []
    with mock.patch("regime.tracking.runs._write_artefacts", return_value=None):
        for number in range(many):
            model = result.config.model.model_copy(update={"params": {"C": 1 / (1 + number)}})
            config = result.config.model_copy(update={"name": f"filter_{number}", "model": model})
            question = (*QUESTIONS, "")[number % 4]
            tags = {"candidate": f"{question}/{config.name}"} if question else {}
            changed = replace(result, config=config)
            runs.append(log_result(changed, settings, simulated=True, tags=tags))
    return runs


def seconds(call: Callable[[], Any]) -> float:
    """Median over rounds, after one that does not count."""
    spent = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        call()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent[1:])


@contextlib.contextmanager
def ui(settings: Settings) -> Iterator[httpx.Client]:
    """`regime ui` on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "training.ui", "--port", str(port)],
        env={**os.environ, "REGIME_HOME": str(settings.home)},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert "http://127.0.0.1" in process.stdout.readline()  # printed once it answers
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as asked:
            yield asked
        process.send_signal(signal.SIGTERM)


def test_five_hundred_runs(market, report, tmp_path):
    settings = Settings(home=tmp_path)
    start = time.perf_counter()
    runs = log_many(small_result(market), settings, RUNS)
    logging = (time.perf_counter() - start) / RUNS
    tracker = client(settings)
    for run_id in runs[:DELETED]:
        tracker.delete_run(run_id)
    counted = partial(count_configurations, settings, simulated=True)
    assert counted() == RUNS
    assert tried_on("french", settings, simulated=True).n_trials == RUNS
    named = partial(find_runs, tracker, settings, "attributes.run_name = 'filter_321'")
    assert len(named()) == 1
    report.ours(counted, rounds=ROUNDS)
    report.at_most("MLflow, 500 runs: count_configurations", seconds(counted), "s", COUNT)
    tried = partial(tried_on, "french", settings, simulated=True)
    report.at_most("MLflow, 500 runs: tried_on", seconds(tried), "s", COUNT)
    report.at_most("MLflow, 500 runs: a run by its name", seconds(named), "s", FIND)
    listed = partial(list_versions, settings)
    report.at_most("MLflow, 500 runs: list_versions", seconds(listed), "s", FIND)
    # What the page of an experiment asks for first: a hundred runs, the newest first.
    known = tracker.search_experiments(filter_string="name LIKE 'Equity leadership%'")
    wanted = {
        "experiment_ids": [one.experiment_id for one in known],
        "max_results": 100,
        "order_by": ["attributes.start_time DESC"],
        "run_view_type": "ACTIVE_ONLY",
    }
    with ui(settings) as asked:

        def page() -> None:
            answer = asked.post("/api/2.0/mlflow/runs/search", json=wanted).raise_for_status()
            assert len(answer.json()["runs"]) == 100

        report.at_most("MLflow UI, 500 runs: a page of 100", seconds(page), "s", UI)
    report.without_goal("MLflow, logging one run without files", logging, "s")
    size = (settings.home / "mlflow.db").stat().st_size
    report.detail(runs=RUNS, deleted=DELETED, database_bytes=size)
