"""Where a daily run gets what is new: the sources on the network, a folder, or the demo."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from regime.data.baskets import BASKET_SETS
from regime.data.calendar import last_closed_session
from regime.data.catalog import MODELLED
from regime.data.checks.validation import Checked, checked
from regime.data.fetching import Client, Report, fetch_live
from regime.data.observations import gather
from regime.data.sources import demo, files
from regime.data.sources.live import Source
from regime.data.store import ObservationStore
from regime.exceptions import SourceError
from regime.settings import Settings

_LOOKED_BACK = pd.Timedelta(days=400)  # longer than any publication lag, or a drill


@dataclass(slots=True)
class Intake:
    """What came in.

    Attributes
    ----------
    added, doubtful : values new in the store, and new in quarantine
    faults : sentences, of sources that did not bring all they hold; the rest was stored
    """

    added: int = 0
    doubtful: int = 0
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """A few words for the summary line."""
        failed = f", {len(self.faults)} faults" if self.faults else ""
        doubtful = f", {self.doubtful:,} doubtful" if self.doubtful else ""
        return f"{self.added:,} new values{doubtful}{failed}"


def ask_sources(
    chosen: Sequence[Source],
    store: ObservationStore,
    settings: Settings,
    *,
    now: pd.Timestamp,
    since: pd.Timestamp | None = None,
    dry_run: bool = False,
    from_archive: bool = False,
) -> Iterator[Report]:
    """Ask sources on the network, each at its pace; reports come as they finish."""
    from regime.data.network.archive import Archive
    from regime.data.network.http import HttpClient

    archive = Archive(settings.raw)

    def opened(source: Source) -> AbstractContextManager[Client]:
        return HttpClient(
            archive,
            limits={} if settings.mirror else source.hosts,
            default_limit=1000.0 if settings.mirror else 1.0,
            user_agent=settings.user_agent,
            mirror=settings.mirror,
            offline=from_archive,
        )

    return fetch_live(
        chosen,
        store,
        opened,
        now=now,
        since=since,
        keys=settings.keys,
        dry_run=dry_run,
        looked=not from_archive,
    )


def who_can_be_asked(settings: Settings) -> tuple[list[Source], list[str]]:
    """Every source on the network, and in words those that want to know who asks."""
    from regime.data.sources.directory import LIVE

    able, silent = [], []
    for one in LIVE.values():
        if one.asks_for is None or one.asks_for in settings.keys:
            able.append(one)
        else:
            silent.append(f"{one.name}: left out. {who_asks(one)}")
    return able, silent


def who_asks(source: Source) -> str:
    """What a source wants to be told before it answers."""
    return (
        f"{source.title} asks for {source.asks_for}: set it to your name and e-mail address, "
        f"as in {source.asks_for}='Jane Doe jane@example.org'."
    )


def from_network(
    settings: Settings,
    store: ObservationStore,
    now: pd.Timestamp,
    *,
    dry_run: bool = False,
) -> Intake:
    """What every source on the network brings; one that fails costs no other anything."""
    chosen, silent = who_can_be_asked(settings)
    intake = Intake(notes=silent)
    for report in ask_sources(chosen, store, settings, now=now, dry_run=dry_run):
        intake.added += report.added
        intake.doubtful += len(report.doubtful)
        intake.faults += report.errors
        intake.notes += report.warnings
    return intake


def read_folder(path: Path, now: pd.Timestamp) -> tuple[files.FolderRead, Checked]:
    """What the tables of a folder hold, and which of it is doubtful.

    Raises
    ------
    SourceError
        If they cannot be read, or there are the series of no basket set among them.
    """
    read = files.fetch(path, required=[BASKET_SETS[name].series for name in ("french", "funds")])
    return read, checked(read.observations, now=now, recent=gather([]))


def from_folder(
    path: Path, store: ObservationStore, now: pd.Timestamp, *, dry_run: bool = False
) -> Intake:
    """What the tables of a folder bring."""
    read, parts = read_folder(path, now)
    added = store.append(parts.good, fetched_at=now, doubtful=parts.doubtful, dry_run=dry_run)
    return Intake(added, len(parts.doubtful), notes=list(read.warnings))


def from_demo(
    store: ObservationStore,
    now: pd.Timestamp,
    *,
    withhold: Mapping[str, int] | None = None,
    dry_run: bool = False,
) -> Intake:
    """What a SIMULATED market has published by now; of what is stored, the newest only.

    What signals watch beside the series of models comes to a store that has some of it already.
    """
    spans = store.spans()
    watched = not {*MODELLED} >= {*spans}
    observations = demo.fetch(last_closed_session(now), withhold=withhold, watched=watched)
    known = observations[observations["known_at"] <= now]
    if spans:  # it revises nothing, so what is older is there already
        newest = max(last for _, last in spans.values())
        known = known[known["period"] >= newest - _LOOKED_BACK]
    return Intake(store.append(known, fetched_at=now, dry_run=dry_run))


def or_fault(bring: Callable[[], Intake]) -> Intake:
    """What came in, or in its place why nothing did: old data are judged by their age."""
    try:
        return bring()
    except SourceError as error:
        return Intake(faults=[f"files: {error}"])
