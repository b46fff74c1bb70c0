"""Every fault that can be planted past the store is found, and a sound store has none."""

import pandas as pd
import pytest
from observed import FETCHED, LATER, TWO_DAYS, frame, many

from regime.data.database.integrity import faults
from regime.data.store import ObservationStore
from regime.exceptions import StoreError

TABLES = ["series", "source", "observation", "quarantine", "ruling", "fetch_log", "ledger"]
INFINITE = {"sqlite": "9e999", "postgresql": "'Infinity'::float8"}


@pytest.fixture
def filled(store) -> ObservationStore:
    """Rows, a revision and a doubtful value that was ruled on."""
    doubtful = frame([("IWM", "2024-01-04", "2024-01-04 21:00", 1.0)]).assign(reason="a slip")
    closes = frame([("OEF_close", "2024-01-03", "2024-01-03 21:00", 9.0)], source="yahoo")
    rows = pd.concat([TWO_DAYS, closes], ignore_index=True)
    store.append(rows, fetched_at=FETCHED, doubtful=doubtful, looked=True)
    store.append(TWO_DAYS.assign(value=[100.0, 99.0]), fetched_at=LATER)
    store.accept("IWM", pd.Timestamp("2024-01-04"), why="I looked it up", at=LATER)
    return store


def plant(store: ObservationStore, *statements: str) -> None:
    """As somebody with a database client would."""
    with store.database.transaction(write=True) as connection:
        for sql in statements:
            connection.exec_driver_sql(sql)


def past_the_guard(store: ObservationStore, table: str, change: str) -> None:
    """Change rows and put the guard back, so that only the rows can tell."""
    if store.database.dialect == "postgresql":
        guard = f"ALTER TABLE {table} {{}} TRIGGER USER"
        plant(store, guard.format("DISABLE"), change, guard.format("ENABLE"))
        return
    names = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}'"
    with store.database.transaction(write=True) as connection:
        guards = connection.exec_driver_sql(names).all()
        for name, _ in guards:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql(change)
        for _, sql in guards:
            connection.exec_driver_sql(sql)


def test_a_store_filled_by_its_own_means_is_sound(filled):
    assert faults(filled.database) == []
    filled.append(many(500, 1.0), fetched_at=LATER + pd.Timedelta(days=1))
    assert faults(filled.database) == []


def test_a_store_that_is_not_there_or_holds_nothing_but_doubts_is_sound(store):
    assert faults(store.database) == []
    doubtful = TWO_DAYS.assign(reason="a slip")
    store.append(TWO_DAYS.iloc[:0], fetched_at=FETCHED, doubtful=doubtful)
    assert faults(store.database) == []


def test_every_table_whose_guard_is_gone_is_named(filled):
    sqlite, told = filled.database.dialect == "sqlite", []
    for table in TABLES:
        gone = f"{table}_no_DELETE" if sqlite else f"{table}_only_additions"
        plant(filled, f"DROP TRIGGER {gone}" + ("" if sqlite else f" ON {table}"))
        told.append(f"Rows of the table {table} can be changed: without trigger {gone}.")
        assert faults(filled.database) == told


def test_a_guard_of_another_name_guards_nothing(filled):
    if filled.database.dialect == "postgresql":
        plant(filled, "ALTER TABLE ruling DISABLE TRIGGER ruling_only_additions")
    else:
        plant(filled, "DROP TRIGGER ruling_no_UPDATE",
              "CREATE TRIGGER mine AFTER UPDATE ON ruling BEGIN SELECT 1; END")  # fmt: skip
    (told,) = faults(filled.database)
    assert told.startswith("Rows of the table ruling can be changed: without trigger ruling_")


def test_a_row_that_was_removed_is_missed_by_the_name_of_its_series(filled):
    past_the_guard(filled, "observation", "DELETE FROM observation WHERE value = 101.5")
    assert faults(filled.database) == [
        "Series OEF has 2 rows, but the fetches logged added 3."
    ]  # fmt: skip


