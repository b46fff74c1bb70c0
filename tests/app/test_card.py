"""The model card, run without a browser: of the version in service, whole or not at all."""

import shutil

import pytest
from paged import page, words
from registered import HOSTILE
from rostered import keep

from regime.settings import Settings
from regime.tracking.card_sections import sections
from regime.tracking.card_text import escaped, summary
from regime.tracking.registry import load_card
from regime.tracking.roster import load_roster, roster_path


@pytest.fixture(scope="module")
def listed(carded, tmp_path_factory):
    """A copy of a home with a card, whose version is listed twice."""
    folder = tmp_path_factory.mktemp("listed") / "home"
    shutil.copytree(carded.home, folder, symlinks=True)
    told = load_roster(carded)
    (first,) = told["versions"]
    second = first | {"number": "2", "card": first["card"] | {"version": "2"}}
    keep(told | {"versions": [second, first]}, folder)
    return Settings(home=folder)


def changed(listed, home, tmp_path, **roster):
    """Point the app at the same list but for what is changed."""
    keep(load_roster(listed) | roster, tmp_path)
    home(tmp_path)


def test_a_card_shows_every_section_of_the_newest_version_and_says_it_is_simulated(listed, home):
    home(listed.home)
    ran = page("card")
    assert not ran.exception
    card = load_card(listed, "1")
    text = words(ran)
    assert "SIMULATED" in text
    assert escaped(summary(card)) in text
    assert "Version 2, as of the close of 31 December 2008" in text
    assert "to the byte" in text
    assert [title.value for title in ran.subheader] == [one.title for one in sections(card)]
    assert len(ran.table) == sum(one.table is not None for one in sections(card))
    made = ran.table[-1].value
    assert escaped(HOSTILE) in set(made["value"])
    assert HOSTILE not in text
    ran.selectbox[0].set_value("1").run()
    assert not ran.exception
    assert "Version 1, as of" in words(ran)


def test_the_version_in_service_comes_first(listed, home, tmp_path):
    changed(listed, home, tmp_path, champion="1")
    assert page("card").selectbox[0].options == ["1", "2"]


def test_a_card_that_was_changed_or_never_made_is_not_shown(listed, home, tmp_path):
    newest, first = load_roster(listed)["versions"]
    fault = "The model card of version 2 cannot be read: it is not what was registered."
    bad = newest | {"card": None, "card_fault": fault}
    changed(listed, home, tmp_path, versions=[bad, first])
    ran = page("card")
    assert not ran.exception
    assert "not what was registered" in words(ran)
    assert not ran.table


def test_on_an_earlier_day_a_later_version_has_no_card(listed, home, tmp_path):
    newest, first = load_roster(listed)["versions"]
    early = first | {"registered_at": "2008-06-02T22:00:00+00:00"}
    changed(listed, home, tmp_path, versions=[newest, early])
    ran = page("card", day="2008-07-01")
    assert "Version 1, as of" in words(ran)
    assert not ran.selectbox
    ran = page("card", day="2008-05-01")
    assert "No version had been registered by the close of 1 May 2008" in words(ran)
    assert not ran.table


def test_an_empty_or_unreadable_list_says_what_to_run_and_makes_nothing(tmp_path, home):
    home(tmp_path / "nothing")
    ran = page("card")
    assert not ran.exception
    assert "regime retrain" in words(ran)
    assert not (tmp_path / "nothing").exists()
    keep({}, tmp_path)
    roster_path(Settings(home=tmp_path)).write_text("{")
    home(tmp_path)
    ran = page("card")
    assert not ran.exception
    assert "cannot be read" in words(ran)
