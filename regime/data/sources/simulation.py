"""The process behind the demo market: regimes, volatility, daily returns. SIMULATED.

Each day's row uses the draws of that day and of days before it, and every purpose has a
generator of its own. So a shorter history is the beginning of a longer one.

Regimes are a semi-Markov chain: each episode draws how long it lasts and who comes next.
The episode's clock runs faster under credit stress, which the credit spreads of the day
show through noise; nothing else that is published knows about the end of an episode.

The market is a GARCH(1,1) with leverage and Student-t shocks. On top of it each size decile
loads on a size factor, which small companies lead, and on a middle factor, which the average
large company leads. The ruling regime gives these two factors their drift.

Moments named "real" below are of the French files, 1962-2024 unless said otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.signal import lfilter

from regime.data.catalog import DECILES
from regime.taxonomy import REGIMES, Regime

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]  # positions in REGIMES

YEAR = 252  # trading days

# Episodes. Real hindsight path 1926-2024: 235 episodes, mean 110, median 91, sd 90 days.
MIN_EPISODE = 15  # days, of the episode's clock; real 5% quantile 19
MEAN_EPISODE = 110  # days
EPISODE_SPREAD = 0.8  # sd of the log of the days beyond the minimum
# Who follows whom: rows and columns in the order of REGIMES, counts of the real path.
SUCCESSORS = np.array([[0, 24, 66], [14, 0, 32], [76, 22, 0]], dtype=np.float64)
STRESS_SPEED = 0.25  # log speed of the episode's clock for each sd of credit stress
STRESS_HALF_LIFE = 126  # days; gives credit spreads a real autocorrelation over a year

# The market.
MARKET_DRIFT = 0.08  # log return a year, dividends included
MARKET_VOLATILITY = 0.165  # a year; with the cap below, samples come near the real 0.161
SHOCK, LEVERAGE, MEMORY = 0.02, 0.08, 0.93  # GARCH weights: square, square of a fall, variance
MAX_VOLATILITY = 0.85  # a year; the highest close of the real VIX is 82.7
TAIL_DEGREES = 5  # of freedom of every return shock; real excess returns have kurtosis 9 to 24

# Annual volatility that one sd of each factor gives to lo_10, dec_2, ... hi_10: close to the
# first two principal components of the real deciles less the market.
SIZE_LOADING = np.array([0.085, 0.1, 0.089, 0.081, 0.069, 0.056, 0.044, 0.029, 0.0125, -0.025])
MIDDLE_LOADING = np.array(
    [-0.03, -0.022, -0.015, -0.007, 0.008, 0.018, 0.025, 0.026, 0.022, -0.012]
)
# Each decile's own shocks, a year: what the real third component and the rest leave.
OWN_VOLATILITY = np.array([0.05, 0.02, 0.012, 0.012, 0.012, 0.012, 0.01, 0.01, 0.01, 0.004])
QUINTILE_VOLATILITY = 0.003  # a year, of qnt_2 about the mean of dec_3 and dec_4; real 0.0027
SHARED_VOLATILITY = 0.6  # log factor volatility for each unit of log market volatility

# Daily drift of the factors in sd of that day, by regime. They give a ruling basket a mean
# lead of 0.16, and the leaders of the hindsight path the real 0.24: hindsight picks its winners.
SIZE_DRIFT = {Regime.MEGA_CAP_LED: -0.165, Regime.BROADENING: 0.0, Regime.SMALL_CAP_LED: 0.165}
MIDDLE_DRIFT = {Regime.MEGA_CAP_LED: -0.04, Regime.BROADENING: 0.18, Regime.SMALL_CAP_LED: -0.04}

# Value and momentum: a year's mean and volatility, loadings on the market's shock and of
# momentum on value's own. They give the real correlations within 0.03.
HML_MEAN, HML_VOLATILITY, HML_MARKET = 0.038, 0.092, -0.17
MOM_MEAN, MOM_VOLATILITY, MOM_MARKET, MOM_HML = 0.072, 0.122, -0.13, -0.27

# The basket each fund holds, and its tracking error a year. Real errors are 0.03 to 0.05, most
# of it closing times and index rules; these leave excess returns correlated about 0.95.
FUNDS = {
    "OEF": ("mega", 0.018), "XLG": ("mega", 0.022), "RSP": ("broad", 0.006),
    "IWM": ("small", 0.018), "IJR": ("small", 0.024), "SPY": ("market", 0.003),
}  # fmt: skip

PURPOSES = (
    "stress", "episodes", "market", "factors", "deciles", "styles",
    "funds", "rates", "credit", "valuation", "breadth", "gaps",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """What happened each day, before anybody published it.

    Attributes
    ----------
    days : DatetimeIndex of length n_days
    codes : array of shape (n_days,)
        The ruling regime as its position in `REGIMES`.
    stress : array of shape (n_days,)
        Credit stress in standard deviations.
    volatility : array of shape (n_days,)
        Market volatility expected at the close for the next day; decimal a year.
    log_market : array of shape (n_days,)
        Daily log total return of the market.
    portfolios : DataFrame of shape (n_days, 11)
        Daily decimal total return of the ten deciles and qnt_2.
    styles : DataFrame of shape (n_days, 2)
        Daily decimal returns of hml and mom.
    """

    days: pd.DatetimeIndex
    codes: Codes
    stress: Floats
    volatility: Floats
    log_market: Floats
    portfolios: pd.DataFrame
    styles: pd.DataFrame

    @property
    def log_broad(self) -> "pd.Series[float]":
        """Daily log total return of the average large company: deciles 7 to 9."""
        large = self.portfolios[["dec_7", "dec_8", "dec_9"]].mean(axis="columns")
        return pd.Series(np.log1p(large))

    @property
    def turbulence(self) -> Floats:
        """Log of expected volatility over its long-run level."""
        return np.log(self.volatility / MARKET_VOLATILITY)


def generators(seed: int) -> dict[str, np.random.Generator]:
    """One independent generator for each purpose, so that none disturbs another."""
    children = np.random.SeedSequence(seed).spawn(len(PURPOSES))
    return {
        name: np.random.default_rng(child) for name, child in zip(PURPOSES, children, strict=True)
    }


def draw_market(days: pd.DatetimeIndex, draw: dict[str, np.random.Generator]) -> Market:
    """Play the process over these trading days."""
    stress = autoregression(draw["stress"].standard_normal(len(days)), STRESS_HALF_LIFE)
    codes = draw_regimes(stress, draw["episodes"])
    shocks = fat_tailed(draw["market"], (len(days),))
    log_market, today, tomorrow = garch(shocks)
    scale = np.exp(SHARED_VOLATILITY * np.log(today / MARKET_VOLATILITY))
    portfolios = _portfolios(log_market, codes, scale, draw)
    return Market(
        days=days,
        codes=codes,
        stress=stress,
        volatility=tomorrow,
        log_market=log_market,
        portfolios=portfolios.set_axis(days, axis="index"),
        styles=_styles(shocks, scale, draw["styles"]).set_axis(days, axis="index"),
    )


def draw_regimes(stress: Floats, rng: np.random.Generator) -> Codes:
    """The ruling regime of each day, given that day's credit stress.

    An episode lasts until its clock has run for the days it drew at its start. The clock
    advances by one a day on average, and faster under stress.
    """
    chances = SUCCESSORS / SUCCESSORS.sum(axis=1, keepdims=True)
    speed = np.exp(STRESS_SPEED * stress - STRESS_SPEED**2 / 2).tolist()
    codes = np.empty(len(stress), dtype=np.intp)
    code = int(rng.integers(len(REGIMES)))
    remaining = _draw_duration(rng)
    for day, step in enumerate(speed):
        if remaining <= 0:
            code = int(rng.choice(len(REGIMES), p=chances[code]))
            remaining = _draw_duration(rng)
        codes[day] = code
        remaining -= step
    return codes


def _draw_duration(rng: np.random.Generator) -> float:
    beyond = MEAN_EPISODE - MIN_EPISODE
    center = np.log(beyond) - EPISODE_SPREAD**2 / 2
    return MIN_EPISODE + float(rng.lognormal(center, EPISODE_SPREAD))


def garch(shocks: Floats) -> tuple[Floats, Floats, Floats]:
    """Market returns and volatility from unit shocks; a fall raises volatility more.

    Returns
    -------
    Three arrays of shape (n_days,): the log return of the day; the volatility it was drawn
    with; the volatility expected after its close for the next day. Volatilities a year.
    """
    typical = MARKET_VOLATILITY**2 / YEAR
    highest = MAX_VOLATILITY**2 / YEAR
    floor = (1 - SHOCK - LEVERAGE / 2 - MEMORY) * typical
    variances = [typical]
    for shock in shocks.tolist():
        now = variances[-1]
        weight = SHOCK + LEVERAGE * (shock < 0)
        variances.append(min(floor + (weight * shock**2 + MEMORY) * now, highest))
    daily = np.sqrt(np.array(variances))
    annual = daily * np.sqrt(YEAR)
    return MARKET_DRIFT / YEAR + daily[:-1] * shocks, annual[:-1], annual[1:]


def _portfolios(
    log_market: Floats, codes: Codes, scale: Floats, draw: dict[str, np.random.Generator]
) -> pd.DataFrame:
    """Daily returns of the deciles and qnt_2; `scale` scales every volatility but the market's."""
    shocks = fat_tailed(draw["factors"], (len(codes), 2))
    size = shocks[:, 0] + by_regime(SIZE_DRIFT, codes)
    middle = shocks[:, 1] + by_regime(MIDDLE_DRIFT, codes)
    own = fat_tailed(draw["deciles"], (len(codes), len(DECILES) + 1))
    beyond_market = (
        np.outer(size, SIZE_LOADING)
        + np.outer(middle, MIDDLE_LOADING)
        + own[:, :-1] * OWN_VOLATILITY
    )
    log_deciles = log_market[:, None] + (scale / np.sqrt(YEAR))[:, None] * beyond_market
    returns = pd.DataFrame(np.expm1(log_deciles), columns=list(DECILES))
    apart = scale / np.sqrt(YEAR) * QUINTILE_VOLATILITY * own[:, -1]
    return returns.assign(qnt_2=(1 + (returns["dec_3"] + returns["dec_4"]) / 2) * np.exp(apart) - 1)


