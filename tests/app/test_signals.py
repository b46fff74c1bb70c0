"""The page of signals: what it shows, narrows and looks closer at."""

import shutil

import pandas as pd
import pytest
from paged import page, words

from app import queries
from regime.brief.signals import signal_table
from regime.signals.numbers import signal_numbers
from regime.tracking.published import NAME, load_signal_history, load_signals

THEN = pd.Timestamp("2012-07-06")  # two sessions before the newest


@pytest.fixture
def published(at_eight):
    """What was published of signals, with the app pointed at it."""
    return load_signals(at_eight.published / NAME)


@pytest.fixture
def shown(published):
    """The table behind the page."""
    said, numbers = published
    return signal_table(said["declarations"], numbers).set_index("name")


@pytest.fixture
def copied(lived, home, tmp_path):
    """A home of the test's own in which something can be broken."""
    shutil.copytree(lived.home / "published", tmp_path / "home" / "published", symlinks=True)
    home(tmp_path / "home")
    return tmp_path / "home" / "published" / NAME


def titles(ran):
    return ran.dataframe[0].value["Signal"].tolist()


def test_signals_that_are_known_have_a_row_the_most_unusual_first(shown):
    ran = page("signals")
    assert not ran.exception
    known = shown[shown["state"] == "known"]
    assert sorted(titles(ran)) == sorted(known["title"])
    table = ran.dataframe[0].value
    assert (table["Percentile"] - 50).abs().dropna().is_monotonic_decreasing
    assert all(0 < len(line) <= 70 for line in table["Last year"])
    text = words(ran).replace("\\", "")
    assert f"{len(known)} of {len(shown)} signals are known at this close" in text
    assert "SIMULATED" in text
    labels = " ".join(one.label for one in ran.expander)
    assert f"{len(shown) - len(known)} signals are not known now" in labels
    assert "Supply" in text


def test_families_a_word_and_the_unknown_change_what_is_listed(shown):
    ran = page("signals")
    ran.button_group[0].set_value(["rates"]).run()
    rates = shown[shown["family"] == "rates"]
    assert sorted(titles(ran)) == sorted(rates.loc[rates["state"] == "known", "title"])
    ran.toggle[0].set_value(True).run()
    assert len(titles(ran)) == len(rates)
    ran.selectbox(key="signals_closer").set_value("futures_over_funds").run()
    assert not ran.metric
    warned = " ".join(one.value for one in ran.warning).replace("\\", "")
    assert "There has never been a value. No free history: supply a table own_series" in warned
    ran.text_input[0].set_value("real TREASURY").run()
    assert titles(ran) == ["Real Treasury yield, 10 years"]
    ran.text_input[0].set_value("no such thing").run()
    assert not ran.exception
    assert "No signal that is known is called so" in words(ran)


def test_a_closer_look_says_value_reason_unit_and_source(shown):
    ran = page("signals")
    ran.selectbox(key="signals_closer").set_value("small_over_large_21d").run()
    assert not ran.exception
    row = shown.loc["small_over_large_21d"]
    assert ran.subheader[0].value == "Russell 2000 less S&P 500, a month"
    assert ran.metric[0].label == "At the close of 10 July 2012"
    assert ran.metric[0].value == f"{100 * row['value']:+.1f} points"
    assert ran.metric[1].value == f"{100 * row['percentile']:.0f}"
    text = words(ran).replace("\\", "")
    assert "Is a burst of small companies under way?" in text
    assert "(IWM), daily, known at that close" in text
    assert "Unit: points; in the file: difference of decimal returns" in text
    thirds = ran.dataframe[1].value
    assert thirds["Third"].tolist() == ["lowest", "middle", "highest"]
    shares = thirds[["Mega-cap led", "Broadening", "Small-cap led"]].sum(axis=1)
    assert shares.tolist() == pytest.approx([100] * 3)


def test_the_time_machine_shows_what_was_known_then(shown, at_eight):
    day = THEN
    ran = page("signals", f"{day:%Y-%m-%d}")
    assert not ran.exception
    assert "Time machine" in words(ran)
    then, history = queries.signals(day), queries.signal_history("small_5d", day)
    assert history.index[-1] == day
    row = then.table.set_index("name").loc["small_5d"]
    assert row["value"] == history.iloc[-1] != shown.loc["small_5d", "value"]
    assert sorted(titles(ran)) == sorted(then.table.loc[then.table["state"] == "known", "title"])
    ran.selectbox(key="signals_closer").set_value("small_5d").run()
    assert ran.metric[0].label == "At the close of 6 July 2012"
    # As if the days after it had never been published.
    folder = at_eight.published / NAME
    declared = load_signals(folder)[0]["declarations"]
    labels = queries.snapshot(day).labels
    short = signal_numbers(
        declared, lambda names: load_signal_history(folder, names).loc[:day], labels, day
    )
    pd.testing.assert_frame_equal(then.table, signal_table(declared, short))


def test_a_home_published_before_there_were_signals_says_what_to_run(served, home):
    home(served.home)
    ran = page("signals")
    assert not ran.exception
    assert "`regime score`" in words(ran).replace("\\", "")
    assert not ran.dataframe


def test_an_empty_home_says_what_to_run(home, tmp_path):
    home(tmp_path / "nothing")
    ran = page("signals")
    assert not ran.exception
    assert "regime demo" in words(ran)


@pytest.mark.parametrize("name", ["signals.json", "signals.parquet"])
def test_a_broken_file_is_told_and_no_number_shown(copied, name):
    whole = (copied / name).read_bytes()
    (copied / name).write_bytes(whole[: len(whole) // 2])
    ran = page("signals")
    assert not ran.exception
    assert "signals" in words(ran)
    assert not ran.dataframe
