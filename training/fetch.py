"""Bring observations into the store: regime fetch --source files --path DIR"""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from training.console import note, run, say
from training.inputs import checked_day


class Source(StrEnum):
    """Where observations come from."""

    DEMO = "demo"
    FILES = "files"


def fetch(
    source: Annotated[Source, typer.Option(help="demo: a SIMULATED market; files: a folder.")],
    path: Annotated[
        Path | None, typer.Option(help="Folder of CSV, CSV.GZ or Parquet tables, for files.")
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day, for demo; by default the last close."),
    ] = None,
) -> None:
    """Add what a source knows to the store; nothing stored is ever changed.

    Example: regime fetch --source files --path ~/market-data
    """
    if source is Source.FILES and path is None:
        raise typer.BadParameter("--source files needs --path DIR, the folder of tables.")
    if source is Source.DEMO and path is not None:
        raise typer.BadParameter("--path goes with --source files; demo reads no folder.")
    if source is Source.FILES and until is not None:
        raise typer.BadParameter("--until goes with --source demo; files are read whole.")

    until = checked_day(until, "--until")

    import pandas as pd

    from regime.data.as_of import panel_as_of
    from regime.data.baskets import BASKET_SETS, spliced_lead
    from regime.data.calendar import last_closed_session
    from regime.data.sources import demo, files
    from regime.data.store import ObservationStore
    from regime.exceptions import PanelError
    from regime.settings import Settings

    settings = Settings()
    settings.make_home()
    now = pd.Timestamp.now("UTC")
    if path is not None:
        alternatives = [BASKET_SETS[name].series for name in ("french", "funds")]
        read = files.fetch(path, required=alternatives)
        observations = read.observations
        for line in read.warnings:
            note(f"warning: {line}")
    else:
        last = last_closed_session(now)
        observations = demo.fetch(min(pd.Timestamp(until), last) if until else last)
    store = ObservationStore(settings.store)
    added = store.append(observations, fetched_at=now)

    first, newest = observations["period"].min(), observations["period"].max()
    mark = "SIMULATED market, no real prices: " if source is Source.DEMO else ""
    news = f"{added:,} of them new in {settings.store}" if added else "none of them new"
    say(
        f"{mark}{len(observations):,} observations of {observations['series'].nunique()} series, "
        f"{first:%Y-%m-%d} to {newest:%Y-%m-%d}; {news}."
    )
    if source is Source.FILES:
        _tell_what_was_left(read.absent, read.unknown_columns, read.unread_files)
    panel, usable = panel_as_of(store), []
    for name in ("french", "funds"):
        try:
            spliced_lead(panel, name)
            usable.append(name)
        except PanelError as error:
            note(f"warning: no {name} baskets: {error}")
    if len(usable) == 2:
        say("Next: regime compare experiments/*.toml")
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
