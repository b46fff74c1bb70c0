"""What was known is never rewritten: a revision is known from the fetch that brought it."""

import pandas as pd
import pytest
from data.stored import query
from drawn import drawn
from hypothesis import strategies as st
from observed import FETCHED, LATER, TWO_DAYS, frame

from regime.exceptions import StoreError


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
