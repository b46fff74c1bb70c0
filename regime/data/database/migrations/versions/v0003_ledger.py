"""A ledger of every probability published; rows are only ever added, as everywhere."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table; no other is touched."""
    op.create_table(
        "ledger",
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
    first = sa.text("corrects IS NULL")
    op.create_index(
        "ix_ledger_published_once",
        "ledger",
        ["baskets", "date", "horizon", "role"],
        unique=True,
        sqlite_where=first,
        postgresql_where=first,
    )
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER ledger_no_{change} BEFORE {change} ON ledger "
                f"BEGIN SELECT RAISE(ABORT, 'rows are only ever added'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER ledger_only_additions BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger "
        "FOR EACH STATEMENT EXECUTE FUNCTION only_additions()"
    )
