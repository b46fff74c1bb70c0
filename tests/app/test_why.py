"""Why, run without a browser; and that what it shows adds up for every day there is."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from paged import VIEWS, page, words
from streamlit.testing.v1 import AppTest

from app import queries
from regime.brief import why
from regime.tracking.card_text import escaped


def opened(**address):
    """Why, opened by an address."""
    app = AppTest.from_file(str(VIEWS / "why.py"), default_timeout=60)
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def test_published_shares_of_every_day_of_the_year_add_up_to_the_change(lived, served):
    for settings in (lived, served):
        shares = queries.load_snapshot(settings).shares
        assert shares["date"].nunique() == 252
        logs = np.log(np.maximum(shares[["before", "now"]], 1e-6))
        by_day = shares.assign(moved=logs["now"] - logs["before"])
        summed = by_day.groupby(["date", "horizon", "regime"]).agg(
            share=("share", "sum"), moved=("moved", "first")
        )
        mean = summed["moved"].groupby(["date", "horizon"]).transform("mean")
        assert_allclose(summed["share"], summed["moved"] - mean, atol=1e-6)


def test_why_begins_with_the_called_regime_at_the_close(at_eight):
    ran = page("why")
    assert not ran.exception
    shown = queries.snapshot()
    change = why.change_of(shown, 0)
    called = str(shown.call["regime"])
    opened = why.opening(change, called)
    assert escaped(why.sentence(change, called)) in words(ran)
    assert escaped(why.sentence(change, opened)) in words(ran)
    assert ran.segmented_control(key="why_regime").value == opened
    assert escaped(why.adds_up(change)) in words(ran)
    table = next(one.value for one in ran.dataframe if "what" in one.value)
    pd.testing.assert_frame_equal(table, why.table(change))


@pytest.mark.parametrize(("horizon", "regime"), [(21, "small_cap_led"), (63, "mega_cap_led")])
def test_another_horizon_or_regime_is_explained_when_it_is_chosen(at_eight, horizon, regime):
    ran = page("why")
    ran.segmented_control(key="why_horizon").set_value(horizon).run()
    ran.segmented_control(key="why_regime").set_value(regime).run()
    assert not ran.exception
    change = why.change_of(queries.snapshot(), horizon)
    assert escaped(why.sentence(change, regime)) in words(ran)


def test_an_address_has_what_was_chosen_and_opens_the_same_page_again(at_eight):
    ran = page("why")
    ran.segmented_control(key="why_horizon").set_value(21).run()
    ran.segmented_control(key="why_regime").set_value("small_cap_led").run()
    sent = {name: ran.query_params[name] for name in ("horizon", "regime")}
    assert sent == {"horizon": "21", "regime": "small_cap_led"}
    again = opened(horizon="21", regime="small_cap_led")
    change = why.change_of(queries.snapshot(), 21)
    assert escaped(why.sentence(change, "small_cap_led")) in words(again)


def test_an_address_that_asks_for_what_is_not_there_says_so_and_opens(at_eight):
    ran = opened(horizon="22", regime="**bold**")
    assert not ran.exception
    assert escaped("“22”, which is none of 0, 21 and 63") in words(ran)
    assert escaped("**bold**") in words(ran)
    assert ran.segmented_control(key="why_horizon").value == 0


def test_similar_days_are_told_as_memory_and_not_as_forecast(at_eight):
    text = words(page("why"))
    shown = queries.snapshot()
    if shown.similar.empty:
        assert escaped(why.not_told(shown, "Similar days are")) in text
    else:
        assert escaped(why.alike_words(shown)) in text
        assert escaped(why.NO_FORECAST) in text


def test_a_day_long_before_the_explained_year_says_so(served, home):
    home(served.home)
    ran = page("why", day="2005-03-01")
    assert not ran.exception
    text = words(ran)
    assert "newest 252 sessions only" in text
    assert "kept of days that were published only" in text
    assert not ran.segmented_control