def _styles(market_shocks: Floats, scale: Floats, rng: np.random.Generator) -> pd.DataFrame:
    """Daily returns of hml and mom, which know nothing about regimes."""
    own = fat_tailed(rng, (len(scale), 2))
    hml = HML_MARKET * market_shocks + np.sqrt(1 - HML_MARKET**2) * own[:, 0]
    rest = np.sqrt(1 - MOM_MARKET**2 - MOM_HML**2)
    mom = MOM_MARKET * market_shocks + MOM_HML * own[:, 0] + rest * own[:, 1]
    daily = scale / np.sqrt(YEAR)
    return pd.DataFrame(
        {
            "hml": np.expm1(HML_MEAN / YEAR + HML_VOLATILITY * daily * hml),
            "mom": np.expm1(MOM_MEAN / YEAR + MOM_VOLATILITY * daily * mom),
        }
    )


def fund_indices(
    market: Market, starts: Mapping[str, str], rng: np.random.Generator
) -> pd.DataFrame:
    """Total-return indices of the funds, 100 on each one's first day and missing before it."""
    held = {
        "mega": np.log1p(market.portfolios["hi_10"]),
        "broad": market.log_broad,
        "small": np.log1p(market.portfolios["qnt_2"]),
        "market": pd.Series(market.log_market, index=market.days),
    }
    errors = rng.standard_normal((len(market.days), len(FUNDS))) / np.sqrt(YEAR)
    indices = {}
    for column, (name, (basket, tracking)) in enumerate(FUNDS.items()):
        log_return = (held[basket] + tracking * errors[:, column])[starts[name] :]
        log_return.iloc[:1] = 0.0
        indices[name] = 100 * np.exp(log_return.cumsum())
    return pd.DataFrame(indices, index=market.days)


