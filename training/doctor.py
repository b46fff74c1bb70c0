"""One look at the whole installation: regime doctor"""

import json as javascript
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from training.console import run, say

if TYPE_CHECKING:
    import pandas as pd

    from regime.health.examine import Health

_DAY = "%Y-%m-%d"


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no source for a sign of life.")
    ] = False,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Read every page and row stored, and date every series."),
    ] = False,
) -> None:
    """Look at store, data, model, disk, clock and network, and say what to do next.

    Exit code 0 if all is well, 1 if there is a fault, 3 if there are only warnings. Changes
    nothing; what it found is kept in health.json, for the app's Data page.
    Example: regime doctor --json --offline
    """
    from regime.exceptions import RegimeError
    from regime.health.checks import EXIT_CODES, Check, attempt
    from regime.health.examine import Health, examine
    from regime.health.kept import keep
    from regime.settings import Settings

    now = datetime.now(UTC).replace(microsecond=0)
    with suppress(RegimeError):  # which the check of the settings tells
        now = Settings().now or now
    found: list[Health] = []

    def look() -> list[Check]:
        found.append(examine(Settings(), now, offline=offline, thorough=everything))
        return []

    failed = attempt("settings", look)
    health = found[0] if found else Health(now, tuple(failed), None)
    if found:
        keep(Settings(), health.checks, by="regime doctor", at=health.checked_at)
    if json:
        say(javascript.dumps(_told(health), indent=1, allow_nan=False))
    else:
        _say(health, everything)
    raise typer.Exit(EXIT_CODES[health.state])


def _told(health: "Health") -> dict[str, Any]:
    """A health as JSON knows it."""
    return {
        "state": str(health.state),
        "checked_at": f"{health.checked_at:%Y-%m-%dT%H:%M:%SZ}",
        "checks": [
            {
                "name": check.name, "state": str(check.state), "words": check.words,
                "next": check.advice or None,
            }
            for check in health.checks
        ],
        "series": [] if health.series is None else _rows(health.series),
    }  # fmt: skip


def _rows(series: "pd.DataFrame") -> list[dict[str, Any]]:
    import pandas as pd

    def plain(value: Any) -> Any:
        if pd.isna(value):
            return None
        return f"{value:{_DAY}}" if isinstance(value, pd.Timestamp) else value

    rows = series.astype("object").to_dict("records")
    return [{str(name): plain(value) for name, value in row.items()} for row in rows]


def _say(health: "Health", everything: bool) -> None:
    width = max(len(check.name) for check in health.checks)
    for check in health.checks:
        say(f"{check.state:8} {check.name:{width}}  {check.words}")
        if check.advice:
            say(f"{'':8} {'':{width}}  -> {check.advice}")
    if health.series is not None:
        rows = _rows(health.series)
        rows = rows if everything else [
            row for row in rows if row["counts"] and row["state"] != "fresh"
        ]  # fmt: skip
        for row in rows:
            due = f"due {row['expected_period']}" if row["expected_period"] else ""
            say(
                f"{row['state']:8} {row['series']:32} {row['newest_period'] or 'nothing':10}  "
                f"{due:14}  {row['counts'] or ''}".rstrip()
            )
    many = {state: sum(check.state == state for check in health.checks)
            for state in ("fault", "warning", "unknown")}  # fmt: skip
    counted = [f"{count} {state}{'s' if count > 1 and state != 'unknown' else ''}"
               for state, count in many.items() if count]  # fmt: skip
    say(f"{', '.join(counted) or 'All is well'}, {health.checked_at:%Y-%m-%d %H:%M} UTC.")


if __name__ == "__main__":
    run(doctor)
