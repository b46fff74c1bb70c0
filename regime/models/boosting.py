"""Gradient boosting, calibrated in time order, and boosting that starts from the filter."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from regime.models.selection import KnownFeatures

Rows = npt.NDArray[np.intp]


class LaterBlock(BaseEstimator):
    """One split in time order: fit on the earlier rows, calibrate on the later ones.

    Parameters
    ----------
    share : float
        Share of the rows kept for calibration, the newest ones.
    gap : int
        Rows between the two that neither sees; neighbours share most of a label.
    """

    def __init__(self, share: float = 0.3, gap: int = 84) -> None:
        self.share = share
        self.gap = gap

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Rows, Rows]]:
        """The one split."""
        n_rows = len(X)
        later = int(n_rows * (1 - self.share))
        if later - self.gap < 1:
            raise ValueError(
                f"Calibration in time order needs more than {self.gap} rows before the later "
                f"{self.share:.0%}; there are n_samples = {n_rows}. Start the test later."
            )
        rows = np.arange(n_rows)
        yield rows[: later - self.gap], rows[later:]

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """One."""
        return 1


class LaterCalibration(CalibratedClassifierCV):
    """scikit-learn's calibration, for labels that come as a Series too.

    Its temperature scaling looks at `y[0]`, which an index of days does not have.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit on the earlier rows, calibrate on the later ones."""
        fitted: Self = super().fit(X, np.asarray(y, dtype=object), sample_weight)
        return fitted


def calibrated_boosting(**params: Any) -> LaterCalibration:
    """scikit-learn's histogram booster with temperature scaling learned on later rows.

    The booster sees the earlier 70% of the training rows, one temperature is fitted on the
    last 30%: what it is calibrated on it has not seen. Features that begin only in the later
    rows are left out; other missing values are the booster's own business.
    """
    booster = make_pipeline(KnownFeatures(), HistGradientBoostingClassifier(**params))
    return LaterCalibration(booster, method="temperature", cv=LaterBlock())


def boosting_from_filter(n_path_scores: int, **params: Any) -> Pipeline:
    """Boosting whose first guess is the filter, so that features can only earn corrections.

    The trees start from the log-odds of a filter fitted on the same rows; where they learn
    nothing the model is the filter. Shrunk hard: shallow trees, a small rate, leaves of
    many rows, since a hundred episodes stand behind ten thousand rows.

    Parameters
    ----------
    n_path_scores : how many of the features are path scores; they come first
    params : for scikit-learn's `GradientBoostingClassifier`

    References
    ----------
    Friedman (2001), Annals of Statistics 29(5), 1189-1232.
    """
    # By position: the booster hands its first guess an array.
    pick = ColumnTransformer([("path", "passthrough", list(range(n_path_scores)))])
    first_guess = make_pipeline(pick, StandardScaler(), LogisticRegression(C=0.1))
    fill = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(fill, GradientBoostingClassifier(init=first_guess, **params))
