"""A change past the triggers is found, by the chain or by an anchor."""

import time

import numpy as np
import pandas as pd
import pytest
from ledgered import evening, observed, rows
from tracked import tracked
from tracking.ledger.kept import MONDAY, everything, long_on_postgres, past_the_guard, publish

from regime.data.calendar import trading_days
from regime.data.database import integrity
from regime.data.database.schema import LEDGER
from regime.exceptions import StoreError
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.anchors import anchors
from regime.tracking.chain import Head, row_hash
from regime.tracking.ledger import COLUMNS, Ledger
from regime.tracking.mlflow_client import client
from regime.tracking.operations import HEAD, log_operation

# A change past the triggers ----------------------------------------------------------------

CHANGES = {
    "mega_cap_led": "mega_cap_led + 1e-16",
    "call": "'small_cap_led'",
    "simulated": "{true}",
    "published_at": "published_at - 1",
    "corrects": "1",
    "why": "''",
    "model_version": "model_version || ' '",
    "previous": "hash",
    "hash": "previous",
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_change_past_the_triggers_is_found_with_its_row(week, column):
    before = everything(week)
    true = {"sqlite": "1", "postgresql": "true"}[week.store.database.dialect]
    # 1e-16 is lost beside a large probability: the row with the smallest one
    at = int(before["mega_cap_led"].iloc[:14].argmin()) + 1
    value = CHANGES[column].format(true=true)
    past_the_guard(week.store, f"UPDATE ledger SET {column} = {value} WHERE seq = {at}")
    found = week.faults()
    assert any(f"row {at} (of 2024-06-" in line for line in found)
    if column not in {"previous", "hash"}:
        assert len(found) == 1
    assert (integrity.faults(week.store.database) != []) == (column in {"previous", "hash"})


@pytest.mark.parametrize("new_store", ["sqlite"], indirect=True)  # PostgreSQL has a type for truths
def test_a_truth_that_is_neither_is_found(new_store):
    ledger = Ledger(observed(new_store(), "demo"))
    publish(ledger, MONDAY, simulated=True)
    past_the_guard(ledger.store, "UPDATE ledger SET simulated = 2 WHERE seq = 2")
    assert len(ledger.faults()) == 1


def test_a_row_taken_out_or_written_past_the_program_is_found(week):
    past_the_guard(week.store, "DELETE FROM ledger WHERE seq = 7")
    assert [line.split(",")[0] for line in week.faults()] == ["The ledger has a gap: row 7 missing"]
    assert integrity.faults(week.store.database) == [
        "Row 8 of the ledger does not follow from the row before it."
    ]
    columns = ", ".join(COLUMNS[1:]).replace("date,", "date + 9,")
    past_the_guard(week.store, f"INSERT INTO ledger SELECT 16, {columns} FROM ledger WHERE seq = 1")
    assert any("row 16" in line for line in week.faults())


def test_a_ledger_rebuilt_with_every_hash_is_found_by_an_anchor_only(week):
    head = week.head()
    forged = everything(week)
    previous, updates = "0" * 64, []
    with week.store.looking() as connection:
        kept = [dict(row) for row in connection.execute(LEDGER.select()).mappings()]
    for row in sorted(kept, key=lambda row: row["seq"]):
        row |= {"call": "mega_cap_led", "previous": previous}
        previous = row_hash(row)
        updates.append(
            f"UPDATE ledger SET call = 'mega_cap_led', previous = '{row['previous']}', "
            f"hash = '{previous}' WHERE seq = {row['seq']}"
        )
    past_the_guard(week.store, *updates)
    assert set(forged["call"]) != set(everything(week)["call"])
    assert week.faults() == []
    assert integrity.faults(week.store.database) == []
    (told,) = week.faults([head])
    assert told.startswith("The ledger was cut off or rebuilt: row 15 had hash ")


def test_a_tail_that_was_cut_off_is_found_by_an_anchor_only(week):
    head = week.head()
    past_the_guard(week.store, "DELETE FROM ledger WHERE seq > 12")
    assert week.faults() == []
    (told,) = week.faults([head])
    assert told.endswith("is not there now (the last one is 12).")
    past_the_guard(week.store, "DELETE FROM ledger")
    assert week.faults([head])[0].endswith("is not there now (the last one is 0).")


def test_a_guard_that_is_gone_is_told_by_the_store(week):
    sqlite = week.store.database.dialect == "sqlite"
    gone = "ledger_no_UPDATE" if sqlite else "ledger_only_additions"
    with week.store.database.transaction(write=True) as connection:
        connection.exec_driver_sql(f"DROP TRIGGER {gone}" + ("" if sqlite else " ON ledger"))
    assert integrity.faults(week.store.database) == [
        f"Rows of the table ledger can be changed: without trigger {gone}."
    ]


@long_on_postgres
def test_sixty_years_are_verified_in_seconds(new_store):
    ledger = Ledger(observed(new_store()))
    days = trading_days(pd.Timestamp("1964-01-02"), pd.Timestamp("2024-05-31"))
    one = rows(MONDAY)
    proba = np.random.default_rng(0).dirichlet(np.ones(3), 3 * len(days))
    history = one.loc[np.tile([0, 1, 2], len(days))].assign(date=days.repeat(3))
    history[list(REGIMES)] = proba
    assert len(ledger.append(history, published_at=evening(MONDAY))) == 3 * len(days)
    head = ledger.head()
    start = time.perf_counter()
    assert ledger.faults([head]) == []
    took = time.perf_counter() - start
    print(f"{head.seq:,} rows verified in {took:.1f} s")
    assert took < 20


# Anchors -----------------------------------------------------------------------------------


def test_anchors_are_the_heads_that_runs_were_tagged_with_deleted_ones_too(
    tmp_path, tmp_path_factory
):
    where = Settings(home=tmp_path / "home")
    assert anchors(where) == []
    assert not where.home.exists()
    where = tracked(where.home, tmp_path_factory)
    heads = [Head(number, f"{number:x}" * 64) for number in (3, 6, 9)]
    runs = [log_operation(where, "day", tags={HEAD: str(head)}, metrics={}) for head in heads]
    log_operation(where, "day", tags={HEAD: str(heads[0])}, metrics={})
    log_operation(where, "a look", tags={}, metrics={})
    client(where).delete_run(runs[1])
    assert anchors(where) == heads
    client(where).set_tag(runs[2], HEAD, "9")
    with pytest.raises(StoreError, match=rf"Tag ledger_head of the run {runs[2]}: An anchor"):
        anchors(where)
