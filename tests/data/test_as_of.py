"""What was known at a moment stays what was known at it, whatever is fetched later."""

import numpy as np
import pandas as pd
import pytest
from drawn import drawn
from hypothesis import strategies as st
from observed import frame

from regime.data.as_of import known_as_of, panel_as_of
from regime.data.calendar import session_closes, trading_days
from regime.data.catalog import get
from regime.data.panel import digest
from regime.exceptions import StoreError

DAYS = trading_days(pd.Timestamp("2024-01-02"), pd.Timestamp("2024-02-29"))
CLOSES = session_closes(DAYS[-1])
SERIES = ["SPY_close", "DGS10", "hi_10", "BAA10Y"]  # a price, two yields, a reconstruction


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def told(series, day, value):
    """A row as a source hands it over: known by its lag."""
    known_at = get(series).known_at(pd.DatetimeIndex([day]).as_unit("us"))[0]
    return series, str(day.date()), known_at.isoformat(), value


@st.composite
def publications(draw):
    """Per series and day: when each of its values came out, late ones and revisions among them."""
    found = {}
    for series in SERIES:
        for day in DAYS[:18]:
            on_time = told(series, day, 1.0)[2]
            # The oldest day is there from the first fetch on: what is older than all that
            # was looked at before is history of a longer import, known by its lag.
            late = 0 if day == DAYS[0] else draw(st.sampled_from([0, 0, 0, 0, 30, 200]))  # hours
            came = pd.Timestamp(on_time) + pd.Timedelta(hours=late)
            values = draw(st.lists(st.sampled_from([1.0, 1.5, 2.0]), min_size=1, max_size=2))
            found[series, day] = [
                (came + pd.Timedelta(hours=60 * number), value)
                for number, value in enumerate(values)
            ]
    hours = draw(st.lists(st.integers(24 * 5, 24 * 40), min_size=2, max_size=5, unique=True))
    fetches = [utc("2024-01-02 03:30") + pd.Timedelta(hours=hour) for hour in sorted(hours)]
    return found, fetches


def fetched(published, at):
    """What a source serves at a moment: of each day the newest value."""
    rows = []
    for (series, day), values in published.items():
        out = [value for came, value in values if came <= at]
        if out:
            rows.append(told(series, day, out[-1]))
    return frame(rows, source="yahoo")


@drawn(
    publications(), st.lists(st.integers(0, 24 * 40), min_size=2, max_size=4),
    few=4, full=8, on_postgres=2,
)  # fmt: skip
def test_a_panel_of_a_past_moment_has_the_same_digest_after_later_fetches(
    new_store, published, hours
):
    values, fetches = published
    store = new_store()
    asked = [utc("2024-01-03 12:00") + pd.Timedelta(hours=hour) for hour in hours]
    seen = {}
    for at in fetches:
        store.append(fetched(values, at), fetched_at=at, looked=True)
        for moment in [*asked, *fetches]:
            if moment > at:
                continue
            rows = store.read(moment)
            assert (rows["known_at"] <= moment).all()
            try:
                found = digest(panel_as_of(store, moment, [*SERIES, "SPY"]))
            except StoreError as error:
                found = str(error)
            assert seen.setdefault(moment, found) == found


def test_what_the_publisher_did_not_have_when_asked_is_known_only_when_it_came(store):
    day, next_day = DAYS[:2]
    first, second = told("DGS10", day, 4.0), told("DGS10", next_day, 4.1)
    asked, again = utc("2024-01-05 22:00"), utc("2024-01-08 22:00")
    store.append(frame([first], "fred"), fetched_at=asked, looked=True)
    store.append(frame([first, second], "fred"), fetched_at=again, looked=True)
    rows = store.read()
    assert rows["known_at"].to_list() == [pd.Timestamp(first[2]), again]


def test_what_came_out_between_two_fetches_is_known_by_its_lag_but_replayed_from_the_fetch(store):
    day, next_day = DAYS[:2]
    first, second = told("DGS10", day, 4.0), told("DGS10", next_day, 4.1)
    known = pd.Timestamp(second[2])
    again = utc("2024-01-08 22:00")
    store.append(frame([first], "fred"), fetched_at=known - pd.Timedelta(hours=1), looked=True)
    store.append(frame([first, second], "fred"), fetched_at=again, looked=True)
    assert store.read()["known_at"].to_list() == [pd.Timestamp(first[2]), known]
    assert len(store.read(as_of=known)) == 1
    assert len(store.read(as_of=again)) == 2