def test_a_series_whose_rows_are_all_gone_is_missed(filled):
    past_the_guard(filled, "observation", "DELETE FROM observation WHERE value = 9.0")
    assert faults(filled.database) == [
        "Series OEF_close has 0 rows, but the fetches logged added 1."
    ]


def test_a_row_that_no_fetch_brought_is_found(filled):
    plant(filled, "INSERT INTO observation VALUES (1, 1, 1, 1, 1, 1.0, 1)")
    assert len(faults(filled.database)) == 1
    assert "rows, but the fetches logged added" in faults(filled.database)[0]


def test_rows_of_a_series_or_source_without_a_name_are_counted(filled):
    plant(filled, "INSERT INTO observation VALUES (99, 1, 1, 1, 1, 1.0, 98)")
    assert faults(filled.database) == [
        "1 rows of the table observation are of a series without a name.",
        "1 rows of the table observation are of a source without a name.",
        "Series number 99 has 1 rows, but the fetches logged added 0.",
    ]


@pytest.mark.parametrize("table", ["quarantine", "ruling", "fetch_log"])
def test_so_they_are_in_every_other_table(filled, table):
    past_the_guard(filled, table, f"UPDATE {table} SET series = 99")
    assert any(
        f"rows of the table {table} are of a series without a name" in line
        for line in faults(filled.database)
    )


def test_a_name_that_was_removed_is_missed(filled):
    past_the_guard(filled, "source", "DELETE FROM source WHERE name = 'yahoo'")
    assert faults(filled.database) == [
        "1 rows of the table observation are of a source without a name.",
        "3 rows of the table fetch_log are of a source without a name.",
    ]


@pytest.mark.parametrize("table", ["observation", "quarantine"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_a_value_that_is_infinite_is_found(filled, table, sign):
    infinite = sign + INFINITE[filled.database.dialect]
    past_the_guard(filled, table, f"UPDATE {table} SET value = {infinite}")
    words = "values" if table == "observation" else "values in quarantine"
    assert len(faults(filled.database)) == 1
    assert f" {words} are no finite numbers." in faults(filled.database)[0]


def test_a_value_that_is_no_number_is_found_where_the_database_can_hold_it(filled):
    if filled.database.dialect == "postgresql":
        past_the_guard(filled, "observation", "UPDATE observation SET value = 'NaN'")
        assert "5 values are no finite numbers." in faults(filled.database)
    else:
        with pytest.raises(StoreError, match="NOT NULL"):
            past_the_guard(filled, "observation", "UPDATE observation SET value = 9e999 - 9e999")


def test_the_largest_number_is_a_number(store):
    largest = TWO_DAYS.assign(value=[1.7976931348623157e308, -1.7976931348623157e308])
    store.append(largest, fetched_at=FETCHED)
    assert faults(store.database) == []


def test_a_row_that_shows_before_it_was_known_is_found(filled):
    past_the_guard(filled, "observation", "UPDATE observation SET seen_at = known_at - 1")
    assert faults(filled.database) == ["5 rows show before they were known."]


def test_tables_of_an_older_version_are_told_and_how_to_upgrade_them(filled):
    plant(filled, "UPDATE alembic_version SET version_num = '0001'")
    assert faults(filled.database) == [
        "Its tables are of version 0001, not 0003: run `regime store upgrade`."
    ]


@pytest.mark.parametrize("where", [0, 8, 100, 1000])
def test_broken_pages_are_told_in_one_line_each(tmp_path, where):
    store = ObservationStore(tmp_path / "observations.db")
    store.append(many(20_000, 1.0), fetched_at=FETCHED)
    assert faults(store.database) == []
    with store.database.path.open("r+b") as file:
        file.seek(4096 * 40 + where)
        file.write(b"\xaa" * 100)
    try:
        found = faults(store.database)
    except StoreError as error:  # too broken even to be looked through
        found = [str(error)]
        assert where == 0
    assert found
    assert not any("\n" in line for line in found)
