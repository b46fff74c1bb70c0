"""Breadth over the members of the S&P 500, from prices of each member."""

from dataclasses import replace

from regime.data.series import Basis, Unit, daily

_READ_BY_NAME = daily(
    "sp500_breadth_daily", Unit.SHARE, 0, 5, Basis.RECONSTRUCTED,
    pct_above_20dma="S&P 500 members above their 20-day average",
    pct_beating_spy_21d="S&P 500 members ahead of the index over 21 days",
    pct_beating_spy_126d="S&P 500 members ahead of the index over 126 days",
    coverage="S&P 500 members with a price, of all members of the day",
)  # fmt: skip
_IDS = {"coverage": "members_coverage"}

SERIES = [
    # Members of each day, but prices of survivors only: coverage 0.38 in 1996, 0.76 in
    # 2010, 0.95 in 2024.
    *daily(
        "sp500_breadth_daily", Unit.SHARE, 0, 5, Basis.RECONSTRUCTED,
        pct_above_50dma="S&P 500 members above their 50-day average",
        pct_above_200dma="S&P 500 members above their 200-day average",
        pct_beating_spy_63d="S&P 500 members ahead of the index over 63 days",
        pct_beating_spy_252d="S&P 500 members ahead of the index over 252 days",
        pct_new_52w_high="S&P 500 members at a 52-week high",
        pct_new_52w_low="S&P 500 members at a 52-week low",
    ),
    *daily(
        "sp500_breadth_daily", Unit.RATIO, 0, 5, Basis.RECONSTRUCTED,
        adv_minus_dec_ratio="S&P 500 advancers less decliners, over members priced",
        avg_corr_63d="Average correlation of S&P 500 members, 63 days",
    ),
    *(replace(one, id=_IDS.get(one.id, one.id), modelled=False) for one in _READ_BY_NAME),
]  # fmt: skip
