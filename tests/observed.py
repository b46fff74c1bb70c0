"""Small frames of observations, and the stores that keep them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from regime.data.store import ObservationStore
from regime.exceptions import StoreError

FETCHED = pd.Timestamp("2024-06-03 12:00", tz="UTC")
LATER = FETCHED + pd.Timedelta(days=30)


def frame(
    rows: list[tuple[str, str, str, float]], source: str = "files", unit: str = "us"
) -> pd.DataFrame:
    """Observations from (series, period, known_at, value)."""
    series, period, known_at, value = zip(*rows, strict=True) if rows else ([],) * 4
    return pd.DataFrame(
        {
            "series": pd.Series(series, dtype="str"),
            "period": pd.DatetimeIndex(period).as_unit(unit),
            "known_at": pd.DatetimeIndex(pd.to_datetime(list(known_at), utc=True)).as_unit(unit),
            "value": np.array(value, dtype=np.float64),
            "source": source,
        }
    )


TWO_DAYS = frame(
    [
        ("OEF", "2024-01-02", "2024-01-02 21:00", 100.0),
        ("OEF", "2024-01-03", "2024-01-03 21:00", 101.5),
    ]
)


def many(days: int, value: float, source: str = "files") -> pd.DataFrame:
    period = pd.date_range("1930-01-01", periods=days, unit="us")
    known_at = period.tz_localize("UTC") + pd.Timedelta(hours=21)
    columns = {"series": "OEF", "period": period, "known_at": known_at, "value": value}
    return pd.DataFrame({**columns, "source": source})


def use_everything(store: ObservationStore) -> Iterator[str]:
    """The error of each way to use the store."""
    for use in (
        store.read,
        store.summary,
        store.is_empty,
        store.is_simulated,
        lambda: store.append(TWO_DAYS, fetched_at=FETCHED),
    ):
        with pytest.raises(StoreError) as error:
            use()
        yield str(error.value)
