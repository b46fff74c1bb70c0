"""A store that was exported and imported says the same, to the bit, at every moment."""

import base64
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from drawn import drawn
from hypothesis import strategies as st
from observed import FETCHED, LATER, TWO_DAYS, frame, many

from regime.data.database import transfer
from regime.data.database.transfer import MANIFEST, export, restore
from regime.data.store import ObservationStore
from regime.exceptions import StoreError

SERIES = ["OEF", "DGS10", "value_spread_q1"]
TABLES = ["series", "source", "observations", "quarantine", "rulings", "fetches", "ledger"]
DOUBTFUL = frame([("IWM", "2024-01-04", "2024-01-04 21:00", 1.0)]).assign(reason="a 99% fall, “?”")


@pytest.fixture
def filled(store) -> ObservationStore:
    """Two series, a revision, a doubtful value that was ruled on and one that was not."""
    other = frame([("DGS10", "2024-01-02", "2024-01-03 21:00", 4.0)], source="fred")
    both = pd.concat([TWO_DAYS, other], ignore_index=True)
    store.append(both, fetched_at=FETCHED, doubtful=DOUBTFUL, looked=True)
    waiting = frame([("SPY", "2024-01-04", "2024-01-04 21:00", -1.0)]).assign(reason="below zero")
    store.append(TWO_DAYS.assign(value=[100.0, 99.0]), fetched_at=LATER, doubtful=waiting)
    day = pd.Timedelta(days=1)
    store.accept("IWM", pd.Timestamp("2024-01-04"), why="I looked it up", at=LATER + day)
    return store


def rows(store: ObservationStore, sql: str) -> list[tuple[object, ...]]:
    with store.database.transaction() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]


# There and back --------------------------------------------------------------------------

values = st.floats(allow_nan=False, allow_infinity=False)
cell = st.tuples(st.sampled_from(SERIES), st.integers(-36_000, 47_000))  # days: 1871 to 2098
moment = st.integers(-3_000_000_000, 4_000_000_000)  # seconds: 1874 to 2096
fetch = st.dictionaries(cell, st.tuples(moment, values), min_size=1, max_size=12)


@drawn(
    st.lists(fetch, min_size=1, max_size=4), fetch, st.lists(moment, max_size=3), st.data(),
    few=5, full=15, on_postgres=2,
)  # fmt: skip
def test_an_imported_store_says_the_same_at_every_moment(new_store, fetches, odd, moments, data):
    store, when = new_store(), FETCHED
    for number, told in enumerate(fetches):
        when = FETCHED + pd.Timedelta(days=number)
        source = data.draw(st.sampled_from(["files", "fred"]))
        store.append(observed(told, source), fetched_at=when, looked=data.draw(st.booleans()))
    doubts = observed(odd, "yahoo").assign(reason=data.draw(st.text("aé,'\"\n", max_size=9)))
    store.append(doubts.iloc[:0].drop(columns="reason"), fetched_at=when, doubtful=doubts)
    waiting = store.quarantined()
    if len(waiting):
        row = waiting.iloc[-1]
        store.accept(row["series"], row["period"], why="so it is", at=when + pd.Timedelta(hours=1))
    with tempfile.TemporaryDirectory() as folder:
        counted = export(store, Path(folder, "a"))
        again = new_store()
        assert restore(again, Path(folder, "a")) == counted
        assert export(again, Path(folder, "b")) == counted
        for file in [f"{name}.parquet" for name in TABLES] + [MANIFEST]:
            assert Path(folder, "a", file).read_bytes() == Path(folder, "b", file).read_bytes()
    asked = [FETCHED, when, when + pd.Timedelta(days=2)]
    asked += [pd.Timestamp(second, unit="s", tz="UTC") for second in moments]
    for as_of in [None, *asked]:
        before, after = store.read(as_of), again.read(as_of)
        pd.testing.assert_frame_equal(after, before, check_exact=True)
        assert after["value"].to_numpy().tobytes() == before["value"].to_numpy().tobytes()
    pd.testing.assert_frame_equal(again.quarantined(), store.quarantined())
    pd.testing.assert_frame_equal(again.fetches(), store.fetches())
    pd.testing.assert_frame_equal(again.summary(), store.summary())
    ruled = "SELECT series, period, value, ruled_at, why FROM ruling ORDER BY id"
    assert rows(again, ruled) == rows(store, ruled)
    # And goes on as the other one would have.
    news = observed(fetches[0], "files").assign(value=lambda new: new["value"] / 2)
    later = when + pd.Timedelta(days=3)
    assert again.append(news, fetched_at=later) == store.append(news, fetched_at=later)
    pd.testing.assert_frame_equal(again.read(), store.read())


