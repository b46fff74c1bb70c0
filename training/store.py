"""Look after the store: regime store info, verify, export, import, upgrade, quarantine, accept"""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from training.console import SIMULATED, note, run, say

if TYPE_CHECKING:
    import pandas as pd

    from regime.data.store import ObservationStore
    from regime.settings import Settings

_DAY = "%Y-%m-%d"
_KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]

store = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="What is stored, whether it is sound, and how to copy or move it. "
    "Example: regime store info",
)


@store.command("info")
def info(json: Json = False) -> None:
    """What is stored, where, and when each source was asked last.

    Example: regime store info --json
    """
    settings, kept = _opened()
    told = _told(settings, kept)
    if json:
        _say_json(told)
        return
    say(f"{told['database']} {told['place']}, {_size(told['bytes'])}")
    if told["schema_version"] is None:
        say("Nothing is stored yet. Run `regime fetch --source live`.")
    elif "series" not in told:
        say(f"Its tables are of version {told['schema_version']}. Run `regime store upgrade`.")
    else:
        say(f"Schema version {told['schema_version']}")
        span = f", {told['first_period']} to {told['last_period']}" if told["rows"] else ""
        say(f"{told['rows']:,} rows of {told['series']} series{span}")
        say(f"{told['quarantined']:,} values in quarantine")
        if told["simulated"]:
            say(SIMULATED)
        for source, last in told["last_fetches"].items():
            say(
                f"  {source:12} {last['fetched_at']}: {last['series']} series, "
                f"{last['rows_seen']:,} rows, {last['rows_added']:,} of them new"
            )
    say(f"Archive of documents {told['archive']}, {_size(told['archive_bytes'])}")


@store.command("verify")
def verify() -> None:
    """Read every page and row, and tell what is not as it should be; exit code 1 if anything.

    Example: regime store verify
    """
    from regime.data.database.integrity import faults

    _, kept = _opened()
    found = faults(kept.database)
    for line in found:
        say(f"fault: {line}")
    if found:
        note(
            "Nothing was changed. Set REGIME_HOME to another folder, or REGIME_DATABASE_URL to an "
            "empty database, and run `regime store import DIR` of an export, or fetch again."
        )
        raise typer.Exit(1)
    summary = _summary(kept)
    rows, series = (0, 0) if summary is None else (summary["rows"].sum(), len(summary))
    say(f"sound: {rows:,} rows of {series} series")


@store.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")],
) -> None:
    """Write everything stored as Parquet files, to keep, to move or to look at.

    Example: regime store export backup
    """
    from regime.data.database.transfer import export as write

    _, kept = _opened()
    rows = write(kept, folder)
    say(f"{_counted(rows)}: {folder}")


@store.command("import")
def restore(
    folder: Annotated[Path, typer.Argument(help="A folder that `regime store export` wrote.")],
) -> None:
    """Fill an empty store with an export: all of it to the bit, or nothing.

    Example: regime store import backup
    """
    from regime.data.database.transfer import restore as read

    settings, kept = _opened()
    settings.make_home()
    rows = read(kept, folder)
    say(f"{_counted(rows)}: {kept.database}")


@store.command("upgrade")
def upgrade() -> None:
    """Bring the tables of an older release to this one's; a SQLite file is copied first.

    Example: regime store upgrade
    """
    from regime.data.database.schema_version import NEWEST

    _, kept = _opened()
    before = kept.schema_version()
    copy = kept.upgrade()
    if before is None:
        say(f"Nothing to upgrade: there is nothing in {kept.database} yet.")
    elif before == NEWEST:
        say(f"Nothing to upgrade: {kept.database} has the newest version, {NEWEST}.")
    else:
        say(f"{kept.database}: upgraded from version {before} to {NEWEST}.")
        say(f"As it was before: {copy}" if copy else "The server kept no copy of it as it was.")


