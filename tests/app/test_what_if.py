"""The page that asks the model: its sliders, its answer, and when it cannot be asked."""

import shutil

import pandas as pd
import pytest
from numpy.testing import assert_allclose
from paged import broken, page, words

from regime.brief.snapshot import load_snapshot
from regime.taxonomy import REGIMES
from regime.tracking.published import load_model, load_published
from regime.what_if import what_if

SCORE = "path_score_mega_cap_led"


@pytest.fixture
def asked(served, home):
    """The page, the model that was published and what it reads."""
    home(served.home)
    bundle = load_model(served)
    X = load_published(served, ["features"])["features"].set_index("date")
    X = X[[name for name in X if name.startswith("path_score")]]
    return page("what_if"), bundle, X


def slider(ran, name):
    return next(one for one in ran.slider if one.key.startswith(f"what_if_{name}_"))


def test_nothing_is_set_at_first_and_the_sliders_stand_where_the_day_does(asked):
    ran, _, X = asked
    assert not ran.exception
    text = words(ran)
    for said in ("SIMULATED", "The others do not follow", "not a forecast", "Nothing is set yet"):
        assert said in text
    for name in X:
        assert_allclose(slider(ran, name).value, X[name].iloc[-1])


def test_moving_a_slider_shows_the_models_answer_and_reset_undoes_it(asked):
    ran, bundle, X = asked
    slider(ran, SCORE).set_value(-3.0).run()
    assert not ran.exception
    wanted = what_if(bundle, pd.DataFrame(), {SCORE: -3.0}, X=X)
    moved = 100 * (wanted.after - wanted.before)
    points = ran.dataframe[0].value
    for place, regime in enumerate(REGIMES, start=1):
        assert list(points.iloc[:, place]) == [f"{one:+.1f}" for one in moved[regime]]
    assert "most probable" in words(ran)
    reset = next(one for one in ran.button if one.label == "Reset")
    reset.click().run()
    assert "Nothing is set yet" in words(ran)
    assert_allclose(slider(ran, SCORE).value, X[SCORE].iloc[-1])


def test_a_slider_put_back_where_it_was_sets_nothing(asked):
    ran, _, _ = asked
    start = slider(ran, SCORE).value
    slider(ran, SCORE).set_value(-3.0).run()
    assert "Nothing is set yet" not in words(ran)
    slider(ran, SCORE).set_value(start).run()
    assert "Nothing is set yet" in words(ran)


def test_a_setting_that_was_never_seen_is_warned_of(asked):
    ran, _, _ = asked
    assert slider(ran, SCORE).max == 0  # a path earns no more than the best of all
    slider(ran, SCORE).set_value(slider(ran, SCORE).min).run()
    assert "Path score, mega-cap led at" in words(ran)
    assert "outside everything seen" in words(ran)


def test_a_whole_family_moves_to_a_percentile_and_the_settings_outlast_a_change_of_family(asked):
    ran, bundle, X = asked
    ran.button_group[0].set_value("path").run()
    slider(ran, "family").set_value(90).run()
    assert not ran.exception
    for name in X:
        assert_allclose(slider(ran, name).value, X[name].quantile(0.9))
    wanted = what_if(bundle, pd.DataFrame(), {name: X[name].quantile(0.9) for name in X}, X=X)
    assert "set elsewhere" not in words(ran)
    ran.multiselect[0].set_value(ran.multiselect[0].value[:1]).run()
    assert f"{X.shape[1] - 1} set elsewhere" in words(ran)
    ran.button_group[0].set_value("").run()
    found = ran.dataframe[0].value.iloc[:, 1]
    moved = 100 * (wanted.after - wanted.before)[REGIMES[0]]
    assert list(found) == [f"{one:+.1f}" for one in moved]


def test_on_an_earlier_day_it_says_that_the_model_of_then_was_not_kept(asked, served):
    day = load_snapshot(served).probabilities(0).index[-300]
    ran = page("what_if", day.strftime("%Y-%m-%d"))
    assert not ran.exception
    assert "was not kept" in words(ran)
    assert not ran.slider


def test_without_its_model_or_with_nothing_published_it_says_what_to_do(served, home, tmp_path):
    home(tmp_path / "nothing")
    assert "regime demo" in words(page("what_if"))
    home(broken(served.home, tmp_path / "broken"))
    ran = page("what_if")
    assert not ran.exception
    assert ran.error
    shutil.copytree(served.home, tmp_path / "changed", symlinks=True)
    (tmp_path / "changed" / "published" / "champion" / "model.json").unlink()
    home(tmp_path / "changed")
    ran = page("what_if")
    assert not ran.exception
    assert "regime score" in words(ran)
