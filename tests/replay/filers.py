"""Frames of all companies as the SEC serves them, made from imagined companies."""

import json
from collections.abc import Iterable
from functools import cache

import numpy as np
import pandas as pd

from regime.data.sources import filers as source
from regime.data.sources.sec import HOST

COMPANIES = 3100
_FIRST_NUMBER = 1001
_SHARES = {  # of companies that file the line
    source.ASSETS: 1.0, source.INCOME: 0.9, source.OPERATING: 0.8, source.TOTAL: 0.25,
    source.NONCURRENT: 0.35, source.CURRENT: 0.3,
}  # fmt: skip
_SIZES = {  # the line over assets, and how far it varies
    source.INCOME: (0.02, 0.08), source.OPERATING: (0.05, 0.08), source.TOTAL: (0.3, 0.05),
    source.NONCURRENT: (0.25, 0.05), source.CURRENT: (0.03, 0.005),
}  # fmt: skip


def documents(*, now: pd.Timestamp, years: int = 2) -> dict[str, bytes]:
    """Frames of the newest years that were over 100 days by `now`: path on the host -> JSON."""
    last = (now - pd.Timedelta(days=101)).year - 1
    return {
        path(tag, year): imagined(tag, year)
        for year in range(last - years + 1, last + 1)
        for tag in source.TAGS
    }


def path(tag: str, year: int) -> str:
    return source.ADDRESS.format(tag, source.code(tag, year)).removeprefix(f"https://{HOST}")


@cache
def imagined(tag: str, year: int) -> bytes:
    """A frame of `COMPANIES` and a few more or less, the same whenever it is made."""
    assets = np.exp(np.random.default_rng(year).normal(20, 2, COMPANIES))
    random = np.random.default_rng([year, source.TAGS.index(tag)])
    told = assets
    if tag in _SIZES:
        told = assets * random.normal(*_SIZES[tag], COMPANIES)
    there = random.random(COMPANIES) < _SHARES[tag]
    return frame(
        tag, year,
        [fact(_FIRST_NUMBER + at, int(told[at]), year=year) for at in np.flatnonzero(there)],
    )  # fmt: skip


def fact(cik: int, value: float, *, year: int = 2023, end: str = "", accn: str = "") -> dict:
    """A company's figure, filed in March after the year unless said otherwise."""
    return {
        "accn": accn or f"{cik:010}-{(year + 1) % 100:02}-{cik % 1_000_000:06}", "cik": int(cik),
        "entityName": f"COMPANY {cik}", "loc": "US-CA", "end": end or f"{year}-12-31",
        "val": value,
    }  # fmt: skip


def frame(tag: str, year: int, facts: Iterable[dict]) -> bytes:
    """The document of these figures."""
    begins = {} if source.code(tag, year).endswith("I") else {"start": f"{year}-01-01"}
    told = [begins | one for one in facts]
    head = {
        "taxonomy": "us-gaap", "tag": tag, "ccp": source.code(tag, year), "uom": "USD",
        "label": tag, "description": f"Amount of {tag}.", "pts": len(told),
    }  # fmt: skip
    return json.dumps({**head, "data": told}).encode()
