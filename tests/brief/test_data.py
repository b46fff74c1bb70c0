"""What is stored: periods, gaps, ages and who needs them, against slow ways of finding them."""

import numpy as np
import pandas as pd
import pytest
from observed import FETCHED

from regime.brief.data import (
    BASKETS,
    COLUMNS,
    MODEL,
    NOBODY,
    PUBLISHERS,
    SHOWN,
    catalogue,
    gaps_of,
    holdings,
    recent,
    verdict,
)
from regime.data.calendar import end_of_day, trading_days
from regime.data.catalog import CATALOG
from regime.data.observations import COLUMNS as OBSERVED
from regime.data.store import ObservationStore
from regime.exceptions import StoreError

FIRST, LAST = pd.Timestamp("2012-01-03"), pd.Timestamp("2012-07-10")
ABOUT = {
    "baskets": "funds",
    "features": [
        {"name": "one", "series": ["DGS10", "RSP"], "read": True},
        {"name": "other", "series": ["VIXCLS"], "read": False},
    ],
}


def numbers(days) -> np.ndarray:
    return pd.DatetimeIndex(days).to_numpy().astype("datetime64[D]").astype("int64")


def rows(name, days, value=100.0) -> pd.DataFrame:
    periods = pd.DatetimeIndex(days).as_unit("us")
    known_at = CATALOG[name].known_at(periods)
    return pd.DataFrame(
        {"series": name, "period": periods, "known_at": known_at, "value": value, "source": "files"}
    )[OBSERVED]


@pytest.fixture
def store(tmp_path) -> ObservationStore:
    """Funds to the last day, but one by its closes and one with a hole; a yield that ends early."""
    days = trading_days(FIRST, LAST)
    made = ObservationStore(tmp_path / "observations.db")
    parts = [
        rows("OEF", days), rows("RSP_close", days), rows("IWM", days.delete([40, 41, 42, 60])),
        rows("DGS10", trading_days(FIRST, pd.Timestamp("2012-06-01")), 1.6),
        rows("MGC_close", days[:5]),
    ]  # fmt: skip
    doubtful = rows("IWM", days[[60]], 1e6).assign(reason="IWM of that day looked odd.")
    frame = pd.concat(parts, ignore_index=True)
    made.append(frame, fetched_at=end_of_day(LAST), doubtful=doubtful)
    return made


def test_gaps_are_the_sessions_that_a_loop_over_the_calendar_finds_missing():
    rng = np.random.default_rng(3)
    sessions = trading_days(pd.Timestamp("1999-11-01"), pd.Timestamp("2001-12-31"))
    for _ in range(20):
        kept = sessions[np.sort(rng.choice(len(sessions), rng.integers(2, 500), replace=False))]
        inside = sessions[(sessions >= kept[0]) & (sessions <= kept[-1])]
        missing, longest, run = 0, 0, 0
        for day in inside:
            run = 0 if day in kept else run + 1
            missing, longest = missing + (run > 0), max(longest, run)
        assert gaps_of("OEF", numbers(kept)) == (missing, longest)


def test_an_office_owes_nothing_on_a_bank_holiday_and_an_exchange_does():
    # Columbus Day of 2011: the exchange was open, the banks were not.
    days = trading_days(pd.Timestamp("2011-10-03"), pd.Timestamp("2011-10-14"))
    without = numbers(days[days != pd.Timestamp("2011-10-10")])
    assert gaps_of("DGS10", without) == (0, 0)
    assert gaps_of("OEF", without) == (1, 1)


def test_gaps_of_other_rhythms_are_months_and_events_have_none():
    ends = pd.date_range("2010-01-31", "2012-12-31", freq="ME")
    assert gaps_of("UMCSENT", numbers(ends)) == (0, 0)
    assert gaps_of("UMCSENT", numbers(ends.delete([3, 4, 5, 20]))) == (4, 3)
    years = ends[ends.month == 12].union(pd.DatetimeIndex(["2015-12-31", "2017-12-31"]))
    assert gaps_of("filers_counted_small", numbers(years)) == (3, 2)  # 2013, 2014 and 2016
    assert gaps_of("OEF_dividend", numbers(ends)) == (None, None)
    assert gaps_of("no_longer_declared", numbers(ends)) == (None, None)


