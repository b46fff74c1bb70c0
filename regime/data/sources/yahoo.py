"""Closing prices, dividends and splits of funds from Yahoo's chart service.

`https://query1.finance.yahoo.com/v8/finance/chart/SPY` with `period1` and `period2` (seconds
since 1970), `interval=1d` and `events=div,splits` answers with one JSON document:

    {"chart": {"error": null, "result": [{
      "meta": {"symbol": "SPY", "currency": "USD", "instrumentType": "ETF",
               "exchangeTimezoneName": "America/New_York", "dataGranularity": "1d",
               "firstTradeDate": 728317800, "regularMarketTime": 1717444800, ...},
      "timestamp": [1717421400, ...],
      "indicators": {"quote": [{"close": [527.7999877929688, ...], "open": ..., "high": ...,
                                "low": ..., "volume": ...}],
                     "adjclose": [{"adjclose": [...]}]},
      "events": {"dividends": {"1718976600": {"amount": 1.759, "date": 1718976600}},
                 "splits": {"1118323800": {"date": 1118323800, "numerator": 2.0,
                                           "denominator": 1.0, "splitRatio": "2:1"}}}}]}}

A timestamp is the open of its session. `close` is null on a day without a price; without
any day, `timestamp` is not there. The running session has a row with the newest price, dated
by `regularMarketTime`, at times a second one beside the row of the day. `adjclose` is not
read: each dividend changes all of it. Capital gains are inside `dividends`. A fault is
`{"chart": {"result": null, "error": {"code": "Not Found", "description": "..."}}}`; visitors
whose consent Yahoo wants see a web page instead.

All closes and dividends are divided by every later split, and went through 32 bits. Here
they are multiplied back and rounded to the quote, so that a later split or dividend adds one
row and changes no stored number.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.data.calendar import new_york_day
from regime.data.declared.funds import FUNDS
from regime.data.prices import as_quoted, fund_observations
from regime.data.sources import tiingo
from regime.data.sources.live import Http, Job, Request, Source
from regime.exceptions import SourceError

NAME = "yahoo"
HOST = "query1.finance.yahoo.com"
SETTLING = pd.Timedelta(minutes=20)
_LAST_TRADE = pd.Timedelta(minutes=10)  # before the close, of a fund that trades little
_ZONE = "America/New_York"
_META = {"dataGranularity": "1d", "currency": "USD", "exchangeTimezoneName": _ZONE}
_MARGIN = pd.Timedelta(days=10)  # before `since`: an empty answer is a fault at Yahoo
_END = 9_999_999_999  # seconds since 1970
_MOST = 1e12  # USD, or shares of a split; products of them stay numbers
_WIDEST_SPLIT = 1e4  # new shares for one old, or the other way round
_PLAIN_SPLIT = math.log(1.5)  # a ratio that no day's return of a fund can be taken for


def jobs(request: Request) -> list[Job]:
    """One job a fund."""
    return [Job(ticker, partial(fetch, ticker=ticker, request=request)) for ticker in FUNDS]


def fetch(http: Http, *, ticker: str, request: Request) -> pd.DataFrame:
    """Observations of a fund, from the second provider if Yahoo fails and there is a key.

    Tiingo adds only days after the newest stored close: what is stored stays as it is.
    """
    start = max(request.since - _MARGIN, pd.Timestamp(0)) if request.since else pd.Timestamp(0)
    params = {
        "period1": str(int(start.timestamp())),
        "period2": str(_END),
        "interval": "1d",
        "events": "div,splits",
    }
    url = f"https://{HOST}/v8/finance/chart/{ticker}"
    try:
        document = http.get(url, kind="json", params=params)
        return parse(document, ticker, now=request.now, since=request.since)
    except SourceError as error:
        key = request.keys.get(tiingo.KEY)
        if not key:
            raise type(error)(
                f"{error} For a second provider of {ticker}, set {tiingo.KEY} to a free key "
                f"from https://www.tiingo.com."
            ) from error
        newest = request.newest.get(f"{ticker}_close")
        unstored = [newest + pd.Timedelta(days=1)] if newest is not None else []
        wanted = [*unstored, *([request.since] if request.since is not None else [])]
        since = max(wanted, default=None)
        try:
            return tiingo.prices(http, ticker, key=key, now=request.now, since=since)
        except SourceError as second:
            raise SourceError(f"{error} The second provider failed too: {second}") from second


def parse(
    document: bytes, ticker: str, *, now: pd.Timestamp, since: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Observations in one document, as quoted on their day.

    A session counts from 20 minutes after its close on, and only if the newest trade shown is
    of its last minutes.

    Raises
    ------
    SourceError
        If the document is not of this fund, not daily or not as described above.
    """
    result = _result(document, ticker)
    # A document read again later, from the archive, is no later than the market it shows.
    last_trade = result["meta"].get("regularMarketTime")
    if isinstance(last_trade, (int, float)) and 0 < last_trade < _END:
        shown = pd.Timestamp(last_trade, unit="s", tz="UTC")
        now = min(now, shown + SETTLING + _LAST_TRADE)
    served = _closes(result, ticker)
    splits = _events(result, "splits", _ratio, ticker)
    dividends = _events(result, "dividends", _amount, ticker)
    splits = splits[splits.index <= new_york_day(now)]  # others are plans
    _check_adjusted(served, splits, ticker)
    share = pd.DataFrame({"close": served, "dividend": dividends, "split": splits})
    later = _later_splits(splits, pd.DatetimeIndex(share.index))
    share["close"] = as_quoted(share["close"] * later)
    share["dividend"] = np.round(share["dividend"].to_numpy() * later, 4)
    return fund_observations(ticker, share, NAME, now=now, settling=SETTLING, since=since)


