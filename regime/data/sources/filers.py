"""Figures of all companies at once, from the SEC's frames: one line of one year.

`https://data.sec.gov/api/xbrl/frames/us-gaap/NetIncomeLoss/USD/CY2023.json` has a line of the
accounts of whoever filed it for the calendar year, and `.../Assets/USD/CY2023Q4I.json` one at its
end:

    {"taxonomy": "us-gaap", "tag": "NetIncomeLoss", "ccp": "CY2023", "uom": "USD", "label": "...",
     "description": "...", "pts": 5412, "data": [{"accn": "0000320193-25-000079", "cik": 320193,
     "entityName": "...", "loc": "US-CA", "start": "2022-09-25", "end": "2023-09-30",
     "val": 96995000000}, ...]}

Spans are 365 days, give or take 30. A company is there once, with what it filed last, restated or
not; should it be there twice, the later `end` counts, and of one day the filing of the later
year or higher number. Other currencies have frames of their own, which are not read.

A year is asked for once its lag is over: a frame fills while filings come in, the largest
companies first, and part of it would be a sample of another kind. Those that file late get into
the newest year for some months, in which it is asked for again, and revise it. The first fetch
asks for every year since 2009.
"""

import datetime as dt
import json
import math
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from regime.data.catalog import get
from regime.data.declared.filers import COUNTED, DEBT, LOSS_MAKERS, RANKS, SERIES
from regime.data.observations import from_values, gather
from regime.data.sources import sec
from regime.data.sources.live import AGAIN, Http, Job, Request, Source
from regime.exceptions import AbsentError, SourceError, UnreachedError

NAME = "filers"
ADDRESS = f"https://{sec.HOST}/api/xbrl/frames/us-gaap/{{}}/USD/{{}}.json"
FIRST_YEAR = 2009
LATE = pd.Timedelta(days=90)  # past the lag, in which reports that are late come in
WEEKS = dt.timedelta(days=10)  # past the year, in which a year of 52 or 53 weeks may end
LARGEST = 64 * 1024**2  # bytes of a frame; they have 2 to 5 million
FEWEST, FEWEST_IN_DEBT = 1000, 300  # companies of a frame
FEWEST_OF_GROUP = 0.5  # share of a group without whose income it is no sample

ASSETS, INCOME, OPERATING = "Assets", "NetIncomeLoss", "OperatingIncomeLoss"
TOTAL, NONCURRENT, CURRENT = "LongTermDebt", "LongTermDebtNoncurrent", "LongTermDebtCurrent"
_SPANS = {INCOME, OPERATING}  # of the year; the others are of its last day
TAGS = (ASSETS, INCOME, OPERATING, TOTAL, NONCURRENT, CURRENT)

_READ = ("cik", "end", "val", "accn")
_FILING = re.compile(r"\d{10}-(\d{2}-\d{6})", re.ASCII)


def jobs(request: Request) -> list[Job]:
    """One job for each year that is due, the oldest first."""
    if not request.keys.get(sec.AGENT, "").strip():
        return []
    return [
        Job(f"year {year}", partial(fetch, year=year, request=request)) for year in due(request)
    ]


def due(request: Request) -> list[int]:
    """Years whose lag is over and that are not stored, or from `since` on; the newest stored one
    too while late reports come in.
    """
    years = [year for year in range(FIRST_YEAR, request.now.year) if _known(year) <= request.now]
    if request.since is not None:
        return [year for year in years if year >= request.since.year]
    stored = [request.newest[one.id].year for one in SERIES if one.id in request.newest]
    newest = max(stored, default=FIRST_YEAR - 1)
    return [
        year for year in years if year > newest or (year == newest and _fills(year, request.now))
    ]


