"""One feature: what it measures, in which unit, why anyone would look at it."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from regime.features.transforms import _Trailing

SD = "trailing standard deviations"  # unit of what a z-score makes
SHARE = "share of 1"

Shared = dict[tuple[Any, ...], pd.DataFrame]
Measure = Callable[[pd.DataFrame], "pd.Series[float]"]


@dataclass(frozen=True, slots=True)
class Feature:
    """A number per day, from the panel of that day and the days before.

    Attributes
    ----------
    name, unit, why : the column, what one means, and one sentence of reason
    needs : series of the panel, or columns of `features.assembly.market_frame`
    measure : from those columns to one number a day; looks at no later row
    by : causal transformers applied to it in turn
    """

    name: str
    unit: str
    why: str
    needs: tuple[str, ...]
    measure: Measure
    by: tuple[_Trailing, ...] = ()

    def of(self, frame: pd.DataFrame, shared: Shared | None = None) -> "pd.Series[float]":
        """The feature on each row of `frame`; NaN where it cannot be known yet.

        `shared` keeps what features of one frame have in common on the way: a series scaled
        once is summed over several spans.
        """
        if not {*self.needs} <= {*frame.columns}:
            return pd.Series(np.nan, index=frame.index, name=self.name)
        shared = {} if shared is None else shared
        key: tuple[Any, ...] = (self.measure,)
        if key not in shared:
            shared[key] = self.measure(frame).astype(np.float64).to_frame()
        values = shared[key]
        for step in self.by:
            key = (*key, type(step), *step.get_params(deep=False).items())
            if key not in shared:
                shared[key] = step.trail(values)
            values = shared[key]
        return values.iloc[:, 0].rename(self.name)


@functools.cache  # one measure of a series, so that features can tell they share it
def column(name: str) -> Measure:
    """The series itself."""
    return lambda frame: frame[name]


@functools.cache
def difference(one: str, other: str) -> Measure:
    """One series less another."""
    return lambda frame: frame[one] - frame[other]


def one(name: str, unit: str, why: str, series: str | Sequence[str], *by: _Trailing) -> Feature:
    """A feature of one series, or of the first less the second."""
    needs = (series,) if isinstance(series, str) else tuple(series)
    measure = column(*needs) if len(needs) == 1 else difference(*needs)
    return Feature(name, unit, why, needs, measure, by)
