"""Where the ledger stood when a run was logged: anchors outside of its own database.

Whoever rebuilds the ledger would have to rewrite these as well.
"""

from typing import Any

from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking.chain import Head
from regime.tracking.mlflow_client import client, find_runs, local_database
from regime.tracking.operations import HEAD, PLACE, place_of


def has_tracking(settings: Settings) -> bool:
    """Whether there is a tracking store to ask; False only of a local one not yet created."""
    path = local_database(settings)
    return path is None or path.exists()


def anchors(settings: Settings) -> list[Head]:
    """Every head of this store's ledger that a run was tagged with, each once, oldest first.

    Deleted runs are included; those of other stores that share the server are not, and a
    store that was moved has none from its former place. Creates nothing: where nothing was
    ever tracked, there are none.

    Raises
    ------
    StoreError
        If MLflow cannot be reached, or a tag is no head.
    """
    if not has_tracking(settings):
        return []
    runs = find_runs(client(settings), settings, f"tags.{HEAD} != ''")
    here = place_of(settings)
    return sorted({_head(run) for run in runs if run.data.tags.get(PLACE, here) == here})


def _head(run: Any) -> Head:
    try:
        return Head.parse(run.data.tags[HEAD])
    except StoreError as error:
        raise StoreError(f"Tag {HEAD} of the run {run.info.run_id}: {error}") from error
