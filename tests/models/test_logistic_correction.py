"""A linear correction is the best there is of its kind, shrunk to the first guess."""

import numpy as np
import pytest
from models.corrected import NAMES, Guess, drawn, frame, log_loss, noise, planted, softmax
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from regime.models.corrections import scaled
from regime.models.logistic_correction import LogisticCorrection


def test_from_a_uniform_guess_it_is_scikit_learn_s_regression_with_its_constant_penalised():
    X, y = planted(n=900)
    model = LogisticCorrection(DummyClassifier(strategy="uniform"), C=0.01, every=1).fit(X, y)
    Z = np.hstack([np.ones((len(X), 1)), scaled(model.scale_, X)])
    theirs = LogisticRegression(C=0.01, fit_intercept=False, tol=1e-10, max_iter=5000).fit(Z, y)
    assert list(theirs.classes_) == list(model.classes_)
    assert_allclose(np.c_[model.intercept_, model.coef_], theirs.coef_, atol=1e-6)


def test_no_small_step_improves_on_what_it_found():
    X, y = planted(n=600)
    C = 0.003
    model = LogisticCorrection(Guess(), C=C, every=2).fit(X, y)
    Z, codes = scaled(model.scale_, X.iloc[::2]), (y[::2, None] == NAMES).argmax(axis=1)
    guess = np.log(Guess().fit(X).predict_proba(X))[::2]

    def objective(flat):
        weights = flat.reshape(3, -1)
        proba = softmax(guess + weights[:, 0] + Z @ weights[:, 1:].T)
        return -np.log(proba[np.arange(len(Z)), codes]).sum() + (flat**2).sum() / (2 * C)

    found = np.c_[model.intercept_, model.coef_].ravel()
    at_start = np.abs(approx_fprime(np.zeros_like(found), objective)).max()
    assert at_start > 10
    assert np.abs(approx_fprime(found, objective, 1e-7)).max() < at_start / 1e4
    assert objective(found) < objective(np.zeros_like(found)) - 0.1
    # and that is what it says
    odds = np.log(Guess().fit(X).predict_proba(X)) + model.intercept_
    odds += scaled(model.scale_, X) @ model.coef_.T
    assert_allclose(model.predict_proba(X), softmax(odds), rtol=1e-10)
    assert np.abs(model.intercept_).max() > 1e-3


def test_features_that_tell_nothing_leave_it_near_the_first_guess():
    X, y = noise(n=3000)
    model = LogisticCorrection(Guess()).fit(X, y)
    assert model.health_["mean_correction"] < 0.05
    later, truth = noise(n=3000, seed=5)
    assert log_loss(model, later, truth) < log_loss(Guess().fit(X), later, truth) + 0.002


def test_with_a_hard_penalty_it_is_the_first_guess():
    X, y = planted(n=900)
    model = LogisticCorrection(Guess(), C=1e-12).fit(X, y)
    assert_allclose(model.predict_proba(X), Guess().fit(X).predict_proba(X), atol=1e-8)


def test_a_planted_correction_is_recovered():
    X = frame(n=6000)
    Z = (X[["f0", "f1", "f2", "f3"]].to_numpy() - 2) / 3
    planted_coef = np.array([[0.8, 0, 0, 0], [-0.8, 0.5, 0, 0], [0, -0.5, 0, 0]])
    odds = np.log(Guess().fit(X).predict_proba(X)) + Z @ planted_coef.T + [0.4, -0.2, -0.2]
    model = LogisticCorrection(Guess(), C=1.0, every=1).fit(X, drawn(softmax(odds)))
    assert_allclose(model.coef_, planted_coef, atol=0.1)
    assert_allclose(model.intercept_, [0.4, -0.2, -0.2], atol=0.1)
    larger = np.abs(Z @ planted_coef.T + [0.4, -0.2, -0.2]).max(axis=1).mean()
    assert model.health_["mean_correction"] == pytest.approx(larger, rel=0.1)


@pytest.mark.parametrize("given", [{"C": 0.0}, {"C": -1.0}, {"every": 0}, {"start": "filter"}])
def test_a_parameter_that_makes_no_sense_is_refused_by_name(given):
    X, y = planted(n=300)
    with pytest.raises(ValueError, match=f"'{next(iter(given))}' parameter"):
        LogisticCorrection(**{"start": Guess(), **given}).fit(X, y)
