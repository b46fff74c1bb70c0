"""Values of a series that are quiet, and which of a batch are doubted."""

import pandas as pd

from regime.data.calendar import trading_days
from regime.data.catalog import Frequency, get
from regime.data.checks.validation import checked
from regime.data.observations import from_values, gather

NOW = pd.Timestamp("2024-12-31 23:00", tz="UTC")
DAYS = trading_days(pd.Timestamp("2024-06-03"), pd.Timestamp("2024-08-30"))
MONTHS = pd.date_range("2019-01-31", periods=len(DAYS), freq="ME")
WEEKS = pd.date_range("2019-01-04", periods=len(DAYS), freq="W-FRI")
NOTHING = gather([])


def rows(name, values, periods=None):
    """Observations of one series, on sessions, Fridays or month ends."""
    series = get(name)
    if periods is None:
        ends = {Frequency.MONTHLY: MONTHS, Frequency.WEEKLY: WEEKS}
        periods = ends.get(series.frequency, DAYS)
    return from_values(series, pd.Series(values, periods[: len(values)], dtype="float64"), "files")


def doubted(new, recent=NOTHING, now=NOW):
    """Series and periods of the doubtful rows."""
    found = checked(new, now=now, recent=recent).doubtful
    return list(zip(found["series"], found["period"].dt.strftime("%Y-%m-%d"), strict=True))


def day(position):
    return f"{DAYS[position]:%Y-%m-%d}"
