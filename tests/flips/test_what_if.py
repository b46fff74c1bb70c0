"""What if: a change of features is the model on another last row."""

import math

import numpy as np
import pandas as pd
import pytest
from flips.told import MODELS
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from regime.exceptions import PanelError
from regime.taxonomy import REGIMES
from regime.what_if import units, what_if


@pytest.mark.parametrize("name", MODELS)
def test_with_no_changes_it_is_the_bundles_own_answer_to_the_bit(name, market, told):
    told = told(name)
    own = told.bundle.predict_proba(market)
    own = own[own["date"] == market.index[-1]].set_index("horizon")[list(REGIMES)]
    same = what_if(told.bundle, market, {})
    assert_frame_equal(same.before, own, check_exact=True)
    assert_frame_equal(same.after, own, check_exact=True)
    assert same.settings.empty
    assert same.day == market.index[-1]


def test_a_change_is_the_model_on_another_last_row(market, told):
    told = told("correction")
    X = told.bundle.features_of(market)
    changes = {"mega_over_small_21d": 2.5, "market_drawdown": -0.3, "path_score_broadening": -4}
    edited = X.copy()
    for name, value in changes.items():
        edited.iloc[-1, list(X).index(name)] = value
    kept = X.copy()
    what = what_if(told.bundle, market, changes, X=X)
    assert_frame_equal(X, kept, check_exact=True)
    for horizon, model in told.bundle.classifiers.items():
        wanted = pd.Series(model.predict_proba(edited)[-1], model.classes_)
        assert_allclose(what.after.loc[horizon], wanted[list(REGIMES)], rtol=1e-12)
    assert (what.after - what.before).abs().to_numpy().max() > 0.01
    assert_frame_equal(what_if(told.bundle, market, changes).after, what.after, check_exact=True)


def test_each_setting_stands_beside_what_was_ever_seen(market, told):
    told = told("correction")
    X = told.bundle.features_of(market)
    seen = X["market_drawdown"].dropna()
    settings = what_if(
        told.bundle, market,
        {"market_drawdown": seen.min() - 1e-6, "market_return_21d": 0, "market_return_63d": np.nan},
    ).settings  # fmt: skip
    row = settings.loc["market_drawdown"]
    spread = row[["lowest", "p1", "median", "p99", "highest"]].astype(float)
    assert_allclose(spread, np.percentile(seen, [0, 1, 50, 99, 100]))
    assert row["before"] == X["market_drawdown"].iloc[-1]
    assert list(settings["unseen"]) == [True, False, False]
    assert np.isnan(settings.loc["market_return_63d", "after"])
    edge = what_if(told.bundle, market, {"market_drawdown": seen.min()}).settings
    assert not edge["unseen"].any()


def test_a_feature_never_known_has_no_range_and_any_setting_is_unseen(market, told):
    told = told("correction")
    X = told.bundle.features_of(market).assign(market_drawdown=np.nan)
    settings = what_if(told.bundle, market, {"market_drawdown": -0.1}, X=X).settings
    assert settings[["lowest", "median", "highest"]].isna().all(axis=None)
    assert settings["unseen"].all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"market_drawdwn": 0.0}, "which is no feature.*reads is 'market_drawdown'"),
        ({"baa_spread": 1.0}, "'baa_spread', which it does not read"),
        ({"path_confirmed_broadening": 1.0}, "does not read"),
        ({"market_drawdown": math.inf}, "found inf"),
        ({"market_drawdown": "deep"}, "found 'deep'"),
        ({"market_drawdown": None}, "found None"),
    ],
)  # fmt: skip
def test_a_setting_that_means_nothing_is_refused_in_one_line(market, told, changes, words):
    told = told("correction")
    with pytest.raises(PanelError, match=words) as refused:
        what_if(told.bundle, market, changes)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", MODELS)
def test_every_feature_that_is_read_has_a_family_a_unit_and_a_reason(name, market, told):
    bundle = told(name).bundle
    table = units(bundle)
    assert list(table) == ["feature", "family", "unit", "reason"]
    assert list(table["feature"]) == list(bundle.features_of(market))
    assert (table.map(len) > 3).all(axis=None)
    assert table["reason"].str.endswith(".").all()
