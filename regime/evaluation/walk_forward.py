"""Probabilities as they would have been issued: refit on what was settled, never on more."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from regime.evaluation.splits import ConfirmedWalkForward, Fold
from regime.exceptions import EvaluationError
from regime.taxonomy import REGIMES
from regime.threads import one_thread

Task = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]  # what joblib calls one


@dataclass(frozen=True, slots=True)
class Served:
    """What one fit said.

    Attributes
    ----------
    fold : the rows it learned from and served
    proba : DataFrame of the rows it served, one column per regime
    health : what the model records of its fit, as numbers; empty for most
    """

    fold: Fold
    proba: pd.DataFrame
    health: dict[str, float]


def walk_forward_proba(
    model: Any,
    X: pd.DataFrame,
    target: pd.DataFrame,
    splits: ConfirmedWalkForward,
    on_fit: Callable[[Served], None] = lambda served: None,
) -> pd.DataFrame:
    """Probabilities of every row from the first test on, each from the fit in service.

    Parameters
    ----------
    model : an unfitted classifier
        One with a method `fit_from(previous, X, y)` goes on from the fit before.
    X : DataFrame of shape (n_days, n_features), causal, NaN where unknown
    target : DataFrame of shape (n_days, 2), same index
        `regime`, by name, and `confirmed_on`, the trading day it was settled.
    splits : which rows each fit may use
    on_fit : called after each fit

    Returns
    -------
    DataFrame of shape (n_test_days, n_regimes + 1), indexed by trading day
        Probabilities, one column per regime, rows summing to one; and `fitted_on`, the close at
        which the model in service was fitted. Unsettled rows at the end are forecast too.

    Raises
    ------
    EvaluationError
        If a training window lacks a regime altogether.
    """
    found = []
    for served in run_tasks(tasks(model, X, target, splits)):
        for one in served:
            found.append(one)
            on_fit(one)
    return joined(found).proba


def tasks(
    model: Any,
    X: pd.DataFrame,
    target: pd.DataFrame,
    splits: ConfirmedWalkForward,
    slow: bool = False,
) -> list[Task]:
    """The same work in pieces that know nothing of one another, each a list of `Served`.

    A model that is slow to fit gets a piece per fit. One whose fits go on from one another is
    one piece; so is one whose fits take less time than it takes to send them somewhere.
    """
    folds = list(splits.split(target))
    for fold in folds:
        _check_regimes(target, fold)
    labels = target["regime"].to_numpy(dtype=object)
    apart = slow and not hasattr(_classifier(model), "fit_from")
    return [
        # No piece is sent a row that is later than the last it serves. One tuple: Dask would
        # put an array of its own on a single worker, and lose it with that worker.
        delayed(_serve)((model, X.iloc[: (end := part[-1].test[-1] + 1)], labels[:end], part))
        for part in ([[fold] for fold in folds] if apart else [folds])
    ]


def serve_last(
    model: Any, X: pd.DataFrame, target: pd.DataFrame, splits: ConfirmedWalkForward
) -> Served:
    """What the fit says that is in service on the last row, of the rows it serves.

    Parameters are those of `walk_forward_proba`; of a model whose fits go on from one another
    it is another fit than its walk-forward's.
    """
    *_, fold = splits.split(target)
    _check_regimes(target, fold)
    labels = target["regime"].to_numpy(dtype=object)
    return _serve((model, X, labels, [fold]))[0]


def run_tasks(pieces: Iterable[Task]) -> Iterator[Any]:
    """Results in the order of the pieces, each as soon as it and those before it are done.

    Where and how many at a time is the caller's choice: `joblib.parallel_config`. The numbers
    do not depend on it.
    """
    found: Iterator[Any] = Parallel(return_as="generator")(pieces)
    return found


@dataclass(frozen=True, slots=True)
class Walk:
    """A whole walk-forward.

    Attributes
    ----------
    proba : DataFrame of `walk_forward_proba`
    fits : DataFrame, one row per fit
        `fitted_on`, `n_rows` it learned from, and what the model records of its health.
    """

    proba: pd.DataFrame
    fits: pd.DataFrame


def joined(served: Sequence[Served]) -> Walk:
    """What all fits said, with the close each was made at."""
    proba = [one.proba.assign(fitted_on=one.fold.fitted_on) for one in served]
    about = [
        {"fitted_on": one.fold.fitted_on, "n_rows": len(one.fold.train), **one.health}
        for one in served
    ]
    return Walk(pd.concat(proba), pd.DataFrame(about))


def _check_regimes(target: pd.DataFrame, fold: Fold) -> None:
    met = set(target["regime"].iloc[fold.train].unique())
    if missing := [name for name in REGIMES if name not in met]:
        raise EvaluationError(
            f"The rows confirmed by {fold.fitted_on:%Y-%m-%d} hold no day of "
            f"{', '.join(missing)}. Set evaluation.first_test later."
        )


def _serve(piece: tuple[Any, pd.DataFrame, np.ndarray, list[Fold]]) -> list[Served]:
    """Fit after fit, each on its rows alone, and what it says of the rows it serves."""
    model, X, labels, folds = piece
    found: list[Served] = []
    previous = None
    # A fit would send its own little pieces to the cluster it runs on, and wait for them.
    with one_thread(), parallel_config("sequential"):
        for fold in folds:
            fitted = _fit(clone(model), previous, X.iloc[fold.train], labels[fold.train])
            # A model with memory gets all history; it may.
            proba = fitted.predict_proba(X.iloc[: fold.test[-1] + 1])[-len(fold.test) :]
            said = pd.DataFrame(proba, X.index[fold.test], list(fitted.classes_))
            found.append(Served(fold, said[list(REGIMES)], _health(fitted)))
            previous = fitted
    return found


def _fit(model: Any, previous: Any, X: pd.DataFrame, y: np.ndarray) -> Any:
    """Fit a model, from where the fit before it ended if it can."""
    last = _classifier(model)
    if previous is None or not hasattr(last, "fit_from"):
        return model.fit(X, y)
    if isinstance(model, Pipeline):
        read = model[:-1].fit_transform(X, y)
        # Features come and go as series begin; a model of others is nothing to go on from.
        if list(_names(model, X)) != list(_names(previous, X)):
            last.fit(read, y)
            if hasattr(last, "align_states"):
                before = _classifier(previous).state_proba(previous[:-1].transform(X))
                last.align_states(before, read)
        else:
            last.fit_from(_classifier(previous), read, y)
        return model
    return last.fit_from(previous, X, y)


def _classifier(model: Any) -> Any:
    return model[-1] if isinstance(model, Pipeline) else model


def _names(model: Pipeline, X: pd.DataFrame) -> Any:
    return model[:-1].get_feature_names_out(list(X.columns))


def _health(fitted: Any) -> dict[str, float]:
    recorded = getattr(_classifier(fitted), "health_", {})
    return {name: float(value) for name, value in recorded.items()}
