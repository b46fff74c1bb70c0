"""A SIMULATED market with known regimes, for trying everything out without a network.

Nothing here is market data. Every series that models see is drawn from one seeded process
with its real unit, rhythm, starting date and publication lag, and about as hard to read:
the best path in hindsight changes leader some 2.2 times a year and agrees with the true
regime on seven days of ten. `simulation` draws the regimes and the returns; this module
draws what is published about them and hands it over as observations, and asks `demo_watched`
for what only signals read.

What the slow series know. Member breadth, valuation and concentration follow from past
returns. The yield curve leans a little towards the ruling regime. Credit spreads show,
through noise, the stress that shortens episodes. The rest is noise. A shorter history gives
the same rows: no value uses a day after its own.

Moments named "real" are of the FRED, Shiller and derived breadth files to 2024.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from regime.data.calendar import session_closes, trading_days
from regime.data.catalog import CATALOG, MODELLED, Frequency
from regime.data.observations import SIMULATED, from_values, gather
from regime.data.sources.demo_watched import FIRST_WATCHED, Drawn, watched_observations
from regime.data.sources.simulation import (
    MARKET_DRIFT,
    YEAR,
    Floats,
    Market,
    autoregression,
    by_regime,
    draw_market,
    fading_mean,
    fading_sum,
    fund_indices,
    generators,
)
from regime.exceptions import SourceError
from regime.taxonomy import REGIMES, Regime

FIRST_DAY = pd.Timestamp("1962-01-02")  # the first day of the real daily Treasury yields

# First day of the series that are younger than the market: the real ones.
STARTS = {
    "SPY": "1993-01-29", "OEF": "2000-10-27", "IWM": "2000-05-26", "IJR": "2000-05-26",
    "RSP": "2003-05-01", "XLG": "2005-05-10",
    "DGS2": "1976-06-01", "DFII10": "2003-01-02", "T10YIE": "2003-01-02",
    "BAA10Y": "1986-01-02", "BAMLH0A0HYM2": "1996-12-31", "VIXCLS": "1990-01-02",
    **{name: "1996-01-03" for name in MODELLED if "breadth" in CATALOG[name].table},
}  # fmt: skip

# Rates, percent: the long yield moves in logs, so that it stays positive.
LONG_YIELD, LONG_YIELD_SPREAD, LONG_YIELD_HALF_LIFE = 5.2, 0.45, 6 * YEAR  # median, log sd, days
LOWEST_YIELD, HIGHEST_YIELD = 0.05, 15.0  # percent; real 0.04 to 17
SLOPE, SLOPE_SPREAD, SLOPE_HALF_LIFE = 0.95, 1.0, YEAR  # ten years less one; real mean, sd 1.15
SLOPE_LEAN = {Regime.MEGA_CAP_LED: -0.25, Regime.BROADENING: 0.0, Regime.SMALL_CAP_LED: 0.25}
LEAN_HALF_LIFE = 63  # days in which the slope takes up half of the ruling regime's lean
POLICY_SLOPES, TWO_YEAR_SLOPES = 1.1, 0.8  # slopes below the long yield; the one-year is one
POLICY_NOISE = 0.1  # percent, sd of a day's trading about the policy rate
BREAKEVEN, BREAKEVEN_SHARE = 1.0, 0.25  # percent, and per percent of the long yield; real mean 2.1
BREAKEVEN_SPREAD, BREAKEVEN_HALF_LIFE = 0.35, 90  # percent; real sd 0.40, gone in a year

# Credit: medians in percentage points, log sd for each sd of the common credit state.
BAA_SPREAD, BAA_SENSITIVITY = 2.2, 0.27  # real median 2.16, log sd 0.28
HIGH_YIELD_SPREAD, HIGH_YIELD_SENSITIVITY = 4.8, 0.4  # real median 4.63, log sd 0.40
# The state is turbulence, stress and each spread's own noise; real spreads and the VIX
# correlate 0.6 to 0.7, the two spreads 0.93.
TURBULENCE_WEIGHT, STRESS_WEIGHT, CREDIT_NOISE = 1.5, 0.6, 0.3
TURBULENCE_HALF_LIFE, CREDIT_NOISE_HALF_LIFE = 30, 63  # days
VIX_PREMIUM = 1.3  # implied over expected volatility; gives the real mean of 19
VIX_NOISE, VIX_NOISE_HALF_LIFE = 0.1, 10  # log sd, days
VIX_LOWEST, VIX_HIGHEST = 9.0, 90.0  # real closes 9.1 to 82.7

# Breadth: logit of the share at rest, its rise per unit of the number it follows (a log
# return, or log turbulence for the correlation), and the sd of its own noise. They give the
# means of the real shares and three quarters or more of their sd.
BREADTH: dict[str, tuple[float, float, float]] = {
    "pct_above_50dma": (0.2, 20, 0.4), "pct_above_200dma": (0.3, 9, 0.4),
    "pct_beating_spy_63d": (0.0, 10, 0.2), "pct_beating_spy_252d": (0.0, 5, 0.25),
    "avg_corr_63d": (-1.0, 2, 0.3),
}  # fmt: skip
BREADTH_NOISE_HALF_LIFE = 30  # days
# New extremes: share with the index at its own extreme, its fall per unit of log distance.
NEW_HIGHS, NEW_LOWS, EXTREME_NOISE = (0.12, 15), (0.2, 30), 0.4  # noise: sd of the log share
ADVANCE_SLOPE, ADVANCE_NOISE = 60, 0.15  # of the inverse hyperbolic tangent; real sd 0.48

# Valuation. Half-lives are the days in which a past return leaves half of its mark.
BOOK_Q1, BOOK_Q2, BOOK_Q2_SHARE = 0.6, 0.4, 0.8  # log ratios at rest; part of a return that shows
VALUE_SPREADS, VALUE_SPREAD_NOISE = np.array([2.1, 1.9]), np.array([0.25, 0.3])  # q1, q5; real
BOOK_HALF_LIFE, VALUE_SPREAD_HALF_LIFE = 6 * YEAR, 4 * YEAR  # real autocorrelation 0.8 a year on
REWEIGHTING = 0.01  # sd of the ratios' monthly moves between one July and the next; real 0.013
LEAST_SHARE, SHARE_RANGE = 0.4, 0.4  # of hi_10 in total value; real 0.48 to 0.76
SHARE_SPEED, SHARE_HALF_LIFE = 6.0, 8 * YEAR  # a 1% lead of hi_10 adds 0.6 points to its share
EARNINGS_YIELD, PRICE_WEIGHT, PRICE_HALF_LIFE = 0.034, 0.07, 5 * YEAR  # real mean, sd 0.025
EARNINGS_NOISE = 0.004  # sd of the excess earnings yield that prices do not explain

HOLIDAY_SHARE = 0.003  # of sessions without a bond market, beside the two yearly holidays
OUTAGE_CHANCE, OUTAGE_DAYS = 1 / 2000, 20  # a day's chance that a source stops, for how long
BOND_SERIES = ("DGS1", "DGS2", "DGS10", "DFII10", "T10YIE", "BAA10Y")
OUTAGE_SERIES = ("BAMLH0A0HYM2", "avg_corr_63d")


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """A simulated market and the truth behind it.

    Attributes
    ----------
    observations : DataFrame of shape (n_observations, n_columns)
        The columns of `observations.COLUMNS`, in the catalogue's units; source "demo".
    regimes : Series of shape (n_days,), regime names, indexed by trading day
        Who truly ruled each day. Never published; known here because it was drawn.
    """

    observations: pd.DataFrame
    regimes: "pd.Series[str]"


def simulate(days: pd.DatetimeIndex, *, seed: int = 7, watched: bool = False) -> Simulation:
    """Draw a market over these trading days.

    Parameters
    ----------
    days : DatetimeIndex of consecutive trading days, increasing
    seed : int
        Another seed is another market. The same seed gives a shorter or longer history of
        the same market, as long as `days` start on the same day.
    watched : bool
        Whether to draw what signals watch too, of recent years: see `demo_watched`. The series
        that models see are the same either way.

    Returns
    -------
    Simulation. Monthly series have a row for each month whose last session is in `days`.

    Raises
    ------
    SourceError
        If there are no days, or they do not increase.
    """
    if not len(days) or not days.is_monotonic_increasing or not days.is_unique:
        raise SourceError(
            f"The demo market needs increasing trading days, but got {len(days)} days that "
            f"are none or out of order. Take them from regime.data.calendar.trading_days."
        )
    draw = generators(seed)
    market = draw_market(days.as_unit("us"), draw)
    rates = _rates(market, draw["rates"])
    daily = pd.concat(
        [
            market.portfolios,
            market.styles,
            _cash_and_premium(market, rates["DFF"]),
            fund_indices(market, STARTS, draw["funds"]),
            rates,
            _credit(market, draw["credit"]),
            _breadth(market, draw["breadth"]),
        ],
        axis="columns",
        sort=False,
    )
    complete = _from_their_start(daily)
    daily = _with_gaps(complete, draw["gaps"])
    monthly = _valuation(market, draw["valuation"])
    found = _published(daily, monthly)
    if watched:
        drawn = Drawn(
            daily=complete.loc[FIRST_WATCHED:],
            no_bonds=daily["DGS10"].isna().loc[FIRST_WATCHED:],
            monthly=monthly.loc[FIRST_WATCHED:],
        )
        found += watched_observations(market, drawn, seed=seed)
    regimes = pd.Series(np.array(REGIMES)[market.codes], index=market.days, name="regime")
    return Simulation(observations=gather(found), regimes=regimes)


def fetch(
    last_day: pd.Timestamp,
    *,
    seed: int = 7,
    withhold: Mapping[str, int] | None = None,
    watched: bool = False,
) -> pd.DataFrame:
    """Observations of the demo market from `FIRST_DAY` to `last_day`; needs no network.

    Parameters
    ----------
    last_day : newest trading day
    seed : another seed is another market
    withhold : by series, of how many of the last trading days nothing has come yet: a bad
        day to rehearse
    watched : as in `simulate`

    Returns
    -------
    DataFrame of shape (n_observations, n_columns), the columns of `data.observations`, each series
    in the unit the catalogue says

    Raises
    ------
    SourceError
        If `last_day` is before `FIRST_DAY`, or a withheld series is none of this market's.
    """
    if last_day < FIRST_DAY:
        raise SourceError(
            f"The demo market starts on {FIRST_DAY:%Y-%m-%d}, but was asked for days up to "
            f"{last_day:%Y-%m-%d}. Ask for a later day."
        )
    days = trading_days(FIRST_DAY, last_day)
    observations = simulate(days, seed=seed, watched=watched).observations
    there = list(dict.fromkeys([*MODELLED, *observations["series"].cat.categories]))
    for name, sessions in (withhold or {}).items():
        if name not in there:
            near = difflib.get_close_matches(name.upper(), there, n=1)
            raise SourceError(
                f"{name!r} cannot be withheld: the demo market has no such series."
                + (f" Did you mean {near[0]}?" if near else "")
            )
        gone = (observations["series"] == name) & (observations["period"] >= days[-sessions])
        observations = observations[~gone]
    return observations.reset_index(drop=True)


def _published(daily: pd.DataFrame, monthly: pd.DataFrame) -> list[pd.DataFrame]:
    """Observations of every series that models see, known by its publication lag."""
    frames = {Frequency.DAILY: daily, Frequency.MONTHLY: monthly}
    return [
        from_values(CATALOG[name], frames[CATALOG[name].frequency][name], SIMULATED)
        for name in MODELLED
    ]


def _cash_and_premium(market: Market, policy_rate: "pd.Series[float]") -> pd.DataFrame:
    """Daily bill return, and the market's return beyond it."""
    rf = policy_rate / 100 / YEAR
    return pd.DataFrame({"rf": rf, "mkt_rf": np.expm1(market.log_market) - rf})


