"""The forward recursion against every path there is, and densities against scipy's."""

import itertools
import math
import time

import numpy as np
import pytest
from hmmlearn.hmm import GaussianHMM
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from regime.models import filtering
from regime.models.filtering import forward_filter, gaussian_log_density, mix, smooth


def chain(rng, n_states):
    return rng.dirichlet(np.ones(n_states)), rng.dirichlet(np.ones(n_states), size=n_states)


def gaussians(rng, n_states, n_features):
    roots = rng.normal(size=(n_states, n_features, n_features))
    covars = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(n_features)
    return rng.normal(size=(n_states, n_features)), covars


def by_every_path(startprob, transmat, log_density):
    """Filtered and smoothed probabilities and the likelihood, path by path."""
    n_rows, n_states = log_density.shape
    filtered, smoothed = np.empty((2, n_rows, n_states))
    with np.errstate(divide="ignore"):
        log_start, log_move = np.log(startprob), np.log(transmat)
    for last in range(n_rows):
        paths = np.array(list(itertools.product(range(n_states), repeat=last + 1)))
        weight = log_start[paths[:, 0]] + log_density[np.arange(last + 1), paths].sum(axis=1)
        weight += log_move[paths[:, :-1], paths[:, 1:]].sum(axis=1)
        whole = logsumexp(weight)
        for state in range(n_states):
            filtered[last, state] = np.exp(weight[paths[:, -1] == state] - whole).sum()
    for row, state in itertools.product(range(n_rows), range(n_states)):
        smoothed[row, state] = np.exp(weight[paths[:, row] == state] - whole).sum()
    return filtered, smoothed, whole


