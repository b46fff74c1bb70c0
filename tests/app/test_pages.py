"""Each page, run without a browser: what it says, and what it says when there is nothing."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from regime.scoring import Readiness, State
from regime.tracking.published import load_published

VIEWS = Path(__file__).parents[2] / "app" / "views"


def page(name):
    return AppTest.from_file(str(VIEWS / f"{name}.py"), default_timeout=60).run()


def words(ran):
    kinds = ("title", "subheader", "markdown", "caption", "warning", "error", "info")
    return " ".join(str(element.value) for kind in kinds for element in getattr(ran, kind))


def test_today_shows_the_published_numbers_and_says_they_are_simulated_and_old(served, home):
    home(served.home)
    ran = page("today")
    assert not ran.exception
    said = load_published(served)
    day = said["scores"]["date"].max()
    latest = said["scores"][said["scores"]["date"] == day].set_index("horizon")
    shown = [metric.value for metric in ran.metric]
    assert shown == [f"{1 - latest['mega_cap_led'][horizon]:.0%}" for horizon in (0, 21, 63)]
    text = words(ran)
    assert "SIMULATED" in text
    assert "Not today's numbers" in text  # 2008 was a while ago
    assert said["calls"]["words"].iloc[-1] in text
    assert f"As of the close of {day:%d %B %Y}" in text


@pytest.mark.parametrize(
    ("state", "behind", "said"),
    [
        (State.HELD, 1, ["Not today's numbers", "HELD", "RSP"]),
        (State.DEGRADED, 0, ["DEGRADED", "RSP", "the filter"]),
    ],
)
def test_today_says_what_was_missing(served, home, monkeypatch, tmp_path, state, behind, said):
    shutil.copytree(served.home, tmp_path / "home", symlinks=True)
    about = tmp_path / "home" / "published" / "champion" / "result.json"
    day = load_published(served)["scores"]["date"].max()
    readiness = Readiness(state, day, day, ("RSP",))
    told = json.loads(about.read_text()) | {"state": state.value, "words": readiness.words}
    about.write_text(json.dumps(told))
    home(tmp_path / "home")
    monkeypatch.setattr("app.queries.sessions_behind", lambda _: behind)
    ran = page("today")
    assert not ran.exception
    text = words(ran)
    for word in said:
        assert word in text


def test_the_years_slider_changes_nothing_but_the_charts(served, home):
    home(served.home)
    ran = page("today")
    before = [metric.value for metric in ran.metric]
    ran.slider[0].set_value(1).run()
    assert not ran.exception
    assert [metric.value for metric in ran.metric] == before


@pytest.mark.parametrize(
    ("name", "remedy"), [("today", "regime demo"), ("models", "regime compare")]
)
def test_an_empty_home_says_what_to_run(name, remedy, tmp_path, home):
    home(tmp_path / "nothing")
    ran = page(name)
    assert not ran.exception
    assert remedy in words(ran)


def test_models_lists_every_score_of_the_comparison(served, home):
    home(served.home)
    ran = page("models")
    assert not ran.exception
    table = ran.dataframe[0].value
    assert list(table["days ahead"]) == [0, 21, 63]
    assert set(table["edge [90%]"]) == {"the model to beat"}
    assert "SIMULATED" in words(ran)


def test_no_chart_draws_a_day_by_a_model_that_was_trained_on_it(served):
    scores = load_published(served)["scores"]
    assert set(scores["basis"]) == {"walk_forward", "out_of_sample"}
    drawn = scores.drop_duplicates(["date", "horizon"])
    assert len(drawn) == len(scores)
    later = scores[scores["basis"] == "out_of_sample"]
    assert (later["date"] > later["trained_until"]).all()
    assert pd.Timestamp("2008-12-31") == scores["date"].max()
