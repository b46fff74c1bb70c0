"""Corrections to a first guess: what they may add, and that they add nothing for nothing."""

from functools import partial
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special
from scipy.optimize import approx_fprime
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

from regime.models import boosting_correction
from regime.models.boosting import LaterBlock
from regime.models.boosting_correction import BoostingCorrection
from regime.models.corrections import LEAST, REACH, log_guess, scaled
from regime.models.logistic_correction import LogisticCorrection
from regime.models.selection import NamedColumns
from regime.taxonomy import REGIMES

softmax = partial(special.softmax, axis=1)
SCORES = [f"path_score_{name}" for name in REGIMES]
NAMES = np.array(REGIMES, dtype=object)


class Guess(ClassifierMixin, BaseEstimator):
    """The softmax of the path scores, each row by itself; nothing is learned."""

    def fit(self, X, y=None):
        self.classes_ = NAMES
        return self

    def predict_proba(self, X):
        return softmax(X[SCORES].to_numpy(np.float64))


def frame(n=1200, n_features=4, seed=0) -> pd.DataFrame:
    """Path scores and noise, one row a day."""
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("1990-01-01", periods=n)
    values = np.hstack([rng.normal(size=(n, 3)), rng.normal(2.0, 3.0, size=(n, n_features))])
    return pd.DataFrame(values, days, SCORES + [f"f{number}" for number in range(n_features)])


def drawn(proba, seed=1) -> np.ndarray:
    """A regime for each row, drawn from its probabilities."""
    rng = np.random.default_rng(seed)
    place = (rng.random((len(proba), 1)) > proba.cumsum(axis=1)).sum(axis=1)
    return NAMES[np.minimum(place, 2)]


def noise(**shape):
    """Labels drawn from the first guess: features have nothing to add."""
    X = frame(**shape)
    return X, drawn(Guess().fit(X).predict_proba(X))


def planted(n=3000, seed=0):
    """Labels that also follow from the first two features, and only from both together."""
    X = frame(n=n, seed=seed)
    both = np.sign(X["f0"].to_numpy() - 2) * np.sign(X["f1"].to_numpy() - 2)
    odds = np.log(Guess().fit(X).predict_proba(X))
    odds[:, 0] += 1.5 * both
    return X, drawn(softmax(odds))


def log_loss(model, X, y) -> float:
    said = model.predict_proba(X)[np.arange(len(y)), (y[:, None] == model.classes_).argmax(axis=1)]
    return float(-np.log(said).mean())


