"""Tables of the store, as the newest migration leaves them.

Names of series and sources are kept once. Observations are clustered by series, period and
publication, so that a panel reads only the series it asks for, in order. Dates are
integers: `period` in days since 1970-01-01, moments in seconds since 1970-01-01 UTC.
"""

import sqlalchemy as sa

METADATA = sa.MetaData()


def _names(table: str) -> sa.Table:
    return sa.Table(
        table,
        METADATA,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False, unique=True),
    )


SERIES = _names("series")
SOURCE = _names("source")

OBSERVATION = sa.Table(
    "observation",
    METADATA,
    sa.Column("series", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("period", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("known_at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("fetched_at", sa.BigInteger, primary_key=True, autoincrement=False),
    # From when a query "as of" may show the row: `known_at` for history brought by a first
    # import, else not before the fetch, so that a replay shows what this store knew.
    sa.Column("seen_at", sa.BigInteger, nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("source", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

QUARANTINE = sa.Table(
    "quarantine",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("series", sa.Integer, nullable=False),
    sa.Column("period", sa.Integer, nullable=False),
    sa.Column("known_at", sa.BigInteger, nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("source", sa.Integer, nullable=False),
    sa.Column("fetched_at", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

# A person's word that a quarantined value is right.
RULING = sa.Table(
    "ruling",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("series", sa.Integer, nullable=False),
    sa.Column("period", sa.Integer, nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("ruled_at", sa.BigInteger, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)

# What each fetch saw of each series, also when nothing was new: who looked, and how far back.
FETCH = sa.Table(
    "fetch_log",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("fetched_at", sa.BigInteger, nullable=False),
    sa.Column("source", sa.Integer, nullable=False),
    sa.Column("series", sa.Integer, nullable=False, index=True),
    sa.Column("first_period", sa.Integer, nullable=False),
    sa.Column("last_period", sa.Integer, nullable=False),
    sa.Column("rows_seen", sa.Integer, nullable=False),
    sa.Column("rows_added", sa.Integer, nullable=False),
    # Whether the publisher was asked, not a file that may be old.
    sa.Column("looked", sa.Boolean, nullable=False),
)

# Every probability ever published, each row holding the hash of the one before; what the
# columns mean is told in `regime.tracking.ledger`.
LEDGER = sa.Table(
    "ledger",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("date", sa.Integer, nullable=False),
    sa.Column("baskets", sa.Text, nullable=False),
    sa.Column("horizon", sa.Integer, nullable=False),
    sa.Column("mega_cap_led", sa.Double, nullable=False),
    sa.Column("broadening", sa.Double, nullable=False),
    sa.Column("small_cap_led", sa.Double, nullable=False),
    sa.Column("call", sa.Text, nullable=False),
    sa.Column("call_status", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("experiment", sa.Text, nullable=False),
    sa.Column("bundle_digest", sa.Text, nullable=False),
    sa.Column("panel_digest", sa.Text, nullable=False),
    sa.Column("code_version", sa.Text, nullable=False),
    sa.Column("simulated", sa.Boolean, nullable=False),
    sa.Column("known_at", sa.BigInteger, nullable=False),
    sa.Column("published_at", sa.BigInteger, nullable=False),
    sa.Column("corrects", sa.Integer),
    sa.Column("why", sa.Text),
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
# A day is published once, whoever writes past the program; what corrects it comes beside.
_FIRST = LEDGER.c.corrects.is_(None)
sa.Index(
    "ix_ledger_published_once",
    LEDGER.c.baskets, LEDGER.c.date, LEDGER.c.horizon, LEDGER.c.role,
    unique=True, sqlite_where=_FIRST, postgresql_where=_FIRST,
)  # fmt: skip