def _result(document: bytes, ticker: str) -> dict[str, Any]:
    """The one result of the chart, checked to be daily closes of this fund."""
    try:
        chart = json.loads(document)["chart"]
        error, results = chart["error"], chart["result"]
    except (ValueError, RecursionError, KeyError, TypeError):
        page = document.lstrip()[:1] == b"<"
        raise _fault(ticker, "a web page" if page else "no whole chart in JSON") from None
    if error:
        said = error.get("description") or error.get("code") if isinstance(error, dict) else error
        raise _fault(ticker, f"the answer {str(said)[:100]!r}")
    match results:
        case [{"meta": {**meta}} as result]:
            for name, wanted in {"symbol": ticker, **_META}.items():
                if meta.get(name) != wanted:
                    raise _fault(ticker, f"{name} {meta.get(name)!r} in place of {wanted!r}")
            return dict(result)
    raise _fault(ticker, "no result, or several")


def _closes(result: dict[str, Any], ticker: str) -> "pd.Series[float]":
    """Closes as served, by day, NaN where null."""
    match result:
        case {"timestamp": list(stamps), "indicators": {"quote": [{"close": list(closes)}]}}:
            if len(stamps) != len(closes):
                raise _fault(ticker, f"{len(stamps)} days with {len(closes)} closes")
        case {"indicators": {"quote": [{**quote}]}} if "timestamp" not in result and not quote:
            stamps, closes = [], []
        case _:
            raise _fault(ticker, "no days with closes")
    days = _days(stamps, ticker)
    values = [math.nan if close is None else _number(close, ticker) for close in closes]
    if len(days) > 1 and days[-1] == days[-2] and stamps[-1] > stamps[-2]:
        days, values = days[:-1], values[:-1]  # the newest price beside the row of its day
    served = pd.Series(values, days, dtype=np.float64)
    if not served.index.is_monotonic_increasing or not served.index.is_unique:
        raise _fault(ticker, "days that are out of order or there twice")
    return served


