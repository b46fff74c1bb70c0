"""A stack in service: fitted members and the pool that weighs them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.models.log_pool import LogPool
from regime.taxonomy import REGIMES

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Member:
    """A fitted classifier and the columns it reads, in its order."""

    columns: list[str]
    classifier: Any


class Pooled:
    """Members fitted by now, weighed by what they were worth out of sample.

    Nothing is fitted here: weights come from walk-forwards, which no single fit has.

    Parameters
    ----------
    members : sequence of Member
    pool : LogPool, fitted
    """

    def __init__(self, members: Sequence[Member], pool: LogPool) -> None:
        self.members = list(members)
        self.pool = pool
        self.classes_ = np.array(REGIMES, dtype=object)

    def predict_proba(self, X: pd.DataFrame) -> FloatArray:
        """Probabilities of shape (n_days, n_regimes), columns as `classes_`.

        X has the columns of all members; a member with a memory needs all history.
        """
        return self.pool.predict_proba(np.hstack([_said(member, X) for member in self.members]))

    def predict(self, X: pd.DataFrame) -> npt.NDArray[Any]:
        """The most probable regime of each day."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


def _said(member: Member, X: pd.DataFrame) -> FloatArray:
    proba = pd.DataFrame(
        member.classifier.predict_proba(X[member.columns]), columns=member.classifier.classes_
    )
    by_regime: FloatArray = proba[list(REGIMES)].to_numpy(np.float64)
    return by_regime
