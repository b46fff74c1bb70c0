"""Which rows a model may have learned from, and which it is judged on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.exceptions import EvaluationError

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Fold:
    """One fit: the rows it learns from, the rows it serves, and the close it was made at.

    Attributes
    ----------
    train : ndarray of shape (n_train,), positions of the rows to learn from
    test : ndarray of shape (n_test,), positions of the rows it serves, all of later trading days
    fitted_on : the close at which it was made
    """

    train: Rows
    test: Rows
    fitted_on: pd.Timestamp


@dataclass(frozen=True, slots=True)
class ConfirmedWalkForward:
    """Expanding training window, cut where labels were not yet confirmed.

    Nothing is purged by hand: a model fitted at the close of day a learns from the rows
    whose target was confirmed by then.

    Attributes
    ----------
    first_test : first day to be judged
    refit_every : rows a fit serves
    since : first day to learn from
    every : keep every so many training rows; neighbours share most of their label

    Examples
    --------
    Labels that are confirmed three sessions late: a fit made at the close before row 6 knows those
    of rows 0 to 2, and the next, made before row 8, those of rows 0 to 4.

    >>> import pandas as pd
    >>> days = pd.bdate_range("2024-01-01", periods=10)
    >>> target = pd.DataFrame({"regime": "broadening", "confirmed_on": days.to_series().shift(-3)})
    >>> splits = ConfirmedWalkForward(first_test=days[6], refit_every=2, since=days[0])
    >>> [(fold.train.tolist(), fold.test.tolist()) for fold in splits.split(target)]
    [([0, 1, 2], [6, 7]), ([0, 1, 2, 3, 4], [8, 9])]
    """

    first_test: pd.Timestamp
    refit_every: int
    since: pd.Timestamp
    every: int = 1

    def split(self, target: pd.DataFrame) -> Iterator[Fold]:
        """Folds whose test rows are all rows from `first_test`, each once, in order.

        Parameters
        ----------
        target : DataFrame of shape (n_days, 2), indexed by trading day
            `regime`, by name, and `confirmed_on`, the day the row's own target was settled, NaT if
            it is not.

        Yields
        ------
        Fold

        Raises
        ------
        EvaluationError
            If there is no row to test, or a fit would have none to learn from.
        """
        days = target.index
        begin = int(days.searchsorted(self.first_test))
        if begin >= len(days):
            raise EvaluationError(
                f"Testing was to begin on {self.first_test:%Y-%m-%d}, but the last day with a "
                f"lead is {days[-1]:%Y-%m-%d}. Fetch newer data, or set evaluation.first_test."
            )
        for start in range(begin, len(days), self.refit_every):
            test = np.arange(start, min(start + self.refit_every, len(days)))
            fitted_on = days[start - 1] if start else None
            settled = np.flatnonzero(
                (target["confirmed_on"] <= fitted_on).to_numpy() & (days >= self.since)
                if fitted_on is not None
                else np.zeros(len(days), dtype=bool)
            )
            train = settled[:: self.every]
            if not len(train) or fitted_on is None:
                raise EvaluationError(
                    f"A model for {days[start]:%Y-%m-%d} has no confirmed row to learn from "
                    f"since {self.since:%Y-%m-%d}; leads begin on {days[0]:%Y-%m-%d}. "
                    "Set evaluation.first_test later or training.since earlier."
                )
            yield Fold(train, test, fitted_on)
