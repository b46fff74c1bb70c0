"""A panel as it would go on, had the baskets returned this and had all else stood still."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.bundle import Bundle
from regime.data import baskets as basket_sets
from regime.data.catalog import CATALOG, Frequency, Unit
from regime.features.assembly import declared
from regime.features.leadership import LEAD
from regime.taxonomy import REGIMES, Regime

FloatArray = npt.NDArray[np.float64]

A_YEAR = 252  # trading days: the longest look back of a feature before its transformers
HALF_LIVES = 40  # after which 1e-12 of a weight is left


def extended(panel: pd.DataFrame, returns: pd.DataFrame, baskets: str) -> pd.DataFrame:
    """The panel, had the baskets returned this after its last day and had all else stood still.

    Parameters
    ----------
    returns : DataFrame of shape (n_days, 3)
        Daily log returns, one column per regime, on trading days after the panel's last.

    Returns
    -------
    DataFrame with the rows of the panel, and one for each day of `returns`
        The baskets' series, and those that stand for them in earlier history, return what is
        asked: the index of a fund is multiplied, a French return is given. Other daily returns
        are 0; levels, rates and monthly values stay; of events nothing happens. What is not known
        on the last day (NaN) is not known after it.
    """
    last = panel.iloc[-1]
    values = np.tile(last.to_numpy(np.float64), (len(returns), 1))
    ahead = pd.DataFrame(values, returns.index.rename(panel.index.name), panel.columns)
    for name in map(str, panel):
        series = CATALOG.get(name)
        if series is not None and series.frequency is Frequency.EVENT:
            ahead[name] = np.nan
        elif series is not None and _is_return(name):
            ahead[name] = 0.0 * last[name]  # NaN stays NaN
    for regime in REGIMES:
        for name in legs(baskets, regime):
            if name in panel:
                steps = returns[regime].to_numpy(np.float64)
                ahead[name] = moved_on(name, float(last[name]), steps)
    return pd.concat([panel, ahead])


def _is_return(name: str) -> bool:
    return CATALOG[name].unit is Unit.RETURN and CATALOG[name].frequency is Frequency.DAILY


def legs(baskets: str, regime: str) -> list[str]:
    """The series of a basket, and those of its history."""
    chosen = basket_sets.get(baskets)
    sets = [chosen] if chosen.history is None else [chosen, basket_sets.get(chosen.history)]
    return [name for one in sets for name in one.legs[Regime(regime)]]


def moved_on(name: str, last: float, steps: FloatArray) -> FloatArray:
    """Values of a series after these log returns, along the last axis; NaN if not known before."""
    values: FloatArray = (
        np.expm1(steps) + 0.0 * last if _is_return(name) else last * np.exp(steps.cumsum(axis=-1))
    )
    return values


def what_moves(bundle: Bundle, columns: list[str]) -> tuple[list[str], set[str], int]:
    """Features that hang on the baskets' returns, what these need, and rows enough to tell them.

    A path's survivors have no bound to what they remember; whoever uses the rows checks.
    """
    told = {*LEAD.values(), *(name for regime in REGIMES for name in legs(bundle.baskets, regime))}
    of_families = declared(bundle.config.features.window)
    moving, needs, span = [], {*LEAD.values()}, 0
    for name in columns:
        if name not in of_families:
            moving.append(name)  # of the path
        elif told & {*(feature := of_families[name][1]).needs}:
            moving.append(name)
            needs |= {*feature.needs}
            span = max(span, sum(_span(step.get_params(deep=False)) for step in feature.by))
    return moving, needs, span + A_YEAR


def _span(params: Mapping[str, object]) -> int:
    """Rows that a transformer looks back, or a few more."""
    lengths = {name: value for name, value in params.items() if isinstance(value, int)}
    return sum(v * (HALF_LIVES if name == "half_life" else 1) for name, v in lengths.items())
