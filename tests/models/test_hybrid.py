"""The sticky chain: against brute force, on planted chains, and blind to the future."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import parametrize_with_checks

from regime.models.hmm import GaussianHMMClassifier
from regime.models.hybrid import StickyChainClassifier

NAMES = np.array(["broadening", "mega_cap_led", "small_cap_led"])
STAY = 0.98
STICKY = np.full((3, 3), (1 - STAY) / 2) + np.eye(3) * (STAY - (1 - STAY) / 2)
MEANS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])


def market(n_rows, *, clear=0.5, lasting=0.0, seed=0, horizon=0):
    """Features of a sticky chain with noise of autocorrelation `lasting`, and labels ahead."""
    rng = np.random.default_rng(seed)
    states = np.empty(n_rows + horizon, dtype=int)
    states[0] = rng.integers(3)
    for row, draw in enumerate(rng.random(n_rows + horizon - 1), start=1):
        stays = draw < STAY
        states[row] = states[row - 1] if stays else (states[row - 1] + rng.integers(1, 3)) % 3
    noise = rng.normal(size=(n_rows, 2))
    for row in range(1, n_rows):
        noise[row] = lasting * noise[row - 1] + np.sqrt(1 - lasting**2) * noise[row]
    return clear * MEANS[states[:n_rows]] + noise, NAMES[states[horizon:]]


def test_it_stands_on_the_base_it_is_given_and_leaves_it_alone():
    X, y = market(600)
    base = GaussianNB()
    model = StickyChainClassifier(base).fit(X, y)
    assert isinstance(model.base_, GaussianNB)
    assert not hasattr(base, "classes_")
    assert clone(model).base is not base
    assert repr(clone(model)) == repr(model)
    assert_array_equal(model.classes_, NAMES)


@parametrize_with_checks(
    [
        StickyChainClassifier(gap=0),
        StickyChainClassifier(HistGradientBoostingClassifier(max_iter=2), gap=2),
    ],
    expected_failed_checks=lambda _: dict.fromkeys(
        ["check_methods_sample_order_invariance", "check_methods_subset_invariance"],
        "row t depends on the rows before it",
    ),
)
def test_it_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


# What it computes ---------------------------------------------------------------------


def every_path(start, moves, evidence):
    """Filtered probabilities of the last row, by adding up every path there is."""
    found = np.zeros(len(start))
    for path in product(range(len(start)), repeat=len(evidence)):
        chance = start[path[0]]
        for row, state in enumerate(path):
            chance *= np.exp(evidence[row, state])
            chance *= moves[path[row - 1], state] if row else 1.0
        found[path[-1]] += chance
    return found / found.sum()


@pytest.mark.parametrize("decays", [(0,), (0, 0.6)])
@pytest.mark.parametrize("horizon", [0, 3])
def test_probabilities_are_those_of_all_paths_added_up(horizon, decays):
    X, y = market(800, horizon=horizon, seed=1)
    model = StickyChainClassifier(horizon=horizon, decays=decays).fit(X, y)
    model.weight_, model.decay_ = 0.6, decays[-1]
    fresh = market(8, seed=2)[0]
    said = np.log(model.base_.predict_proba(fresh) / model.prior_)
    evidence = model.weight_ * said
    evidence[1:] -= model.weight_ * model.decay_ * said[:-1]
    ahead = np.linalg.matrix_power(model.transmat_, horizon)
    for n_rows in range(1, 9):
        today = every_path(model.prior_, model.transmat_, evidence[:n_rows])
        assert_allclose(model.state_proba(fresh[:n_rows])[-1], today, rtol=1e-9)
        assert_allclose(model.predict_proba(fresh[:n_rows])[-1], today @ ahead, rtol=1e-9)


def test_the_chain_is_counted_from_labels_with_something_added():
    X, _ = market(10)
    y = np.array(["a", "a", "a", "b", "b", "a", "a", "b", "a", "a"])
    model = StickyChainClassifier(gap=0, pseudo_count=0.5).fit(X, y)
    # a stays 4 times and leaves twice, b stays once and leaves twice
    assert_allclose(model.transmat_, [[4.5 / 7, 2.5 / 7], [2.5 / 4, 1.5 / 4]])
    assert_allclose(model.prior_, [7.5 / 11, 3.5 / 11])
    assert model.health_["stay_a"] == model.transmat_[0, 0]


class Recorder(ClassifierMixin, BaseEstimator):
    """Says nothing, and keeps what it was fitted on."""

    met = []  # noqa: RUF012

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        Recorder.met.append((X, y))
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


@pytest.mark.parametrize("horizon", [0, 21])
def test_the_base_learns_the_label_of_the_day_itself(horizon):
    X, ahead = market(1000, horizon=horizon)
    _, today = market(1000 + horizon)  # the same chain
    Recorder.met.clear()
    StickyChainClassifier(Recorder(), horizon=horizon).fit(X, ahead)
    (earlier, earlier_y), (whole, whole_y) = Recorder.met
    assert_array_equal(earlier, X[horizon : 700 - 84])
    assert_array_equal(earlier_y, today[horizon : 700 - 84])
    assert_array_equal(whole, X[horizon:])
    assert_array_equal(whole_y, today[horizon:1000])


def test_the_weight_does_not_hang_on_what_lies_in_the_gap():
    X, y = market(1000)
    spoilt, other = X.copy(), y.copy()
    spoilt[700 - 84 : 700 - 60] = 0.0  # days before the gap is out
    other[700 - 84 : 700] = NAMES[0]
    one, two = (StickyChainClassifier().fit(X, labels) for labels in (y, other))
    assert one.health_["later_log_loss"] == two.health_["later_log_loss"]
    forgotten = StickyChainClassifier().fit(spoilt, y).health_
    assert forgotten["later_log_loss"] == pytest.approx(one.health_["later_log_loss"], abs=1e-3)


# What the weight is -------------------------------------------------------------------


@pytest.mark.parametrize("horizon", [0, 10])
def test_on_a_chain_that_lasts_it_beats_its_base(horizon):
    X, y = market(6000, horizon=horizon, seed=3)
    new, truth = X[4000:], y[4000:]
    model = StickyChainClassifier(horizon=horizon).fit(X[:4000], y[:4000])
    raw = clone(model.base_).fit(X[:4000], y[:4000]).predict_proba(new)
    hybrid = model.predict_proba(X)[4000:]
    assert log_loss(truth, hybrid) < log_loss(truth, raw) - 0.1
    health = model.health_
    assert health["later_log_loss"] < health["later_log_loss_base"] - 0.1
    assert health["later_log_loss"] < health["later_log_loss_chain"] - 0.1


def test_independent_evidence_counts_in_full_and_stale_evidence_little():
    model = StickyChainClassifier(decays=[0])
    fresh = clone(model).fit(*market(6000, clear=0.7, seed=4))
    stale = clone(model).fit(*market(6000, clear=0.7, lasting=0.95, seed=4))
    assert fresh.weight_ >= 0.7
    assert 0 < stale.weight_ <= 0.1


def test_evidence_said_three_times_over_counts_a_third():
    X, y = market(1500, seed=5)
    model = StickyChainClassifier(decays=[0])
    once = clone(model).fit(X, y)
    thrice = clone(model).fit(np.repeat(X, 3, axis=0), np.repeat(y, 3))
    assert once.weight_ >= 0.7
    assert 0.2 <= thrice.weight_ <= 0.5


def test_evidence_that_gathers_up_the_past_is_heard_by_what_is_new_in_it():
    X, y = market(6000, seed=10)
    gathered = GaussianHMMClassifier(n_init=3, random_state=0).fit(X, y).predict_proba(X)[:, :2]
    model = StickyChainClassifier().fit(gathered, y)
    weight_only = StickyChainClassifier(decays=[0]).fit(gathered, y)
    assert model.decay_ >= 0.8
    assert weight_only.weight_ <= 0.2
    assert model.health_["later_log_loss"] < weight_only.health_["later_log_loss"] - 0.05


def test_with_weight_and_decay_at_one_it_nearly_says_what_its_base_says():
    X, y = market(3000, seed=11)
    model = StickyChainClassifier().fit(X, y)
    model.weight_ = model.decay_ = 1.0
    model.transmat_ = np.eye(3)  # but for the chain, exactly
    assert_allclose(model.predict_proba(X), model.base_.predict_proba(X), rtol=1e-6, atol=1e-9)


def test_features_that_never_move_leave_the_chain_alone():
    y = market(3000, seed=6)[1]
    X = np.ones((3000, 4))
    model = StickyChainClassifier(horizon=5).fit(X, y)
    assert model.weight_ == 0
    assert model.health_["later_log_loss"] == model.health_["later_log_loss_chain"]
    state = model.prior_
    for row, said in enumerate(model.predict_proba(X[:40])):
        state = state @ model.transmat_ if row else state
        assert_allclose(said, state @ np.linalg.matrix_power(model.transmat_, 5), rtol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_hardly_heard(seed):
    y = market(4000, seed=seed)[1]
    X = np.random.default_rng([seed, 1]).normal(size=(4000, 4))
    model = StickyChainClassifier().fit(X[:3000], y[:3000])
    said = model.predict_proba(X)[3000:]
    chain = StickyChainClassifier(weights=[0]).fit(X[:3000], y[:3000]).predict_proba(X)[3000:]
    assert log_loss(y[3000:], said) < log_loss(y[3000:], chain) + 0.02
    assert np.abs(said - chain).mean() < 0.1


def test_far_ahead_it_says_how_often_regimes_were_met():
    X, y = market(4000, horizon=2000, seed=7)
    model = StickyChainClassifier(horizon=2000, weights=[0, 1.0]).fit(X, y)
    said = model.predict_proba(X)
    assert_allclose(said, np.broadcast_to(said[0], said.shape), atol=1e-6)


# Blind to the future ------------------------------------------------------------------

BASES = [
    None,
    LogisticRegression(),
    GaussianNB(),
    HistGradientBoostingClassifier(max_iter=10),
    GaussianHMMClassifier(n_init=1, random_state=0),  # a base with a memory of its own
]


@pytest.mark.parametrize("base", BASES, ids=repr)
def test_later_rows_change_nothing_to_the_bit(base):
    X, y = market(1500, horizon=5, seed=8)
    X = np.hstack([X, X[:, :1] * X[:, 1:], np.sin(3 * X)])
    model = StickyChainClassifier(base, horizon=5, weights=[0, 0.37], decays=[0, 0.3]).fit(
        X[:900], y[:900]
    )
    whole = model.predict_proba(X)
    for today in (1, 2, 3, 5, 7, 255, 256, 257, 511, 770, 1023, 1024, 1499):
        assert_array_equal(whole[:today], model.predict_proba(X[:today]))


def test_a_new_day_goes_on_from_the_day_before():
    X, y = market(900, horizon=3, seed=9)
    model = StickyChainClassifier(horizon=3).fit(X[:800], y[:800])
    model.decay_ = 0.5
    states, said = model.state_proba(X), model.predict_proba(X)
    for row in (1, 400, 899):
        day_before = {"before": states[row - 1], "row_before": X[row - 1]}
        assert_array_equal(model.state_proba(X[[row]], **day_before), states[[row]])
        assert_array_equal(model.predict_proba(X[[row]], **day_before), said[[row]])
    with pytest.raises(ValueError, match="both, or neither"):
        model.state_proba(X[1:], before=states[0])


def test_missing_features_are_the_business_of_the_base():
    X, y = market(1000)
    X[::7, 0] = np.nan
    base = HistGradientBoostingClassifier(max_iter=5)
    assert np.isfinite(StickyChainClassifier(base).fit(X, y).predict_proba(X)).all()
    with pytest.raises(ValueError, match="NaN"):
        StickyChainClassifier().fit(X, y)


def test_a_regime_the_base_has_not_met_keeps_its_share_of_the_evidence():
    X, y = market(1000)
    y[:950] = np.where(np.arange(950) % 100 < 50, NAMES[0], NAMES[1])
    y[950:] = NAMES[2]
    model = StickyChainClassifier(horizon=60).fit(X, y)  # labels of the last 60 rows are not its
    assert list(model.base_columns_) == [0, 1]
    said = model.predict_proba(X)
    assert_allclose(said.sum(axis=1), 1.0)
    assert (said > 0).all()


# What it refuses ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "n_rows", "says"),
    [
        ({"weights": [0.1, 1.0]}, 300, "`weights` are"),
        ({"decays": [0.1, 1.0]}, 300, "`decays` are"),
        ({"weights": [0.0, 1.5]}, 300, "from 0 to 1"),
        ({"weights": [0.0, np.nan]}, 300, "from 0 to 1"),
        ({"weights": []}, 300, "from 0 to 1"),
        ({"horizon": -1}, 300, "horizon"),
        ({"pseudo_count": 0}, 300, "pseudo_count"),
        ({}, 100, "n_samples = 100"),
        ({"horizon": 200}, 300, "n_samples = 126"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_one_line(params, n_rows, says):
    X, y = market(n_rows)
    with pytest.raises(ValueError, match=says) as error:
        StickyChainClassifier(**params).fit(X, y)
    assert "\n" not in str(error.value)


def test_the_row_before_must_be_probabilities():
    X, y = market(500)
    model = StickyChainClassifier().fit(X, y)
    with pytest.raises(ValueError, match="add up to 1"):
        model.state_proba(X[1:2], before=np.array([0.5, 0.2, 0.2]), row_before=X[0])
