"""A classifier that looks at the market through hidden states."""

from collections.abc import Sequence
from copy import copy
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from regime.models.em import Emission, Parameters
from regime.models.filtering import Filtered, forward_filter, mix, smooth
from regime.models.hmm_arrays import BY_STATE, DEGREES, as_arrays, as_learned
from regime.models.hmm_choice import choose_n_states
from regime.models.hmm_densities import log_density
from regime.models.hmm_engines import Engine
from regime.models.hmm_fit import fit_states
from regime.models.hmm_labels import own_labels
from regime.models.hmm_options import LEGAL, check_together, numbers_of_states
from regime.models.hmm_starts import Missing, learnable
from regime.models.matching import Match, match_states

FloatArray = npt.NDArray[np.float64]


class GaussianHMMClassifier(ClassifierMixin, BaseEstimator):
    """Hidden states, Gaussian or Student-t, each standing for the regimes it met in training.

    Parameters
    ----------
    n_states : int, or several to choose among
        Of several, `fit` takes the one whose probabilities of the later 30% of the training
        rows lose least after a fit on the earlier ones, or the fewest states that are within a
        standard error of it (`choose_n_states`); then it fits all rows. `fit_from` keeps it.
    covariance_type : {"full", "diag"}
    emission : {"gaussian", "student_t"}
        Student-t states have tails of their own, whose degrees of freedom are estimated: a
        wild day is no reason to leave a state.
    stickiness : float
        Rows that each state is taken to have stayed in before any is seen (a Dirichlet
        pseudo-count), so that states of short samples do not flip.
    start : {"random", "labels"}
        With "labels", the fit begins where the training rows' own labels put the states, in
        the regimes' order (`labelled_start`), and from nowhere else.
    missing : {"complete", "marginal"}
        Learn from stretches of complete rows, or from all with what is missing integrated out.
    n_init : int
        Random starts of `fit`; the most likely result is kept.
    n_challengers : int
        Random starts of `fit_from`, beside the model that is carried on; with `start="labels"`
        that start alone, unless 0.
    n_iter : int
        Steps of expectation-maximisation at most, for each start.
    tol : float
        A start has converged when a step changes the log-likelihood by less, in nats per row.
    min_covar : float
        Variance added to every feature in every state, in squared spreads (half the distance
        between the 16th and 84th percentile in training: a standard deviation that one wild
        value cannot stretch). Features may repeat one another or not move at all.
    horizon : int
        Rows (trading days) from a row to the label it is fitted on.
    engine : {"batched", "hmmlearn"}
        What carries the starts to convergence: all in one batch, or one after the other by
        hmmlearn, several times slower. They maximise the same thing.
    random_state : int, RandomState or None

    Attributes
    ----------
    classes_ : ndarray of shape (n_regimes,)
    startprob_ : ndarray of shape (n_states,)
    transmat_ : ndarray of shape (n_states, n_states), rows sum to 1
    means_ : ndarray of shape (n_states, n_features), ascending in the first feature; of a fit
        that began at the labels, in the order of the regimes
    covars_ : ndarray of shape (n_states, n_features, n_features), whatever the type; of a
        Student-t the scale matrices
    degrees_ : ndarray of shape (n_states,), degrees of freedom; None of Gaussian states
    regime_given_state_ : ndarray of shape (n_states, n_regimes), rows sum to 1
    n_states_ : int
    health_ : dict of numbers, see Notes

    Raises
    ------
    ValueError
        If too few rows in a row are complete, no start ends in a finite model, or hmmlearn is
        asked for what it has not: Student-t states, or rows with gaps.

    Notes
    -----
    Needs consecutive rows. States are learned from stretches of complete rows (or from all,
    see `missing`), and from a value more than `FAR` spreads from the centre as if it were that
    far; everything after that reads rows as they are, and rows with gaps too, integrating out
    what is missing.

    `health_` of a fit: `n_states`; `n_rows` and `n_stretches` the states were learned from; of the
    `n_starts`, how many ended finite (`n_finite`), converged (`n_converged`), and within
    `tol` of the best (`n_at_best`); `runner_up_gap`, nats per row from best to second-best
    start, NaN without a second; of the kept start `log_likelihood_per_row`, `iterations`,
    `converged`, `non_monotone` (a step lost more than `tol`), `smallest_state_rows` (expected
    rows of the rarest state; below one, it stands for nothing) and `smallest_eigenvalue` (of
    any state's covariance, in squared spreads); `n_revived`, states restarted on the way
    because they had lost their rows; `n_remarks` that hmmlearn logged. `warm` says whether
    the fit went on from another one, and then `challenger_gain` by how much, in nats per row,
    the best other start ended above it (below it, if negative). With stickiness, starts are
    compared by likelihood and prior together. After
    `align_to` also `match_overlap` (least of any state), `match_margin`, `match_ambiguous`
    and `match_moved` (states renumbered).

    References
    ----------
    Hamilton (1989), Econometrica 57(2), 357-384: the filter, not the smoother.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = LEGAL

    def __init__(
        self,
        n_states: int | Sequence[int] = 3,
        *,
        covariance_type: str = "full",
        emission: Emission = "gaussian",
        stickiness: float = 0.0,
        start: Literal["random", "labels"] = "random",
        missing: Missing = "complete",
        n_init: int = 10,
        n_challengers: int = 3,
        n_iter: int = 200,
        tol: float = 1e-5,
        min_covar: float = 1e-3,
        horizon: int = 0,
        engine: Engine = "batched",
        random_state: Any = None,
    ) -> None:
        self.n_states = n_states
        self.covariance_type = covariance_type
        self.emission = emission
        self.stickiness = stickiness
        self.start = start
        self.missing = missing
        self.n_init = n_init
        self.n_challengers = n_challengers
        self.n_iter = n_iter
        self.tol = tol
        self.min_covar = min_covar
        self.horizon = horizon
        self.engine = engine
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Learn the states from X, then which regimes `horizon` rows later go with each.

        States are learned from X alone, unless their number is to be chosen or they are to start
        from the labels.

        Parameters
        ----------
        X : array or DataFrame of shape (n_rows, n_features), consecutive trading days
            NaN where unknown.
        y : array of shape (n_rows,), regime names
            `y[t]` is the label of row t + `horizon`.
        """
        self._fit(X, y, None)
        return self

    def fit_from(self, previous: Self, X: Any, y: Any) -> Self:
        """The same, going on from a model of an earlier day instead of from nothing.

        `n_challengers` random starts compete with it, so that an optimum which more rows have
        made the lesser one is left. States keep the numbers `previous` gave them, as
        far as they can be matched (`align_to`).

        Parameters
        ----------
        previous : the fitted model of an earlier day
        X : array or DataFrame of shape (n_rows, n_features), consecutive trading days
            NaN where unknown.
        y : array of shape (n_rows,), regime names
            `y[t]` is the label of row t + `horizon`.

        Raises
        ------
        ValueError
            If `previous` has other features or another number of states.
        """
        check_is_fitted(previous)
        if previous is self:  # whose states are about to be replaced
            previous = copy(self)
        states = self._fit(X, y, previous)
        return self._number(match_states(previous.state_proba(X), states))

    @property
    def n_states_(self) -> int:
        """How many states there are."""
        return len(self.means_)

    def _fit(self, X: Any, y: Any, previous: "Self | None") -> FloatArray:
        """Fit, and the filtered states of X."""
        self._validate_params()
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        n_states = self._number_of_states(X, codes, previous)
        at, lengths = learnable(X, self.missing, n_states)
        if previous is not None and previous.means_.shape != (n_states, X.shape[1]):
            raise ValueError(
                f"A model of {n_states} states and {X.shape[1]} features cannot go on from "
                f"one of {previous.means_.shape[0]} states and {previous.means_.shape[1]} "
                "features. Fit it from nothing, with `fit`."
            )
        labelled = self.start == "labels"
        best, self.health_ = fit_states(
            X[at],
            lengths,
            n_states,
            self.get_params(deep=False),
            own=own_labels(codes, self.horizon)[at] if labelled else None,
            previous=None if previous is None else previous._start(),
        )
        self.startprob_, self.transmat_ = best.startprob, best.transmat
        self.means_: FloatArray = best.means
        self.covars_, self.degrees_ = best.covars, best.degrees

        # Filtered, as in service: smoothed states would have seen the regime they explain.
        states = self._filter(X).proba
        then = mix(states, self._transitions())
        met = then.T @ np.eye(len(self.classes_))[codes] + 1  # no regime is impossible
        self.regime_given_state_ = met / met.sum(axis=1, keepdims=True)
        return states

    def _number_of_states(
        self, X: FloatArray, codes: npt.NDArray[np.intp], previous: "Self | None"
    ) -> int:
        """As many as asked for; of several as many as before, or as the rows speak for."""
        numbers = numbers_of_states(self.n_states)
        if previous is not None and previous.n_states_ in numbers:
            return previous.n_states_
        if previous is not None or len(numbers) == 1:
            return numbers[0]
        return choose_n_states(self, numbers, X, codes)

    def predict_proba(self, X: Any, *, before: FloatArray | None = None) -> FloatArray:
        """Probabilities of shape (n_rows, n_regimes), `horizon` rows after each row.

        `before` as in `state_proba`.
        """
        states = self.state_proba(X, before=before)
        proba = mix(states, self._transitions() @ self.regime_given_state_)
        return proba / mix(proba, np.ones((proba.shape[1], 1)))  # rounding may exceed 1

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable regime `horizon` rows after each row, by name, of shape (n_rows,)."""
        proba = self.predict_proba(X)  # first, because it asks whether there was a fit
        return np.asarray(self.classes_[proba.argmax(axis=1)])

    def state_proba(self, X: Any, *, before: FloatArray | None = None) -> FloatArray:
        """Filtered probabilities of shape (n_rows, n_states): this row and those before.

        A new day costs one step, to the bit the last of all: give its row alone, and as
        `before` the probabilities of the row before it, of shape (n_states,).
        """
        return self._filter(self._validated(X), before).proba

    def smoothed_proba(self, X: Any) -> FloatArray:
        """State probabilities of shape (n_rows, n_states), given all of X.

        Looks ahead by design: for plots, in hindsight.
        """
        return smooth(self.state_proba(X), self.transmat_)

    def log_likelihood(self, X: Any) -> float:
        """Log density, in nats, of all rows of X, of shape (n_rows, n_features)."""
        return self._filter(self._validated(X)).log_likelihood

    def align_to(self, previous: Self, X: Any) -> Self:
        """Number the states as `previous` does, by their filtered probabilities on X.

        How well that went is added to `health_`. Predictions do not change.

        Parameters
        ----------
        previous : the fitted model whose numbers are taken over
        X : array or DataFrame of shape (n_rows, n_features), consecutive trading days
            NaN where unknown. The states of both get probabilities on them.

        Raises
        ------
        ValueError
            If the models differ in their number of states, and it was not to be chosen.
        """
        return self.align_states(previous.state_proba(X), X)

    def align_states(self, previous: FloatArray, X: Any) -> Self:
        """The same, given the probabilities the previous model's states have on these rows.

        For models that scale their input each in its own way. Where the number of states was
        to be chosen and came out another one, they keep their own numbers, as ambiguous.

        Parameters
        ----------
        previous : ndarray of shape (n_rows, n_states)
            Filtered probabilities of the other model's states.
        X : array or DataFrame of shape (n_rows, n_features), consecutive trading days
            NaN where unknown.
        """
        k, several = self.n_states_, len(numbers_of_states(self.n_states)) > 1
        if several and previous.shape[1] != k:
            return self._number(Match(np.arange(k), np.zeros(k), 0.0, ambiguous=True))
        return self._number(match_states(previous, self.state_proba(X)))

    def _number(self, match: Match) -> Self:
        order = match.order
        for name in (*BY_STATE, *([] if self.degrees_ is None else [DEGREES])):
            setattr(self, name, getattr(self, name)[order])
        self.transmat_ = self.transmat_[:, order]
        self.health_ |= {
            "match_overlap": float(match.overlap.min()),
            "match_margin": match.margin,
            "match_ambiguous": match.ambiguous,
            "match_moved": int((order != np.arange(len(order))).sum()),
        }
        return self

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that was learned, as arrays without objects: safe to store without pickle.

        By the names of the attributes, of shape and unit as the class says; regimes by name.
        """
        check_is_fitted(self)
        return as_arrays(vars(self))

    @classmethod
    def from_arrays(
        cls, params: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]
    ) -> "GaussianHMMClassifier":
        """The fitted classifier that `to_arrays` was called on.

        Parameters
        ----------
        params : dict, from `get_params`
        arrays : dict, from `to_arrays`, of shape and unit as said there; regimes by name

        Raises
        ------
        ValueError
            If an array is missing.
        """
        model = cls(**params)
        for name, value in as_learned(arrays, model.emission).items():
            setattr(model, name, value)
        return model

    def _validate_params(self) -> None:
        super()._validate_params()
        numbers_of_states(self.n_states)
        check_together(self.get_params(deep=False))

    def _validated(self, X: Any) -> FloatArray:
        check_is_fitted(self)
        valid: FloatArray = validate_data(
            self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan"
        )
        return valid

    def _filter(self, X: FloatArray, before: FloatArray | None = None) -> Filtered:
        # Missing features of a row are integrated out: no evidence, not bad evidence.
        evidence = log_density(X, self.means_, self.covars_, self.degrees_)
        return forward_filter(self.startprob_, self.transmat_, evidence, before=before)

    def _transitions(self) -> FloatArray:
        """State to state, `horizon` rows on."""
        ahead: FloatArray = np.linalg.matrix_power(self.transmat_, self.horizon)
        return ahead

    def _start(self) -> Parameters:
        """This model, for the next one to begin from."""
        return Parameters(
            self.startprob_[None],
            self.transmat_[None],
            self.means_[None],
            self.covars_[None],
            None if self.degrees_ is None else self.degrees_[None],
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
