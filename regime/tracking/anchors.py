"""Where the ledger stood when a run was logged: anchors outside of its own database.

Whoever rebuilds the ledger would have to rewrite these as well. Where the newest rows are lost
with their database, and an older copy is all there is, that is said once and stays said: the
anchors of what is gone hold the service up no longer, and every look at the ledger tells of it.
"""

from typing import Any, NamedTuple

import pandas as pd

from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking.chain import Head
from regime.tracking.mlflow_client import client, find_runs, has_tracking
from regime.tracking.operations import HEAD, LOST, PLACE, RESTORED, log_operation, place_of


def anchors(settings: Settings) -> list[Head]:
    """Every head of this store's ledger that a run was tagged with, each once, oldest first.

    Deleted runs are included; those of other stores that share the server are not, and a
    store that was moved has none from its former place. Nor are those of rows that `give_up`
    was told of. Creates nothing: where nothing was ever tracked, there are none.

    Raises
    ------
    StoreError
        If MLflow cannot be reached, or a tag is no head.
    """
    gone = given_up(settings)
    return sorted({
        head
        for run in _runs(settings, HEAD)
        for head in [_head(run)]
        if not any(head.seq > one.last and run.info.start_time <= one.milliseconds for one in gone)
    })  # fmt: skip


class GivenUp(NamedTuple):
    """Rows that were published and are gone, as somebody said.

    Attributes
    ----------
    last, furthest : number of the last row there was then, and of the last there had been
    milliseconds : when it was said, since 1970 (UTC)
    why : in that person's words
    """

    last: int
    furthest: int
    milliseconds: int
    why: str

    def __str__(self) -> str:
        rows = f"row {self.furthest}"
        if self.furthest > self.last + 1:
            rows = f"rows {self.last + 1} to {self.furthest}"
        said = pd.Timestamp(self.milliseconds, unit="ms")
        return f"{rows} of before {said:%Y-%m-%d %H:%M} UTC are gone for good: {self.why}"


def given_up(settings: Settings) -> list[GivenUp]:
    """What was said to be gone from this store's ledger, oldest first.

    Raises
    ------
    StoreError
        If MLflow cannot be reached.
    """
    found = []
    for run in _runs(settings, RESTORED):
        first, _, furthest = run.data.tags[LOST].partition("-")
        why = run.data.tags[RESTORED]
        found.append(GivenUp(int(first) - 1, int(furthest), run.info.start_time, why))
    return sorted(found, key=lambda one: one.milliseconds)


def give_up(settings: Settings, head: Head | None, *, why: str) -> GivenUp:
    """Say that rows after this head are gone: an older copy of the store is all there is.

    Raises
    ------
    StoreError
        If MLflow has no anchor of a later row, so that nothing is known to be gone.
    """
    last = 0 if head is None else head.seq
    furthest = max((one.seq for one in anchors(settings)), default=0)
    if furthest <= last:
        raise StoreError(
            f"Nothing is known to be gone: the ledger has {last:,} rows, and MLflow has no anchor "
            "of a later one. `regime ledger verify` lists what is wrong, if anything."
        )
    log_operation(
        settings,
        f"ledger goes on from row {last}",
        # As tags, which are there as soon as the run is: whoever is killed leaves no half of it.
        tags={RESTORED: why, LOST: f"{last + 1}-{furthest}"}
        | ({} if head is None else {HEAD: str(head)}),
        metrics={},
    )
    return given_up(settings)[-1]


def _runs(settings: Settings, tag: str) -> list[Any]:
    if not has_tracking(settings):
        return []
    here = place_of(settings)
    runs = find_runs(client(settings), settings, f"tags.{tag} != ''")
    return [run for run in runs if run.data.tags.get(PLACE, here) == here]


def _head(run: Any) -> Head:
    try:
        return Head.parse(run.data.tags[HEAD])
    except StoreError as error:
        raise StoreError(f"Tag {HEAD} of the run {run.info.run_id}: {error}") from error
