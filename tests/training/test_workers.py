"""The same numbers whoever computes them, and clear words where nobody can."""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
import warnings

import pandas as pd
import pytest
import typer
from distributed import Client, LocalCluster
from joblib import Parallel, delayed
from pandas.testing import assert_frame_equal

from regime.config import ExperimentConfig
from regime.exceptions import ConfigError, EvaluationError
from regime.experiment import Comparison
from training.workers import Backend, workers

# Dask warns of whatever its machine is slow at or busy with; of ours nothing may.
pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning:distributed",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)

SHARED = {
    "baskets": ["french"],
    "labels": {"horizons": [0]},
    "training": {"since": "1989-01-03"},
    "evaluation": {"first_test": {"french": "1998-01-02"}, "refit_every": 504},
}
FOREST = {
    "name": "forest",
    "features": {"sets": ["rates", "leadership"], "window": 504},
    "model": {"kind": "boosting_from_filter", "params": {"n_estimators": 10}},
}
STATES = {
    "name": "states",
    "features": {"sets": ["leadership"], "window": 504},
    "model": {"kind": "gaussian_hmm", "params": {"n_states": 3, "n_init": 2}},
}


@pytest.fixture(scope="module")
def configs():
    return [
        ExperimentConfig.model_validate_json(json.dumps(SHARED | one)) for one in (FOREST, STATES)
    ]


@pytest.fixture(scope="module")
def panel(market):
    """Fifteen years, of which each model is fitted three times."""
    return market[:"2003-12-31"]


@pytest.fixture(scope="module")
def alone(panel, configs):
    """What one process makes of it."""
    return list(Comparison(panel).run_all(configs))


@pytest.fixture(scope="module", autouse=True)
def _what_is_loaded_stays():
    gc.collect()
    gc.freeze()  # so that no later collection looks through all that the suite has imported
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _nothing_left_behind():
    # A client that was dropped closes as it is collected, and waits for itself for ever if that
    # happens while another one's loop is being started.
    gc.collect()


@pytest.fixture
def cluster(request):
    """As many workers as are asked for, in processes of their own, as on machines."""
    with (
        warnings.catch_warnings(action="ignore"),  # of Dask, on a disk or a port that is busy
        LocalCluster(
            n_workers=request.param, threads_per_worker=1, processes=True,
            dashboard_address="127.0.0.1:0", memory_limit=0, silence_logs=50,
        ) as started,
    ):  # fmt: skip
        yield started


def same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for name in ("predictions", "calls", "labels", "fits"):
            assert_frame_equal(getattr(one, name), getattr(other, name), rtol=0, atol=1e-12)
        tables = [pd.json_normalize(result.scores, "by_decade") for result in (one, other)]
        assert_frame_equal(*tables, rtol=0, atol=1e-12)
        tables = [pd.DataFrame(result.scores).drop(columns="by_decade") for result in (one, other)]
        assert_frame_equal(*tables, rtol=0, atol=1e-12)


# First: where threads of a cluster that was killed linger, another's may not start in time.
def test_a_cluster_without_workers_says_how_to_start_one(monkeypatch):
    monkeypatch.setattr("training.workers.WORKER_WITHIN", 1)
    with (
        warnings.catch_warnings(action="ignore"),
        LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0", silence_logs=50) as empty,
        pytest.raises(ConfigError, match=r"has no worker\. Start one: `dask worker"),
        workers(backend=Backend.DASK, scheduler=empty.scheduler_address),
    ):
        pass


def test_processes_give_the_numbers_of_one(panel, configs, alone):
    with workers(jobs=2):
        same(list(Comparison(panel).run_all(configs)), alone)


@pytest.mark.parametrize("cluster", [2, pytest.param(4, marks=pytest.mark.long)], indirect=True)
def test_a_cluster_gives_the_numbers_of_one_process_though_a_worker_is_killed_half_way(
    panel, configs, alone, cluster
):
    fits, killed = [], []

    def kill_one():
        fits.append(1)
        if len(fits) == 3:
            busy = max(
                cluster.scheduler.workers.values(), key=lambda worker: len(worker.processing)
            )
            killed.append(busy.address)
            nanny = next(w for w in cluster.workers.values() if w.worker_address == busy.address)
            os.kill(nanny.pid, signal.SIGKILL)

    with workers(backend=Backend.DASK, scheduler=cluster.scheduler_address):
        found = list(Comparison(panel, on_fit=kill_one).run_all(configs))
    assert len(killed) == 1
    same(found, alone)


class Itself:
    """A number that is the process it is read in."""

    def __reduce__(self):
        return os.getpid, ()


def test_a_process_that_dies_is_a_clear_error():
    with pytest.raises(EvaluationError, match=r"A worker died.*fewer --jobs"), workers(jobs=2):
        Parallel()(delayed(os.kill)(Itself(), signal.SIGKILL) for _ in range(2))


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"scheduler": "tcp://127.0.0.1:8786"}, "goes with --backend dask"),
        ({"backend": Backend.DASK}, "needs --scheduler ADDRESS"),
        ({"backend": Backend.DASK, "scheduler": "tcp://x:1", "jobs": 2}, "takes no --jobs"),
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(said, wanted):
    with pytest.raises(typer.BadParameter, match=wanted), workers(**said):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{free}", "nonsense://", "10.0.0.5", ""])
def test_a_scheduler_that_does_not_answer_is_named(address, monkeypatch):
    monkeypatch.setattr("training.workers.REACHED_WITHIN", 1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = address.format(free=probe.getsockname()[1])
    with (
        pytest.raises(ConfigError, match="No Dask scheduler answers at"),
        workers(backend=Backend.DASK, scheduler=address),
    ):
        pass


@pytest.mark.parametrize("cluster", [1], indirect=True)
def test_workers_that_run_other_code_are_named(cluster, monkeypatch):
    monkeypatch.setattr("distributed.Client.run", lambda client, asked: {"tcp://b:1": "older"})
    with (
        pytest.raises(ConfigError, match=r"workers run other code than this machine"),
        workers(backend=Backend.DASK, scheduler=cluster.scheduler_address),
    ):
        pass


def test_a_scheduler_that_goes_away_is_a_clear_error(panel, configs, tmp_path, capfd):
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1",
         "--port", "0", "--dashboard-address", "127.0.0.1:0", "--scheduler-file",
         tmp_path / "where.json"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(300):
            if (tmp_path / "where.json").exists():
                break
            time.sleep(0.1)
        address = json.loads((tmp_path / "where.json").read_text())["address"]
        worker = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nworkers", "1",
             "--nthreads", "2", "--no-dashboard"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            with Client(address) as client:
                client.wait_for_workers(1, timeout=60)
            with (
                pytest.raises(EvaluationError, match="scheduler went away"),
                workers(backend=Backend.DASK, scheduler=address),
            ):
                list(Comparison(panel, on_fit=scheduler.kill).run_all(configs))
        finally:
            worker.terminate()
            worker.wait(30)
    finally:
        scheduler.kill()
        scheduler.wait()
    assert "Traceback" not in capfd.readouterr().err
