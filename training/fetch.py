"""Bring observations into the store: regime fetch --source live"""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regime.data.sources import LIVE_NAMES
from training.console import note, progress, run, say
from training.inputs import checked_day, checked_withholding

if TYPE_CHECKING:
    import pandas as pd

    from regime.data.store import ObservationStore
    from regime.settings import Settings

_DAY = "%Y-%m-%d"


# Where observations come from.
Origin = StrEnum(
    "Origin",
    {name.upper(): name for name in ("live", *LIVE_NAMES, "files", "demo")},
)
_NETWORK = set(Origin) - {Origin.FILES, Origin.DEMO}


def fetch(
    source: Annotated[
        Origin,
        typer.Option(
            help="live: every source on the network, or one of them; files: a folder of yours; "
            "demo: a SIMULATED market."
        ),
    ],
    path: Annotated[
        Path | None, typer.Option(help="Folder of CSV, CSV.GZ or Parquet tables, for files.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=[_DAY], help="First day wanted from the network; by default all."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=[_DAY], help="Last day, for demo; by default the last close."),
    ] = None,
    withhold: Annotated[
        list[str] | None,
        typer.Option(
            help="For demo, a bad day to rehearse: SERIES or SERIES:SESSIONS that have not come."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Ask and check the sources, but store nothing.")
    ] = False,
    from_archive: Annotated[
        bool,
        typer.Option("--from-archive", help="Read the documents fetched last once more instead."),
    ] = False,
) -> None:
    """Add what a source knows to the store; nothing stored is ever changed.

    Example: regime fetch --source live
    """
    if source is Origin.FILES and path is None:
        raise typer.BadParameter("--source files needs --path DIR, the folder of tables.")
    if source is not Origin.FILES and path is not None:
        raise typer.BadParameter(f"--path goes with --source files; {source} reads no folder.")
    if source is not Origin.DEMO and until is not None:
        raise typer.BadParameter("--until goes with --source demo; the others are read to the end.")
    if source not in _NETWORK and (since or dry_run or from_archive):
        raise typer.BadParameter(
            "--since, --dry-run and --from-archive go with sources on the network: "
            f"{', '.join(sorted(_NETWORK))}."
        )
    until, since = checked_day(until, "--until"), checked_day(since, "--since")
    withheld = checked_withholding(withhold, is_demo=source is Origin.DEMO)

    import pandas as pd

    from regime.data.clock import present
    from regime.data.store import ObservationStore
    from regime.settings import Settings

    settings = Settings()
    settings.make_home()
    store = ObservationStore(settings.store)
    now = present(settings, store)
    failed = False
    if source in _NETWORK:
        first = pd.Timestamp(since) if since else None
        failed = _from_network(source, store, settings, now, first, dry_run, from_archive)
    elif path is not None:
        _from_folder(path, store, now)
    else:
        _simulated(store, until, now, withheld)
    if not dry_run and not failed and not store.is_empty():
        _tell_what_can_be_done(store, now + pd.Timedelta(seconds=1))
    if failed:
        raise typer.Exit(1)


def _from_network(
    source: Origin,
    store: "ObservationStore",
    settings: "Settings",
    now: "pd.Timestamp",
    since: "pd.Timestamp | None",
    dry_run: bool,
    from_archive: bool,
) -> bool:
    """Ask the sources; whether any of them failed in part."""
    from regime.data.sources.directory import LIVE
    from regime.exceptions import ConfigError
    from regime.service.intake import ask_sources, who_asks, who_can_be_asked

    chosen, silent = who_can_be_asked(settings)
    if source is not Origin.LIVE:
        wanted = LIVE[source.value]
        if wanted not in chosen:
            raise ConfigError(who_asks(wanted))
        chosen, silent = [wanted], []
    for line in silent:
        note(line)
    failed, new = False, "would be new" if dry_run else "new"
    with progress(len(chosen), "asking the sources") as step:
        for report in ask_sources(
            chosen, store, settings, now=now, since=since, dry_run=dry_run,
            from_archive=from_archive,
        ):  # fmt: skip
            step()
            for line in report.errors:
                note(f"error: {line}")
            for line in report.warnings:
                note(f"warning: {line}")
            if report.documents:
                say(
                    f"{report.source}: {report.documents} documents, {report.seen:,} values, "
                    f"{report.added:,} {new}, {len(report.doubtful):,} doubtful."
                )
            _tell_doubts(report.doubtful)
            failed = failed or bool(report.errors)
    return failed


def _tell_doubts(doubtful: "pd.DataFrame", most: int = 5) -> None:
    for row in doubtful.head(most).itertuples():
        note(f"quarantined: {row.reason}")
    if len(doubtful) > most:
        note(f"quarantined: and {len(doubtful) - most:,} more; see regime store quarantine.")


def _from_folder(path: Path, store: "ObservationStore", now: "pd.Timestamp") -> None:
    from regime.service.intake import read_folder

    read, parts = read_folder(path, now)
    for line in read.warnings:
        note(f"warning: {line}")
    added = store.append(parts.good, fetched_at=now, doubtful=parts.doubtful)
    _tell_doubts(parts.doubtful)
    _tell_what_came(parts.good, added, store, "")
    _tell_what_was_left(read.absent, read.unknown_columns, read.unread_files)


def _simulated(
    store: "ObservationStore",
    until: datetime | None,
    now: "pd.Timestamp",
    withhold: dict[str, int],
) -> None:
    import pandas as pd

    from regime.data.calendar import last_closed_session
    from regime.data.sources import demo

    last = last_closed_session(now)
    first = min(pd.Timestamp(until), last) if until else last
    observations = demo.fetch(first, withhold=withhold, watched=True)
    added = store.append(observations, fetched_at=now)
    _tell_what_came(observations, added, store, "SIMULATED market, no real prices: ")


def _tell_what_came(
    observations: "pd.DataFrame", added: int, store: "ObservationStore", mark: str
) -> None:
    first, newest = observations["period"].min(), observations["period"].max()
    news = f"{added:,} of them new in {store.database}" if added else "none of them new"
    say(
        f"{mark}{len(observations):,} observations of {observations['series'].nunique()} series, "
        f"{first:%Y-%m-%d} to {newest:%Y-%m-%d}; {news}."
    )


def _tell_what_can_be_done(store: "ObservationStore", now: "pd.Timestamp") -> None:
    """Which baskets the store is good for, and the next command."""
    from regime.data.as_of import panel_as_of
    from regime.data.baskets import spliced_lead
    from regime.exceptions import PanelError, StoreError

    try:
        panel = panel_as_of(store, now)
    except StoreError as error:  # no daily series yet
        note(f"warning: {error}")
        return
    usable = []
    for name in ("french", "funds"):
        try:
            spliced_lead(panel, name)
            usable.append(name)
        except PanelError as error:
            note(f"warning: no {name} baskets: {error}")
    if len(usable) == 2:
        say("Next: regime compare filter resampled_leadership")
    elif usable:
        say(f'Next: regime compare with experiments whose baskets are ["{usable[0]}"]')


def _tell_what_was_left(
    absent: list[str], unknown: dict[str, list[str]], unread: list[str]
) -> None:
    if absent:
        note(f"Not found, and not required, {len(absent)} series: {_few(absent)}.")
    for table, columns in unknown.items():
        note(f"Not in the catalogue, not read, {len(columns)} columns of {table}: "
             f"{_few(columns)}.")  # fmt: skip
    if unread:
        note(f"Not in the catalogue, not read: {_few(unread)}.")


def _few(names: list[str], most: int = 8) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


if __name__ == "__main__":
    run(fetch)
