"""Styles: momentum, quality or junk, value against growth."""

from collections.abc import Sequence

import pandas as pd

from regime.signals.declaration import DAYS, POINTS, RETURN, Measure, Signal, Topic
from regime.signals.measures import days_true, level_of, mean_of, total
from regime.signals.windows import SPANS, returns

FAMILY = "styles"
_LEAD = 63  # sessions over which the lead of junk is told

MOMENTUM = Topic(
    "Momentum crash", FAMILY,
    "Do the winners still win?",
    "When last year's winners fall against the losers, leadership is changing hands.",
    lean="low: leaders are changing",
    trap="The French factor is long winners and short losers; the fund only holds winners, and is "
    "rebuilt twice a year.",
)  # fmt: skip
QUALITY = Topic(
    "Quality or junk", FAMILY,
    "Does money go to sound companies, or to those that barely live?",
    "Rallies of low quality are brief: a year or a year and a half after a crisis at most.",
    lean="low: junk leads, which small companies live on",
    trap="The S&P 600 screens for profit and the Russell 2000 does not, so that one less the "
    "other is quality among small companies; other differences come with it.",
)  # fmt: skip
VALUE = Topic(
    "Value against growth", FAMILY,
    "Do cheap companies beat dear ones?",
    "Value and small companies often turn together, away from the giants' growth.",
    lean="high: broadening or small-cap-led",
)  # fmt: skip
_FRENCH = "French factors come one to two months late; funds stand in until then."


def _factor(name: str, days: int) -> Measure:
    return lambda panel: total(level_of(panel[name]), days)


def _factors(
    name: str, title: str, series: str, topic: Topic, spans: Sequence[int]
) -> list[Signal]:
    return [
        Signal(f"{name}_{days}d", f"{title}, {SPANS[days]}", RETURN, (series,),
               _factor(series, days), topic, trap=_FRENCH) for days in spans
    ]  # fmt: skip


def _junk_lead(of: Sequence[str], against: Sequence[str]) -> Measure:
    """Sessions in a row that the quarter's return of junk has been ahead of quality's."""

    def measure(panel: pd.DataFrame) -> "pd.Series[float]":
        lead = total(mean_of(panel, of), _LEAD) - total(mean_of(panel, against), _LEAD)
        return days_true(lead > 0, lead.notna())

    return measure


SMALL_JUNK, SMALL_QUALITY = ("me1_op1", "me2_op1"), ("me1_op5", "me2_op5")


def _monthly_quality(panel: pd.DataFrame) -> "pd.Series[float]":
    """Most less least profitable small companies, of the newest month that is known."""
    best = panel[[f"vw_{name}" for name in SMALL_QUALITY]].mean(axis=1, skipna=False)
    worst = panel[[f"vw_{name}" for name in SMALL_JUNK]].mean(axis=1, skipna=False)
    return best - worst


SIGNALS = [
    *returns("momentum_fund", "Momentum fund less S&P 500", "MTUM", MOMENTUM, against="SPY",
             spans=(5, 21, 63)),
    *_factors("momentum", "Winners less losers", "mom", MOMENTUM, (5, 21, 63, 252)),
    *returns("small_quality", "S&P 600 less Russell 2000", "IJR", QUALITY, against="IWM",
             spans=(21, 63, 252), features=(21, 63)),
    *returns("quality", "Quality less S&P 500", "QUAL", QUALITY, against="SPY", spans=(21, 63)),
    *returns("low_risk", "Low volatility less high beta", "SPLV", QUALITY, against="SPHB",
             spans=(21, 63)),
    *returns("calm", "Minimum volatility less S&P 500", "USMV", QUALITY, against="SPY",
             spans=(21, 63)),
    *_factors("profitable", "Robust less weak profitability", "rmw", QUALITY, (21, 63, 252)),
    Signal("small_profitable_month", "Small companies, most less least profitable, a month", POINTS,
           tuple(f"vw_{name}" for name in (*SMALL_JUNK, *SMALL_QUALITY)), _monthly_quality, QUALITY,
           trap="A month's return of two fifths by size, one to two months late."),
    Signal("junk_lead_small", "Days the Russell 2000 has led the S&P 600 over a quarter", DAYS,
           ("IWM", "IJR"), _junk_lead(("IWM",), ("IJR",)), QUALITY),
    Signal("junk_lead_large", "Days high beta has led low volatility over a quarter", DAYS,
           ("SPHB", "SPLV"), _junk_lead(("SPHB",), ("SPLV",)), QUALITY),
    *returns("small_value", "Small value less small growth", "IWN", VALUE, against="IWO",
             spans=(21, 63, 252)),
    *returns("large_value", "Large value less large growth", "VTV", VALUE, against="VUG",
             spans=(21, 63, 252)),
    *_factors("value", "Value less growth, long history", "hml", VALUE, (21, 63, 252)),
]  # fmt: skip
