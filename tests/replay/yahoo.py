"""Yahoo's chart documents of a market given by total-return indices.

Closes and dividends are made so that their total return grows as the index does; the other
funds are drawn. What Yahoo does to numbers is done to them: adjusted for splits of later
days, through 32 bits, one bar null, and a bar with the live price at the end.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch
from zlib import crc32

import numpy as np
import pandas as pd

from regime.data.calendar import session_closes
from regime.data.declared.funds import FUNDS

PATH = "/v8/finance/chart/"
ZONE = "America/New_York"
SPLITS: Mapping[str, Mapping[str, float]] = {  # as they happened
    "QQQ": {"2000-03-20": 2.0},
    "IWM": {"2005-06-09": 2.0},
    "IJH": {"2005-06-09": 2.0, "2024-02-22": 5.0},
    "IJR": {"2005-06-09": 3.0, "2017-01-19": 2.0},
    "RSP": {"2006-04-27": 4.0},
}
STARTS = {  # of the funds that are drawn: the real ones
    "QQQ": "1999-03-10", "IWC": "2005-08-16", "IJH": "2000-05-26", "IWB": "2000-05-19",
    "MGC": "2007-12-21",
}  # fmt: skip
FEW = ("OEF", "XLG", "RSP", "IWM", "IJR", "SPY", "QQQ", "IWC", "IJH", "IWB", "MGC")
YOUNG = "2024-01-02"  # stands in for the first day of all others: their years are many bytes
FIRST_PRICE = 40.0  # after all splits
QUARTERLY_YIELD = 0.004
NULL_BAR = 20  # bars after the first


@contextmanager
def few_funds() -> Iterator[None]:
    """Yahoo asked for, and serving, some funds only: all of them take seconds a fetch."""
    few = {ticker: FUNDS[ticker] for ticker in FEW}
    with (
        patch("regime.data.sources.yahoo.FUNDS", few),
        patch(f"{__name__}.FUNDS", few),
    ):
        yield


@dataclass(frozen=True, slots=True)
class Share:
    """A fund's days: closes as quoted, dividends and splits with NaN where none."""

    close: "pd.Series[float]"
    dividend: "pd.Series[float]"
    split: "pd.Series[float]"


def documents(
    observations: pd.DataFrame,
    *,
    now: pd.Timestamp,
    splits: Mapping[str, Mapping[str, float]] = SPLITS,
    null_bar: int | None = NULL_BAR,
) -> dict[str, bytes]:
    """A document for each fund, by path, as served at `now` (UTC)."""
    made = shares(observations, now=now, splits=splits)
    return {
        f"{PATH}{ticker}": document(ticker, share, now=now, null_bar=null_bar)
        for ticker, share in made.items()
    }


def shares(
    observations: pd.DataFrame,
    *,
    now: pd.Timestamp,
    splits: Mapping[str, Mapping[str, float]] = SPLITS,
) -> dict[str, Share]:
    """Every fund up to the newest session closed by `now`; one without an index is drawn."""
    closes = session_closes(now.tz_convert(None))
    over = closes.index[closes <= now]
    indices = {
        str(name): rows.set_index("period")["value"].sort_index()
        for name, rows in observations.groupby("series", observed=True)
        if name in FUNDS
    }
    # Real ones move with the market, and are held against each other.
    like = indices.get("SPY", max(indices.values(), key=len))
    made = {}
    for ticker in FUNDS:
        index = indices[ticker] if ticker in indices else _drawn(ticker, like)
        index = index[index.index.isin(over)]
        made[ticker] = share(index, splits.get(ticker, {}))
    return made


def share(index: "pd.Series[float]", splits: Mapping[str, float]) -> Share:
    """Closes (four decimals), quarterly dividends and splits that return what the index does."""
    days = pd.DatetimeIndex(index.index).as_unit("us")
    ratio = pd.Series(np.nan, days)
    for day, new in splits.items():
        if pd.Timestamp(day) in days[1:]:
            ratio[pd.Timestamp(day)] = new
    ex_days = _ex_days(days)
    dividend = pd.Series(np.nan, days)
    values = index.to_numpy(dtype=np.float64)
    price = np.empty(len(values))
    happens = ratio.notna().to_numpy() | days.isin(ex_days)
    turns = [*np.flatnonzero(happens).tolist(), len(values)]
    at, quote = 0, FIRST_PRICE * ratio.product()
    for turn in turns:
        price[at:turn] = quote * values[at:turn] / values[at]
        if turn == len(values):
            break
        before = price[turn - 1]
        new = 1.0 if np.isnan(ratio.iloc[turn]) else ratio.iloc[turn]
        paid = round(QUARTERLY_YIELD * before / new, 4) if days[turn] in ex_days else 0.0
        if paid:
            dividend.iloc[turn] = paid
        quote = before * values[turn] / values[turn - 1] / new - paid
        at = turn
    return Share(pd.Series(np.round(price, 4), days), dividend, ratio)


