"""Breadth: how many take part. Across size deciles since 1926, across members since 1996."""

import numpy as np
import pandas as pd

from regime.data.catalog import DECILES
from regime.features.family import SD, SHARE, Feature, Measure, one
from regime.features.transforms import TrailingMean, TrailingZScore


def breadth(window: int) -> list[Feature]:
    """Participation across the ten NYSE size deciles and across the S&P 500's members.

    Member prices are those of survivors before 2010; the deciles have no such bias.
    """
    z = TrailingZScore(window)
    needs = (*DECILES, "market_return")
    deciles = [
        Feature(f"deciles_ahead_{days}d", SHARE, "Size deciles that beat the market.",
                needs, _share_ahead(days))
        for days in (21, 63, 126, 252)
    ] + [
        Feature(f"size_slope_{days}d", "rank correlation, -1 to 1",
                "Whether returns rise or fall along the size ladder.", needs, _size_slope(days))
        for days in (21, 63, 252)
    ]  # fmt: skip
    return [
        *deciles,
        Feature("deciles_above_200d", SHARE, "Size deciles above their 200-day average.",
                needs, _share_above_average(200)),
        Feature("decile_dispersion_63d", SD, "How far the size deciles have drifted apart.",
                needs, _dispersion(63), (z,)),
        one("members_above_50d", SHARE, "Members above their 50-day average.", "pct_above_50dma"),
        one("members_above_200d", SHARE, "Members above their 200-day average.",
            "pct_above_200dma"),
        one("members_ahead_63d", SHARE, "Few members ahead of the index: the giants carry it.",
            "pct_beating_spy_63d"),
        one("members_ahead_252d", SHARE, "The same over a year.", "pct_beating_spy_252d"),
        one("advance_decline_21d", "ratio, -1 to 1", "Advancers less decliners, a month's mean.",
            "adv_minus_dec_ratio", TrailingMean(21)),
        one("highs_less_lows_21d", "ratio, -1 to 1", "New 52-week highs less lows, a month's mean.",
            ("pct_new_52w_high", "pct_new_52w_low"), TrailingMean(21)),
        one("member_correlation", SD, "Members that move as one leave no room for leadership.",
            "avg_corr_63d", z),
    ]  # fmt: skip


def _log_returns(frame: pd.DataFrame) -> pd.DataFrame:
    simple = frame[list(DECILES)]
    return pd.DataFrame(np.log1p(simple), simple.index, simple.columns)


def _share_ahead(days: int) -> Measure:
    def measure(frame: pd.DataFrame) -> "pd.Series[float]":
        decile = _log_returns(frame).rolling(days).sum()
        market = frame["market_return"].rolling(days).sum()
        ahead = decile.gt(market, axis=0).mean(axis=1)
        return ahead.where(decile.notna().all(axis=1) & market.notna())

    return measure


def _size_slope(days: int) -> Measure:
    """Spearman correlation of a decile's rank in size with its rank in return."""

    def measure(frame: pd.DataFrame) -> "pd.Series[float]":
        # Rounded, so that equal returns tie whatever the order of summation.
        rank = _log_returns(frame).rolling(days).sum().round(12).rank(axis=1)
        size = np.arange(1.0, len(DECILES) + 1)
        size -= size.mean()
        length = float((size**2).sum())
        centred = rank.sub(rank.mean(axis=1), axis=0)
        norm = ((centred**2).sum(axis=1) * length) ** 0.5
        slope = (centred * size).sum(axis=1) / norm.where(norm > 0)
        return slope.where(rank.notna().all(axis=1))

    return measure


def _share_above_average(days: int) -> Measure:
    def measure(frame: pd.DataFrame) -> "pd.Series[float]":
        level = _log_returns(frame).cumsum()
        average = level.rolling(days).mean()
        return level.gt(average).mean(axis=1).where(average.notna().all(axis=1))

    return measure


def _dispersion(days: int) -> Measure:
    def measure(frame: pd.DataFrame) -> "pd.Series[float]":
        decile = _log_returns(frame).rolling(days).sum()
        return decile.std(axis=1).where(decile.notna().all(axis=1))

    return measure
