"""Breadth: how many take part, among the members of the S&P 500 and among sectors."""

import pandas as pd

from regime.signals.declaration import RATIO, SHARE, Measure, Signal, Topic, column, difference
from regime.signals.measures import GAP, above_average, share_true, total

FAMILY = "breadth"
SECTORS = ("XLK", "XLF", "XLE", "XLI", "XLV", "XLY", "XLP", "XLU", "XLB", "XLRE", "XLC")
_FUNDS = "Eleven funds, nine before 2015; no survivorship."
_LEAST = 8  # sectors that must be known: eleven today, nine until 2015

AVERAGES = Topic(
    "Breadth: above the 200-day average", FAMILY,
    "How many companies are in an upward trend?",
    "A rise that most companies share is broad; one of a few giants is not.",
    lean="high: broadening; low: mega-cap-led",
    trap="Prices of members that failed or were bought are missing before 2010: read it as the "
    "breadth of survivors, and see the coverage.",
)  # fmt: skip
TECHNOLOGY = Topic(
    AVERAGES.title, FAMILY, AVERAGES.question, AVERAGES.why,
    lean="high: the leaders' own breadth is sound",
    trap="Shares of one sector's members come from a table of your own.",
)  # fmt: skip
PARTICIPATION = Topic(
    "Breadth: participation", FAMILY,
    "How many companies beat the index?",
    "When one company in ten carries the other nine, few beat the index.",
    lean="high: broadening; low: mega-cap-led",
    trap=AVERAGES.trap,
)  # fmt: skip


def _share_of_sectors(days: int) -> Measure:
    def measure(panel: pd.DataFrame) -> "pd.Series[float]":
        distance = pd.DataFrame({name: above_average(panel[name], days) for name in SECTORS})
        return share_true(distance > 0, distance.notna(), _LEAST)

    return measure


def _sectors_ahead(days: int) -> Measure:
    def measure(panel: pd.DataFrame) -> "pd.Series[float]":
        ahead = pd.DataFrame(
            {name: total(panel[name], days) - total(panel["SPY"], days) for name in SECTORS}
        )
        return share_true(ahead > 0, ahead.notna(), _LEAST)

    return measure


def _series(name: str, title: str, series: str, topic: Topic, *, ranked: bool = True) -> Signal:
    return Signal(name, title, SHARE, (series,), column(series), topic, ranked=ranked)


def _net_advances(panel: pd.DataFrame) -> "pd.Series[float]":
    net = panel["adv_minus_dec_ratio"]
    return net.rolling(21, min_periods=21 - GAP).mean().where(net.notna())


_FIRST = SECTORS[:9]  # since 1998
_EXTREMES = ("pct_new_52w_high", "pct_new_52w_low")
SIGNALS = [
    _series("members_above_20d", "Members above their 20-day average", "pct_above_20dma", AVERAGES),
    _series("members_above_50d", "Members above their 50-day average", "pct_above_50dma", AVERAGES),
    _series("members_above_200d", "Members above their 200-day average", "pct_above_200dma",
            AVERAGES),
    _series("members_coverage", "Members with a price: the coverage of all breadth of members",
            "members_coverage", AVERAGES, ranked=False),
    *(Signal(f"sectors_above_{days}d", f"Sector funds above their {days}-day average", SHARE,
             _FIRST, _share_of_sectors(days), AVERAGES, uses=SECTORS[9:],
             trap=_FUNDS) for days in (50, 200)),
    _series("tech_above_200d", "Technology companies above their 200-day average",
            "tech_above_200dma", TECHNOLOGY),
    Signal("tech_over_200d", "Technology fund, distance from its 200-day average",
           "decimal return", ("XLK",), lambda panel: above_average(panel["XLK"], 200), TECHNOLOGY),
    *(_series(f"members_ahead_{days}d", f"Members ahead of the index over {days} sessions",
              f"pct_beating_spy_{days}d", PARTICIPATION)
      for days in (21, 63, 126, 252)),
    Signal("net_advances", "Advancers less decliners, mean of a month", f"{RATIO}, -1 to 1",
           ("adv_minus_dec_ratio",), _net_advances, PARTICIPATION),
    Signal("net_highs", "New 52-week highs less lows, share of members", f"{RATIO}, -1 to 1",
           _EXTREMES, difference(*_EXTREMES), PARTICIPATION),
    *(Signal(f"sectors_ahead_{days}d", f"Sector funds ahead of the S&P 500 over {days} sessions",
             SHARE, (*_FIRST, "SPY"), _sectors_ahead(days), PARTICIPATION, uses=SECTORS[9:],
             trap=_FUNDS)
      for days in (21, 63)),
]  # fmt: skip
