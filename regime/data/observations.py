"""What a source hands over: one row per series, period and publication.

Columns: `series` (a catalogue id), `period` (the last day it describes, no time zone),
`known_at` (UTC, when it was published), `value` (finite float), `source` (who said so).

The period of a monthly value is the last day of its month, that of a weekly value the Friday
of its week, Sunday to Saturday, by whichever of its days the publisher calls it.
"""

import numpy as np
import pandas as pd

from regime.data.series import Frequency, Series
from regime.exceptions import SourceError

COLUMNS = ["series", "period", "known_at", "value", "source"]
SIMULATED = "demo"  # the source whose rows are no market data


def period_ends(series: Series, dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The periods that a publisher may name by any of their days."""
    if series.frequency is Frequency.MONTHLY:
        return (dates + pd.offsets.MonthEnd(0)).as_unit("us")
    if series.frequency is Frequency.WEEKLY:
        since_sunday = (dates.day_of_week + 1) % 7
        return (dates + pd.to_timedelta(5 - since_sunday, unit="D")).as_unit("us")
    return dates.as_unit("us")


def require_one_a_week(series: Series, dates: pd.DatetimeIndex) -> None:
    """Raise SourceError if two dates of a weekly series, each there once, are of one week."""
    if series.frequency is not Frequency.WEEKLY:
        return
    weeks = period_ends(series, dates)
    if (twice := weeks.duplicated(keep=False)).any():
        first, second = dates[weeks == weeks[twice][0]][:2]
        raise SourceError(
            f"{series.id} needs one value a week, Sunday to Saturday, but has one of "
            f"{first:%Y-%m-%d} and one of {second:%Y-%m-%d}. Keep the right one."
        )


def from_values(
    series: Series,
    values: "pd.Series[float]",
    source: str,
    *,
    known_at: pd.DatetimeIndex | None = None,
) -> pd.DataFrame:
    """Observations of one series; missing values are left out.

    Parameters
    ----------
    values : Series indexed by period (for weekly and monthly series, any day of it)
    known_at : DatetimeIndex of the same length, with a time zone
        When each was published; by the publication lag where NaT, and by default.

    Raises
    ------
    SourceError
        If two dates of a weekly series are of one week.
    """
    there = values.notna().to_numpy()
    dates = pd.DatetimeIndex(values.index)[there]
    require_one_a_week(series, dates.unique() if known_at is not None else dates)
    periods = period_ends(series, dates)
    known = series.known_at(periods)
    if known_at is not None:
        said = known_at[there].tz_convert("UTC").as_unit("us")
        known = said.where(said.notna(), known)
    return pd.DataFrame(
        {
            "series": series.id,
            "period": periods,
            "known_at": known,
            "value": values.to_numpy(dtype=np.float64)[there],
            "source": source,
        },
        columns=COLUMNS,
    )


def gather(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Observations of many series as one frame, names held once (categories)."""
    if not parts:
        empty = {"series": "str", "period": "datetime64[us]", "known_at": "datetime64[us, UTC]"}
        return pd.DataFrame(columns=COLUMNS).astype(empty | {"value": "float64", "source": "str"})
    frame = pd.concat(parts, ignore_index=True)
    return frame.astype({"series": "category", "source": "category"})
