"""What signals watch on the demo market beside the series that models see. SIMULATED.

Nothing here reads the ruling regime. Funds, positions, breadth and concentration follow what the
portfolios did; other yields lie between the simulated ones, and bond funds and the CAPE are made
of these, so they know what those series know. All else is noise about a plausible level. Units,
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
from regime.data.declared.sec import series_id
from regime.data.observations import SIMULATED, from_values
from regime.data.sources.demo_funds import watched_funds
from regime.data.sources.simulation import (
    YEAR,
    Floats,
    Market,
    autoregression,
    fading_sum,
)

_PERIODS = {
    Frequency.WEEKLY: "W-SAT", Frequency.MONTHLY: "M", Frequency.QUARTERLY: "Q",
    Frequency.YEARLY: "Y",
}  # fmt: skip

FIRST_WATCHED = pd.Timestamp("2012-01-03")
_APART = 2012  # beside the seed, so that no generator is one of the models' series
PURPOSES = ("funds", "rates", "levels", "swings", "breadth", "quality", "filings")

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
    # Companies that file, by size: shares with a loss, debt over income, how many are counted.
    "filers_loss_makers_small": (0.38, 0.0, 0.08, YEAR),
    "filers_loss_makers_large": (0.12, 0.0, 0.25, YEAR),
    "filers_debt_to_operating_income_small": (3.0, 0.0, 0.15, YEAR),
    "filers_counted_small": (1900.0, 0.0, 0.01, YEAR),
    "short_days_small": (5.5, 0.0, 0.15, 120), "short_days_large": (2.4, 0.0, 0.12, 120),
}  # fmt: skip
_OF_BANKS = ("DEX", "DTWEX", "RRP")  # how those begin that banks' holidays interrupt
_ROUNDED = {
    "UNRATE": 1,
    "UMCSENT": 1,
    "ICSA": -3,
    "PAYEMS": 0,
    "RSAFS": 0,
    "PCE": 0,
    "filers_counted_small": 0,
}  # decimals

# Mean, sd, half-life in days, and what a log return of the market over a quarter adds.
SWINGS: dict[str, tuple[float, float, float, float]] = {
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
    "short_coverage_small": (0.95, 0.003, 60, 0.0), "short_coverage_large": (0.985, 0.002, 60, 0.0),
}  # fmt: skip
_HIGHEST_POSITION = 0.9  # of the open interest, net

# Treasury yields between two that are simulated, or beyond the longest, in years.
SIMULATED_MATURITIES = {"DFF": 0.0, "DGS1": 1.0, "DGS2": 2.0, "DGS10": 10.0}
BETWEEN = {"DGS1MO": 1 / 12, "DGS3MO": 0.25, "DGS6MO": 0.5, "DGS3": 3.0, "DGS5": 5.0, "DGS7": 7.0}
BEYOND = {"DGS20": 0.25, "DGS30": 0.3}  # ten years, and this share of its lead over two years
YIELD_NOISE, YIELD_NOISE_HALF_LIFE = 0.04, 60  # percent
FIVE_YEAR_NOISE = 0.15  # percent, of break-even inflation over five years about that over ten
OVERNIGHT_NOISE, OVERNIGHT_HALF_LIFE = 0.02, 1  # percent, of SOFR about the policy rate; days
SMOOTH = 10  # days after which bills have half followed the policy rate
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

FIRST_INDEX, DIVIDEND_YIELD = 1277.0, 0.018  # of the S&P 500 as quoted; a year
EARNINGS_YIELDS = 0.02, 0.12  # lowest and highest behind the CAPE, which is one over it

# Companies: diluted shares, and price over earnings of four quarters on average.
FIRMS = {
    "AAPL": (1.6e10, 24.0), "MSFT": (7.6e9, 28.0), "NVDA": (2.4e10, 38.0), "AMZN": (1e10, 40.0),
    "GOOGL": (1.25e10, 24.0), "META": (2.6e9, 25.0), "ORCL": (2.9e9, 24.0),
}  # fmt: skip
BUYBACK, SHARES_SPREAD = 0.015, 0.005  # of the shares, a year; log sd
EARNINGS_SPREAD = 0.15  # log sd
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


def watched_observations(market: Market, drawn: Drawn, *, seed: int) -> list[pd.DataFrame]:
    """Observations of each series, known by its publication lag; none without days.

    Parameters
    ----------
    seed : that of the market; another one is another market
    """
    days = pd.DatetimeIndex(drawn.daily.index)
    if not len(days):
        return []
    draw = _generators(seed)
    rates = _rates(drawn.daily, draw["rates"])
    funds = watched_funds(market, drawn.daily.join(rates), days[0], draw["funds"])
    robust = _robust_less_weak(len(days), draw["quality"])
    daily = pd.concat(
        [
            funds,
            rates.mask(drawn.no_bonds),
            _levels(drawn.no_bonds, draw["levels"]),
            _swings(market, days, draw["swings"]),
            _breadth(market, days, draw["breadth"]),
            _concentration(market).loc[days],
            _filings(funds, draw["filings"]),
        ],
        axis="columns",
        sort=False,
    ).assign(rmw=np.expm1(robust), SP500=_index_as_quoted(drawn.daily["SPY"]))
    over = _over(days, "M")
    months = {
        **_quality_portfolios(market.portfolios.loc[days], robust, over),
        "cape": _cape(drawn),
        "sp_price": _mean_of_month(daily["SP500"], over),
    }
    found = [_published(str(name), values) for name, values in daily.items()]
    return found + [from_values(CATALOG[name], one, SIMULATED) for name, one in months.items()]


def _generators(seed: int) -> dict[str, np.random.Generator]:
    children = np.random.SeedSequence([seed, _APART]).spawn(len(PURPOSES))
    return {
        name: np.random.default_rng(child) for name, child in zip(PURPOSES, children, strict=True)
    }


def _published(name: str, daily: "pd.Series[float]") -> pd.DataFrame:
    """Observations of what a daily process came to at the end of each period."""
    series, days = CATALOG[name], pd.DatetimeIndex(daily.index)
    values = daily
    if series.frequency is Frequency.TWICE_MONTHLY:
        values = daily[days.isin(settlement_days(days[0], days[-1]))]
    elif series.frequency is not Frequency.DAILY:
        values = daily[_over(days, _PERIODS[series.frequency])]
    if series.frequency in {Frequency.QUARTERLY, Frequency.YEARLY}:
        values = values.set_axis(pd.DatetimeIndex(values.index) + pd.offsets.MonthEnd(0))
    return from_values(series, values, SIMULATED)


def _over(days: pd.DatetimeIndex, periods: str) -> npt.NDArray[np.bool_]:
    """Which days are the last session of a period, by the exchange's calendar."""
    sessions = pd.DatetimeIndex(session_closes(days[-1])[days[0] :].index)[: len(days) + 1]
    period = sessions.to_period(periods)
    return np.asarray(period[:-1] != period[1:], dtype=np.bool_)


