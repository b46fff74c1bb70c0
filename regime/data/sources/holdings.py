"""What index funds held on the day their issuers' files speak of.

Files say the newest day only, and no free source has older ones: each fetch adds a day.
"""

from functools import partial

import pandas as pd

from regime.data.catalog import get
from regime.data.declared.holdings import COUNTED, GIANTS, LARGEST, shares_id
from regime.data.observations import from_values, gather
from regime.data.sources.holdings_layout import Fund, read_ishares, read_spdr
from regime.data.sources.live import Http, Job, Request, Source
from regime.exceptions import SourceError

NAME = "holdings"
SPDR_HOST, ISHARES_HOST = "www.ssga.com", "www.ishares.com"
SPDR = (
    f"https://{SPDR_HOST}/us/en/intermediary/library-content/products/fund-data/etfs/us/"
    f"holdings-daily-us-en-{LARGEST.lower()}.xlsx"
)
ISHARES = f"https://{ISHARES_HOST}/us/products/{{}}/latest-holdings.csv"
PRODUCTS = {
    "IWM": "239710/ishares-russell-2000-etf",
    "IJR": "239774/ishares-core-sp-smallcap-etf",
    "OEF": "239723/ishares-sp-100-etf",
}
INDEX = {"IWM": "Russell 2000", "IJR": "Small-Cap", "OEF": "S&P 100"}  # in a fund's name


def jobs(request: Request) -> list[Job]:
    """One job a fund."""
    return [
        Job(ticker, partial(fetch, ticker=ticker, request=request))
        for ticker in (LARGEST, *COUNTED)
    ]


def fetch(http: Http, *, ticker: str, request: Request) -> pd.DataFrame:
    """Observations of the newest day of a fund; none if it is before `request.since`."""
    held = fund(http, ticker, now=request.now)
    if request.since is not None and held.day < request.since:
        return gather([])
    if ticker == LARGEST:
        values = concentration(held)
    else:
        values = {shares_id(ticker): held.shares_outstanding}
    return gather(
        [from_values(get(name), pd.Series([value], pd.DatetimeIndex([held.day])), NAME)
         for name, value in values.items()]
    )  # fmt: skip


def fund(http: Http, ticker: str, *, now: pd.Timestamp) -> Fund:
    """What a fund holds; SourceError if its file cannot be had or read."""
    if ticker == LARGEST:
        return read_spdr(http.get(SPDR, kind="workbook"), ticker, now=now)
    content = http.get(ISHARES.format(PRODUCTS[ticker]), kind="csv")
    return read_ishares(content, ticker, index=INDEX[ticker], now=now)


def concentration(held: Fund) -> dict[str, float]:
    """How much of a fund its largest companies are, by series.

    Returns
    -------
    dict of weights as shares of the fund, and of the effective number of its lines, which is
    one over the sum of their squared weights, scaled to add up to one

    Raises
    ------
    SourceError
        If the fund has no line of one of the giants.
    """
    weight = held.lines.set_index("ticker")["weight"]
    if absent := [name for name, classes in GIANTS.items() if not {*classes} & {*weight.index}]:
        raise SourceError(
            f"The weight of the seven giants needs {', '.join(absent)} among the lines of "
            f"{held.ticker}, which has {len(weight)} without. If the company left the index, "
            f"change GIANTS in regime/data/declared/holdings.py."
        )
    giants = [one for classes in GIANTS.values() for one in classes]
    companies = held.lines.groupby("company")["weight"].sum()
    scaled = weight / weight.sum()
    return {
        "spy_top7_weight": float(weight[weight.index.isin(giants)].sum()),
        "spy_top10_weight": float(companies.nlargest(10).sum()),
        "spy_top50_weight": float(weight.nlargest(50).sum()),
        "spy_effective_number": float(1 / (scaled**2).sum()),
    }


SOURCE = Source(
    name=NAME,
    title="State Street and BlackRock, holdings of index funds",
    endpoint=f"{SPDR}, and {ISHARES.format(PRODUCTS['IWM'])} and so on for {', '.join(COUNTED)}.",
    format="A workbook of SPY, CSV of the others: a line a holding, weights in percent.",
    licence="Copyright of the issuers; for personal use, not to be passed on.",
    lag="The day after; the newest day only, so history begins with the first fetch.",
    hosts={SPDR_HOST: 0.5, ISHARES_HOST: 0.5},
    jobs=jobs,
)