def test_what_is_reconstructed_from_prices_stands_on_its_day_however_late_the_file(store):
    rows = [told("hi_10", day, 0.01) for day in DAYS[:2]]
    asked, again = utc("2024-02-01 22:00"), utc("2024-03-01 22:00")
    store.append(frame(rows[:1], "french"), fetched_at=asked, looked=True)
    store.append(frame(rows, "french"), fetched_at=again, looked=True)
    assert store.read()["known_at"].to_list() == [pd.Timestamp(row[2]) for row in rows]
    assert len(store.read(as_of=asked)) == 1  # but nobody had it here


def test_history_that_a_longer_fetch_brings_is_known_by_its_lag(store):
    rows = [told("DGS10", day, 4.0) for day in DAYS[:3]]
    store.append(frame(rows[2:], "fred"), fetched_at=utc("2024-02-01 22:00"), looked=True)
    store.append(frame(rows, "fred"), fetched_at=utc("2024-02-02 22:00"), looked=True)
    assert store.read()["known_at"].to_list() == [pd.Timestamp(row[2]) for row in rows]
    assert len(store.read(as_of=CLOSES[DAYS[3]])) == 3


def test_a_file_that_was_old_when_it_was_read_says_nothing_about_the_publisher(store):
    rows = [told("DGS10", day, 4.0) for day in DAYS[:2]]
    store.append(frame(rows[:1]), fetched_at=utc("2024-06-01 22:00"))
    store.append(frame(rows), fetched_at=utc("2024-06-02 22:00"))
    assert store.read()["known_at"].to_list() == [pd.Timestamp(row[2]) for row in rows]


def closes(*values, source="yahoo"):
    return frame(
        [told("SPY_close", day, value) for day, value in zip(DAYS, values, strict=False)], source
    )


def test_a_dividend_adds_one_row_and_changes_no_earlier_panel(store):
    prices = closes(100.0, 100.0, 98.0, 98.0)
    at = [CLOSES[day] + pd.Timedelta(hours=1) for day in DAYS[:4]]
    for upto, moment in enumerate(at[:2], 1):
        store.append(prices[:upto], fetched_at=moment, looked=True)
    before = {moment: digest(panel_as_of(store, moment)) for moment in at[:2]}
    dividend = frame([told("SPY_dividend", DAYS[2], 2.0)], "yahoo")
    added = store.append(
        pd.concat([prices[:3], dividend], ignore_index=True), fetched_at=at[2], looked=True
    )
    assert added == 2  # the day's close, and one row for the dividend
    assert {moment: digest(panel_as_of(store, moment)) for moment in at[:2]} == before
    index = panel_as_of(store, at[2])["SPY"]
    np.testing.assert_allclose(index / index.iloc[0], [1.0, 1.0, 1.0])


def test_a_dividend_told_a_day_late_stands_on_its_day_but_not_in_earlier_replays(store):
    prices = closes(100.0, 100.0, 98.0, 98.0)
    at = [CLOSES[day] + pd.Timedelta(hours=1) for day in DAYS[:4]]
    store.append(prices[:3], fetched_at=at[2], looked=True)
    told_before = panel_as_of(store, at[2])["SPY"]
    assert told_before.iloc[-1] == pytest.approx(0.98 * told_before.iloc[0])
    dividend = frame([told("SPY_dividend", DAYS[2], 2.0)], "yahoo")
    store.append(pd.concat([prices, dividend], ignore_index=True), fetched_at=at[3], looked=True)
    assert digest(panel_as_of(store, at[2])[["SPY"]]) == digest(told_before.to_frame())
    index = panel_as_of(store, at[3])["SPY"]  # everybody else saw the day as it was
    np.testing.assert_allclose(index / index.iloc[0], [1.0, 1.0, 1.0, 1.0])


def test_a_close_that_a_provider_brought_late_is_missing_in_the_replay_of_its_day_only(store):
    at = [CLOSES[day] + pd.Timedelta(hours=1) for day in DAYS[:4]]
    store.append(closes(100.0), fetched_at=at[0], looked=True)
    store.append(closes(100.0), fetched_at=at[1], looked=True)  # asked, and nothing new
    store.append(closes(100.0, 101.0, 102.0), fetched_at=at[2], looked=True)
    assert panel_as_of(store, at[1])["SPY"].index[-1] == DAYS[0]
    assert panel_as_of(store, at[2])["SPY"].notna().all()


