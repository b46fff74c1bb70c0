"""Every page of an app at a home that is lived in: with data, then, empty and broken."""

import pytest
from paged import NAMES, page, words

SNAPSHOT_PAGES = [name for name in NAMES if name != "glossary"]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_something_to_say_and_says_that_it_is_simulated(name, at_eight):
    ran = page(name)
    assert not ran.exception
    assert not ran.error
    assert "SIMULATED" in words(ran) or name == "glossary"


@pytest.mark.parametrize("name", SNAPSHOT_PAGES)
def test_a_page_shows_an_earlier_day(name, at_eight):
    ran = page(name, day="2012-07-05")
    assert not ran.exception
    assert "5 July 2012" in words(ran)
