"""What the last looks found, kept in the home for whoever asks without looking: health.json."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from regime.exceptions import RegimeError
from regime.health.checks import Check, State, without_password
from regime.settings import Settings
from regime.tracking.kept import plain
from regime.tracking.results import write_text

_PATIENCE = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Finding:
    """A check, who looked, and when (UTC)."""

    check: Check
    by: str
    at: datetime


def keep(settings: Settings, checks: Sequence[Check], *, by: str, at: datetime) -> None:
    """Keep what a command found, in place of what it found before.

    That this fails is no fault of the command: then what was kept stands. Creates no home.

    Parameters
    ----------
    by : the command
    at : datetime with a time zone
    """
    with suppress(RegimeError, OSError):
        if not settings.home.is_dir():
            return
        found = {
            "at": at.astimezone(UTC).isoformat(timespec="seconds"),
            "checks": [
                [one.name, one.state.value, without_password(one.words), one.advice]
                for one in checks
            ],
        }
        path = _path(settings)
        with FileLock(f"{path}.lock", timeout=_PATIENCE):  # between what is read and written
            write_text(path, json.dumps(_read(path) | {by: found}, indent=1), "findings")


def findings(settings: Settings) -> list[Finding]:
    """Every check by whoever looked last, the worst first; nothing while nobody did."""
    newest: dict[str, Finding] = {}
    for by, one in _read(_path(settings)).items():
        # Of another release, or by another hand.
        with suppress(ValueError, KeyError, TypeError, OverflowError):
            at = datetime.fromisoformat(one["at"]).astimezone(UTC)
            for name, state, words, advice in one["checks"]:
                found = Finding(Check(str(name), State(state), str(words), str(advice)), by, at)
                if name not in newest or newest[name].at <= at:
                    newest[name] = found
    worst = list(State)[::-1]
    return sorted(newest.values(), key=lambda found: worst.index(found.check.state))


def _path(settings: Settings) -> Path:
    return settings.home / "health.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        kept = plain(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
