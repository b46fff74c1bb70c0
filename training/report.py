"""The week as one page of HTML: regime report --week"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from training.console import SIMULATED, note, run, say
from training.inputs import checked_day, checked_output

if TYPE_CHECKING:
    import pandas as pd

    from regime.brief.snapshot import Snapshot
    from regime.settings import Settings

_DAY = "%Y-%m-%d"


def report(
    week: Annotated[
        bool, typer.Option("--week", help="Of a week; there is no other note yet.")
    ] = True,
    ending: Annotated[
        datetime | None,
        typer.Option(formats=[_DAY], help="Any day of that week; by default the last whole one."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to; by default week-DATE.html in this folder.")
    ] = None,
) -> None:
    """Write what changed from one week's last close to the next, as a page to print or send.

    Says what the app says with its time machine on that day. Needs no network, and the page
    needs nothing beside it.
    Example: regime report --week --ending 2024-07-12 --out week.html
    """
    from regime.settings import Settings

    del week
    ending, out = checked_day(ending, "--ending"), checked_output(out, "--out")
    settings = Settings()
    settings.check_home()
    page, day, simulated = _page(settings, ending)
    target = checked_output(out or Path(f"week-{day:{_DAY}}.html"), "--out")
    assert target is not None  # noqa: S101 - of the type checker

    from regime.tracking.results import write_text

    write_text(target, page, "note")
    if simulated:
        note(SIMULATED)
    say(f"The week to the close of {day:{_DAY}}: {target}")


def _page(settings: "Settings", asked: datetime | None) -> "tuple[str, pd.Timestamp, bool]":
    """The page, its day, and whether its market is simulated."""
    from importlib.metadata import version

    import pandas as pd

    from regime.brief.report import html, weekly
    from regime.brief.snapshot import load_snapshot, load_snapshot_of
    from regime.brief.week import moved_over, sessions_of, week_of
    from regime.data.calendar import last_closed_session, sessions_since
    from regime.exceptions import StoreError
    from regime.tracking.published import NAME, load_day

    if not (settings.published / NAME).exists():
        raise StoreError(
            f"Nothing has been published in {settings.home}, so there is no week to tell. Run "
            "`regime retrain`, `regime promote` and `regime score`, or set REGIME_HOME."
        )
    now = pd.Timestamp.now("UTC") if settings.now is None else pd.Timestamp(settings.now)
    closed = last_closed_session(now.tz_convert("UTC"))
    newest = load_snapshot(settings)
    days = pd.DatetimeIndex(newest.probabilities(0).index)
    week = week_of(days, closed, None if asked is None else pd.Timestamp(asked))
    then = load_snapshot_of(settings, newest, week.day)
    kept = [load_day(settings, day) for day in sessions_of(week)]
    facts = weekly(
        then,
        week,
        moved=moved_over(then, week, [one["about"]["moved"] for one in kept if one]),
        roster=_roster(settings),
        behind=sessions_since(week.day, closed),
        signals=_signals(settings, then, week.day),
        version=version("equity-leadership-regime"),
        command=f"regime report --week --ending {week.day:{_DAY}}",
    )
    return html(facts), week.day, bool(then.about["simulated"])


def _signals(settings: "Settings", then: "Snapshot", day: "pd.Timestamp") -> "pd.DataFrame | None":
    """The table of signals of that day; that it cannot be read keeps nobody from the rest."""
    from regime.brief.watched import signals_of
    from regime.exceptions import StoreError
    from regime.tracking.published import NAME
    from regime.tracking.results import goal_of

    try:
        return signals_of(goal_of(settings.published / NAME), then.labels, day)[0]
    except StoreError as error:
        note(f"warning: {error}")
        return None


def _roster(settings: "Settings") -> "dict[str, Any] | None":
    """What is known of the versions; that it cannot be read keeps nobody from the rest."""
    from regime.exceptions import StoreError
    from regime.tracking.roster import load_roster

    try:
        return load_roster(settings)
    except StoreError as error:
        note(f"warning: {error}")
        return None


if __name__ == "__main__":
    run(report)
