"""Exchange-traded funds, and a few companies, whose shares one can hold."""

from dataclasses import replace

from regime.data.series import Basis, Frequency, Series, Unit, daily

# What is stored of a share, by the ending of its series.
KINDS = ("close", "dividend", "split")

# The six that baskets and the market return are made of.
_MODELLED = {
    "OEF": "S&P 100 fund", "XLG": "S&P 500 Top 50 fund", "RSP": "S&P 500 equal-weight fund",
    "IWM": "Russell 2000 fund", "IJR": "S&P SmallCap 600 fund", "SPY": "S&P 500 fund",
}  # fmt: skip
FUNDS = {
    **_MODELLED,
    # The ladder of sizes.
    "QQQ": "Nasdaq-100 fund", "IWC": "Russell Microcap fund", "IJH": "S&P MidCap 400 fund",
    "IWR": "Russell Midcap fund", "IWB": "Russell 1000 fund", "MGC": "CRSP US Mega Cap fund",
    "IWL": "Russell Top 200 fund", "VTI": "CRSP US Total Market fund",
    "DIA": "Dow Jones Industrial Average fund", "QQQE": "Nasdaq-100 equal-weight fund",
    "RSPT": "S&P 500 technology equal-weight fund",
    # Styles.
    "IWF": "Russell 1000 Growth fund", "IWD": "Russell 1000 Value fund",
    "IWO": "Russell 2000 Growth fund", "IWN": "Russell 2000 Value fund",
    "IWP": "Russell Midcap Growth fund", "IWS": "Russell Midcap Value fund",
    "VUG": "CRSP US Large Cap Growth fund", "VTV": "CRSP US Large Cap Value fund",
    "QUAL": "MSCI USA Quality fund", "MTUM": "MSCI USA Momentum fund",
    "USMV": "MSCI USA Minimum Volatility fund", "SPHB": "S&P 500 High Beta fund",
    "SPLV": "S&P 500 Low Volatility fund",
    # Sectors and industries.
    "XLK": "Technology sector fund", "XLF": "Financial sector fund",
    "XLE": "Energy sector fund", "XLI": "Industrial sector fund",
    "XLV": "Health care sector fund", "XLY": "Consumer discretionary sector fund",
    "XLP": "Consumer staples sector fund", "XLU": "Utilities sector fund",
    "XLB": "Materials sector fund", "XLRE": "Real estate sector fund",
    "XLC": "Communication services sector fund",
    "IYT": "Transportation fund", "KRE": "Regional banks fund", "SMH": "Semiconductor fund",
    "XHB": "Homebuilders fund", "XRT": "Retail fund", "VNQ": "Real estate trusts fund",
    "IGV": "Software fund",
    # Bonds, gold and silver.
    "HYG": "High-yield corporate bond fund", "LQD": "Investment-grade corporate bond fund",
    "IEF": "7 to 10-year Treasury fund", "TLT": "20-year Treasury fund",
    "GLD": "Gold fund", "SLV": "Silver fund",
    # Abroad.
    "EFA": "MSCI EAFE fund", "EEM": "MSCI Emerging Markets fund", "EWJ": "MSCI Japan fund",
    "EWY": "MSCI South Korea fund", "VGK": "FTSE Europe fund", "EWU": "MSCI UK fund",
    "EWG": "MSCI Germany fund", "EWC": "MSCI Canada fund", "EWA": "MSCI Australia fund",
    "EWZ": "MSCI Brazil fund", "EWT": "MSCI Taiwan fund", "MCHI": "MSCI China fund",
    "INDA": "MSCI India fund",
    # Shares of companies, quoted and paid like those of a fund.
    "AAPL": "Apple", "MSFT": "Microsoft", "NVDA": "Nvidia", "AMZN": "Amazon",
    "GOOGL": "Alphabet, class A", "META": "Meta", "TSLA": "Tesla", "ORCL": "Oracle",
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


def _read_by_name() -> list[Series]:
    """Total returns that signals read, and models do not."""
    others = {ticker: fund for ticker, fund in FUNDS.items() if ticker not in _MODELLED}
    indices = daily("etf_total_return_index_daily", Unit.INDEX, 0, 0, Basis.RECONSTRUCTED, **others)
    return [replace(one, modelled=False) for one in indices]


SERIES = [
    # Vendor-adjusted indices: only ratios between two days mean anything.
    *daily(
        "etf_total_return_index_daily", Unit.INDEX, 0, 0, Basis.RECONSTRUCTED, **_MODELLED,
    ),
    *_read_by_name(),
    # Closes as quoted that day: a later split or dividend adds a row and changes none.
    *(series for ticker, fund in FUNDS.items() for series in _share(ticker, fund)),
]  # fmt: skip
