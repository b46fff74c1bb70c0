"""Which process a run in MLflow belongs to, so that what a killed one left can be ended."""

import socket

import psutil

from regime.settings import Settings
from regime.tracking.mlflow_client import client, find_runs

OWNER = "owner"  # tag of a run: machine, process and when it began


def owner() -> str:
    """This process, in words that no later one has."""
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time():.2f}"


def end_orphans(settings: Settings) -> int:
    """Mark as KILLED what stands as RUNNING though its process on this machine is gone.

    Runs of other machines, and of other programs, are left alone.
    """
    tracker = client(settings)
    ended = 0
    for run in find_runs(tracker, settings, "attributes.status = 'RUNNING'"):
        if run.info.lifecycle_stage == "active" and _is_gone(run.data.tags.get(OWNER, "")):
            tracker.set_terminated(run.info.run_id, "KILLED")
            ended += 1
    return ended


def _is_gone(tag: str) -> bool:
    """Whether the process a tag names ran on this machine and does no more."""
    host, _, rest = tag.partition(" ")
    pid, _, began = rest.partition(" ")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != began
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