def fetch(http: Http, *, year: int, request: Request) -> pd.DataFrame:
    """Observations of a year; none while it has no frames.

    Raises
    ------
    SourceError
        If the newest year has no frames long after its lag, one cannot be had, or `parse` or
        `measures` refuses it.
    """
    last = _known(year + 1) > request.now
    fills = _fills(year, request.now)
    headers = {"User-Agent": request.keys[sec.AGENT].strip()}
    frames: dict[str, pd.Series[float]] = {}
    try:
        for tag in TAGS:
            address = ADDRESS.format(tag, code(tag, year))
            content = http.get(address, kind="json", headers=headers)
            frames[tag] = parse(content, tag, year, fills=fills)
        told = measures(frames, year)
    except UnreachedError:
        raise
    except SourceError as error:
        if not frames and isinstance(error, AbsentError) and (fills or not last):
            return gather([])
        if last:  # it will be asked for again by itself
            raise
        raise SourceError(
            f"{error} Later `regime fetch --source {NAME} --since {year}-01-01` asks for this year "
            f"again."
        ) from error
    period = _end(year)
    return gather([
        from_values(get(name), pd.Series({period: value}), NAME) for name, value in told.items()
    ])  # fmt: skip


def code(tag: str, year: int) -> str:
    """What the publisher calls the year of a line, or its end: CY2023, CY2023Q4I."""
    return f"CY{year}" if tag in _SPANS else f"CY{year}Q4I"


def parse(content: bytes, tag: str, year: int, *, fills: bool = False) -> "pd.Series[float]":
    """One line of the accounts of each company.

    Parameters
    ----------
    fills : whether filings of the year still come in, for the words of an error

    Returns
    -------
    Series of USD, indexed by the SEC's number of the company, ascending
        Without figures of a day more than `WEEKS` after the year.

    Raises
    ------
    SourceError
        If it is no such frame, is cut short, is of another line, year or unit, has a figure that
        cannot be read, or too few companies.
    """
    place = f"{tag} of {code(tag, year)}"
    latest: dict[int, tuple[dt.date, str, float]] = {}
    for at, fact in enumerate(_facts(content, tag, year, place)):
        cik, figure = _figure(fact, f"{place}, figure {at}")
        latest[cik] = max(latest.get(cik, figure), figure)
    fewest = FEWEST_IN_DEBT if tag in {TOTAL, NONCURRENT, CURRENT} else FEWEST
    if len(latest) < fewest:
        why = (
            "It is too early: reports still come in, and a later fetch asks again."
            if fills
            else f"Reports of that year are in long since, so it is a fault. {AGAIN}"
        )
        raise SourceError(f"{place} needs {fewest:,} companies, found {len(latest):,}. {why}")
    until = dt.date(year, 12, 31) + WEEKS
    found = {cik: value for cik, (end, _, value) in sorted(latest.items()) if end <= until}
    return pd.Series(found, dtype="float64")


def measures(frames: Mapping[str, "pd.Series[float]"], year: int) -> dict[str, float]:
    """Values of a year by series; of a group that the filers of the year do not fill, none.

    Parameters
    ----------
    frames : USD by company, for each of `TAGS`

    Returns
    -------
    dict of float
        Debt over operating income is not in it where the sum of income is not above zero.

    Raises
    ------
    SourceError
        If the income of most of a group is not known.
    """
    told: dict[str, float] = {}
    for size, (first, last) in RANKS.items():
        members = ranked(frames[ASSETS])[first - 1 : last]
        wanted = last - first + 1
        if len(members) < wanted:
            continue
        income = frames[INCOME].reindex(members).dropna()
        if len(income) < FEWEST_OF_GROUP * wanted:
            raise SourceError(
                f"{INCOME} of {code(INCOME, year)} needs {FEWEST_OF_GROUP:.0%} of {wanted:,} "
                f"{size} companies, found {len(income):,}. {AGAIN}"
            )
        told[LOSS_MAKERS[size]] = float((income < 0).mean())
        if size == "small":
            told[COUNTED] = float(len(income))
            told |= _debt(frames, members)
    return told


def ranked(assets: "pd.Series[float]") -> pd.Index:
    """Companies from the most assets to the least, of equals the one with the lower number."""
    return assets.sort_index().sort_values(ascending=False, kind="stable").index


