"""What FRED's API answers, and from its archive ALFRED every revision with its day.

The archive tells of each value from which day to which day it stood ("real time"). A request
may span fewer than 2,000 vintages, so long histories come in chunks, and the API then writes
the edge of a chunk where a value stood before: such a row repeats the value and is no news.

A value is known when the day on which it came out is over, hence at the next session's close.
What the oldest vintage already held came out then, or on some day before that nobody kept: it
is known by the lag of its series where that is earlier, in a revision that may be a later one.
"""

import json
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from regime.data.declared.fred import IN_UNITS
from regime.data.observations import COLUMNS, from_values, period_ends, require_one_a_week
from regime.data.series import Frequency, Series
from regime.data.sources.live import AGAIN, Http
from regime.exceptions import SourceError

API = "https://api.stlouisfed.org/fred/series"
NAME = "fred"  # of the source of all that FRED says, whichever way it was asked
MOST_VINTAGES = 1999  # in one request; the API refuses more
MOST_ROWS = {"observations": 100_000, "vintage_dates": 10_000}  # of a page
MOST_PAGES = 200  # of a list; 20 million observations
MISSING = frozenset({"", "."})
_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOST = 1e300  # of a number, so that it is still one in another unit
_EARLIEST, _LATEST = "1700", "2100"  # years; beyond them no calendar is known


def latest(http: Http, series: Series, key: str, since: pd.Timestamp | None = None) -> pd.DataFrame:
    """Observations of a series in its latest revision, known by its lag.

    Raises
    ------
    SourceError
        If the API refuses, or what it answers is not whole. It never holds the key.
    """
    rows = _pages(http, series, key, "observations", _from(series, since))
    cells = [(_text(series, at, row, "date"), _text(series, at, row, "value"))
             for at, row in enumerate(rows)]  # fmt: skip
    return from_values(series, values(series, cells, "row {}".format), NAME)


def vintages(
    http: Http, series: Series, key: str, since: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Observations of a series as first published and as revised.

    Returns
    -------
    DataFrame with the columns of `regime.data.observations`, by period and `known_at`. A
    value that a later vintage repeats or leaves out has no further row.

    Raises
    ------
    SourceError
        As `latest`; also if ALFRED has no vintage of the series.
    """
    dates = _pages(http, series, key, "vintage_dates", {})
    days = [_day(series, f"vintage {at}", text) for at, text in enumerate(dates)]
    if not days or sorted(set(days)) != days:
        raise SourceError(
            f"{series.id} needs vintages of ALFRED in ascending order, but there are {len(days)}, "
            f"beginning with {dates[:3]}. {AGAIN}"
        )
    rows: list[Any] = []
    for start in range(0, len(days), MOST_VINTAGES):
        chunk = days[start : start + MOST_VINTAGES]
        span = {"realtime_start": f"{chunk[0]:%Y-%m-%d}", "realtime_end": f"{chunk[-1]:%Y-%m-%d}",
                "output_type": "1"}  # fmt: skip
        rows += _pages(http, series, key, "observations", {**_from(series, since), **span})
    return _published(series, rows, first=days[0])


def _published(series: Series, rows: Sequence[Any], *, first: pd.Timestamp) -> pd.DataFrame:
    """Rows of all chunks as publications; `first` is the oldest vintage."""
    frame = pd.DataFrame(
        {
            column: pd.array([_text(series, at, row, column) for at, row in enumerate(rows)], "str")
            for column in ("date", "realtime_start", "value")
        }
    )
    for column in ("date", "realtime_start"):  # few different days, so each is read once
        days = {text: _day(series, column, text) for text in frame[column].unique()}
        frame[column] = pd.DatetimeIndex(frame[column].map(days)).as_unit("us")
    frame["value"] = [number(series, f"row {at}", text) for at, text in enumerate(frame["value"])]
    frame = frame.dropna().sort_values(["date", "realtime_start"], kind="stable")
    if (twice := frame.duplicated(["date", "realtime_start"], keep=False)).any():
        # The edge of a chunk is no edge of a vintage, so nothing can stand there twice.
        row = frame[twice].iloc[0]
        raise SourceError(
            f"{series.id} of {row['date']:%Y-%m-%d} has two values that came out on "
            f"{row['realtime_start']:%Y-%m-%d}. {AGAIN}"
        )
    same_period = frame["date"] == frame["date"].shift()
    frame = frame[~(same_period & (frame["value"] == frame["value"].shift()))]
    require_one_a_week(series, pd.DatetimeIndex(frame["date"].unique()))
    periods = period_ends(series, pd.DatetimeIndex(frame["date"]))
    days_out = pd.DatetimeIndex(frame["realtime_start"])
    known = (days_out + pd.Timedelta(days=1)).tz_localize("UTC").as_unit("us")
    by_lag = series.known_at(periods)
    known = known.where(~((days_out == first) & (by_lag < known)), by_lag)
    return pd.DataFrame(
        {"series": series.id, "period": periods, "known_at": known,
         "value": frame["value"].to_numpy(dtype=np.float64), "source": NAME},
        columns=COLUMNS,
    )  # fmt: skip


def _pages(http: Http, series: Series, key: str, what: str, params: dict[str, str]) -> list[Any]:
    """All entries of a list that the API gives in pages."""
    path = "vintagedates" if what == "vintage_dates" else what
    entries: list[Any] = []
    for _ in range(MOST_PAGES):
        query = {"series_id": series.id, "api_key": key, "file_type": "json", **params,
                 "limit": str(MOST_ROWS[what]), "offset": str(len(entries))}  # fmt: skip
        content = http.get(f"{API}/{path}", kind="json", params=query)
        answer = _answer(series, what, content, key)
        count, page = answer.get("count"), answer.get(what)
        if type(count) is not int or not isinstance(page, list):
            raise SourceError(
                f"{series.id} needs an answer with a count and {what}, found "
                f"{_short(sorted(answer))}. {AGAIN}"
            )
        entries += page
        if len(entries) == count:
            return entries
        if not page or len(entries) > count:
            raise SourceError(
                f"{series.id} needs {count} {what}, as the API counts them, but it gave "
                f"{len(entries)}. {AGAIN}"
            )
    raise SourceError(
        f"{series.id} needs {what} in at most {MOST_PAGES} pages, but after them it has only "
        f"{len(entries):,}. {AGAIN}"
    )


def _answer(series: Series, what: str, content: bytes, key: str) -> dict[str, Any]:
    """The object in a document, unless it is the API's word for a refusal."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{series.id} needs {what} as JSON, found {len(content)} bytes that are none, ending "
            f"in {_short(content[-40:])}. {AGAIN}"
        ) from error
    if not isinstance(answer, dict):
        raise SourceError(f"{series.id} needs {what} in an object, found {_short(answer)}. {AGAIN}")
    if "error_code" in answer:
        said = " ".join(str(answer.get("error_message")).replace(key, "***").split())[:200]
        raise SourceError(
            f"FRED refuses {what} of {series.id} with {_short(answer['error_code'])}: {said} "
            f"Check REGIME_FRED_KEY, or leave it empty to do without a key."
        )
    return answer


