"""Leave out what training knows too little of."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data


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
    ValueError
        If no feature is left.
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
            raise ValueError(
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
