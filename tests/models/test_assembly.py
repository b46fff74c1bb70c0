"""Every kind of model, built from a configuration and fitted on awkward features."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

from regime.config import ExperimentConfig, FeatureConfig, ModelConfig, ModelKind
from regime.features.leadership import CONFIRMED, LEAD, SCORE, SINCE_CONFIRMED, PathFeatures
from regime.labels.leadership import leadership_path
from regime.models.assembly import (
    CORRECTIONS,
    LEARNED,
    OWN_INPUTS,
    build_classifier,
    input_columns,
    input_sets,
)
from regime.models.persistence import PersistenceClassifier
from regime.taxonomy import REGIMES
from regime.tracking.storage import TRUSTED

KINDS = [kind for kind in get_args(ModelKind) if kind != "stack"]  # whose members are models
PATH_COLUMNS = [*SCORE.values(), *CONFIRMED.values(), SINCE_CONFIRMED]


def configured(kind: str, **params) -> ExperimentConfig:
    sets = () if kind in OWN_INPUTS else ("path", "valuation")
    return ExperimentConfig(
        name=kind,
        features=FeatureConfig(sets=sets),
        model=ModelConfig(kind=kind, params=params),
    )


@pytest.fixture
def study(leads) -> tuple[pd.DataFrame, pd.Series]:
    """Path features, and series that never begin, begin late, stop early or never move."""
    X = PathFeatures(5.0).fit_transform(leads.rename(columns=LEAD))
    X = X.join(leads.rename(columns=LEAD).add_suffix("_today"))
    rng = np.random.default_rng(3)
    noise, row = rng.normal(size=(len(X), 4)), np.arange(len(X))
    X["noise"] = noise[:, 0]
    X["never"] = np.nan
    X["late"] = np.where(row < 700, np.nan, noise[:, 1])
    X["after_training"] = np.where(row < 900, np.nan, noise[:, 2])
    X["stopped"] = np.where(row > 500, np.nan, noise[:, 3])
    X["flat"] = 1.0
    return X, leadership_path(leads, switching_cost=5.0)["regime"]


@pytest.mark.parametrize("horizon", [63, pytest.param(0, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", KINDS)
def test_it_fits_on_awkward_features_and_its_rows_sum_to_one(kind, horizon, study):
    X, y = study
    config = configured(kind)
    X = X[input_columns(config, list(X.columns))]
    model = build_classifier(config, horizon).fit(X[:850], y[:850])
    proba = model.predict_proba(X)
    assert proba.shape == (len(X), 3)
    assert {*model.classes_} == {*REGIMES}
    assert (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    np.testing.assert_array_equal(model.predict_proba(X[:900]), proba[:900])


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_fit_on_the_same_rows_gives_the_same_numbers(kind, study):
    X, y = study
    config = configured(kind)
    X = X[input_columns(config, list(X.columns))]
    one, other = (build_classifier(config, 21).fit(X[:850], y[:850]) for _ in range(2))
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_model_of_ours_has_learned_is_declared_for_the_storage(kind):
    model = build_classifier(configured(kind), 0)
    steps = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
    ours = [type(step) for step in steps if type(step).__module__.startswith("regime.")]
    by_skops = [one for one in ours if f"{one.__module__}.{one.__name__}" in TRUSTED]
    assert {*ours} <= {*LEARNED, *by_skops}


def test_climatology_says_the_frequencies_of_training_every_day(study):
    X, y = study
    model = build_classifier(configured("climatology"), 0).fit(X[:850], y[:850])
    assert isinstance(model, DummyClassifier)
    expected = [(y[:850] == name).mean() for name in model.classes_]
    np.testing.assert_allclose(model.predict_proba(X[850:]), np.tile(expected, (len(X) - 850, 1)))


def test_persistence_looks_as_far_ahead_as_it_is_asked():
    for horizon in (0, 63):
        model = build_classifier(configured("persistence"), horizon)
        assert isinstance(model, PersistenceClassifier)
        assert model.horizon == horizon


def test_the_filter_reads_the_three_path_scores_and_nothing_else(study):
    X, _ = study
    assert input_columns(configured("filter"), list(X.columns)) == list(SCORE.values())
    for kind in {*KINDS} - {"filter", "boosting_from_filter", "resampled_filter", *CORRECTIONS}:
        assert input_columns(configured(kind), list(X.columns)) == list(X.columns)


def test_boosting_from_the_filter_reads_the_scores_first_and_none_of_the_other_baselines_columns(
    study,
):
    X, _ = study
    columns = input_columns(configured("boosting_from_filter"), list(X.columns))
    assert columns[:3] == list(SCORE.values())
    assert [name for name in columns if name.startswith("path_")] == columns[:3]
    assert set(columns[3:]) == {name for name in X.columns if not name.startswith("path_")}


def test_the_filter_gives_a_higher_score_a_higher_probability(study):
    X, y = study
    X = X[list(SCORE.values())]
    model = build_classifier(configured("filter"), 0).fit(X[:850], y[:850])
    proba = pd.DataFrame(model.predict_proba(X), X.index, model.classes_)
    for regime in REGIMES:
        leading = X[SCORE[regime]] == 0
        assert proba.loc[leading, regime].mean() > 2 * proba.loc[~leading, regime].mean()


def test_to_the_linear_model_a_missing_value_is_an_average_one(study):
    X, y = study
    X = X[["noise", "stopped", *SCORE.values()]]
    model = build_classifier(configured("logistic"), 0).fit(X[:850], y[:850])
    known, unknown = X[:1].copy(), X[:1].copy()
    known["noise"] = X["noise"][:850].mean()
    unknown["noise"] = np.nan
    np.testing.assert_allclose(model.predict_proba(known), model.predict_proba(unknown))


def test_a_feature_that_training_hardly_knew_does_not_move_the_linear_model(study):
    X, y = study
    model = build_classifier(configured("logistic"), 0).fit(X[:850], y[:850])
    extreme = X.assign(late=1e6, after_training=1e6, never=1e6)
    np.testing.assert_array_equal(model.predict_proba(extreme), model.predict_proba(X))


@pytest.mark.parametrize(
    ("kind", "step", "default", "params"),
    [
        ("filter", "logisticregression", {"C": 0.1}, {"C": 0.5, "max_iter": 333}),
        ("logistic", "logisticregression", {"C": 0.1, "max_iter": 1000}, {"max_iter": 50}),
        ("hist_gradient_boosting", "histgradientboostingclassifier", {"random_state": 0},
         {"random_state": 7, "max_depth": 2}),
    ],
)  # fmt: skip
def test_a_parameter_of_the_experiment_goes_before_the_default(kind, step, default, params):
    plain = build_classifier(configured(kind), 0).named_steps[step].get_params()
    assert plain.items() >= default.items()
    chosen = build_classifier(configured(kind, **params), 0).named_steps[step].get_params()
    assert chosen.items() >= {**default, **params}.items()


def test_what_a_model_reads_is_its_own_or_what_the_experiment_lists():
    assert input_sets(configured("filter")) == ("path",)
    assert input_sets(configured("logistic")) == ("path", "valuation")


def test_building_twice_gives_two_models_that_share_nothing():
    config = configured("logistic", C=0.5)
    one, other = build_classifier(config, 0), build_classifier(config, 0)
    one.set_params(logisticregression__C=9.0)
    assert other.get_params()["logisticregression__C"] == 0.5
    assert config.model.params == {"C": 0.5}
