"""Student-t states: their likelihood, their degrees of freedom, and leads that add up."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models.hmm_family.simulated import NAMES, hmm, market
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_t
from sklearn.metrics import balanced_accuracy_score

from regime.models import hmm_engines
from regime.models.hmm import GaussianHMMClassifier
from regime.models.hmm_densities import student_t_log_density

# Student-t ----------------------------------------------------------------------------


def by_hand(X, model):
    """Log density of each row in each state, by scipy."""
    found = np.zeros((len(X), model.n_states_))
    for row, values in enumerate(X):
        at = np.flatnonzero(~np.isnan(values))
        for state in range(model.n_states_ if len(at) else 0):
            found[row, state] = multivariate_t(
                model.means_[state, at],
                model.covars_[state][np.ix_(at, at)],
                df=model.degrees_[state],
            ).logpdf(values[at])
    return found


@given(st.integers(1, 8), st.integers(1, 3), st.integers(1, 3), st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_student_t_filter_and_smoother_equal_the_sum_over_every_path(n, k, d, seed):
    rng = np.random.default_rng(seed)
    X = 3 * rng.standard_t(2, size=(n, d))
    X[rng.random(X.shape) < 0.3] = np.nan
    roots = rng.normal(size=(k, d, d))
    arrays = {
        "startprob_": rng.dirichlet(np.ones(k)), "transmat_": rng.dirichlet(np.ones(k), size=k),
        "means_": rng.normal(size=(k, d)), "regime_given_state_": np.eye(k),
        "covars_": roots @ roots.transpose(0, 2, 1) + 0.2 * np.eye(d),
        "degrees_": rng.uniform(0.6, 30, size=k), "classes_": np.arange(k),
        "n_features_in_": np.array(d),
    }  # fmt: skip
    params = {"n_states": k, "emission": "student_t"}
    model = GaussianHMMClassifier.from_arrays(params, arrays)
    logs = by_hand(X, model)
    for end in range(1, n + 1):
        last, whole = np.zeros(k), np.zeros((end, k))
        for path in product(range(k), repeat=end):
            p = arrays["startprob_"][path[0]] * np.exp(logs[np.arange(end), path].sum())
            for before, after in pairwise(path):
                p *= arrays["transmat_"][before, after]
            last[path[-1]] += p
            whole[np.arange(end), path] += p
        assert_allclose(model.state_proba(X)[end - 1], last / last.sum(), atol=1e-9)
    assert_allclose(model.smoothed_proba(X), whole / last.sum(), atol=1e-9)
    assert model.log_likelihood(X) == pytest.approx(np.log(last.sum()), rel=1e-9)


def test_the_likelihood_that_is_climbed_is_the_filters(gappy):
    X, y = gappy
    for options in ({"emission": "student_t"}, {}):
        model = hmm(missing="marginal", **options).fit(X, y)
        per_row = model.health_["log_likelihood_per_row"]
        assert model.health_["n_rows"] == (~np.isnan(X)).any(axis=1).sum() < len(X)
        assert per_row * model.health_["n_rows"] == pytest.approx(model.log_likelihood(X), rel=1e-9)


def test_degrees_of_freedom_are_found():
    X, states = market(4000, apart=4.0, degrees=4.0)
    model = hmm(emission="student_t").fit(X, states)
    assert ((model.degrees_ > 3) & (model.degrees_ < 5.5)).all()
    assert_allclose(model.covars_, np.tile(np.eye(2), (3, 1, 1)), atol=0.25)  # not 4 / (4 - 2)
    calm = hmm(emission="student_t").fit(*market(4000, apart=4.0))
    assert calm.degrees_.min() > 15


def test_heavy_tails_are_no_change_of_state_to_student_t_states():
    X, states = market(2500, apart=2.0, degrees=2.5, seed=4)
    gaussian, student = (hmm(emission=one, n_init=8).fit(X, states) for one in EMISSIONS)
    right = [balanced_accuracy_score(states, one.predict(X)) for one in (gaussian, student)]
    assert right[1] > right[0] + 0.03
    assert student.health_["log_likelihood_per_row"] > gaussian.health_["log_likelihood_per_row"]
    assert gaussian.degrees_ is None


EMISSIONS = ("gaussian", "student_t")


@pytest.mark.parametrize(("then", "now"), [EMISSIONS, EMISSIONS[::-1]])
def test_states_of_one_kind_go_on_from_states_of_the_other(then, now):
    X, states = market(1500, apart=2.5)
    before = hmm(emission=then).fit(X[:1400], states[:1400])
    after = hmm(emission=now).fit_from(before, X, states)
    assert (after.degrees_ is None) == (now == "gaussian")
    cold = hmm(emission=now, n_init=10).fit(X, states)
    per_row = "log_likelihood_per_row"
    assert after.health_[per_row] > cold.health_[per_row] - 1e-4


def test_degrees_are_renumbered_with_their_states(days):
    X, y = days
    model = hmm(emission="student_t").fit(X, y)
    arrays, order = model.to_arrays(), np.array([2, 0, 1])
    for name in ("startprob_", "means_", "covars_", "regime_given_state_", "degrees_"):
        arrays[name] = arrays[name][order]
    arrays["transmat_"] = arrays["transmat_"][np.ix_(order, order)]
    other = GaussianHMMClassifier.from_arrays(model.get_params(), arrays).align_to(model, X)
    assert_array_equal(other.degrees_, model.degrees_)
    assert other.health_["match_moved"] == 3


def test_student_t_states_cannot_be_restored_without_their_degrees(days):
    model = hmm(emission="student_t", n_init=1).fit(*days)
    arrays = model.to_arrays()
    del arrays["degrees_"]
    with pytest.raises(ValueError, match=r"\['degrees_'\] are missing"):
        GaussianHMMClassifier.from_arrays(model.get_params(), arrays)


def test_a_scale_matrix_that_is_none_is_named():
    flat = np.zeros((1, 2, 2))
    with pytest.raises(ValueError, match=r"scale matrix of state 0.*Raise min_covar"):
        student_t_log_density(np.zeros((3, 2)), np.zeros((1, 2)), flat, np.ones(1))


# Leads --------------------------------------------------------------------------------


@pytest.mark.parametrize("emission", EMISSIONS)
@pytest.mark.parametrize("covariance_type", ["full", "diag"])
def test_leads_that_nearly_add_up_are_states_like_any_other(covariance_type, emission):
    """Excess returns of three baskets add up to zero but for their scales."""
    means = np.array([[0.6, -0.2, -0.4], [-0.2, 0.5, -0.3], [-0.4, -0.3, 0.7]])
    X, states = market(3000, apart=2.0, means=means)
    X = np.column_stack([X - X.mean(axis=1, keepdims=True), market(3000, seed=8)[0][:, 0]])
    X[:, 2] *= 1 + 1e-6 * np.sin(np.arange(3000))
    model = hmm(covariance_type=covariance_type, emission=emission).fit(X, NAMES[states])
    assert model.health_["n_finite"] == 3
    assert model.health_["non_monotone"] is False
    assert model.health_["smallest_eigenvalue"] > 5e-4
    assert balanced_accuracy_score(NAMES[states], model.predict(X)) > 0.8


def test_patience_of_challengers_counts_stickiness_too(days, monkeypatch):
    X, y = days
    before = hmm(stickiness=30.0).fit(X[:1000], y[:1000])
    after = hmm(stickiness=30.0).fit_from(before, X, y)
    cold = hmm(stickiness=30.0, n_init=10).fit(X, y)
    monkeypatch.setattr(hmm_engines, "BEHIND", np.inf)
    patient = hmm(stickiness=30.0).fit_from(before, X, y)
    assert_allclose(after.transmat_, patient.transmat_, atol=1e-3)
    assert_allclose(after.transmat_, cold.transmat_, atol=1e-2)
