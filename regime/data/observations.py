"""What a source hands over: one row per series, period and publication.

Columns: `series` (a catalogue id), `period` (the last day it describes, no time zone),
`known_at` (UTC, when it was published), `value` (finite float), `source` (who said so).
"""

import numpy as np
import pandas as pd

from regime.data.series import Series

COLUMNS = ["series", "period", "known_at", "value", "source"]
SIMULATED = "demo"  # the source whose rows are no market data


def from_values(series: Series, values: "pd.Series[float]", source: str) -> pd.DataFrame:
    """Observations of one series known by its publication lag; missing values are left out.

    Parameters
    ----------
    values : Series indexed by period (for monthly series, any day of the month)
    """
    values = values.dropna()
    periods = pd.DatetimeIndex(values.index).as_unit("us")
    if series.frequency == "monthly":
        periods = (periods + pd.offsets.MonthEnd(0)).as_unit("us")
    return pd.DataFrame(
        {
            "series": series.id,
            "period": periods,
            "known_at": series.known_at(periods),
            "value": values.to_numpy(dtype=np.float64),
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
