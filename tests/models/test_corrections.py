"""Corrections to a first guess: what they may add, and that they add nothing for nothing."""

import numpy as np
import pytest
from models.corrected import SCORES, Guess, frame, log_loss, noise, planted
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from regime.models.boosting_correction import BoostingCorrection
from regime.models.corrections import LEAST, REACH, log_guess, scaled
from regime.models.logistic_correction import LogisticCorrection
from regime.models.selection import NamedColumns
from regime.taxonomy import REGIMES

KINDS = {
    "logistic": lambda start, **given: LogisticCorrection(start, **given),
    "boosting": lambda start, **given: BoostingCorrection(
        start, max_rounds=10, min_samples_leaf=20, early_stopping=False, **given
    ),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


# What both have in common


def test_each_row_is_answered_by_itself_to_the_bit(kind):
    X, y = planted(n=600)
    X = X.join(frame(n=600, n_features=30, seed=3).drop(columns=SCORES).add_prefix("more_"))
    model = kind(Guess(), every=1).fit(X, y)
    whole = model.predict_proba(X)
    assert_allclose(whole.sum(axis=1), 1, atol=1e-12)
    for rows in (slice(0, 1), slice(37, 38), slice(100, 117), slice(0, None, 7), slice(599, 600)):
        assert_array_equal(model.predict_proba(X.iloc[rows]), whole[rows])
    assert_array_equal(model.predict(X), model.classes_[whole.argmax(axis=1)])


def test_columns_of_the_first_guess_are_not_read_by_the_correction(kind):
    X, y = planted(n=600)
    model = kind(Guess(), every=1).fit(X, y)
    other = X.assign(path_score_broadening=X["path_score_broadening"] * 2 + 1, lead_x_today=9.0)
    difference = np.log(model.predict_proba(other)) - np.log(model.predict_proba(X))
    guesses = log_guess(model.start_, other) - log_guess(model.start_, X)
    # Corrections cancel: what is left is the first guess, up to a constant per row.
    left = difference - guesses
    assert_allclose(left - left[:, :1], 0, atol=1e-9)


def test_an_outlier_counts_as_three_standard_deviations(kind):
    X, y = planted(n=600)
    model = kind(Guess(), every=1).fit(X, y)
    far = X.assign(f0=1e6)
    Z = scaled(model.scale_, far)
    assert np.abs(Z).max() == REACH
    assert_array_equal(Z[:, 0], REACH)
    assert_array_equal(model.predict_proba(far), model.predict_proba(X.assign(f0=1e9)))


def test_a_missing_feature_counts_as_average_and_a_late_one_is_left_out(kind):
    X, y = planted(n=600)
    enough = int(kind(Guess()).fit(X, y).scale_[0].min_share * 600)
    assert enough > 0
    for name, known in (("late", enough), ("too_late", enough - 1)):
        X[name] = np.where(np.arange(600) < 600 - known, np.nan, 5.0 + X["f0"])
    model = kind(Guess(), every=1).fit(X, y)
    assert_array_equal(model.scale_[0].known_, [True, True, True, True, True, False])
    average = X.assign(f1=model.scale_[1].mean_[1])
    assert_allclose(
        model.predict_proba(X.assign(f1=np.nan)), model.predict_proba(average), atol=1e-12
    )


def test_only_every_so_many_rows_are_learned_from_but_the_first_guess_sees_all(kind):
    X, y = planted(n=900)
    start = DummyClassifier(strategy="prior")
    model = kind(start, every=3).fit(X, y)
    lost = X.copy()
    lost.iloc[1::3, 3:] = 77.0
    lost.iloc[2::3, 3:] = -77.0
    assert_array_equal(kind(start, every=3).fit(lost, y).predict_proba(X), model.predict_proba(X))
    shares = [(y == name).mean() for name in model.classes_]
    assert_allclose(model.start_.predict_proba(X)[0], shares)


def test_probabilities_are_in_the_order_of_the_first_guess_s_classes(kind):
    X, y = planted(n=900)
    read = make_pipeline(NamedColumns(), LogisticRegression())
    model = kind(read, every=1).fit(X, y)
    assert list(model.classes_) == sorted(REGIMES) != list(REGIMES)
    assert log_loss(model, X, y) < log_loss(kind(DummyClassifier(), every=1).fit(X, y), X, y)


def test_a_frame_without_features_and_an_array_are_refused_in_one_line(kind):
    X, y = planted(n=600)
    for bad, found in ((X[SCORES], "path_score_broadening"), (X.to_numpy(), "ndarray")):
        with pytest.raises(ValueError, match=f"found .*{found}.*Add, for example") as refused:
            kind(Guess()).fit(bad, y)
        assert "\n" not in str(refused.value)
    with pytest.raises(ValueError, match="feature names"):
        kind(Guess()).fit(X, y).predict_proba(X.drop(columns="f1"))


def test_no_first_guess_is_too_sure_to_be_corrected(kind):
    X, y = planted(n=600)
    sure = X.assign(path_score_mega_cap_led=1e3)
    proba = kind(Guess(), every=1).fit(sure, y).predict_proba(sure)
    assert np.isfinite(np.log(proba)).all()
    assert proba.min() > LEAST / 1e3


# BoostingCorrection


@pytest.mark.parametrize("kind", [LogisticCorrection, BoostingCorrection])
def test_of_features_that_all_begin_too_late_nothing_is_read(kind):
    X, y = noise(n=3000)
    late = X.copy()
    late.iloc[:-100, 3:] = np.nan
    model = kind(Guess()).fit(late, y)
    assert_array_equal(model.predict_proba(X), model.predict_proba(late))
    assert log_loss(model, X, y) < log_loss(Guess().fit(X), X, y) + 0.01