@given(st.integers(1, 8), st.integers(1, 3), st.booleans(), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_filter_smoother_and_likelihood_equal_the_sum_over_every_path(n, k, zeros, seed):
    rng = np.random.default_rng(seed)
    startprob, transmat = chain(rng, k)
    log_density = rng.normal(scale=rng.choice([0.1, 3, 100]), size=(n, k))
    if zeros:  # forbidden moves and impossible states, but always a way through
        free = np.eye(k, dtype=bool) | (rng.random((k, k)) < 0.5)
        transmat = np.where(free, transmat, 0)
        transmat /= transmat.sum(axis=1, keepdims=True)
        log_density[:, 1:][rng.random((n, k - 1)) < 0.2] = -np.inf
    filtered, smoothed, log_likelihood = by_every_path(startprob, transmat, log_density)
    found = forward_filter(startprob, transmat, log_density)
    assert_allclose(found.proba, filtered, atol=1e-10)
    assert found.log_likelihood == pytest.approx(log_likelihood, rel=1e-10, abs=1e-10)
    assert_allclose(smooth(found.proba, transmat), smoothed, atol=1e-9)


@given(st.integers(1, 6), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_missing_cells_are_integrated_out_of_every_path(n, seed):
    rng = np.random.default_rng(seed)
    startprob, transmat = chain(rng, 2)
    means, covars = gaussians(rng, 2, 3)
    X = rng.normal(size=(n, 3))
    X[rng.random(X.shape) < 0.4] = np.nan
    expected = np.zeros((n, 2))
    for row, state in itertools.product(range(n), range(2)):
        if (known := ~np.isnan(X[row])).any():
            marginal = multivariate_normal(means[state][known], covars[state][known][:, known])
            expected[row, state] = marginal.logpdf(X[row, known])
    log_density = gaussian_log_density(X, means, covars)
    assert_allclose(log_density, expected, rtol=1e-9, atol=1e-9)
    filtered, _, log_likelihood = by_every_path(startprob, transmat, expected)
    found = forward_filter(startprob, transmat, log_density)
    assert_allclose(found.proba, filtered, atol=1e-9)
    assert found.log_likelihood == pytest.approx(log_likelihood, rel=1e-9, abs=1e-9)


def test_leaving_a_cell_out_is_integrating_over_it():
    rng = np.random.default_rng(3)
    means, covars = gaussians(rng, 2, 2)
    without = gaussian_log_density(np.array([[0.7, np.nan]]), means, covars)[0]
    for state in range(2):
        whole = multivariate_normal(means[state], covars[state])
        area, _ = quad(lambda value, whole=whole: whole.pdf([0.7, value]), -40, 40, limit=200)
        assert math.exp(without[state]) == pytest.approx(area, rel=1e-7)


def test_on_complete_data_it_is_hmmlearns_likelihood_and_smoother():
    rng = np.random.default_rng(4)
    hmm = GaussianHMM(3, "full", init_params="")
    hmm.startprob_, hmm.transmat_ = chain(rng, 3)
    hmm.means_, hmm.covars_ = gaussians(rng, 3, 4)
    X, _ = hmm.sample(3000, random_state=5)
    log_density = gaussian_log_density(X, hmm.means_, hmm.covars_)
    found = forward_filter(hmm.startprob_, hmm.transmat_, log_density)
    assert found.log_likelihood == pytest.approx(hmm.score(X), rel=1e-10)
    assert_allclose(smooth(found.proba, hmm.transmat_), hmm.predict_proba(X), atol=1e-9)


@given(st.integers(1, 40), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_a_shorter_history_gives_the_same_bits(today, seed):
    rng = np.random.default_rng(seed)
    k, d = rng.integers(1, 5), rng.choice([1, 3, 20])  # BLAS rounds wide rows by their number
    startprob, transmat = chain(rng, k)
    means, covars = gaussians(rng, k, d)
    X = rng.normal(size=(41, d))
    X[rng.random(41) < 0.2, : d // 2 + 1] = np.nan
    read = np.asfortranarray(X) if seed % 2 else X
    whole = gaussian_log_density(read, means, covars)
    assert_array_equal(whole[:today], gaussian_log_density(X[:today].copy(), means, covars))
    filtered = forward_filter(startprob, transmat, whole).proba
    past = forward_filter(startprob, transmat, whole[:today]).proba
    assert_array_equal(filtered[:today], past)
    assert_array_equal(mix(filtered, transmat)[:today], mix(past, transmat))


def test_rows_far_from_every_state_neither_underflow_nor_overflow():
    transmat = np.array([[0.9, 0.1], [0.2, 0.8]])
    log_density = np.array([[-5e5, -5e5 - 1], [4e5, 4e5 - 800], [-900.0, 0.0]])
    found = forward_filter(np.array([0.5, 0.5]), transmat, log_density)
    filtered, _, log_likelihood = by_every_path(np.array([0.5, 0.5]), transmat, log_density)
    assert_allclose(found.proba, filtered, atol=1e-12)
    assert found.log_likelihood == pytest.approx(log_likelihood, rel=1e-12)


def test_a_state_that_can_hardly_be_reached_still_counts_if_nothing_else_fits():
    startprob, transmat = np.array([1.0, 0.0]), np.array([[1 - 1e-300, 1e-300], [0.0, 1.0]])
    log_density = np.array([[0.0, 0.0], [-5000.0, 0.0]])
    found = forward_filter(startprob, transmat, log_density)
    assert_allclose(found.proba[-1], [0, 1])
    assert found.log_likelihood == pytest.approx(math.log(1e-300))


def test_where_every_product_underflows_the_likeliest_state_is_still_found():
    startprob = np.array([1 - 1e-300, 1e-300, 0.0])
    log_density = np.array([[-750.0, -58.0, 0.0]])
    filtered, _, log_likelihood = by_every_path(startprob, np.eye(3), log_density)
    found = forward_filter(startprob, np.eye(3), log_density)
    assert 0.1 < filtered[0, 0] < 0.9
    assert_allclose(found.proba, filtered, rtol=1e-9)
    assert found.log_likelihood == pytest.approx(log_likelihood, rel=1e-12)


def test_rows_without_evidence_drift_to_the_stationary_distribution():
    transmat = np.array([[0.9, 0.1], [0.3, 0.7]])
    log_density = np.zeros((200, 2))
    log_density[0] = [0, -50]
    found = forward_filter(np.array([0.5, 0.5]), transmat, log_density)
    assert_allclose(found.proba[1], [0.9, 0.1])
    assert_allclose(found.proba[-1], [0.75, 0.25])
    assert found.log_likelihood == pytest.approx(math.log(0.5))


def test_a_row_with_nothing_known_has_log_density_zero_everywhere():
    means, covars = gaussians(np.random.default_rng(0), 3, 2)
    assert_array_equal(gaussian_log_density(np.full((2, 2), np.nan), means, covars), 0.0)


@pytest.mark.parametrize("row", [[-np.inf, -np.inf], [np.nan, 0.0], [np.inf, 0.0]])
def test_a_row_that_fits_no_state_is_named(row):
    log_density = np.array([[0.0, 0.0], row])
    with pytest.raises(ValueError, match="Row 1 fits no state"):
        forward_filter(np.ones(2) / 2, np.ones((2, 2)) / 2, log_density)


def test_a_row_whose_only_state_cannot_be_reached_is_named():
    log_density = np.array([[0.0, 0.0], [-np.inf, 0.0]])
    with pytest.raises(ValueError, match="Row 1 is impossible"):
        forward_filter(np.array([1.0, 0.0]), np.eye(2), log_density)
    with pytest.raises(ValueError, match="Row 0 is impossible"):
        forward_filter(np.array([1.0, 0.0]), np.eye(2), log_density[1:])


def test_it_goes_on_from_a_row_on_which_a_state_was_ruled_out():
    transmat = np.array([[0.9, 0.1], [0.3, 0.7]])
    found = forward_filter(np.ones(2) / 2, transmat, np.zeros((1, 2)), before=np.array([1.0, 0.0]))
    assert_allclose(found.proba, [[0.9, 0.1]])


@pytest.mark.parametrize(
    "before", [[1.0], [0.5, 0.3, 0.2], [[0.5, 0.5]], [1.5, -0.5], [0.5, 0.4], [np.nan, 1.0]]
)
def test_what_is_no_row_of_probabilities_is_not_gone_on_from(before):
    words = r"`before` must be the probabilities of the 2 states"
    with pytest.raises(ValueError, match=words):
        forward_filter(np.ones(2) / 2, np.ones((2, 2)) / 2, np.zeros((1, 2)), before=before)


def test_a_mix_is_the_product_of_weights_and_rows():
    rng = np.random.default_rng(7)
    weights, rows = rng.dirichlet(np.ones(3), 5), rng.normal(size=(3, 4))
    assert_allclose(mix(weights, rows), weights @ rows)


def test_a_flat_covariance_is_named():
    with pytest.raises(ValueError, match="state 1 is not positive definite"):
        gaussian_log_density(
            np.ones((3, 2)), np.zeros((2, 2)), np.stack([np.eye(2)] * 2) * [[[1]], [[0]]]
        )


def test_no_rows_are_no_evidence():
    found = forward_filter(np.ones(2) / 2, np.ones((2, 2)) / 2, np.empty((0, 2)))
    assert found.proba.shape == (0, 2)
    assert found.log_likelihood == 0.0


@pytest.mark.parametrize(
    ("startprob", "transmat", "log_density"),
    [((2,), (3, 3), (5, 3)), ((3,), (2, 3), (5, 3)), ((3,), (3, 3), (5, 2)), ((3,), (3, 3), (5,))],
)
def test_shapes_that_disagree_are_refused(startprob, transmat, log_density):
    with pytest.raises(ValueError, match=r"states need a `transmat` of shape"):
        forward_filter(np.ones(startprob) / 3, np.ones(transmat) / 3, np.zeros(log_density))
    with pytest.raises(ValueError, match=r"3 states need .*`filtered` of shape"):
        smooth(np.ones((5, 2)) / 2, np.ones((3, 3)) / 3)


def test_neither_the_order_in_memory_nor_a_lock_on_it_matters_nor_is_compiled_anew():
    rng = np.random.default_rng(6)
    startprob, transmat = chain(rng, 3)
    log_density = rng.normal(size=(50, 3))
    found = forward_filter(startprob, transmat, log_density, before=startprob)
    smoothed = smooth(found.proba, transmat)
    compiled = [filtering._carry, filtering._move, filtering._carry_back]
    kinds = [len(function.signatures) for function in compiled]
    others = [np.asfortranarray(a) for a in (np.repeat(startprob, 2)[::2], transmat, log_density)]
    for array in others:
        array.setflags(write=False)
    again = forward_filter(*others, before=others[0])
    assert_array_equal(again.proba, found.proba)
    assert again.log_likelihood == found.log_likelihood
    assert_array_equal(smooth(np.asfortranarray(found.proba), others[1]), smoothed)
    assert [len(function.signatures) for function in compiled] == kinds


def test_sixty_years_of_days_are_filtered_in_a_moment():
    rng = np.random.default_rng(0)
    startprob, transmat = chain(rng, 3)
    log_density = rng.normal(size=(16_000, 3))
    seconds = []
    for _ in range(5):
        began = time.process_time()
        forward_filter(startprob, transmat, log_density)
        seconds.append(time.process_time() - began)
    assert min(seconds) < 0.1
