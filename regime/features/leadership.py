"""Leadership: relative strength of the baskets, the market behind them, and the path so far."""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from regime.features.family import Feature, one
from regime.features.transforms import (
    Drawdown,
    TrailingScale,
    TrailingSum,
    VolatilityRatio,
)
from regime.survivors import carry_forward
from regime.taxonomy import REGIMES, Regime

SD = "standard deviations"
LEAD = {regime: f"lead_{regime}" for regime in REGIMES}
SCORE = {regime: f"path_score_{regime}" for regime in REGIMES}
CONFIRMED = {regime: f"path_confirmed_{regime}" for regime in REGIMES}
SINCE_CONFIRMED = "path_sessions_since_confirmed"
PATH_FEATURES = {  # unit and reason of each column of `PathFeatures`
    **dict.fromkeys(
        SCORE.values(),
        ("standard deviations of lead", "What the best path to it earned, less the best of all."),
    ),
    **dict.fromkeys(CONFIRMED.values(), ("1 or 0", "Whether the newest confirmed day was its.")),
    SINCE_CONFIRMED: ("trading days", "How long hindsight has not settled who leads."),
}


def leadership(window: int) -> list[Feature]:
    """Spreads between the baskets over a week to a year, and the state of the market.

    The leads are scaled already, so `window` is not used.
    """
    del window
    mega, broad, small = (LEAD[regime] for regime in Regime)
    spans = (5, 21, 63, 126, 252)
    return [
        *(one(f"mega_over_small_{days}d", SD, "Giants against small companies.",
              (mega, small), TrailingSum(days)) for days in spans),
        *(one(f"broad_over_mega_{days}d", SD, "The average company against the giants.",
              (broad, mega), TrailingSum(days)) for days in spans),
        *(one(f"market_return_{days}d", SD, "Leadership changes hands in falling markets.",
              "market_return", TrailingScale(), TrailingSum(days)) for days in (21, 63, 252)),
        one("market_volatility_ratio", "log ratio", "A month rougher than the year before it.",
            "market_return", VolatilityRatio(21, 252)),
        one("market_drawdown", "log return", "How far below the year's high.",
            "market_return", Drawdown(252)),
    ]  # fmt: skip


def leads(window: int) -> list[Feature]:
    """Each basket's lead of the day itself, for models that remember the days before.

    Scaled already, so `window` is not used. Any two nearly tell the third.
    """
    del window
    return [
        one(f"{lead}_today", SD, "What the path adds up, a day at a time.", lead)
        for lead in LEAD.values()
    ]


def styles(window: int) -> list[Feature]:
    """Momentum and value, from the French library, whose files come one to two months late.

    Known in hindsight at every close, but not in service: a model that leans on them is
    DEGRADED on every new day.
    """
    del window
    spans = (21, 126)
    return [
        *(one(f"momentum_{days}d", SD, "A crash of winners is a change of leaders.",
              "mom", TrailingScale(), TrailingSum(days)) for days in spans),
        *(one(f"value_{days}d", SD, "Value and small often turn together.",
              "hml", TrailingScale(), TrailingSum(days)) for days in spans),
    ]  # fmt: skip


class PathFeatures(TransformerMixin, BaseEstimator):
    """The leadership path as far as it is known each day: what the baselines read.

    Columns, one per regime unless said: `path_score_*`, what the best path ending there
    earned, less the best of the day (standard deviations of lead, <= 0);
    `path_confirmed_*`, 1 for the regime of the newest confirmed row and 0 for the others
    (NaN before there is one); `path_sessions_since_confirmed`, rows since then.

    Parameters
    ----------
    switching_cost : float
        Standard deviations of lead that a change of leader must earn.
    """

    def __init__(self, switching_cost: float = 10.0) -> None:
        self.switching_cost = switching_cost

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Nothing to learn from leads of shape (n_days, n_regimes), in standard deviations."""
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """From leads to the path's features, row by row.

        Parameters
        ----------
        X : DataFrame of shape (n_days, n_columns)
            Columns `lead_*` without gaps, in trailing standard deviations; others are not read.

        Returns
        -------
        DataFrame of shape (n_days, 2 * n_regimes + 1); scores in standard deviations of lead
        """
        lead = X[list(LEAD.values())].to_numpy(dtype=np.float64)
        survivors = carry_forward(lead, switching_cost=self.switching_cost)
        agreed = survivors.agreed_through
        # A confirmed row is the same in every later path, so the last path may be read.
        leader = np.where(agreed >= 0, survivors.path()[agreed], -1)
        confirmed = np.where((agreed >= 0)[:, None], np.eye(len(REGIMES))[leader], np.nan)
        since = np.where(agreed >= 0, np.arange(len(agreed)) - agreed, np.nan)
        return pd.concat(
            [
                pd.DataFrame(survivors.score, X.index, list(SCORE.values())),
                pd.DataFrame(confirmed, X.index, list(CONFIRMED.values())),
                pd.DataFrame({SINCE_CONFIRMED: since}, X.index),
            ],
            axis=1,
        )
