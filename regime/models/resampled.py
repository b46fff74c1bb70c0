"""The path's scores read through many markets that might have been."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from regime.survivors import carry_many
from regime.taxonomy import REGIMES

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Squared costs, because what a change must earn is earned by a random walk. At a cost of 10: 250
# days, after which one market in two hundred still knows that its scores began at nothing, and 400
# at the end, before which no label moved when 9,216 markets of French leads went on for longer.
BURN_IN, TAIL = 2.5, 4.0
LEAST_ROWS = 100
NEVER = -30.0  # log-odds of a regime that no resampled market ever knew
_MOST_LEARNED = 4096  # regressions of 60 numbers each
APART = 21  # days between the rows kept: neighbours say the same

_learned: dict[bytes, tuple[FloatArray, FloatArray]] = {}


class ResampledFilter(ClassifierMixin, BaseEstimator):
    """What the path's scores imply, learned from resampled leads instead of a few episodes.

    The label is a function of the leads alone: the best path through them. So whatever the
    leads of training can teach about it need not be learned from the hundred episodes they
    happened to form. They are resampled in blocks (stationary bootstrap) into centuries of
    markets, each of those is labelled exactly as the real one is, and a cubic logistic
    regression learns which regime follows `horizon` days after which scores.

    Parameters
    ----------
    horizon : int
        Trading days from a row to the label.
    switching_cost : float
        Standard deviations of lead that a change of leader must earn, as in the scores.
    blocks : sequence of float
        Mean lengths, in days, of the blocks that are drawn. With 1 days are independent;
        longer ones keep what leadership there is from one day to the next, of which they hold
        fewer. One regression each; the answer is their geometric mean.
    n_markets, n_days : int
        Markets drawn for each length of block, and their days. Of these the first and the last
        are left out, the more the higher the cost: 250 and 400 at a cost of 10.
    C : float
        Inverse strength of the regressions' penalty.
    random_state : int
        Of the draws.

    Attributes
    ----------
    classes_ : ndarray of shape (n_regimes,), in the order of the columns
    coef_ : ndarray of shape (n_blocks, n_regimes, n_terms)
    intercept_ : ndarray of shape (n_blocks, n_regimes)
        Of the regressions, on cubic terms of the scores, cut off at minus the cost.

    Raises
    ------
    ValueError
        If a column is missing, training rows have gaps, or are too few.

    Notes
    -----
    Needs consecutive training rows and the columns `lead_<regime>_today` and `path_score_<regime>`
    by name, so scikit-learn's array checks do not apply. `y` only says which regimes there
    are. What the resampled markets cannot know is what outlasts a block, or depends on
    anything but leads.

    References
    ----------
    Politis and Romano (1994), JASA 89(428), 1303-1313: the stationary bootstrap.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "horizon": [Interval(Integral, 0, None, closed="left")],
        "switching_cost": [Interval(Real, 0, None, closed="neither")],
        "blocks": ["array-like"],
        "n_markets": [Interval(Integral, 1, None, closed="left")],
        "n_days": [Interval(Integral, 1, None, closed="left")],
        "C": [Interval(Real, 0, None, closed="neither")],
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        horizon: int = 0,
        *,
        switching_cost: float = 10.0,
        blocks: Sequence[float] = (10, 21, 42),
        n_markets: int = 256,
        n_days: int = 1500,
        C: float = 0.1,
        random_state: int = 0,
    ) -> None:
        self.horizon = horizon
        self.switching_cost = switching_cost
        self.blocks = blocks
        self.n_markets = n_markets
        self.n_days = n_days
        self.C = C
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any) -> Self:
        """Resample the leads of X, label them, and learn from that.

        Parameters
        ----------
        X : DataFrame of shape (n_days, n_features), without gaps, in standard deviations of lead
            `lead_<regime>_today` and `path_score_<regime>` are read, by name.
        y : array of shape (n_days,), regime names
        """
        self._validate_params()
        lead, _ = self._columns(X)
        if missing := sorted({*np.unique(np.asarray(y, dtype=str))} - {*REGIMES}):
            raise ValueError(
                f"The regimes are {', '.join(REGIMES)}; y also names {', '.join(missing)}."
            )
        if np.isnan(lead).any() or len(lead) < LEAST_ROWS:
            raise ValueError(
                f"Leads are resampled from at least {LEAST_ROWS} training rows without a gap; of "
                f"n_samples = {len(lead)}, {int(np.isnan(lead).any(axis=1).sum())} have one. "
                "Train on consecutive days with a lead."
            )
        self.classes_ = np.array(REGIMES, dtype=object)
        self.n_features_in_ = X.shape[1]
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        learned = [self._learn(lead, float(block)) for block in self.blocks]
        self.coef_ = np.stack([coef for coef, _ in learned])
        self.intercept_ = np.stack([intercept for _, intercept in learned])
        return self

    def predict_proba(self, X: pd.DataFrame) -> FloatArray:
        """Probabilities of shape (n_days, n_regimes), columns as `classes_`, row by row."""
        check_is_fitted(self)
        _, score = self._columns(X)
        terms = self._terms(score)
        log_proba = np.zeros((len(score), len(REGIMES)))
        for coef, intercept in zip(self.coef_, self.intercept_, strict=True):
            # Not a matrix product: a row's rounding must not depend on how many are asked for.
            odds = (terms[:, None, :] * coef).sum(axis=2) + intercept
            log_proba += odds - np.logaddexp.reduce(odds, axis=1, keepdims=True)
        proba: FloatArray = softmax(log_proba / len(self.coef_), axis=1)
        return proba

    def predict(self, X: pd.DataFrame) -> npt.NDArray[Any]:
        """The most probable regime of each day, by name, of shape (n_days,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def _learn(self, lead: FloatArray, block: float) -> tuple[FloatArray, FloatArray]:
        """The regression of one length of block, in terms as they are.

        What was learned from the same leads is remembered: several models start from it.
        """
        given = {**self.get_params(), "blocks": block}
        key = hashlib.sha256(repr(given).encode() + lead.tobytes()).digest()
        if key not in _learned:
            if len(_learned) >= _MOST_LEARNED:
                _learned.clear()
            _learned[key] = self._learn_anew(lead, block)
        return _learned[key]

    def _learn_anew(self, lead: FloatArray, block: float) -> tuple[FloatArray, FloatArray]:
        random = np.random.default_rng(self.random_state)
        drawn = _stationary(len(lead), (self.n_days, self.n_markets), block, random)
        score, path = carry_many(lead[drawn], switching_cost=self.switching_cost)
        first, last = self._left_out()
        rows = np.arange(first, self.n_days - last - self.horizon, APART)
        terms = self._terms(score[rows].reshape(-1, len(REGIMES)))
        later = path[rows + self.horizon].ravel()
        coef = np.zeros((len(REGIMES), terms.shape[1]))
        intercept = np.full(len(REGIMES), NEVER)
        met = np.unique(later)
        if len(met) == 1:
            intercept[met] = 0.0
            return coef, intercept
        regression: Pipeline = make_pipeline(
            StandardScaler(), LogisticRegression(C=self.C, max_iter=1000)
        ).fit(terms, later)
        scaler, logistic = regression[0], regression[-1]
        slopes, constants = logistic.coef_, logistic.intercept_
        if len(met) == 2:  # of two, scikit-learn keeps the log-odds of the second over the first
            slopes, constants = (np.concatenate([-one, one]) / 2 for one in (slopes, constants))
        coef[met] = slopes / scaler.scale_
        intercept[met] = constants - coef[met] @ scaler.mean_
        return coef, intercept

    def _validate_params(self) -> None:
        super()._validate_params()
        given: Any = self.blocks
        blocks = [*given] if isinstance(given, Iterable) else []
        if not blocks or not all(_is_length(block) for block in blocks):
            raise ValueError(
                f"blocks = {self.blocks!r} must be mean lengths in days, each at least 1: for "
                "example [10, 21, 42]."
            )
        needed = sum(self._left_out()) + self.horizon + APART
        if self.n_days < needed:
            raise ValueError(
                f"n_days = {self.n_days} is too short: at a switching cost of "
                f"{self.switching_cost:g} and {self.horizon} days ahead a resampled market needs "
                f"{needed} days. Set n_days = {2 * needed}."
            )

    def _left_out(self) -> tuple[int, int]:
        """Days at the beginning and at the end of each market."""
        squared = self.switching_cost**2
        return math.ceil(BURN_IN * squared), math.ceil(TAIL * squared)

    def _terms(self, score: FloatArray) -> FloatArray:
        """All products of up to three scores.

        A score below minus the cost says no more than minus the cost: whatever path goes on from
        there is beaten by one that changes from the best.
        """
        held = np.maximum(score, -self.switching_cost)
        terms: FloatArray = PolynomialFeatures(3, include_bias=False).fit_transform(held)
        return terms

    @staticmethod
    def _columns(X: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        lead = [f"lead_{name}_today" for name in REGIMES]
        score = [f"path_score_{name}" for name in REGIMES]
        missing = [name for name in (*lead, *score) if name not in getattr(X, "columns", ())]
        if missing:
            raise ValueError(
                f"The resampled filter reads the columns {[*lead, *score]}; {missing} are "
                "missing. Give it the feature sets 'leads' and 'path'."
            )
        return X[lead].to_numpy(np.float64), X[score].to_numpy(np.float64)


def _is_length(block: Any) -> bool:
    return isinstance(block, int | float) and block is not True and 1 <= block < np.inf


def _stationary(
    n_rows: int, shape: tuple[int, int], block: float, random: np.random.Generator
) -> IntArray:
    """Row numbers of shape (n_days, n_markets): blocks of geometric length, wrapped around."""
    fresh = random.random(shape) < 1 / block
    fresh[0] = True
    start = random.integers(0, n_rows, shape)
    day = np.arange(shape[0])[:, None]
    begun = np.maximum.accumulate(np.where(fresh, day, 0), axis=0)
    rows: IntArray = (np.take_along_axis(start, begun, axis=0) + day - begun) % n_rows
    return rows
