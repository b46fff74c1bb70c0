"""Levels: the dollar under stress, crypto and metals, distance from extremes, and targets."""

import numpy as np
import pandas as pd

from regime.signals.declaration import (
    DAYS,
    FLAG,
    LEVEL,
    RATE_POINTS,
    RETURN,
    SHARE,
    Measure,
    Signal,
    Topic,
    column,
)
from regime.signals.measures import above_low, below_record, change, days_true, since_record

FAMILY = "levels"

# The published formula of the index, which was 100 in March 1973; weights have been fixed since
# 1999. Rates that are USD per unit enter with a minus.
_SCALE = 50.14348112
_WEIGHTS = {
    "DEXUSEU": -0.576, "DEXJPUS": 0.136, "DEXUSUK": -0.119, "DEXCAUS": 0.091, "DEXSDUS": 0.042,
    "DEXSZUS": 0.036,
}  # fmt: skip
CURRENCIES = tuple(_WEIGHTS)
STRESS_DOLLAR = 100.0
STRESS_FALL = -0.5  # percentage points of the 10-year yield
STRESS_DAYS = 63  # sessions
LOW = 756  # sessions: three years
BITCOINS = 20e6  # mined by 2026; 19 million in 2022, and never more than 21

STRESS = Topic(
    "Systemic stress", FAMILY,
    "Does the dollar fall to 100 while Treasury yields collapse?",
    "Both at once would mean that money leaves the dollar and hides in its bonds: a break, not a "
    "rotation.",
    lean="1: away from every leader, and from small companies first",
    trap="Noon rates in New York, out once a week, so known up to seven sessions later; the index "
    "quoted is of another hour. The broad index of the Federal Reserve (DTWEXBGS) is on another "
    "scale: 100 there says nothing here.",
)  # fmt: skip
WEALTH = Topic(
    "Crypto and precious metals as a wealth effect", FAMILY,
    "How much paper wealth has gone, against what households spend?",
    "Two trillion dollars of lost crypto value is a tenth of yearly consumption.",
    lean="deep losses: mega-cap-led, since small speculators sell what they can",
    trap="From the highest close of the history at hand: the funds began in 2004 and 2006, "
    "Coinbase in 2014. Few holders spend such gains, so value lost is no spending lost.",
)  # fmt: skip
CRYPTO = Topic(
    "Crypto value lost", FAMILY,
    "How much of the value of all crypto assets has gone since its peak?",
    WEALTH.why,
    lean=WEALTH.lean,
    trap="From the highest value of the history supplied. Consumption is of a month some weeks "
    "ago, at a yearly rate.",
    supply="No free history: supply a table own_series with the columns date and crypto_value, "
    "in million USD.",
)  # fmt: skip
EXTREMES = Topic(
    "Distance from the extremes", FAMILY,
    "Who stands at a record, and who near a low of years?",
    "A record of small companies while the giants are below theirs is a change of leaders.",
    lean="small companies nearer to their record than large ones: small-cap-led",
    trap="Closes with dividends reinvested, so a record comes sooner than that of the index "
    "quoted. Records count from a fund's first day.",
)  # fmt: skip
TARGETS = Topic(
    "Strategists' targets, approval, election odds", FAMILY,
    "What do strategists and voters expect?",
    "The notes argue with targets, approval and odds: drawn and compared, they can be held to it.",
    trap="A mean of targets follows the index with a lag, and hides who was polled. Odds of "
    "different markets are not the same question.",
    supply="No free source: supply a table own_series with the columns date, strategists_target "
    "(index points), president_approval and election_odds (both in percent).",
)  # fmt: skip

_FUNDS = {
    "IWM": "Russell 2000", "SPY": "S&P 500", "QQQ": "Nasdaq 100", "RSP": "Equal-weight S&P 500",
    "IWC": "Micro caps", "XLK": "Technology",
}  # fmt: skip
_MODELLED = {"IWM", "SPY", "RSP"}


def dollar_index(panel: pd.DataFrame) -> "pd.Series[float]":
    """The US dollar index from its six currencies; NaN where a rate is missing.

    Source: the formula ICE publishes, with the Federal Reserve's noon rates (H.10).
    """
    rates = panel[list(CURRENCIES)]
    weights = np.array(list(_WEIGHTS.values()))
    logs = np.log(rates.where(rates > 0).to_numpy(np.float64))
    # A product of matrices would round a row by how many rows there are.
    return pd.Series(_SCALE * np.exp((logs * weights).sum(axis=1)), panel.index)


