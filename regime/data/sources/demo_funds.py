"""Funds and companies of the demo market that signals watch and models do not. SIMULATED.

Each log return is a mix of what the demo's portfolios did that day and noise of its own, so
whatever such a fund tells about the ruling regime, the portfolios tell too. A fund of the size
ladder lies between its neighbours; growth follows the giants, mid-caps the average company;
technology, gold and what is abroad each have a factor that nothing else knows about. Bonds
follow from the simulated yields and spreads. Nothing pays a dividend and no share is split, so
a close is the total-return index times a constant.

Row t depends on draws and prices up to t.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime.data.sources.simulation import YEAR, Floats, Market, fat_tailed

# Volatility a year of the factors that only these funds have.
FACTORS = {"technology": 0.09, "gold": 0.14, "abroad": 0.09}

# What each follows, and the volatility a year of its own noise.
MIXES: dict[str, tuple[float, dict[str, float]]] = {
    # The ladder of sizes.
    "QQQ": (0.03, {"giants": 1.1, "technology": 0.6}),
    "QQQE": (0.03, {"giants": 0.4, "average": 0.65, "technology": 0.5}),
    "MGC": (0.006, {"giants": 0.9, "market": 0.1}),
    "IWL": (0.006, {"giants": 0.8, "market": 0.2}),
    "DIA": (0.03, {"giants": 0.5, "average": 0.45}),
    "IWB": (0.004, {"market": 1.0}),
    "VTI": (0.004, {"market": 0.97, "small": 0.03}),
    "IWR": (0.012, {"average": 0.85, "middle": 0.15}),
    "IJH": (0.015, {"average": 0.4, "middle": 0.6}),
    "IWC": (0.025, {"small": 0.3, "micro": 0.7}),
    "RSPT": (0.03, {"average": 1.05, "technology": 0.9}),
    # Styles; `value` and `momentum` are the demo's hml and mom.
    "IWF": (0.012, {"giants": 0.6, "market": 0.4, "value": -0.3}),
    "IWD": (0.012, {"average": 0.5, "market": 0.5, "value": 0.3}),
    "IWO": (0.02, {"small": 1.0, "value": -0.3}),
    "IWN": (0.02, {"small": 1.0, "value": 0.3}),
    "IWP": (0.02, {"average": 0.6, "middle": 0.4, "value": -0.3}),
    "IWS": (0.02, {"average": 0.6, "middle": 0.4, "value": 0.3}),
    "VUG": (0.012, {"giants": 0.7, "market": 0.3, "value": -0.3}),
    "VTV": (0.012, {"average": 0.6, "market": 0.4, "value": 0.3}),
    "QUAL": (0.02, {"giants": 0.5, "market": 0.5}),
    "MTUM": (0.03, {"market": 1.0, "momentum": 0.5}),
    "USMV": (0.03, {"market": 0.75}),
    "SPHB": (0.05, {"average": 1.3}),
    "SPLV": (0.04, {"average": 0.7}),
    # Sectors and industries.
    "XLK": (0.03, {"giants": 1.1, "technology": 1.0}),
    "XLF": (0.07, {"average": 1.1, "value": 0.3}),
    "XLE": (0.16, {"market": 0.9, "value": 0.4}),
    "XLI": (0.05, {"average": 1.05}),
    "XLV": (0.08, {"market": 0.85}),
    "XLY": (0.06, {"market": 1.1}),
    "XLP": (0.07, {"market": 0.6}),
    "XLU": (0.11, {"average": 0.5}),
    "XLB": (0.07, {"average": 1.05}),
    "XLRE": (0.1, {"average": 0.85}),
    "XLC": (0.07, {"giants": 1.0}),
    "IYT": (0.09, {"middle": 1.1}),
    "KRE": (0.13, {"small": 0.9, "value": 0.5}),
    "SMH": (0.08, {"giants": 1.2, "technology": 1.7}),
    "XHB": (0.11, {"middle": 1.15}),
    "XRT": (0.11, {"small": 0.6, "average": 0.5}),
    "VNQ": (0.1, {"average": 0.85}),
    "IGV": (0.07, {"giants": 0.9, "technology": 1.4}),
    # Gold and silver.
    "GLD": (0.01, {"gold": 1.0, "market": 0.1}),
    "SLV": (0.17, {"gold": 1.6, "market": 0.1}),
    # Abroad.
    "EFA": (0.03, {"market": 0.85, "abroad": 1.0}),
    "EEM": (0.09, {"market": 0.85, "abroad": 1.2}),
    "EWJ": (0.1, {"market": 0.65, "abroad": 0.8}),
    "EWY": (0.14, {"market": 0.9, "abroad": 1.2}),
    "VGK": (0.05, {"market": 0.9, "abroad": 1.1}),
    "EWU": (0.07, {"market": 0.8, "abroad": 1.0}),
    "EWG": (0.08, {"market": 0.95, "abroad": 1.2}),
    "EWC": (0.08, {"market": 0.85, "abroad": 0.7}),
    "EWA": (0.1, {"market": 0.85, "abroad": 1.0}),
    "EWZ": (0.24, {"market": 0.9, "abroad": 1.3}),
    "EWT": (0.12, {"market": 0.9, "abroad": 1.1}),
    "MCHI": (0.19, {"market": 0.7, "abroad": 1.1}),
    "INDA": (0.14, {"market": 0.75, "abroad": 1.0}),
    # Companies.
    "AAPL": (0.17, {"giants": 1.1, "technology": 0.6}),
    "MSFT": (0.13, {"giants": 1.05, "technology": 0.8}),
    "NVDA": (0.28, {"giants": 1.3, "technology": 1.8}),
    "AMZN": (0.18, {"giants": 1.15, "technology": 0.7}),
    "GOOGL": (0.15, {"giants": 1.05, "technology": 0.6}),
    "META": (0.22, {"giants": 1.1, "technology": 0.8}),
    "TSLA": (0.38, {"giants": 1.3, "technology": 0.8}),
    "ORCL": (0.18, {"giants": 1.0, "technology": 0.6}),
}


@dataclass(frozen=True, slots=True)
class Bond:
    """What moves a bond fund.

    Attributes
    ----------
    yields : column of the Treasury yield that it follows, percent
    duration : years; what a percentage point on the yield costs, in percent
    spread : column of the spread that it earns on top, percentage points; "" for Treasuries
    spread_duration : years, for a move of its share of the spread
    spread_share : of that spread, for better bonds, or for what defaults leave of it
    """

    yields: str
    duration: float
    spread: str = ""
    spread_duration: float = 0.0
    spread_share: float = 1.0


BONDS = {
    "IEF": Bond("DGS7", 7.0),
    "TLT": Bond("DGS20", 16.0),
    "LQD": Bond("DGS10", 8.0, "BAA10Y", 8.0, 0.7),
    "HYG": Bond("DGS3", 2.0, "BAMLH0A0HYM2", 6.5, 0.5),
}
BOND_NOISE = 0.01  # volatility a year: trading hours, and bonds that are not at hand

# USD on the first day: what watch levels and market values need is quoted too.
FIRST_CLOSES = {
    "XLK": 45.0, "AAPL": 26.0, "MSFT": 45.0, "NVDA": 8.0, "AMZN": 30.0, "GOOGL": 35.0,
    "META": 60.0, "ORCL": 35.0,
}  # fmt: skip


def watched_funds(
    market: Market, yields: pd.DataFrame, first: pd.Timestamp, rng: np.random.Generator
) -> pd.DataFrame:
    """Total-return indices, 100 on the first day, and closes in USD.

    Parameters
    ----------
    yields : DataFrame with the columns of `BONDS`, indexed by the trading days from `first` on
        Percent and percentage points, none missing.

    Returns
    -------
    DataFrame of shape (n_days, n_funds + n_closes), columns by catalogue id
    """
    days = pd.DatetimeIndex(yields.index)
    shocks = fat_tailed(rng, (len(days), len(FACTORS) + len(MIXES) + len(BONDS)))
    daily = shocks / np.sqrt(YEAR)
    own, bonds = daily[:, len(FACTORS) : -len(BONDS)], daily[:, -len(BONDS) :]
    followed = _followed(market)[first:]
    for column, (name, volatility) in enumerate(FACTORS.items()):
        followed[name] = volatility * daily[:, column]
    weights = pd.DataFrame({name: mix for name, (_, mix) in MIXES.items()}).fillna(0.0)
    noise = np.array([volatility for volatility, _ in MIXES.values()])
    stocks = _mixed(followed[list(weights.index)], weights.to_numpy()) + noise * own
    logs = pd.DataFrame(stocks, index=days, columns=list(MIXES))
    for column, (name, bond) in enumerate(BONDS.items()):
        logs[name] = _bond_return(bond, yields) + BOND_NOISE * bonds[:, column]
    logs.iloc[:1] = 0.0
    indices = logs.cumsum().transform(np.exp) * 100
    closes = {f"{name}_close": price / 100 * indices[name] for name, price in FIRST_CLOSES.items()}
    return indices.assign(**closes)


def _followed(market: Market) -> pd.DataFrame:
    """Daily log returns of what funds follow."""
    logs = market.portfolios.transform(np.log1p)
    styles = market.styles.transform(np.log1p)
    return pd.DataFrame(
        {
            "giants": logs["hi_10"],
            "average": market.log_broad,
            "middle": (logs["dec_5"] + logs["dec_6"]) / 2,
            "small": logs["qnt_2"],
            "micro": logs["lo_10"],
            "market": market.log_market,
            "value": styles["hml"],
            "momentum": styles["mom"],
        }
    )


def _mixed(followed: pd.DataFrame, weights: Floats) -> Floats:
    # One after the other: the last digit of a matrix product hangs on the number of rows.
    mixed = np.zeros((len(followed), weights.shape[1]))
    for column, weight in zip(followed.to_numpy().T, weights, strict=True):
        mixed += np.outer(column, weight)
    return mixed


def _bond_return(bond: Bond, yields: pd.DataFrame) -> "pd.Series[float]":
    """Log return of a day: what the yield of the day before earns, less what its move costs."""
    earned, moved = yields[bond.yields], bond.duration * yields[bond.yields].diff()
    if bond.spread:
        spread = bond.spread_share * yields[bond.spread]
        earned, moved = earned + spread, moved + bond.spread_duration * spread.diff()
    return (earned.shift(1) / YEAR - moved) / 100
