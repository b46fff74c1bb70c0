"""What a bundle says of the newest days alone is what it says of them among all."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regime.bundle import features_kept, fit_bundle
from regime.config import ExperimentConfig

EVERYTHING = ["path", "rates", "valuation", "breadth", "leadership", "styles", "stress"]
SMALL = {"n_markets": 4, "n_days": 800, "blocks": [21]}
KINDS = {
    "climatology": ([], {}),
    "persistence": ([], {}),
    "filter": ([], {}),
    "logistic": (EVERYTHING, {}),
    "hist_gradient_boosting": (EVERYTHING, {"max_iter": 5}),
    "boosting": (EVERYTHING, {"max_iter": 5}),
    "boosting_from_filter": (EVERYTHING, {"n_estimators": 5}),
    "gaussian_hmm": (["stress", "leadership"], {"n_init": 1, "n_iter": 5}),
    "hybrid": (["path", "leadership"], {"max_iter": 5}),
    "resampled_filter": ([], SMALL),
    "logistic_correction": (EVERYTHING, {"start_params": SMALL}),
    "boosting_correction": (EVERYTHING, {"start_params": SMALL, "max_rounds": 5}),
}


@pytest.fixture(scope="module", params=KINDS)
def told(request, market):
    """A bundle of each kind, what it reads of the market and what it says of every day."""
    sets, params = KINDS[request.param]
    config = ExperimentConfig(
        name=request.param,
        baskets=("french",),
        features={"sets": sets},
        labels={"horizons": (0, 21)},
        model={"kind": request.param, "params": params},
    )
    bundle = fit_bundle(config, "french", market[:"2003-12-31"])
    return bundle, bundle.features_of(market), bundle.predict_proba(market)


@given(st.data())
@settings(max_examples=10, deadline=None)
def test_the_newest_days_alone_are_the_tail_of_the_whole_to_the_bit(told, market, data):
    bundle, X, whole = told
    back = data.draw(st.one_of(st.integers(1, 20), st.integers(1, len(X))))
    since = X.index[-back] - pd.Timedelta(days=data.draw(st.integers(0, 1)))
    tail = whole[whole["date"] >= since].reset_index(drop=True)
    pd.testing.assert_frame_equal(bundle.predict_proba(market, since, X=X), tail, check_exact=True)


def test_after_the_last_day_there_is_nothing_to_say(told, market):
    bundle, X, whole = told
    after = bundle.predict_proba(market, X.index[-1] + pd.Timedelta(days=1), X=X)
    assert after.empty
    assert (after.dtypes == whole.dtypes).all()


def test_features_are_those_scikit_learn_s_own_pipeline_computes(market):
    from sklearn.pipeline import make_pipeline

    from regime.features.assembly import FAMILIES, market_frame

    frame = market_frame(market, "french")
    for family in FAMILIES.values():
        for feature in family(504):
            if feature.by and {*feature.needs} <= {*frame.columns}:
                raw = feature.measure(frame).astype(np.float64).to_frame()
                expected = make_pipeline(*feature.by).fit_transform(raw)[:, 0]
                np.testing.assert_array_equal(feature.of(frame).to_numpy(), expected)


def test_an_infinite_value_is_refused_by_name(market):
    from regime.features.assembly import features_of, market_frame

    frame = market_frame(market, "french").assign(market_return=np.inf)
    with pytest.raises(ValueError, match="market_return holds an infinite one"):
        features_of(frame, ["leadership"], 10.0, 504)


def test_what_a_correction_threw_away_in_training_is_not_expected_in_service(market):
    config = ExperimentConfig(
        name="correction",
        baskets=("french",),
        features={"sets": ["leadership", "stress"]},
        labels={"horizons": (0,)},
        model={"kind": "logistic_correction", "params": {"start_params": SMALL}},
    )
    late = market.copy()
    late.loc[:"2003-06-30", "VIXCLS"] = np.nan  # known for half a year of fifteen
    bundle = fit_bundle(config, "french", late[:"2003-12-31"])
    names = list(bundle.features_of(late[:"2003-12-31"]).columns)
    gone = {*names} - features_kept(bundle.classifiers[0], names)
    assert "vix_change_21d" in gone
    assert not gone & {*bundle.expects}
    assert "mega_over_small_21d" in bundle.expects
    assert "path_score_broadening" in bundle.expects
