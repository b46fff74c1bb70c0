"""Batched expectation maximisation against hmmlearn and every path there is."""

import math

import numpy as np
import pytest
from hmmlearn.hmm import GaussianHMM
from hypothesis import given, settings
from hypothesis import strategies as st
from models.em.simulated import by_every_path, densities, simulated, starts, with_gaps
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq
from scipy.special import psi
from scipy.stats import multivariate_normal

from regime.models.em import Parameters, Prior, expectations, fit_batch
from regime.models.em_emissions import MOST_DEGREES, solve_degrees

ENGINES = ["log", "scaling"]


def hmmlearn_model(one, restart, covariance, engine, n_iter=1):
    hmm = GaussianHMM(
        one.means.shape[1], covariance, n_iter=n_iter, tol=-np.inf, implementation=engine,
        init_params="", means_weight=0, covars_prior=0, covars_weight=0,
    )  # fmt: skip
    covars = one.covars[restart]
    hmm.startprob_, hmm.transmat_ = one.startprob[restart], one.transmat[restart]
    hmm.means_ = one.means[restart]
    hmm.covars_ = covars if covariance == "full" else np.diagonal(covars, axis1=1, axis2=2).copy()
    return hmm


@given(
    st.integers(1, 6), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.booleans(),
    st.integers(0, 10_000),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_likelihood_states_and_moves_equal_the_sum_over_every_path(n, k, d, student, gaps, seed):
    rng = np.random.default_rng(seed)
    one = starts(rng, 5, k, d, degrees=student)
    X = rng.normal(scale=rng.choice([0.1, 1, 20]), size=(n, d))
    X = with_gaps(rng, X) if gaps else X
    found = expectations(X, [n], one, emission="student_t" if student else "gaussian")
    for b in range(5):
        whole, smoothed, moves = by_every_path(
            one.startprob[b], one.transmat[b], densities(X, one, b, student)
        )
        assert_allclose(found.log_likelihood[b], whole, rtol=1e-10, atol=1e-10)
        assert_allclose(found.posteriors[b], smoothed, atol=1e-9)
        assert_allclose(found.moves[b], moves, atol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_likelihood_and_posteriors_are_those_of_hmmlearn(covariance, engine):
    rng = np.random.default_rng(3)
    one = starts(rng, 6, 3, 4, diag=covariance == "diag")
    X, lengths = rng.normal(size=(1100, 4)), [1, 2, 700, 397]
    found = expectations(X, lengths, one, covariance=covariance)
    for b in range(6):
        score, posteriors = hmmlearn_model(one, b, covariance, engine).score_samples(X, lengths)
        assert_allclose(found.log_likelihood[b], score, rtol=1e-10)
        assert_allclose(found.posteriors[b], posteriors, atol=1e-8)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_steps_without_a_prior_are_those_of_hmmlearn(covariance, engine):
    rng = np.random.default_rng(4)
    one = starts(rng, 3, 3, 4, diag=covariance == "diag")
    means = rng.normal(size=(3, 4))
    X, lengths = simulated(rng, 900, means, np.tile(np.eye(4), (3, 1, 1))), [500, 400]
    found = fit_batch(X, lengths, one, covariance=covariance, n_iter=8, tol=0)
    assert_array_equal(found.iterations, 8)
    for b in range(3):
        hmm = hmmlearn_model(one, b, covariance, engine, n_iter=8).fit(X, lengths)
        assert_allclose(found.history[b, :8], hmm.monitor_.history, rtol=1e-10)
        for name in ("startprob", "transmat", "means", "covars"):
            wanted = getattr(hmm, f"{name}_")
            assert_allclose(getattr(found.parameters, name)[b], wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_steps_with_priors_are_those_of_the_shrunk_model_in_use(covariance):
    from regime.models.hmm_by_hmmlearn import ShrunkHMM

    rng = np.random.default_rng(5)
    one = starts(rng, 2, 3, 4, diag=covariance == "diag")
    X = rng.normal(size=(600, 4)) + np.repeat(rng.normal(size=(6, 4)), 100, axis=0)
    pooled = np.cov(X.T)
    few = Prior(pooled, rows=5.0, centre_rows=0.1, start=0.1, moves=0.1, added=1e-3)
    found = fit_batch(X, [600], one, covariance=covariance, n_iter=6, tol=0, prior=few)
    for b in range(2):
        hmm = ShrunkHMM(
            3, covariance, means_weight=0.1, startprob_prior=1.1, transmat_prior=1.1,
            n_iter=6, tol=-np.inf, init_params="",
        )  # fmt: skip
        hmm.shrink_to(pooled, 1e-3)
        plain = hmmlearn_model(one, b, covariance, "log")
        for name in ("startprob_", "transmat_", "means_"):
            setattr(hmm, name, getattr(plain, name))
        hmm.covars_ = plain._covars_
        hmm.fit(X)
        for name in ("startprob", "transmat", "means", "covars"):
            wanted = getattr(hmm, f"{name}_")
            assert_allclose(getattr(found.parameters, name)[b], wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("student", [False, True])
def test_what_is_missing_is_expected_from_what_is_known(student):
    """One step, against conditional expectations taken row by row."""
    rng = np.random.default_rng(6)
    n, k, d = 40, 2, 3
    one = starts(rng, 1, k, d, degrees=student)
    X = with_gaps(rng, rng.normal(size=(n, d)), 0.4)
    emission = "student_t" if student else "gaussian"
    gamma = expectations(X, [n], one, emission=emission).posteriors[0]
    found = fit_batch(X, [n], one, emission=emission, n_iter=1, tol=0, starved=0).parameters
    for state in range(k):
        mean, covar = one.means[0, state], one.covars[0, state]
        filled, lacking, weights, counts = [], [], [], []
        for row, values in enumerate(X):
            seen = ~np.isnan(values)
            if not seen.any():
                continue
            known = np.linalg.inv(covar[np.ix_(seen, seen)])
            away = values[seen] - mean[seen]
            whole, left = values.copy(), np.zeros((d, d))
            slope = covar[np.ix_(~seen, seen)] @ known
            whole[~seen] = mean[~seen] + slope @ away
            rest = covar[np.ix_(~seen, ~seen)] - slope @ covar[np.ix_(seen, ~seen)]
            left[np.ix_(~seen, ~seen)] = rest
            weight = 1.0
            if student:
                degrees = one.degrees[0, state]
                weight = (degrees + seen.sum()) / (degrees + away @ known @ away)
            filled.append(whole)
            lacking.append(left)
            counts.append(gamma[row, state])
            weights.append(gamma[row, state] * weight)
        filled, weights, counts = np.array(filled), np.array(weights), np.array(counts)
        new_mean = weights @ filled / weights.sum()
        away = filled - new_mean
        new_covar = (away.T * weights) @ away + np.einsum("t,tij->ij", counts, np.array(lacking))
        assert_allclose(found.means[0, state], new_mean, rtol=1e-9, atol=1e-10)
        assert_allclose(found.covars[0, state], new_covar / counts.sum(), rtol=1e-9, atol=1e-10)


def test_one_state_is_the_mean_and_the_covariance():
    rng = np.random.default_rng(12)
    X = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 3)) + 5
    found = fit_batch(X, [200], starts(rng, 2, 1, 3), n_iter=5)
    assert found.converged.all()
    assert_allclose(found.parameters.means[0, 0], X.mean(axis=0))
    assert_allclose(found.parameters.covars[1, 0], np.cov(X.T, bias=True))
    whole = multivariate_normal(X.mean(axis=0), np.cov(X.T, bias=True)).logpdf(X).sum()
    assert_allclose(found.log_likelihood, whole)


def test_degrees_solve_their_equation():
    goals = np.array([1e-3, 2e-3, 0.01, 0.1, 0.5, 1.0, 2.0])
    wanted = [brentq(lambda v, g=g: math.log(v / 2) - psi(v / 2) - g, 0.4, 2000) for g in goals]
    assert_allclose(solve_degrees(goals), np.clip(wanted, 0.5, MOST_DEGREES), rtol=1e-9)
    assert_allclose(solve_degrees(np.array([-1.0, 1e-9])), MOST_DEGREES)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("degrees", [None, (4.0, 15.0)])
def test_what_was_simulated_is_recovered(degrees, gaps):
    rng = np.random.default_rng(15)
    means = np.array([[0.0, 0.0], [4.0, -3.0]])
    covars = np.array([[[1.0, 0.6], [0.6, 1.0]], [[2.0, -0.5], [-0.5, 0.5]]])
    X = simulated(rng, 8000, means, covars, stay=0.9, degrees=degrees)
    X = with_gaps(rng, X, 0.1) if gaps else X
    one = Parameters(
        np.full((1, 2), 0.5), np.full((1, 2, 2), 0.5), np.array([[[-1.0, 0.5], [3.0, 0.0]]]),
        np.tile(np.eye(2), (1, 2, 1, 1)), None if degrees is None else np.full((1, 2), 30.0),
    )  # fmt: skip
    emission = "gaussian" if degrees is None else "student_t"
    found = fit_batch(X, [8000], one, emission=emission, degrees="estimated", n_iter=300)
    assert found.converged[0]
    assert_allclose(found.parameters.means[0], means, atol=0.07)
    assert_allclose(found.parameters.covars[0], covars, atol=0.12)
    assert_allclose(np.diag(found.parameters.transmat[0]), 0.95, atol=0.01)
    if degrees is not None:
        assert_allclose(found.parameters.degrees[0], degrees, rtol=0.3)
