"""What a signal is: the question it answers, what it is made of, and how it is worked out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

Measure = Callable[[pd.DataFrame], "pd.Series[float]"]

# Units beside those of the catalogue.
RETURN = "decimal return"
POINTS = "difference of decimal returns"
PERCENT = "percent per year"
RATE_POINTS = "percentage points"
SHARE = "share of 1"
RATIO = "ratio"
LEVEL = "index level"
DAYS = "trading days"
STREAK = "trading days in a row, negative where the first lags"
WEEKS = "weeks in a row, negative for outflows"
RANK = "place, 1 is best"
FLAG = "1 or 0"
MILLION = "million USD"
TENTHS = "0 to 10"


def column(name: str) -> Measure:
    """The series itself, as the panel carries it."""
    return lambda panel: panel[name]


def difference(first: str, second: str) -> Measure:
    """One series less another, in their unit; NaN where either is not known."""
    return lambda panel: panel[first] - panel[second]


@dataclass(frozen=True, slots=True)
class Topic:
    """What strategists argue about under one heading, said once for all its signals.

    Attributes
    ----------
    title, family : heading, and the family it is listed under
    question : what it answers
    why : one sentence of reason
    lean : what a high value is said to favour, and by whom or why
    trap : how one is misled by it
    supply : what to do where no free source exists; "" where `regime fetch` brings it
    """

    title: str
    family: str
    question: str
    why: str
    lean: str = ""
    trap: str = ""
    supply: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """One return less another, or one alone (`against` empty): told over any window.

    Attributes
    ----------
    title : what it is called
    of, against : total-return indices whose mean return each side is
    """

    title: str
    of: tuple[str, ...]
    against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    """A number a day, from the panel of that day and the days before.

    Attributes
    ----------
    name, title, unit : the column, what it is called, and what one means
    needs : series of the panel without which there is no value
    measure : from a panel of shape (n_days, n_series) that has `needs` to a number a day, NaN
        where not known; row t depends on rows up to t
    topic : what it belongs to
    uses : series that it reads where they are there
    pair : what it is a window of, if it is
    feature : whether a model may read it: made of what is known at every close
    ranked : whether its percentile and extremes, and whom it has favoured, mean anything; not of
        a count, a countdown or a coverage
    trap : beside the topic's
    source : where it comes from, if not from series
    """

    name: str
    title: str
    unit: str
    needs: tuple[str, ...]
    measure: Measure
    topic: Topic
    uses: tuple[str, ...] = ()
    pair: Pair | None = None
    feature: bool = False
    ranked: bool = True
    trap: str = ""
    source: str = ""

    def of(self, panel: pd.DataFrame) -> "pd.Series[float]":
        """The signal on each day of a panel of shape (n_days, n_series), in its unit.

        A Series of shape (n_days,) by trading day; NaN throughout where a series is missing.
        """
        if not {*self.needs} <= {*panel.columns}:
            return pd.Series(np.nan, index=panel.index, name=self.name)
        if not {*self.uses} <= {*panel.columns}:
            panel = panel.reindex(columns=list(dict.fromkeys((*self.needs, *self.uses))))
        values = self.measure(panel)
        # A ratio of what is zero says nothing.
        return values.astype(np.float64).where(np.isfinite(values)).rename(self.name)

    def declaration(self) -> dict[str, Any]:
        """What is said of it wherever it is shown.

        `needs` are the series without which there is no value; `series` those it is made of,
        all that it uses where it needs none.
        """
        made_of = dict.fromkeys(name.split("@")[0] for name in self.needs or self.uses)
        return {
            "name": self.name,
            "title": self.title,
            "topic": self.topic.title,
            "family": self.topic.family,
            "question": self.topic.question,
            "why": self.topic.why,
            "unit": self.unit,
            "needs": [*self.needs],
            "series": [*made_of],
            "source": self.source,
            "ranked": self.ranked,
            "lean": self.topic.lean,
            "trap": " ".join(one for one in (self.topic.trap, self.trap) if one),
            "supply": self.topic.supply,
        }
