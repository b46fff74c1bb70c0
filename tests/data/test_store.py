"""The store keeps what it is given to the bit, and never rewrites what was known."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn import drawn
from hypothesis import strategies as st
from observed import FETCHED, LATER, TWO_DAYS, frame, many, use_everything

from regime.data.observations import COLUMNS, SIMULATED
from regime.data.store import ObservationStore
from regime.exceptions import StoreError

SERIES = ["OEF", "DGS10", "value_spread_q1"]


def query(store: ObservationStore, sql: str) -> list[tuple[object, ...]]:
    """Past the store, as somebody with a database client would."""
    with store.database.transaction(write=True) as connection:
        found = connection.exec_driver_sql(sql)
        return [tuple(row) for row in found] if found.returns_rows else []


# What goes in comes out -----------------------------------------------------------------

finite = st.floats(allow_nan=False, allow_infinity=False)
cells = st.tuples(
    st.sampled_from(SERIES),
    st.dates(pd.Timestamp("1871-01-01").date(), pd.Timestamp("2100-01-01").date()),
)
moments = st.integers(-3_000_000_000, 4_000_000_000)  # seconds since 1970: 1874 to 2096


@drawn(
    st.dictionaries(cells, st.tuples(moments, finite), min_size=1, max_size=25),
    few=15, full=40, on_postgres=4,
)  # fmt: skip
def test_what_is_appended_is_read_back_to_the_bit(new_store, rows):
    given_rows = frame(
        [
            (series, str(day), pd.Timestamp(seconds, unit="s", tz="UTC").isoformat(), value)
            for (series, day), (seconds, value) in rows.items()
        ]
    )
    store = new_store()
    assert store.append(given_rows, fetched_at=FETCHED) == len(rows)
    back = store.read()
    order = ["series", "period"]
    expected = given_rows.sort_values(order, ignore_index=True)
    back = back.sort_values(order, ignore_index=True)
    assert back.astype({"series": "str", "source": "str"}).equals(
        expected.astype({"series": "str", "source": "str"})
    )
    minus_zero_aside = expected["value"].to_numpy() + 0.0
    assert back["value"].to_numpy().tobytes() == minus_zero_aside.tobytes()


def test_a_read_has_the_types_the_panel_counts_on(store):
    store.append(TWO_DAYS, fetched_at=FETCHED)
    for rows in (store.read(), store.read(as_of=pd.Timestamp("1900-01-01", tz="UTC"))):
        assert list(rows.columns) == COLUMNS
        assert rows["series"].dtype == "category"
        assert rows["source"].dtype == "category"
        assert rows["period"].dtype == "datetime64[us]"
        assert rows["known_at"].dtype == "datetime64[us, UTC]"
        assert rows["value"].dtype == "float64"
    assert rows.empty


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_dates_mean_the_same_in_any_unit_and_time_zone(store, unit):
    rows = frame([("OEF", "2024-01-02", "2024-01-02 21:00", 1.0)], unit=unit)
    rows["known_at"] = rows["known_at"].dt.tz_convert("America/New_York")
    store.append(rows, fetched_at=FETCHED.tz_convert("Asia/Tokyo"))
    assert store.read()["known_at"].to_list() == [pd.Timestamp("2024-01-02 21:00", tz="UTC")]


def test_only_the_series_asked_for_are_read(store):
    other = frame([("DGS10", "2024-01-02", "2024-01-03 21:00", 4.0)])
    store.append(pd.concat([TWO_DAYS, other], ignore_index=True), fetched_at=FETCHED)
    assert set(store.read(series=["DGS10"])["series"]) == {"DGS10"}
    assert len(store.read(series=["DGS10", "OEF"])) == 3
    assert store.read(series=[]).empty


def test_the_summary_tells_spans_rows_and_sources(store):
    other = frame([("DGS10", "2024-01-02", "2024-01-03 21:00", 4.0)], source="fred")
    store.append(pd.concat([TWO_DAYS, other], ignore_index=True), fetched_at=FETCHED)
    store.append(TWO_DAYS.assign(value=[100.0, 99.0]), fetched_at=LATER)
    summary = store.summary()
    assert summary.loc["OEF"].to_dict() == {
        "first_period": pd.Timestamp("2024-01-02"),
        "last_period": pd.Timestamp("2024-01-03"),
        "newest_known_at": LATER,
        "rows": 3,
        "fetched_at": LATER,
        "source": "files",
    }
    assert summary.loc["DGS10", "source"] == "fred"


def test_every_fetch_is_logged_even_if_it_brought_nothing_new(store):
    store.append(TWO_DAYS, fetched_at=FETCHED)
    store.append(TWO_DAYS, fetched_at=LATER)
    log = store.fetches()[["fetched_at", "source", "rows_added"]]
    assert list(log.itertuples(index=False, name=None)) == [
        (FETCHED, "files", 2), (LATER, "files", 0)
    ]  # fmt: skip


# What was known -------------------------------------------------------------------------


def test_appending_the_same_rows_again_adds_none(store):
    assert store.append(TWO_DAYS, fetched_at=FETCHED) == 2
    before = store.read()
    assert store.append(TWO_DAYS, fetched_at=LATER) == 0
    assert store.append(TWO_DAYS.iloc[:0], fetched_at=LATER) == 0
    pd.testing.assert_frame_equal(store.read(), before)


def test_a_changed_value_is_known_from_the_fetch_that_brought_it(store):
    store.append(TWO_DAYS, fetched_at=FETCHED)
    assert store.append(TWO_DAYS.assign(value=[100.0, 99.0]), fetched_at=LATER) == 1
    a_second = pd.Timedelta(seconds=1)
    assert store.read(as_of=LATER - a_second)["value"].to_list() == [100.0, 101.5]
    assert store.read(as_of=LATER)["value"].to_list() == [100.0, 101.5, 99.0]
    assert store.read()["known_at"].to_list()[-1] == LATER


def test_a_value_that_changes_back_is_a_revision_too(store):
    for value, fetched in ((1.0, 0), (2.0, 1), (1.0, 2), (1.0, 3)):
        row = TWO_DAYS[:1].assign(value=value)
        store.append(row, fetched_at=FETCHED + pd.Timedelta(days=fetched))
    assert store.read()["value"].to_list() == [1.0, 2.0, 1.0]


def test_a_revision_fetched_before_its_publication_takes_the_place_of_the_value(store):
    early = frame([("value_spread_q1", "2024-05-31", "2024-07-31", 1.0)])
    store.append(early, fetched_at=FETCHED)
    store.append(early.assign(value=2.0), fetched_at=FETCHED + pd.Timedelta(days=1))
    rows = store.read()
    assert rows["value"].to_list() == [2.0]
    assert rows["known_at"].to_list() == early["known_at"].to_list()
    assert store.read(as_of=LATER).empty


def test_a_first_import_is_known_by_lag_and_not_by_the_fetch(store):
    store.append(TWO_DAYS, fetched_at=FETCHED)
    assert store.read(as_of=pd.Timestamp("2024-01-02 21:00", tz="UTC"))["value"].to_list() == [
        100.0
    ]


def test_publications_that_come_together_keep_their_dates(store):
    vintages = frame(
        [
            ("DGS10", "2024-01-02", "2024-02-01", 5.0),
            ("DGS10", "2024-01-02", "2024-01-03", 4.0),
        ]
    )
    assert store.append(vintages, fetched_at=FETCHED) == 2
    assert store.append(vintages, fetched_at=LATER) == 0
    assert store.read()["value"].to_list() == [4.0, 5.0]
    vintages["value"] = [6.0, 4.0]
    assert store.append(vintages, fetched_at=LATER) == 1
    assert store.read()["value"].to_list() == [4.0, 5.0, 6.0]


def test_a_clock_set_back_does_not_hide_a_revision(store):
    store.append(TWO_DAYS, fetched_at=FETCHED)
    store.append(TWO_DAYS.assign(value=[1.0, 101.5]), fetched_at=LATER)
    store.append(TWO_DAYS.assign(value=[2.0, 101.5]), fetched_at=LATER - pd.Timedelta(days=9))
    rows = store.read()
    newest = rows[rows["period"] == "2024-01-02"].sort_values("known_at", kind="stable").iloc[-1]
    assert newest["value"] == 2.0


def test_a_fraction_of_a_second_never_makes_a_row_known_early(store):
    row = frame([("OEF", "2024-01-02", "2024-01-02 21:00:00.000001", 1.0)])
    store.append(row, fetched_at=FETCHED)
    assert store.read(as_of=row["known_at"].iloc[0]).empty
    assert len(store.read(as_of=pd.Timestamp("2024-01-02 21:00:01", tz="UTC"))) == 1
    fetched = FETCHED + pd.Timedelta(microseconds=1)
    store.append(row.assign(value=2.0), fetched_at=fetched)
    assert store.read(as_of=fetched)["value"].to_list() == [1.0]


@st.composite
def histories(draw):
    """Fetches at rising times; each brings every period known by then, some revised."""
    known = [pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days=day) for day in range(6)]
    days = draw(st.lists(st.integers(0, 7), min_size=2, max_size=5, unique=True).map(sorted))
    fetches = []
    for day in days:
        fetched = pd.Timestamp("2024-01-01 06:00", tz="UTC") + pd.Timedelta(days=day)
        rows = [
            (series, str(moment.date()), moment.isoformat(), draw(st.sampled_from([1.0, 2.0, 3.0])))
            for moment in known
            if moment <= fetched
            for series in ("OEF", "IWM")
        ]
        fetches.append((fetched, frame(rows)))
    return fetches


@drawn(histories(), st.integers(0, 4), few=6, full=15, on_postgres=2)
def test_later_fetches_never_change_what_was_known_before(new_store, fetches, seconds_before):
    store = new_store()
    seen = {}
    for fetched, rows in fetches:
        store.append(rows, fetched_at=fetched)
        for as_of in (fetched, fetched - pd.Timedelta(seconds=seconds_before)):
            seen.setdefault(as_of, store.read(as_of=as_of))
        for as_of, before in seen.items():
            now = store.read(as_of=as_of)
            assert (now["known_at"] <= as_of).all()
            pd.testing.assert_frame_equal(now, before)
        newest = store.read().drop_duplicates(["series", "period"], keep="last")
        assert newest.set_index(["series", "period"])["value"].to_dict() == (
            rows.set_index(["series", "period"])["value"].to_dict()
        )


def test_the_database_itself_refuses_to_change_a_row(store):
    doubtful = frame([("OEF", "2024-01-04", "2024-01-04 21:00", 1.0)]).assign(reason="a slip")
    store.append(TWO_DAYS, fetched_at=FETCHED, doubtful=doubtful)
    store.accept("OEF", pd.Timestamp("2024-01-04"), why="I looked it up", at=LATER)
    for table in ("observation", "fetch_log", "quarantine", "ruling"):
        for change in (f"DELETE FROM {table}", f"UPDATE {table} SET series = 0"):
            with pytest.raises(StoreError, match="only ever added"):
                query(store, change)


# What is refused at the door ------------------------------------------------------------


def changed(column: str, value: object) -> pd.DataFrame:
    """The two days with another first cell."""
    rows = TWO_DAYS.astype({"series": object, "source": object})
    rows.loc[0, column] = value
    return rows


REFUSED = {
    "nan": (changed("value", np.nan), "not finite: OEF, 2024-01-02"),
    "infinite": (changed("value", np.inf), "not finite"),
    "unknown series": (changed("series", "nobody"), r"does not know the series \['nobody'\]"),
    "no series": (changed("series", None), "does not know the series"),
    "no period": (changed("period", pd.NaT), "no date or no source"),
    "no known_at": (changed("known_at", pd.NaT), "no date or no source"),
    "no source": (changed("source", None), "no date or no source"),
    "no whole day": (changed("period", pd.Timestamp("2024-01-02 16:00")), "no whole day"),
    "naive known_at": (
        TWO_DAYS.assign(known_at=TWO_DAYS["known_at"].dt.tz_localize(None)),
        "`known_at` needs a time zone",
    ),
    "zoned period": (
        TWO_DAYS.assign(period=TWO_DAYS["period"].dt.tz_localize("UTC")),
        "`period` must be days without a time zone",
    ),
    "text period": (TWO_DAYS.assign(period="2024-01-02"), "`period` must be days"),
    "one row twice": (
        pd.concat([TWO_DAYS, TWO_DAYS[1:]]),
        "one publication twice: OEF, 2024-01-03",
    ),
    "other columns": (TWO_DAYS.drop(columns="source"), "need the columns"),
}


@pytest.mark.parametrize(("rows", "words"), REFUSED.values(), ids=REFUSED)
def test_rows_that_break_the_contract_are_refused_and_none_is_stored(store, rows, words):
    with pytest.raises(StoreError, match=words):
        store.append(rows, fetched_at=FETCHED)
    assert store.is_empty()


def test_moments_without_a_time_zone_are_refused(store):
    with pytest.raises(StoreError, match="`fetched_at` must be a moment with a time zone"):
        store.append(TWO_DAYS, fetched_at=pd.Timestamp("2024-06-03"))
    store.append(TWO_DAYS, fetched_at=FETCHED)
    for as_of in (pd.Timestamp("2024-06-03"), pd.NaT):
        with pytest.raises(StoreError, match="`as_of` must be a moment with a time zone"):
            store.read(as_of=as_of)


@pytest.mark.parametrize("first", [SIMULATED, "files"])
def test_simulated_and_real_rows_never_share_a_store(store, first):
    second = {SIMULATED: "files", "files": SIMULATED}[first]
    store.append(TWO_DAYS.assign(source=first), fetched_at=FETCHED)
    with pytest.raises(StoreError, match=r"simulated.*REGIME_HOME.*`regime demo`"):
        store.append(TWO_DAYS.assign(source=second), fetched_at=LATER)
    assert set(store.read()["source"]) == {first}
    assert store.is_simulated() == (first == SIMULATED)


def test_simulated_and_real_rows_never_come_together(store):
    with pytest.raises(StoreError, match="simulated"):
        store.append(TWO_DAYS.assign(source=["files", SIMULATED]), fetched_at=FETCHED)
    assert store.is_empty()


def test_two_real_sources_may_share_a_store(store):
    store.append(TWO_DAYS, fetched_at=FETCHED)
    store.append(TWO_DAYS.assign(value=1.0, source="fred"), fetched_at=LATER)
    assert store.sources() == {"files", "fred"}


# Files that are no store ----------------------------------------------------------------


def test_a_store_that_is_not_there_says_how_to_fill_it(store):
    for use in (store.read, store.summary):
        with pytest.raises(StoreError) as error:
            use()
        assert str(error.value) == (
            f"The store {store.database} is empty. Run `regime fetch --source live`, `regime "
            f"fetch --source files --path DIR` or `regime fetch --source demo` first."
        )
    assert store.is_empty()
    assert not store.is_simulated()
    assert not store.database.exists()


def test_the_store_of_a_newer_version_is_left_alone(store):
    store.append(TWO_DAYS, fetched_at=FETCHED)
    query(store, "UPDATE alembic_version SET version_num = '0099'")
    for words in use_everything(store):
        assert "schema version 0099" in words
        assert "Install the newer one" in words
    assert query(store, "SELECT count(*) FROM observation") == [(2,)]


# Other processes, and the power going off -----------------------------------------------

CHILD = """
import sys, time, itertools
from pathlib import Path
import pandas as pd
sys.path.insert(0, {here!r})
from observed import FETCHED, TWO_DAYS, many
from regime.data.store import ObservationStore
store = ObservationStore(sys.argv[1])
"""
PAUSE_INSIDE = """
insert = store.database.insert
def slow(*rows):
    insert(*rows)
    print("inside", flush=True)
    time.sleep(60)
