"""From the panel to the features an experiment asks for, by name."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from regime.data import baskets as basket_sets
from regime.data.baskets import market_return, spliced_lead
from regime.exceptions import PanelError
from regime.features.breadth import breadth
from regime.features.family import Feature, Shared
from regime.features.leadership import LEAD, PathFeatures, leadership, leads, styles
from regime.features.rates import rates
from regime.features.signals import signals
from regime.features.stress import stress
from regime.features.valuation import valuation

WATCHED = "signals"  # many; kept for the screen only where a model reads them
FAMILIES: dict[str, Callable[[int], list[Feature]]] = {
    "rates": rates,
    "valuation": valuation,
    "breadth": breadth,
    "leadership": leadership,
    "leads": leads,
    "styles": styles,
    "stress": stress,
    WATCHED: signals,
}
PATH = "path"  # the set the baselines read: `PathFeatures`
SETS = (PATH, *FAMILIES)


class PanelFeatures(TransformerMixin, BaseEstimator):
    """Features of each day with a lead, from the panel of that day and the days before.

    Parameters
    ----------
    sets : names of `SETS`, whose columns come in that order
    baskets : the basket set whose leads are read
    switching_cost : standard deviations, for the set `path`
    window : trading days over which slow series are standardised
    """

    def __init__(
        self,
        sets: Sequence[str] = SETS,
        *,
        baskets: str = "french",
        switching_cost: float = 10.0,
        window: int = 2520,
    ) -> None:
        self.sets = sets
        self.baskets = baskets
        self.switching_cost = switching_cost
        self.window = window

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Nothing is learned: every statistic is a trailing one.

        Parameters
        ----------
        X : DataFrame of shape (n_days, n_series), as of `data.panel`, by trading day
        y : not read
        """
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """From a panel to features, on days with a lead; NaN where not known yet.

        Parameters
        ----------
        X : DataFrame of shape (n_days, n_series), as of `data.panel`

        Returns
        -------
        DataFrame of shape (n_days_with_a_lead, n_features), units as in `features_of`
        """
        return features_of(
            market_frame(X, self.baskets), self.sets, self.switching_cost, self.window
        )


def market_frame(panel: pd.DataFrame, baskets: str) -> pd.DataFrame:
    """The panel on days with a lead, with `lead_*` of the baskets and `market_return`.

    Parameters
    ----------
    panel : DataFrame of shape (n_days, n_series), as of `data.panel`
    baskets : a name of `BASKET_SETS`

    Returns
    -------
    DataFrame of shape (n_days, n_series + n_regimes + 1)
        Leads in trailing standard deviations, the market's daily log return, and the panel's own
        columns in their units.
    """
    lead = spliced_lead(panel, baskets).rename(columns=LEAD)
    market = market_or_nothing(panel)
    return pd.concat([panel.loc[lead.index], lead, market.loc[lead.index]], axis=1)


def market_or_nothing(panel: pd.DataFrame) -> "pd.Series[float]":
    """The market's return, or NaN throughout where the store has no source of it."""
    try:
        return market_return(panel)
    except PanelError:
        return pd.Series(np.nan, index=panel.index, name="market_return")


def features_of(
    frame: pd.DataFrame, sets: Sequence[str], switching_cost: float, window: int
) -> pd.DataFrame:
    """Features of these sets from a `market_frame`.

    Parameters
    ----------
    frame : DataFrame of shape (n_days, n_columns), from `market_frame`
    sets : names of `SETS`
    switching_cost : standard deviations of lead, for the set `path`
    window : trading days over which slow series are standardised

    Returns
    -------
    DataFrame of shape (n_days, n_features), NaN where not known; each in the unit its declaration
    says; row t depends on rows up to t
    """
    parts: list[pd.DataFrame] = []
    shared: Shared = {}
    for name in sets:
        if name == PATH:
            parts.append(PathFeatures(switching_cost).fit_transform(frame))
        else:
            columns = [feature.of(frame, shared) for feature in FAMILIES[name](window)]
            parts.append(pd.concat(columns, axis=1))
    return pd.concat(parts, axis=1) if parts else pd.DataFrame(index=frame.index)


def series_behind(features: Sequence[str], *, baskets: str, window: int) -> list[str]:
    """Series of the panel that these features are made of, in alphabetical order."""
    needed: set[str] = set()
    for family in FAMILIES.values():
        for feature in family(window):
            if feature.name in features:
                needed |= set(feature.needs)
    own = set(basket_sets.get(baskets).series)
    found = {name for name in needed if not name.startswith("lead_") and name != "market_return"}
    if any(name.startswith(("lead_", "path_")) for name in {*needed, *features}):
        found |= own
    if "market_return" in needed:
        found |= {"SPY"}
    return sorted(found)


def declared(window: int) -> dict[str, tuple[str, Feature]]:
    """Every feature of the families, by name."""
    return {one.name: (name, one) for name, family in FAMILIES.items() for one in family(window)}
