"""Today, run without a browser: it says what was published, and as of when."""

import json
import shutil

import pytest
from paged import page, words

from app import queries
from regime.brief import sure, today
from regime.exceptions import StoreError
from regime.scoring import Readiness, State
from regime.taxonomy import REGIMES
from regime.tracking.published import NAME, SHOWN, load_published
from regime.tracking.results import save_frames


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
    assert ran.metric[0].label == f"At the close of {today.day_words(day)}"


def test_no_old_number_is_called_now(served, home):
    home(served.home)
    ran = page("today")
    assert " now" not in words(ran.main).lower().replace("nowcast", "")
    assert not any("now" in metric.label.lower() for metric in ran.metric)


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


def test_today_says_in_order_what_a_strategist_opens_it_for(at_eight):
    ran = page("today")
    assert not ran.exception
    text = words(ran)
    shown = queries.snapshot()
    assert today.state_of(shown).moment in text
    for one in sure.how_sure(shown):
        assert one.words in text.replace("\\", "")
    moved = today.overnight_of(shown)
    assert moved.words
    for sentence in moved.words[0]:
        assert sentence in text.replace("\\", "")
    assert [one.value for one in ran.subheader] == [
        today.AWAY, "How sure is that?", "What moved since the close before",
        "What would change the call", "What is it worth?",
    ]  # fmt: skip
    assert ran.header[0].value == shown.call["words"]


def test_an_empty_home_says_how_to_begin(tmp_path, home):
    home(tmp_path / "nothing")
    ran = page("today")
    assert not ran.exception
    assert "regime demo" in words(ran)


def test_an_earlier_day_shows_that_day_s_numbers_and_no_later_one(at_eight):
    ran = page("today", day="2012-07-05")
    assert not ran.exception
    then = queries.snapshot(pd_day := queries.snapshot().calls["date"].iloc[-4])
    assert f"{pd_day:%Y-%m-%d}" == "2012-07-05"
    assert ran.metric[0].value == f"{then.call['away_from_giants']:.0%}"
    text = words(ran)
    assert "5 July 2012" in text
    assert "10 July" not in text


def test_how_sure_is_worked_out_again_when_something_else_was_published(served, home, tmp_path):
    shutil.copytree(served.home, tmp_path / "home", symlinks=True)
    home(tmp_path / "home")
    shown = queries.snapshot()
    before = queries.how_sure(shown)
    frames = {name: getattr(shown, name) for name in SHOWN}
    frames["scores"] = shown.scores.assign(**dict.fromkeys(REGIMES, 1 / 3))
    save_frames(frames, shown.about, tmp_path / "home" / "published", NAME)
    assert queries.how_sure(queries.snapshot()) != before


def test_a_roster_that_cannot_be_read_leaves_the_page_standing(served, home, monkeypatch):
    def unreadable():
        raise StoreError("broken")

    home(served.home)
    monkeypatch.setattr("app.queries.roster", unreadable)
    ran = page("today")
    assert not ran.exception
    assert "was not measured" in words(ran)
