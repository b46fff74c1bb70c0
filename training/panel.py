"""What was known at some moment, and its digest: regime panel --as-of 2008-10-10"""

import contextlib
import json as javascript
import math
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.console import SIMULATED, note, run, say
from training.inputs import checked_day, checked_output

if TYPE_CHECKING:
    import pandas as pd

    from regime.data.store import ObservationStore

_DAY, _MINUTE, _SECOND = "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"
_ENDINGS = {".parquet", ".csv"}


def _moment(text: str) -> datetime:
    """A day, without a time zone, or a moment in UTC."""
    with contextlib.suppress(ValueError):
        return datetime.strptime(text, _DAY)
    for form in (_MINUTE, _SECOND):
        with contextlib.suppress(ValueError):
            return datetime.strptime(text.removesuffix("Z"), form).replace(tzinfo=UTC)
    raise typer.BadParameter(
        f"{text!r} is neither a day, YYYY-MM-DD, nor a moment in UTC, YYYY-MM-DDTHH:MM."
    )


@dataclass(frozen=True, slots=True)
class Described:
    """A column on the last day of a panel; without a value, `why` says what there was last."""

    series: str
    value: float | None
    period: str | None = None
    age_days: int | None = None
    source: str | None = None
    known_at: str | None = None
    fetched_at: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Newest:
    """A row of the store."""

    period: "pd.Timestamp"
    known_at: "pd.Timestamp"
    fetched_at: "pd.Timestamp"
    source: str


