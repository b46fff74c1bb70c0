"""From sources on the network to the store: fetch, check, store, and tell what happened.

Sources are asked side by side, each at the pace its publisher allows; one that fails costs
nobody else anything. What a source brought is checked and stored in one transaction, so its
data are those of one fetch, or unchanged.
"""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

from regime.data.catalog import CATALOG, Unit, get
from regime.data.checks.history import rebased, withdrawn
from regime.data.checks.validation import checked
from regime.data.observations import gather
from regime.data.sources.live import Http, Request, Source
from regime.data.store import ObservationStore
from regime.exceptions import RegimeError, SourceError, UnreachedError

_BEFORE = pd.Timedelta(days=100)  # stored values that new ones are held against
_MOST_ERRORS = 6  # lines of one source
_MOST_SKEW = 300  # seconds between two clocks before dates of a fetch mean nothing


class Client(Http, Protocol):
    """An `Http` that noticed what time it is elsewhere, and is told what could not be read."""

    clock_skew: float | None

    def settle(self) -> None:
        """What was got so far could be read."""
        ...

    def distrust(self) -> None:
        """What was got since then could not: it is asked for whole next time."""
        ...


class OpenClient(Protocol):
    """Opens the client that one source is asked with."""

    def __call__(self, source: Source) -> AbstractContextManager[Client]:
        """The client of this source."""
        ...


@dataclass(slots=True)
class Report:
    """What one source brought.

    Attributes
    ----------
    documents : jobs that went well
    seen, added, doubtful : values it holds, those new in the store, those new in quarantine
    errors, warnings : sentences; after an error the data it speaks of are as they were
    """

    source: str
    documents: int = 0
    seen: int = 0
    added: int = 0
    doubtful: pd.DataFrame = field(default_factory=pd.DataFrame)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Brought:
    frames: list[pd.DataFrame]
    errors: list[str]


def fetch_live(
    sources: Iterable[Source],
    store: ObservationStore,
    open_client: OpenClient,
    *,
    now: pd.Timestamp,
    since: pd.Timestamp | None = None,
    keys: dict[str, str] | None = None,
    dry_run: bool = False,
    looked: bool = True,
) -> Iterator[Report]:
    """Ask each source, and store what it brought; reports come as sources finish.

    What fails at one source, the store included, is told in its report and raises nothing.

    Parameters
    ----------
    open_client : opens the client of one source, asked for in that source's own thread
    now : Timestamp (UTC)
        The moment of the fetch; what is new counts as known from then.
    since : first period wanted; by default all of history
    keys : by environment variable, what the user gave of what sources may ask for
    dry_run : bool
        Ask and check, but store nothing; `added` is what would be.
    looked : bool
        False where the answers are old ones, from the archive.

    Yields
    ------
    Report
        One a source. Its data are all stored by then, or none of them.

    Raises
    ------
    StoreError
        If the store cannot be read before anybody was asked.
    """
    stored = store.spans()
    newest = {name: last for name, (_, last) in stored.items()}
    request = Request(now=now, since=since, newest=newest, keys=keys or {})
    chosen = list(sources)
    started = time.monotonic()
    with ThreadPoolExecutor(max_workers=max(len(chosen), 1)) as pool:
        waiting: dict[Future[_Brought], Source] = {
            pool.submit(_ask, source, open_client, request): source for source in chosen
        }
        for done in as_completed(waiting):
            report = Report(waiting[done].name)
            brought = done.result()
            report.errors = [f"{report.source} {line}" for line in brought.errors[:_MOST_ERRORS]]
            if (more := len(brought.errors) - _MOST_ERRORS) > 0:
                report.errors.append(f"{report.source}: and {more} more documents failed.")
            report.documents = len(brought.frames)
            try:
                taking = _Taking(
                    store, stored, request, dry_run=dry_run, looked=looked, started=started
                )
                taking.take(brought.frames, report)
            except RegimeError as error:
                report.documents = 0  # all of them came, and none is stored
                report.errors.append(f"{report.source}: {error}")
            yield report


def _ask(source: Source, open_client: OpenClient, request: Request) -> _Brought:
    """Run the jobs of a source, one after the other."""
    brought = _Brought([], [])
    unreached: list[str] = []
    try:
        with open_client(source) as client:
            for job in source.jobs(request):
                client.settle()
                try:
                    brought.frames.append(job.run(client))
                except UnreachedError as error:
                    unreached.append(f"{job.name}: {error}")
                except SourceError as error:
                    client.distrust()
                    brought.errors.append(f"{job.name}: {error}")
            skew = client.clock_skew
    except RegimeError as error:
        return _Brought([], [str(error)])
    if unreached:
        others = len(unreached) - 1
        more = f" Nor can {others} other documents of it be had." if others else ""
        brought.errors.append(unreached[0] + more)
    if skew is not None and abs(skew) > _MOST_SKEW:
        direction = "ahead of" if skew > 0 else "behind"
        words = (
            f"has a clock {abs(skew) / 60:,.0f} minutes {direction} this machine's, and values "
            f"are dated by this one. Set the clock of this machine and fetch again; nothing of "
            f"it was stored."
        )
        return _Brought([], [*brought.errors, words])
    return brought


