"""A first guess, and what features may add to its log-odds."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from regime.models.selection import KnownFeatures, NoFeatures

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

LEAST = 1e-6  # no first guess is surer than this
LEAST_KNOWN = 0.1  # share of the training rows
REACH = 3.0  # standard deviations; what lies beyond counts as this far
STARTS = ("path_", "lead_")  # columns that first guesses read, and corrections do not


class Correction(ClassifierMixin, BaseEstimator, ABC):
    """What corrections have in common: the first guess, and the features as they read them.

    Features are standardised in training and cut off at `REACH`; one known on fewer than a
    tenth of the training rows is left out (of none left, constants are), and what is missing
    counts as average: no evidence either way.
    """

    start: Any
    every: int
    start_: Any
    scale_: Pipeline
    classes_: npt.NDArray[Any]

    def fit(self, X: pd.DataFrame, y: Any) -> Self:
        """Fit the first guess on all rows, and the correction on every so many of them.

        Parameters
        ----------
        X : DataFrame of shape (n_days, n_features), consecutive trading days
            Read by name; NaN where unknown.
        y : array of shape (n_days,), regime names
        """
        X = self._frame(X)
        y = np.asarray(y, dtype=object)
        self.n_features_in_ = X.shape[1]
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        self._fit(X, y)
        return self

    @abstractmethod
    def _fit(self, X: pd.DataFrame, y: npt.NDArray[Any]) -> None:
        """Learn first guess, scaling and correction."""

    @abstractmethod
    def _add(self, Z: FloatArray) -> FloatArray:
        """What scaled features of shape (n_rows, n_kept) add to the log-odds of each regime."""

    def predict_proba(self, X: pd.DataFrame) -> FloatArray:
        """Probabilities of shape (n_days, n_regimes), columns as `classes_`."""
        check_is_fitted(self)
        X = self._frame(X)
        odds = log_guess(self.start_, X) + self._add(scaled(self.scale_, X))
        proba: FloatArray = softmax(odds, axis=1)
        return proba

    def predict(self, X: pd.DataFrame) -> npt.NDArray[Any]:
        """The most probable regime of each day, by name, of shape (n_days,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def _begin(
        self, X: pd.DataFrame, y: npt.NDArray[Any]
    ) -> tuple[Any, Pipeline, FloatArray, FloatArray, IntArray]:
        """First guess and scaling; its log-odds, features and codes of the rows learned from."""
        start = clone(self.start).fit(X, y)
        kept = X.iloc[:: self.every]
        scale = scaling(read_by(kept))
        guess = log_guess(start, X)[:: self.every]  # which may remember the rows between
        position = {name: number for number, name in enumerate(start.classes_)}
        codes = np.array([position[name] for name in y[:: self.every]], dtype=np.intp)
        return start, scale, guess, scaled(scale, kept), codes

    def _frame(self, X: Any) -> pd.DataFrame:
        if not isinstance(X, pd.DataFrame) or not len(read_columns(X)):
            found = f"columns {[*X.columns]}" if isinstance(X, pd.DataFrame) else type(X).__name__
            raise ValueError(
                "A correction reads features by name, besides those of its first guess "
                f"({', '.join(f'{name}*' for name in STARTS)}); found {found}. Add, for example, "
                "the feature set 'leadership'."
            )
        return X


def read_columns(X: pd.DataFrame) -> list[str]:
    """Columns that a correction reads."""
    return [name for name in X.columns if not str(name).startswith(STARTS)]


def read_by(X: pd.DataFrame) -> pd.DataFrame:
    """Features that a correction reads."""
    return X[read_columns(X)]


def scaling(X: pd.DataFrame) -> Pipeline:
    """Fitted: features known on a tenth of the rows at least, standardised, unknown as average.

    A series may begin late; it needs years to be standardised by.
    """
    if (X.notna().mean() < LEAST_KNOWN).all():
        return make_pipeline(NoFeatures()).fit(X)
    fill = SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True)
    return make_pipeline(KnownFeatures(LEAST_KNOWN), StandardScaler(), fill).fit(X)


def scaled(scale: Pipeline, X: pd.DataFrame) -> FloatArray:
    """The features that a correction reads, in standard deviations, cut off."""
    clipped: FloatArray = np.clip(scale.transform(read_by(X)), -REACH, REACH)
    return clipped


def log_guess(start: Any, X: pd.DataFrame) -> FloatArray:
    """Log probabilities of a fitted first guess."""
    log_proba: FloatArray = np.log(np.maximum(start.predict_proba(X), LEAST))
    return log_proba