def by_regime(values: Mapping[Regime, float], codes: Codes) -> Floats:
    """The value of each day's ruling regime."""
    return np.array([values[Regime(name)] for name in REGIMES])[codes]


def fat_tailed(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Student-t draws of unit variance, filled day by day."""
    sd = np.sqrt(TAIL_DEGREES / (TAIL_DEGREES - 2))
    return np.asarray(rng.standard_t(TAIL_DEGREES, shape) / sd, dtype=np.float64)


def fading_sum(steps: Floats, half_life: float) -> Floats:
    """Sum of the steps so far along the first axis, each forgotten with `half_life` days."""
    keep = 0.5 ** (1 / half_life)
    return np.asarray(lfilter([1.0], [1.0, -keep], steps, axis=0), dtype=np.float64)


def fading_mean(values: Floats, half_life: float) -> Floats:
    """Mean of the values so far, newer ones weighing more; starts from zero."""
    weight = 1 - float(0.5 ** (1 / half_life))
    return weight * fading_sum(values, half_life)


def autoregression(shocks: Floats, half_life: float) -> Floats:
    """Stationary first-order autoregression of unit variance from unit shocks."""
    steps: Floats = shocks * np.sqrt(1 - 0.25 ** (1 / half_life))
    steps[0] = shocks[0]
    return fading_sum(steps, half_life)