def values(series: Series, cells: Sequence[tuple[str, str]], place: Any) -> "pd.Series[float]":
    """Dates and values as FRED writes them, missing ones as NaN.

    Parameters
    ----------
    place : of the position of a cell, from 0, its name in a message

    Raises
    ------
    SourceError
        If a date is none, is not the first of a month though the series is monthly, or does
        not come after the date before; or if a value is no finite number.
    """
    days: list[pd.Timestamp] = []
    numbers: list[float] = []
    for at, (date, value) in enumerate(cells):
        day = _day(series, place(at), date)
        if days and day <= days[-1]:
            fault = "comes twice" if day == days[-1] else f"comes after {days[-1]:%Y-%m-%d}"
            raise SourceError(f"{series.id}, {place(at)}: {date!r} {fault}. {AGAIN}")
        if series.frequency is Frequency.MONTHLY and day.day != 1:
            raise SourceError(
                f"{series.id}, {place(at)}: {date!r} is not the first day of a month. {AGAIN}"
            )
        days.append(day)
        numbers.append(number(series, place(at), value))
    return pd.Series(numbers, pd.DatetimeIndex(days).as_unit("us"), dtype=np.float64)


def number(series: Series, place: str, text: str) -> float:
    """A value in the unit of the catalogue, NaN where missing."""
    if text in MISSING:
        return math.nan
    if not _NUMBER.fullmatch(text) or not abs(float(text)) < _MOST:
        raise SourceError(
            f"{series.id}, {place}: needed a number or a point for none, found {_short(text)}. "
            f"{AGAIN}"
        )
    scale = IN_UNITS.get(series.id)
    return float(text) if scale is None else float(Decimal(text) * scale)


def first_date(series: Series, since: pd.Timestamp | None) -> str | None:
    """How FRED dates the first period wanted, or a day of it before that."""
    if since is None:
        return None
    if series.frequency is Frequency.MONTHLY:
        since = since.replace(day=1)
    elif series.frequency is Frequency.WEEKLY:
        friday = since + pd.Timedelta(days=(4 - since.day_of_week) % 7)
        since = friday - pd.Timedelta(days=5)
    return f"{since:%Y-%m-%d}"


def _from(series: Series, since: pd.Timestamp | None) -> dict[str, str]:
    first = first_date(series, since)
    return {} if first is None else {"observation_start": first}


def _day(series: Series, place: str, text: object) -> pd.Timestamp:
    if isinstance(text, str) and _DAY.fullmatch(text) and _EARLIEST <= text[:4] <= _LATEST:
        try:
            return pd.Timestamp(text)
        except ValueError:
            pass
    raise SourceError(
        f"{series.id}, {place}: needed a date YYYY-MM-DD, found {_short(text)}. {AGAIN}"
    )


def _text(series: Series, at: int, row: Any, name: str) -> str:
    text = row.get(name) if isinstance(row, dict) else None
    if isinstance(text, str) and text.isascii():
        return text
    raise SourceError(
        f"{series.id}, row {at}: needed a text {name!r}, found {_short(row)}. {AGAIN}"
    )


def _short(found: object, most: int = 60) -> str:
    text = repr(found)
    return text if len(text) <= most else text[:most] + "..."
