"""Hidden states are found and filtered, and a gap is no evidence."""

import numpy as np
import pytest
from models.hmm.simulated import (
    NAMES,
    STICKY,
    assert_distributions,
    hmmlearn_twin,
    market,
    simulate,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import balanced_accuracy_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from regime.models.hmm import GaussianHMMClassifier
from regime.models.hmm_starts import complete_stretches

ORDER_MATTERS = dict.fromkeys(
    ["check_methods_sample_order_invariance", "check_methods_subset_invariance"],
    "row t depends on the rows before it",
)


@parametrize_with_checks(
    [
        GaussianHMMClassifier(n_init=3, random_state=0),
        GaussianHMMClassifier(covariance_type="diag", n_init=3, random_state=0),
    ],
    expected_failed_checks=lambda _: ORDER_MATTERS,
)
def test_it_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


# What it finds ------------------------------------------------------------------------


@pytest.mark.parametrize("covariance_type", ["full", "diag"])
def test_well_separated_states_are_found(covariance_type):
    X, y = market(2000, apart=2.5)
    model = GaussianHMMClassifier(covariance_type=covariance_type, random_state=0).fit(X, y)
    assert balanced_accuracy_score(y, model.predict(X)) > 0.97
    assert_allclose(model.transmat_, STICKY, atol=0.02)
    assert model.health_["n_converged"] == 10
    assert model.health_["n_at_best"] >= 3


def test_calm_and_turbulent_markets_are_told_apart():
    """Nystrup and others' daily equity setting, METHOD section 11: 0.958 by Viterbi, T = 1000."""
    moves = np.array([[0.9979, 0.0021], [0.0120, 0.9880]])
    deviations = np.array([0.00776, 0.0174])
    accuracy = []
    for seed in range(12):
        X, states = simulate(
            1000, [[0.000615], [-0.000785]], deviations[:, None, None] ** 2, moves, seed
        )
        if 0.05 < states.mean() < 0.95:  # most samples of four years see both
            model = GaussianHMMClassifier(2, n_init=3, random_state=0).fit(X, states)
            found = model.state_proba(X).argmax(axis=1)
            found = found if model.covars_[0] < model.covars_[1] else 1 - found
            accuracy.append(balanced_accuracy_score(states, found))
    assert len(accuracy) >= 6
    assert np.mean(accuracy) > 0.92


def test_units_do_not_matter():
    X, y = market(800)
    one = GaussianHMMClassifier(n_init=2, random_state=0).fit(X, y)
    scale, shift = np.array([1e-4, 300.0]), np.array([5.0, -1e4])
    other = GaussianHMMClassifier(n_init=2, random_state=0).fit(X * scale + shift, y)
    assert_allclose(other.means_, one.means_ * scale + shift, rtol=1e-6)
    assert_allclose(other.predict_proba(X * scale + shift), one.predict_proba(X), atol=1e-6)
    per_row = one.health_["log_likelihood_per_row"] - np.log(scale).sum()
    assert other.health_["log_likelihood_per_row"] == pytest.approx(per_row, rel=1e-6)


def test_states_are_numbered_by_their_first_mean(fitted):
    assert (np.diff(fitted.means_[:, 0]) > 0).all()


def test_the_same_seed_gives_the_same_bits_and_refitting_forgets(days):
    X, y = days
    one = GaussianHMMClassifier(n_init=2, random_state=3).fit(X, y)
    other = GaussianHMMClassifier(n_init=2, random_state=3).fit(X[:400, :1], y[:400]).fit(X, y)
    assert one.health_ == other.health_
    for name, array in one.to_arrays().items():
        assert_array_equal(array, other.to_arrays()[name], err_msg=name)


# What it says -------------------------------------------------------------------------


def test_filter_and_smoother_are_hmmlearns_and_the_filter_does_not_look_ahead(fitted, days):
    X, _ = days
    hmm = hmmlearn_twin(fitted)
    assert fitted.log_likelihood(X) == pytest.approx(hmm.score(X), rel=1e-10)
    assert fitted.health_["log_likelihood_per_row"] * len(X) == pytest.approx(hmm.score(X))
    assert_allclose(fitted.smoothed_proba(X), hmm.predict_proba(X), atol=1e-8)
    assert_allclose(fitted.state_proba(X)[-1], hmm.predict_proba(X)[-1], atol=1e-8)
    assert np.abs(fitted.state_proba(X) - hmm.predict_proba(X)).max() > 0.5


@pytest.mark.parametrize("covariance_type", ["full", "diag"])
@pytest.mark.parametrize("horizon", [0, 21])
def test_a_shorter_history_gives_the_same_bits(covariance_type, horizon, days):
    X, y = days[0].copy(), days[1]
    X[np.random.default_rng(0).random(X.shape) < 0.05] = np.nan
    model = GaussianHMMClassifier(
        covariance_type=covariance_type, horizon=horizon, n_init=1, random_state=0
    ).fit(X[:1000], y[:1000])
    whole = model.predict_proba(X)
    for today in (1, 2, 3, 5, 400, 999, 1000, 1001, 1490):
        assert_array_equal(whole[:today], model.predict_proba(X[:today]))
        assert_array_equal(whole[:today], model.predict_proba(X[:today].copy(order="F")))


def test_hmmlearns_states_change_with_the_future_and_ours_do_not():
    """The share of days whose word changed once later days were known."""
    X, y = market(700, apart=0.7)
    model = GaussianHMMClassifier(random_state=0).fit(X, y)
    hmm = hmmlearn_twin(model)
    days = range(1, len(X) + 1, 3)
    streamed = np.array([hmm.predict(X[:today])[-1] for today in days])
    ours = np.array([model.state_proba(X[:today])[-1].argmax() for today in days])
    last = np.array(days) - 1
    assert (streamed != hmm.predict(X)[last]).mean() > 0.05
    assert (streamed != hmm.predict_proba(X).argmax(axis=1)[last]).mean() > 0.05
    assert (ours != model.state_proba(X).argmax(axis=1)[last]).sum() == 0


@pytest.mark.parametrize("horizon", [0, 1, 5])
def test_regimes_are_those_met_horizon_rows_after_the_filtered_states(horizon, days):
    X, y = days[0][:300], days[1]
    later = y[horizon : 300 + horizon]
    model = GaussianHMMClassifier(horizon=horizon, n_init=1, random_state=0).fit(X, later)
    met = np.ones((3, 3))
    states = model.state_proba(X)
    for row in range(300):
        ahead = states[row]
        for _ in range(horizon):
            ahead = ahead @ model.transmat_
        met[:, list(NAMES).index(later[row])] += ahead
    by_hand = met / met.sum(axis=1, keepdims=True)
    assert_allclose(model.regime_given_state_, by_hand, rtol=1e-10)
    ahead = states @ np.linalg.matrix_power(model.transmat_, horizon)
    assert_allclose(model.predict_proba(X), ahead @ by_hand, rtol=1e-10)
    smoothed = model.smoothed_proba(X) @ np.linalg.matrix_power(model.transmat_, horizon)
    from_hindsight = smoothed.T @ np.eye(3)[np.searchsorted(NAMES, later)] + 1
    from_hindsight /= from_hindsight.sum(axis=1, keepdims=True)
    assert np.abs(from_hindsight - by_hand).max() > 1e-3


def test_a_long_horizon_forgets_today(days):
    X, y = days
    model = GaussianHMMClassifier(horizon=5000, n_init=1, random_state=0).fit(X, y)
    proba = model.predict_proba(X)
    assert_allclose(proba, np.tile(proba[0], (len(X), 1)), atol=1e-8)


def test_a_regime_met_once_or_never_with_a_state_stays_possible(days):
    X, y = days[0], days[1].copy()
    y[y == "broadening"] = "mega_cap_led"
    y[700] = "broadening"
    model = GaussianHMMClassifier(n_init=1, random_state=0).fit(X, y)
    assert list(model.classes_) == list(NAMES)
    assert_distributions(model.predict_proba(X))
    assert 0 < model.predict_proba(X)[:, 0].max() < 0.02


def test_a_single_regime_is_certain(days):
    X, _ = days
    model = GaussianHMMClassifier(n_init=1, random_state=0).fit(X, np.full(len(X), "only"))
    assert_array_equal(model.predict_proba(X), np.ones((len(X), 1)))
    assert set(model.predict(X)) == {"only"}


# Gaps ---------------------------------------------------------------------------------


def test_a_gap_is_no_evidence_and_the_states_drift_home(fitted, days):
    X = np.vstack([days[0][:200], np.full((2000, 2), np.nan), days[0][200:400]])
    states = fitted.state_proba(X)
    assert_allclose(states[200], states[199] @ fitted.transmat_, rtol=1e-12)
    stationary = np.linalg.matrix_power(fitted.transmat_, 100_000)[0]
    assert_allclose(states[2199], stationary, atol=1e-9)
    complete = fitted.log_likelihood(days[0][:200])
    assert fitted.log_likelihood(X[:2200]) == pytest.approx(complete, rel=1e-12)


def test_one_known_feature_is_evidence(fitted, days):
    X = days[0][:500].copy()
    X[::2, 1] = np.nan
    names = fitted.classes_[fitted.predict_proba(X).argmax(axis=1)]
    assert 0.6 < (names == days[1][:500]).mean() < fitted.score(days[0][:500], days[1][:500])


def test_only_stretches_of_complete_rows_are_learned_from():
    X = np.arange(60.0).reshape(30, 2)
    X[[0, 7, 12, 29], [0, 1, 0, 1]] = np.nan  # leaves rows 1-6, 8-11 (too short), 13-28
    rows, lengths = complete_stretches(X)
    assert lengths == [6, 16]
    assert_array_equal(rows, np.vstack([X[1:7], X[13:29]]))


def test_a_gap_in_training_does_not_join_what_it_separates():
    """Blocks of one state with gaps between: joined up they would seem to switch."""
    rng = np.random.default_rng(0)
    sign = np.tile([-3.0, 3.0], 20)
    X = (sign[:, None] + rng.normal(size=(40, 30))).reshape(-1, 1)
    y = np.repeat(sign, 30) > 0
    gaps = X.reshape(40, 30).copy()
    gaps[:, -1] = np.nan
    model = GaussianHMMClassifier(2, random_state=0).fit(gaps.reshape(-1, 1), y)
    joined = GaussianHMMClassifier(2, random_state=0).fit(X, y)
    assert model.health_["n_stretches"] == 40
    assert np.diag(model.transmat_).min() > 0.999
    assert np.diag(joined.transmat_).max() < 0.98


@pytest.mark.parametrize("rows", [5, 30])
def test_too_few_complete_rows_are_an_error_that_counts_them(rows):
    X = np.zeros((rows, 2))
    X[::4] = np.nan
    X[rows - 1] = np.nan
    with pytest.raises(ValueError, match=rf"at least 6 complete.*n_samples = {rows} rows, 0 are"):
        GaussianHMMClassifier().fit(X, np.arange(rows) % 2)