def observed(told: dict[tuple[str, int], tuple[int, float]], source: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "series": [series for series, _ in told],
            "period": pd.to_datetime([day for _, day in told], unit="D").as_unit("us"),
            "known_at": pd.to_datetime(
                [second for second, _ in told.values()], unit="s", utc=True
            ).as_unit("us"),
            "value": np.array([value for _, value in told.values()], dtype=np.float64),
            "source": source,
        }
    )


def test_a_store_may_move_from_one_kind_of_database_to_the_other(filled, postgres, tmp_path):
    export(filled, tmp_path / "a")
    there = {
        "sqlite": lambda: ObservationStore(postgres.new_address()),
        "postgresql": lambda: ObservationStore(tmp_path / "other.db"),
    }[filled.database.dialect]()
    restore(there, tmp_path / "a")
    export(there, tmp_path / "b")
    assert (tmp_path / "a" / MANIFEST).read_text() == (tmp_path / "b" / MANIFEST).read_text()


def test_a_store_larger_than_what_is_held_in_memory_is_whole(new_store, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "_AT_ONCE", 1000)
    monkeypatch.setattr(transfer, "_OBJECTS_AT_ONCE", 3)
    store, again = new_store(), new_store()
    for number, series in enumerate(["OEF", "IWM", "SPY", "RSP", "IJR"]):
        several = many(700 * (number + 1), float(number)).assign(series=series)
        store.append(several, fetched_at=FETCHED + pd.Timedelta(days=number))
    assert export(store, tmp_path / "a")["observations"] == 700 * 15
    restore(again, tmp_path / "a")
    pd.testing.assert_frame_equal(again.read(), store.read())
    told = pd.read_parquet(tmp_path / "a" / "observations.parquet")
    first_met = {name: place for place, name in enumerate(told["series"].unique())}
    keys = told.assign(series=told["series"].map(first_met).astype(int))
    in_order = keys.sort_values(["series", "period", "known_at", "fetched_at"], kind="stable")
    assert in_order.index.is_monotonic_increasing
    # Each row group is a part of its own: a group of series, or a slice of a table.
    assert pq.read_metadata(tmp_path / "a" / "observations.parquet").num_row_groups == 5 - 1
    fetched = pq.read_metadata(tmp_path / "a" / "fetches.parquet")
    assert (fetched.num_rows, fetched.num_row_groups) == (5, 2)


def test_the_files_can_be_read_by_anybody_with_dates_and_names(filled, tmp_path):
    export(filled, tmp_path / "a")
    told = pd.read_parquet(tmp_path / "a" / "observations.parquet")
    first = told.iloc[0]
    assert (first["series"], first["source"], first["value"]) == ("DGS10", "fred", 4.0)
    assert str(first["period"]) == "2024-01-02"
    assert first["known_at"] == pd.Timestamp("2024-01-03 21:00", tz="UTC")


# What is refused -------------------------------------------------------------------------


def test_a_folder_that_is_there_already_is_left_alone(filled, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "letter.txt").write_text("dear")
    with pytest.raises(StoreError, match=r"is there already\. Name a folder that is not"):
        export(filled, tmp_path / "a")
    assert [path.name for path in tmp_path.glob("a/*")] == ["letter.txt"]


def test_an_empty_store_has_nothing_to_export_and_leaves_no_folder(store, tmp_path):
    with pytest.raises(StoreError, match="is empty"):
        export(store, tmp_path / "deep" / "a")
    assert not (tmp_path / "deep").exists()


