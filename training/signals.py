"""Every number strategists argue with, as known on a day: regime signals --as-of 2024-07-17"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from training.console import SIMULATED, note, run, say
from training.inputs import checked_day, checked_output

if TYPE_CHECKING:
    import pandas as pd

    from regime.signals.watched import Watched

_DAY = "%Y-%m-%d"
_MOST = 12  # extremes told first
_TITLE = 62  # characters of a title


def signals(
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=[_DAY], help="A day: what was known when it was over."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=[_DAY], help="Also what each pair earned from that day's close on."),
    ] = None,
    topic: Annotated[
        str | None, typer.Option(help="Only signals whose topic, title or series has this word.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write the whole table here as well.")
    ] = None,
) -> None:
    """Where each watched number stands, how unusual that is, and who led at such times.

    Levels and baskets of your own stand in watch.toml in the home folder; see docs/signals.md.
    Example: regime signals --as-of 2024-07-17 --since 2024-06-28 --csv signals.csv
    """
    as_of, since = checked_day(as_of, "--as-of"), checked_day(since, "--since")
    csv = checked_output(csv, "--csv")
    if as_of is not None and since is not None and since >= as_of:
        raise typer.BadParameter(
            f"--since {since:{_DAY}} must be before --as-of {as_of:{_DAY}}: it is where the window "
            "begins."
        )

    import pandas as pd

    from regime.brief.signals import crossed_words, season_words, signal_table
    from regime.data.store import ObservationStore
    from regime.service.watching import watch
    from regime.settings import Settings
    from regime.signals.declared.yours import LEVELS

    settings = Settings()
    settings.check_home()
    store = ObservationStore(settings.store)
    watched = watch(settings, store, _moment(as_of, settings, store))
    if since is not None and pd.Timestamp(since) >= watched.day:
        raise typer.BadParameter(
            f"--since {since:{_DAY}} must be before the last close that is known, "
            f"{watched.day:{_DAY}}."
        )
    table = signal_table(watched.declarations, watched.numbers)
    chosen = _chosen(table, topic)
    if watched.simulated:
        note(SIMULATED)
    if as_of is None:
        _note_age(watched, _moment(None, settings, store))
    _say_head(watched, table)
    _say_extremes(chosen)
    _say_topics(chosen, season_words(watched.seasons) | {LEVELS.title: crossed_words(chosen)})
    if topic is None or "composite" in set(chosen["family"]):
        for line in watched.tested:
            say(f"\n{line}")
    if since is not None:
        _say_since(watched, pd.Timestamp(since), topic)
    if csv is not None:
        _write(table, watched, csv)


def _moment(as_of: datetime | None, settings: Any, store: Any) -> "pd.Timestamp":
    import pandas as pd

    from regime.data.calendar import end_of_day
    from regime.data.clock import present

    now = present(settings, store)
    return now if as_of is None else min(end_of_day(pd.Timestamp(as_of)), now)


def _note_age(watched: "Watched", now: "pd.Timestamp") -> None:
    from regime.data.calendar import last_closed_session, sessions_since

    last = last_closed_session(now)
    if missing := sessions_since(watched.day, last):
        sessions = f"{missing:,} session{'' if missing == 1 else 's'}"
        note(
            f"warning: the newest prices stored are of {watched.day:{_DAY}}, {sessions} before the "
            f"last close, {last:{_DAY}}. Run `regime fetch`."
        )


def _chosen(table: "pd.DataFrame", topic: str | None) -> "pd.DataFrame":
    if topic is None:
        return table
    text = table[["topic", "family", "title", "name", "series"]].agg(" ".join, axis=1).str.lower()
    found = table[text.str.contains(topic.strip().lower(), regex=False)]
    if found.empty:
        topics = "; ".join(table["topic"].drop_duplicates())
        raise typer.BadParameter(f"--topic {topic!r}: no signal has that word. Topics: {topics}.")
    return found


def _say_head(watched: "Watched", table: "pd.DataFrame") -> None:
    from regime.brief.signals import headline, path_words
    from regime.tracking.wording import day_words

    say(f"Signals as known at the close of {day_words(watched.day)}")
    say(path_words(watched.labels, watched.day, watched.baskets))
    say(headline(table))


def _say_extremes(table: "pd.DataFrame") -> None:
    from regime.brief.signals import extreme_words, most_extreme_first

    rows = most_extreme_first(table).head(_MOST).to_dict("records")
    if rows:
        say("\nHighest or lowest for the longest, of the last five sessions")
    for row in rows:
        say(f"  {row['title'][:_TITLE]:{_TITLE}}  {extreme_words(row)}")


def _say_topics(table: "pd.DataFrame", seasons: dict[str, str]) -> None:
    from regime.brief.signals import missing_words
    from regime.signals.standing import KNOWN

    for topic, rows in table.groupby("topic", sort=False):
        say(f"\n{topic}: {rows['question'].iloc[0]}")
        known = rows[rows["state"] == KNOWN]
        if len(known):
            say(
                f"  {'':{_TITLE}}{'now':>18}{'of':>13}{'pct':>5}{'21 sessions':>17}"
                f"{'63 sessions':>17}  has favoured"
            )
        for row in known.to_dict("records"):
            say(_line(row))
        for line in missing_words(rows):
            say(f"  {line}")
        if words := seasons.get(str(topic)):
            say(f"  {words}")
        if trap := rows["trap"].iloc[0]:
            say(f"  Beware: {trap}")


def _line(row: dict[Any, Any]) -> str:
    import pandas as pd

    from regime.brief.signal_words import NOT_KNOWN, reading
    from regime.brief.signals import favours_words

    unit = reading(row["unit"])
    percentile = "" if pd.isna(row["percentile"]) else f"{100 * row['percentile']:.0f}"
    changes = (unit.said_change(row[f"change_{days}"], row["value"]) for days in (21, 63))
    one, other = ("" if words == NOT_KNOWN else words for words in changes)
    of = row["of"] if pd.notna(row["of"]) else row["known"]
    favours = f"{favours_words(row)} ({row['episodes']} episodes)" if row["third"] else ""
    return (
        f"  {row['title'][:_TITLE]:{_TITLE}}{unit.said(row['value']):>18}{f'{of:%-d %b %Y}':>13}"
        f"{percentile:>5}{one:>17}{other:>17}  {favours}"
    ).rstrip()


def _say_since(watched: "Watched", since: "pd.Timestamp", topic: str | None) -> None:
    from regime.brief.signal_words import reading
    from regime.signals.registry import SIGNALS
    from regime.signals.since import since_table
    from regime.tracking.wording import day_words

    table = since_table(watched.panel, list(SIGNALS.values()), since)
    if topic is not None:
        text = table[["title", "topic", "series"]].agg(" ".join, axis=1).str.lower()
        table = table[text.str.contains(topic.strip().lower(), regex=False)]
    known = table.dropna(subset="value").sort_values("value", ascending=False)
    say(f"\nFrom the close of {day_words(since)} to that of {day_words(watched.day)}")
    for unit, rows in known.groupby("unit", sort=True):
        for row in rows.to_dict("records"):
            say(f"  {row['title'][:_TITLE]:{_TITLE}}{reading(str(unit)).said(row['value']):>18}")
    if missing := len(table) - len(known):
        say(f"  {missing} more are not known at both ends.")


def _write(table: "pd.DataFrame", watched: "Watched", path: Path) -> None:
    from regime.tracking.results import write_text

    said = table.assign(day=watched.day, simulated=watched.simulated)
    said = said[["day", "simulated", *table.columns]]
    write_text(path, said.to_csv(index=False, date_format=_DAY), "table of signals")
    say(f"\n{len(said)} signals: {path}")


if __name__ == "__main__":
    run(signals)
