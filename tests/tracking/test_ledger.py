"""What is published is kept to the bit, once, by one process, and cannot be changed unseen."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from both import all_examples, few_on_postgres
from hypothesis import given
from hypothesis import strategies as st
from ledgered import HORIZONS, evening, observed, rows
from postgres_server import PostgresServer, programs
from tracked import tracked

from regime.data.calendar import trading_days
from regime.data.database import integrity
from regime.data.database.schema import LEDGER
from regime.data.database.transfer import MANIFEST, export, restore
from regime.data.store import ObservationStore
from regime.exceptions import StoreError
from regime.scoring import State
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.anchors import anchors
from regime.tracking.chain import FIELDS, Head, row_hash
from regime.tracking.ledger import COLUMNS, GIVEN, Ledger, write_ledger
from regime.tracking.mlflow_client import client
from regime.tracking.operations import HEAD, log_operation

MONDAY, TUESDAY, FRIDAY = "2024-06-03", "2024-06-04", "2024-06-07"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server, or a skip that says what is missing."""
    if programs() is None:
        if os.environ.get("REQUIRE_POSTGRES") == "1":
            pytest.fail("REQUIRE_POSTGRES=1, but there is no initdb: install postgresql")
        pytest.skip("no PostgreSQL server is installed")
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def new_store(request, tmp_path_factory) -> Callable[..., ObservationStore]:
    """Makes stores with nothing in them."""
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        return lambda **options: ObservationStore(server.new_address(), **options)
    return lambda **options: ObservationStore(
        tmp_path_factory.mktemp("store") / "observations.db", **options
    )


# The same statements on both: on PostgreSQL under `long`.
long_on_postgres = pytest.mark.parametrize(
    "new_store", ["sqlite", pytest.param("postgres", marks=pytest.mark.long)], indirect=True
)


@pytest.fixture
def store(new_store) -> ObservationStore:
    return observed(new_store())


@pytest.fixture
def ledger(store) -> Ledger:
    return Ledger(store)


def five_days(ledger: Ledger) -> Ledger:
    for day in pd.bdate_range(MONDAY, FRIDAY):
        publish(ledger, f"{day:%Y-%m-%d}")
    return ledger


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Callable[[str], ObservationStore]:
    """A store of either kind with five days in its ledger, made once. To be copied only."""

    def write(place) -> ObservationStore:
        return five_days(Ledger(observed(ObservationStore(place)))).store

    @cache
    def of(kind: str, server: PostgresServer | None) -> ObservationStore:
        if server is not None:
            return write(server.new_database())
        return write(tmp_path_factory.mktemp("week") / "observations.db")

    return of


@pytest.fixture
def week(new_store, written, request, tmp_path_factory) -> Ledger:
    """Five days, each published in the evening."""
    if request.node.callspec.params["new_store"] == "postgres":
        server = request.getfixturevalue("postgres")
        whole = written("postgres", server)
        return Ledger(ObservationStore(server.new_database(whole.database.address)))
    copy = tmp_path_factory.mktemp("store") / "observations.db"
    written("sqlite", None).database.copy_to(copy)
    return Ledger(ObservationStore(copy))


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


# What goes in comes out --------------------------------------------------------------------

shares = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(
    lambda two: [min(two), max(two) - min(two), 1 - max(two)]
)
texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=9)
publication = st.fixed_dictionaries(
    {
        "day": st.dates(pd.Timestamp("1964-01-01").date(), pd.Timestamp("2060-01-01").date()),
        "shares": st.lists(shares, min_size=1, max_size=3),
        "call": st.sampled_from(REGIMES),
        "call_status": st.sampled_from(["confirmed", "contested", "handover", "provisional"]),
        "state": st.sampled_from(["PUBLISHED", "DEGRADED"]),
        "role": st.sampled_from(["champion", "former"]),
        **dict.fromkeys(
            ["baskets", "model_version", "experiment", "panel_digest", "code_version"], texts
        ),
        "known_at": st.integers(-3_000_000_000, 4_000_000_000),
    }
)


any_publications = given(st.lists(publication, min_size=1, max_size=4))