def test_a_place_that_cannot_be_written_is_told(filled, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be written: .*Give another place"):
        export(filled, tmp_path / "file" / "a")


def test_a_store_with_rows_takes_no_import_and_keeps_its_own(filled, new_store, tmp_path):
    export(filled, tmp_path / "a")
    other = new_store()
    other.append(TWO_DAYS, fetched_at=FETCHED)
    with pytest.raises(StoreError, match=r"is not empty, and an import would mix"):
        restore(other, tmp_path / "a")
    assert len(other.read()) == 2


def test_a_store_with_nothing_but_doubts_is_not_empty(filled, new_store, tmp_path):
    export(filled, tmp_path / "a")
    other = new_store()
    other.append(TWO_DAYS.iloc[:0], fetched_at=FETCHED, doubtful=DOUBTFUL)
    with pytest.raises(StoreError, match="is not empty"):
        restore(other, tmp_path / "a")


@pytest.mark.parametrize("file", [*TABLES, "manifest"])
def test_a_byte_changed_anywhere_is_found_before_anything_is_imported(tmp_path, file):
    store = ObservationStore(tmp_path / "observations.db")
    store.append(TWO_DAYS, fetched_at=FETCHED, doubtful=DOUBTFUL)
    store.accept("IWM", pd.Timestamp("2024-01-04"), why="I looked it up", at=LATER)
    export(store, tmp_path / "a")
    path = tmp_path / "a" / (MANIFEST if file == "manifest" else f"{file}.parquet")
    whole = path.read_bytes()
    for at in range(0, len(whole), 1 if file == "manifest" else 97):
        if bytes([whole[at]]).isspace() and file == "manifest":
            continue  # the only bytes that say nothing
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        other = ObservationStore(tmp_path / "other.db")
        with pytest.raises(StoreError, match=r"changed or damaged|no whole export|schema version"):
            restore(other, tmp_path / "a")
        assert not other.database.exists()


@pytest.mark.parametrize("missing", [MANIFEST, "rulings.parquet", "observations.parquet"])
def test_an_export_without_one_of_its_files_is_told_apart(filled, new_store, tmp_path, missing):
    export(filled, tmp_path / "a")
    (tmp_path / "a" / missing).unlink()
    with pytest.raises(StoreError, match=rf"no whole export of a store: .*{missing}.*Give the"):
        restore(new_store(), tmp_path / "a")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '"0003"', '{"schema": "0003"}', '{"schema": "0003", "tables": []}',
             '{"schema": "0003", "tables": {"series": 1}}', '{"schema": "0002"}', '{"schema": []}',
             "[" * 100_000]
)  # fmt: skip
def test_a_manifest_of_something_else_is_no_export(store, tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(StoreError, match="no whole export of a store") as error:
        restore(store, tmp_path)
    assert "\n" not in str(error.value)
    with pytest.raises(StoreError, match="no whole export of a store"):
        restore(store, tmp_path / "nowhere")


def test_an_export_of_another_version_names_both(filled, new_store, tmp_path):
    export(filled, tmp_path / "a")
    manifest = json.loads((tmp_path / "a" / MANIFEST).read_text())
    manifest["tables"].pop("rulings")  # which that version may not have known
    (tmp_path / "a" / MANIFEST).write_text(json.dumps({**manifest, "schema": "0001"}))
    with pytest.raises(StoreError, match=r"schema version 0001, and this release reads 0002 and"):
        restore(new_store(), tmp_path / "a")


def test_an_import_that_fails_half_way_leaves_nothing(filled, new_store, tmp_path, monkeypatch):
    export(filled, tmp_path / "a")
    store, insert = new_store(), transfer._insert

    def failing(store, connection, table, columns):
        if table.name == "fetch_log":
            raise OSError(5, "Input/output error")
        insert(store, connection, table, columns)

    monkeypatch.setattr(transfer, "_insert", failing)
    with pytest.raises(StoreError, match="cannot be imported: OSError"):
        restore(store, tmp_path / "a")
    assert store.is_empty()
    assert store.database.faults() == []
    monkeypatch.setattr(transfer, "_insert", insert)
    restore(store, tmp_path / "a")
    pd.testing.assert_frame_equal(store.read(), filled.read())


def test_rows_of_nobody_are_not_exported_under_another_name(filled, tmp_path):
    with filled.database.transaction(write=True) as connection:
        connection.exec_driver_sql("INSERT INTO observation VALUES (99, 1, 1, 1, 1, 1.0, 1)")
    with pytest.raises(StoreError, match=r"of a series that has no name.*regime store verify"):
        export(filled, tmp_path / "a")
    assert list(tmp_path.glob("*a*")) == []


# The power going off, and a disk that is full ----------------------------------------------

CHILD = """
import resource, sys, time
from pathlib import Path
from regime.data.database import transfer
from regime.data.store import ObservationStore
from regime.exceptions import StoreError
store, folder = ObservationStore(sys.argv[1]), Path(sys.argv[2])
"""
STOP_INSIDE = """
def slow(file):
    if file.name == "rulings.parquet":
        print("inside", flush=True)
        time.sleep(60)
    return ""
transfer._sha256 = slow
transfer.export(store, folder)
"""
WITH_LITTLE_SPACE = """
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))  # more than an index of a log
try:
    transfer.export(store, folder)
except StoreError as error:
    print(error)
"""


def test_an_export_that_is_killed_leaves_no_folder_of_that_name(tmp_path):
    store = ObservationStore(tmp_path / "observations.db")
    store.append(TWO_DAYS, fetched_at=FETCHED)
    code = CHILD + STOP_INSIDE
    command = [sys.executable, "-c", code, str(store.database), str(tmp_path / "a")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "inside\n"
        process.kill()
    assert not (tmp_path / "a").exists()
    assert export(store, tmp_path / "a")["observations"] == 2


def test_an_export_onto_a_full_disk_leaves_nothing_and_says_so(tmp_path):
    store = ObservationStore(tmp_path / "observations.db")
    random = np.random.default_rng(3).normal(size=20_000)
    store.append(many(20_000, 1.0).assign(value=random), fetched_at=FETCHED)
    (tmp_path / "out").mkdir()
    code = CHILD + WITH_LITTLE_SPACE
    command = [sys.executable, "-c", code, str(store.database), str(tmp_path / "out" / "a")]
    done = subprocess.run(command, text=True, capture_output=True, timeout=60)
    assert "cannot be written: " in done.stdout
    assert "free some space" in done.stdout
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    assert list((tmp_path / "out").iterdir()) == []
    shutil.rmtree(tmp_path / "out")


def resigned(folder):
    """The digests of the manifest become those of the files as they are."""
    manifest = json.loads((folder / MANIFEST).read_text())
    for name, about in manifest["tables"].items():
        about["sha256"] = transfer._sha256(folder / f"{name}.parquet")
    (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("table", "change", "words"),
    [
        ("series", lambda rows: rows.drop_columns(["id"]), "other columns than id, name"),
        ("series", lambda rows: changed(rows, "id", -1), "not between 1 and 1,000,000"),
        ("source", lambda rows: changed(rows, "id", 2**31 - 1), "not between 1 and 1,000,000"),
        ("rulings", lambda rows: rows.drop_columns(["why"]), "other columns than series, period"),
        ("observations", lambda rows: changed(rows, "value", float("inf")), "is not finite"),
        ("observations", lambda rows: changed(rows, "value", None), "lacks a value of value"),
        ("observations", lambda rows: changed(rows, "period", None), "lacks a value of period"),
        (
            "observations",
            lambda rows: rows.set_column(0, "series", rows["series"].cast("string")),
            "other columns than series, period",
        ),
    ],
)
def test_a_table_that_cannot_be_is_not_imported_though_its_digest_fits(
    filled, new_store, tmp_path, table, change, words
):
    export(filled, tmp_path / "a")
    file = tmp_path / "a" / f"{table}.parquet"
    pq.write_table(change(pq.read_table(file)), file)
    resigned(tmp_path / "a")
    there = new_store()
    with pytest.raises(StoreError, match=words):
        restore(there, tmp_path / "a")
    assert there.is_empty()


def test_a_column_of_a_type_that_cannot_be_is_damage_though_its_digest_fits(
    filled, new_store, tmp_path
):
    export(filled, tmp_path / "a")
    file = tmp_path / "a" / "fetches.parquet"
    whole, types = file.read_bytes(), pq.read_metadata(file).metadata[b"ARROW:schema"]
    plain, refused = base64.b64decode(types), 0
    for at in [at for at, byte in enumerate(plain) if byte == 32]:  # bits of a number, among others
        forged = plain[:at] + b"\x05" + plain[at + 1 :]
        file.write_bytes(whole.replace(types, base64.b64encode(forged)))
        try:
            pq.read_metadata(file)
        except pa.ArrowNotImplementedError:
            refused += 1
            resigned(tmp_path / "a")
            with pytest.raises(StoreError, match=r"damaged since .*: fetches\. Nothing"):
                restore(new_store(), tmp_path / "a")
        except OSError:  # no flatbuffer any more
            continue
    assert refused > 1


def changed(rows, name, value):
    kept = rows[name].to_pylist()
    at = rows.column_names.index(name)
    return rows.set_column(at, name, pa.array([value, *kept[1:]], rows[name].type))
