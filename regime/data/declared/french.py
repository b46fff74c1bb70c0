"""Portfolios of the Kenneth R. French data library."""

from regime.data.series import Basis, Unit, daily, monthly

DECILES = ("lo_10", *(f"dec_{number}" for number in range(2, 10)), "hi_10")

SERIES = [
    # Returns of portfolios rebuilt from CRSP: anybody saw the prices at that close.
    *daily(
        "french_size_portfolios_vw_daily", Unit.RETURN, 0, 0, Basis.RECONSTRUCTED,
        qnt_2="Second-smallest NYSE size quintile",
        **{name: f"NYSE size decile {rank}" for rank, name in enumerate(DECILES, 1)},
    ),
    *daily(
        "french_factors_daily", Unit.RETURN, 0, 0, Basis.RECONSTRUCTED,
        mkt_rf="US market less the bill rate",
        hml="Value less growth",
        mom="Winners less losers, 12-2 months",
        rf="One-month bill, return a day",
    ),
    # Book-to-market of portfolios formed each June, one value a month, files out within
    # two months; the ratio of a July is thereby never used before that July is over.
    *monthly(
        "valuation_and_concentration_monthly", Unit.LOG_RATIO, 60, 130,
        log_bm_june_q1_minus_q5="Book-to-market, smallest over largest quintile",
        log_bm_june_q2_minus_q5="Book-to-market, second-smallest over largest quintile",
        value_spread_q1="Book-to-market, cheap over dear, smallest quintile",
        value_spread_q5="Book-to-market, cheap over dear, largest quintile",
    ),
    *monthly(
        "valuation_and_concentration_monthly", Unit.SHARE, 60, 130,
        mcapshare_hi_10="Share of the top NYSE decile in total market value",
    ),
]  # fmt: skip
