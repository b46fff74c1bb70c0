"""Hidden states are found, filtered, aligned and stored; a failed fit says so."""

import logging
import math

import numpy as np
import pandas as pd
import pytest
from hmmlearn.hmm import GaussianHMM
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from regime.models.filtering import forward_filter
from regime.models.hmm import GaussianHMMClassifier
from regime.models.hmm_starts import complete_stretches

ORDER_MATTERS = dict.fromkeys(
    ["check_methods_sample_order_invariance", "check_methods_subset_invariance"],
    "row t depends on the rows before it",
)
NAMES = np.array(["broadening", "mega_cap_led", "small_cap_led"])


def simulate(n_rows, means, covars, transmat, seed):
    """Rows and hidden states of a Gaussian chain that begins in its stationary distribution."""
    rng = np.random.default_rng(seed)
    means, moves = np.asarray(means), np.cumsum(transmat, axis=1)
    states = np.empty(n_rows, dtype=int)
    state = rng.choice(len(means), p=np.linalg.matrix_power(transmat, 10_000)[0])
    for row, draw in enumerate(rng.random(n_rows)):
        states[row] = state = (
            min(int((moves[state] < draw).sum()), len(means) - 1) if row else state
        )
    roots = np.linalg.cholesky(covars)
    noise = rng.normal(size=(n_rows, means.shape[1]))
    return means[states] + np.einsum("tij,tj->ti", roots[states], noise), states


STICKY = np.array([[0.97, 0.02, 0.01], [0.01, 0.97, 0.02], [0.02, 0.01, 0.97]])


def market(n_rows=1500, apart=1.2, seed=1):
    means = apart * np.array([[-1.0, 0.0], [0.0, 1.0], [1.0, -0.5]])
    covars = np.array([np.eye(2), [[1.5, 0.5], [0.5, 0.8]], 0.6 * np.eye(2)])
    X, states = simulate(n_rows, means, covars, STICKY, seed)
    return X, NAMES[states]


@pytest.fixture(scope="module")
def days():
    return market()


@pytest.fixture(scope="module")
def fitted(days):
    return GaussianHMMClassifier(random_state=0).fit(*days)


def hmmlearn_twin(model):
    hmm = GaussianHMM(model.n_states, "full")
    hmm.startprob_, hmm.transmat_ = model.startprob_, model.transmat_
    hmm.means_, hmm.covars_ = model.means_, model.covars_
    return hmm


def assert_distributions(*arrays):
    for array in arrays:
        assert (array >= 0).all()
        assert_allclose(array.sum(axis=-1), 1.0, rtol=1e-12)


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


# Refits -------------------------------------------------------------------------------


def renumbered(model, order):
    """The same model with its states in another order."""
    arrays = model.to_arrays()
    for name in ("startprob_", "means_", "covars_", "regime_given_state_"):
        arrays[name] = arrays[name][order]
    arrays["transmat_"] = arrays["transmat_"][np.ix_(order, order)]
    return GaussianHMMClassifier.from_arrays(model.get_params(), arrays)


@given(st.permutations([0, 1, 2]))
@settings(max_examples=6, deadline=None)
def test_whatever_the_numbering_of_a_refit_it_is_undone(order):
    X, y = market(1200)
    previous = FITS.setdefault("old", GaussianHMMClassifier(random_state=0).fit(X[:900], y[:900]))
    refit = FITS.setdefault("new", GaussianHMMClassifier(random_state=1).fit(X, y))
    shuffled = renumbered(refit, np.array(order))
    before = shuffled.predict_proba(X)
    assert shuffled.align_to(previous, X[:900]) is shuffled
    for name in ("startprob_", "transmat_", "means_", "covars_", "regime_given_state_"):
        assert_array_equal(getattr(shuffled, name), getattr(refit, name), err_msg=name)
    assert_allclose(shuffled.means_, previous.means_, atol=0.3)
    assert_allclose(shuffled.predict_proba(X), before, atol=1e-12)
    assert shuffled.health_["match_ambiguous"] is False
    assert shuffled.health_["match_overlap"] > 0.8
    assert shuffled.health_["match_moved"] == sum(place != i for i, place in enumerate(order))


FITS: dict[str, GaussianHMMClassifier] = {}


def test_states_that_have_nothing_to_do_with_each_other_are_flagged(days):
    X, y = days
    rng = np.random.default_rng(0)
    both = np.column_stack([X[:, 0], market(1500, seed=9)[0][:, 0]])
    one = GaussianHMMClassifier(random_state=0).fit(both[:, :1], y)
    unrelated = GaussianHMMClassifier(random_state=0).fit(rng.permutation(both)[:, 1:], y)
    unrelated.align_to(one, both[:, :1])
    assert unrelated.health_["match_ambiguous"] is True


def test_models_of_different_size_cannot_be_aligned(fitted, days):
    two = GaussianHMMClassifier(2, n_init=1, random_state=0).fit(*days)
    with pytest.raises(ValueError, match="as many states"):
        two.align_to(fitted, days[0])


# Storage ------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [NAMES, NAMES.astype(object), np.arange(3), np.arange(3.0)])
def test_a_stored_model_comes_back_to_the_bit_without_pickle(labels, days, tmp_path):
    X = pd.DataFrame(days[0], columns=["rates", "valuation"])
    y = labels[np.searchsorted(NAMES, days[1])]
    model = GaussianHMMClassifier(n_init=1, horizon=21, random_state=0).fit(X, y)
    model.align_to(model, X)
    np.savez(tmp_path / "hmm.npz", **model.to_arrays())
    with np.load(tmp_path / "hmm.npz", allow_pickle=False) as stored:
        back = GaussianHMMClassifier.from_arrays(model.get_params(), dict(stored))
    assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    assert_array_equal(back.predict(X), model.predict(X))
    assert back.get_params() == model.get_params()
    assert {**back.health_, "runner_up_gap": 0} == {**model.health_, "runner_up_gap": 0}
    assert [type(v) for v in back.health_.values()] == [type(v) for v in model.health_.values()]
    assert set(vars(back)) == set(vars(model))
    for name, array in model.to_arrays().items():
        assert_array_equal(back.to_arrays()[name], array, err_msg=name)
    with pytest.raises(ValueError, match="feature names"):
        back.predict(X[["valuation", "rates"]])


def test_the_arrays_alone_are_the_model(fitted, days):
    arrays = fitted.to_arrays()
    assert not any(isinstance(value, GaussianHMM) for value in vars(fitted).values())
    states = forward_filter(
        arrays["startprob_"],
        arrays["transmat_"],
        hmmlearn_twin(fitted)._compute_log_likelihood(days[0]),
    )
    assert_allclose(states.proba, fitted.state_proba(days[0]), atol=1e-10)


def test_a_missing_array_is_named(fitted):
    arrays = fitted.to_arrays()
    del arrays["covars_"]
    with pytest.raises(ValueError, match=r"\['covars_'\] are missing"):
        GaussianHMMClassifier.from_arrays(fitted.get_params(), arrays)


def test_what_is_stored_is_a_copy(days):
    model = GaussianHMMClassifier(n_init=1, random_state=0).fit(*days)
    before = model.predict_proba(days[0])
    arrays = model.to_arrays()
    back = GaussianHMMClassifier.from_arrays(model.get_params(), arrays)
    for array in arrays.values():
        if array.dtype == np.float64:
            array[...] = 0
    assert_array_equal(model.predict_proba(days[0]), before)
    assert_array_equal(back.predict_proba(days[0]), before)


def test_cloning_forgets(fitted):
    assert not hasattr(clone(fitted), "means_")
