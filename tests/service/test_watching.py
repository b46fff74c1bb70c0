"""Every watched number, from the store to what is published."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from observed import frame
from pandas.testing import assert_frame_equal

from regime.brief.signals import path_words
from regime.data.calendar import end_of_day, session_closes, trading_days
from regime.data.store import ObservationStore
from regime.exceptions import ConfigError, StoreError
from regime.service import publishing, watching
from regime.service.publishing import commit, prepare
from regime.service.watching import watch
from regime.settings import Settings
from regime.tracking.dated_events import load_events
from regime.tracking.published import (
    NAME,
    load_published,
    load_signal_history,
    load_signals,
)
from regime.tracking.registry import load_version

DAY = pd.Timestamp("2012-07-02")
MINE = """
[levels.mine]
of = "PRIVATE"
at = 4.0
set = 2012-06-28
[levels.fund]
of = "GLD"
at = 100.0
set = 2012-06-28
"""


@pytest.fixture
def publish(home, monkeypatch):
    """Publish a day with its signals, and without what explains it."""
    monkeypatch.setattr(publishing, "watch_or_note", watching.watch_or_note)

    def run():
        now = home.fetch(DAY)
        commit(prepare(home.settings, home.store, now), home.settings, home.store)
        return home.settings.published / NAME

    return run


def test_what_is_published_is_what_is_watched(home, publish):
    (home.settings.home / "watch.toml").write_text(MINE)
    (home.settings.home / "own_prices.csv").write_text("date,PRIVATE\n2012-06-29,3\n2012-07-02,5\n")
    folder = publish()
    bundle = load_version(home.settings).bundle
    told = watch(
        home.settings, home.store, end_of_day(DAY), baskets=(bundle.baskets,),
        switching_cost=bundle.config.labels.switching_cost,
    )  # fmt: skip
    said, numbers = load_signals(folder)
    assert said["day"] == "2012-07-02"
    assert said["declarations"] == told.declarations
    assert said["tested"] == told.tested
    assert_frame_equal(numbers, told.numbers, check_dtype=False)
    assert load_published(home.settings)["about"]["notes"] == []

    names = [one["name"] for one in said["declarations"]]
    history = load_signal_history(folder, names)
    known = told.history.loc[:, told.history.notna().any()]
    assert sorted(history) == sorted(known)
    assert_allclose(history[[*known]], known.astype(np.float32))
    assert_array_equal(history.index, told.history.index)
    since = pd.Timestamp("2012-01-03")
    few = load_signal_history(folder, ["small_5d", "never"], since=since)
    assert_frame_equal(few, history.loc[since:, ["small_5d"]])

    # 3 and 5 against 4: a quarter below and above; crossed on the second day.
    own = history.loc["2012-06-28":, ["level_mine", "level_mine_crossed"]]
    assert_allclose(own, [[np.nan, np.nan], [-0.25, np.nan], [0.25, 0]])
    lacking = told.numbers.set_index("name")["lacking"]
    assert lacking["level_mine"] == ""


def test_a_fault_of_the_user_s_own_is_noted_and_probabilities_are_published(home, publish):
    (home.settings.home / "watch.toml").write_text("levels =")
    folder = publish()
    (noted,) = load_published(home.settings)["about"]["notes"]
    assert noted.startswith("Signals are not told: ")
    assert "watch.toml cannot be read" in noted
    assert load_published(home.settings)["scores"]["date"].max() == DAY
    with pytest.raises(StoreError, match="regime score"):
        load_signals(folder)
    with pytest.raises(StoreError, match="cannot be read"):
        load_signal_history(folder, ["small_5d"])


def test_a_fault_nobody_thought_of_is_noted_with_its_kind(home, monkeypatch):
    def fails(*_, **__):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(watching, "watch", fails)
    notes = ["another"]
    bundle = load_version(home.settings).bundle
    told = watching.watch_or_note(home.settings, home.store, end_of_day(DAY), bundle, notes)
    assert told is None
    assert notes == ["another", "Signals are not told: ZeroDivisionError: by nothing"]


# A store of a few values ---------------------------------------------------------------

SESSIONS = trading_days(pd.Timestamp("2016-11-01"), pd.Timestamp("2016-11-14"))


@pytest.fixture
def few(tmp_path):
    """A home that holds two funds for ten sessions."""
    settings = Settings(home=tmp_path / "home")
    settings.make_home()
    closes = session_closes(SESSIONS[-1]).reindex(SESSIONS)
    rows = [
        (name, f"{day:%Y-%m-%d}", f"{close}", start + at)
        for name, start in (("IWM", 100.0), ("SPY", 200.0))
        for at, (day, close) in enumerate(closes.items())
    ]
    store = ObservationStore(settings.store)
    store.append(frame(rows), fetched_at=end_of_day(SESSIONS[-1]))
    return settings, store


def test_without_baskets_numbers_are_told_and_no_leader(few):
    settings, store = few
    told = watch(settings, store, end_of_day(SESSIONS[-1]))
    assert (told.day, told.baskets, told.simulated) == (SESSIONS[-1], "", False)
    assert told.labels.empty
    assert "not told" in path_words(told.labels, told.day, told.baskets)
    numbers = told.numbers.set_index("name")
    # From 100 to 109 and from 200 to 209: over a week 109 / 104 - 1 less 209 / 204 - 1.
    assert_allclose(numbers["value"]["small_over_large_5d"], 5 / 104 - 5 / 204)
    assert numbers["of"]["small_over_large_5d"] == SESSIONS[-1]
    assert numbers["lacking"]["small_over_nasdaq_5d"] == "QQQ"
    assert set(numbers["favours"]) == {""}


def test_one_day_of_one_series_is_enough(few):
    settings, store = few
    told = watch(settings, store, end_of_day(SESSIONS[0]))
    assert len(told.history) == 1
    assert told.numbers["value"].notna().sum() > 0


def test_an_event_between_sessions_counts_from_the_next_one(few):
    settings, store = few
    dated = load_events(settings, simulated=False).table
    assert "2016-11-08" in dated["date"].astype(str).tolist()  # an election, known to all
    told = watch(settings, store, end_of_day(SESSIONS[-1]))
    since = told.history["sessions_since_event"]
    assert_allclose(since, [np.nan] * 5 + [0, 1, 2, 3, 4])
    (settings.home / "events.csv").write_text("date,title\n2016-11-12,A Saturday\n")
    since = watch(settings, store, end_of_day(SESSIONS[-1])).history["sessions_since_event"]
    assert_allclose(since, [np.nan] * 9 + [0])


def test_an_empty_store_and_a_broken_list_are_errors(few):
    settings, store = few
    (settings.home / "own_prices.csv").write_text("date,A\nnever,1\n")
    with pytest.raises(ConfigError, match="line 2"):
        watch(settings, store, end_of_day(SESSIONS[-1]))
    with pytest.raises(StoreError, match="Choose a later day"):
        watch(settings, store, end_of_day(SESSIONS[0] - pd.Timedelta(days=9)))
