"""The last confirmed regime, and how often such a regime gave way."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted


class PersistenceClassifier(ClassifierMixin, BaseEstimator):
    """From the newest confirmed regime, forward by the training rows' daily transitions.

    The probabilities of day t are row r of the transition matrix to the power of (days
    since the newest confirmed row + horizon), r being that row's regime.

    Parameters
    ----------
    horizon : int
        Trading days from the row to the label it is fitted on.

    Attributes
    ----------
    classes_ : ndarray of shape (n_regimes,)
    transition_ : ndarray of shape (n_regimes, n_regimes), rows sum to 1
    prior_ : ndarray of shape (n_regimes,), used while no row is confirmed

    Notes
    -----
    Needs consecutive training rows, and the columns `path_confirmed_<regime>` and
    `path_sessions_since_confirmed` by name, so scikit-learn's array checks do not apply.
    """

    def __init__(self, horizon: int = 0) -> None:
        self.horizon = horizon

    def fit(self, X: pd.DataFrame, y: Any) -> Self:
        """Count how often each label followed each.

        Parameters
        ----------
        X : DataFrame of shape (n_days, n_columns), by name; consecutive trading days
        y : array of shape (n_days,), regime names
        """
        codes, names = pd.factorize(np.asarray(y), sort=True)
        self.classes_ = np.asarray(names)
        self._confirmed(X, self.classes_)
        counts = np.zeros((len(self.classes_), len(self.classes_)))
        np.add.at(counts, (codes[:-1], codes[1:]), 1.0)
        seen = counts.sum(axis=1, keepdims=True)
        self.transition_ = np.where(seen > 0, counts / np.maximum(seen, 1), np.eye(len(counts)))
        self.prior_ = np.bincount(codes) / len(codes)
        return self

    def predict_proba(self, X: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Probabilities of shape (n_days, n_regimes), columns as `classes_`."""
        check_is_fitted(self)
        confirmed, since = self._confirmed(X, self.classes_)
        proba = np.tile(self.prior_, (len(X), 1))
        known = ~np.isnan(since)
        steps = since[known].astype(np.int64) + self.horizon
        ahead = _powers(self.transition_, int(steps.max(initial=0)))[steps]
        proba[known] = np.einsum("tk,tkj->tj", confirmed[known], ahead)
        return proba

    def predict(self, X: pd.DataFrame) -> npt.NDArray[Any]:
        """The most probable regime of each day, by name, of shape (n_days,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    @staticmethod
    def _confirmed(
        X: pd.DataFrame, classes: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        needed = [f"path_confirmed_{name}" for name in classes]
        since = "path_sessions_since_confirmed"
        missing = [name for name in (*needed, since) if name not in getattr(X, "columns", ())]
        if missing:
            raise ValueError(
                f"Persistence reads the columns {[*needed, since]}; {missing} are missing. "
                "Give it the feature set 'path'."
            )
        return X[needed].to_numpy(np.float64), X[since].to_numpy(np.float64)


def _powers(matrix: npt.NDArray[np.float64], last: int) -> npt.NDArray[np.float64]:
    """The matrix to the powers 0 to `last`, one after the other."""
    powers = np.empty((last + 1, *matrix.shape))
    powers[0] = np.eye(len(matrix))
    for power in range(1, last + 1):
        powers[power] = powers[power - 1] @ matrix
    return powers
