"""Validation at the door: which new values are good, and which are doubted, and why.

A doubtful value is no error. It waits in quarantine, the last good value serves until its
`max_age`, and a later fetch may confirm it. A frame that breaks the contract of
`regime.data.observations` is an error of its source.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.data.calendar import FIRST_DAY, last_closed_session, new_york_day, trading_days
from regime.data.catalog import CATALOG, Frequency, Series, Unit
from regime.data.checks.jumps import Rows
from regime.data.database.encoding import codes, day_numbers
from regime.data.observations import COLUMNS
from regime.exceptions import SourceError

# Published for Saturdays and Sundays too; bond indices only where a month ends on one.
_EVERY_DAY = {"DFF", "USEPUINDXD", "BAMLH0A0HYM2", "BAMLC0A0CM"}

# Values outside are doubtful. Wide: a slip of the unit or a digit, not an unlikely day.
# `Series.lowest` and `Series.highest` go before these, and an id before its unit.
RANGES: dict[Unit | str, tuple[float, float]] = {
    Unit.RETURN: (-1.0, 4.5),  # of a month; the largest is 3.00, industry Paper, 1932-08
    "daily return": (-0.52, 0.52),  # 0.346, lo_10, 1933-03-15
    Unit.INDEX: (1e-6, 1e9), Unit.PRICE: (0.01, 1e6), Unit.DIVIDEND: (1e-6, 1e4),
    Unit.SPLIT: (0.01, 100.0), Unit.LEVEL: (1e-6, 1e7), Unit.PERCENT: (-5.0, 60.0),
    Unit.POINTS: (-10.0, 40.0), Unit.SHARE: (-0.001, 1.001), Unit.RATIO: (-1e4, 1e4),
    Unit.LOG_RATIO: (-8.0, 8.0), Unit.COUNT: (0.0, 1e12), Unit.THOUSANDS: (0.0, 1e9),
    Unit.MILLION_USD: (0.0, 1e9), Unit.USD: (-1e13, 1e13),
    "rf": (-0.0005, 0.001), "hml": (-0.15, 0.15), "smb": (-0.18, 0.18),
    "smb_5f": (-0.18, 0.18), "rmw": (-0.08, 0.08), "cma": (-0.09, 0.09), "mom": (-0.3, 0.15),
    "VIXCLS": (4.0, 170.0), "CUMFNS": (10.0, 110.0), "BAA10Y": (0.0, 12.0),
    "BAMLH0A0HYM2": (0.0, 40.0), "adv_minus_dec_ratio": (-1.001, 1.001),
    "avg_corr_63d": (-1.001, 1.001), "NFCI": (-5.0, 12.0),
}  # fmt: skip

_OUTSIDE = "is outside its range"
_MUCH, _MANY = 0.1, 3  # share and number of rows out of range that condemn the rest of a series

_Integers = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """New rows in two parts, in the order they came in and with the index they had.

    Attributes
    ----------
    good : DataFrame with the columns of `regime.data.observations`
    doubtful : the same and `reason`, a sentence
    """

    good: pd.DataFrame
    doubtful: pd.DataFrame


def checked(observations: pd.DataFrame, *, now: pd.Timestamp, recent: pd.DataFrame) -> Checked:
    """Part new observations into good and doubtful ones.

    Parameters
    ----------
    observations : DataFrame with the columns of `regime.data.observations`
    now : Timestamp with a time zone
    recent : DataFrame with the same columns, possibly empty
        Stored rows of the same series and of twins, splits and dividends of the same funds,
        from some weeks before the oldest new row on. They are believed. A fund whose twins
        are in neither frame is not compared.

    Returns
    -------
    Checked
        Each row in exactly one part, unaltered. Checking the good part again finds no
        doubt. A change beyond the bound of its series is good once the next value stays
        within the bound of it and nearer to it than to the value before; the newest value
        therefore waits for its successor, and what goes there and back is doubted for
        good, as is a daily return far beyond the size of those before it.

    Raises
    ------
    SourceError
        If a column is missing or of another type, a series unknown, a value not finite, a
        period no whole day, or a publication there twice with different values.
    """
    _require_contract(observations)
    rows = observations.reset_index(drop=True)
    reasons = _faults_of_rows(rows, now)
    alive = np.ones(len(rows), dtype=bool)
    alive[list(reasons)] = False
    history, sessions = Rows.of(rows, recent), _sessions(now)
    while found := history.doubtful(alive, sessions):
        alive[list(found)] = False
        reasons |= found
    return _parted(observations, alive, reasons)


def _parted(observations: pd.DataFrame, alive: _Flags, reasons: Mapping[int, str]) -> Checked:
    doubtful = observations[~alive]
    sentences = [
        f"{name} of {period:%Y-%m-%d}, {value:.6g}, {reasons[row]}."
        for row, name, period, value in zip(
            np.flatnonzero(~alive).tolist(), doubtful["series"], doubtful["period"],
            doubtful["value"], strict=True,
        )
    ]  # fmt: skip
    reason = pd.Series(sentences, index=doubtful.index, dtype="str")
    return Checked(observations[alive], doubtful.assign(reason=reason))


def bounds(series: Series) -> tuple[float, float]:
    """Lowest and highest value that is not doubted."""
    daily_return = series.unit is Unit.RETURN and series.frequency is Frequency.DAILY
    lowest, highest = RANGES.get(series.id, RANGES["daily return" if daily_return else series.unit])
    return (
        series.lowest if np.isfinite(series.lowest) else lowest,
        series.highest if np.isfinite(series.highest) else highest,
    )


def _require_contract(observations: pd.DataFrame) -> None:
    """Raise SourceError on what no row can be blamed for."""
    import pandera.pandas as pa  # a slow import

    schema = pa.DataFrameSchema(
        {
            "series": pa.Column(None, pa.Check(_are_names, error="known series")),
            "period": pa.Column(None, pa.Check(_are_days, error="days without zone")),
            "known_at": pa.Column(None, pa.Check(_have_zone, error="moments with a time zone")),
            "value": pa.Column("float64", pa.Check(np.isfinite, error="finite")),
            "source": pa.Column(None, pa.Check(_are_texts, error="names")),
        },
        strict=True,
    )
    try:
        schema.validate(observations)
    except (pa.errors.SchemaError, pa.errors.SchemaErrors) as error:
        first = getattr(error, "schema_errors", [error])[0]
        what = " ".join(str(first).split())[:160]
        raise SourceError(
            f"Observations need the columns {', '.join(COLUMNS)} with known series, whole days, "
            f"moments with a time zone, finite numbers and names, but {what}. Report this "
            f"source, or leave it out."
        ) from error
    key = ["series", "period", "known_at"]
    again = observations[observations.duplicated(key, keep=False)]
    differing = again[~again.duplicated([*key, "value"], keep=False)]
    if len(differing):
        first = differing.iloc[0]
        raise SourceError(
            f"Each publication needs one value, but {first['series']} of "
            f"{first['period']:%Y-%m-%d} came twice, known at the same moment, with different "
            f"ones. Report this source, or leave it out."
        )


def _are_names(names: "pd.Series[str]") -> bool:
    return set(names.unique()) <= set(CATALOG)


def _are_days(days: "pd.Series[pd.Timestamp]") -> bool:
    return (
        days.dtype.kind == "M" and days.dt.tz is None and bool((days == days.dt.normalize()).all())
    )


def _have_zone(moments: "pd.Series[pd.Timestamp]") -> bool:
    return isinstance(moments.dtype, pd.DatetimeTZDtype)


def _are_texts(names: "pd.Series[str]") -> bool:
    return all(isinstance(name, str) for name in names.unique())


def _faults_of_rows(rows: pd.DataFrame, now: pd.Timestamp) -> dict[int, str]:
    """Why, by row: what a row, or too many of its series, say wrong by themselves."""
    import pandera.pandas as pa

    if rows.empty:
        return {}
    series = codes(rows["series"], {name: at for at, name in enumerate(CATALOG)})
    lowest, highest = np.array([bounds(one) for one in CATALOG.values()]).T[:, series]
    value = rows["value"].to_numpy()
    inside = (value >= lowest) & (value <= highest)

    def check(good: _Flags, why: str) -> Any:
        # Bounds differ from row to row, and a schema knows one for the column.
        return pa.Check(lambda column: pd.Series(good, column.index), error=why)

    again = rows.duplicated(["series", "period", "known_at"]).to_numpy()
    no_split = _those(lambda one: one.unit is Unit.SPLIT)[series] & (value == 1)
    schema = pa.DataFrameSchema(
        {
            "period": pa.Column(None, [check(*rule) for rule in _calendar(rows, series, now)]),
            "known_at": pa.Column(None, check(~again, "is there twice")),
            "value": pa.Column(None, [
                check(~_slipped(series, ~inside) | ~inside, "came with too many out of range"),
                check(~no_split, "is no split"),
                check(inside, _OUTSIDE),
            ]),
        }
    )  # fmt: skip
    try:
        schema.validate(rows, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        found = dict(zip(cases["index"].astype(int), cases["check"], strict=True))
        return {
            row: f"{why}, {lowest[row]:g} to {highest[row]:g}" if why == _OUTSIDE else why
            for row, why in found.items()
        }
    return {}


def _calendar(
    rows: pd.DataFrame, series: _Integers, now: pd.Timestamp
) -> Iterator[tuple[_Flags, str]]:
    """Which rows keep each rule of the calendar, and what the others break."""
    on_sessions = _those(
        lambda one: (
            one.frequency is Frequency.EVENT
            or (one.frequency is Frequency.DAILY and one.max_age == 0)
        )
    )[series]
    weekends = _those(lambda one: one.frequency is not Frequency.DAILY or one.id in _EVERY_DAY)
    any_day = weekends[series] | on_sessions
    mid_month = _those(lambda one: one.frequency is not Frequency.MONTHLY)[series]
    lag = np.array([one.lag for one in CATALOG.values()])[series]

    day = day_numbers(rows["period"])
    known = day_numbers(rows["known_at"].dt.tz_convert(None))
    today, tomorrow = _number(now.tz_convert(None)), (day + 1).astype("datetime64[D]")
    yesterday = _number(new_york_day(now)) - 1
    ended = day <= max(yesterday, _number(last_closed_session(now)))
    yield ended, "is of a day that is not over"
    yield ~ended | ~on_sessions | np.isin(day, _sessions(now)), "is of no trading day"
    yield any_day | ((day + 3) % 7 < 5), "is of a weekend"
    yield mid_month | (tomorrow.astype("datetime64[M]") == tomorrow), "is of no end of a month"
    yield known >= day, "was known before its day"
    yield known <= np.maximum(today, day + 2 * lag + 10), "is to be known long after its lag"


def _slipped(series: _Integers, outside: _Flags) -> _Flags:
    """Rows of a series of which so many are out of range that its unit is in doubt."""
    out = np.bincount(series[outside], minlength=len(CATALOG))
    slipped = (out >= _MANY) & (out > _MUCH * np.bincount(series, minlength=len(CATALOG)))
    return np.asarray(slipped[series])


def _those(condition: Callable[[Series], bool]) -> _Flags:
    """Which series of the catalogue are such."""
    return np.array([condition(series) for series in CATALOG.values()], dtype=bool)


def _number(day: pd.Timestamp) -> int:
    """Days since 1970-01-01."""
    return (day - pd.Timestamp(0)).days


def _sessions(now: pd.Timestamp) -> _Integers:
    """Trading days that were over by `now`, in days since 1970-01-01."""
    return day_numbers(trading_days(FIRST_DAY, last_closed_session(now)).to_series())
