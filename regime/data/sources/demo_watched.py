"""What signals watch on the demo market beside the series that models see. SIMULATED.

Nothing here leans on the ruling regime, except through returns: funds, positions, breadth and
concentration follow what the portfolios did, yields are drawn between those that are simulated
already, credit shows through the bond funds. All else is noise about a plausible level. Units,
rhythms and publication lags are those of the catalogue; each period is published once and never
revised. Everything begins on `FIRST_WATCHED`, whatever its real first day, to keep a store
small. Bitcoin is drawn on sessions only, fiscal quarters are those of the calendar, and what
only a user can supply is not drawn.

Generators are apart from those of the models' series, whose numbers are the same with and
without this module. Every process runs day by day and is read on the last session of a period,
so a shorter history gives the same rows.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from regime.data.calendar import session_closes, settlement_days
from regime.data.catalog import CATALOG, Frequency
from regime.data.declared.cftc import POSITIONS
from regime.data.declared.ici import FLOWS
from regime.data.declared.sec import COMPANIES, series_id
from regime.data.observations import SIMULATED, from_values
from regime.data.sources.demo_funds import watched_funds
from regime.data.sources.simulation import (
    YEAR,
    Market,
    autoregression,
    fading_sum,
)

FIRST_WATCHED = pd.Timestamp("2012-01-03")
_APART = 2012  # beside the seed, so that no generator is one of the models' series
PURPOSES = ("funds", "rates", "levels", "shares", "breadth", "quality", "filings")

# Level on the first day, growth a year, log sd about that path, half-life of a departure in days.
LEVELS: dict[str, tuple[float, float, float, float]] = {
    # Rates of exchange, the dollar, bitcoin, and words in newspapers.
    "DEXUSEU": (1.15, 0.0, 0.09, 3 * YEAR), "DEXJPUS": (115.0, 0.0, 0.12, 3 * YEAR),
    "DEXUSUK": (1.35, 0.0, 0.1, 3 * YEAR), "DEXCAUS": (1.3, 0.0, 0.08, 3 * YEAR),
    "DEXSDUS": (9.2, 0.0, 0.11, 3 * YEAR), "DEXSZUS": (0.94, 0.0, 0.09, 3 * YEAR),
    "DTWEXBGS": (115.0, 0.0, 0.06, 3 * YEAR), "CBBTCUSD": (15_000.0, 0.1, 0.6, 2 * YEAR),
    "USEPUINDXD": (110.0, 0.0, 0.5, 10),
    # Billions at the central bank, in million USD.
    "RRPONTSYD": (3e5, 0.0, 0.9, YEAR), "WALCL": (4.5e6, 0.03, 0.15, 3 * YEAR),
    "WRESBAL": (2.2e6, 0.03, 0.2, 2 * YEAR),
    # The economy.
    "ICSA": (2.6e5, 0.0, 0.2, 400), "PAYEMS": (1.33e5, 0.012, 0.01, 4 * YEAR),
    "UNRATE": (5.0, 0.0, 0.22, 4 * YEAR), "CPIAUCSL": (228.0, 0.025, 0.008, 3 * YEAR),
    "CPILFESL": (228.0, 0.024, 0.005, 4 * YEAR), "RSAFS": (4e5, 0.04, 0.03, YEAR),
    "UMCSENT": (85.0, 0.0, 0.12, YEAR), "INDPRO": (99.0, 0.005, 0.04, 2 * YEAR),
    "PCE": (1.09e7, 0.045, 0.015, 2 * YEAR),
    # Funds: net assets in million USD, shares outstanding; days to cover.
    "ici_equity_assets": (1e7, 0.07, 0.1, 3 * YEAR), "ici_bond_assets": (4e6, 0.05, 0.06, 3 * YEAR),
    "IWM_shares_outstanding": (2.4e8, 0.0, 0.12, YEAR),
    "IJR_shares_outstanding": (5e8, 0.02, 0.08, YEAR),
    "OEF_shares_outstanding": (5e7, 0.02, 0.1, YEAR),
    "short_days_small": (5.5, 0.0, 0.15, 120), "short_days_large": (2.4, 0.0, 0.12, 120),
}  # fmt: skip
_ROUNDED = {"UNRATE": 1, "UMCSENT": 1, "ICSA": -3, "PAYEMS": 0, "RSAFS": 0, "PCE": 0}  # decimals

# Mean, sd, half-life in days, and what a log return of the followed basket over a quarter adds.
SHARES: dict[str, tuple[float, float, float, float]] = {
    "cftc_sp500_leveraged": (-0.12, 0.05, 60, 0.3),
    "cftc_sp500_asset_managers": (0.35, 0.06, 90, 0.4),
    "cftc_russell_leveraged": (-0.15, 0.08, 60, 0.3),
    "cftc_russell_asset_managers": (0.1, 0.07, 90, 0.4),
    "cftc_nasdaq_leveraged": (-0.08, 0.08, 60, 0.3),
    "cftc_nasdaq_asset_managers": (0.25, 0.09, 90, 0.4),
    "cftc_vix_leveraged": (-0.1, 0.08, 40, -0.5),
    "ici_domestic_equity_flow": (-3000.0, 7000.0, 25, 40_000.0),
    "ici_world_equity_flow": (1500.0, 3500.0, 25, 15_000.0),
    "ici_bond_flow": (6000.0, 6000.0, 40, 10_000.0),
    "ici_commodity_flow": (100.0, 900.0, 25, 0.0),
    "short_change_small": (0.0, 0.03, 10, -0.1),
    "short_change_large": (0.0, 0.025, 10, -0.1),
}  # fmt: skip
_HIGHEST_POSITION = 0.9  # of the open interest, net

# Treasury yields between two that are simulated, or beyond the longest, in years.
SIMULATED_MATURITIES = {"DFF": 0.0, "DGS1": 1.0, "DGS2": 2.0, "DGS10": 10.0}
BETWEEN = {"DGS1MO": 1 / 12, "DGS3MO": 0.25, "DGS6MO": 0.5, "DGS3": 3.0, "DGS5": 5.0, "DGS7": 7.0}
BEYOND = {"DGS20": 0.25, "DGS30": 0.3}  # ten years, and this share of its lead over two years
YIELD_NOISE, YIELD_NOISE_HALF_LIFE = 0.04, 60  # percent
FIVE_YEAR_NOISE = 0.15  # percent, of break-even inflation over five years about that over ten
LOWEST_YIELD = 0.01  # percent

# Breadth as in `demo`: logit at rest, rise per log return of what it follows, own noise.
BREADTH = {
    "pct_above_20dma": (0.15, 30.0, 0.4), "pct_beating_spy_21d": (0.0, 14.0, 0.2),
    "pct_beating_spy_126d": (0.0, 7.0, 0.2),
}  # fmt: skip
BREADTH_NOISE_HALF_LIFE = 20  # days
COVERAGE, COVERAGE_SPREAD = 0.95, 0.01  # share of members with a price

# Seven giants: least weight in the index and its range, and how fast a lead of theirs moves it.
LEAST_WEIGHT, WEIGHT_RANGE, WEIGHT_SPEED, WEIGHT_HALF_LIFE = 0.1, 0.4, 6.0, 8 * YEAR
NEXT_THREE, NEXT_FORTY = 0.05, 0.25  # more weight of three lines, share of the rest of forty
OTHER_LINES = 180  # effective number of lines of equal weight that the others amount to

# Weak small companies: what the profitable quintile earns more a year, and its volatility.
QUALITY_LEAD, QUALITY_VOLATILITY = 0.03, 0.06

# Companies: diluted shares, and price over earnings of four quarters on average.
FIRMS = {
    "AAPL": (1.6e10, 24.0), "MSFT": (7.6e9, 28.0), "NVDA": (2.4e10, 38.0), "AMZN": (1e10, 40.0),
    "GOOGL": (1.25e10, 24.0), "META": (2.6e9, 25.0), "ORCL": (2.9e9, 24.0),
}  # fmt: skip
BUYBACK = 0.015  # of the shares, a year
SLOW_VALUE = 180  # days after which earnings have half followed a price
# Of what, how much on average, and log sd: earnings to cash flow, and so on.
FILED: dict[str, tuple[str, float, float]] = {
    "operating_cash_flow": ("net_income", 1.35, 0.08),
    "capital_spending": ("operating_cash_flow", 0.4, 0.25),
    "cash": ("operating_cash_flow", 1.1, 0.2),
    "debt": ("operating_cash_flow", 0.7, 0.25),
    "buybacks": ("operating_cash_flow", 0.4, 0.3),
}


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What the rest of the demo has drawn already, from `FIRST_WATCHED` on.

    Attributes
    ----------
    daily : DataFrame of shape (n_days, n_series)
        Before anything is missing; columns by catalogue id.
    no_bonds : Series of bool, of shape (n_days,)
        Days on which the bond market is closed.
    monthly : DataFrame of shape (n_months, n_series), indexed by the last session of a month
    """

    daily: pd.DataFrame
    no_bonds: "pd.Series[bool]"
    monthly: pd.DataFrame


def watched(market: Market, drawn: Drawn, *, seed: int) -> list[pd.DataFrame]:
    """Observations of each series, by its publication lag; none for days before `FIRST_WATCHED`.

    Parameters
    ----------
    seed : that of the market; another one is another market
    """
    days = pd.DatetimeIndex(drawn.daily.index)
    if not len(days):
        return []
    draw = _generators(seed)
    rates = _rates(drawn, draw["rates"])
    funds = watched_funds(market, drawn.daily.join(rates), days[0], draw["funds"])
    lead = _quarter(market.log_market - 0.0, market.days)[days]
    daily = pd.concat(
        [
            funds,
            rates.mask(drawn.no_bonds),
            _levels(days, draw["levels"]).mask(drawn.no_bonds, axis=0),
            _shares(lead, draw["shares"]),
            _breadth(market, draw["breadth"])[days[0] :],
            _concentration(market)[days[0] :],
            _filings(funds, draw["filings"]),
        ],
        axis="columns",
    )
    return []


def _generators(seed: int) -> dict[str, np.random.Generator]:
    children = np.random.SeedSequence([seed, _APART]).spawn(len(PURPOSES))
    return {
        name: np.random.default_rng(child) for name, child in zip(PURPOSES, children, strict=True)
    }