def document(
    ticker: str, share: Share, *, now: pd.Timestamp, null_bar: int | None = NULL_BAR
) -> bytes:
    """One fund's chart, all of its history."""
    days = pd.DatetimeIndex(share.close.index)
    opens = (days + pd.Timedelta("9h30min")).tz_localize(ZONE)
    later = share.split.fillna(1.0)[::-1].cumprod()[::-1].shift(-1).fillna(1.0)
    closes: list[float | None] = (share.close / later).astype("float32").astype(float).tolist()
    stamps = [int(stamp) for stamp in opens.as_unit("s").asi8]
    if null_bar is not None and null_bar + 1 < len(closes):
        closes[null_bar] = None
    # The live bar: of the running session, or a second one of the session just over.
    today = session_closes(now.tz_convert(None)).get(
        now.tz_convert(ZONE).tz_localize(None).floor("D")
    )
    opened = now.tz_convert(ZONE).strftime("%H:%M") >= "09:30"
    running = today is not None and opened and now < today
    market_time = now if running else session_closes(days[-1])[days[-1]] if len(days) else now
    if len(days):
        live = closes[-1] if closes[-1] is not None else 1.0
        stamps.append(int(market_time.timestamp()))
        closes.append(float(np.float32(live * 1.003)) if running else live)
    amounts = (share.dividend / later).dropna()
    at = dict(zip(days, stamps, strict=False))
    result = {
        "meta": {
            "currency": "USD", "symbol": ticker, "exchangeName": "PCX",
            "fullExchangeName": "NYSEArca", "instrumentType": "ETF",
            "firstTradeDate": stamps[0] if stamps else None,
            "regularMarketTime": int(market_time.timestamp()),
            "gmtoffset": int(now.tz_convert(ZONE).utcoffset().total_seconds()),
            "timezone": now.tz_convert(ZONE).strftime("%Z"), "exchangeTimezoneName": ZONE,
            "regularMarketPrice": closes[-1] if closes else None, "priceHint": 2,
            "dataGranularity": "1d", "range": "", "validRanges": ["1d", "5d", "max"],
        },
        **({"timestamp": stamps} if stamps else {}),
        "events": {
            "dividends": {
                str(at[day]): {"amount": round(float(paid), 6), "date": at[day]}
                for day, paid in amounts.items()
            },
            "splits": {
                str(at[day]): {
                    "date": at[day], "numerator": new, "denominator": 1.0,
                    "splitRatio": f"{new:g}:1",
                }
                for day, new in share.split.dropna().items()
            },
        },
        "indicators": {
            "quote": [{"close": closes, "volume": [1_000_000] * len(closes)} if stamps else {}],
            "adjclose": [{"adjclose": closes} if stamps else {}],
        },
    }  # fmt: skip
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


def _ex_days(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The session on or after the third Friday of the last month of each quarter."""
    if not len(days):
        return days
    fridays = pd.date_range(days[0], days[-1], freq="WOM-3FRI")
    fridays = fridays[fridays.month % 3 == 0]
    at = days.searchsorted(fridays)
    return days[np.unique(at[(at > 0) & (at < len(days))])]


def _drawn(ticker: str, like: "pd.Series[float]") -> "pd.Series[float]":
    """An index on the days of another one, from one seed for each fund."""
    draws = np.random.default_rng(crc32(ticker.encode())).standard_normal(len(like))
    own = np.exp(np.cumsum(0.0005 * draws))  # near its twins, as real funds are
    drawn = pd.Series(like.to_numpy() / like.iloc[0] * own * 100, like.index)
    return drawn[STARTS.get(ticker, YOUNG) :]
