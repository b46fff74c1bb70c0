"""Sectors and industries: a league table over any window."""

import pandas as pd

from regime.signals.declaration import RANK, Pair, Signal, Topic
from regime.signals.declared.breadth import SECTORS
from regime.signals.measures import total
from regime.signals.windows import returns, run_of

FAMILY = "sectors"
INDUSTRIES = ("IYT", "KRE", "SMH", "XHB", "XRT", "VNQ", "IGV")
TITLES = {
    "XLK": "Technology", "XLF": "Financials", "XLE": "Energy", "XLI": "Industrials",
    "XLV": "Health care", "XLY": "Consumer discretionary", "XLP": "Consumer staples",
    "XLU": "Utilities", "XLB": "Materials", "XLRE": "Real estate", "XLC": "Communication",
    "IYT": "Transportation", "KRE": "Regional banks", "SMH": "Semiconductors",
    "XHB": "Homebuilders", "XRT": "Retail", "VNQ": "Real estate trusts", "IGV": "Software",
}  # fmt: skip

ROTATION = Topic(
    "Sector rotation", FAMILY,
    "Which businesses lead, and does technology still?",
    "Leadership of giants is leadership of technology; a rotation shows in the league table.",
    lean="technology low: away from mega-cap-led",
    trap="Communication and real estate were taken out of other sectors in 2018 and 2015.",
)  # fmt: skip


def _place_of_technology(panel: pd.DataFrame) -> "pd.Series[float]":
    """Place among the sectors known on the day, 1 for the best month."""
    league = pd.DataFrame({name: total(panel[name], 21) for name in SECTORS})
    place = league.rank(axis=1, ascending=False, method="min")["XLK"]
    return place.where(league[list(SECTORS[:9])].notna().all(axis=1))


SIGNALS = [
    *(signal for name in (*SECTORS, *INDUSTRIES)
      for signal in returns(name, f"{TITLES[name]} ({name})", name, ROTATION, spans=(21,))),
    *returns("tech_over_market", "Technology less S&P 500", "XLK", ROTATION, against="SPY",
             spans=(5, 21, 63, 252)),
    *returns("tech_over_health", "Technology less health care", "XLK", ROTATION, against="XLV",
             spans=(21, 63)),
    *returns("equal_tech_over_tech", "Technology, equal weight less cap weight", "RSPT", ROTATION,
             against="XLK", spans=(21, 63)),
    *returns("cyclical_over_defensive", "Cyclical less defensive sectors",
             ("XLI", "XLB", "XLF", "XLY", "XLE"), ROTATION, against=("XLV", "XLP", "XLU"),
             spans=(21, 63)),
    Signal("tech_place_21d", "Place of technology among the sectors, a month", RANK, SECTORS[:9],
           _place_of_technology, ROTATION, uses=SECTORS[9:]),
    run_of("tech_ahead_streak", "Technology ahead of the S&P 500", Pair("", ("XLK",), ("SPY",)),
           ROTATION),
]  # fmt: skip