def _states(rng: np.random.Generator, days: int, half_lives: list[float]) -> Floats:
    """Stationary processes of unit variance, a column for each half-life."""
    shocks = rng.standard_normal((days, len(half_lives)))
    columns = [autoregression(shocks[:, at], each) for at, each in enumerate(half_lives)]
    return np.column_stack(columns)


def _rates(daily: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Yields in percent, differences in points; no day is missing."""
    names = [*BETWEEN, *BEYOND]
    half_lives = [YIELD_NOISE_HALF_LIFE] * (len(names) + 1)
    own = _states(rng, len(daily), [*half_lives, OVERNIGHT_HALF_LIFE])
    knots = daily[list(SIMULATED_MATURITIES)].assign(DFF=daily["DFF"].ewm(halflife=SMOOTH).mean())
    years = np.array(list(SIMULATED_MATURITIES.values()))
    yields = {}
    for name, maturity in BETWEEN.items():
        above = int(years.searchsorted(maturity))
        share = (maturity - years[above - 1]) / (years[above] - years[above - 1])
        yields[name] = (1 - share) * knots.iloc[:, above - 1] + share * knots.iloc[:, above]
    for name, lead in BEYOND.items():
        yields[name] = knots["DGS10"] + lead * (knots["DGS10"] - knots["DGS2"])
    noisy = pd.DataFrame(yields) + YIELD_NOISE * own[:, :-2]
    rates = noisy.clip(lower=LOWEST_YIELD)
    inflation = daily["T10YIE"] + FIVE_YEAR_NOISE * own[:, -2]
    overnight = OVERNIGHT_NOISE * own[:, -1]
    return rates.assign(
        T5YIE=inflation,
        DFII5=rates["DGS5"] - inflation,
        T10Y2Y=daily["DGS10"] - daily["DGS2"],
        T10Y3M=daily["DGS10"] - rates["DGS3MO"],
        SOFR=(daily["DFF"] + overnight).clip(lower=LOWEST_YIELD),
    )


def _levels(no_bonds: "pd.Series[bool]", rng: np.random.Generator) -> pd.DataFrame:
    """Each of `LEVELS` about its path, rounded as published."""
    first, growth, spread, half_life = (
        list(column) for column in zip(*LEVELS.values(), strict=True)
    )
    states = _states(rng, len(no_bonds), half_life)
    years = np.arange(len(no_bonds)) / YEAR
    logs = np.outer(years, growth) + states * np.array(spread)
    levels = pd.DataFrame(np.array(first) * np.exp(logs), no_bonds.index, list(LEVELS))
    banks = [name for name in LEVELS if name.startswith(_OF_BANKS)]
    return levels.round(_ROUNDED).assign(**levels[banks].mask(no_bonds))


def _swings(market: Market, days: pd.DatetimeIndex, rng: np.random.Generator) -> pd.DataFrame:
    """Each of `SWINGS`, higher after a good quarter; flows of wider groups are sums."""
    mean, spread, half_life, lean = (list(column) for column in zip(*SWINGS.values(), strict=True))
    log_market = pd.Series(market.log_market, market.days)
    quarter = log_market.rolling(63, min_periods=1).sum().loc[days].to_numpy()
    states = _states(rng, len(days), half_life) * np.array(spread) + np.outer(quarter, lean)
    swings = pd.DataFrame(np.array(mean) + states, days, list(SWINGS))
    nets = swings[list(POSITIONS)].clip(-_HIGHEST_POSITION, _HIGHEST_POSITION)
    equity = swings["ici_domestic_equity_flow"] + swings["ici_world_equity_flow"]
    others = swings["ici_bond_flow"] + swings["ici_commodity_flow"]
    return swings.assign(
        **nets,
        ici_equity_flow=equity,
        ici_total_flow=equity + others,
    )


def _breadth(market: Market, days: pd.DatetimeIndex, rng: np.random.Generator) -> pd.DataFrame:
    """Shares of members, from past returns of the average large company and the market."""
    level = market.log_broad.cumsum()
    ahead = market.log_broad - market.log_market
    followed = {
        "pct_above_20dma": level - level.rolling(20, min_periods=1).mean(),
        "pct_beating_spy_21d": ahead.rolling(21, min_periods=1).sum(),
        "pct_beating_spy_126d": ahead.rolling(126, min_periods=1).sum(),
    }
    noise = _states(rng, len(days), [BREADTH_NOISE_HALF_LIFE] * (len(BREADTH) + 1))
    shares = {
        name: expit(rest + slope * followed[name].loc[days] + spread * noise[:, column])
        for column, (name, (rest, slope, spread)) in enumerate(BREADTH.items())
    }
    coverage = COVERAGE + COVERAGE_SPREAD * np.tanh(noise[:, -1])
    return pd.DataFrame(shares, index=days).assign(members_coverage=coverage)


def _concentration(market: Market) -> pd.DataFrame:
    """Weights of the largest lines of the index: they grow while the giants lead."""
    lead = np.log1p(market.portfolios["hi_10"].to_numpy()) - market.log_market
    seven = LEAST_WEIGHT + WEIGHT_RANGE * expit(fading_sum(WEIGHT_SPEED * lead, WEIGHT_HALF_LIFE))
    ten = seven + NEXT_THREE
    return pd.DataFrame(
        {
            "spy_top7_weight": seven,
            "spy_top10_weight": ten,
            "spy_top50_weight": ten + NEXT_FORTY * (1 - ten),
            "spy_effective_number": 1 / (seven**2 / 7 + (1 - seven) ** 2 / OTHER_LINES),
        },
        index=market.days,
    )


def _filings(funds: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """What companies would file if the quarter ended that day: million USD, and shares.

    Earnings follow the price at a distance, the rest follows earnings; no company loses money.
    """
    measures = ["net_income", *FILED, "diluted_shares"]
    states = _states(rng, len(funds), [YEAR] * (len(FIRMS) * len(measures)))
    noise = states.reshape(len(funds), len(FIRMS), len(measures))
    years = np.arange(len(funds)) / YEAR
    filed: dict[str, pd.Series[float]] = {}
    for firm, (name, (shares, multiple)) in enumerate(FIRMS.items()):
        fewer = SHARES_SPREAD * noise[:, firm, -1] - BUYBACK * years
        diluted = pd.Series(shares * np.exp(fewer), funds.index)
        slow = (funds[f"{name}_close"] * diluted).ewm(halflife=SLOW_VALUE).mean() / 1e6
        company = {"net_income": slow / multiple * np.exp(EARNINGS_SPREAD * noise[:, firm, 0])}
        for at, (measure, (base, mean, spread)) in enumerate(FILED.items(), start=1):
            company[measure] = company[base] * mean * np.exp(spread * noise[:, firm, at])
        company["diluted_shares"] = diluted.round(-6)
        filed |= {series_id(name, measure): values for measure, values in company.items()}
    return pd.DataFrame(filed)


def _robust_less_weak(days: int, rng: np.random.Generator) -> Floats:
    """Daily log return of profitable over weak companies, which knows nothing about regimes."""
    shocks = rng.standard_normal(days) / np.sqrt(YEAR)
    return np.asarray(QUALITY_LEAD / YEAR + QUALITY_VOLATILITY * shocks, dtype=np.float64)


def _quality_portfolios(
    portfolios: pd.DataFrame, robust: Floats, over: npt.NDArray[np.bool_]
) -> "dict[str, pd.Series[float]]":
    """Monthly returns of weak and profitable small companies, half of the lead on each side."""
    found = {}
    for size, basket in (("me1", "lo_10"), ("me2", "qnt_2")):
        for rank, side in (("op1", -0.5), ("op5", 0.5)):
            so_far = (np.log1p(portfolios[basket]) + side * robust).cumsum()[over]
            found[f"vw_{size}_{rank}"] = np.expm1(so_far.diff().fillna(so_far))
    return found


def _index_as_quoted(total_return: "pd.Series[float]") -> "pd.Series[float]":
    """The index without its dividends."""
    years = np.arange(len(total_return)) / YEAR
    return FIRST_INDEX * total_return / total_return.iloc[0] * np.exp(-DIVIDEND_YIELD * years)


def _mean_of_month(daily: "pd.Series[float]", over: npt.NDArray[np.bool_]) -> "pd.Series[float]":
    """Mean of the values of each month that is over, on its last day."""
    month = pd.DatetimeIndex(daily.index).to_period("M")
    return daily.groupby(month).transform("mean")[over]


def _cape(drawn: Drawn) -> "pd.Series[float]":
    """One over the earnings yield that the excess yield and the real ten-year yield make."""
    real = drawn.daily["DFII10"].reindex(drawn.monthly.index) / 100
    return 1 / (drawn.monthly["excess_cape_yield"] + real).clip(*EARNINGS_YIELDS)