def _rates(market: Market, rng: np.random.Generator) -> pd.DataFrame:
    """Yields in percent; the ten-year is the real yield plus break-even inflation exactly."""
    draws = rng.standard_normal((len(market.days), 4))
    long = LONG_YIELD * np.exp(
        LONG_YIELD_SPREAD * autoregression(draws[:, 0], LONG_YIELD_HALF_LIFE)
    )
    long = np.clip(long, LOWEST_YIELD, HIGHEST_YIELD)
    slope = SLOPE + SLOPE_SPREAD * autoregression(draws[:, 1], SLOPE_HALF_LIFE)
    lean = by_regime(SLOPE_LEAN, market.codes)
    slope += fading_mean(lean, LEAN_HALF_LIFE)
    noise = BREAKEVEN_SPREAD * autoregression(draws[:, 2], BREAKEVEN_HALF_LIFE)
    breakeven = BREAKEVEN + BREAKEVEN_SHARE * long + noise
    real = long - breakeven
    yields = {
        "DFF": long - POLICY_SLOPES * slope + POLICY_NOISE * draws[:, 3],
        "DGS1": long - slope,
        "DGS2": long - TWO_YEAR_SLOPES * slope,
    }
    short = pd.DataFrame(yields, index=market.days).clip(LOWEST_YIELD, HIGHEST_YIELD)
    return short.assign(DGS10=real + breakeven, DFII10=real, T10YIE=breakeven)


