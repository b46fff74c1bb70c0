"""Sticky states, and states that start at the labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models.hmm_family.simulated import MEANS, NAMES, hmm, market, sticky
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import balanced_accuracy_score

from regime.models.hmm_labels import UNKNOWN, labelled_start, own_labels, split_or_merge
from regime.models.hmm_problem import Problem
from regime.models.hmm_starts import typical_units

# Stickiness ---------------------------------------------------------------------------


def switches(model, X):
    return int((np.diff(model.state_proba(X).argmax(axis=1)) != 0).sum())


def test_a_sticky_prior_lowers_switching():
    flips, stays = np.zeros((2, 3))
    for seed in range(5):
        X, states = market(300, apart=0.5, seed=seed)
        for number, rows in enumerate((0.0, 100.0, 2000.0)):
            model = hmm(stickiness=rows).fit(X, states)
            flips[number] += switches(model, X)
            stays[number] += np.diag(model.transmat_).mean() / 5
    assert flips[1] < 0.5 * flips[0]
    assert flips[2] < flips[1]
    assert stays[0] < stays[1] - 0.05
    assert stays[2] > 0.999


def test_hmmlearn_is_as_sticky(days):
    X, y = days
    tight = {"tol": 1e-13, "n_iter": 5000, "stickiness": 80.0, "n_init": 2}
    ours, theirs = (hmm(engine=one, **tight).fit(X, y) for one in ("batched", "hmmlearn"))
    assert_allclose(ours.transmat_, theirs.transmat_, atol=1e-4)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)


def test_what_is_compared_is_likelihood_and_prior_together(days):
    """A start that flips, and is likelier for it, loses against the one that was asked for."""
    X = days[0]
    problem = Problem(X, [len(X)], np.eye(2), True, 1e-3, 200, 1e-5, stickiness=10.0)
    logs, moves = np.array([-5.0, -8.0]), np.array([sticky(3, 0.5), sticky(3, 0.98)])
    worth = problem.worth(logs, moves)
    assert_allclose(worth, logs + 30 * np.log([0.5, 0.98]))
    assert worth[1] > worth[0]


# Starts at the labels -----------------------------------------------------------------


def problem_of(X, lengths=None):
    centre, scale, pooled = typical_units(X)
    return Problem((X - centre) / scale, lengths or [len(X)], pooled, True, 1e-3, 200, 1e-5)


@pytest.mark.parametrize("horizon", [0, 21])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
def test_states_that_start_at_the_labels_are_found_in_the_order_of_the_names(order, horizon):
    X, states = market(1500, apart=2.0, means=MEANS[order])
    y = NAMES[states]
    model = hmm(start="labels", horizon=horizon).fit(X[: len(X) - horizon], y[horizon:])
    assert balanced_accuracy_score(states, model.state_proba(X).argmax(axis=1)) > 0.9
    assert_allclose(model.means_, 2.0 * MEANS[order], atol=0.3)
    assert model.health_["n_starts"] == 1


def test_a_row_s_own_label_is_the_one_that_came_horizon_rows_before():
    codes = np.array([4, 5, 6, 7])
    assert_array_equal(own_labels(codes, 0), codes)
    assert_array_equal(own_labels(codes, 1), [UNKNOWN, 4, 5, 6])
    assert_array_equal(own_labels(codes, 9), [UNKNOWN] * 4)


def test_labels_later_than_the_rows_are_not_used():
    """The last `horizon` labels are of rows after training: what they say of today is unknown."""
    X, states = market(600)
    one, other = NAMES[states], NAMES[states].copy()
    other[-21:] = NAMES[0]
    fits = [hmm(start="labels", horizon=21, n_iter=1).fit(X, y) for y in (one, other)]
    assert_array_equal(fits[0].means_, fits[1].means_)
    assert np.abs(fits[0].regime_given_state_ - fits[1].regime_given_state_).max() > 0


def test_the_start_is_the_moments_of_each_regime():
    X, states = market(3000)
    problem = problem_of(X)
    start = labelled_start(problem, states, 3)
    for state in range(3):
        rows = problem.rows[states == state]
        assert_allclose(start.means[0, state], rows.mean(axis=0))
        assert_allclose(start.covars[0, state], np.cov(rows.T), atol=0.02)
    assert_allclose(start.transmat[0], sticky(3), atol=0.02)


def test_what_follows_a_gap_is_no_move():
    X, _ = market(40)
    own = np.repeat([0, 1], 20)
    joined = labelled_start(problem_of(X), own, 2).transmat[0]
    apart = labelled_start(problem_of(X, [20, 20]), own, 2).transmat[0]
    assert apart[0, 1] < joined[0, 1]


def test_a_regime_of_two_kinds_is_split_between_them():
    """Four planted states behind three names: the second of the most common name is found."""
    means = np.array([[-2.0, 0.0], [0.0, 2.5], [2.0, -1.0], [0.0, -3.0]])
    X, states = market(3000, means=means)
    names = np.array([1, 0, 2, 1])[states]
    first = split_or_merge(problem_of(X), names, 4)
    assert_array_equal(np.unique(first[names == 0]), [0])
    assert_array_equal(np.unique(first[names == 1]), [1, 2])
    model = hmm(n_states=4, start="labels").fit(X, names)
    assert_array_equal(model.regime_given_state_.argmax(axis=1), [0, 1, 1, 2])
    found = {tuple(np.round(mean).astype(int)) for mean in model.means_}
    assert len(found) == 4
    assert balanced_accuracy_score(names, model.predict(X)) > 0.95


def test_calm_and_turbulent_rows_of_one_regime_are_told_apart():
    rng = np.random.default_rng(0)
    wild = np.repeat(np.arange(50) % 2, 20) == 1
    X = rng.normal(size=(1000, 2)) * np.where(wild, 4.0, 1.0)[:, None]
    first = split_or_merge(problem_of(X), np.zeros(1000, dtype=int), 2)
    assert balanced_accuracy_score(wild, first == first[wild].max()) > 0.95


def test_regimes_that_lie_nearest_share_a_state():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], 200)
    X = np.array([0.0, 5.0, 1.0])[codes, None] + rng.normal(size=(600, 1))
    first = split_or_merge(problem_of(X), codes, 2)
    assert_array_equal(first, np.where(codes == 1, 1, 0))


@given(st.integers(1, 8), st.integers(1, 4), st.integers(8, 60), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_every_state_starts_with_rows_and_every_labelled_row_with_a_state(k, r, n, seed):
    rng = np.random.default_rng(seed)
    own = np.sort(rng.integers(0, r, size=n)) if seed % 2 else rng.integers(0, r, size=n)
    X = rng.normal(size=(n, 2))
    X[rng.random(X.shape) < 0.2] = np.nan
    X[0] = 0.0
    first = split_or_merge(problem_of(X), own, k)
    assert_array_equal(np.unique(first), np.arange(k))
    if k >= len(np.unique(own)):  # no state of two regimes, in the regimes' order
        pairs = {(state, regime) for state, regime in zip(first, own, strict=True)}
        assert len(pairs) == k
        assert [regime for _, regime in sorted(pairs)] == sorted(regime for _, regime in pairs)


def test_without_labels_of_their_own_rows_it_says_what_to_do(days):
    X, y = days
    with pytest.raises(ValueError, match=r"n_samples = 20 rows, 1 have one.*shorter horizon"):
        hmm(start="labels", horizon=19).fit(X[:20], y[:20])


def test_the_labels_challenge_the_model_that_is_carried_on(days):
    X, y = days
    before = hmm(start="labels").fit(X[:1000], y[:1000])
    after = hmm(start="labels").fit_from(before, X, y)
    alone = hmm(start="labels", n_challengers=0).fit_from(before, X, y)
    assert after.health_["n_starts"] == 2
    assert alone.health_["n_starts"] == 1
    assert np.isfinite(after.health_["challenger_gain"])
    poor = hmm(start="labels").fit(X[:1000], y[:1000])
    poor.means_ = np.repeat(X.mean(axis=0)[None], 3, axis=0)  # three states that are one
    poor.covars_ = np.repeat(np.cov(X.T)[None], 3, axis=0)
    poor.startprob_, poor.transmat_ = np.full(3, 1 / 3), np.full((3, 3), 1 / 3)
    rescued = hmm(start="labels").fit_from(poor, X, y)
    assert rescued.health_["challenger_gain"] > 0.1
    assert_allclose(
        rescued.health_["log_likelihood_per_row"],
        after.health_["log_likelihood_per_row"],
        atol=1e-4,
    )