@all_examples(10)
@any_publications
def test_what_is_published_is_read_back_to_the_bit_and_its_hashes_hold(new_store, said):
    ledger = Ledger(observed(new_store()))
    expected = []
    for number, one in enumerate(said):
        one = dict(one)
        proba = np.array(one.pop("shares"))
        known_at = pd.Timestamp(one.pop("known_at"), unit="s", tz="UTC")
        given_rows = rows(str(one.pop("day")), HORIZONS[: len(proba)], known_at=known_at, **one)
        given_rows[list(REGIMES)] = proba
        published = evening(MONDAY) + pd.Timedelta(seconds=number)
        added = ledger.append(given_rows, published_at=published)
        expected.append(given_rows.iloc[: len(added)].assign(published_at=published))
        if len(added):
            assert list(added["horizon"]) == list(given_rows["horizon"])
    whole = pd.concat(expected, ignore_index=True)
    back = everything(ledger)
    assert list(back.columns) == COLUMNS
    assert back["seq"].to_list() == list(range(1, len(whole) + 1))
    for name in [*GIVEN, "published_at"]:
        assert back[name].to_list() == whole[name].to_list(), name
    bits = whole[list(REGIMES)].to_numpy() + 0.0
    assert back[list(REGIMES)].to_numpy().tobytes() == bits.tobytes()
    assert ledger.faults([Head(row.seq, row.hash) for row in back.itertuples()]) == []
    assert integrity.faults(ledger.store.database) == []


@few_on_postgres(2)
@any_publications
def test_it_is_read_back_to_the_bit_on_postgres_too(new_store, said):
    test_what_is_published_is_read_back_to_the_bit_and_its_hashes_hold.hypothesis.inner_test(
        new_store, said
    )


def test_a_read_has_the_same_columns_and_types_before_and_after_the_first_day(new_store):
    nothing, empty = new_store(), new_store()
    observed(empty)
    ledger = Ledger(observed(new_store()))
    publish(ledger, MONDAY)
    types = ledger.read().dtypes
    assert types["date"] == "datetime64[us]"
    assert types["published_at"] == types["known_at"] == "datetime64[us, UTC]"
    assert types["corrects"] == "Int64"
    assert types["simulated"] == "bool"
    assert set(types[list(REGIMES)]) == {np.dtype("float64")}
    for store in (nothing, empty):
        found = Ledger(store).read()
        assert found.empty
        pd.testing.assert_series_equal(found.dtypes, types)
        assert Ledger(store).head() is None
        assert Ledger(store).last_day("funds") is None
        assert Ledger(store).faults() == []
    assert not nothing.schema_version()


@long_on_postgres
def test_a_probability_of_minus_zero_is_kept_as_zero(ledger):
    publish(ledger, MONDAY, mega_cap_led=-0.0, broadening=0.25, small_cap_led=0.75)
    assert not np.signbit(ledger.read()["mega_cap_led"]).any()
    assert ledger.faults() == []


def test_the_fields_that_are_hashed_are_the_columns_that_are_kept():
    assert [column.name for column in LEDGER.columns] == [*FIELDS, "hash"] == COLUMNS


@long_on_postgres
@pytest.mark.parametrize("state", State)
def test_a_row_has_the_state_of_a_day_that_has_numbers(ledger, state):
    if state is State.HELD:
        with pytest.raises(StoreError, match="an unknown state"):
            publish(ledger, MONDAY, state=state.value)
    else:
        assert len(publish(ledger, MONDAY, state=state.value)) == 3


@long_on_postgres
def test_a_read_asks_for_baskets_days_and_roles(week):
    publish(week, FRIDAY, role="former", seed=1)
    publish(week, FRIDAY, baskets="french")
    assert len(week.read()) == 18
    assert len(week.read(baskets="funds", since=pd.Timestamp("2024-06-06"))) == 6
    assert set(week.read(role="former")["role"]) == {"former"}
    assert len(week.read(role=None)) == 21
    assert week.last_day("funds") == pd.Timestamp(FRIDAY)
    assert week.last_day("elsewhere") is None
    assert week.read(baskets="elsewhere").empty
    head = week.head()
    assert head == Head(21, everything(week)["hash"].iloc[-1])


# A day is published once -------------------------------------------------------------------


