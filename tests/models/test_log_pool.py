"""A pool of probabilities: equal where nothing is known, and moved by what happened."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime

from regime.models.log_pool import HEAVIEST, LogPool
from regime.taxonomy import REGIMES

NAMES = np.array(REGIMES, dtype=object)
FREE = {"C": 1e3, "C_constant": 1e3}  # next to no pull


def softmax(odds):
    proba = np.exp(odds - odds.max(axis=-1, keepdims=True))
    return proba / proba.sum(axis=-1, keepdims=True)


def truth(n=4000, seed=0):
    """Log-odds of the regimes, and outcomes drawn from them."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(size=(n, 3))
    odds -= odds.mean(axis=1, keepdims=True)
    place = (rng.random((n, 1)) > softmax(odds).cumsum(axis=1)).sum(axis=1)
    return odds, NAMES[np.minimum(place, 2)]


def log_loss(proba, y):
    return -np.log(proba[np.arange(len(y)), (y[:, None] == NAMES).argmax(axis=1)]).mean()


@given(n_members=st.integers(1, 12), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_without_rows_members_weigh_the_same_and_nothing_is_corrected(n_members, seed):
    pool = LogPool().fit(np.empty((0, 3 * n_members)), [])
    assert_array_equal(pool.weight_, np.full(n_members, 1 / n_members))
    assert_array_equal(pool.constant_, 0)
    assert pool.health_["n_learned_from"] == 0
    said = np.random.default_rng(seed).dirichlet([1, 1, 1], size=(20, n_members))
    mean = np.exp(np.log(np.maximum(said, 1e-6)).mean(axis=1))
    assert_allclose(
        pool.predict_proba(said.reshape(20, -1)), mean / mean.sum(axis=1, keepdims=True)
    )


@pytest.mark.parametrize("C", [1 / 300, 1.0])
def test_no_small_step_improves_on_what_it_found(C):
    odds, y = truth(n=500)
    rng = np.random.default_rng(3)
    # the second member is worse than useless, so that its weight is at the bound
    worse = softmax(rng.normal(size=(500, 3)) - odds)
    said = np.hstack([softmax(1.6 * odds), worse, softmax(odds + rng.normal(size=(500, 3)))])
    pool = LogPool(C=C, C_constant=C / 2).fit(said, y)
    logs = np.log(said.reshape(500, 3, 3))

    def objective(flat):
        proba = softmax(sum(w * logs[:, m] for m, w in enumerate(flat[:3])) + flat[3:])
        pull = ((flat[:3] - 1 / 3) ** 2).sum() / (2 * C) + (flat[3:] ** 2).sum() / C
        return log_loss(proba, y) * len(y) + pull

    found = np.r_[pool.weight_, pool.constant_]
    start = np.r_[np.full(3, 1 / 3), np.zeros(3)]
    slope = approx_fprime(found, objective, 1e-7)
    steep = np.abs(approx_fprime(start, objective)).max()
    at_bound = found[:3] == 0
    assert at_bound[1] or C < 1
    assert (slope[:3][at_bound] > 0).all()
    assert np.abs(np.r_[slope[:3][~at_bound], slope[3:]]).max() < steep / 1e4
    assert objective(found) < objective(start) - 1


def test_of_two_members_that_know_different_things_each_gets_its_weight():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 20000, 3))
    odds = 0.7 * one + 1.2 * other
    place = (rng.random((20000, 1)) > softmax(odds).cumsum(axis=1)).sum(axis=1)
    said = np.hstack([softmax(one), softmax(other)])
    pool = LogPool(**FREE).fit(said, NAMES[np.minimum(place, 2)])
    assert_allclose(pool.weight_, [0.7, 1.2], atol=0.06)
    assert_allclose(pool.constant_, 0, atol=0.06)


def test_a_single_member_that_is_too_sure_is_flattened():
    odds, y = truth()
    pool = LogPool(**FREE).fit(softmax(2 * odds), y)
    assert pool.weight_[0] == pytest.approx(0.5, abs=0.06)
    assert (
        log_loss(pool.predict_proba(softmax(2 * odds)), y) < log_loss(softmax(2 * odds), y) - 0.02
    )


def test_a_single_member_that_is_too_timid_is_sharpened_and_not_without_limit():
    odds, y = truth()
    assert LogPool(**FREE).fit(softmax(odds / 2), y).weight_[0] == pytest.approx(2, abs=0.2)
    assert LogPool(**FREE).fit(softmax(odds / 9), y).weight_[0] == HEAVIEST


