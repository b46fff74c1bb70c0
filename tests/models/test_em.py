"""Batched expectation maximisation against hmmlearn, every path there is, and its own laws."""

import itertools
import math

import numpy as np
import pytest
from hmmlearn.hmm import GaussianHMM
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq
from scipy.special import logsumexp, psi
from scipy.stats import multivariate_normal, multivariate_t

from regime.models import em_recursions, em_rows
from regime.models.em import Parameters, Prior, expectations, fit_batch
from regime.models.em_emissions import MOST_DEGREES, solve_degrees
from regime.models.matrices import at_least

ENGINES = ["log", "scaling"]
seeds = st.integers(0, 100_000)


def starts(rng, n, k, d, *, degrees=False, diag=False):
    roots = rng.normal(size=(n, k, d, d))
    covars = roots @ roots.swapaxes(-1, -2) + 0.5 * np.eye(d)
    return Parameters(
        rng.dirichlet(np.ones(k), size=n),
        rng.dirichlet(np.ones(k), size=(n, k)),
        rng.normal(size=(n, k, d)),
        covars * np.eye(d) if diag else covars,
        rng.uniform(1.5, 30, size=(n, k)) if degrees else None,
    )


def simulated(rng, n_rows, means, covars, *, stay=0.95, degrees=None):
    k, d = means.shape
    state, X = int(rng.integers(k)), np.empty((n_rows, d))
    for row in range(n_rows):
        state = state if rng.random() < stay else int(rng.integers(k))
        noise = rng.multivariate_normal(np.zeros(d), covars[state])
        weight = 1 if degrees is None else rng.chisquare(degrees[state]) / degrees[state]
        X[row] = means[state] + noise / math.sqrt(weight)
    return X


def with_gaps(rng, X, share=0.3):
    X = X.copy()
    X[rng.random(X.shape) < share] = np.nan
    X[:, 0][np.isnan(X).all(axis=0).any()] = 0.0
    if np.isnan(X).all():
        X[0, 0] = 0.0
    return X


def densities(X, one, restart, student):
    """Log density of the known part of each row in each state, from scipy."""
    found = np.zeros((len(X), one.means.shape[1]))
    for (row, values), state in itertools.product(enumerate(X), range(found.shape[1])):
        seen = np.flatnonzero(~np.isnan(values))
        if len(seen):
            mean, covar = one.means[restart, state, seen], one.covars[restart, state]
            covar = covar[np.ix_(seen, seen)]
            law = (
                multivariate_t(mean, covar, df=one.degrees[restart, state])
                if student
                else multivariate_normal(mean, covar)
            )
            found[row, state] = law.logpdf(values[seen])
    return found


def by_every_path(startprob, transmat, log_density):
    """Likelihood, smoothed states and expected moves, path by path."""
    n, k = log_density.shape
    paths = np.array(list(itertools.product(range(k), repeat=n)))
    weight = np.log(startprob)[paths[:, 0]] + log_density[np.arange(n), paths].sum(axis=1)
    weight += np.log(transmat)[paths[:, :-1], paths[:, 1:]].sum(axis=1)
    whole = logsumexp(weight)
    proba = np.exp(weight - whole)
    smoothed = np.array([[proba[paths[:, t] == i].sum() for i in range(k)] for t in range(n)])
    moves = np.zeros((k, k))
    for t in range(n - 1):
        np.add.at(moves, (paths[:, t], paths[:, t + 1]), proba)
    return whole, smoothed, moves


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


