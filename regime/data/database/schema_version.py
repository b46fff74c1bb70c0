"""Which version of its tables a store has, and how it gets the newest."""

from pathlib import Path

import sqlalchemy as sa

from regime.data.database.base import ELSEWHERE, Database
from regime.data.database.sqlite import SqliteFile
from regime.exceptions import StoreError

VERSIONS = ("0001", "0002", "0003")  # of `regime/data/database/migrations/versions`, oldest first
NEWEST = VERSIONS[-1]
_FIRST_TABLES = {"observation", "fetch"}


def version_of(connection: sa.Connection, database: Database) -> str | None:
    """Version of the tables there; None where there is no table at all.

    Raises
    ------
    StoreError
        If the database holds something else, or was written by a newer program.
    """
    names = set(sa.inspect(connection).get_table_names())
    if not names:
        return None
    version: str | None = None
    if "alembic_version" in names and "observation" in names:
        version = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    elif names == _FIRST_TABLES and database.dialect == "sqlite":
        written = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        version = "0001" if written == 1 else f"{written:04d}"
    if version is None:
        raise StoreError(
            f"{database} is a database, but no store of observations: it holds "
            f"{', '.join(sorted(names)[:5])}. {ELSEWHERE}, or give another database."
        )
    if version not in VERSIONS:
        raise StoreError(
            f"The store {database} has schema version {version}, written by a newer program than "
            f"this one, which knows {NEWEST}. Install the newer one. {ELSEWHERE}, if not."
        )
    return version


def upgrade(connection: sa.Connection, found: str | None) -> None:
    """Bring the tables to the newest version, in the transaction of this connection."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    if found == "0001":
        command.stamp(config, "0001")
    command.upgrade(config, "head")


def back_up(database: Database, found: str) -> Path | None:
    """A copy of a SQLite store beside it, before its tables change; None on a server.

    A server's own transaction keeps its old tables whole until the new ones are.
    """
    target = back_up_path(database, found)
    if target is not None and isinstance(database, SqliteFile):
        database.copy_to(target)
    return target


def back_up_path(database: Database, found: str | None) -> Path | None:
    """Where `back_up` puts the copy of tables of this version."""
    if not isinstance(database, SqliteFile):
        return None
    return database.path.with_name(f"{database.path.name}.version-{found}")
