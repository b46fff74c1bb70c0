"""One run at a time: a lock that goes with its process, and a word on who holds it."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking.results import write_text


@contextmanager
def sole_run(settings: Settings, what: str, *, at: pd.Timestamp) -> Iterator[None]:
    """Be the only process that works for this home, or say at once which one is.

    Parameters
    ----------
    what : the command, for whoever finds the lock held
    at : since when

    Raises
    ------
    StoreError
        Naming the command, process, machine and time of the one that holds the lock.
    """
    settings.make_home()
    path = settings.home / "run.lock"
    holder = path.with_suffix(".json")  # not in the lock itself: who only tries would empty it
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise StoreError(
            f"{_held(holder)} holds {path}. Wait for it, or end it; the lock goes with its process."
        ) from None
    try:
        about = {"what": what, "pid": os.getpid(), "host": socket.gethostname(), "since": f"{at}"}
        write_text(holder, json.dumps(about) + "\n", "holder of the lock")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _held(holder: Path) -> str:
    try:
        about = json.loads(holder.read_text(encoding="utf-8"))
        return (
            f"`{about['what']}`, process {about['pid']} on {about['host']} since "
            f"{pd.Timestamp(about['since']):%Y-%m-%d %H:%M:%S} UTC,"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "Another run"
