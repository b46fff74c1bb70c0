"""All signals of one day, and what they were made of."""

from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True, slots=True)
class Watched:
    """All signals of one day.

    Attributes
    ----------
    day : the newest close of which anything is known that is known at a close
    panel : what they were made of: that of `data.as_of.Known`, with prints, own prices and events
    history : DataFrame indexed by trading day, a column per signal, NaN where not known
    declarations : `Signal.declaration` of each column
    numbers : DataFrame of `signals.numbers.signal_numbers` of `day`
    labels : `date`, `regime` and `confirmed_on` of the leadership path as it looked on `day`;
        empty where there are no baskets
    baskets : whose path that is; ""
    simulated : whether the market is
    seasons : `turn`, records of `seasons.by_place`, and `cycle`, of `seasons.by_cycle_year`; empty
        where there is no lead of small companies
    tested : sentences on whether the composite told anything of what came after it
    """

    day: pd.Timestamp
    panel: pd.DataFrame
    history: pd.DataFrame
    declarations: list[dict[str, Any]]
    numbers: pd.DataFrame
    labels: pd.DataFrame
    baskets: str
    simulated: bool
    seasons: dict[str, list[dict[str, Any]]]
    tested: list[str]