@store.command("quarantine")
def quarantine(
    series: Annotated[str | None, typer.Option(help="Only of this series.")] = None,
    json: Json = False,
) -> None:
    """List doubtful values, which enter no panel until a later fetch or you bear them out.

    Example: regime store quarantine --series OEF_close
    """
    from regime.data import catalog

    if series is not None:
        catalog.get(series)
    _, kept = _opened()
    waiting = kept.quarantined()
    if series is not None:
        waiting = waiting[waiting["series"] == series]
    if json:
        _say_json(_records(waiting))
    elif waiting.empty:
        say(f"Nothing{f' of {series}' if series else ''} is in quarantine.")
    else:
        width = max(len(name) for name in waiting["series"])
        for row in waiting.itertuples():
            say(
                f"{row.series:{width}}  {row.period:{_DAY}}  {row.value:<12.10g}  {row.source:8}  "
                f"fetched {row.fetched_at:{_DAY}}  {row.reason}"
            )
        say("To take one as right: regime store accept SERIES YYYY-MM-DD --why TEXT")


@store.command("accept")
def accept(
    series: Annotated[str, typer.Argument(help="Series, as `regime store quarantine` names it.")],
    period: Annotated[datetime, typer.Argument(formats=[_DAY], help="Its period.")],
    why: Annotated[str, typer.Option(help="Where you looked it up; kept with the value.")],
) -> None:
    """Take a quarantined value as right, known from now on.

    Example: regime store accept OEF_close 2008-10-13 --why "the exchange's own record"
    """
    if not why.strip():
        raise typer.BadParameter("--why needs a reason; it is kept with the value.")

    import pandas as pd

    from regime.data import catalog

    catalog.get(series)
    _, kept = _opened()
    now = pd.Timestamp.now("UTC")
    value = kept.accept(series, pd.Timestamp(period), why=why.strip(), at=now)
    say(f"{series} of {period:{_DAY}} is {value:.10g}, known from {now:%Y-%m-%d %H:%M} UTC on.")


def _opened() -> "tuple[Settings, ObservationStore]":
    from regime.data.store import ObservationStore
    from regime.settings import Settings

    settings = Settings()
    settings.check_home()
    return settings, ObservationStore(settings.store)


def _told(settings: "Settings", kept: "ObservationStore") -> dict[str, Any]:
    """What `info` tells; nothing of rows where there are none, or none that can be read."""
    from regime.data.database.schema_version import NEWEST
    from regime.data.network.archive import Archive

    version = kept.schema_version()
    told: dict[str, Any] = {
        "place": str(kept.database),
        "database": _KINDS[kept.database.dialect],
        "schema_version": version,
        "bytes": kept.database.size(),
        "archive": str(settings.raw),
        "archive_bytes": Archive(settings.raw).size(),
    }
    if version != NEWEST:
        return told
    summary = _summary(kept)
    told |= {"series": 0, "rows": 0, "first_period": None, "last_period": None}
    told |= {"quarantined": len(kept.quarantined()), "last_fetches": {}}
    told["simulated"] = kept.is_simulated()
    if summary is None:
        return told
    last = kept.fetches().drop_duplicates("source", keep="last").sort_values("source")
    return told | {
        "series": len(summary),
        "rows": int(summary["rows"].sum()),
        "first_period": f"{summary['first_period'].min():{_DAY}}",
        "last_period": f"{summary['last_period'].max():{_DAY}}",
        "last_fetches": {row.pop("source"): row for row in _records(last)},
    }


def _summary(kept: "ObservationStore") -> "pd.DataFrame | None":
    """Of each series what is stored; None where no row is, be it that some are in quarantine."""
    return kept.summary() if kept.spans() else None


def _counted(rows: dict[str, int]) -> str:
    # Those that were borne out since are among the doubtful: what is copied is the whole history.
    doubtful = f"{rows['quarantine']:,} doubtful"
    return f"{rows['observations']:,} rows of {rows['series']} series, {doubtful}"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Rows as JSON knows them: days as days, moments in UTC."""
    texts = {name: frame[name].dt.strftime(f"{_DAY}T%H:%M:%SZ") for name in frame.columns
             if name.endswith("_at")}  # fmt: skip
    if "period" in frame:
        texts["period"] = frame["period"].dt.strftime(_DAY)
    rows = frame.assign(**texts).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _say_json(told: object) -> None:
    import json

    json.dump(told, sys.stdout, indent=1, allow_nan=False)
    say("")


if __name__ == "__main__":
    run(store)
