"""Whether a store is what it should be: every row there, none altered, none of nobody."""

from typing import Any

import sqlalchemy as sa

from regime.data import schema
from regime.data.database import Database
from regime.data.schema_version import NEWEST, version_of

_GUARDED = ("series", "source", "observation", "quarantine", "ruling", "fetch_log")


def faults(database: Database) -> list[str]:
    """What is wrong, a sentence each; nothing where the store is sound.

    Reads every page and every row. A store that does not exist yet is sound.

    Raises
    ------
    StoreError
        If the database cannot be read at all.
    """
    if not database.exists():
        return []
    found = database.faults()
    if found:
        return found
    with database.transaction() as connection:
        version = version_of(connection, database)
        if version is None:
            return []
        if version != NEWEST:
            return [
                f"its tables are of version {version}, not {NEWEST}: run `regime store upgrade`"
            ]
        return [
            words
            for words, query in _CHECKS.items()
            if connection.scalar(query)
        ] + _unguarded(connection, database)  # fmt: skip


def _unguarded(connection: sa.Connection, database: Database) -> list[str]:
    """Tables whose rows could be changed, their triggers gone."""
    if database.dialect == "sqlite":
        query = "SELECT tbl_name, count(*) FROM sqlite_master WHERE type = 'trigger' GROUP BY 1"
        wanted = 2  # against a change, and against a removal
    else:
        query = (
            "SELECT c.relname, count(*) FROM pg_trigger AS t JOIN pg_class AS c "
            "ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgenabled = 'O' "
            "AND c.relnamespace = current_schema()::regnamespace GROUP BY 1"
        )
        wanted = 1
    guards = {row[0]: row[1] for row in connection.exec_driver_sql(query)}
    return [
        f"the table {name} is not guarded against changes any more: its trigger is gone"
        for name in _GUARDED
        if guards.get(name, 0) < wanted
    ]


def _rows_of_nobody() -> sa.Select[Any]:
    o, s, p = schema.OBSERVATION, schema.SERIES, schema.SOURCE
    joined = o.outerjoin(s, s.c.id == o.c.series).outerjoin(p, p.c.id == o.c.source)
    missing = sa.or_(s.c.id.is_(None), p.c.id.is_(None))
    return sa.select(sa.func.count()).select_from(joined).where(missing)


def _uneven_counts() -> sa.Select[Any]:
    """Series whose rows are not those that the log of fetches says were added."""
    o, f = schema.OBSERVATION.c, schema.FETCH.c
    stored = sa.select(o.series, sa.func.count().label("rows")).group_by(o.series).subquery()
    logged = (
        sa.select(f.series, sa.func.sum(f.rows_added).label("rows")).group_by(f.series).subquery()
    )
    both = logged.outerjoin(stored, stored.c.series == logged.c.series)
    uneven = sa.func.coalesce(stored.c.rows, 0) != logged.c.rows
    unlogged = sa.select(stored.c.series).where(stored.c.series.not_in(sa.select(logged.c.series)))
    counted = sa.select(sa.func.count()).select_from(both).where(uneven).scalar_subquery()
    extra = sa.select(sa.func.count()).select_from(unlogged.subquery()).scalar_subquery()
    return sa.select(counted + extra)


_OF = schema.OBSERVATION.c
_CHECKS: dict[str, sa.Select[Any]] = {
    "some rows belong to no series or source that has a name": _rows_of_nobody(),
    "some rows are not those that the log of fetches says were added": _uneven_counts(),
    "some rows show before they were known": sa.select(sa.func.count()).where(
        _OF.seen_at < _OF.known_at
    ),
    "some values are no finite numbers": sa.select(sa.func.count()).where(
        sa.or_(_OF.value.is_(None), sa.func.abs(_OF.value) > 1.7976931348623157e308)
    ),
}
