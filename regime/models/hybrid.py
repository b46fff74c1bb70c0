"""A classifier's probabilities as evidence for a chain of regimes that tend to stay."""

from collections.abc import Sequence
from itertools import product
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from regime.models.boosting import LaterBlock
from regime.models.filtering import forward_filter, mix

FloatArray = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

WEIGHTS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0)
DECAYS = (0.0, 0.8, 0.95, 0.98, 1.0)
_FLOOR = 1e-6  # a leaf that never met a regime does not rule it out
_SAME = 1e-6  # nats; log losses closer than this are equal
_ROWS = 256  # padded to a multiple of, see `_said`


class StickyChainClassifier(ClassifierMixin, BaseEstimator):
    """Regimes that follow one another as they did in training, seen through a classifier.

    The classifier `base` says how much likelier than usual each regime is on a day's features.
    That is evidence, never the whole of it: a filter carries it forward through the daily
    transition matrix of the regimes themselves, and on to `horizon` days ahead.

    Parameters
    ----------
    base : classifier with `predict_proba`, or None
        None is a multinomial logistic regression on standardised features. Missing features
        are its own business. It is handed an array without column names.
    horizon : int
        Rows (trading days) from a row to the label it is fitted on.
    weights : sequence of float in [0, 1], 0 among them
        Candidates for the weight of a day's log evidence.
    decays : sequence of float in [0, 1], 0 among them
        Candidates for the share of a day's log evidence that the day before had said already.
    pseudo_count : float
        Added to the count of every transition; none is impossible.
    share, gap : float and int
        Newest share of the rows, on which the weight is chosen, and rows before them that
        are left out; as in `LaterBlock`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_regimes,)
    base_ : the classifier, fitted on all rows whose own label is known
    base_columns_ : ndarray of int, the place in `classes_` of each of the base's classes
    prior_ : ndarray of shape (n_regimes,), shares of the labels the base was fitted on
    transmat_ : ndarray of shape (n_regimes, n_regimes), rows sum to 1: one row to the next
    weight_, decay_ : float
    health_ : dict of numbers, see Notes

    Raises
    ------
    ValueError
        If there are too few rows to choose a weight, or one regime only to learn from.

    Notes
    -----
    Needs consecutive rows. `y[t]` is the label of row t + `horizon`, so the label of row t
    itself is `y[t - horizon]`: the base learns today's regime from today's features, and the
    chain alone looks ahead.

    Day t's evidence for regime k is `said[t] = log(base says k / share of k)`, and what the
    filter hears is `weight * (said[t] - decay * said[t - 1])`. Features hardly move overnight;
    heard in full every day, the same news would make the filter sure within a week. A small
    weight is right for evidence that is stale, a decay near one for evidence that already
    gathers up the past: with both at one the filter nearly says what the base says. The pair
    is the one with the lowest log loss `horizon` rows ahead on the newest rows, with a base
    and a transition matrix learned from the earlier block only; of equals, the least. Weight 0
    is the chain alone, and stands unless the best gains more than one standard error on it, a
    stretch of one label counting as one outcome: the newest rows hold a few dozen, and noise
    can please them.

    The base that serves is then fitted on all rows. It has not been scored itself, but the
    pair follows from how features repeat themselves, not from which rows were fitted; and
    rows up to today matter more than the last digit of a weight. On training rows the filter
    hears a base that knew the answer. All this leaves behind is a filter that, at the end of
    training, is surer of what was confirmed by then than it could have been live; later rows
    start from there.

    `health_`: `weight`, `decay`; mean log loss in nats on the later block, with that pair
    (`later_log_loss`), of the chain alone (`later_log_loss_chain`) and of the base's
    probabilities of the day sent through the chain without a filter (`later_log_loss_base`);
    `gain_error`, the standard error of what the best pair gained on the chain alone;
    `n_earlier` and `n_later` rows; and `stay_<regime>`, the chance to stay overnight.

    References
    ----------
    Hamilton (1989), Econometrica 57(2), 357-384: the filter.
    Bourlard and Morgan (1994), Connectionist Speech Recognition: a classifier's posterior
    over its prior as the emission of a hidden Markov model.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "base": [HasMethods(["fit", "predict_proba"]), None],
        "horizon": [Interval(Integral, 0, None, closed="left")],
        "weights": ["array-like"],
        "decays": ["array-like"],
        "pseudo_count": [Interval(Real, 0, None, closed="neither")],
        "share": [Interval(Real, 0, 1, closed="neither")],
        "gap": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        base: Any = None,
        *,
        horizon: int = 0,
        weights: Sequence[float] = WEIGHTS,
        decays: Sequence[float] = DECAYS,
        pseudo_count: float = 1.0,
        share: float = 0.3,
        gap: int = 84,
    ) -> None:
        self.base = base
        self.horizon = horizon
        self.weights = weights
        self.decays = decays
        self.pseudo_count = pseudo_count
        self.share = share
        self.gap = gap

    def _validate_params(self) -> None:
        super()._validate_params()
        _candidates("weights", self.weights)
        _candidates("decays", self.decays)

    def fit(self, X: Any, y: Any) -> Self:
        """Choose the weight on the newest rows, then learn base and chain from all of them.

        Parameters
        ----------
        X : array or DataFrame of shape (n_rows, n_features), consecutive trading days
            NaN where unknown.
        y : array of shape (n_rows,), regime names
            `y[t]` is the label of row t + `horizon`.
        """
        self._validate_params()
        weights = _candidates("weights", self.weights)
        decays = _candidates("decays", self.decays)
        pairs = [(0.0, 0.0), *product(weights[1:], decays)]
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        earlier, later = next(LaterBlock(self.share, self.gap).split(X))
        self._learn(X[earlier], codes[earlier])
        (self.weight_, self.decay_), scored = self._choose(X, codes, later, pairs)
        self._learn(X, codes)
        stays = zip(self.classes_, np.diag(self.transmat_), strict=True)
        self.health_ = {
            "weight": self.weight_,
            "decay": self.decay_,
            **scored,
            "n_earlier": len(earlier),
            "n_later": len(later),
            **{f"stay_{name}": float(stay) for name, stay in stays},
        }
        return self

    def predict_proba(
        self, X: Any, *, before: FloatArray | None = None, row_before: Any = None
    ) -> FloatArray:
        """Probabilities of shape (n_rows, n_regimes), `horizon` rows after each row.

        `before` and `row_before` as in `state_proba`.
        """
        return self._ahead(self.state_proba(X, before=before, row_before=row_before))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable regime `horizon` rows after each row, by name, of shape (n_rows,)."""
        proba = self.predict_proba(X)  # first, because it asks whether there was a fit
        return np.asarray(self.classes_[proba.argmax(axis=1)])

    def state_proba(
        self, X: Any, *, before: FloatArray | None = None, row_before: Any = None
    ) -> FloatArray:
        """Filtered probabilities of today's regime: this row and those before, (n_rows, n_regimes).

        A new day costs one step: give its row alone, as `before` the state probabilities of
        the row before it, of shape (n_regimes,), and as `row_before` that row's features, of
        shape (n_features,), whose evidence is not heard twice. Without them the first row of
        X starts from the shares of training.

        Raises
        ------
        ValueError
            If one of `before` and `row_before` is given without the other.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
        if (before is None) != (row_before is None):
            raise ValueError(
                "To go on from the row before takes its probabilities (`before`) and its features "
                "(`row_before`); found one of them. Give both, or neither."
            )
        if row_before is not None:
            X = np.concatenate([np.asarray(row_before, dtype=np.float64).reshape(1, -1), X])
        heard = _heard(self._log_ratio(self._said(X)), self.weight_, self.decay_)
        if row_before is not None:
            heard = heard[1:]
        return forward_filter(self.prior_, self.transmat_, heard, before=before).proba

    def _learn(self, X: FloatArray, codes: Codes) -> None:
        """Base, prior and chain from rows whose `codes` are labels `horizon` rows later."""
        n_known = len(X) - self.horizon
        if n_known < 1 or len(np.unique(codes[:n_known])) < 2:
            raise ValueError(
                f"The chain needs rows of two classes with their own label known, {self.horizon} "
                f"rows into training or later; n_samples = {len(X)} rows hold fewer (one class "
                "or none). Train on more rows, or with a smaller share or gap."
            )
        known, n_regimes = codes[:n_known], len(self.classes_)
        base = self.base
        if base is None:
            base = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
        self.base_ = clone(base).fit(X[self.horizon :], self.classes_[known])
        self.base_columns_ = np.searchsorted(self.classes_, self.base_.classes_)
        counts = np.full((n_regimes, n_regimes), float(self.pseudo_count))
        np.add.at(counts, (codes[:-1], codes[1:]), 1.0)
        self.transmat_ = counts / counts.sum(axis=1, keepdims=True)
        met = np.bincount(known, minlength=n_regimes) + self.pseudo_count
        self.prior_ = met / met.sum()

    def _choose(
        self, X: FloatArray, codes: Codes, later: Codes, pairs: list[tuple[float, float]]
    ) -> tuple[tuple[float, float], dict[str, float]]:
        """Weight and decay with the lowest log loss on the later rows, and what to keep of it."""
        said = self._said(X)
        evidence = self._log_ratio(said)

        def losses(states: FloatArray) -> FloatArray:
            given = self._ahead(states[later])[np.arange(len(later)), codes[later]]
            lost: FloatArray = -np.log(np.maximum(given, _FLOOR))
            return lost

        tried = [
            losses(forward_filter(self.prior_, self.transmat_, _heard(evidence, *pair)).proba)
            for pair in pairs
        ]
        means = np.array([lost.mean() for lost in tried])
        best = int(np.argmax(means <= means.min() + _SAME))  # the first such
        error = _standard_error(tried[0] - tried[best], codes[later])
        if means[0] - means[best] <= error:
            best = 0
        return pairs[best], {
            "later_log_loss": float(means[best]),
            "later_log_loss_chain": float(means[0]),
            "later_log_loss_base": float(losses(said).mean()),
            "gain_error": error,
        }

    def _said(self, X: FloatArray) -> FloatArray:
        """What the base says, one column for each of `classes_`."""
        # Matrix products round an odd row at the end in another way than one in the middle.
        # Rows to fill up the last block keep each row's bits the same whatever follows it.
        spare = -len(X) % _ROWS
        filled = np.concatenate([X, np.repeat(X[-1:], spare, axis=0)])
        # Of a regime it has not met the base says nothing new.
        said: FloatArray = np.tile(self.prior_, (len(filled), 1))
        said[:, self.base_columns_] = self.base_.predict_proba(filled)
        said = np.maximum(said, _FLOOR)
        return said[: len(X)]

    def _log_ratio(self, said: FloatArray) -> FloatArray:
        ratio: FloatArray = np.log(said / self.prior_)
        return ratio

    def _ahead(self, states: FloatArray) -> FloatArray:
        """Probabilities `horizon` rows on."""
        proba = mix(states, np.linalg.matrix_power(self.transmat_, self.horizon))
        total = mix(proba, np.ones((proba.shape[1], 1)))
        ahead: FloatArray = proba / total  # rounding may exceed 1
        return ahead

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.base is not None:
            tags.input_tags.allow_nan = get_tags(self.base).input_tags.allow_nan
        return tags


def _standard_error(gains: FloatArray, codes: Codes) -> float:
    """Of the mean gain, as if rows under one label were one outcome and stretches independent."""
    stretch = np.concatenate([[0], np.cumsum(codes[1:] != codes[:-1])])
    sums = np.bincount(stretch, gains - gains.mean())
    return float(np.sqrt((sums**2).sum()) / len(gains))


def _heard(evidence: FloatArray, weight: float, decay: float) -> FloatArray:
    """What is new in each row's evidence, weighed; of the first row all of it."""
    heard = weight * evidence
    heard[1:] -= weight * decay * evidence[:-1]
    return heard


def _candidates(name: str, given: Sequence[float]) -> list[float]:
    values = np.unique(np.asarray(given, dtype=np.float64))
    if not len(values) or values[0] != 0 or not values[-1] <= 1:
        raise ValueError(
            f"`{name}` are numbers from 0 to 1 with 0, which changes nothing, among them; found "
            f"{list(given)}. Leave them out for the usual ones."
        )
    return [float(value) for value in values]
