"""What is published is kept to the bit, once, and what is not right is refused."""

import numpy as np
import pandas as pd
import pytest
from both import all_examples, few_on_postgres
from hypothesis import given
from hypothesis import strategies as st
from ledgered import HORIZONS, evening, observed, rows
from tracking.ledger.kept import (
    FRIDAY,
    MONDAY,
    TUESDAY,
    everything,
    long_on_postgres,
    past_the_guard,
    publish,
)

from regime.data.database import integrity
from regime.data.database.schema import LEDGER
from regime.exceptions import StoreError
from regime.scoring import State
from regime.taxonomy import REGIMES
from regime.tracking.chain import FIELDS, Head
from regime.tracking.ledger import COLUMNS, GIVEN, Ledger

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
    several = pd.concat([rows(day) for day in (FRIDAY, MONDAY, TUESDAY)], ignore_index=True)
    assert week.append(several, published_at=evening("2024-06-10")).empty


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
    assert week.read().index.equals(pd.RangeIndex(15))
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
