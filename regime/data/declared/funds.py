"""Exchange-traded funds that one can hold."""

from regime.data.series import Basis, Frequency, Series, Unit, daily

# The six that baskets and the market return are made of.
_MODELLED = {
    "OEF": "S&P 100 fund", "XLG": "S&P 500 Top 50 fund", "RSP": "S&P 500 equal-weight fund",
    "IWM": "Russell 2000 fund", "IJR": "S&P SmallCap 600 fund", "SPY": "S&P 500 fund",
}  # fmt: skip
FUNDS = {
    **_MODELLED,
    "QQQ": "Nasdaq-100 fund", "IWC": "Russell Microcap fund", "IJH": "S&P MidCap 400 fund",
    "IWB": "Russell 1000 fund", "MGC": "CRSP US Mega Cap fund",
}  # fmt: skip


def _share(ticker: str, fund: str) -> list[Series]:
    """What a share closed at, and what happened to who held it the day before."""

    def series(kind: str, words: str, unit: Unit, frequency: Frequency, table: str) -> Series:
        return Series(
            f"{ticker}_{kind}", f"{fund}, {words}", unit, frequency, 0, 0, Basis.PUBLISHED, table,
            ticker, modelled=False,  # models see the total return made of them
            happens_to=f"{ticker}_close" if frequency is Frequency.EVENT else None,
        )  # fmt: skip

    return [
        series("close", "closing price", Unit.PRICE, Frequency.DAILY, "fund_closes_daily"),
        series("dividend", "dividend on its ex-day", Unit.DIVIDEND, Frequency.EVENT,
               "fund_dividends"),
        series("split", "share split on its ex-day", Unit.SPLIT, Frequency.EVENT, "fund_splits"),
    ]  # fmt: skip


SERIES = [
    # Vendor-adjusted indices: only ratios between two days mean anything.
    *daily(
        "etf_total_return_index_daily", Unit.INDEX, 0, 0, Basis.RECONSTRUCTED, **_MODELLED,
    ),
    # Closes as quoted that day: a later split or dividend adds a row and changes none.
    *(series for ticker, fund in FUNDS.items() for series in _share(ticker, fund)),
]  # fmt: skip
