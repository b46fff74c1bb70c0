"""A step never lowers the likelihood, and neither order, batch nor unit changes it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models.em.simulated import simulated, starts, with_gaps
from numpy.testing import assert_allclose, assert_array_equal

from regime.models import em_recursions, em_rows
from regime.models.em import Parameters, Prior, expectations, fit_batch

seeds = st.integers(0, 100_000)


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