def test_a_regime_that_is_said_too_often_is_said_less():
    odds, y = truth()
    said = softmax(odds + np.array([0, 1.0, 0]))
    pool = LogPool(**FREE).fit(said, y)
    assert_allclose(pool.constant_ - pool.constant_.mean(), [1 / 3, -2 / 3, 1 / 3], atol=0.1)
    mended = pool.predict_proba(said)
    assert mended[:, 1].mean() == pytest.approx((y == REGIMES[1]).mean(), abs=0.005)
    assert said[:, 1].mean() > (y == REGIMES[1]).mean() + 0.1
    assert log_loss(mended, y) < log_loss(said, y) - 0.05


def test_a_member_that_knows_nothing_loses_its_weight_to_one_that_does():
    odds, y = truth()
    useless = softmax(np.random.default_rng(8).normal(size=odds.shape))
    pool = LogPool(C=1 / 300, C_constant=1 / 300).fit(np.hstack([softmax(odds), useless]), y)
    assert pool.weight_[1] < 0.1
    assert pool.weight_[0] > 0.8


@given(seed=st.integers(0, 999), n_members=st.integers(1, 5), n=st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_weights_are_never_negative_and_rows_sum_to_one(seed, n_members, n):
    rng = np.random.default_rng(seed)
    said = rng.dirichlet([0.2, 0.2, 0.2], size=(n, n_members)).reshape(n, 3 * n_members)
    pool = LogPool(C=10, C_constant=10).fit(said, NAMES[rng.integers(0, 3, size=n)])
    assert (pool.weight_ >= 0).all()
    assert (pool.weight_ <= HEAVIEST).all()
    proba = pool.predict_proba(said)
    assert np.isfinite(proba).all()
    assert_allclose(proba.sum(axis=1), 1)


@pytest.mark.parametrize("n_members", [1, 2, 3, 9, 16])
def test_each_row_is_answered_by_itself_to_the_bit(n_members):
    rng = np.random.default_rng(4)
    said = rng.dirichlet([1, 1, 1], size=(500, n_members)).reshape(500, -1)
    pool = LogPool().fit(said, NAMES[rng.integers(0, 3, size=500)])
    whole = pool.predict_proba(said)
    for rows in (slice(0, 1), slice(499, 500), slice(3, 20), slice(0, None, 11)):
        assert_array_equal(pool.predict_proba(said[rows]), whole[rows])
        assert_array_equal(pool.predict_proba(np.asfortranarray(said[rows])), whole[rows])
    assert_array_equal(pool.predict(said), NAMES[whole.argmax(axis=1)])


def test_a_probability_of_zero_rules_nothing_out():
    said = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    proba = LogPool().fit(np.empty((0, 3)), []).predict_proba(said)
    assert (proba > 0).all()
    # and one that turned out wrong costs no more than the least probability says
    assert np.isfinite(LogPool().fit(said, [REGIMES[2], REGIMES[0]]).weight_).all()


def test_health_says_each_weight_and_constant_and_the_rows_behind_them():
    odds, y = truth(n=200)
    pool = LogPool().fit(np.hstack([softmax(odds), softmax(-odds)]), y)
    expected = {"weight_0": pool.weight_[0], "weight_1": pool.weight_[1], "n_learned_from": 200.0}
    expected |= {f"constant_{n}": c for n, c in zip(REGIMES, pool.constant_, strict=True)}
    assert pool.health_ == expected


@pytest.mark.parametrize(
    "said", [np.ones((4, 2)), np.ones((4, 0)), np.ones(3), np.full((4, 3), np.nan)]
)
def test_rows_that_are_no_probabilities_of_three_regimes_are_refused_in_one_line(said):
    with pytest.raises(ValueError, match="side by side") as refused:
        LogPool().fit(said, [REGIMES[0]] * 4)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("y", [[REGIMES[0]] * 3, ["bull"] * 4, [REGIMES[0]] * 3 + [np.nan]])
def test_labels_that_are_missing_or_no_regimes_are_refused_in_one_line(y):
    with pytest.raises(ValueError, match="one regime") as refused:
        LogPool().fit(np.full((4, 3), 1 / 3), y)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("given", [{"C": 0.0}, {"C_constant": -1.0}, {"C": "hard"}])
def test_a_parameter_that_makes_no_sense_is_refused_by_name(given):
    with pytest.raises(ValueError, match=f"'{next(iter(given))}' parameter"):
        LogPool(**given).fit(np.empty((0, 3)), [])


def test_what_is_learned_does_not_depend_on_how_rows_lie_in_memory():
    rng = np.random.default_rng(2)
    said = rng.dirichlet([1, 1, 1], size=(300, 2)).reshape(300, -1)
    y = NAMES[rng.integers(0, 3, size=300)]
    one = LogPool(C=0.1, C_constant=0.1).fit(said, y)
    for other in (np.asfortranarray(said), np.repeat(said, 2, axis=0)[::2], said.tolist()):
        found = LogPool(C=0.1, C_constant=0.1).fit(other, y)
        assert_array_equal(found.weight_, one.weight_)
        assert_array_equal(found.constant_, one.constant_)