@given(
    st.integers(2, 60), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.booleans(),
    st.booleans(), st.booleans(), st.integers(0, 10_000),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_a_step_never_lowers_the_penalised_likelihood(n, k, d, student, gaps, diag, drawn, seed):
    rng = np.random.default_rng(seed)
    one = starts(rng, 5, k, d, degrees=student, diag=diag)
    X = rng.normal(size=(n, d)) + 3 * rng.integers(2, size=(n, 1))
    X = with_gaps(rng, X) if gaps else X
    prior = Prior(least=1e-3)
    if drawn:
        centre, pooled = np.full(d, 0.5), np.eye(d) + 0.3
        prior = Prior(pooled, d + 1, centre, 0.3, start=0.2, moves=0.1, stay=2.0, least=0.05)
    found = fit_batch(
        X, [n - n // 2, n // 2], one, covariance="diag" if diag else "full",
        emission="student_t" if student else "gaussian", degrees="estimated",
        n_iter=25, tol=1e-9, prior=prior, revivals=0,
    )  # fmt: skip
    gain = np.diff(found.objective, axis=1)
    assert np.nanmin(gain) > -1e-8 * (1 + np.nanmax(np.abs(found.objective)))
    assert found.monotone.all()
    for values in (found.parameters.means, found.parameters.covars, found.log_likelihood):
        assert np.isfinite(values).all()


def hostile(rng, n, d):
    """Few different rows, features that do not move or repeat one another, units far apart."""
    X = rng.integers(-2, 3, size=(n, d)) + rng.choice([0.0, 1e-3, 1.0]) * rng.normal(size=(n, d))
    X[:, rng.random(d) < 0.2] = 7.0
    if rng.random() < 0.3:
        X[:, -1] = X[:, 0]
    if rng.random() < 0.3:
        X[rng.integers(n)] *= 1e3
    return X, 10.0 ** rng.choice([-140, -6, 0, 6, 90], size=d)


@given(st.integers(2, 80), st.integers(1, 3), st.integers(1, 4), st.booleans(), seeds)
@settings(max_examples=60, deadline=None)
def test_a_step_never_lowers_the_likelihood_of_hostile_rows(n, k, d, diag, seed):
    rng = np.random.default_rng(seed)
    one = starts(rng, 5, k, d, diag=diag)
    X, units = hostile(rng, n, d)
    least = rng.choice([1e-2, 1e-4])
    one = Parameters(
        one.startprob, one.transmat, one.means * units, one.covars * np.outer(units, units)
    )
    found = fit_batch(
        X * units, [n], one, covariance="diag" if diag else "full", n_iter=25, tol=1e-9,
        prior=Prior(least=least * units**2), revivals=0,
    )  # fmt: skip
    gain = np.diff(found.objective, axis=1)
    assert np.nanmin(gain) > -1e-7 * n / least
    assert np.isfinite(found.log_likelihood).all()
    assert np.isfinite(found.parameters.covars).all()


@given(st.integers(1, 9), st.booleans(), st.booleans(), st.randoms(use_true_random=False), seeds)
@settings(max_examples=40, deadline=None)
def test_restarts_in_another_order_end_as_they_did(n_restarts, student, gaps, random, seed):
    rng = np.random.default_rng(seed)
    one = starts(rng, n_restarts, 2, 2, degrees=student)
    X = rng.normal(size=(60, 2)) + 3 * rng.integers(2, size=(60, 1))
    X = with_gaps(rng, X, 0.1) if gaps else X
    order = np.array(random.sample(range(n_restarts), n_restarts))
    how = {"emission": "student_t" if student else "gaussian", "n_iter": 6, "tol": 0.0}
    how["prior"] = Prior(np.eye(2), 3.0, least=1e-3)
    found, other = (fit_batch(X, [60], s, **how) for s in (one, one.take(order)))
    assert_allclose(other.log_likelihood, found.log_likelihood[order], rtol=1e-11)
    assert_allclose(other.history, found.history[order], rtol=1e-11)
    for name in ("startprob", "transmat", "means", "covars"):
        ours, theirs = getattr(found.parameters, name), getattr(other.parameters, name)
        assert_allclose(theirs, ours[order], rtol=1e-9, atol=1e-10)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.booleans(), st.booleans(), seeds)
@settings(max_examples=40, deadline=None)
def test_sequences_add_up_and_their_order_does_not_matter(lengths, student, gaps, seed):
    rng = np.random.default_rng(seed)
    one = starts(rng, 3, 2, 2, degrees=student)
    X = rng.normal(size=(sum(lengths), 2))
    X = with_gaps(rng, X, 0.2) if gaps else X
    emission = "student_t" if student else "gaussian"
    whole = expectations(X, lengths, one, emission=emission)
    pieces = np.split(X, np.cumsum(lengths)[:-1])
    alone = [
        expectations(piece, [len(piece)], one, emission=emission)
        for piece in pieces
        if not np.isnan(piece).all()
    ]
    assert_allclose(whole.log_likelihood, sum(one.log_likelihood for one in alone), rtol=1e-10)
    if len(alone) == len(pieces):
        posteriors = np.concatenate([one.posteriors for one in alone], axis=1)
        assert_allclose(whole.posteriors, posteriors, atol=1e-10)
        assert_allclose(whole.moves, sum(one.moves for one in alone), atol=1e-9)
    how = {"emission": emission, "n_iter": 4, "tol": 0.0, "prior": Prior(np.eye(2), 3.0)}
    found = fit_batch(X, lengths, one, **how)
    other = fit_batch(np.concatenate(pieces[::-1]), lengths[::-1], one, **how)
    assert_allclose(other.history, found.history, rtol=1e-9, atol=1e-9)


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


def test_rows_of_which_nothing_is_known_are_no_evidence():
    rng = np.random.default_rng(7)
    one = starts(rng, 2, 2, 2)
    X = rng.normal(size=(9, 2))
    X[3:5] = np.nan
    found = expectations(X, [9], one)
    for b in range(2):
        ahead = found.posteriors[b, 2:6].sum(axis=1)
        assert_allclose(ahead, 1)
    # at the end of a sequence they add nothing to the likelihood, nor to what is learned
    longer = np.vstack([X, np.full((4, 2), np.nan)])
    assert_allclose(expectations(longer, [13], one).log_likelihood, found.log_likelihood)
    fitted = fit_batch(longer, [13], one, n_iter=1, tol=0, starved=0).parameters
    assert_allclose(
        fitted.means, fit_batch(X, [9], one, n_iter=1, tol=0, starved=0).parameters.means
    )


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("emission", ["gaussian", "student_t"])
def test_a_batch_is_as_many_batches_of_one_in_any_order(emission, gaps):
    rng = np.random.default_rng(8)
    one = starts(rng, 7, 3, 3, degrees=emission == "student_t")
    means = 2 * rng.normal(size=(3, 3))
    X = simulated(rng, 500, means, np.tile(np.eye(3), (3, 1, 1)))
    X = with_gaps(rng, X, 0.1) if gaps else X
    settings = {"emission": emission, "degrees": "estimated", "n_iter": 12, "tol": 3.0}
    together = fit_batch(X, [300, 200], one, **settings)
    order = rng.permutation(7)
    shuffled = fit_batch(X, [300, 200], one.take(order), **settings)
    assert len(set(together.iterations)) > 1 or gaps  # some left the batch before others
    for b in range(7):
        alone = fit_batch(X, [300, 200], one.take(np.array([b])), **settings)
        place = int(np.flatnonzero(order == b)[0])
        for other, at in ((alone, 0), (shuffled, place)):
            assert other.iterations[at] == together.iterations[b]
            assert_allclose(other.log_likelihood[at], together.log_likelihood[b], rtol=1e-12)
            for name in ("startprob", "transmat", "means", "covars"):
                ours, theirs = getattr(together.parameters, name), getattr(other.parameters, name)
                assert_allclose(theirs[at], ours[b], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("emission", ["gaussian", "student_t"])
def test_rows_taken_a_few_at_a_time_give_what_they_give_at_once(emission, gaps, monkeypatch):
    rng = np.random.default_rng(17)
    one = starts(rng, 6, 3, 3, degrees=emission == "student_t")
    X = simulated(rng, 700, 2 * rng.normal(size=(3, 3)), np.tile(np.eye(3), (3, 1, 1)))
    X = with_gaps(rng, X, 0.1) if gaps else X
    settings = {"emission": emission, "degrees": "estimated", "n_iter": 5, "tol": 0}
    lengths = [64, 1, 63, 572]
    at_once = fit_batch(X, lengths, one, **settings)
    assert em_recursions.Layout(6, 3).chunk(10) > 700
    monkeypatch.setattr(em_recursions, "CACHED", 1)
    monkeypatch.setattr(em_rows, "HELD", 0)
    assert em_recursions.Layout(6, 3).chunk(10) == 64
    few = fit_batch(X, lengths, one, **settings)
    assert_allclose(few.history, at_once.history, rtol=1e-12)
    for name in ("startprob", "transmat", "means", "covars"):
        ours, theirs = getattr(few.parameters, name), getattr(at_once.parameters, name)
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)
    smoothed = expectations(X, lengths, one, emission=emission).posteriors
    monkeypatch.undo()
    assert_allclose(
        smoothed, expectations(X, lengths, one, emission=emission).posteriors, atol=1e-12
    )


def test_a_floor_whose_square_overflows_is_still_a_floor():
    floor = np.array([1e180, 1e-180])
    found = at_least(np.diag(floor / 4)[None, None], floor, full=True)
    assert_allclose(found[0, 0], np.diag(floor))


def test_variances_below_the_floor_are_raised_to_it_and_no_others():
    rng = np.random.default_rng(18)
    floor = np.array([0.5, 2.0, 1e-3])
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    units = np.sqrt(np.outer(floor, floor))
    spreads = np.array([[1.5, 2, 3], [0.2, 1.5, 3], [1e-9, 0.9, 0.5], [np.nan, 2, 3]])
    covars = ((turn * spreads[:, None]) @ turn.T * units)[None]
    raised = ((turn * np.maximum(spreads, 1)[:, None]) @ turn.T * units)[None]
    found = at_least(covars, floor, full=True)
    assert_array_equal(found[0, 0], covars[0, 0])
    assert_allclose(found[0, 1:3], raised[0, 1:3], rtol=1e-10, atol=1e-14)
    assert np.isnan(found[0, 3]).all()  # one that has none does not keep the others from theirs
    assert_array_equal(at_least(covars[:, :3], 0.0, full=True), covars[:, :3])


def test_the_starts_are_left_alone():
    rng = np.random.default_rng(9)
    one = starts(rng, 2, 2, 2, degrees=True)
    before = one.take(np.arange(2))
    fit_batch(rng.normal(size=(50, 2)), [50], one, emission="student_t", degrees="estimated")
    for name in ("startprob", "transmat", "means", "covars", "degrees"):
        assert_array_equal(getattr(one, name), getattr(before, name))


def test_units_do_not_matter():
    rng = np.random.default_rng(10)
    one = starts(rng, 3, 2, 3)
    X = simulated(rng, 300, 2 * rng.normal(size=(2, 3)), np.tile(np.eye(3), (2, 1, 1)))
    units, origin = np.array([1e-6, 1.0, 1e6]), np.array([3e-6, -1e3, 1e8])
    other = Parameters(
        one.startprob, one.transmat, one.means * units + origin, one.covars * np.outer(units, units)
    )
    plain = fit_batch(X, [300], one, n_iter=10, tol=0)
    moved = fit_batch(X * units + origin, [300], other, n_iter=10, tol=0)
    assert_allclose(
        moved.log_likelihood + 300 * np.log(units).sum(), plain.log_likelihood, rtol=1e-8
    )
    assert_allclose((moved.parameters.means - origin) / units, plain.parameters.means, atol=1e-6)


@pytest.mark.parametrize("n_rows", [1, 2])
def test_a_sample_of_a_row_or_two_ends_finite(n_rows):
    rng = np.random.default_rng(11)
    one = starts(rng, 5, 2, 2)
    found = fit_batch(rng.normal(size=(n_rows, 2)), [n_rows], one, n_iter=30)
    for name in ("startprob", "transmat", "means", "covars"):
        assert np.isfinite(getattr(found.parameters, name)).all()
    assert np.isfinite(found.log_likelihood).all()
    assert (found.collapsed > 0).all()


def test_one_state_is_the_mean_and_the_covariance():
    rng = np.random.default_rng(12)
    X = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 3)) + 5
    found = fit_batch(X, [200], starts(rng, 2, 1, 3), n_iter=5)
    assert found.converged.all()
    assert_allclose(found.parameters.means[0, 0], X.mean(axis=0))
    assert_allclose(found.parameters.covars[1, 0], np.cov(X.T, bias=True))
    whole = multivariate_normal(X.mean(axis=0), np.cov(X.T, bias=True)).logpdf(X).sum()
    assert_allclose(found.log_likelihood, whole)