def test_holdings_are_what_reading_everything_says(store):
    held = holdings(store)
    everything = store.read()
    for name, mine in everything.groupby("series", observed=True):
        row = held.series.loc[name]
        assert row["first_period"] == mine["period"].min()
        assert row["newest_period"] == mine["period"].max()
        assert row["sources"] == "files"
        assert row["fetched_at"] == end_of_day(LAST).ceil("s")
    assert set(held.series.index) == set(everything["series"].unique())
    assert held.series.loc["IWM", ["gaps", "longest_gap"]].tolist() == [4, 3]
    assert list(held.quarantined["series"]) == ["IWM"]
    assert len(held.fetches) == 1


def test_a_past_moment_knows_nothing_later(store):
    then = pd.Timestamp("2012-03-01 22:00", tz="UTC")
    held = holdings(store, then)
    assert held.series["newest_period"].max() <= pd.Timestamp("2012-03-01")
    assert held.series.loc["DGS10", "newest_period"] == pd.Timestamp("2012-02-29")  # a day's lag
    assert held.quarantined.empty
    assert held.fetches.empty
    assert held.series["fetched_at"].isna().all()
    assert recent(store, "DGS10", then)["period"].max() == pd.Timestamp("2012-02-29")


def test_the_catalogue_puts_what_is_needed_and_in_trouble_first(store):
    now = end_of_day(pd.Timestamp("2012-07-11"))
    table = catalogue(holdings(store), ABOUT, now)
    assert list(table.columns) == COLUMNS
    by = table.set_index("series")
    # VIXCLS is only shown, and needed by nobody who speaks; its absence comes last of the bad.
    assert next(iter(table["series"])) == "DGS10"
    assert by.loc["DGS10", ["state", "needed"]].tolist() == ["missing", MODEL]
    assert by.loc["VIXCLS", ["state", "needed"]].tolist() == ["missing", SHOWN]
    assert by.loc["MGC_close", "needed"] == NOBODY
    assert by.loc[["OEF", "RSP", "IWM"], "needed"].tolist() == [BASKETS] * 3
    assert by.loc[["OEF", "RSP", "IWM"], "state"].tolist() == ["fresh"] * 3
    assert by.loc["RSP", "newest_period"] == LAST  # by its closes
    assert by.loc["RSP", "gaps"] == 0
    assert by.loc["IWM", ["gaps", "longest_gap", "quarantined"]].tolist() == [4, 3, 1]
    assert by.loc["OEF", "age_days"] == 1
    bad = (table["state"] != "fresh").to_numpy()
    assert bad[: bad.sum()].all()
    well, words = verdict(table, now)
    assert not well
    assert "1 of the 4 series" in words
    assert "DGS10 ends on 1 June 2012" in words


def test_every_series_that_can_be_stored_has_a_publisher(store):
    assert {*PUBLISHERS} == {*CATALOG}
    own = rows("gold_price", trading_days(FIRST, LAST), 1600.0)
    store.append(own, fetched_at=end_of_day(LAST))
    table = catalogue(holdings(store), ABOUT, end_of_day(LAST)).set_index("series")
    assert table.loc["gold_price", "publisher"] == "your own tables"
    assert table.loc["DGS10", "publisher"] == "FRED"


def test_a_verdict_is_good_only_where_nothing_needed_lacks(store):
    now = end_of_day(LAST)
    table = catalogue(holdings(store), ABOUT | {"features": []}, now)
    assert verdict(table, now)[0]
    later = end_of_day(LAST + pd.Timedelta(days=3))
    late = catalogue(holdings(store), ABOUT | {"features": []}, later)
    well, words = verdict(late, later)
    assert not well
    assert "3 of the 3" in words
    assert "is due" in words


def test_recent_values_are_those_of_the_newest_revision(store):
    revised = rows("DGS10", [pd.Timestamp("2012-06-01")], 1.7)
    revised["known_at"] = pd.DatetimeIndex([FETCHED + pd.Timedelta(days=9000)]).as_unit("us")
    store.append(revised, fetched_at=FETCHED + pd.Timedelta(days=9000))
    found = recent(store, "DGS10")
    assert found["period"].is_unique
    assert found["value"].iloc[-1] == 1.7


def test_an_empty_store_says_what_to_do(tmp_path):
    with pytest.raises(StoreError, match="regime fetch"):
        holdings(ObservationStore(tmp_path / "observations.db"))
