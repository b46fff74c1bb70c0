"""Whether a store is what it should be: its pages whole, every row there, none of nobody.

A value that was changed past the triggers that guard it, or by a failing disk, leaves no
trace here; that the triggers are gone does. Of the ledger only the links are looked at here;
`regime ledger verify` computes every hash again.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from regime.data.database import schema
from regime.data.database.base import Database
from regime.data.database.schema_version import NEWEST, version_of
from regime.data.database.writing import names_in

_GUARDED = ("series", "source", "observation", "quarantine", "ruling", "fetch_log", "ledger")
_LARGEST = 1.7976931348623157e308  # beyond it is infinity, and for PostgreSQL what is no number


def faults(database: Database) -> list[str]:
    """What is wrong, one line each; nothing where the store is sound.

    Reads every page and every row. A store that does not exist yet is sound.

    Raises
    ------
    StoreError
        If the database cannot be read at all, or holds something else.
    """
    if not database.exists():
        return []
    if found := database.faults():
        return [" ".join(words.split()) for words in found]
    with database.transaction() as connection:
        version = version_of(connection, database)
        if version is None:
            return []
        if version != NEWEST:
            return [
                f"Its tables are of version {version}, not {NEWEST}: run `regime store upgrade`."
            ]
        return [
            *_rows_of_nobody(connection),
            *_rows_without_a_log(connection),
            *_impossible_rows(connection),
            *_broken_links(connection),
            *_unguarded(connection, database),
        ]


def _rows_of_nobody(connection: sa.Connection) -> Iterator[str]:
    for kind, names in (("series", schema.SERIES), ("source", schema.SOURCE)):
        for table in (schema.OBSERVATION, schema.QUARANTINE, schema.RULING, schema.FETCH):
            if kind in table.c:
                nobody = table.c[kind].not_in(sa.select(names.c.id))
                rows = connection.scalar(sa.select(sa.func.count()).where(nobody))
                if rows:
                    yield f"{rows:,} rows of the table {table.name} are of a {kind} without a name."


def _rows_without_a_log(connection: sa.Connection) -> Iterator[str]:
    """Series whose rows are not as many as the log of fetches says were added."""
    o, f = schema.OBSERVATION.c, schema.FETCH.c
    logged = sa.select(f.series, sa.func.sum(f.rows_added)).group_by(f.series)
    stored = sa.select(o.series, sa.func.count()).group_by(o.series)
    said, there = (
        {series: int(rows) for series, rows in connection.execute(query)}
        for query in (logged, stored)
    )
    names = {at: name for name, at in names_in(connection, schema.SERIES).items()}
    for series in sorted(said.keys() | there.keys()):
        if (rows := there.get(series, 0)) != (added := said.get(series, 0)):
            name = names.get(series, f"number {series}")
            yield f"Series {name} has {rows:,} rows, but the fetches logged added {added:,}."


def _impossible_rows(connection: sa.Connection) -> Iterator[str]:
    of, waiting = schema.OBSERVATION.c, schema.QUARANTINE.c
    checks = {
        "rows show before they were known": of.seen_at < of.known_at,
        "values are no finite numbers": sa.func.abs(of.value) > _LARGEST,
        "values in quarantine are no finite numbers": sa.func.abs(waiting.value) > _LARGEST,
    }
    for words, condition in checks.items():
        if rows := connection.scalar(sa.select(sa.func.count()).where(condition)):
            yield f"{rows:,} {words}."


def _broken_links(connection: sa.Connection) -> Iterator[str]:
    """Places where a row of the ledger does not follow from the one before it."""
    row, before = schema.LEDGER, schema.LEDGER.alias("before")
    query = sa.select(row.c.seq).select_from(
        row.outerjoin(before, before.c.seq == row.c.seq - 1)
    ).where(
        sa.case(
            (row.c.seq == 1, row.c.previous != "0" * 64),
            else_=sa.func.coalesce(before.c.hash, "") != row.c.previous,
        )
    ).order_by(row.c.seq)  # fmt: skip
    for seq in connection.execute(query).scalars():
        yield f"Row {seq:,} of the ledger does not follow from the row before it."


def _unguarded(connection: sa.Connection, database: Database) -> Iterator[str]:
    """Tables whose rows could be changed, their triggers gone."""
    if database.dialect == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        endings = ["no_UPDATE", "no_DELETE"]
    else:
        query = (
            "SELECT t.tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid "
            "WHERE t.tgenabled IN ('O', 'A') AND c.relnamespace = current_schema()::regnamespace"
        )
        endings = ["only_additions"]
    there = set(connection.exec_driver_sql(query).scalars())
    for table in _GUARDED:
        if gone := [name for name in (f"{table}_{end}" for end in endings) if name not in there]:
            yield f"Rows of the table {table} can be changed: without trigger {', '.join(gone)}."
