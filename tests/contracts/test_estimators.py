"""Laws that every transformer, model and the chain obey."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from regime.config import ExperimentConfig, ModelKind
from regime.data.baskets import spliced_lead
from regime.features.assembly import SETS, PanelFeatures
from regime.features.transforms import (
    Drawdown,
    TrailingChange,
    TrailingMean,
    TrailingPercentile,
    TrailingScale,
    TrailingSum,
    TrailingZScore,
    VolatilityRatio,
    _Trailing,
)
from regime.labels.leadership import leadership_path, target
from regime.models.assembly import OWN_INPUTS, build_classifier, input_columns, input_sets
from regime.models.selection import KnownFeatures

TEMPORAL = [
    TrailingChange(3),
    TrailingMean(5),
    TrailingSum(4),
    TrailingZScore(20, min_periods=5),
    TrailingPercentile(20, min_periods=5),
    TrailingScale(10, min_periods=5),
    VolatilityRatio(5, 20),
    Drawdown(20),
]
ROWWISE = [KnownFeatures()]

ORDER_MATTERS = dict.fromkeys(
    ["check_methods_sample_order_invariance", "check_methods_subset_invariance"],
    "row t depends on the rows before it",
)


def test_every_transformer_is_held_to_the_laws():
    assert {type(estimator) for estimator in TEMPORAL} == {*_Trailing.__subclasses__()}


def order_matters(estimator):
    # The checks' returns are all positive: no drawdown, in whatever order.
    return {} if isinstance(estimator, Drawdown) else ORDER_MATTERS


@parametrize_with_checks(TEMPORAL, expected_failed_checks=order_matters)
def test_a_trailing_transformer_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


@parametrize_with_checks(ROWWISE)
def test_a_selector_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def days():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(1200, 3)).cumsum(axis=0)
    X[rng.random(X.shape) < 0.05] = np.nan
    return X


@pytest.mark.parametrize("estimator", TEMPORAL, ids=repr)
def test_a_transformer_is_blind_to_the_future(estimator, days):
    fitted = clone(estimator).fit(days)
    whole = fitted.transform(days)
    for today in (1, 7, 400, 770, 1190):
        assert_array_equal(whole[:today], fitted.transform(days[:today]))
        assert_array_equal(whole[:today], clone(estimator).fit_transform(days[:today]))


@pytest.mark.parametrize("baskets", ["funds", pytest.param("french", marks=pytest.mark.long)])
@pytest.mark.parametrize("name", SETS)
def test_a_feature_set_is_blind_to_the_future(name, baskets, market):
    features = PanelFeatures([name], baskets=baskets)
    whole = features.fit_transform(market)
    for today in ("1990-06-29", "2000-03-31", "2003-09-30", "2004-05-04", "2006-11-30"):
        pd.testing.assert_frame_equal(whole[:today], features.fit_transform(market[:today]))


KINDS = [kind for kind in get_args(ModelKind) if kind != "stack"]
# Trees that were grown earlier see no further than trees grown later; all of them under `long`.
FEWER_TREES = {
    "boosting_from_filter": {"n_estimators": 15}, "hybrid": {"max_iter": 25},
    "hist_gradient_boosting": {"max_iter": 25}, "boosting": {"max_iter": 25},
    "boosting_correction": {"max_rounds": 15},
}  # fmt: skip
MODELS = [pytest.param(kind, FEWER_TREES.get(kind, {}), id=kind) for kind in KINDS] + [
    pytest.param(kind, {}, id=f"{kind}-whole", marks=pytest.mark.long) for kind in FEWER_TREES
]


@pytest.mark.parametrize(("kind", "params"), MODELS)
def test_a_model_is_blind_to_the_future(kind, params, market):
    own = kind in OWN_INPUTS
    config = ExperimentConfig(
        name=kind,
        features={} if own else {"sets": ["path", "leadership", "stress"]},
        model={"kind": kind, "params": params},
    )
    X = PanelFeatures(input_sets(config)).fit_transform(market)
    X = X[input_columns(config, list(X))]
    label = leadership_path(spliced_lead(market, "french"), switching_cost=10)
    for horizon in (0, 21):
        y = target(label, horizon)["regime"].dropna()[:3000]
        model = build_classifier(config, horizon).fit(X.loc[y.index], y)
        whole = model.predict_proba(X)
        assert_array_equal(whole[:4000], model.predict_proba(X[:4000]))
        assert_array_equal(whole[:3100], model.predict_proba(X[:3100]))
