"""Observations as the numbers a database keeps, and back.

Periods are days since 1970-01-01; moments are whole seconds since 1970-01-01 UTC, rounded up
so that nothing is known early; names are ids of the tables `series` and `source`.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from regime.data.catalog import CATALOG
from regime.data.observations import COLUMNS
from regime.exceptions import StoreError

CELL = ["series", "period"]
_EPOCH = pd.Timestamp(0, tz="UTC")
_MAKE_THEM = "Make them by regime.data.observations.from_values."


def check(observations: pd.DataFrame) -> None:
    """Raise StoreError on what breaks the contract of `regime.data.observations`.

    That is a fault of the program, caught before it is stored for good.
    """
    if (found := list(observations.columns)) != COLUMNS:
        raise StoreError(
            f"Observations need the columns {', '.join(COLUMNS)}, but have "
            f"{', '.join(map(str, found)) or 'none'}. {_MAKE_THEM}"
        )
    known_at, period = observations["known_at"], observations["period"]
    if not isinstance(known_at.dtype, pd.DatetimeTZDtype):
        raise StoreError(f"`known_at` needs a time zone, but is {known_at.dtype}. {_MAKE_THEM}")
    if not isinstance(period.dtype, np.dtype) or period.dtype.kind != "M":
        raise StoreError(
            f"`period` must be days without a time zone, but is {period.dtype}. {_MAKE_THEM}"
        )
    if unknown := set(observations["series"].unique()) - set(CATALOG):
        raise StoreError(
            f"The catalogue does not know the series {sorted(map(str, unknown))}. "
            f"Declare them in regime.data.declared, or leave them out."
        )
    faults = {
        "a value that is not finite": ~np.isfinite(observations["value"].to_numpy("float64")),
        "no date or no source": observations.drop(columns="value").isna().any(axis=1),
        "a period that is no whole day": period != period.dt.normalize(),
        "one publication twice": observations.duplicated([*CELL, "known_at"]),
    }
    for fault, rows in faults.items():
        if rows.any():
            first = observations[np.asarray(rows)].iloc[0]
            raise StoreError(
                f"Observations hold {fault}: {first['series']}, {first['period']}. {_MAKE_THEM}"
            )


def in_order(rows: pd.DataFrame, series: Mapping[str, int]) -> pd.DataFrame:
    """The rows in the order that `encoded` gives them."""
    keyed = rows.assign(series=codes(rows["series"], series))
    return keyed.sort_values([*CELL, "known_at"], kind="stable", ignore_index=True)


def encoded(
    observations: pd.DataFrame, series: Mapping[str, int], sources: Mapping[str, int]
) -> np.ndarray:
    """Names and dates as the integers stored, publications of a period in their order."""
    columns = {
        "series": codes(observations["series"], series).astype("i4"),
        "period": day_numbers(observations["period"]),
        "known_at": seconds(observations["known_at"]),
        "value": observations["value"].to_numpy("float64") + 0.0,  # no minus zero
        "source": codes(observations["source"], sources).astype("i4"),
    }
    rows = np.empty(len(observations), [(name, kind.dtype) for name, kind in columns.items()])
    for name, values in columns.items():
        rows[name] = values
    return rows[np.lexsort((rows["known_at"], rows["period"], rows["series"]))]


def codes(names: "pd.Series[str]", ids: Mapping[str, int]) -> np.ndarray:
    """Ids of a column of names, looked up once for each name."""
    found = names.astype("category")
    lookup = np.array([ids.get(str(name), 0) for name in found.cat.categories], dtype=np.int64)
    return lookup[found.cat.codes.to_numpy()]


def second(when: pd.Timestamp, name: str, *, up: bool = True) -> int:
    """A moment as a whole second, rounded up or down; a StoreError if it has no time zone."""
    if pd.isna(when) or when.tzinfo is None:
        raise StoreError(f"`{name}` must be a moment with a time zone, but is {when}.")
    a_second = pd.Timedelta(seconds=1)
    return -((_EPOCH - when) // a_second) if up else (when - _EPOCH) // a_second


def seconds(moments: "pd.Series[pd.Timestamp]") -> np.ndarray:
    """Whole seconds since 1970-01-01 UTC, rounded up."""
    moments = moments.dt.tz_convert("UTC").dt.as_unit("us").dt.tz_localize(None)
    return -(-moments.to_numpy().astype("int64") // 1_000_000)


def day_numbers(days: "pd.Series[pd.Timestamp]") -> np.ndarray:
    """Days since 1970-01-01."""
    numbers: np.ndarray = days.to_numpy().astype("datetime64[D]").astype("int64")
    return numbers


def utc(seconds: np.ndarray) -> pd.DatetimeIndex:
    """Moments of whole seconds since 1970."""
    return pd.DatetimeIndex(seconds.astype("datetime64[s]")).as_unit("us").tz_localize("UTC")


def days(numbers: np.ndarray) -> np.ndarray:
    """Days of their numbers, as a panel keeps them."""
    return numbers.astype("datetime64[D]").astype("datetime64[us]")


def categories_of(ids: np.ndarray, names: Mapping[int, str]) -> "pd.Categorical[str]":
    """Names of these ids, categories in alphabetical order."""
    present = sorted(np.unique(ids), key=lambda at: names[int(at)])
    position = np.zeros(max((int(at) for at in present), default=0) + 1, dtype=np.int64)
    position[np.array(present, dtype=np.int64)] = np.arange(len(present))
    categories = pd.Index([names[int(at)] for at in present], dtype="str")
    return pd.Categorical.from_codes(position[ids], categories=categories)