@pytest.mark.parametrize("floor", ["added", "least"])
def test_a_feature_that_never_moves_has_the_variance_of_the_floor(floor):
    rng = np.random.default_rng(13)
    X = np.column_stack([rng.normal(size=200), np.full(200, 7.0)])
    one = starts(rng, 3, 2, 2)
    found = fit_batch(X, [200], one, n_iter=10, prior=Prior(**{floor: 1e-3}), starved=0)
    assert_allclose(found.parameters.covars[:, :, 1, 1], 1e-3)
    assert (found.collapsed == 0).all()
    without = fit_batch(X, [200], one, n_iter=10)
    assert (without.collapsed == 2).all()
    assert np.isfinite(without.parameters.covars).all()


def test_a_row_impossibly_far_away_is_told_apart_in_logarithms():
    """Where every state in reach has a density that underflows beside one out of reach."""
    transmat = np.array([[[1 - 1e-12, 1e-12], [1e-12, 1 - 1e-12]]])
    one = Parameters(
        np.array([[1.0, 0.0]]), transmat, np.array([[[0.0], [100.0]]]), np.ones((1, 2, 1, 1))
    )
    X = np.array([[100.0], [0.0], [100.0], [100.0], [0.0]])
    found = expectations(X, [5], one)
    with np.errstate(divide="ignore"):
        whole, smoothed, moves = by_every_path(
            one.startprob[0], one.transmat[0], densities(X, one, 0, student=False)
        )
    assert_allclose(found.log_likelihood[0], whole, rtol=1e-12)
    assert_allclose(found.posteriors[0], smoothed, atol=1e-9)
    assert_allclose(found.moves[0], moves, atol=1e-9)


