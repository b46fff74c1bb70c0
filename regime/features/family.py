"""One feature: what it measures, in which unit, why anyone would look at it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime.features.transforms import _Trailing

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

    def of(self, frame: pd.DataFrame) -> "pd.Series[float]":
        """The feature on each row of `frame`; NaN where it cannot be known yet."""
        if not {*self.needs} <= {*frame.columns}:
            return pd.Series(np.nan, index=frame.index, name=self.name)
        values = self.measure(frame).astype(np.float64).to_frame(self.name)
        for step in self.by:
            values = step.trail(values)
        return values[self.name]


def column(name: str) -> Measure:
    """The series itself."""
    return lambda frame: frame[name]


def difference(one: str, other: str) -> Measure:
    """One series less another."""
    return lambda frame: frame[one] - frame[other]


def one(name: str, unit: str, why: str, series: str | Sequence[str], *by: _Trailing) -> Feature:
    """A feature of one series, or of the first less the second."""
    needs = (series,) if isinstance(series, str) else tuple(series)
    measure = column(*needs) if len(needs) == 1 else difference(*needs)
    return Feature(name, unit, why, needs, measure, by)