def test_a_day_that_is_there_is_left_out_and_what_is_new_is_added(week):
    assert publish(week, FRIDAY, seed=1).empty
    both = pd.concat([rows(FRIDAY, seed=1), rows("2024-06-10")], ignore_index=True)
    added = week.append(both, published_at=evening("2024-06-10"))
    assert added["seq"].to_list() == [16, 17, 18]
    assert set(added["date"]) == {pd.Timestamp("2024-06-10")}
    assert week.append(both.iloc[:0], published_at=evening("2024-06-10")).empty
    assert len(week.read()) == 18


def test_the_database_itself_takes_a_day_only_once(week):
    again = "INSERT INTO ledger SELECT 99, {} FROM ledger WHERE seq = 1"
    with pytest.raises(StoreError, match=r"(?i)unique"):
        past_the_guard(week.store, again.format(", ".join(COLUMNS[1:])))
    with pytest.raises(StoreError, match=r"(?i)unique"):
        past_the_guard(week.store, "UPDATE ledger SET seq = 2 WHERE seq = 1")


@pytest.mark.parametrize("change", ["UPDATE ledger SET call = 'x'", "DELETE FROM ledger"])
def test_the_database_itself_lets_nobody_change_a_row(week, change):
    with (
        pytest.raises(StoreError, match="rows are only ever added"),
        week.store.database.transaction(write=True) as connection,
    ):
        connection.exec_driver_sql(change)


def test_a_correction_stands_beside_the_row_it_corrects_and_is_what_is_read(week):
    published_at = evening("2024-06-10")
    once = week.correct(rows(TUESDAY, seed=1), published_at=published_at, why=" a split ")
    twice = week.correct(rows(TUESDAY, (21,), seed=2), published_at=published_at, why="again")
    assert once["corrects"].to_list() == [4, 5, 6]
    assert twice["corrects"].to_list() == [17]  # the newest of its day
    assert set(once["why"]) == {"a split"}
    assert publish(week, TUESDAY, seed=3).empty
    tuesday = week.read(since=pd.Timestamp(TUESDAY)).head(3)
    assert tuesday["seq"].to_list() == [16, 19, 18]
    assert len(week.read()) == 15
    assert len(week.read(newest_only=False)) == 19
    assert week.faults() == []
    assert week.read()["why"].isna().sum() == 12


@long_on_postgres
def test_a_correction_of_nothing_or_for_no_reason_is_refused(week):
    with pytest.raises(StoreError, match=r"none of the funds baskets, 2024-06-10, 0 days ahead"):
        week.correct(rows("2024-06-10"), published_at=evening("2024-06-10"), why="so")
    half = pd.concat([rows(FRIDAY), rows("2024-06-10")], ignore_index=True)
    with pytest.raises(StoreError, match="needs a row that was published"):
        week.correct(half, published_at=evening("2024-06-10"), why="so")
    refusals = {"": "needs a reason", "  ": "needs a reason", "a\nb": "one line", "\0": "one line"}
    for why, words in refusals.items():
        with pytest.raises(StoreError, match=words):
            week.correct(rows(FRIDAY), published_at=evening("2024-06-10"), why=why)
    assert len(everything(week)) == 15


# What is refused ---------------------------------------------------------------------------


@long_on_postgres
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"broadening": np.nan}, "a probability that is not finite"),
        ({"broadening": np.inf}, "a probability that is not finite"),
        ({"mega_cap_led": -0.1, "broadening": 0.6, "small_cap_led": 0.5}, "a negative prob"),
        (
            {"mega_cap_led": 0.1, "broadening": 0.6, "small_cap_led": 0.3 + 1.5e-9},
            "do not sum to one",
        ),
        ({"call": "sideways"}, "an unknown call"),
        ({"call_status": "sure"}, "an unknown call_status"),
        ({"role": "guest"}, "an unknown role"),
        ({"panel_digest": None}, "a value that is missing"),
        ({"model_version": " "}, "needs some text in one line"),
        ({"experiment": "a\0b"}, "needs some text in one line"),
        ({"date": pd.Timestamp("2024-06-03 21:00")}, "no whole day"),
        ({"horizon": 21}, "one day twice"),
        ({"known_at": pd.Timestamp("2024-06-03")}, "`known_at` needs a time zone"),
        ({"date": pd.Timestamp("2024-06-03", tz="UTC")}, "without a time zone"),
        ({"seq": 1}, "too many or too few: seq"),
    ],
)
def test_a_row_that_is_not_right_is_refused_and_nothing_is_kept(ledger, values, words):
    good, bad = rows(MONDAY), rows(TUESDAY, **values)
    with pytest.raises(StoreError, match=words) as error:
        ledger.append(bad, published_at=evening(TUESDAY))
    assert "\n" not in str(error.value)
    if set(values) <= set(GIVEN) and bad.dtypes.equals(good.dtypes):
        with pytest.raises(StoreError):
            ledger.append(pd.concat([good, bad], ignore_index=True), published_at=evening(TUESDAY))
    assert ledger.read().empty