def _credit(market: Market, rng: np.random.Generator) -> pd.DataFrame:
    """Spreads in percentage points and the VIX: volatility and stress, through noise."""
    draws = rng.standard_normal((len(market.days), 3))
    turbulence = fading_mean(market.turbulence, TURBULENCE_HALF_LIFE)
    state = TURBULENCE_WEIGHT * turbulence + STRESS_WEIGHT * market.stress
    own = CREDIT_NOISE * autoregression(draws[:, :2], CREDIT_NOISE_HALF_LIFE)
    baa = BAA_SENSITIVITY * (state + own[:, 0])
    high_yield = HIGH_YIELD_SENSITIVITY * (state + own[:, 1])
    premium = VIX_PREMIUM * np.exp(VIX_NOISE * autoregression(draws[:, 2], VIX_NOISE_HALF_LIFE))
    return pd.DataFrame(
        {
            "BAA10Y": BAA_SPREAD * np.exp(baa),
            "BAMLH0A0HYM2": HIGH_YIELD_SPREAD * np.exp(high_yield),
            "VIXCLS": np.clip(100 * market.volatility * premium, VIX_LOWEST, VIX_HIGHEST),
        },
        index=market.days,
    )


def _breadth(market: Market, rng: np.random.Generator) -> pd.DataFrame:
    """Shares of members, from past returns of the average large company and the market."""
    draws = rng.standard_normal((len(market.days), len(BREADTH) + 3))
    level = market.log_broad.cumsum()
    ahead = market.log_broad - market.log_market
    followed: dict[str, pd.Series[float]] = {
        "pct_above_50dma": level - level.rolling(50, min_periods=1).mean(),
        "pct_above_200dma": level - level.rolling(200, min_periods=1).mean(),
        "pct_beating_spy_63d": ahead.rolling(63, min_periods=1).sum(),
        "pct_beating_spy_252d": ahead.rolling(252, min_periods=1).sum(),
        "avg_corr_63d": pd.Series(fading_mean(market.turbulence, 63), index=market.days),
    }
    noise = autoregression(draws[:, : len(BREADTH)], BREADTH_NOISE_HALF_LIFE)
    shares = {
        name: expit(rest + slope * followed[name] + spread * noise[:, column])
        for column, (name, (rest, slope, spread)) in enumerate(BREADTH.items())
    }
    high, low, advance = draws[:, len(BREADTH) :].T
    year = level.rolling(YEAR, min_periods=1)
    return pd.DataFrame(shares, index=market.days).assign(
        pct_new_52w_high=_at_extreme(year.max() - level, NEW_HIGHS, high),
        pct_new_52w_low=_at_extreme(level - year.min(), NEW_LOWS, low),
        adv_minus_dec_ratio=np.tanh(ADVANCE_SLOPE * market.log_broad + ADVANCE_NOISE * advance),
    )


