"""Each page, run without a browser: what it says, and what it says when there is nothing."""

import json
import shutil
import warnings
from pathlib import Path

import pandas as pd
import pytest
from registered import HOSTILE, experiment, register_one, trained
from streamlit.testing.v1 import AppTest

from regime.scoring import Readiness, State
from regime.settings import Settings
from regime.tracking.card_sections import sections
from regime.tracking.card_text import escaped, summary
from regime.tracking.mlflow_client import client
from regime.tracking.published import load_published
from regime.tracking.registry import MODEL, load_card

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
    ("name", "remedy"),
    [("today", "regime demo"), ("models", "regime compare"), ("card", "regime retrain")],
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


@pytest.fixture(scope="module")
def carded(market, tmp_path_factory):
    """Two versions of a filter, both with a card and none in service."""
    settings = Settings(home=tmp_path_factory.mktemp("carded"))
    config = experiment(features={}, labels={"horizons": (0,)}, model={"kind": "filter"})
    found = trained(market, config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on newer libraries
        for _ in range(2):
            register_one(*found, market, settings.home)
    return settings


def test_a_card_shows_every_section_of_the_newest_version_and_says_it_is_simulated(carded, home):
    home(carded.home)
    ran = page("card")
    assert not ran.exception
    card = load_card(carded, "2")
    text = words(ran)
    assert "SIMULATED" in text
    assert escaped(summary(card)) in text
    assert f"Version 2, as of the close of {card['training']['trained_until']}" in text
    assert [title.value for title in ran.subheader] == [one.title for one in sections(card)]
    assert len(ran.table) == sum(one.table is not None for one in sections(card))
    made = ran.table[-1].value
    assert escaped(HOSTILE) in set(made["value"])
    assert HOSTILE not in text
    ran.selectbox[0].set_value("1").run()
    assert not ran.exception
    assert "Version 1, as of" in words(ran)


def test_the_version_in_service_comes_first(carded, home, monkeypatch):
    home(carded.home)
    said = {"about": {"model_version": "1"}}
    monkeypatch.setattr("app.queries.published", lambda: said)
    assert page("card").selectbox[0].options == ["1", "2"]


def test_a_card_that_was_changed_or_never_made_is_not_shown(carded, home):
    home(carded.home)
    tracker = client(carded)
    digest = tracker.get_model_version(MODEL, "2").tags["card_sha256"]
    try:
        tracker.set_model_version_tag(MODEL, "2", "card_sha256", "0" * 64)
        ran = page("card")
        assert not ran.exception
        assert "not what was registered" in words(ran)
        assert not ran.table
        tracker.delete_model_version_tag(MODEL, "2", "card_sha256")
        ran = page("card")
        assert not ran.exception
        assert "Version 2 has no model card" in words(ran)
        assert "regime retrain" in words(ran)
    finally:
        tracker.set_model_version_tag(MODEL, "2", "card_sha256", digest)


def test_a_home_is_not_made_by_looking_for_a_card(tmp_path, home):
    home(tmp_path / "nothing")
    page("card")
    assert not (tmp_path / "nothing").exists()