def test_a_collapsed_state_is_revived_from_the_rows_explained_worst():
    rng = np.random.default_rng(14)
    X = np.vstack(
        [rng.normal(size=(400, 2)), rng.normal(size=(60, 2)) + 12, rng.normal(size=(40, 2))]
    )
    far = Parameters(
        np.full((1, 2), 0.5), np.array([[[0.95, 0.05], [0.05, 0.95]]]),
        np.array([[[1.0, 1.0], [-900.0, 900.0]]]), np.stack([[16 * np.eye(2), 1e-2 * np.eye(2)]]),
    )  # fmt: skip
    left = fit_batch(X, [500], far, n_iter=100, revivals=0)
    assert (left.collapsed[0], left.revived[0]) == (1, 0)
    found = fit_batch(X, [500], far, n_iter=100)
    assert (found.collapsed[0], found.revived[0]) == (0, 1)
    assert found.converged[0]
    assert_allclose(np.sort(found.state_rows[0]), [60, 440], atol=0.5)
    assert found.log_likelihood[0] > left.log_likelihood[0] + 100


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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lengths": [4]}, "add up"),
        ({"lengths": [10, 0]}, "at least 1"),
        ({"X": np.full((10, 2), np.inf)}, "infinite"),
        ({"X": np.full((10, 2), np.nan)}, "known value"),
        ({"X": np.zeros(10)}, "table"),
        ({"emission": "student_t"}, "degrees"),
        ({"means": np.zeros((2, 2, 3))}, "means"),
        ({"transmat": np.full((2, 2, 2), 0.4)}, "add up to 1"),
        ({"covars": np.zeros((2, 2, 2, 2))}, "positive definite"),
    ],
)
def test_contradictory_arguments_are_refused_by_name(change, words):
    rng = np.random.default_rng(16)
    arguments = {"X": rng.normal(size=(10, 2)), "lengths": [10]} | {
        key: change[key] for key in change if key in ("X", "lengths", "emission")
    }
    one = starts(rng, 2, 2, 2)
    one = Parameters(
        *(change.get(n, getattr(one, n)) for n in ("startprob", "transmat", "means", "covars"))
    )
    with pytest.raises(ValueError, match=words):
        fit_batch(arguments.pop("X"), arguments.pop("lengths"), one, **arguments)
