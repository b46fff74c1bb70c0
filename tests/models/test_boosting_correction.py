"""Trees that correct: their leaves, their number, and the rows that choose it."""

from typing import ClassVar

import numpy as np
import pytest
from models.corrected import NAMES, Guess, frame, log_loss, noise, planted, softmax
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

from regime.models import boosting_correction
from regime.models.boosting import LaterBlock
from regime.models.boosting_correction import BoostingCorrection
from regime.models.corrections import log_guess, scaled
from regime.models.logistic_correction import LogisticCorrection
from regime.models.selection import NamedColumns
from regime.taxonomy import REGIMES


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
