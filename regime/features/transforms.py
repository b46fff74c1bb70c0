"""Causal transformers: row t of the output depends on rows up to t, and no statistic is
taken over more than a trailing window. None of them learns anything in `fit`.

Units: a change has the unit of its input, a z-score is in trailing standard deviations, a
percentile is a share of 1. Missing input is skipped inside a window; a window with fewer
than `min_periods` values gives NaN.
"""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

Array = npt.NDArray[np.float64]


class _Trailing(OneToOneFeatureMixin, TransformerMixin, BaseEstimator, ABC):
    """What all of them share: columns are handled one by one, missing values are allowed."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check X, of shape (n_days, n_features), in any unit; there is nothing to learn."""
        validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        return self

    def transform(self, X: Any) -> Array:
        """Row by row, of shape (n_days, n_features) like X; the class says in which unit."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
        return np.asarray(self._trail(pd.DataFrame(X)).to_numpy(), dtype=np.float64)

    def trail(self, X: pd.DataFrame) -> pd.DataFrame:
        """The same of a float64 frame of shape (n_days, n_features), in the same units, without
        scikit-learn's checks, which take ten times as long as the work.

        Raises
        ------
        ValueError
            If a value is infinite.
        """
        if np.isinf(X.to_numpy()).any():
            raise ValueError(
                f"{type(self).__name__} reads finite or missing values, but "
                f"{', '.join(map(str, X.columns))} holds an infinite one. Mend the source's row."
            )
        return self._trail(X)

    @abstractmethod
    def _trail(self, X: pd.DataFrame) -> pd.DataFrame: ...

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class TrailingChange(_Trailing):
    """Difference to `periods` rows before; NaN where either is missing.

    Parameters
    ----------
    periods : trading days (rows)

    Notes
    -----
    The result has the unit of the input.
    """

    def __init__(self, periods: int = 21) -> None:
        self.periods = periods

    def _trail(self, X: pd.DataFrame) -> pd.DataFrame:
        return X.diff(self.periods)


class TrailingMean(_Trailing):
    """Mean of the last `window` rows, this one included; NaN until half of them are there.

    Parameters
    ----------
    window : trading days (rows)

    Notes
    -----
    The result has the unit of the input.
    """

    def __init__(self, window: int = 21) -> None:
        self.window = window

    def _trail(self, X: pd.DataFrame) -> pd.DataFrame:
        return X.rolling(self.window, min_periods=max(1, self.window // 2)).mean()


class TrailingSum(_Trailing):
    """Sum of the last `window` rows over the square root of their number.

    Of independent values with unit variance the result has unit variance at any window.
    NaN until the window is full.

    Parameters
    ----------
    window : trading days (rows)
    """

    def __init__(self, window: int = 21) -> None:
        self.window = window

    def _trail(self, X: pd.DataFrame) -> pd.DataFrame:
        total: pd.DataFrame = X.rolling(self.window).sum()
        return total / float(np.sqrt(self.window))


class TrailingZScore(_Trailing):
    """Standardise by the last `window` rows, this one included, cut off at `clip`.

    NaN until `min_periods` values are there; 0 where they have no spread.

    Parameters
    ----------
    window : trading days (rows)
    min_periods : values that must be there
    clip : standard deviations

    Notes
    -----
    The result is in trailing standard deviations.
    """

    def __init__(self, window: int = 2520, *, min_periods: int = 252, clip: float = 4.0) -> None:
        self.window = window
        self.min_periods = min_periods
        self.clip = clip

    def _trail(self, X: pd.DataFrame) -> pd.DataFrame:
        trailing = X.rolling(self.window, min_periods=min(self.min_periods, self.window))
        centred, spread = X - trailing.mean(), trailing.std()
        # A running variance never quite reaches zero; below this it is rounding.
        flat = spread <= 1e-9 * (1.0 + X.abs())
        scores: pd.DataFrame = (centred / spread).mask(flat & spread.notna(), 0.0)
        return scores.clip(-self.clip, self.clip)


class TrailingPercentile(_Trailing):
    """Share of the last `window` rows that are not above this one.

    Parameters
    ----------
    window : trading days (rows)
    min_periods : values that must be there

    Notes
    -----
    The result is a share of 1; NaN until `min_periods` values are there.
    """

    def __init__(self, window: int = 5040, *, min_periods: int = 1260) -> None:
        self.window = window
        self.min_periods = min_periods

    def _trail(self, X: pd.DataFrame) -> pd.DataFrame:
        trailing = X.rolling(self.window, min_periods=min(self.min_periods, self.window))
        return trailing.rank(method="max", pct=True)


class TrailingScale(_Trailing):
    """Divide by the exponentially weighted standard deviation of the rows before this one.

    The scale is lagged one row, so that a day's own move does not shrink it.

    Parameters
    ----------
    half_life : trading days (rows)
    min_periods : values that must be there; NaN before

    Notes
    -----
    The result is in trailing standard deviations.
    """

    def __init__(self, half_life: int = 126, *, min_periods: int = 60) -> None:
        self.half_life = half_life
        self.min_periods = min_periods

    def _trail(self, X: pd.DataFrame) -> pd.DataFrame:
        scale = X.ewm(halflife=self.half_life, min_periods=self.min_periods).std().shift(1)
        return (X / scale).where(scale > 0)


class VolatilityRatio(_Trailing):
    """Log of the standard deviation of the last `short` rows over that of the last `long`.

    Parameters
    ----------
    short, long : trading days (rows)

    Notes
    -----
    The result is a log ratio, without a unit; 0 where both standard deviations are the same.
    """

    def __init__(self, short: int = 21, long: int = 252) -> None:
        self.short = short
        self.long = long

    def _trail(self, X: pd.DataFrame) -> pd.DataFrame:
        short, long = X.rolling(self.short).std(), X.rolling(self.long).std()
        ratio = (short / long).where((short > 0) & (long > 0))
        return pd.DataFrame(np.log(ratio), X.index, X.columns)


class Drawdown(_Trailing):
    """Distance of the sum of log returns below its highest of the last `window` rows, <= 0.

    Parameters
    ----------
    window : trading days (rows)

    Notes
    -----
    The result is a log return.
    """

    def __init__(self, window: int = 252) -> None:
        self.window = window

    def _trail(self, X: pd.DataFrame) -> pd.DataFrame:
        level = X.cumsum()
        return level - level.rolling(self.window, min_periods=1).max()
