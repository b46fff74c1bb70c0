"""Several models' probabilities as one, weighted by how they have done before."""

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from regime.taxonomy import REGIMES

FloatArray = npt.NDArray[np.float64]

LEAST = 1e-6  # no member is surer than this
HEAVIEST = 3.0  # a weight above one sharpens


class LogPool(ClassifierMixin, BaseEstimator):
    """A weighted geometric mean of the members' probabilities, corrected per regime.

    The log-odds are the weighted sum of the members', with weights of zero or more, and a
    constant per regime. Without rows to learn from, members weigh the same and nothing is
    corrected; each outcome moves the weights from there. Of a single member this is its
    calibration: weights below one flatten what was too sure, constants mend what was said too
    often.

    Parameters
    ----------
    C : float
        Inverse strength of the pull towards equal weights, beside the sum of log losses over
        rows; neighbouring rows share their label, a hundred or so stand for one episode.
    C_constant : float
        The same of the pull of the constants towards zero.

    Attributes
    ----------
    classes_ : ndarray of shape (n_regimes,), in the order of `REGIMES`
    weight_ : ndarray of shape (n_members,)
    constant_ : ndarray of shape (n_regimes,), nats
    health_ : dict
        `weight_<number>` of each member, `constant_<regime>`, `n_learned_from` rows.

    Notes
    -----
    Rows hold each member's probabilities of all regimes, member after member, regimes in the
    order of `REGIMES`; scikit-learn's array checks do not apply. Fit it on probabilities that
    were made out of sample, or it learns to trust who remembers best.

    References
    ----------
    Genest and Zidek (1986), Statistical Science 1(1), 114-135: the logarithmic pool.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "C": [Interval(Real, 0, None, closed="neither")],
        "C_constant": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, *, C: float = 1e-4, C_constant: float = 1e-4) -> None:
        self.C = C
        self.C_constant = C_constant

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from rows whose outcome is known; there may be none.

        Parameters
        ----------
        X : array of shape (n_rows, n_members * n_regimes), probabilities
        y : array of shape (n_rows,), regime names
        """
        self._validate_params()
        logs = self._logs(X)
        self.classes_ = np.array(REGIMES, dtype=object)
        self.n_features_in_ = np.asarray(X).shape[1]
        names = np.asarray(y, dtype=object)
        if len(names) != len(logs) or not {*names} <= {*REGIMES}:
            raise ValueError(
                f"A pool learns from one regime ({', '.join(REGIMES)}) for each of the {len(logs)} "
                f"rows; found {len(names)} labels, of {sorted({*map(str, names)})}."
            )
        happened = np.asarray(names[:, None] == self.classes_[None, :], dtype=np.float64)
        n_members = logs.shape[1]
        equal = np.full(n_members, 1 / n_members)

        def objective(flat: FloatArray) -> tuple[float, FloatArray]:
            weight, constant = flat[:n_members], flat[n_members:]
            odds = np.einsum("tmk,m->tk", logs, weight) + constant
            total = np.logaddexp.reduce(odds, axis=1)
            loss = (total - (odds * happened).sum(axis=1)).sum()
            loss += ((weight - equal) ** 2).sum() / (2 * self.C)
            loss += (constant**2).sum() / (2 * self.C_constant)
            gap = np.exp(odds - total[:, None]) - happened
            slope = np.r_[
                np.einsum("tmk,tk->m", logs, gap) + (weight - equal) / self.C,
                gap.sum(axis=0) + constant / self.C_constant,
            ]
            return float(loss), slope

        found = minimize(
            objective,
            np.r_[equal, np.zeros(len(REGIMES))],
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, HEAVIEST)] * n_members + [(None, None)] * len(REGIMES),
            options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-6},
        )
        self.weight_, self.constant_ = found.x[:n_members], found.x[n_members:]
        self.health_ = {
            **{f"weight_{number}": float(w) for number, w in enumerate(self.weight_)},
            **{
                f"constant_{name}": float(b)
                for name, b in zip(REGIMES, self.constant_, strict=True)
            },
            "n_learned_from": float(len(logs)),
        }
        return self

    def predict_proba(self, X: Any) -> FloatArray:
        """Probabilities of shape (n_rows, n_regimes), columns as `classes_`, row by row."""
        check_is_fitted(self)
        # Not a matrix product: a row's rounding must not depend on how many are asked for.
        odds = (self._logs(X) * self.weight_[None, :, None]).sum(axis=1) + self.constant_
        proba: FloatArray = softmax(odds, axis=1)
        return proba

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable regime of each row, by name, of shape (n_rows,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def _logs(self, X: Any) -> FloatArray:
        """Of shape (n_rows, n_members, n_regimes)."""
        # Sums over arrays that lie in memory another way are rounded another way.
        X = np.asarray(X, dtype=np.float64, order="C")
        if X.ndim != 2 or not X.shape[1] or X.shape[1] % len(REGIMES) or np.isnan(X).any():
            raise ValueError(
                f"A pool reads {len(REGIMES)} probabilities of each member, none missing; found "
                f"shape {X.shape} with {int(np.isnan(X).sum())} missing. Give it the members' "
                "`predict_proba`, side by side."
            )
        shape = (len(X), X.shape[1] // len(REGIMES), len(REGIMES))
        logs: FloatArray = np.log(np.maximum(X, LEAST)).reshape(shape)
        return logs
