"""Which database an address means."""

import re
from pathlib import Path

from regime.data.database.base import Database
from regime.data.database.sqlite import SqliteFile
from regime.exceptions import StoreError


def database_at(location: Path | str) -> Database:
    """The database of a file name, or of an address `postgresql://user@host/name`."""
    if isinstance(location, Path) or not re.match(r"[a-z0-9+]+://", location):
        return SqliteFile(Path(location))
    if re.match(r"postgres(ql)?(\+psycopg)?://", location):
        from regime.data.database.postgres import Postgres  # 10 MB that a file can spare

        return Postgres(location)
    kind = location.partition("://")[0]
    raise StoreError(
        f"REGIME_DATABASE_URL needs an address postgresql://USER:PASSWORD@HOST/NAME, but begins "
        f"with {kind}://. Leave it empty for SQLite in REGIME_HOME."
    )
