"""What it was worth, run without a browser."""

import shutil

import pandas as pd
import pytest
from paged import broken, page, words
from rostered import keep, roster

from app import queries
from regime.brief import value
from regime.brief.snapshot import load_snapshot
from regime.evaluation import rotation
from regime.tracking.results import load_result, save_frames


@pytest.fixture
def valued(served, home, tmp_path):
    """A copy with a version in service whose card was judged, and a filter of the same data."""
    shutil.copytree(served.home, tmp_path / "home", symlinks=True)
    settings = served.model_copy(update={"home": tmp_path / "home"})
    snapshot = load_snapshot(settings)
    judged = {
        "cost_bp": 10.0, "n_days": 2500, "spread": -0.02, "spread_low": -0.03,
        "spread_high": 0.01, "interval_level": 0.9, "earned_from": "1999-01-06",
        "earned_to": "2007-12-31",
    }  # fmt: skip
    judged["verdict"] = rotation.verdict(judged)
    rows = [
        judged | {"rival": rival, "cost_bp": cost} for rival in value.RIVALS for cost in (0.0, 10.0)
    ]
    told = roster()
    told["versions"][0] |= {"card": {"value": rows}, "registered_at": "2008-01-02T22:00:00+00:00"}
    keep(told, settings.home)  # version 3 speaks in this home
    stored = load_result(settings.results, "filter")
    about = stored.pop("about") | {"panel_digest": snapshot.about["panel_digest"]}
    said = snapshot.scores.assign(baskets="funds", fitted_on=snapshot.day)
    save_frames(stored | {"predictions": said}, about, settings.results, "filter")
    home(settings.home)
    return settings


def test_the_words_no_trading_edge_stand_large_with_period_and_luck(valued):
    ran = page("value")
    assert not ran.exception
    assert [one.value for one in ran.header] == ["No trading edge"]
    text = words(ran)
    assert "6 January 1999 to 31 December 2007" in text
    assert "Sharpe ratio 0." in text
    assert "the best of 4 configurations scored on funds baskets" in text
    assert "SIMULATED" in text


def test_the_cost_moves_the_numbers_and_the_filter_is_a_rival(valued):
    ran = page("value")
    found = value.worth(load_snapshot(valued), None, None, None).portfolios
    for cost in (10, 0, 50):
        ran.slider[0].set_value(cost).run()
        assert not ran.exception
        mix = value.against(found, cost)[0]
        assert ran.metric[0].value == f"{mix['spread']:+.2%}"
        table = ran.dataframe[0].value.set_index("portfolio")
        assert table.loc["the equal mix", "ours, a year more"] == f"{mix['spread']:+.2%}"
        assert table.loc["the filter", "ours, a year more"] == "+0.00%"  # itself, in this home
        assert table.loc["the equal mix", "interval [90%]"] == "[-3.00%, +1.00%]"


def test_on_an_earlier_day_nothing_later_is_known(valued):
    day = pd.Timestamp("2007-06-29")
    ran = page("value", day="2007-06-29")
    assert not ran.exception
    assert "is not known" in ran.header[0].value
    text = words(ran)
    assert "configurations scored" not in text
    assert "6 January 1999 to 31 December 2007" not in text
    found = value.worth(queries.snapshot(day), None, None, None).portfolios
    assert found.gross.index[-1] == day
    assert ran.metric[0].value == f"{value.against(found, 10)[0]['spread']:+.2%}"
    table = ran.dataframe[0].value.set_index("portfolio")
    assert set(table["interval [90%]"]) == {""}


def test_without_card_and_filter_it_says_what_brings_them(served, home):
    home(served.home)
    ran = page("value")
    assert not ran.exception
    text = words(ran)
    assert "regime compare filter" in text  # it is of other data
    assert "regime retrain" in text
    assert "the filter" not in set(ran.dataframe[0].value["portfolio"])


def test_an_empty_and_a_broken_home_say_what_to_run(served, home, tmp_path):
    home(tmp_path / "nothing")
    ran = page("value")
    assert not ran.exception
    assert "regime demo" in words(ran)
    home(broken(served.home, tmp_path / "broken"))
    ran = page("value")
    assert not ran.exception
    assert "regime score" in words(ran)