KINDS = {
    "logistic": lambda start, **given: LogisticCorrection(start, **given),
    "boosting": lambda start, **given: BoostingCorrection(
        start, max_rounds=10, min_samples_leaf=20, early_stopping=False, **given
    ),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


# What both have in common


def test_each_row_is_answered_by_itself_to_the_bit(kind):
    X, y = planted(n=600)
    X = X.join(frame(n=600, n_features=30, seed=3).drop(columns=SCORES).add_prefix("more_"))
    model = kind(Guess(), every=1).fit(X, y)
    whole = model.predict_proba(X)
    assert_allclose(whole.sum(axis=1), 1, atol=1e-12)
    for rows in (slice(0, 1), slice(37, 38), slice(100, 117), slice(0, None, 7), slice(599, 600)):
        assert_array_equal(model.predict_proba(X.iloc[rows]), whole[rows])
    assert_array_equal(model.predict(X), model.classes_[whole.argmax(axis=1)])


def test_columns_of_the_first_guess_are_not_read_by_the_correction(kind):
    X, y = planted(n=600)
    model = kind(Guess(), every=1).fit(X, y)
    other = X.assign(path_score_broadening=X["path_score_broadening"] * 2 + 1, lead_x_today=9.0)
    difference = np.log(model.predict_proba(other)) - np.log(model.predict_proba(X))
    guesses = log_guess(model.start_, other) - log_guess(model.start_, X)
    # Corrections cancel: what is left is the first guess, up to a constant per row.
    left = difference - guesses
    assert_allclose(left - left[:, :1], 0, atol=1e-9)


def test_an_outlier_counts_as_three_standard_deviations(kind):
    X, y = planted(n=600)
    model = kind(Guess(), every=1).fit(X, y)
    far = X.assign(f0=1e6)
    Z = scaled(model.scale_, far)
    assert np.abs(Z).max() == REACH
    assert_array_equal(Z[:, 0], REACH)
    assert_array_equal(model.predict_proba(far), model.predict_proba(X.assign(f0=1e9)))


def test_a_missing_feature_counts_as_average_and_a_late_one_is_left_out(kind):
    X, y = planted(n=600)
    enough = int(kind(Guess()).fit(X, y).scale_[0].min_share * 600)
    assert enough > 0
    for name, known in (("late", enough), ("too_late", enough - 1)):
        X[name] = np.where(np.arange(600) < 600 - known, np.nan, 5.0 + X["f0"])
    model = kind(Guess(), every=1).fit(X, y)
    assert_array_equal(model.scale_[0].known_, [True, True, True, True, True, False])
    average = X.assign(f1=model.scale_[1].mean_[1])
    assert_allclose(
        model.predict_proba(X.assign(f1=np.nan)), model.predict_proba(average), atol=1e-12
    )


def test_only_every_so_many_rows_are_learned_from_but_the_first_guess_sees_all(kind):
    X, y = planted(n=900)
    start = DummyClassifier(strategy="prior")
    model = kind(start, every=3).fit(X, y)
    lost = X.copy()
    lost.iloc[1::3, 3:] = 77.0
    lost.iloc[2::3, 3:] = -77.0
    assert_array_equal(kind(start, every=3).fit(lost, y).predict_proba(X), model.predict_proba(X))
    shares = [(y == name).mean() for name in model.classes_]
    assert_allclose(model.start_.predict_proba(X)[0], shares)


def test_probabilities_are_in_the_order_of_the_first_guess_s_classes(kind):
    X, y = planted(n=900)
    read = make_pipeline(NamedColumns(), LogisticRegression())
    model = kind(read, every=1).fit(X, y)
    assert list(model.classes_) == sorted(REGIMES) != list(REGIMES)
    assert log_loss(model, X, y) < log_loss(kind(DummyClassifier(), every=1).fit(X, y), X, y)


def test_a_frame_without_features_and_an_array_are_refused_in_one_line(kind):
    X, y = planted(n=600)
    for bad, found in ((X[SCORES], "path_score_broadening"), (X.to_numpy(), "ndarray")):
        with pytest.raises(ValueError, match=f"found .*{found}.*Add, for example") as refused:
            kind(Guess()).fit(bad, y)
        assert "\n" not in str(refused.value)
    with pytest.raises(ValueError, match="feature names"):
        kind(Guess()).fit(X, y).predict_proba(X.drop(columns="f1"))


def test_no_first_guess_is_too_sure_to_be_corrected(kind):
    X, y = planted(n=600)
    sure = X.assign(path_score_mega_cap_led=1e3)
    proba = kind(Guess(), every=1).fit(sure, y).predict_proba(sure)
    assert np.isfinite(np.log(proba)).all()
    assert proba.min() > LEAST / 1e3


# LogisticCorrection


def test_from_a_uniform_guess_it_is_scikit_learn_s_regression_with_its_constant_penalised():
    X, y = planted(n=900)
    model = LogisticCorrection(DummyClassifier(strategy="uniform"), C=0.01, every=1).fit(X, y)
    Z = np.hstack([np.ones((len(X), 1)), scaled(model.scale_, X)])
    theirs = LogisticRegression(C=0.01, fit_intercept=False, tol=1e-10, max_iter=5000).fit(Z, y)
    assert list(theirs.classes_) == list(model.classes_)
    assert_allclose(np.c_[model.intercept_, model.coef_], theirs.coef_, atol=1e-6)


def test_no_small_step_improves_on_what_it_found():
    X, y = planted(n=600)
    C = 0.003
    model = LogisticCorrection(Guess(), C=C, every=2).fit(X, y)
    Z, codes = scaled(model.scale_, X.iloc[::2]), (y[::2, None] == NAMES).argmax(axis=1)
    guess = np.log(Guess().fit(X).predict_proba(X))[::2]

    def objective(flat):
        weights = flat.reshape(3, -1)
        proba = softmax(guess + weights[:, 0] + Z @ weights[:, 1:].T)
        return -np.log(proba[np.arange(len(Z)), codes]).sum() + (flat**2).sum() / (2 * C)

    found = np.c_[model.intercept_, model.coef_].ravel()
    at_start = np.abs(approx_fprime(np.zeros_like(found), objective)).max()
    assert at_start > 10
    assert np.abs(approx_fprime(found, objective, 1e-7)).max() < at_start / 1e4
    assert objective(found) < objective(np.zeros_like(found)) - 0.1
    # and that is what it says
    odds = np.log(Guess().fit(X).predict_proba(X)) + model.intercept_
    odds += scaled(model.scale_, X) @ model.coef_.T
    assert_allclose(model.predict_proba(X), softmax(odds), rtol=1e-10)
    assert np.abs(model.intercept_).max() > 1e-3


def test_features_that_tell_nothing_leave_it_near_the_first_guess():
    X, y = noise(n=3000)
    model = LogisticCorrection(Guess()).fit(X, y)
    assert model.health_["mean_correction"] < 0.05
    later, truth = noise(n=3000, seed=5)
    assert log_loss(model, later, truth) < log_loss(Guess().fit(X), later, truth) + 0.002


def test_with_a_hard_penalty_it_is_the_first_guess():
    X, y = planted(n=900)
    model = LogisticCorrection(Guess(), C=1e-12).fit(X, y)
    assert_allclose(model.predict_proba(X), Guess().fit(X).predict_proba(X), atol=1e-8)


def test_a_planted_correction_is_recovered():
    X = frame(n=6000)
    Z = (X[["f0", "f1", "f2", "f3"]].to_numpy() - 2) / 3
    planted_coef = np.array([[0.8, 0, 0, 0], [-0.8, 0.5, 0, 0], [0, -0.5, 0, 0]])
    odds = np.log(Guess().fit(X).predict_proba(X)) + Z @ planted_coef.T + [0.4, -0.2, -0.2]
    model = LogisticCorrection(Guess(), C=1.0, every=1).fit(X, drawn(softmax(odds)))
    assert_allclose(model.coef_, planted_coef, atol=0.1)
    assert_allclose(model.intercept_, [0.4, -0.2, -0.2], atol=0.1)
    larger = np.abs(Z @ planted_coef.T + [0.4, -0.2, -0.2]).max(axis=1).mean()
    assert model.health_["mean_correction"] == pytest.approx(larger, rel=0.1)


@pytest.mark.parametrize("given", [{"C": 0.0}, {"C": -1.0}, {"every": 0}, {"start": "filter"}])
def test_a_parameter_that_makes_no_sense_is_refused_by_name(given):
    X, y = planted(n=300)
    with pytest.raises(ValueError, match=f"'{next(iter(given))}' parameter"):
        LogisticCorrection(**{"start": Guess(), **given}).fit(X, y)


# BoostingCorrection


def boosted(**given) -> BoostingCorrection:
    usual = {"max_rounds": 60, "learning_rate": 0.1, "min_samples_leaf": 30, "every": 1,
             "max_features": 1.0}  # fmt: skip
    return BoostingCorrection(Guess(), **(usual | given))


class Recorded(DecisionTreeRegressor):
    """A tree that is remembered with what it was grown on."""

    grown: ClassVar[list] = []

    def fit(self, X, y, sample_weight=None):
        self.grown.append((self, X, sample_weight))
        return super().fit(X, y, sample_weight)


@pytest.fixture
def grown(monkeypatch):
    """Every tree grown in the test, with its features and weights, in order."""
    monkeypatch.setattr(boosting_correction, "DecisionTreeRegressor", Recorded)
    monkeypatch.setattr(Recorded, "grown", [])
    return Recorded.grown


@pytest.mark.parametrize("depth", [1, 2, 5, 8])
def test_a_round_says_what_its_trees_say_at_their_thresholds_too(grown, depth):
    X, y = planted(n=900)
    model = boosted(max_rounds=4, max_depth=depth, min_samples_leaf=3, early_stopping=False)
    model.fit(X, y)
    assert len(grown) == 4 * 3
    assert max(tree.get_depth() for tree, *_ in grown) == depth
    Z = scaled(model.scale_, X)
    edges = model.threshold_[model.feature_ >= 0].astype(np.float32).astype(np.float64)
    near = np.concatenate([edges, np.nextafter(edges, -9), np.nextafter(edges, 9)])
    near = np.concatenate([near, model.threshold_[model.feature_ >= 0]])
    Z = np.vstack([Z, np.tile(near[:, None], Z.shape[1])])
    for number in range(4):
        said = model._say(Z, number)
        for regime in range(3):
            leaf = grown[3 * number + regime][0].apply(Z.astype(np.float32))
            assert_array_equal(said[:, regime], model.value_[number, regime, leaf])
    total = sum(model._say(Z, number) for number in range(4))
    assert_allclose(model._add(Z), total, atol=1e-15)


def test_a_leaf_takes_the_shrunken_newton_step(grown):
    X, y = planted(n=900)
    model = boosted(max_rounds=1, early_stopping=False, block_share=1.0, leaf_penalty=40.0)
    model.fit(X, y)
    Z = scaled(model.scale_, X).astype(np.float32)
    proba = Guess().fit(X).predict_proba(X)
    for regime, name in enumerate(REGIMES):
        leaf = grown[regime][0].apply(Z)
        for node in np.unique(leaf):
            p, hit = proba[leaf == node, regime], (y == name)[leaf == node]
            step = 0.1 * (hit - p).sum() / ((p * (1 - p)).sum() + 10)
            assert model.value_[0, regime, node] == pytest.approx(step, rel=1e-9)


@pytest.mark.parametrize("given", [{"max_rounds": 0}, {"max_rounds": 0, "early_stopping": False}])
def test_without_rounds_it_is_the_first_guess(given):
    X, y = planted(n=900)
    model = boosted(**given).fit(X, y)
    assert model.n_rounds_ == 0
    assert_array_equal(model.predict_proba(X), softmax(log_guess(model.start_, X)))
    assert_allclose(model.predict_proba(X), Guess().fit(X).predict_proba(X), rtol=1e-14)
    assert model.health_ == {"n_rounds": 0.0, "later_gain": 0.0}


def test_noise_earns_hardly_a_round():
    rounds = [boosted(max_rounds=50).fit(*noise(n=2000, seed=s)).n_rounds_ for s in range(5)]
    assert np.median(rounds) <= 5


def test_an_interaction_is_found_that_no_feature_tells_alone():
    X, y = planted()
    later, truth = planted(seed=9)
    model = boosted(max_rounds=100).fit(X, y)
    assert model.n_rounds_ > 50
    assert model.health_["later_gain"] > 0.05
    gain = log_loss(Guess().fit(X), later, truth) - log_loss(model, later, truth)
    assert gain == pytest.approx(model.health_["later_gain"], abs=0.05)
    linear = LogisticCorrection(Guess(), every=1).fit(X, y)
    assert log_loss(model, later, truth) < log_loss(linear, later, truth) - 0.05


def test_rounds_are_chosen_on_the_later_rows_by_trees_that_saw_the_earlier_ones():
    X, y = planted()
    earlier, later = next(LaterBlock().split(X))
    model = boosted().fit(X, y)
    by_hand = []
    for rounds in range(0, 61, 5):
        fixed = boosted(max_rounds=rounds, early_stopping=False).fit(X.iloc[earlier], y[earlier])
        by_hand.append(log_loss(fixed, X.iloc[later], y[later]))
    assert model.health_["later_gain"] >= by_hand[0] - min(by_hand) - 1e-12
    at_best = boosted(max_rounds=model.n_rounds_, early_stopping=False)
    at_best.fit(X.iloc[earlier], y[earlier])
    gained = by_hand[0] - log_loss(at_best, X.iloc[later], y[later])
    assert model.health_["later_gain"] == pytest.approx(gained, abs=1e-12)
    # and then all rows are learned from
    fixed = boosted(max_rounds=model.n_rounds_, early_stopping=False).fit(X, y)
    assert_array_equal(fixed.predict_proba(X), model.predict_proba(X))


def test_rows_between_the_two_blocks_choose_no_rounds_and_later_ones_do():
    X, y = planted()
    earlier, later = next(LaterBlock().split(X))
    model = boosted().fit(X, y)
    between = y.copy()
    between[earlier[-1] + 1 : later[0]] = REGIMES[2]
    assert boosted().fit(X, between).n_rounds_ == model.n_rounds_ > 0
    turned = y.copy()
    turned[later] = np.roll(NAMES, 1)[(y[later, None] == NAMES).argmax(axis=1)]
    assert boosted().fit(X, turned).n_rounds_ == 0


def test_what_comes_after_training_changes_nothing():
    X, y = planted(n=2000)
    before = boosted().fit(X.iloc[:1500], y[:1500])
    X.iloc[1500:] = 1e9
    y[1500:] = REGIMES[0]
    after = boosted().fit(X.iloc[:1500], y[:1500])
    assert before.n_rounds_ == after.n_rounds_
    assert_array_equal(before.value_, after.value_)


def test_a_regime_the_earlier_rows_never_met_leaves_the_first_guess():
    X, y = planted(n=900)
    y[:600] = np.where(y[:600] == REGIMES[1], REGIMES[0], y[:600])
    start = make_pipeline(NamedColumns(), LogisticRegression())
    model = BoostingCorrection(start, max_rounds=20, every=1).fit(X, y)
    assert model.n_rounds_ == 0
    assert list(model.classes_) == sorted(REGIMES)


@pytest.mark.parametrize(("every", "share"), [(1, 0.5), (3, 0.5), (3, 0.35), (1, 1e-3), (1, 1.0)])
def test_a_round_sees_whole_blocks_and_the_share_it_is_to_see(grown, every, share):
    X, y = planted(n=1000)
    X["ramp"] = np.arange(1000.0)  # by which a row is known again
    model = boosted(
        max_rounds=8, early_stopping=False, every=every, block=90, block_share=share,
        min_samples_leaf=5,
    ).fit(X, y)  # fmt: skip
    ramp = scaled(model.scale_, X)[:, -1].astype(np.float32)[::every]
    block = np.arange(0, 1000, every) // 90
    drawn_blocks = set()
    for _, features, weights in grown:
        rows = np.flatnonzero(np.isin(ramp, features[:, -1]))
        assert len(rows) == len(features) == len(weights)
        seen = np.unique(block[rows])
        assert_array_equal(rows, np.flatnonzero(np.isin(block, seen)))
        assert len(seen) == max(1, round(share * 12))
        drawn_blocks.add(tuple(seen))
    assert len(drawn_blocks) > 1 or share == 1.0


def test_episodes_can_be_made_to_weigh_the_same(grown):
    X = frame(n=400)
    lengths = [3, 50, 7, 120, 20, 200]
    y = np.repeat(NAMES[[0, 1, 2, 0, 1, 2]], lengths)
    episode = np.repeat(np.arange(6), lengths)
    given = {"early_stopping": False, "block_share": 1.0, "min_samples_leaf": 2, "max_rounds": 2}
    boosted(episode_weight=1.0, **given).fit(X, y)
    for _, _, weights in grown:
        assert_allclose(np.bincount(episode, weights), 400 / 6)
    grown.clear()
    boosted(episode_weight=0.5, **given).fit(X, y)
    totals = np.bincount(episode, grown[0][2])
    assert_allclose(totals / totals[0], np.sqrt(np.array(lengths) / 3))
    assert grown[0][2].mean() == pytest.approx(1)
    grown.clear()
    boosted(**given).fit(X, y)
    assert_array_equal(grown[0][2], np.ones(400))


def test_the_same_seed_gives_the_same_trees_and_another_others():
    X, y = planted(n=900)
    one, same, other = (boosted(random_state=seed).fit(X, y) for seed in (0, 0, 1))
    assert_array_equal(one.value_, same.value_)
    assert_array_equal(one.threshold_, same.threshold_)
    assert not np.array_equal(one.predict_proba(X), other.predict_proba(X))


@pytest.mark.parametrize(
    "given",
    [{"max_depth": 0}, {"max_depth": 9}, {"learning_rate": 0.0}, {"block_share": 0.0},
     {"episode_weight": 1.5}, {"max_features": 2.0}, {"max_rounds": -1}, {"leaf_penalty": -1.0}],
)  # fmt: skip
def test_a_booster_s_parameter_that_makes_no_sense_is_refused_by_name(given):
    X, y = planted(n=300)
    with pytest.raises(ValueError, match=f"'{next(iter(given))}' parameter"):
        boosted(**given).fit(X, y)


@pytest.mark.parametrize("kind", [LogisticCorrection, BoostingCorrection])
def test_of_features_that_all_begin_too_late_nothing_is_read(kind):
    X, y = noise(n=3000)
    late = X.copy()
    late.iloc[:-100, 3:] = np.nan
    model = kind(Guess()).fit(late, y)
    assert_array_equal(model.predict_proba(X), model.predict_proba(late))
    assert log_loss(model, X, y) < log_loss(Guess().fit(X), X, y) + 0.01
