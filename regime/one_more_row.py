"""A classifier that remembers, asked of one more row after rows it has seen."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from regime.bundle import remembers
from regime.models.corrections import Correction
from regime.models.hybrid import StickyChainClassifier
from regime.models.pooled import Member, Pooled

FloatArray = npt.NDArray[np.float64]


def after_rows(classifier: Any, rows: pd.DataFrame) -> Any:
    """What says of every row, to the bit, what the classifier says of it at the end of `rows`."""
    if not remembers(classifier):
        return classifier
    if isinstance(classifier, Pooled):
        members = [
            Member(one.columns, after_rows(one.classifier, rows[one.columns]))
            for one in classifier.members
        ]
        return Pooled(members, classifier.pool)
    if isinstance(classifier, Correction):
        corrected = copy.copy(classifier)
        corrected.start_ = after_rows(classifier.start_, rows)
        return corrected
    return _After(classifier, rows)


class _After:
    """A classifier that remembers and has seen some rows: it takes each row for the next one.

    Parameters
    ----------
    classifier : fitted, with `state_proba`, at the end of a pipeline or by itself
    rows : the rows before; there may be none
    """

    def __init__(self, classifier: Any, rows: pd.DataFrame) -> None:
        chained = isinstance(classifier, Pipeline)
        self.read: Callable[[pd.DataFrame], Any]
        self.read = classifier[:-1].transform if chained else lambda X: X
        self.last = classifier[-1] if chained else classifier
        self.classes_ = self.last.classes_
        self.given: dict[str, Any] = {}
        if len(rows):
            seen = self.read(rows)
            self.given["before"] = self.last.state_proba(seen)[-1]
            if isinstance(self.last, StickyChainClassifier):
                self.given["row_before"] = np.asarray(seen, dtype=np.float64)[-1]

    def predict_proba(self, X: pd.DataFrame) -> FloatArray:
        """Of each row of X, as if none of the others were there."""
        read = self.read(X)
        # Most coalitions differ in what a member of a stack does not read.
        alike = pd.DataFrame(np.asarray(read)).groupby(
            [*range(read.shape[1])], dropna=False, sort=False
        )
        first = np.flatnonzero(alike.cumcount() == 0)
        rows = (read[place : place + 1] for place in first)
        said = [self.last.predict_proba(row, **self.given) for row in rows]
        return np.concatenate(said)[alike.ngroup()]
