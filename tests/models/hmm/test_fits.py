"""A fit that fails says so, and one that does not tells its health."""

import logging
import math

import numpy as np
import pytest
from hmmlearn.hmm import GaussianHMM
from models.hmm.simulated import assert_distributions, market
from sklearn.metrics import balanced_accuracy_score

from regime.models.hmm import GaussianHMMClassifier

# Collapse -----------------------------------------------------------------------------


def awkward():
    rng = np.random.default_rng(0)
    X, y = market(400, seed=2)
    step = np.zeros(400)
    step[::50] = 1.0
    outlier, wild = X.copy(), X.copy()
    outlier[200] = 30.0
    wild[200, 0] = 1e8
    return {
        "a constant column": (np.column_stack([X, np.full(400, 0.1)]), y),
        "all constant": (np.full((400, 2), 7.3), y),
        "a column twice": (np.column_stack([X, X[:, 0]]), y),
        "a sum of columns": (np.column_stack([X, X.sum(axis=1), X @ [2.0, -1.0]]), y),
        "mostly flat": (np.column_stack([X, step]), y),
        "an outlier": (outlier, y),
        "a wild outlier": (wild, y),
        "few rows": (X[:6], y[:6]),
        "more features than rows": (rng.normal(size=(8, 20)), np.arange(8) % 3),
        "few different rows": (np.repeat(X[:4], 100, axis=0), y),
        "tiny units": (X * 1e-150, y),
        "huge units": (X * 1e100, y),
    }


@pytest.mark.parametrize("covariance_type", ["full", "diag"])
@pytest.mark.parametrize("what", awkward())
def test_awkward_data_give_a_sound_model_or_a_clear_error(what, covariance_type):
    X, y = awkward()[what]
    model = GaussianHMMClassifier(covariance_type=covariance_type, n_init=3, random_state=0)
    model.fit(X, y)
    assert_distributions(
        model.startprob_, model.transmat_, model.regime_given_state_, model.predict_proba(X)
    )
    assert np.isfinite(model.means_).all()
    assert np.isfinite(model.covars_).all()
    assert math.isfinite(model.log_likelihood(X))
    assert model.health_["smallest_eigenvalue"] > 1e-4
    assert model.health_["n_finite"] == 3


@pytest.mark.parametrize("size", [1e160, 1e300, -1e200])
def test_values_without_a_square_are_an_error_that_names_the_feature(size, days):
    X, y = days[0][:300], days[1][:300]
    row, flat = X.copy(), np.zeros(300)
    row[200, 1] = flat[200] = size
    rare = np.column_stack([X[:, 0], flat])
    for wild in (row, rare, np.column_stack([X[:, 0], X[:, 1] * size])):
        with pytest.raises(ValueError, match=r"Feature 1 lies about .* or choose other units"):
            GaussianHMMClassifier(n_init=1, random_state=0).fit(wild, y)


@pytest.mark.parametrize("seed", range(4))
def test_features_that_add_up_do_not_starve_a_rare_state(seed):
    """With one prior matrix for every state, as in hmmlearn, the rarer is wider and loses."""
    X, y = market(600, apart=2.0, seed=seed)
    spreads = np.column_stack([X, X[:, 0] - X[:, 1], X[:, 0] + X[:, 1]])
    model = GaussianHMMClassifier(random_state=0).fit(spreads, y)
    assert model.health_["smallest_state_rows"] > 30
    assert balanced_accuracy_score(y, model.predict(spreads)) > 0.9


@pytest.mark.parametrize("size", [30.0, 1e4, 1e8, 1e10, 1e20, 1e100])
def test_one_wild_row_costs_at_most_one_state(size):
    X, y = market(2000, apart=2.5)
    X[1000] = size
    model = GaussianHMMClassifier(4, random_state=0).fit(X, y)
    assert balanced_accuracy_score(y, model.predict(X)) > 0.95
    assert model.health_["n_finite"] == 10
    assert model.health_["n_at_best"] >= 2  # not decided by what is left of the digits
    assert model.health_["non_monotone"] is False


def test_a_column_repeated_in_training_does_not_decide_when_the_copies_part():
    X, y = market(1000)
    model = GaussianHMMClassifier(random_state=0).fit(np.column_stack([X, X[:, 0]]), y)
    apart = np.column_stack([X, X[:, 0] + 0.01])
    as_seen = model.predict_proba(np.column_stack([X, X[:, 0]]))
    assert np.abs(model.predict_proba(apart) - as_seen).max() < 0.1