@dataclass(frozen=True, slots=True)
class _Taking:
    """Checks and stores what sources brought."""

    store: ObservationStore
    stored: dict[str, tuple[pd.Timestamp, pd.Timestamp]]
    request: Request
    dry_run: bool
    looked: bool
    started: float  # monotonic seconds, when the sources were first asked

    def take(self, frames: list[pd.DataFrame], report: Report) -> None:
        """Store what is good, and complete the report."""
        frames = [frame for frame in frames if len(frame)]
        if not frames:
            return
        observations = gather(frames)
        report.seen = len(observations)
        shrunk = self._shrunk(observations, report.source)
        report.errors += [f"{report.source} {words}" for words in shrunk.values()]
        observations = observations[~observations["series"].isin(shrunk)]
        observations, gone = self._held_against_history(observations, report)
        parts = checked(observations, now=self.request.now, recent=self._around(observations))
        report.doubtful = self._new_doubts(parts.doubtful)
        report.added = self.store.append(
            gather([parts.good, gone]) if len(gone) else parts.good,
            # What came after the first question was not known when it was asked.
            fetched_at=self.request.now + pd.Timedelta(seconds=time.monotonic() - self.started),
            doubtful=parts.doubtful,
            looked=self.looked,
            dry_run=self.dry_run,
        )

    def _held_against_history(
        self, observations: pd.DataFrame, report: Report
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Without funds on another scale; and revisions that undo events no longer listed."""
        own = observations[observations["source"] == report.source]
        first = {
            str(name): period
            for name, period in own.groupby("series", observed=True)["period"].min().items()
            if get(str(name)).unit is Unit.PRICE and str(name) in self.stored
        }
        if not first:
            return observations, observations.iloc[:0]
        events = [one.id for one in CATALOG.values() if one.happens_to in first]
        stored = self.store.read(series=[*first, *events])
        moved = rebased(observations, stored)
        report.errors += [f"{report.source} {words}" for words in moved.values()]
        parts = {name for name in {*first, *events} if {name, get(name).happens_to} & {*moved}}
        kept = observations[~observations["series"].isin(parts)]
        asked = {name: period for name, period in first.items() if name not in moved}
        gone = withdrawn(kept, stored, asked, now=self.request.now)
        report.warnings += [
            f"{report.source} {row.series} of {row.period:%Y-%m-%d} is not listed any more; it "
            f"counts as nothing from now on."
            for row in gone.itertuples()
        ]
        return kept, gone

    def _new_doubts(self, doubtful: pd.DataFrame) -> pd.DataFrame:
        """Without those that were told before, or that somebody has accepted since."""
        if doubtful.empty or self.store.is_empty():
            return doubtful
        cell = ["series", "period", "value"]
        names, first = sorted(set(doubtful["series"])), doubtful["period"].min()
        stored = self.store.read(series=names, since=first)
        told = [self.store.quarantined()[cell], stored[cell]]
        known = {row for frame in told for row in frame.itertuples(index=False, name=None)}
        new = [row not in known for row in doubtful[cell].itertuples(index=False, name=None)]
        return doubtful[new]

    def _around(self, observations: pd.DataFrame) -> pd.DataFrame:
        """Stored values about the new ones, of series whose history did not come along."""
        first = observations.groupby("series", observed=True)["period"].min()
        short = {
            str(name): period
            for name, period in first.items()
            if str(name) in self.stored and period > self.stored[str(name)][0]
        }
        if not short:
            return gather([])
        # Events are read with the prices they happen to.
        prices = {str(get(name).happens_to) for name in short if get(name).happens_to}
        return self.store.read(
            series=sorted({*short, *prices}), since=min(short.values()) - _BEFORE
        )

    def _shrunk(self, observations: pd.DataFrame, source: str) -> dict[str, str]:
        """Series that lost values at an end, and in what words that is told."""
        own = observations[observations["source"] == source]
        ends = own.groupby("series", observed=True)["period"].agg(["min", "max"])
        found = {}
        for name, first, last in ends.itertuples(name=None):
            series = get(name)
            if name not in self.stored or series.happens_to is not None:
                continue
            oldest, newest = self.stored[name]
            fault = None
            if last < newest:
                fault = f"ends on {last:%Y-%m-%d}, but {newest:%Y-%m-%d}"
            elif first > oldest and self.request.since is None and not series.rolling:
                fault = f"begins on {first:%Y-%m-%d}, but {oldest:%Y-%m-%d}"
            if fault is not None:
                found[name] = (
                    f"{name}: it now {fault} is stored already: values were taken back, or the "
                    f"download is old. What is stored stays; fetch again later, and look at the "
                    f"publisher's page if it goes on."
                )
        return found