def panel(
    as_of: Annotated[
        datetime | None,
        typer.Option(
            parser=_moment,
            metavar="YYYY-MM-DD[THH:MM]",
            help="A day, meaning the close of its session, or a moment in UTC; by default now.",
        ),
    ] = None,
    series: Annotated[
        list[str] | None, typer.Option(help="Only this column; give it as often as you like.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the panel here: a .parquet or .csv file.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Rebuild what was known at a moment, with the digest of it and what its last day rests on.

    The same moment gives the same digest after any later fetch; only a series, or older
    years of one, that nobody had fetched before join the past with the lag of their publisher.
    Example: regime panel --as-of 2008-10-10 --series OEF --series DGS10 --output panel.parquet
    """
    output = checked_output(output, "--output")
    if output is not None and output.suffix not in _ENDINGS:
        raise typer.BadParameter(f"--output {output} must end in {' or '.join(sorted(_ENDINGS))}.")
    if as_of is not None:
        # A moment as the clock on the wall shows it, which is what a day is compared with.
        local = as_of.astimezone() if as_of.tzinfo else as_of
        checked_day(local.replace(tzinfo=None), "--as-of")

    from regime.data.as_of import panel_as_of
    from regime.data.catalog import MODELLED
    from regime.data.panel import digest
    from regime.data.store import ObservationStore
    from regime.settings import Settings

    moment = _resolved(as_of)
    settings = Settings()
    settings.check_home()
    store = ObservationStore(settings.store)
    wanted = _checked_series(series, store) if series else None
    known = panel_as_of(store, moment, wanted)
    name, first, last = digest(known), known.index[0], known.index[-1]
    columns = sorted({*known.columns, *(wanted or MODELLED)})
    rows = _described(store, known, columns, moment)
    if output is not None:
        _write(known, output)
    if store.is_simulated():
        note(SIMULATED)
    if json:
        told = {
            "as_of": f"{moment:{_SECOND}}Z", "digest": name, "first_day": f"{first:{_DAY}}",
            "last_day": f"{last:{_DAY}}", "days": len(known), "columns": len(known.columns),
            "series": [asdict(row) for row in rows],
        }  # fmt: skip
        say(javascript.dumps(told, indent=1, allow_nan=False))
        return
    say(f"As of {moment:{_SECOND}} UTC: digest {name}")
    say(f"{len(known):,} days, {first:{_DAY}} to {last:{_DAY}}, {len(known.columns)} columns")
    _say_table(rows)
    if output is not None:
        say(f"{len(known):,} days: {output}")


def _resolved(as_of: datetime | None) -> "pd.Timestamp":
    """The moment meant, in UTC and whole seconds, as the store keeps them."""
    import pandas as pd

    from regime.data.calendar import end_of_day

    now = pd.Timestamp.now("UTC").floor("s")
    if as_of is None:
        return now
    given = pd.Timestamp(as_of)
    moment = given if given.tzinfo else end_of_day(given)
    if moment > now:
        raise typer.BadParameter(
            f"--as-of means {moment:%Y-%m-%d %H:%M} UTC, which is not over yet: what is known then "
            f"can still change. Leave it out for what is known now."
        )
    return moment


def _checked_series(series: list[str], store: "ObservationStore") -> list[str]:
    """Names of the catalogue, each once, with a daily one among them of which a row is stored."""
    from regime.data import catalog
    from regime.data.as_of import DAILY
    from regime.exceptions import ConfigError, StoreError

    wanted = list(dict.fromkeys(catalog.get(name).id for name in series))
    daily = [name for name in wanted if name in DAILY]
    if not daily:
        raise ConfigError(
            f"The days of a panel are those of its daily series, and {', '.join(wanted)} "
            f"{'is' if len(wanted) == 1 else 'are'} none. Add one, such as --series DGS10."
        )
    if not {*daily, *catalog.prices_behind(daily)} & set(store.series()):
        raise StoreError(
            f"Nothing of {', '.join(daily)} is stored in {store.database}. Fetch it, or add a "
            f"daily series that is: `regime panel` alone lists them."
        )
    return wanted


def _described(
    store: "ObservationStore", known: "pd.DataFrame", columns: list[str], moment: "pd.Timestamp"
) -> list[Described]:
    """What the last day of a panel rests on, column by column."""
    from regime.data.calendar import session_closes
    from regime.data.catalog import prices_behind

    last = known.index[-1]
    # A fund's column is made of its closes, or of a stored index where that is newer.
    made_of = {name: [*prices_behind([name])[:1], name] for name in columns}
    names = sorted({one for several in made_of.values() for one in several})
    newest = _newest(store, names, seen=moment, known=session_closes(last)[last])
    stored = set(store.series())
    rows = []
    for name in columns:
        found = [newest[one] for one in made_of[name] if one in newest]
        if not found:
            why = "nothing known by then" if stored & {*made_of[name]} else "nothing stored"
            rows.append(Described(name, None, why=why))
            continue
        row = max(found, key=lambda row: row.period)
        value = float(known[name].iloc[-1])
        missing = math.isnan(value)
        rows.append(
            Described(
                series=name,
                value=None if missing else value,
                period=f"{row.period:{_DAY}}",
                age_days=(last - row.period).days,
                source=row.source,
                known_at=f"{row.known_at:{_SECOND}}Z",
                fetched_at=f"{row.fetched_at:{_SECOND}}Z",
                why=_why_missing(name, row.period, last) if missing else None,
            )
        )
    return rows


def _why_missing(name: str, period: "pd.Timestamp", last: "pd.Timestamp") -> str:
    from regime.data.catalog import Frequency, get

    series = get(name)
    if series.frequency is Frequency.EVENT:
        return f"nothing happened that day; last on {period:{_DAY}}"
    if (last - period).days > series.max_age:
        return f"too old: last of {period:{_DAY}}, at most {series.max_age} days"
    return f"days are missing between {period:{_DAY}} and what was known before"


def _newest(
    store: "ObservationStore", names: list[str], *, seen: "pd.Timestamp", known: "pd.Timestamp"
) -> "dict[str, Newest]":
    """Of each series the row that a panel whose last close is `known` shows there."""
    import numpy as np
    import pandas as pd
    import sqlalchemy as sa

    from regime.data.database import schema
    from regime.data.database.encoding import days, second, utc
    from regime.data.database.writing import ids_of, names_in

    of = schema.OBSERVATION.c
    query = (
        sa.select(of.period, of.known_at, of.fetched_at, of.source)
        .where(of.seen_at <= second(seen, "seen", up=False))
        .where(of.known_at <= second(known, "known", up=False))
        .order_by(of.period.desc(), of.known_at.desc(), of.fetched_at.desc())
        .limit(1)
    )
    found = {}
    with store.reading() as connection:
        sources = {at: name for name, at in names_in(connection, schema.SOURCE).items()}
        for name, at in ids_of(connection, schema.SERIES, names).items():
            row = connection.execute(query.where(of.series == at)).first()
            if row is not None:
                known_at, fetched_at = utc(np.array([row.known_at, row.fetched_at]))
                period = pd.Timestamp(days(np.array([row.period]))[0])
                found[name] = Newest(period, known_at, fetched_at, sources[row.source])
    return found


def _say_table(rows: list[Described]) -> None:
    width = max(len(row.series) for row in rows)
    say(f"{'':{width}}  {'value':>12}  of period   days  source    known (UTC)       fetched (UTC)")
    for row in rows:
        if row.value is None:
            say(f"{row.series:{width}}  {'missing':>12}  {row.why}")
            continue
        known, fetched = (
            (moment or "")[:16].replace("T", " ") for moment in (row.known_at, row.fetched_at)
        )
        say(
            f"{row.series:{width}}  {row.value:12.6g}  {row.period}  {row.age_days:4}  "
            f"{row.source:8}  {known}  {fetched}"
        )


def _write(known: "pd.DataFrame", path: Path) -> None:
    """The panel as a file that is there only once it is whole; numbers to the bit."""
    from regime.tracking.results import write_whole

    def write(draft: Path) -> None:
        if path.suffix == ".csv":
            known.to_csv(draft, date_format=_DAY)
        else:
            known.to_parquet(draft)

    write_whole(path, write, "panel")


if __name__ == "__main__":
    run(panel)
