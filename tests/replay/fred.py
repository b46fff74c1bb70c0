"""What FRED answers: the tables behind its charts, and its API with every vintage."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from regime.data.declared.fred import IN_UNITS, SERIES
from regime.data.series import Frequency, Series

CHART = "/graph/fredgraph.csv"
OBSERVATIONS = "/fred/series/observations"
VINTAGE_DATES = "/fred/series/vintagedates"
KEY = "0123456789abcdef0123456789abcdef"
Answer = Callable[[str, Mapping[str, str]], tuple[int, bytes]]

_DECLARED = {one.id: one for one in SERIES}
_STEP = {Frequency.DAILY: "B", Frequency.WEEKLY: "W-FRI", Frequency.MONTHLY: "ME"}
_OWN_DAY = {"ICSA": 1, "WALCL": -2, "WRESBAL": -2}  # of FRED's week, from Friday
_AROUND = {"CUMFNS": 75.0, "VIXCLS": 18.0}  # what is imagined of series that 4 is no value of


def documents(observations: pd.DataFrame, *, decimals: int = 6) -> dict[str, bytes]:
    """Tables of every series of FRED: path and query on the host -> CSV.

    What the frame holds comes back from parsing, to `decimals` places. A series that it does
    not hold is drawn at random, for the years of those it holds.

    Parameters
    ----------
    observations : DataFrame with columns series, period, known_at, value
        Of a period told twice, what was known last counts.
    """
    held = _latest(observations)

    def values(one: Series) -> "pd.Series[float]":
        return held[one.id] if one.id in held else _imagined(one, observations)

    return {f"{CHART}?id={one.id}": _csv(one, values(one), decimals) for one in SERIES}


def document(observations: pd.DataFrame, series: str, *, decimals: int = 6) -> bytes:
    """The table of one series that the frame holds."""
    return _csv(_DECLARED[series], _latest(observations)[series], decimals)


def api(
    observations: pd.DataFrame, *, revisions: pd.DataFrame | None = None, decimals: int = 6,
    most_rows: int | None = None, most_vintages: int = 2000,
) -> Answer:  # fmt: skip
    """The API: (path on the host, query) -> (status, JSON).

    Parameters
    ----------
    observations : as of `documents`; what is asked for without real time
    revisions : the same columns, every row a publication on the day before its `known_at`;
        what is asked for with real time. By default the observations.
    most_rows : of a page, if the API is to give less than is asked for
    most_vintages : so many in one request are refused
    """
    held = _latest(observations)
    revised = observations if revisions is None else revisions
    rows_of = {str(name): rows for name, rows in revised.groupby("series", observed=True)}

    # Each when it is first asked for, since few of them ever are.
    @cache
    def plain(name: str) -> "pd.Series[float]":
        return held[name] if name in held else _imagined(_DECLARED[name], observations)

    @cache
    def told(name: str) -> pd.DataFrame:
        if name in rows_of:
            return _published(rows_of[name])
        periods = pd.DatetimeIndex(plain(name).index)
        days = _DECLARED[name].known_at(periods)
        values = plain(name).to_numpy()
        return _published(pd.DataFrame({"period": periods, "known_at": days, "value": values}))

    def answer(path: str, query: Mapping[str, str]) -> tuple[int, bytes]:
        name = query.get("series_id", "")
        if query.get("api_key") != KEY:
            return _refusal("The value for variable api_key is not registered.")
        if query.get("file_type") != "json" or name not in _DECLARED:
            return _refusal("The series does not exist.")
        if path == VINTAGE_DATES:
            days = sorted(told(name)["day"].unique())
            return _page(query, "vintage_dates", [_iso(day) for day in days], 10_000, most_rows)
        if path != OBSERVATIONS:
            return _refusal("The path is not known.")
        first = query.get("observation_start", "0001-01-01")
        if "realtime_start" in query:
            return _between(told(name), query, _DECLARED[name], decimals, most_rows, most_vintages)
        today = _iso(observations["known_at"].max())
        rows = [
            {"realtime_start": today, "realtime_end": today, "date": date, "value": value or "."}
            for date, value in _cells(_DECLARED[name], plain(name), decimals)
            if date >= first
        ]
        return _page(query, "observations", rows, 100_000, most_rows)

    return answer


def _between(
    told: pd.DataFrame, query: Mapping[str, str], series: Series, decimals: int,
    most_rows: int | None, most_vintages: int,
) -> tuple[int, bytes]:  # fmt: skip
    """Each value that stood within a span, with the part of its time that lies in it."""
    start, end = pd.Timestamp(query["realtime_start"]), pd.Timestamp(query["realtime_end"])
    days = told["day"].unique()
    if (count := int(((days >= start) & (days <= end)).sum())) >= most_vintages:
        return _refusal(
            f"There are {count} vintage dates in the specified real-time period: {start:%Y-%m-%d} "
            f"to {end:%Y-%m-%d}.  This exceeds the maximum number of vintage dates allowed "
            f"({most_vintages})."
        )
    within = told[(told["day"] <= end) & (told["until"] >= start)]
    dates = _dates(series, pd.DatetimeIndex(within["period"]))
    rows = [
        {"realtime_start": _iso(max(day, start)), "realtime_end": _iso(min(until, end)),
         "date": date, "value": _written(series, value, decimals) or "."}
        for day, until, date, value in zip(
            within["day"], within["until"], dates, within["value"], strict=True
        )
        if date >= query.get("observation_start", "0001-01-01")
    ]  # fmt: skip
    return _page(query, "observations", rows, 100_000, most_rows)


def _published(rows: pd.DataFrame) -> pd.DataFrame:
    """Day of each publication, and the last day on which it stood."""
    day = rows["known_at"].dt.tz_convert(None).dt.ceil("D") - pd.Timedelta(days=1)
    told = pd.DataFrame({"period": rows["period"], "day": day, "value": rows["value"]})
    told = told.sort_values(["period", "day"], kind="stable")
    told = told.drop_duplicates(["period", "day"], keep="last")
    until = told.groupby("period")["day"].shift(-1) - pd.Timedelta(days=1)
    return told.assign(until=until.fillna(pd.Timestamp("2262-01-01")))


def _page(
    query: Mapping[str, str], what: str, rows: list, most: int, fewer: int | None
) -> tuple[int, bytes]:
    offset, limit = int(query.get("offset", 0)), int(query.get("limit", most))
    if limit > most:
        return _refusal(f"Variable limit is not between 1 and {most}.")
    shown = rows[offset : offset + (min(limit, fewer) if fewer else limit)]
    body = {"file_type": "json", "count": len(rows), "offset": offset, "limit": limit, what: shown}
    return 200, json.dumps(body).encode()


def _refusal(words: str) -> tuple[int, bytes]:
    return 400, json.dumps({"error_code": 400, "error_message": f"Bad Request.  {words}"}).encode()


def _latest(observations: pd.DataFrame) -> dict[str, "pd.Series[float]"]:
    rows = observations.sort_values("known_at", kind="stable")
    rows = rows.drop_duplicates(["series", "period"], keep="last").sort_values("period")
    return {
        str(name): part.set_index("period")["value"]
        for name, part in rows.groupby("series", observed=True)
    }


def _imagined(series: Series, observations: pd.DataFrame) -> "pd.Series[float]":
    """A wandering series that nobody would doubt, the same however long its history."""
    seed = [ord(letter) for letter in series.id]
    if observations.empty:
        return pd.Series(dtype=np.float64, index=pd.DatetimeIndex([]))
    last = observations["period"].max()
    periods = pd.date_range("1990-01-01", last, freq=_STEP[series.frequency], name="period")
    steps = np.random.default_rng(seed).normal(0, 0.01, len(periods))
    around = lfilter([1.0], [1.0, -0.99], steps)  # and back, so that it stays in its range
    level = _AROUND.get(series.id, 4.0) * IN_UNITS.get(series.id, 1)
    values = pd.Series(level * np.exp(around), periods)
    return values[values.index.year >= observations["period"].min().year].round(4)


def _csv(series: Series, values: "pd.Series[float]", decimals: int) -> bytes:
    lines = [f"observation_date,{series.id}"]
    lines += [f"{date},{value}" for date, value in _cells(series, values, decimals)]
    return ("\n".join(lines) + "\n").encode()


def _cells(series: Series, values: "pd.Series[float]", decimals: int) -> list[tuple[str, str]]:
    """As FRED writes them, with an empty line for weekdays without a value."""
    if series.frequency is Frequency.DAILY and len(values):
        index = pd.DatetimeIndex(values.index)
        values = values.reindex(index.union(pd.bdate_range(index.min(), index.max())))
    dates = _dates(series, pd.DatetimeIndex(values.index))
    return [(date, _written(series, value, decimals))
            for date, value in zip(dates, values, strict=True)]  # fmt: skip


def _dates(series: Series, periods: pd.DatetimeIndex) -> list[str]:
    if series.frequency is Frequency.MONTHLY:
        periods = periods.to_period("M").to_timestamp()
    periods = periods + pd.Timedelta(days=_OWN_DAY.get(series.id, 0))
    return list(periods.strftime("%Y-%m-%d"))


def _written(series: Series, value: float, decimals: int) -> str:
    """In FRED's unit, without zeros at the end."""
    if np.isnan(value):
        return ""
    scale = IN_UNITS.get(series.id, 1)
    places = Decimal(1).scaleb(-decimals - (3 if scale > 1 else 0))
    text = f"{(Decimal(repr(float(value))) / scale).quantize(places):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _iso(day: pd.Timestamp) -> str:
    return f"{pd.Timestamp(day):%Y-%m-%d}"