def _at_extreme(
    distance: "pd.Series[float]", at: tuple[float, float], noise: Floats
) -> "pd.Series[float]":
    """Share of members at their own extreme, by the index's log distance from its extreme."""
    share, fall = at
    return pd.Series(share * np.exp(EXTREME_NOISE * noise - fall * distance)).clip(0.0, 1.0)


def _valuation(market: Market, rng: np.random.Generator) -> pd.DataFrame:
    """Monthly ratios on the last session of each month that is over.

    Book-to-market follows the prices of each June and shows from July; between two Julys
    only weights move. Small companies get cheaper while the giants lead.
    """
    draws = rng.standard_normal((len(market.days), 7))
    logs = market.portfolios.transform(np.log1p)
    giants, second = logs["hi_10"].to_numpy(), logs["qnt_2"].to_numpy()
    smallest = (logs["lo_10"].to_numpy() + logs["dec_2"].to_numpy()) / 2
    spreads = VALUE_SPREADS + VALUE_SPREAD_NOISE * autoregression(
        draws[:, :2], VALUE_SPREAD_HALF_LIFE
    )
    ratios = {
        "log_bm_june_q1_minus_q5": BOOK_Q1 + fading_sum(giants - smallest, BOOK_HALF_LIFE),
        "log_bm_june_q2_minus_q5": BOOK_Q2
        + BOOK_Q2_SHARE * fading_sum(giants - second, BOOK_HALF_LIFE),
        "value_spread_q1": spreads[:, 0],
        "value_spread_q5": spreads[:, 1],
    }
    over = _ended_months(market.days)
    formed = _as_of_june(pd.DataFrame(ratios, index=market.days), over)
    share = expit(fading_sum(SHARE_SPEED * (giants - market.log_market), SHARE_HALF_LIFE))
    dearness = fading_sum(market.log_market - MARKET_DRIFT / YEAR, PRICE_HALF_LIFE)
    own = EARNINGS_NOISE * autoregression(draws[:, 6], YEAR)
    return (formed + REWEIGHTING * draws[over, 2:6]).assign(
        mcapshare_hi_10=LEAST_SHARE + SHARE_RANGE * share[over],
        excess_cape_yield=(EARNINGS_YIELD - PRICE_WEIGHT * dearness + own)[over],
    )


