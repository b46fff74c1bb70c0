"""How good the models are, run without a browser: each section, then, empty and broken."""

import re
import shutil

import pandas as pd
import pytest
from paged import VIEWS, broken, page, words
from rostered import keep, roster
from streamlit.testing.v1 import AppTest

from regime.brief import models
from regime.brief.snapshot import load_snapshot

SECTIONS = (
    "In service", "Said and so", "By decade", "Live record", "All scores", "Side by side",
)  # fmt: skip
DECADE = {"decade": "1990s", "edge": 0.1, "edge_low": 0.0, "edge_high": 0.2, "n_days": 250}
CARD = {
    "model": {"experiment": "small"},
    "test": {"from": "1999-01-04", "to": "2007-12-31"},
    "horizons": [{"horizon": 0, "by_decade": [DECADE | {"n_episodes": 12}]}],
}


@pytest.fixture(scope="module")
def listed(served, tmp_path_factory):
    """A copy with versions and runs; version 3 speaks in this home."""
    folder = tmp_path_factory.mktemp("listed") / "home"
    shutil.copytree(served.home, folder, symlinks=True)
    told = roster()
    told["versions"][0]["card"] = CARD
    keep(told, folder)
    return served.model_copy(update={"home": folder})


def section(name, day=None):
    ran = AppTest.from_file(str(VIEWS / "models.py"), default_timeout=60)
    ran.session_state["section"] = name
    if day is not None:
        ran.session_state["day"] = pd.Timestamp(day)
    return ran.run()


def test_it_opens_on_whether_it_has_been_right(listed, home):
    home(listed.home)
    assert "settled days" in words(page("models"))


def test_who_serves_is_told_with_what_the_gate_said(listed, home):
    home(listed.home)
    ran = section("In service")
    assert not ran.exception
    assert [one.value for one in ran.subheader] == [
        "In service: version 2", "Challenger: version 3", "In service before: version 1",
    ]  # fmt: skip
    (gate,) = ran.table
    assert list(gate.value["answer"]) == ["passed", "FAILED"]
    text = words(ran)
    assert "files end early" in text
    assert "as of 3 June 2024" in text
    assert "<b>" not in " ".join(gate.value["why"]).replace(r"\<", "")  # shown, not obeyed


def test_every_section_is_drawn_alone_and_says_when_it_has_nothing(listed, served, home, tmp_path):
    home(listed.home)
    for name in SECTIONS:
        ran = section(name)
        assert not ran.exception, name
        assert bool(ran.table) == (name == "In service")
    shutil.copytree(served.home, tmp_path / "bare", symlinks=True)
    shutil.rmtree(tmp_path / "bare" / "results")
    home(tmp_path / "bare")
    for name, remedy in {
        "In service": "regime retrain", "By decade": "regime retrain", "Live record": "regime run",
        "All scores": "regime compare", "Side by side": "regime compare",
    }.items():  # fmt: skip
        ran = section(name)
        assert not ran.exception, name
        assert remedy in words(ran), name


def test_said_and_so_are_those_of_settled_days_of_the_snapshot(listed, home):
    home(listed.home)
    ran = section("Said and so")
    _, actual = models.settled(load_snapshot(listed), 0)
    assert f"{len(actual):,} settled days" in words(ran)
    earlier = words(section("Said and so", "2003-06-30"))
    (until,) = re.findall(r"settled days, .* to (\d+ \w+ \d{4})\.", earlier)
    assert pd.Timestamp("2003-01-01") < pd.Timestamp(until) <= pd.Timestamp("2003-06-30")


def test_all_scores_lists_every_score_of_the_comparison(listed, home):
    home(listed.home)
    ran = section("All scores")
    table = ran.dataframe[0].value
    assert list(table["sessions ahead"]) == [0, 21, 63]
    assert set(table["edge [90%]"]) == {"the model to beat"}
    assert words(ran).count("SIMULATED") == 1
    # Its test ended in 2007.
    assert not section("All scores", "2005-06-30").dataframe


def test_two_runs_stand_side_by_side_and_one_alone_does_not(listed, home):
    home(listed.home)
    ran = section("Side by side")
    parameters, numbers = (one.value for one in ran.dataframe)
    assert list(parameters["parameter"]) == ["features.sets", "model.kind"]
    assert "+0.020 [-0.010, +0.050]" in set(numbers.iloc[:, 1])
    ran.multiselect[0].set_value(ran.multiselect[0].options[:1]).run()
    assert not ran.exception
    assert "Choose two to 4 runs" in words(ran)


def test_on_an_earlier_day_later_versions_and_runs_are_not_known(listed, home):
    home(listed.home)
    ran = section("In service", "2007-06-29")
    assert "No version had been registered by this day" in words(ran)
    assert "not two finished runs" in words(section("Side by side", "2007-06-29"))
    assert "no score by decade" in words(section("By decade", "2007-06-29"))


def test_an_unreadable_list_is_said_and_the_rest_still_shown(listed, home, tmp_path):
    shutil.copytree(listed.home, tmp_path / "home", symlinks=True)
    (tmp_path / "home" / "published" / "roster.json").write_text("{")
    home(tmp_path / "home")
    ran = section("Said and so")
    assert not ran.exception
    assert "cannot be read" in words(ran)
    assert "settled days" in words(ran)


def test_an_empty_and_a_broken_home_say_what_to_run(served, home, tmp_path):
    home(tmp_path / "nothing")
    ran = page("models")
    assert not ran.exception
    assert "regime demo" in words(ran)
    home(broken(served.home, tmp_path / "broken"))
    ran = page("models")
    assert not ran.exception
    assert "regime score" in words(ran)
