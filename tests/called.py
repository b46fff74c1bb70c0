"""Probabilities, leads and conditions to call a market by."""

import numpy as np
import pandas as pd

from regime.taxonomy import REGIMES

MEGA, BROAD, SMALL = REGIMES
COST = 4.0


def frame(rows, columns=REGIMES) -> pd.DataFrame:
    return pd.DataFrame(rows, pd.bdate_range("2001-01-02", periods=len(rows)), list(columns))


def restless(seed: int, n_days: int = 160) -> pd.DataFrame:
    """Probabilities whose log-odds wander."""
    rng = np.random.default_rng(seed)
    score = rng.normal(size=(n_days, 3)).cumsum(axis=0) * 0.5
    weight = np.exp(score - score.max(axis=1, keepdims=True))
    return frame(weight / weight.sum(axis=1, keepdims=True))


def random_leads(seed: int, n_days: int = 160) -> pd.DataFrame:
    return frame(np.random.default_rng(seed + 1).normal(size=(n_days, 3)))


def random_conditions(seed: int, n_days: int = 160) -> pd.DataFrame:
    rng = np.random.default_rng(seed + 2)
    names = ["market_return", *(f"return_{regime}" for regime in REGIMES), "members_above_200d"]
    values = rng.normal(0.0, 0.01, size=(n_days, 5))
    values[:, 4] = rng.uniform(size=n_days)
    return frame(np.where(rng.uniform(size=values.shape) < 0.05, np.nan, values), names)