@long_on_postgres
def test_a_refusal_names_the_row_that_is_wrong(ledger):
    bad = rows(MONDAY, call=["broadening", "sideways", "broadening"])
    proba = bad[list(REGIMES)].to_numpy()[1].tolist()
    with pytest.raises(StoreError) as error:
        ledger.append(bad, published_at=evening(MONDAY))
    assert f"an unknown call: 2024-06-03, 21 days ahead, {proba}." in str(error.value)


@long_on_postgres
def test_a_frame_without_a_column_is_refused(ledger):
    with pytest.raises(StoreError, match="too few: code_version"):
        ledger.append(rows(MONDAY).drop(columns="code_version"), published_at=evening(MONDAY))


def test_simulated_rows_and_rows_of_the_market_never_share_a_ledger(new_store):
    real, simulated = observed(new_store()), observed(new_store(), "demo")
    for store, kind in ((real, True), (simulated, False)):
        with pytest.raises(StoreError, match="its ledger would mix both"):
            publish(Ledger(store), MONDAY, simulated=kind)
        with pytest.raises(StoreError, match="its ledger would mix both"):
            publish(Ledger(store), MONDAY, simulated=[True, False, True])
        assert len(publish(Ledger(store), MONDAY, simulated=not kind)) == 3
    with pytest.raises(StoreError, match="holds no observation"):
        publish(Ledger(new_store()), MONDAY)


@long_on_postgres
def test_a_clock_that_jumped_back_is_told_and_nothing_is_published(week):
    late = evening(FRIDAY) - pd.Timedelta(seconds=1)
    with pytest.raises(StoreError, match=r"clock jumped back: it says 2024-06-07 21:59:59 UTC, an"):
        week.append(rows("2024-06-10"), published_at=late)
    assert week.append(rows(FRIDAY, seed=1), published_at=late).empty  # nothing to publish
    assert len(week.append(rows("2024-06-10"), published_at=evening(FRIDAY))) == 3
    with pytest.raises(StoreError, match="time zone"):
        week.append(rows("2024-06-11"), published_at=pd.Timestamp("2024-06-11"))


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


# Copies ------------------------------------------------------------------------------------


def test_a_ledger_goes_along_with_an_exported_store_to_the_byte(week, new_store, tmp_path):
    week.correct(rows(FRIDAY, (21,), seed=1), published_at=evening(FRIDAY), why="a “split”")
    counted = export(week.store, tmp_path / "a")
    assert counted["ledger"] == 16
    other = Ledger(new_store())
    assert restore(other.store, tmp_path / "a") == counted
    pd.testing.assert_frame_equal(everything(other), everything(week), check_exact=True)
    assert other.faults([week.head()]) == []
    assert integrity.faults(other.store.database) == []
    export(other.store, tmp_path / "b")
    for file in ("ledger.parquet", MANIFEST):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert publish(other, FRIDAY).empty
    assert publish(other, "2024-06-10")["seq"].to_list() == [17, 18, 19]


@long_on_postgres
def test_an_export_of_before_there_was_a_ledger_is_imported_without_one(week, new_store, tmp_path):
    export(week.store, tmp_path / "a")
    manifest = json.loads((tmp_path / "a" / MANIFEST).read_text())
    old = {**manifest, "schema": "0002"}
    (tmp_path / "a" / MANIFEST).write_text(json.dumps(old))
    with pytest.raises(StoreError, match="changed or damaged since it was written: ledger"):
        restore(new_store(), tmp_path / "a")  # no export of that version names a ledger
    old["tables"].pop("ledger")
    (tmp_path / "a" / "ledger.parquet").unlink()
    (tmp_path / "a" / MANIFEST).write_text(json.dumps(old))
    ledger = Ledger(new_store())
    assert "ledger" not in restore(ledger.store, tmp_path / "a")
    pd.testing.assert_frame_equal(ledger.store.read(), week.store.read())
    assert ledger.read().empty
    assert len(publish(ledger, MONDAY)) == 3


