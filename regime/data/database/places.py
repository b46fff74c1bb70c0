"""Which database an address means."""

import re
from importlib.util import find_spec
from pathlib import Path

from regime.data.database.base import Database
from regime.data.database.sqlite import SqliteFile
from regime.exceptions import StoreError


def database_at(location: Path | str) -> Database:
    """The database of a file name, or of an address `postgresql://user@host/name`."""
    if isinstance(location, Path) or not re.match(r"[a-z0-9+]+://", location):
        return SqliteFile(Path(location))
    if re.match(r"postgres(ql)?(\+psycopg)?://", location):
        if find_spec("psycopg") is None:
            raise StoreError(
                "REGIME_DATABASE_URL names a PostgreSQL server, whose driver is not installed. Run "
                "pip install 'equity-leadership-regime[postgres]', or leave it empty for SQLite in "
                "REGIME_HOME."
            )
        from regime.data.database.postgres import Postgres  # 10 MB that a file can spare

        return Postgres(location)
    kind = location.partition("://")[0]
    raise StoreError(
        f"REGIME_DATABASE_URL needs an address postgresql://USER:PASSWORD@HOST/NAME, but begins "
        f"with {kind}://. Leave it empty for SQLite in REGIME_HOME."
    )
