"""Where each signal stands: its value, percentile and changes, and since when it was not so far."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

WINDOW = 5040  # sessions: twenty years
ENOUGH = 252  # earlier values, below which a percentile says nothing
SPANS = (21, 63)  # sessions over which changes are told
LATELY = 5  # sessions, the last one included, whose extremes are told
REMARKABLE = 63  # sessions that an extreme must reach back to be worth a word
_NEAR = 256  # rows searched first
KNOWN, LATE, MISSING = "known", "late", "missing"
HIGHEST, LOWEST = "highest", "lowest"

FloatArray = npt.NDArray[np.float64]


def standing(values: FloatArray, dates: pd.DatetimeIndex) -> pd.DataFrame:
    """Where signals stand on the last row.

    Parameters
    ----------
    values : array of shape (n_days, n_signals), each in its own unit; NaN where not known
    dates : trading day of each row, ascending

    Returns
    -------
    DataFrame of shape (n_signals, n_columns), a row per signal
        `value` is that of the last row, NaN if it is not known then, and so are percentile and
        changes. `last` is the newest value and `known` its day (NaT: there never was one),
        `stale` the sessions since then and `unchanged` those since it was another. `percentile`
        is the share of the `WINDOW` sessions before with a lower value, those with the same counted
        half, from `window_from` on; NaN with fewer than `ENOUGH` of them. `state` is `KNOWN`,
        `LATE` or `MISSING`. The columns of `extremes` follow.
    """
    known, now = ~np.isnan(values), values[-1]
    ever = known.any(axis=0)
    newest = len(values) - 1 - known[::-1].argmax(axis=0)
    last = np.where(ever, values[newest, np.arange(values.shape[1])], np.nan)
    # A missing value is no other value.
    other = known & (values != last)
    moved = len(values) - other[::-1].argmax(axis=0)  # the row after the newest other value
    moved = np.where(other.any(axis=0), moved, known.argmax(axis=0))
    window = values[-WINDOW - 1 : -1]
    before = (~np.isnan(window)).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        below, same = (window < now).sum(axis=0), (window == now).sum(axis=0)
        percentile = (below + same / 2) / before
    end = len(values) - 1
    first = end - len(window) + (~np.isnan(values[-WINDOW - 1 :])).argmax(axis=0)
    percentile[(before < ENOUGH) | np.isnan(now)] = np.nan
    sessions = {"stale": end - newest, "unchanged": end - moved}
    changes = {
        f"change_{days}": now - (values[-1 - days] if len(values) > days else np.nan)
        for days in SPANS
    }
    return pd.DataFrame(
        {
            "state": np.where(~ever, MISSING, np.where(np.isnan(now), LATE, KNOWN)),
            "value": now,
            "known": dates[newest].where(ever),
            **{name: np.where(ever, count, np.nan) for name, count in sessions.items()},
            "last": last,
            "percentile": percentile,
            "window_from": dates[first].where(before > 0),
            **changes,
        }
    ).join(extremes(values, dates))


def extremes(values: FloatArray, dates: pd.DatetimeIndex, lately: int = LATELY) -> pd.DataFrame:
    """The value of the last `lately` rows that was the highest or lowest for the longest.

    Parameters
    ----------
    values, dates : as of `standing`
    lately : rows, the last one included

    Returns
    -------
    DataFrame with a row per signal: `extreme`, the value, and `extreme_on`, its day; whether it
        is the `HIGHEST` or `LOWEST` (`extreme_is`) since `extreme_since`, the newest earlier day
        with a value at least as high (low); NaT on record, with the first known day in
        `extreme_from`. Empty words, NaN and NaT where it reaches back less than `REMARKABLE`
        sessions, or a value is missing on the last row. Of a tie the newer day is told.
    """
    none = {"extreme": np.nan, "extreme_on": pd.NaT, "extreme_is": "", "extreme_since": pd.NaT,
            "extreme_from": pd.NaT}  # fmt: skip
    found = [_extreme(column, dates, lately) or none for column in values.T]
    frame = pd.DataFrame(found, columns=[*none])
    days = ["extreme_on", "extreme_since", "extreme_from"]
    return frame.astype(dict.fromkeys(days, "datetime64[us]") | {"extreme": np.float64})


def _extreme(column: FloatArray, dates: pd.DatetimeIndex, lately: int) -> dict[str, object] | None:
    known = np.flatnonzero(~np.isnan(column))
    if not len(known) or known[-1] != len(column) - 1:
        return None
    best: tuple[int, int, str, int] | None = None
    for row in known[known >= len(column) - lately][::-1]:
        for word, sign in ((HIGHEST, 1.0), (LOWEST, -1.0)):
            before = longest_before(sign * column, int(row))
            back = int(row) - (known[0] if before is None else before)
            if best is None or back > best[0]:
                best = back, int(row), word, -1 if before is None else before
    if best is None or best[0] < REMARKABLE:
        return None
    _, row, word, before = best
    return {
        "extreme": column[row],
        "extreme_on": dates[row],
        "extreme_is": word,
        "extreme_since": dates[before] if before >= 0 else pd.NaT,
        "extreme_from": dates[known[0]],
    }


def longest_before(values: Sequence[float] | FloatArray, row: int) -> int | None:
    """The newest row before `row` with a value at least as high; None if there is none.

    A value that stood still is its own record: rows that tie with it in one unbroken run up to
    `row` do not count as earlier.
    """
    column = np.asarray(values, dtype=np.float64)
    now = column[row]
    other = _newest(column, row, lambda past: (past != now) & ~np.isnan(past))
    return None if other is None else _newest(column, other + 1, lambda past: past >= now)


def _newest(
    column: FloatArray, end: int, holds: Callable[[FloatArray], npt.NDArray[np.bool_]]
) -> int | None:
    """The newest row before `end` of which something holds: nearby rows first, then ever more."""
    width = _NEAR
    while end > 0:
        first = max(end - width, 0)
        with np.errstate(invalid="ignore"):
            found = np.flatnonzero(holds(column[first:end]))
        if len(found):
            return first + int(found[-1])
        end, width = first, 4 * width
    return None
