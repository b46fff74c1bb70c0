"""What the service did, as runs: a day published, a look at its health, the ledger's head."""

import socket
import time
from collections.abc import Mapping
from pathlib import Path

from regime.data.database.places import database_at
from regime.settings import Settings
from regime.tracking.mlflow_client import (
    LONGEST_TAG,
    SERVICE,
    client,
    experiment_id,
    plain_faults,
)
from regime.tracking.owners import OWNER, owner
from regime.tracking.runs import code_version

HEAD = "ledger_head"  # tag: the last row of the ledger when the run was made
RESTORED = "ledger_restored"  # tag: why later rows than the last are gone for good
LOST = "ledger_lost"  # tag beside it: which rows, as `31-40`
PLACE = "ledger_of"  # tag: whose ledger, for homes that share a server


def place_of(settings: Settings) -> str:
    """Which store this is, in words without a password: machine and file, or server and name."""
    store = settings.store
    if isinstance(store, Path):
        return f"{socket.gethostname()} {store.absolute()}"
    return str(database_at(store))


def log_operation(
    settings: Settings,
    name: str,
    *,
    tags: Mapping[str, str],
    metrics: Mapping[str, float],
) -> str:
    """Log one finished piece of work and return its run id.

    Parameters
    ----------
    name : of the run, such as "2024-07-17 PUBLISHED"
    tags : with `HEAD` among them, an anchor of the ledger
    metrics : finite numbers
    """
    from mlflow.entities import Metric

    tracker = client(settings)
    now = int(time.time() * 1000)
    with plain_faults(settings):
        run_id = str(
            tracker.create_run(
                experiment_id(tracker, settings, SERVICE),
                run_name=name,
                tags={
                    "code_version": code_version(),
                    OWNER: owner(),
                    PLACE: place_of(settings),
                    **{key: value[:LONGEST_TAG] for key, value in tags.items()},
                },
            ).info.run_id
        )
        tracker.log_batch(
            run_id, metrics=[Metric(key, value, now, 0) for key, value in metrics.items()]
        )
        tracker.set_terminated(run_id, "FINISHED")
    return run_id
