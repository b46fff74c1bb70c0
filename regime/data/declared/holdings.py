"""What index funds hold, from the daily files of their issuers.

No free source has older files: each fetch keeps the day its files speak of, so every history
begins with the first fetch. Files come out before the next session and are known at its close.

Weights of SPY are shares of the whole fund, as its file prints them; cash, futures and rights
are no companies. The effective number is of the listed lines alone, their weights scaled to
one.
"""

import math

from regime.data.series import Basis, Frequency, Series, Unit

# Share classes of the seven giants, by company.
GIANTS: dict[str, tuple[str, ...]] = {
    "Apple": ("AAPL",), "Microsoft": ("MSFT",), "Nvidia": ("NVDA",), "Amazon": ("AMZN",),
    "Alphabet": ("GOOGL", "GOOG"), "Meta": ("META",), "Tesla": ("TSLA",),
}  # fmt: skip
LARGEST = "SPY"  # the fund whose weights are told
COUNTED = {
    "IWM": "Russell 2000 fund", "IJR": "S&P SmallCap 600 fund", "OEF": "S&P 100 fund",
}  # fmt: skip

_TABLE = "fund_holdings_daily"


def shares_id(ticker: str) -> str:
    """Name of a fund's shares outstanding, e.g. `IWM_shares_outstanding`."""
    return f"{ticker}_shares_outstanding"


def _series(
    name: str, title: str, unit: Unit, lowest: float, highest: float, jump: float = math.inf
) -> Series:
    return Series(
        name, title, unit, Frequency.DAILY, 1, 10, Basis.PUBLISHED, _TABLE, name, modelled=False,
        lowest=lowest, highest=highest, jump=jump, rolling=True,
    )  # fmt: skip


def _weight(name: str, title: str) -> Series:
    return _series(name, title, Unit.SHARE, 0.0, 1.0, 0.05)


SERIES = [
    _weight("spy_top7_weight", "Weight of the seven giants in the S&P 500 fund"),
    _weight("spy_top10_weight",
            "Weight of the ten largest companies in the S&P 500 fund, share classes added"),
    _weight("spy_top50_weight", "Weight of the 50 largest lines in the S&P 500 fund"),
    _series("spy_effective_number",
            "Effective number of lines in the S&P 500 fund, one over the sum of squared weights",
            Unit.RATIO, 1.0, 600.0, 20.0),
    *(
        _series(shares_id(ticker), f"{fund}, shares outstanding", Unit.COUNT, 1e5, 1e11)
        for ticker, fund in COUNTED.items()
    ),
]  # fmt: skip
