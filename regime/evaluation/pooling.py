"""Walk-forwards pooled into one, by weights learned from what was settled at the time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from regime.evaluation.splits import ConfirmedWalkForward, Fold
from regime.evaluation.walk_forward import Served, Walk, joined
from regime.exceptions import EvaluationError
from regime.taxonomy import REGIMES


def side_by_side(walks: Sequence[Walk]) -> pd.DataFrame:
    """The members' probabilities on the days all of them spoke of, member after member."""
    parts = [walk.proba[list(REGIMES)] for walk in walks]
    return pd.concat(parts, axis=1, join="inner")


def fit_pool(pool: Any, said: pd.DataFrame, target: pd.DataFrame, by: pd.Timestamp) -> Any:
    """A pool that learns from out-of-sample days whose outcome was confirmed by a close."""
    past = settled_by(said, target, by)
    return clone(pool).fit(
        said.loc[past].to_numpy(), target["regime"].loc[past].to_numpy(dtype=object)
    )


def settled_by(said: pd.DataFrame, target: pd.DataFrame, by: pd.Timestamp) -> pd.DatetimeIndex:
    """Days that were spoken of and whose outcome was confirmed by that close."""
    confirmed = target["confirmed_on"].reindex(said.index)
    return pd.DatetimeIndex(said.index[(confirmed <= by).to_numpy()])


def pool_walks(
    pool: Any, walks: Sequence[Walk], target: pd.DataFrame, splits: ConfirmedWalkForward
) -> Walk:
    """The walk-forward of a pool of models, from theirs.

    At each refit the pool learns from the members' probabilities of earlier days, each made
    by a fit that had not seen its day, where the outcome was confirmed by then. Members are
    refitted as `splits` says; before its first test they may have spoken of earlier days,
    which are learned from and not judged.

    Parameters
    ----------
    pool : an unfitted `models.log_pool.LogPool`, or alike
    walks : of the members
    target : DataFrame with `regime` and `confirmed_on`
    splits : from the first day to be judged on

    Raises
    ------
    EvaluationError
        If a member did not speak of a day that is to be served.
    """
    said = side_by_side(walks)
    served = []
    for fold in splits.split(target):
        days = target.index[fold.test]
        if not days.isin(said.index).all():
            raise EvaluationError(
                f"A pool serves {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}, but not every member "
                "spoke of each of these days. Start their tests no later than the pool's."
            )
        fitted = fit_pool(pool, said, target, fold.fitted_on)
        past = np.flatnonzero(target.index.isin(settled_by(said, target, fold.fitted_on)))
        proba = pd.DataFrame(
            fitted.predict_proba(said.loc[days].to_numpy()), days, list(fitted.classes_)
        )
        served.append(Served(Fold(past, fold.test, fold.fitted_on), proba, dict(fitted.health_)))
    return joined(served)
