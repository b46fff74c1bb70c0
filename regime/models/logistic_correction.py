"""Linear corrections to the log-odds of a first guess, shrunk hard."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from sklearn.utils._param_validation import HasMethods, Interval

from regime.models.corrections import Correction, FloatArray, IntArray


class LogisticCorrection(Correction):
    """Multinomial logistic regression that starts from another model's log-odds.

    Where the features tell nothing the model is its first guess, because every coefficient
    is drawn towards zero, the constants too.

    Parameters
    ----------
    start : estimator
        The first guess; reads its columns by name.
    C : float
        Inverse strength of the penalty, as in scikit-learn's `LogisticRegression`: the sum of
        squared coefficients over 2 C, beside the sum of log losses over rows. Neighbouring
        rows share their label: 30 to 40 of them stand for one episode.
    every : int
        Learn from every so many rows. The first guess learns from all.

    Attributes
    ----------
    classes_ : ndarray of shape (n_regimes,)
    coef_ : ndarray of shape (n_regimes, n_kept), nats per standard deviation
    intercept_ : ndarray of shape (n_regimes,)
    health_ : dict
        `mean_correction`, the mean over training rows of the largest change of any regime's
        log-odds, in nats.

    Notes
    -----
    Reads features by name, so scikit-learn's array checks do not apply.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "start": [HasMethods(["fit", "predict_proba"])],
        "C": [Interval(Real, 0, None, closed="neither")],
        "every": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, start: Any, *, C: float = 1 / 3000, every: int = 3) -> None:
        self.start = start
        self.C = C
        self.every = every

    def _fit(self, X: pd.DataFrame, y: npt.NDArray[Any]) -> None:
        self._validate_params()
        self.start_, self.scale_, guess, Z, codes = self._begin(X, y)
        self.classes_ = np.asarray(self.start_.classes_)
        weights = _fit_weights(guess, Z, codes, self.C)
        self.intercept_, self.coef_ = weights[0], weights[1:].T
        self.health_ = {"mean_correction": float(np.abs(self._add(Z)).max(axis=1).mean())}

    def _add(self, Z: FloatArray) -> FloatArray:
        # Not a matrix product: a row's rounding must not depend on how many are asked for.
        return np.asarray((Z[:, None, :] * self.coef_).sum(axis=2) + self.intercept_)


def _fit_weights(guess: FloatArray, Z: FloatArray, codes: IntArray, C: float) -> FloatArray:
    """Constants and coefficients, of shape (1 + n_features, n_regimes)."""
    terms = np.hstack([np.ones((len(Z), 1)), Z])
    happened = np.eye(guess.shape[1])[codes]
    shape = (terms.shape[1], guess.shape[1])

    def objective(flat: FloatArray) -> tuple[float, FloatArray]:
        weights = flat.reshape(shape)
        odds = guess + terms @ weights
        total = np.logaddexp.reduce(odds, axis=1)
        loss = (total - (odds * happened).sum(axis=1)).sum() + (weights**2).sum() / (2 * C)
        slope = terms.T @ (np.exp(odds - total[:, None]) - happened) + weights / C
        return float(loss), slope.ravel()

    found = minimize(
        objective,
        np.zeros(shape[0] * shape[1]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-5},
    )
    weights: FloatArray = found.x.reshape(shape)
    return weights
