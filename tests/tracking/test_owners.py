"""Runs that a killed process left RUNNING are ended; those of the living are not."""

import os
import socket
import subprocess
import sys

import pytest
from tracked import tracked

from regime.tracking.mlflow_client import SERVICE, client, experiment_id
from regime.tracking.owners import OWNER, end_orphans, owner


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return tracked(tmp_path_factory.mktemp("owners"), tmp_path_factory)


def left(settings, tag: str | None) -> str:
    tracker = client(settings)
    tags = {} if tag is None else {OWNER: tag}
    return tracker.create_run(experiment_id(tracker, settings, SERVICE), tags=tags).info.run_id


def status(settings, run_id: str) -> str:
    return client(settings).get_run(run_id).info.status


def a_dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_run_of_a_process_that_is_gone_is_ended_and_no_other(settings):
    here = socket.gethostname()
    host, pid, began = owner().split(" ")
    assert (host, pid) == (here, str(os.getpid()))
    mine = left(settings, owner())
    orphan = left(settings, f"{here} {a_dead_process()} 1.00")
    reused = left(settings, f"{here} {pid} {float(began) - 60:.2f}")
    elsewhere = left(settings, f"not-{here} {a_dead_process()} 1.00")
    of_nobody = left(settings, None)
    odd = left(settings, "someone")
    assert end_orphans(settings) == 2
    assert {status(settings, run) for run in (orphan, reused)} == {"KILLED"}
    untouched = (mine, elsewhere, of_nobody, odd)
    assert {status(settings, run) for run in untouched} == {"RUNNING"}
    assert end_orphans(settings) == 0


def test_a_deleted_run_is_left_alone(settings):
    orphan = left(settings, f"{socket.gethostname()} {a_dead_process()} 1.00")
    client(settings).delete_run(orphan)
    assert end_orphans(settings) == 0