def _debt(frames: Mapping[str, "pd.Series[float]"], members: pd.Index) -> dict[str, float]:
    """Debt over operating income of those members that have both, added up."""
    parts = frames[NONCURRENT] + frames[CURRENT].reindex(frames[NONCURRENT].index).fillna(0.0)
    debt = frames[TOTAL].combine_first(parts)
    both = pd.DataFrame({"debt": debt, "income": frames[OPERATING]}).reindex(members).dropna()
    income = float(both["income"].sum())
    return {DEBT: float(both["debt"].sum()) / income} if income > 0 else {}


def _facts(content: bytes, tag: str, year: int, place: str) -> list[Any]:
    if len(content) > LARGEST:
        raise SourceError(
            f"{place} needs at most {LARGEST:,} bytes, found {len(content):,}. Look at the address "
            f"in a browser, and report what came."
        )
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{place} needs JSON, found {len(content):,} bytes that are none, ending in "
            f"{content[-40:]!r}. {AGAIN}"
        ) from error
    told = document if isinstance(document, dict) else {}
    names = [told.get(name) for name in ("tag", "ccp", "uom")]
    if names != [tag, code(tag, year), "USD"]:
        raise SourceError(
            f"{place} needs the frame of that line and year in USD, found one of "
            f"{str(names)[:80]}. {AGAIN}"
        )
    facts = told.get("data")
    if not isinstance(facts, list) or len(facts) != told.get("pts"):
        held = f"{len(facts):,}" if isinstance(facts, list) else "none"
        raise SourceError(
            f"{place} needs as many figures as it says, {str(told.get('pts'))[:20]}, found "
            f"{held}. {AGAIN}"
        )
    return facts


def _figure(fact: Any, place: str) -> tuple[int, tuple[dt.date, str, float]]:
    """The company, and day, filing and value, so that the later of two is the greater."""
    try:
        cik, end, value = fact["cik"], fact["end"], fact["val"]
        filing = _FILING.fullmatch(fact["accn"])
        day = dt.date.fromisoformat(end) if len(end) == len("2023-12-31") else None
        sound = type(cik) is int and type(value) in {int, float} and math.isfinite(value)
    except (KeyError, TypeError, ValueError, OverflowError):
        sound, filing, day = False, None, None
    if not sound or filing is None or day is None:
        told = {name: fact.get(name) for name in _READ} if isinstance(fact, dict) else fact
        raise SourceError(
            f"{place}: needed a company, a day, a value and its filing, found {str(told)[:120]!r}. "
            f"{AGAIN}"
        )
    # A filing's number begins with who sent it in, and only then counts by year.
    return cik, (day, filing[1], float(value))


def _end(year: int) -> pd.Timestamp:
    return pd.Timestamp(year, 12, 31)


def _known(year: int) -> pd.Timestamp:
    """When the lag of a year is over (UTC)."""
    return SERIES[0].known_at(pd.DatetimeIndex([_end(year)]))[0]


def _fills(year: int, now: pd.Timestamp) -> bool:
    """Whether late reports of a year may still come in."""
    return now < _known(year) + LATE


SOURCE = Source(
    name=NAME,
    title="US Securities and Exchange Commission, frames of all companies",
    endpoint=(
        f"{ADDRESS.format(INCOME, 'CYYEAR')} and {ADDRESS.format(ASSETS, 'CYYEARQ4I')}; as the "
        f"first {OPERATING}, as the second {', '.join((TOTAL, NONCURRENT, CURRENT))} (documented "
        f"where `sec` is)."
    ),
    format="JSON: one line of the accounts and one year, a figure for each company.",
    licence=sec.SOURCE.licence,
    lag=(
        "With each report, 90 days after a fiscal year at the latest; a year is read when it is "
        "over for 100 days, and again for another 90."
    ),
    # Together with `sec`, less than the ten that the SEC allows.
    hosts={sec.HOST: 2.0},
    jobs=jobs,
    asks_for=sec.AGENT,
)