def test_an_accepted_close_joins_the_panel_on_its_day(store):
    at = [CLOSES[day] + pd.Timedelta(hours=1) for day in DAYS[:3]]
    doubted = closes(100.0, 60.0)[1:].assign(reason="it fell by 40%")
    store.append(closes(100.0), fetched_at=at[1], doubtful=doubted, looked=True)
    store.accept("SPY_close", DAYS[1], why="it did", at=at[1] + pd.Timedelta(hours=2))
    assert panel_as_of(store, at[1]).index[-1] == DAYS[0]
    panel = panel_as_of(store, at[1] + pd.Timedelta(hours=2))
    assert panel["SPY"].to_list() == [panel["SPY"].iloc[0], 0.6 * panel["SPY"].iloc[0]]


def test_an_acceptance_says_nothing_about_what_the_publisher_had(store):
    first, second = told("DGS10", DAYS[0], 4.0), told("DGS10", DAYS[1], 9.0)
    third = told("DGS10", DAYS[2], 4.1)
    evening = pd.Timestamp(second[2]) + pd.Timedelta(minutes=30)
    store.append(
        frame([first], "fred"),
        fetched_at=evening,
        doubtful=frame([second], "fred").assign(reason="a jump"),
        looked=True,
    )
    store.accept("DGS10", DAYS[1], why="so", at=pd.Timestamp(third[2]) + pd.Timedelta(minutes=1))
    later = pd.Timestamp(third[2]) + pd.Timedelta(hours=1)
    store.append(frame([first, second, third], "fred"), fetched_at=later, looked=True)
    rows = store.read()
    assert rows["known_at"].to_list()[-1] == pd.Timestamp(third[2])


def test_a_series_of_which_all_was_doubted_was_looked_at_all_the_same(store):
    first, second = told("DGS10", DAYS[0], 4.0), told("DGS10", DAYS[1], 9.0)
    evening = pd.Timestamp(second[2]) + pd.Timedelta(hours=3)
    store.append(frame([first], "fred"), fetched_at=pd.Timestamp(first[2]), looked=True)
    doubted = frame([second], "fred").assign(reason="a jump")
    store.append(doubted[:0].drop(columns="reason"), fetched_at=evening, doubtful=doubted,
                 looked=True)  # fmt: skip
    again = evening + pd.Timedelta(days=1)
    store.append(frame([second], "fred"), fetched_at=again, looked=True)
    assert store.read()["known_at"].to_list()[-1] == again


def test_a_revision_by_lag_is_never_known_before_it_was_fetched(store):
    early = frame([("UNRATE", "2024-01-31", "2024-02-03 00:00", 3.7)], "fred_md")
    store.append(early, fetched_at=utc("2024-02-05 22:00"))
    by_lag = frame([told("UNRATE", pd.Timestamp("2024-01-31"), 3.9)], "fred")
    at = utc("2024-06-05 22:00")
    store.append(by_lag, fetched_at=at, looked=True)
    assert store.read()["known_at"].to_list() == [early["known_at"].iloc[0], at]


def test_publications_found_late_keep_their_order(store):
    rows = [
        ("UNRATE", "2024-01-31", "2024-02-03 00:00", 3.7),
        ("UNRATE", "2024-02-29", "2024-03-09 00:00", 3.8),
        ("UNRATE", "2024-02-29", "2024-04-06 00:00", 3.9),
    ]
    store.append(frame(rows[:1], "fred"), fetched_at=utc("2024-02-05 22:00"), looked=True)
    store.append(frame(rows[:1], "fred"), fetched_at=utc("2024-03-11 22:00"), looked=True)
    store.append(frame(rows, "fred"), fetched_at=utc("2024-04-08 22:00"), looked=True)
    newest = store.read().sort_values("known_at", kind="stable").iloc[-1]
    assert newest["value"] == 3.9


def test_events_of_a_file_that_holds_none_are_history_when_a_publisher_brings_them(store):
    store.append(closes(100.0, 98.0, source="files"), fetched_at=utc("2024-02-01 22:00"))
    dividend = frame([told("SPY_dividend", DAYS[1], 2.0)], "yahoo")
    store.append(
        pd.concat([closes(100.0, 98.0), dividend], ignore_index=True),
        fetched_at=utc("2024-02-02 22:00"),
        looked=True,
    )
    index = panel_as_of(store, CLOSES[DAYS[1]])["SPY"]
    np.testing.assert_allclose(index / index.iloc[0], [1.0, 1.0])


