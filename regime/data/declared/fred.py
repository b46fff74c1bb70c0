"""Rates, credit, volatility and the economy, as FRED serves them."""

from regime.data.series import Basis, Unit, daily

SERIES = [
    # Published on the next business day.
    *daily(
        "fred_daily", Unit.PERCENT, 1, 10, Basis.PUBLISHED,
        DFF="Effective federal funds rate", DGS1="Treasury yield, 1 year",
        DGS2="Treasury yield, 2 years", DGS10="Treasury yield, 10 years",
        DFII10="Real Treasury yield, 10 years", T10YIE="Break-even inflation, 10 years",
    ),
    *daily(
        "fred_daily", Unit.POINTS, 1, 10, Basis.PUBLISHED,
        BAA10Y="Baa corporate yield less the 10-year Treasury yield",
        BAMLH0A0HYM2="US high-yield option-adjusted spread",
    ),
    *daily(
        "fred_daily", Unit.LEVEL, 1, 10, Basis.PUBLISHED,
        VIXCLS="Implied volatility of the S&P 500, 30 days (VIX)",
    ),
]  # fmt: skip
