"""Probabilities as they would have been issued: refit on what was settled, never on more."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from regime.evaluation.splits import ConfirmedWalkForward, Fold
from regime.exceptions import EvaluationError
from regime.taxonomy import REGIMES


def walk_forward_proba(
    model: Any,
    X: pd.DataFrame,
    target: pd.DataFrame,
    splits: ConfirmedWalkForward,
    on_fit: Callable[[Fold, Any], None] = lambda fold, fitted: None,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Probabilities of every row from the first test on, each from the fit in service.

    Parameters
    ----------
    model : an unfitted classifier
    X : DataFrame of shape (n_days, n_features), causal, NaN where unknown
    target : DataFrame with `regime` and `confirmed_on`, same index
    splits : which rows each fit may use
    on_fit : called after each fit, with the fold and the fitted model
    n_jobs : processes to fit in; the numbers do not depend on it

    Returns
    -------
    DataFrame indexed by trading day: one column per regime, rows summing to one, and
    `fitted_on`, the close at which the model in service was fitted. Unsettled rows at
    the end are forecast too.

    Raises
    ------
    EvaluationError
        If a training window lacks a regime altogether.
    """
    folds = list(splits.split(target))
    for fold in folds:
        _check_regimes(target, fold)
    fits = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_fit_and_serve)(
            clone(model),
            X.iloc[fold.train],
            target["regime"].iloc[fold.train].to_numpy(dtype=object),
            X.iloc[: fold.test[-1] + 1],  # a model with memory gets all history; it may
            len(fold.test),
        )
        for fold in folds
    )
    parts, previous = [], None
    for fold, (fitted, proba) in zip(folds, fits, strict=True):
        if previous is not None:
            _align(fitted, previous, X.iloc[fold.train])
        previous = fitted
        part = pd.DataFrame(proba, X.index[fold.test], list(fitted.classes_))
        parts.append(part[list(REGIMES)].assign(fitted_on=fold.fitted_on))
        on_fit(fold, fitted)
    return pd.concat(parts)


def _check_regimes(target: pd.DataFrame, fold: Fold) -> None:
    met = set(target["regime"].iloc[fold.train].unique())
    if missing := [name for name in REGIMES if name not in met]:
        raise EvaluationError(
            f"The rows confirmed by {fold.fitted_on:%Y-%m-%d} hold no day of "
            f"{', '.join(missing)}. Set evaluation.first_test later."
        )


def _fit_and_serve(
    model: Any, X: pd.DataFrame, y: np.ndarray, history: pd.DataFrame, n_served: int
) -> tuple[Any, np.ndarray]:
    """A fitted model, and its probabilities of the last rows of history."""
    # One thread: on few cores OpenMP's waiting costs more than it gains.
    with threadpool_limits(limits=1):
        fitted = model.fit(X, y)
        return fitted, fitted.predict_proba(history)[-n_served:]


def _align(fitted: Any, previous: Any, X: pd.DataFrame) -> None:
    """Number the states of a refit as the fit before it did, where a model has states.

    The two may scale features differently, so what is matched is not their parameters but
    the probabilities their states have on the same rows.
    """
    model = fitted[-1] if isinstance(fitted, Pipeline) else fitted
    if hasattr(model, "align_states"):
        before = previous[-1] if isinstance(previous, Pipeline) else previous
        model.align_states(before.state_proba(_input(previous, X)), _input(fitted, X))


def _input(fitted: Any, X: pd.DataFrame) -> Any:
    return fitted[:-1].transform(X) if isinstance(fitted, Pipeline) else X