def test_the_panel_of_models_holds_total_returns_and_not_the_prices_behind_them(store):
    store.append(closes(100.0, 101.0), fetched_at=utc("2024-01-05 22:00"))
    assert list(panel_as_of(store, utc("2024-01-05 22:00"))) == ["SPY"]
    named = panel_as_of(store, utc("2024-01-05 22:00"), ["SPY_close"])
    assert list(named) == ["SPY_close"]
    assert named["SPY_close"].to_list() == [100.0, 101.0, *[np.nan] * (len(named) - 2)]


def test_what_is_known_ends_with_the_last_price_and_says_how_old_each_series_is(store):
    # The yield of Wednesday is known on Thursday, when no price of Thursday is there yet.
    yields = frame([told("DGS10", day, 4.0) for day in DAYS[:2]], "fred")
    at = CLOSES[DAYS[2]] + pd.Timedelta(hours=1)
    store.append(pd.concat([closes(100.0, 101.0), yields], ignore_index=True), fetched_at=at)
    known = known_as_of(store, at, ["SPY", "DGS10"])
    assert list(known.panel.index) == list(DAYS[:2])
    assert known.newest == {"SPY": DAYS[1], "SPY_close": DAYS[1], "DGS10": DAYS[0]}
    assert len(known.observations) == 4
    alone = known_as_of(store, at, ["DGS10"])
    assert alone.panel.index[-1] == DAYS[2]
    assert alone.newest == {"DGS10": DAYS[1]}


def test_one_day_is_enough_to_know_something(store):
    at = CLOSES[DAYS[0]] + pd.Timedelta(hours=1)
    store.append(closes(100.0), fetched_at=at)
    known = known_as_of(store, at, ["SPY"])
    assert list(known.panel.index) == [DAYS[0]]
    assert known.newest == {"SPY": DAYS[0], "SPY_close": DAYS[0]}


def test_a_series_that_came_after_the_last_close_is_of_no_age_yet(store):
    late = told("DGS10", DAYS[0], 4.0)  # of the last price's day, and known on the next
    at = pd.Timestamp(late[2])
    assert at > CLOSES[DAYS[0]]
    store.append(pd.concat([closes(100.0), frame([late], "fred")]), fetched_at=at)
    assert known_as_of(store, at, ["SPY", "DGS10"]).newest.keys() == {"SPY", "SPY_close"}


def test_a_dividend_announced_ahead_makes_a_fund_no_newer_than_its_close(store):
    ahead = frame([("SPY_dividend", "2024-01-05", "2024-01-02 12:00", 1.5)])
    at = CLOSES[DAYS[0]] + pd.Timedelta(hours=1)
    store.append(pd.concat([closes(100.0), ahead]), fetched_at=at)
    newest = known_as_of(store, at, ["SPY"]).newest
    assert newest["SPY"] == DAYS[0]
    assert newest["SPY_dividend"] == pd.Timestamp("2024-01-05")


def test_a_fund_is_as_old_as_the_newer_of_its_index_and_its_close(store):
    at = CLOSES[DAYS[2]] + pd.Timedelta(hours=1)
    index = frame([told("SPY", day, 100.0) for day in DAYS[:1]])
    store.append(pd.concat([closes(100.0, 101.0, 102.0), index], ignore_index=True), fetched_at=at)
    assert known_as_of(store, at, ["SPY"]).newest["SPY"] == DAYS[2]
    assert known_as_of(store, at, ["SPY", "RSP"]).newest.keys() == {"SPY", "SPY_close"}


def test_a_store_without_daily_values_and_a_day_before_the_first_say_what_to_do(store):
    at = CLOSES[DAYS[1]] + pd.Timedelta(hours=1)
    jobs = frame([told("UNRATE", pd.Timestamp("2023-11-30"), 3.7)], "fred")
    store.append(jobs, fetched_at=at)
    with pytest.raises(StoreError, match="holds no daily prices, returns or rates yet"):
        panel_as_of(store)
    store.append(closes(100.0, 101.0), fetched_at=at)
    early = CLOSES[DAYS[0]] - pd.Timedelta(hours=1)
    with pytest.raises(StoreError, match=r"no daily value by 2024-01-02; its first is of 20"):
        panel_as_of(store, early)