def _events(
    result: dict[str, Any], name: str, read: Callable[[Mapping[str, Any], str], float], ticker: str
) -> "pd.Series[float]":
    """Dividends or splits by day, in order."""
    events = result.get("events") or {}
    listed = events.get(name) if isinstance(events, dict) else None
    rows = list(_rows(listed, name, ticker))
    days = _days([event.get("date") for event in rows], ticker)
    if not days.is_unique:
        raise _fault(ticker, f"two {name} on {days[days.duplicated()][0]:%Y-%m-%d}")
    found = [read(event, ticker) for event in rows]
    return pd.Series(found, days, dtype=np.float64).sort_index()


def _rows(listed: Any, name: str, ticker: str) -> Iterator[Mapping[str, Any]]:
    for event in [] if listed is None else listed.values() if isinstance(listed, dict) else [None]:
        if not isinstance(event, dict):
            raise _fault(ticker, f"{name} that are no table of events")
        yield event


def _amount(event: Mapping[str, Any], ticker: str) -> float:
    return _number(event.get("amount"), ticker)


def _ratio(event: Mapping[str, Any], ticker: str) -> float:
    ratio = _number(event.get("numerator"), ticker) / _number(event.get("denominator"), ticker)
    if not 1 / _WIDEST_SPLIT < ratio < _WIDEST_SPLIT:
        raise _fault(ticker, f"a split of {ratio:.4g} shares for one")
    return ratio


def _number(value: Any, ticker: str) -> float:
    """A number above zero that can be a price, or a part of a split."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < _MOST:
        raise _fault(ticker, f"{str(value)[:40]!r} in place of a number above zero")
    return float(value)


def _days(stamps: list[Any], ticker: str) -> pd.DatetimeIndex:
    """The days in New York of moments in seconds."""
    for stamp in stamps:
        if type(stamp) is not int or abs(stamp) >= _END:
            raise _fault(ticker, f"the time {str(stamp)[:40]!r}")
    moments = pd.DatetimeIndex(np.array(stamps, dtype="datetime64[s]"), tz="UTC")
    return moments.tz_convert(_ZONE).tz_localize(None).normalize().as_unit("us")


def _check_adjusted(served: "pd.Series[float]", splits: "pd.Series[float]", ticker: str) -> None:
    """Closes that fall by the ratio of a split were not adjusted for it, for once.

    Before the first close after it, nobody can tell whether they were.
    """
    known = served.dropna()
    for day, ratio in splits.items():
        before, after = known[known.index < day], known[known.index >= day]
        if not len(before):
            continue
        if not len(after):
            raise _fault(
                ticker, f"a split of {day:%Y-%m-%d} and no price since. Try after the open"
            )
        move, fall = math.log(after.iloc[0] / before.iloc[-1]), -math.log(ratio)
        if abs(fall) >= _PLAIN_SPLIT and abs(move - fall) < abs(move):
            raise _fault(ticker, f"closes not adjusted for the split of {day:%Y-%m-%d}")


def _later_splits(splits: "pd.Series[float]", days: pd.DatetimeIndex) -> npt.NDArray[np.float64]:
    """Product of the splits after each day; one on its own day is over by the close."""
    ratios = splits.to_numpy()
    products: npt.NDArray[np.float64] = np.r_[np.cumprod(ratios[::-1])[::-1], 1.0]
    return products[splits.index.searchsorted(days, side="right")]


def _fault(ticker: str, found: str) -> SourceError:
    return SourceError(f"Yahoo should serve daily closes of {ticker}, but found {found}.")


SOURCE = Source(
    name=NAME,
    title="Yahoo Finance",
    endpoint=f"https://{HOST}/v8/finance/chart/SPY, and so on for {', '.join(FUNDS)}.",
    format="JSON; closes and dividends adjusted for splits, which is undone here.",
    licence="Yahoo's terms of service: for personal use, not to be passed on.",
    lag="Closes 20 minutes after the session, dividends and splits on their ex-day.",
    hosts={HOST: 1.0, tiingo.HOST: 1.0},
    jobs=jobs,
)