@long_on_postgres
@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_a_written_ledger_says_every_number_to_the_bit(week, tmp_path, kind):
    whole, file = everything(week), tmp_path / f"ledger.{kind}"
    write_ledger(whole, file)
    if kind == "csv":
        back = pd.read_csv(file)
    elif kind == "json":
        back = pd.DataFrame(json.loads(file.read_text()))
    else:
        back = pq.read_table(file).to_pandas(ignore_metadata=True)
    assert list(back) == COLUMNS
    assert file.stat().st_mode & 0o777 == 0o644  # for others than its writer, too
    bits = [frame[list(REGIMES)].to_numpy().tobytes() for frame in (back, whole)]
    assert bits[0] == bits[1]
    assert back["hash"].to_list() == whole["hash"].to_list()
    assert [str(day)[:10] for day in back["date"]] == whole["date"].astype(str).to_list()
    assert pd.to_datetime(back["published_at"]).to_list() == whole["published_at"].to_list()


@long_on_postgres
def test_a_ledger_that_cannot_be_written_leaves_the_former_file(week, tmp_path, monkeypatch):
    file = tmp_path / "ledger.csv"
    file.write_text("former")

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StoreError, match=r"could not be written to .*No space left"):
        write_ledger(everything(week), file)
    monkeypatch.undo()
    assert file.read_text() == "former"
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(StoreError, match=r"a file \.csv, \.json or \.parquet"):
        write_ledger(everything(week), tmp_path / "ledger.txt")


# Several processes, and the power going off ------------------------------------------------

CHILD = """
import sys, time
import pandas as pd
from ledgered import evening, rows
from regime.data.store import ObservationStore
from regime.tracking import ledger as module
from regime.tracking.ledger import Ledger
place, day, slow = sys.argv[1], sys.argv[2], len(sys.argv) > 3
ledger = Ledger(ObservationStore(place, patience=30.0))
ledger.read()
if slow:
    framed = module.frame
    def stop(found):  # inside the transaction, every row inserted
        print("inside", flush=True)
        time.sleep(60)
    commit = module.sa.Connection.execute
    def execute(self, statement, *args, **kwargs):
        done = commit(self, statement, *args, **kwargs)
        if getattr(statement, "is_insert", False):
            stop(None)
        return done
    module.sa.Connection.execute = execute
print("ready", flush=True)
sys.stdin.readline()
print(len(ledger.append(rows(day), published_at=evening(day))), flush=True)
"""


def child(store: ObservationStore, day: str, *words: str) -> "subprocess.Popen[str]":
    place = getattr(store.database, "path", None) or store.database.address
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(place), day, *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip


def test_processes_that_publish_one_day_at_once_publish_it_once(ledger):
    processes = [child(ledger.store, MONDAY) for _ in range(3)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 3
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    added = sorted(process.communicate(timeout=60)[0] for process in processes)
    assert added == ["0\n", "0\n", "3\n"]
    assert len(everything(ledger)) == 3
    assert ledger.faults() == []


def test_a_process_killed_with_its_rows_inserted_and_not_committed_leaves_none(week):
    with child(week.store, "2024-06-10", "slow") as process:
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "inside\n"
        process.kill()
    assert len(everything(week)) == 15
    assert week.faults() == []
    assert len(publish(week, "2024-06-10")) == 3  # the lock went with its holder


@pytest.mark.parametrize(
    "moments", [2, pytest.param(40, marks=pytest.mark.long)], ids=lambda number: f"{number}x"
)
def test_a_process_killed_at_any_moment_leaves_all_of_a_day_or_nothing(week, moments):
    draw = random.Random(moments)
    days = pd.bdate_range("2024-06-10", periods=moments)
    whole = 0
    for day in days:
        with child(week.store, f"{day:%Y-%m-%d}") as process:
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("go\n")
            process.stdin.flush()
            time.sleep(draw.uniform(0, 0.08))
            process.kill()
        there = (week.read()["date"] == day).sum()
        assert there in {0, 3}
        whole += there == 3
        assert week.faults() == []
    print(f"{whole} of {moments} were there before the kill")


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
