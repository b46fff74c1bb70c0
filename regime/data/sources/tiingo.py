"""Prices of a fund from Tiingo, for days on which Yahoo fails.

`https://api.tiingo.com/tiingo/daily/SPY/prices?startDate=2024-06-03&format=json&token=...`
answers with a list of days, oldest first, from `startDate` on (an empty list if there are
none yet; only the newest day if no start is given):

    [{"date": "2024-06-03T00:00:00.000Z", "close": 527.8, "divCash": 0.0, "splitFactor": 1.0,
      "open": ..., "high": ..., "low": ..., "volume": ..., "adjClose": ..., "adjOpen": ..., ...}]

`date` is the day in New York, not a moment. `close` is USD as quoted that day; `divCash` is
USD a share on the ex-day, 0 on others; `splitFactor` is new shares for one old, 1 on most
days. Nothing in these three is adjusted later. A fault is `{"detail": "Not found."}`. Days
appear at 17:30 in New York and are corrected until 20:00. The free key allows 50 requests an
hour; https://www.tiingo.com gives one, for personal use.
"""

import json
import math
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from regime.data.declared.funds import KINDS
from regime.data.prices import as_quoted, fund_observations
from regime.data.sources.live import Http
from regime.exceptions import SourceError

NAME = "tiingo"
HOST = "api.tiingo.com"
KEY = "REGIME_TIINGO_KEY"
SETTLING = pd.Timedelta(minutes=90)
EARLIEST = pd.Timestamp("1993-01-29")  # the first day of the oldest fund
_MOST = 1e12  # USD, or new shares for one old
_FIELDS = {"close": "close", "dividend": "divCash", "split": "splitFactor"}
_NOTHING = {"close": math.nan, "dividend": 0.0, "split": 1.0}  # said of a day without one


def prices(
    http: Http, ticker: str, *, key: str, now: pd.Timestamp, since: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Observations of a fund's closes, dividends and splits from `since` on.

    Raises
    ------
    SourceError
        If they cannot be had, or a row is not as documented above.
    """
    params = {"startDate": f"{since or EARLIEST:%Y-%m-%d}", "format": "json", "token": key}
    url = f"https://{HOST}/tiingo/daily/{ticker}/prices"
    return parse(http.get(url, kind="json", params=params), ticker, now=now, since=since)


def parse(
    document: bytes, ticker: str, *, now: pd.Timestamp, since: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Observations in one document; days that may still be corrected are left out."""
    try:
        rows = json.loads(document)
    except (ValueError, RecursionError):
        rows = None
    if isinstance(rows, dict) and "detail" in rows:
        raise _fault(ticker, f"it says {str(rows['detail'])[:100]!r}", f"Check {KEY}")
    if not isinstance(rows, list):
        raise _fault(ticker, "found no list of days", "Try later")
    days = np.array([_day(row, ticker) for row in rows], dtype="datetime64[us]")
    columns = {kind: [_number(row, kind, ticker) for row in rows] for kind in KINDS}
    share = pd.DataFrame(columns, pd.DatetimeIndex(days), dtype=np.float64)
    for kind, nothing in _NOTHING.items():
        share[kind] = share[kind].mask(share[kind] == nothing)
    share["close"] = as_quoted(share["close"])
    return fund_observations(ticker, share, NAME, now=now, settling=SETTLING, since=since)


def _day(row: Any, ticker: str) -> date:
    text = row.get("date") if isinstance(row, dict) else None
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        raise _fault(ticker, f"found the date {str(text)[:40]!r}", "Try later") from None


def _number(row: dict[str, Any], kind: str, ticker: str) -> float:
    value = row.get(_FIELDS[kind])
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
        found = f"found {_FIELDS[kind]} {str(value)[:40]!r} on {str(row['date'])[:10]}"
        raise _fault(ticker, found, "Try later")
    return float(value)


def _fault(ticker: str, found: str, advice: str) -> SourceError:
    return SourceError(f"Tiingo should list days of {ticker}, but {found}. {advice}.")
