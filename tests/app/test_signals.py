"""The page of signals: what it shows, narrows and looks closer at."""

import pandas as pd
import pytest
from paged import broken, page, words

from regime.brief.signals import signal_table
from regime.brief.snapshot import load_snapshot


@pytest.fixture
def shown(served, home):
    """The published snapshot, with the app pointed at it."""
    home(served.home)
    return load_snapshot(served)


def test_every_declared_signal_has_a_row_the_most_unusual_first(shown):
    ran = page("signals")
    assert not ran.exception
    table = ran.dataframe[0].value
    assert len(table) == len(shown.about["features"])
    far = (table["Percentile"] - 50).abs().dropna()
    assert far.is_monotonic_decreasing
    assert "SIMULATED" in words(ran)
    assert all(len(line) <= 64 for line in table["Last year"])


def test_a_closer_look_says_value_reason_unit_and_source(shown):
    ran = page("signals")
    ran.selectbox[0].set_value("market_drawdown").run()
    assert not ran.exception
    told = signal_table(shown.about["features"], shown.features, shown.labels, shown.day)
    row = told.set_index("name").loc["market_drawdown"]
    assert ran.subheader[0].value == "Market drawdown"
    shown_values = [metric.value for metric in ran.metric]
    assert f"{100 * row['percentile']:.0f}" in shown_values
    text = words(ran)
    assert "How far below the year's high." in text
    assert "S&P 500 fund (SPY)" in text.replace("\\", "")
    assert "Unit: %; in the file: log return" in text


def test_families_and_a_word_narrow_the_table(shown):
    ran = page("signals")
    ran.button_group[0].set_value(["stress"]).run()
    stress = [one["name"] for one in shown.about["features"] if one["family"] == "stress"]
    assert len(ran.dataframe[0].value) == len(stress)
    ran.text_input[0].set_value("vix").run()
    assert len(ran.dataframe[0].value) == sum("vix" in name for name in stress)
    ran.text_input[0].set_value("no such thing").run()
    assert not ran.exception
    assert "No signal is called so" in words(ran)


def test_the_time_machine_shows_what_was_known_then(shown):
    day = shown.probabilities(0).index[-400]
    ran = page("signals", day.strftime("%Y-%m-%d"))
    assert not ran.exception
    assert "Time machine" in words(ran)
    table = ran.dataframe[0].value
    assert pd.to_datetime(table["Known"]).max() == day
    ran.selectbox[0].set_value("market_drawdown").run()
    assert any(f"{day.day} {day:%B %Y}" in metric.label for metric in ran.metric)


def test_where_there_is_nothing_to_show_it_says_what_to_do(served, home, tmp_path):
    home(tmp_path / "nothing")
    ran = page("signals")
    assert not ran.exception
    assert "regime demo" in words(ran)
    home(broken(served.home, tmp_path / "broken"))
    ran = page("signals")
    assert not ran.exception
    assert ran.error
