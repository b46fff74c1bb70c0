"""The store keeps what it is given to the bit, and refuses or doubts the rest."""

import numpy as np
import pandas as pd
import pytest
from data.stored import query
from drawn import drawn
from hypothesis import strategies as st
from observed import FETCHED, LATER, TWO_DAYS, frame, use_everything

from regime.data.observations import COLUMNS, SIMULATED
from regime.exceptions import StoreError

SERIES = ["OEF", "DGS10", "value_spread_q1"]


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
