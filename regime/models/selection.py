"""Which features a model reads."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from regime.exceptions import TrainingRowsError


class KnownFeatures(SelectorMixin, BaseEstimator):
    """Keep features that are known on enough training rows and vary there.

    A series that began last year has a spread, but not one to standardise by.

    Parameters
    ----------
    min_share : float
        Share of the training rows on which a feature must be known.

    Attributes
    ----------
    known_ : ndarray of shape (n_features,), bool

    Raises
    ------
    TrainingRowsError
        If no feature is left; a ValueError.
    """

    def __init__(self, min_share: float = 0.0) -> None:
        self.min_share = min_share

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn which features are known; NaN is unknown."""
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        known = np.isfinite(X)
        low = np.where(known, X, np.inf).min(axis=0)
        high = np.where(known, X, -np.inf).max(axis=0)
        self.known_ = (known.mean(axis=0) >= self.min_share) & (high > low)
        if not self.known_.any():
            raise TrainingRowsError(
                f"None of {X.shape[1]} features is known on {self.min_share:.0%} of training "
                f"rows (n_samples = {X.shape[0]}) and varies there. Choose feature sets whose "
                "series are in the store, or a later training.since."
            )
        return self

    def _get_support_mask(self) -> npt.NDArray[np.bool_]:
        check_is_fitted(self)
        known: npt.NDArray[np.bool_] = self.known_
        return known

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class NoFeatures(TransformerMixin, BaseEstimator):
    """Keep nothing: what is left of features that all begin too late."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Nothing to learn."""
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float64]:
        """An array of shape (n_rows, 0)."""
        return np.empty((len(X), 0))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")


class NamedColumns(TransformerMixin, BaseEstimator):
    """Keep columns of a frame by how their names begin.

    Parameters
    ----------
    prefix : str
    others : bool
        Keep those that do not begin so.

    Notes
    -----
    Needs named columns, so scikit-learn's array checks do not apply.
    """

    def __init__(self, prefix: str = "path_score_", *, others: bool = False) -> None:
        self.prefix = prefix
        self.others = others

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn which there are.

        Raises
        ------
        ValueError
            If there is none.
        """
        self.n_features_in_ = X.shape[1]
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        if not self.get_feature_names_out().size:
            raise ValueError(
                f"Of the columns {[*X.columns]} none begins{' otherwise than' * self.others} with "
                f"{self.prefix!r}. Give the feature set that has them."
            )
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Those columns, in the order of training."""
        check_is_fitted(self)
        return X[list(self.get_feature_names_out())]

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Their names."""
        names = self.feature_names_in_ if input_features is None else input_features
        kept = [name for name in names if str(name).startswith(self.prefix) != self.others]
        return np.array(kept, dtype=object)
