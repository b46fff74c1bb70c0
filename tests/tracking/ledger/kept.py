"""Days of a week, how they are published, and everything a ledger has."""

import pandas as pd
import pytest
from ledgered import evening, rows

from regime.data.store import ObservationStore
from regime.tracking.ledger import Ledger

MONDAY, TUESDAY, FRIDAY = "2024-06-03", "2024-06-04", "2024-06-07"
# The same statements on both: on PostgreSQL under `long`.
long_on_postgres = pytest.mark.parametrize(
    "new_store", ["sqlite", pytest.param("postgres", marks=pytest.mark.long)], indirect=True
)


def publish(ledger: Ledger, day: str, **values) -> pd.DataFrame:
    return ledger.append(rows(day, **values), published_at=evening(day))


def everything(ledger: Ledger) -> pd.DataFrame:
    found = ledger.read(role=None, newest_only=False)
    return found.sort_values("seq", ignore_index=True)


def past_the_guard(store: ObservationStore, *changes: str) -> None:
    """As somebody would who may do anything: change rows, and put the guard back."""
    with store.database.transaction(write=True) as connection:
        run = connection.exec_driver_sql
        if store.database.dialect == "postgresql":
            run("ALTER TABLE ledger DISABLE TRIGGER USER")
        else:
            guards = run("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' "
                         "AND tbl_name = 'ledger'").all()  # fmt: skip
            for name, _ in guards:
                run(f"DROP TRIGGER {name}")
        for change in changes:
            run(change)
        if store.database.dialect == "postgresql":
            run("ALTER TABLE ledger ENABLE TRIGGER USER")
        else:
            for _, sql in guards:
                run(sql)