def test_when_no_start_is_finite_it_says_what_to_do(days, monkeypatch):
    def broken(self, X, lengths=None):
        self.means_ = np.full_like(self.means_, np.nan)
        raise ValueError("'covars' must be symmetric, positive-definite")

    monkeypatch.setattr(GaussianHMM, "fit", broken)
    with pytest.raises(ValueError, match=r"None of 4 starts.*3 states.*larger min_covar"):
        GaussianHMMClassifier(n_init=4, engine="hmmlearn").fit(*days)


@pytest.mark.parametrize("name", ["startprob_", "transmat_", "means_", "_covars_"])
def test_a_start_that_ends_in_nan_is_not_kept(name, days, monkeypatch):
    fit, calls = GaussianHMM.fit, []

    def first_breaks(self, X, lengths=None):
        fit(self, X, lengths)
        calls.append(self.implementation)
        if len(calls) <= 2:
            setattr(self, name, np.full_like(getattr(self, name), np.nan))
        return self

    monkeypatch.setattr(GaussianHMM, "fit", first_breaks)
    model = GaussianHMMClassifier(n_init=3, engine="hmmlearn", random_state=0).fit(*days)
    assert calls == ["scaling", "log", "scaling", "scaling"]
    assert model.health_["n_finite"] == 2
    assert_distributions(model.predict_proba(days[0]))


# Health -------------------------------------------------------------------------------


def test_the_best_of_the_starts_is_kept_and_all_are_counted(days):
    X, y = days
    alone = []
    random = np.random.RandomState(5)
    for _ in range(4):  # a RandomState goes on where the start before left it
        model = GaussianHMMClassifier(4, n_init=1, random_state=random).fit(X, y)
        alone.append(model.health_["log_likelihood_per_row"])
    together = GaussianHMMClassifier(4, n_init=4, random_state=np.random.RandomState(5)).fit(X, y)
    ranked = sorted(alone, reverse=True)
    health = together.health_
    assert len(set(alone)) > 1
    assert health["log_likelihood_per_row"] == pytest.approx(ranked[0], rel=1e-12)
    assert health["runner_up_gap"] == pytest.approx(ranked[0] - ranked[1], abs=1e-9)
    assert health["n_at_best"] == sum(ranked[0] - value <= 1e-5 for value in ranked)
    assert health["n_starts"] == health["n_finite"] == 4


def test_health_is_plain_numbers(fitted):
    assert {type(value) for value in fitted.health_.values()} <= {int, float, bool}
    assert fitted.health_["n_rows"] == 1500
    assert fitted.health_["n_stretches"] == 1
    assert 100 < fitted.health_["smallest_state_rows"] < 500
    assert fitted.health_["converged"] is True
    assert fitted.health_["non_monotone"] is False


def test_running_out_of_steps_is_not_convergence(days):
    health = GaussianHMMClassifier(n_init=2, n_iter=2, random_state=0).fit(*days).health_
    assert health["n_converged"] == 0
    assert health["converged"] is False
    assert health["iterations"] == 2


def test_without_a_second_start_there_is_no_runner_up(days):
    health = GaussianHMMClassifier(n_init=1, random_state=0).fit(*days).health_
    assert math.isnan(health["runner_up_gap"])


def test_a_fall_of_the_likelihood_is_flagged(days):
    """A strong prior moves away from the most likely covariance."""
    health = GaussianHMMClassifier(n_init=1, min_covar=3.0, random_state=0).fit(*days).health_
    assert health["non_monotone"] is True


def test_what_hmmlearn_logs_is_counted_not_printed(caplog):
    X, y = market(6)
    with caplog.at_level(logging.WARNING):
        model = GaussianHMMClassifier(n_init=2, engine="hmmlearn", random_state=0).fit(X, y)
    assert model.health_["n_remarks"] >= 2  # more parameters than cells, at each start
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_states", 0),
        ("covariance_type", "tied"),
        ("n_init", 0),
        ("n_iter", 0),
        ("tol", 0.0),
        ("min_covar", 0.0),
        ("horizon", -1),
    ],
)
def test_an_impossible_parameter_is_named(name, value, days):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        GaussianHMMClassifier(**{name: value}).fit(*days)
