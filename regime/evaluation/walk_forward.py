"""Probabilities as they would have been issued: refit on what was settled, never on more."""

from collections.abc import Callable
from typing import Any

import pandas as pd
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
) -> pd.DataFrame:
    """Probabilities of every row from the first test on, each from the fit in service.

    Parameters
    ----------
    model : an unfitted classifier
    X : DataFrame of shape (n_days, n_features), causal, NaN where unknown
    target : DataFrame with `regime` and `confirmed_on`, same index
    splits : which rows each fit may use
    on_fit : called after each fit, with the fold and the fitted model

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
    parts, previous = [], None
    # One thread: on few cores OpenMP's waiting costs more than it gains.
    with threadpool_limits(limits=1):
        for fold in splits.split(target):
            labels = target["regime"].iloc[fold.train]
            met = set(labels.unique())
            if missing := [name for name in REGIMES if name not in met]:
                raise EvaluationError(
                    f"The rows confirmed by {fold.fitted_on:%Y-%m-%d} hold no day of "
                    f"{', '.join(missing)}. Set evaluation.first_test later."
                )
            fitted = clone(model).fit(X.iloc[fold.train], labels.to_numpy(dtype=object))
            if previous is not None:
                _align(fitted, previous, X.iloc[fold.train])
            previous = fitted
            # A model with memory gets all history; being causal, it may.
            proba = fitted.predict_proba(X.iloc[: fold.test[-1] + 1])[fold.test]
            part = pd.DataFrame(proba, X.index[fold.test], list(fitted.classes_))
            parts.append(part[list(REGIMES)].assign(fitted_on=fold.fitted_on))
            on_fit(fold, fitted)
    return pd.concat(parts)


def _align(fitted: Any, previous: Any, X: pd.DataFrame) -> None:
    """Number the states of a refit as the fit before it did, where a model has states.

    The two may scale features differently, so what is matched is not their parameters but
    the probabilities their states have on the same rows.
    """
    model = fitted[-1] if isinstance(fitted, Pipeline) else fitted
    if hasattr(model, "align_states"):
        before = previous[-1] if isinstance(previous, Pipeline) else previous
        model.align_states(
            before.state_proba(_input(previous, X)), model.state_proba(_input(fitted, X))
        )


def _input(fitted: Any, X: pd.DataFrame) -> Any:
    return fitted[:-1].transform(X) if isinstance(fitted, Pipeline) else X
