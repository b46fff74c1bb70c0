"""Observations clustered by series; a quarantine; what each fetch saw of each series."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = ("series", "source", "observation", "quarantine", "ruling", "fetch_log")


def upgrade() -> None:
    """Move the rows of release 0.1 over; none is lost or changed."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:  # its rows are append-only by trigger; dropping the table drops those too
        for name in ("observation", "fetch"):
            for change in ("UPDATE", "DELETE"):
                op.execute(f"DROP TRIGGER IF EXISTS {name}_no_{change}")
    op.rename_table("observation", "observation_1")
    for name in ("series", "source"):
        op.create_table(
            name,
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("name", sa.Text, nullable=False, unique=True),
        )
        op.execute(
            f"INSERT INTO {name} (id, name) SELECT row_number() OVER (ORDER BY {name}), {name} "  # noqa: S608
            f"FROM (SELECT DISTINCT {name} FROM observation_1) AS names"
        )
    op.create_table(
        "observation",
        sa.Column("series", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("period", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("known_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("fetched_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("source", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    order = "rowid" if sqlite else "ctid"  # release 0.1 kept rows in the order they came
    # Two rows of one fetch second become a second apart. History of a series' first fetch
    # was known by its lag, whatever came later from the fetch on.
    op.execute(
        f"""
        INSERT INTO observation (series, period, known_at, fetched_at, seen_at, value, source)
        SELECT s.id, o.period, o.known_at,
            o.fetched_at - 1 + row_number() OVER (
                PARTITION BY o.series, o.period, o.known_at, o.fetched_at ORDER BY o.{order}),
            CASE WHEN o.fetched_at = f.first OR o.known_at > o.fetched_at THEN o.known_at
                ELSE o.fetched_at END,
            o.value, p.id
        FROM observation_1 AS o
        JOIN series AS s ON s.name = o.series
        JOIN source AS p ON p.name = o.source
        JOIN (SELECT series, min(fetched_at) AS first FROM observation_1 GROUP BY series) AS f
            ON f.series = o.series
        """  # noqa: S608
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("series", sa.Integer, nullable=False),
        sa.Column("period", sa.Integer, nullable=False),
        sa.Column("known_at", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("source", sa.Integer, nullable=False),
        sa.Column("fetched_at", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "ruling",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("series", sa.Integer, nullable=False),
        sa.Column("period", sa.Integer, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("ruled_at", sa.BigInteger, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_table(
        "fetch_log",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("fetched_at", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Integer, nullable=False),
        sa.Column("series", sa.Integer, nullable=False),
        sa.Column("first_period", sa.Integer, nullable=False),
        sa.Column("last_period", sa.Integer, nullable=False),
        sa.Column("rows_seen", sa.Integer, nullable=False),
        sa.Column("rows_added", sa.Integer, nullable=False),
        sa.Column("looked", sa.Boolean, nullable=False),
    )
    op.create_index("ix_fetch_log_series", "fetch_log", ["series"])
    op.execute(
        """
        INSERT INTO fetch_log (fetched_at, source, series, first_period, last_period, rows_seen,
            rows_added, looked)
        SELECT fetched_at, source, series, min(period), max(period), count(*), count(*), false
        FROM observation GROUP BY fetched_at, source, series ORDER BY fetched_at, source, series
        """
    )
    op.drop_table("observation_1")
    op.drop_table("fetch")
    _only_additions(sqlite)
    _readable_view(sqlite)


def _only_additions(sqlite: bool) -> None:
    if sqlite:
        for name in TABLES:
            for change in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {name}_no_{change} BEFORE {change} ON {name} "
                    f"BEGIN SELECT RAISE(ABORT, 'rows are only ever added'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION only_additions() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'rows are only ever added'; END $$"
    )
    for name in TABLES:
        op.execute(
            f"CREATE TRIGGER {name}_only_additions BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION only_additions()"
        )


def _readable_view(sqlite: bool) -> None:
    """Names and dates in words, for whoever reads the database with SQL."""
    if sqlite:
        day, moment = "date(o.period * 86400, 'unixepoch')", "datetime(o.{}, 'unixepoch')"
    else:
        day = "(date '1970-01-01' + o.period)"
        moment = "(to_timestamp(o.{}) AT TIME ZONE 'UTC')"
    moments = ", ".join(f"{moment.format(m)} AS {m}" for m in ("known_at", "fetched_at", "seen_at"))
    op.execute(
        f"CREATE VIEW observation_in_words AS SELECT s.name AS series, {day} AS period, "  # noqa: S608
        f"o.value, p.name AS source, {moments} FROM observation AS o "
        f"JOIN series AS s ON s.id = o.series JOIN source AS p ON p.id = o.source"
    )