store.database.insert = slow
store.append(many(100_000, 2.0), fetched_at=FETCHED + pd.Timedelta(days=1))
"""
APPEND_FOR_EVER = """
print("ready", flush=True)
for number in itertools.count(int(sys.argv[2])):
    store.append(many(4_000, float(number)), fetched_at=FETCHED + pd.Timedelta(days=number))
"""
APPEND_SOME = """
print("ready", flush=True)
sys.stdin.readline()
for number in range(8):
    rows = many(500, 1.0).assign(series=sys.argv[2])
    rows["period"] += pd.Timedelta(days=500 * number)
    assert store.append(rows, fetched_at=FETCHED) == 500
"""


def address(store: ObservationStore) -> str:
    return str(getattr(store.database, "path", None) or store.database.address)


@contextmanager
def child(script: str, store: ObservationStore, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Another Python that runs the script, and is gone afterwards."""
    code = CHILD.format(here=str(Path(__file__).parents[1])) + script
    command = [sys.executable, "-c", code, address(store), *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def hear(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == word


def assert_sound(store: ObservationStore) -> None:
    """Whole, with every logged row there and no other."""
    assert store.database.faults() == []
    logged = query(store, "SELECT fetched_at, sum(rows_added) FROM fetch_log GROUP BY 1 ORDER BY 1")
    stored = query(store, "SELECT fetched_at, count(*) FROM observation GROUP BY 1 ORDER BY 1")
    assert stored == logged


def test_readers_go_on_while_a_writer_writes_and_other_writers_wait_in_vain(store):
    store.append(many(20_000, 1.0), fetched_at=FETCHED)
    before = store.read()
    with child(PAUSE_INSIDE, store) as process:
        hear(process, "inside")  # with more rows than SQLite holds in memory
        pd.testing.assert_frame_equal(store.read(), before)
        assert store.summary().loc["OEF", "rows"] == 20_000
        impatient = ObservationStore(address(store), patience=0.3)
        with pytest.raises(StoreError) as error:
            impatient.append(TWO_DAYS, fetched_at=LATER)
        assert "Another process" in str(error.value)
        if store.database.dialect == "sqlite":
            assert f"{store.database}.lock" in str(error.value)
            assert f"pid {process.pid}" in str(error.value)
        process.kill()  # half-way: its rows are written, but not committed
        process.wait()
        pd.testing.assert_frame_equal(store.read(), before)
        assert impatient.append(TWO_DAYS, fetched_at=LATER) == 2
    assert_sound(store)


@pytest.mark.parametrize(
    "kills", [2, pytest.param(20, marks=pytest.mark.long)], ids=lambda kills: f"{kills}x"
)
def test_a_writer_killed_at_any_moment_leaves_whole_fetches_and_a_free_lock(store, kills):
    rows, moments = 4_000, random.Random(7)
    store.append(many(rows, 0.0), fetched_at=FETCHED)
    for _ in range(kills):
        number = query(store, "SELECT count(*) FROM fetch_log")[0][0]
        with child(APPEND_FOR_EVER, store, str(number)) as process:
            hear(process, "ready")
            time.sleep(moments.uniform(0.02, 0.6))
            process.kill()
            process.wait()
        assert len(store.read()) % rows == 0
        assert_sound(store)
    free = ObservationStore(address(store), patience=0.3)
    assert free.append(many(rows, -1.0), fetched_at=LATER + pd.Timedelta(days=999)) == rows


def test_two_writers_at_once_lose_nothing(store):
    with child(APPEND_SOME, store, "OEF") as one, child(APPEND_SOME, store, "IWM") as other:
        for process in (one, other):
            hear(process, "ready")
        for process in (one, other):
            process.communicate("go\n", timeout=60)
            assert process.returncode == 0
    assert store.summary()["rows"].to_dict() == {"IWM": 4000, "OEF": 4000}
    assert_sound(store)


# The quarantine ------------------------------------------------------------------------

DOUBTFUL = frame([("OEF", "2024-01-04", "2024-01-04 21:00", 1.0)]).assign(reason="a slip")


def test_doubtful_values_wait_apart_and_are_kept_once(store):
    for fetched in (FETCHED, LATER):
        store.append(TWO_DAYS, fetched_at=fetched, doubtful=DOUBTFUL)
    assert len(store.read()) == 2
    waiting = store.quarantined()
    assert waiting[["series", "value", "reason", "fetched_at"]].to_numpy().tolist() == [
        ["OEF", 1.0, "a slip", FETCHED]
    ]


def test_a_store_that_holds_doubts_alone_is_empty_and_says_so(store):
    store.append(TWO_DAYS[:0], fetched_at=FETCHED, doubtful=DOUBTFUL)
    assert store.is_empty()
    assert len(store.quarantined()) == 1
    for use in (store.read, store.summary, store.fetches):
        with pytest.raises(StoreError, match="is empty"):
            use()
    assert store.spans() == {}


def test_a_value_that_a_later_fetch_brings_as_good_leaves_the_quarantine(store):
    good = frame(
        [
            ("DGS10", "2024-01-03", "2024-01-04 21:00", 4.0),
            ("DGS10", "2024-01-04", "2024-01-05 21:00", 1.0),
        ]
    )
    doubted = good[1:].assign(reason="a slip")
    store.append(good[:1], fetched_at=FETCHED, doubtful=doubted, looked=True)
    assert store.append(good, fetched_at=LATER, looked=True) == 1
    assert store.quarantined().empty
    assert store.read()["known_at"].to_list()[-1] == LATER  # it was believed only then


def test_an_accepted_value_is_known_from_then_and_is_not_doubted_again(store):
    store.append(TWO_DAYS, fetched_at=FETCHED, doubtful=DOUBTFUL)
    assert store.accept("OEF", pd.Timestamp("2024-01-04"), why="a real fall", at=LATER) == 1.0
    assert len(store.read(as_of=LATER - pd.Timedelta(seconds=1))) == 2
    assert store.read(as_of=LATER)["value"].to_list()[-1] == 1.0
    store.append(TWO_DAYS, fetched_at=LATER + pd.Timedelta(days=1), doubtful=DOUBTFUL)
    assert store.quarantined().empty
    with pytest.raises(StoreError, match="regime store quarantine"):
        store.accept("OEF", pd.Timestamp("2024-01-05"), why="?", at=LATER)
