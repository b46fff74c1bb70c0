"""Frames of weights and returns, and those of chance."""

import numpy as np
import pandas as pd

from regime.taxonomy import REGIMES


def frame(values) -> pd.DataFrame:
    values = np.asarray(values, dtype=float)
    return pd.DataFrame(values, pd.bdate_range("2001-01-02", periods=len(values)), list(REGIMES))


def chance(n_days: int = 600, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Probabilities that wander, and returns that have nothing to do with them."""
    rng = np.random.default_rng(seed)
    wander = np.cumsum(rng.normal(0, 0.1, (n_days, 3)), axis=0)
    market = rng.normal(0.0003, 0.01, (n_days, 1))
    logs = market + rng.normal(0, 0.004, (n_days, 3))
    odds = np.exp(wander - wander.max(axis=1, keepdims=True))
    return frame(odds / odds.sum(axis=1, keepdims=True)), frame(logs)
