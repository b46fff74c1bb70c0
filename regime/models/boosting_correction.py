"""Small trees that correct the log-odds of a first guess, as long as later episodes agree."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import softmax
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils._param_validation import HasMethods, Interval

from regime.models.boosting import LaterBlock
from regime.models.corrections import (
    Correction,
    FloatArray,
    IntArray,
    log_guess,
    scaled,
)

LEAF = -1  # in `feature`: a node that is not split


class BoostingCorrection(Correction):
    """Gradient boosting from another model's log-odds, shrunk by episodes.

    Each round sees a random share of the blocks of training days, since rows within an episode
    are nearly one; each leaf's step is drawn towards zero. How many rounds are worth having is
    learned inside training: by the log loss, day by day, of rows later than those learned from.
    It may be none, and the model is its first guess.

    Parameters
    ----------
    start : estimator
        The first guess; reads its columns by name.
    max_rounds : int
        Rounds at most, of one tree per regime.
    learning_rate : float
        Share of each leaf's step that is taken.
    max_depth, min_samples_leaf : int
        Of the trees; rows, after thinning by `every`.
    max_features : float
        Share of the features looked at for each split.
    leaf_penalty : float
        Rows' worth of evidence for no step at all, in each leaf.
    block : int
        Training rows of a block, before thinning.
    block_share : float
        Share of the blocks that a round sees.
    episode_weight : float
        0 gives each row the same weight, 1 each episode (stretch of one label); in between,
        rows of an episode of n weigh n ** -episode_weight. The mean weight is 1.
    early_stopping : bool
        Whether rounds are chosen as said, or are `max_rounds`.
    every : int
        Learn from every so many rows. The first guess learns from all.
    random_state : int

    Attributes
    ----------
    classes_ : ndarray of shape (n_regimes,)
    n_rounds_ : int
    feature_, left_, right_ : ndarray of int, shape (n_rounds_, n_regimes, n_nodes)
        Trees by node: what is split (`LEAF` if nothing), where to go.
    threshold_, value_ : ndarray, of the same shape
        In standard deviations; in nats, times the learning rate.
    health_ : dict
        `n_rounds`; `later_gain`, nats that those rounds gained on the later rows.

    References
    ----------
    Friedman (2001), Annals of Statistics 29(5), 1189-1232; leaves after Chen and Guestrin
    (2016), KDD, equation 5.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "start": [HasMethods(["fit", "predict_proba"])],
        "max_rounds": [Interval(Integral, 0, None, closed="left")],
        "learning_rate": [Interval(Real, 0, 1, closed="right")],
        "max_depth": [Interval(Integral, 1, 8, closed="both")],
        "min_samples_leaf": [Interval(Integral, 1, None, closed="left")],
        "max_features": [Interval(Real, 0, 1, closed="right")],
        "leaf_penalty": [Interval(Real, 0, None, closed="left")],
        "block": [Interval(Integral, 1, None, closed="left")],
        "block_share": [Interval(Real, 0, 1, closed="right")],
        "episode_weight": [Interval(Real, 0, 1, closed="both")],
        "early_stopping": ["boolean"],
        "every": [Interval(Integral, 1, None, closed="left")],
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        start: Any,
        *,
        max_rounds: int = 100,
        learning_rate: float = 0.02,
        max_depth: int = 2,
        min_samples_leaf: int = 300,
        max_features: float = 0.15,
        leaf_penalty: float = 400.0,
        block: int = 252,
        block_share: float = 0.5,
        episode_weight: float = 0.0,
        early_stopping: bool = True,
        every: int = 3,
        random_state: int = 0,
    ) -> None:
        self.start = start
        self.max_rounds = max_rounds
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.leaf_penalty = leaf_penalty
        self.block = block
        self.block_share = block_share
        self.episode_weight = episode_weight
        self.early_stopping = early_stopping
        self.every = every
        self.random_state = random_state

    def _fit(self, X: pd.DataFrame, y: npt.NDArray[Any]) -> None:
        self._validate_params()
        rounds, gain = self.max_rounds, 0.0
        if self.early_stopping and rounds:
            rounds, gain = self._rounds_worth_having(X, y)
        self.start_, self.scale_, guess, Z, codes = self._begin(X, y)
        self.classes_ = np.asarray(self.start_.classes_)
        rounds = rounds if Z.shape[1] else 0
        self._grow(guess, Z, codes, self._row_weights(y), rounds)
        self.health_ = {"n_rounds": float(rounds), "later_gain": gain}

    def _rounds_worth_having(self, X: pd.DataFrame, y: npt.NDArray[Any]) -> tuple[int, float]:
        """Rounds with the least log loss on later rows of training, and what they gain there."""
        earlier, later = next(LaterBlock().split(X))
        start, scale, guess, Z, codes = self._begin(X.iloc[earlier], y[earlier])
        missing = {*y[later]} - {*start.classes_}
        if missing or not Z.shape[1]:
            return 0, 0.0  # of a regime, or of features, the earlier rows know nothing
        self._grow(guess, Z, codes, self._row_weights(y[earlier]), self.max_rounds)
        # A first guess that remembers needs the rows before.
        odds = log_guess(start, X)[later]
        position = {name: number for number, name in enumerate(start.classes_)}
        actual = np.array([position[name] for name in y[later]])
        rows = np.arange(len(later))
        losses = [-np.log(softmax(odds, axis=1)[rows, actual]).mean()]
        Z = scaled(scale, X.iloc[later])
        for number in range(self.max_rounds):
            odds = odds + self._say(Z, number)
            losses.append(-np.log(softmax(odds, axis=1)[rows, actual]).mean())
        best = int(np.argmin(losses))
        return best, float(losses[0] - losses[best])

    def _row_weights(self, y: npt.NDArray[Any]) -> FloatArray:
        """Of the rows learned from; mean 1."""
        episode = np.cumsum(np.r_[True, y[1:] != y[:-1]]) - 1
        weights = np.bincount(episode)[episode].astype(np.float64) ** -self.episode_weight
        kept: FloatArray = weights[:: self.every] / weights[:: self.every].mean()
        return kept

    def _grow(
        self, guess: FloatArray, Z: FloatArray, codes: IntArray, weights: FloatArray, rounds: int
    ) -> None:
        """Learn so many rounds of trees, kept as arrays."""
        random = np.random.default_rng(self.random_state)
        n_rows, n_regimes = guess.shape
        n_nodes = 2 ** (self.max_depth + 1) - 1
        shape = (rounds, n_regimes, n_nodes)
        self.feature_ = np.full(shape, LEAF, dtype=np.int64)
        self.left_, self.right_ = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        self.threshold_, self.value_ = np.zeros(shape), np.zeros(shape)
        self.n_rounds_ = rounds
        happened = np.eye(n_regimes)[codes]
        block = np.arange(n_rows) * self.every // self.block
        n_blocks = int(block[-1]) + 1
        n_seen = max(1, round(self.block_share * n_blocks))
        features, odds = Z.astype(np.float32), guess.copy()
        for number in range(rounds):
            seen = np.isin(block, random.choice(n_blocks, n_seen, replace=False))
            proba = softmax(odds, axis=1)
            for regime in range(n_regimes):
                slope = happened[:, regime] - proba[:, regime]
                bend = proba[:, regime] * (1 - proba[:, regime])
                tree = DecisionTreeRegressor(
                    max_depth=self.max_depth,
                    min_samples_leaf=self.min_samples_leaf,
                    max_features=float(self.max_features),  # 1 would be one feature
                    random_state=int(random.integers(2**31)),
                ).fit(features[seen], slope[seen], weights[seen])
                self._keep(tree.tree_, number, regime)
                leaf = tree.apply(features)
                count = tree.tree_.node_count
                pull = np.bincount(leaf[seen], (weights * slope)[seen], count)
                hold = np.bincount(leaf[seen], (weights * bend)[seen], count)
                # In units of rows: the bend of a coin is a quarter.
                step = pull / (hold + self.leaf_penalty / 4 + 1e-12)
                self.value_[number, regime, :count] = self.learning_rate * step
                odds[:, regime] += self.value_[number, regime, leaf]

    def _keep(self, tree: Any, number: int, regime: int) -> None:
        count, at = tree.node_count, (number, regime)
        self.feature_[at][:count] = np.where(tree.children_left < 0, LEAF, tree.feature)
        self.left_[at][:count] = np.maximum(tree.children_left, 0)
        self.right_[at][:count] = np.maximum(tree.children_right, 0)
        self.threshold_[at][:count] = tree.threshold

    def _add(self, Z: FloatArray) -> FloatArray:
        total = np.zeros((len(Z), len(self.classes_)))
        for number in range(self.n_rounds_):
            total += self._say(Z, number)
        return total

    def _say(self, Z: FloatArray, number: int) -> FloatArray:
        """What one round's trees say of each row."""
        # Trees are grown on single precision, and compare in it.
        features, rows = Z.astype(np.float32), np.arange(len(Z))
        said = np.empty((len(Z), self.feature_.shape[1]))
        for regime in range(said.shape[1]):
            at = (number, regime)
            node = np.zeros(len(Z), dtype=np.int64)
            for _ in range(self.max_depth):
                split = self.feature_[at][node]
                goes_left = features[rows, np.maximum(split, 0)] <= self.threshold_[at][node]
                child = np.where(goes_left, self.left_[at][node], self.right_[at][node])
                node = np.where(split == LEAF, node, child)
            said[:, regime] = self.value_[at][node]
        return said
