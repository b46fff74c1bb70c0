"""Exchange-traded funds that one can hold."""

from regime.data.series import Basis, Unit, daily

SERIES = [
    # Vendor-adjusted indices: only ratios between two days mean anything.
    *daily(
        "etf_total_return_index_daily", Unit.INDEX, 0, 0, Basis.RECONSTRUCTED,
        OEF="S&P 100 fund", XLG="S&P 500 Top 50 fund", RSP="S&P 500 equal-weight fund",
        IWM="Russell 2000 fund", IJR="S&P SmallCap 600 fund", SPY="S&P 500 fund",
    ),
]  # fmt: skip
