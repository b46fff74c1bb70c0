"""Tables of a made-up market as archives, and what is fetched from them."""

import numpy as np
import pandas as pd

from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.observations import from_values, gather
from regime.data.sources import french
from regime.data.sources.french import FILES, SOURCE
from regime.data.sources.live import Request

BY_NAME = {file.name: file for file in FILES}
SIZES = BY_NAME["Portfolios_Formed_on_ME"]
BOOKS = BY_NAME["25_Portfolios_5x5"]
NOW = pd.Timestamp("2025-06-30 12:00", tz="UTC")

OURS = {
    series.id: series
    for series in catalog.CATALOG.values()
    if series.table.startswith("french_") or series.table.startswith("valuation_")
}
DAILY = [name for name, series in OURS.items() if series.frequency == "daily"]
MODELLED = [name for name, series in OURS.items() if series.modelled]
DERIVED = [name for file in FILES for name in file.derived]


class Archives:
    """What the host would send."""

    def __init__(self, documents: dict[str, bytes]):
        self.documents = documents

    def get(self, url: str, *, kind: str, params=None, headers=None) -> bytes:
        assert kind == "zip"
        assert params is None
        return self.documents[url.removeprefix(f"https://{french.HOST}")]


def fetched(documents: dict[str, bytes], since: pd.Timestamp | None = None) -> pd.DataFrame:
    jobs = SOURCE.jobs(Request(now=NOW, since=since))
    return gather([job.run(Archives(documents)) for job in jobs])


def values(observations: pd.DataFrame, name: str) -> "pd.Series[float]":
    rows = observations[observations["series"] == name]
    return rows.set_index("period")["value"]


def market(days: int = 50, last: str = "2024-12-31", seed: int = 3) -> pd.DataFrame:
    """Random values of every modelled series: so many days, and two years of months."""
    random = np.random.default_rng(seed)
    end = pd.Timestamp(last)
    sessions = trading_days(end - pd.Timedelta(days=4 * days), end)[-days:]
    months = pd.date_range(end - pd.DateOffset(years=2), end, freq="ME").as_unit("us")
    parts = []
    for name in MODELLED:
        if name in DAILY:
            drawn = pd.Series(random.normal(0, 0.01, days), sessions)
        elif name == "mcapshare_hi_10":
            drawn = pd.Series(random.uniform(0.3, 0.8, len(months)), months)
        else:
            drawn = pd.Series(random.uniform(-0.5, 2.5, len(months)), months)
        parts.append(from_values(OURS[name], drawn, "test"))
    return gather(parts)