def _as_of_june(ratios: pd.DataFrame, over: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Each month's ratios as they stood in the newest June before it, or on the first day."""
    junes = ratios[over & (pd.DatetimeIndex(ratios.index).month == 6)]
    return junes.reindex(ratios.index[over]).shift(1).ffill().fillna(ratios.iloc[0])


def _ended_months(days: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
    """Which of these days is the last session of its month, by the exchange's calendar."""
    sessions = pd.DatetimeIndex(session_closes(days[-1]).index)
    last = sessions[:-1][sessions[:-1].month != sessions[1:].month]
    return np.asarray(days.isin(last), dtype=np.bool_)


def _from_their_start(daily: pd.DataFrame) -> pd.DataFrame:
    """Missing before the first day of each younger series."""
    return daily.assign(**{name: daily[name][start:] for name, start in STARTS.items()})


def _with_gaps(daily: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Missing on bond holidays, and for some weeks where a source stopped."""
    days = pd.DatetimeIndex(daily.index)
    draws = rng.random((len(days), 1 + len(OUTAGE_SERIES)))
    columbus = (days.month == 10) & (days.day_of_week == 0) & (days.day >= 8) & (days.day <= 14)
    veterans = (days.month == 11) & (days.day == 11)
    closed = columbus | veterans | (draws[:, 0] < HOLIDAY_SHARE)
    stops = pd.DataFrame(draws[:, 1:] < OUTAGE_CHANCE, index=days, columns=list(OUTAGE_SERIES))
    stopped = stops.rolling(OUTAGE_DAYS, min_periods=1).max() > 0
    return daily.assign(
        **{name: daily[name].mask(closed) for name in BOND_SERIES},
        **{name: daily[name].mask(stopped[name]) for name in OUTAGE_SERIES},
    )
