"""What several scripts ask of their arguments before any work is done."""

import os
from datetime import datetime
from pathlib import Path

import typer

FIRST_DAY = datetime(1926, 7, 1)  # nothing is known before the first portfolio return


def checked_day(day: datetime | None, option: str) -> datetime | None:
    """A day on which something could be known, or a usage error that names the option."""
    if day is not None and not FIRST_DAY <= day <= datetime.now():
        raise typer.BadParameter(
            f"{option} {day:%Y-%m-%d} must lie between {FIRST_DAY:%Y-%m-%d} and today."
        )
    return day


def checked_output(path: Path | None, option: str) -> Path | None:
    """A file that can be written, said before the work and not after it."""
    from regime.exceptions import ConfigError

    if path is None:
        return None
    folder = path.absolute().parent
    if path.is_dir():
        raise ConfigError(f"{option} {path} is a folder. Give the name of a file.")
    if not folder.is_dir():
        raise ConfigError(f"{option} {path}: there is no folder {folder}.")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise ConfigError(f"{option} {path} may not be written. Choose another place.")
    return path


def checked_withholding(given: list[str] | None, *, is_demo: bool) -> dict[str, int]:
    """SERIES or SERIES:SESSIONS by series, or a usage error that shows how it is written."""
    if given and not is_demo:
        raise typer.BadParameter("--withhold rehearses a bad day and goes with --source demo only.")
    withheld = {}
    for one in given or []:
        name, _, sessions = one.partition(":")
        if not name or not (sessions or "1").isdigit() or int(sessions or 1) < 1:
            raise typer.BadParameter(
                f"--withhold {one!r} must be SERIES or SERIES:SESSIONS, as in RSP or DGS10:2."
            )
        withheld[name] = int(sessions or 1)
    return withheld