def _stress(panel: pd.DataFrame) -> "tuple[pd.Series[bool], pd.Series[bool]]":
    """Whether dollar and yield are down, and whether both are known."""
    dollar, fall = dollar_index(panel), change(panel["DGS10"], STRESS_DAYS)
    # A yield has two decimals: 4.1 less 4.6 must be half a point.
    down = (dollar <= STRESS_DOLLAR) & (fall.round(6) <= STRESS_FALL)
    return down, dollar.notna() & fall.notna()


def stress(panel: pd.DataFrame) -> "pd.Series[float]":
    """1 while the dollar index is at or below 100 and the 10-year yield has lost half a point."""
    down, known = _stress(panel)
    return down.astype(np.float64).where(known)


def days_of_stress(panel: pd.DataFrame) -> "pd.Series[float]":
    """Sessions in a row of `stress`; a session on which it is not known ends the run."""
    return days_true(*_stress(panel))


def value_lost(value: "pd.Series[float]", consumption: "pd.Series[float]") -> "pd.Series[float]":
    """What is gone from the highest value so far, over yearly consumption; both million USD."""
    return (value.cummax() - value) / consumption


def _bitcoin_lost(panel: pd.DataFrame) -> "pd.Series[float]":
    return value_lost(panel["CBBTCUSD"] * BITCOINS / 1e6, panel["PCE"])


def _share_of(percent: str) -> Measure:
    return lambda panel: panel[percent] / 100


def _below(series: str) -> Measure:
    return lambda panel: below_record(panel[series])


def _since(series: str) -> Measure:
    return lambda panel: since_record(panel[series])


def _above(series: str) -> Measure:
    return lambda panel: above_low(panel[series], LOW)


def _extremes(fund: str, title: str) -> list[Signal]:
    needs, feature = (fund,), fund in _MODELLED
    return [
        Signal(f"{fund}_below_record", f"{title} ({fund}), from its record", RETURN, needs,
               _below(fund), EXTREMES, feature=feature),
        Signal(f"{fund}_since_record", f"{title} ({fund}), sessions since its record", DAYS, needs,
               _since(fund), EXTREMES, feature=feature, ranked=False),
        Signal(f"{fund}_above_low", f"{title} ({fund}), above its three-year low", RETURN, needs,
               _above(fund), EXTREMES, feature=feature),
    ]  # fmt: skip


def _drawdown(name: str, title: str, series: str) -> Signal:
    return Signal(name, title, RETURN, (series,), _below(series), WEALTH)


_STRESSED = (*CURRENCIES, "DGS10")
SIGNALS = [
    Signal("dollar_index", "US dollar index, rebuilt from six currencies", LEVEL,
           CURRENCIES, dollar_index, STRESS),
    Signal("dollar_broad", "US dollar against its trading partners", LEVEL, ("DTWEXBGS",),
           column("DTWEXBGS"), STRESS,
           trap="Its weights, and with them its past, change once a year."),
    Signal("ten_year_fall", "10-year yield, change over a quarter", RATE_POINTS, ("DGS10",),
           lambda panel: change(panel["DGS10"], STRESS_DAYS), STRESS, feature=True),
    Signal("stress", "Dollar index at 100 or below and 10-year yield half a point down", FLAG,
           _STRESSED, stress, STRESS),
    Signal("stress_days", "Sessions that both have been true", DAYS, _STRESSED, days_of_stress,
           STRESS),
    _drawdown("bitcoin_below_record", "Bitcoin, from its record", "CBBTCUSD"),
    _drawdown("gold_below_record", "Gold (GLD), from its record", "GLD"),
    _drawdown("silver_below_record", "Silver (SLV), from its record", "SLV"),
    Signal("bitcoin_lost", "Bitcoin value gone since its peak, over yearly consumption", SHARE,
           ("CBBTCUSD", "PCE"), _bitcoin_lost, WEALTH,
           trap=f"With {BITCOINS / 1e6:.0f} million coins on every day, so early losses are "
           f"overstated."),
    Signal("crypto_lost", "Crypto value gone since its peak, over yearly consumption", SHARE,
           ("crypto_value", "PCE"),
           lambda panel: value_lost(panel["crypto_value"], panel["PCE"]), CRYPTO),
    *(signal for fund, title in _FUNDS.items() for signal in _extremes(fund, title)),
    Signal("target_over_index", "Strategists' mean target, above the S&P 500", RETURN,
           ("strategists_target", "SP500"),
           lambda panel: panel["strategists_target"] / panel["SP500"] - 1, TARGETS),
    Signal("approval", "Approval of the president", SHARE, ("president_approval",),
           _share_of("president_approval"), TARGETS),
    Signal("election_odds", "Odds of the party in office", SHARE, ("election_odds",),
           _share_of("election_odds"), TARGETS),
]  # fmt: skip
