"""What MLflow knows of versions and runs, as one file that is read without it.

The app must start in a second and in little memory, so it never imports MLflow: every command
that changes the registry, or logs runs, writes here what there is to show.
"""

from pathlib import Path
from typing import Any

from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking.kept import plain

SCHEMA = 1
WHOLE = {"as_of", "model", "champion", "challenger", "former", "versions", "runs", "tried"}


def load_roster(settings: Settings) -> dict[str, Any] | None:
    """What `keep_roster` wrote last; None if nothing was ever kept. Imports no MLflow.

    Raises
    ------
    StoreError
        If it cannot be read, or is of another program.
    """
    path = roster_path(settings)
    try:
        told = dict(plain(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"The list of versions and runs in {path} cannot be read ({error}). `regime run` "
            "writes it anew; so do retrain, promote and compare."
        ) from error
    if told.get("schema") != SCHEMA:
        raise StoreError(
            f"The list of versions and runs in {path} has schema {told.get('schema')}; this "
            f"program reads {SCHEMA}. `regime run` writes it anew."
        )
    if missing := sorted(WHOLE - told.keys()):
        raise StoreError(
            f"The list of versions and runs in {path} lacks {', '.join(missing)}. `regime run` "
            "writes it anew."
        )
    return told


def roster_path(settings: Settings) -> Path:
    """Where it is kept."""
    return settings.published / "roster.json"
