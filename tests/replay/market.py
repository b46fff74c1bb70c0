"""Every publisher at once, telling of one simulated market in the layouts they use."""

from functools import lru_cache

import pandas as pd
from replay import cftc, filers, finra, fred, french, holdings, ici, sec, shiller, yahoo
from replay.server import Responder

from regime.data.calendar import last_closed_session, trading_days
from regime.data.sources import demo

CHART = "/graph/fredgraph.csv"
HOSTS = {
    "mba.tuck.dartmouth.edu": "french",
    "fred.stlouisfed.org": "fred",
    "query1.finance.yahoo.com": "yahoo",
    "www.econ.yale.edu": "shiller",
    "shillerdata.com": "shiller",
    "img1.wsimg.com": "shiller",
    "data.sec.gov": "sec",
    "www.cftc.gov": "cftc",
    "www.ici.org": "ici",
    "www.ssga.com": "holdings",
    "www.ishares.com": "holdings",
    "cdn.finra.org": "finra",
}


@lru_cache(maxsize=2)
def observations(first: str, last: pd.Timestamp) -> pd.DataFrame:
    """What the simulated market would have published of these days, every value of it."""
    return demo.simulate(trading_days(pd.Timestamp(first), last)).observations


def documents(now: pd.Timestamp, *, first: str = "2012-01-03") -> dict[str, bytes | Responder]:
    """Documents by "host/path", as all publishers would serve them at `now` (UTC)."""
    rows = observations(first, last_closed_session(now))
    known = rows[rows["known_at"] <= now]
    parts = {
        "mba.tuck.dartmouth.edu": french.documents(known),
        "fred.stlouisfed.org": {CHART: _from_day(fred.documents(known))},
        "query1.finance.yahoo.com": yahoo.documents(known, now=now),
        "www.econ.yale.edu": shiller.documents(known),
        "data.sec.gov": sec.documents(now=now) | filers.documents(now=now, years=1),
        "www.cftc.gov": cftc.documents(now=now, first="2016-07-05"),
        "www.ici.org": ici.documents(now=now),
        "www.ssga.com": holdings.documents(now=now),
        "cdn.finra.org": finra.documents(now=now),
    }
    return {
        f"{host}{path}" if path.startswith("/") else path: content
        for host, part in parts.items()
        for path, content in part.items()
    }


def _from_day(tables: dict[str, bytes]) -> Responder:
    """FRED's tables by `id`, from the day `cosd` on where one is given."""

    def answer(_: str, query: dict[str, str]) -> tuple[int, bytes]:
        table = tables.get(f"{CHART}?id={query.get('id')}")
        if table is None:
            return 404, b"not here"
        header, *lines = table.splitlines(keepends=True)
        wanted = query.get("cosd", "").encode()
        return 200, b"".join([header, *(line for line in lines if line >= wanted)])

    return answer
