"""Periods and publications that cannot be, and frames that are refused."""

import numpy as np
import pandas as pd
import pytest
from data.checks.doubted import DAYS, NOTHING, NOW, day, doubted, rows

from regime.data.checks.validation import checked
from regime.exceptions import SourceError

# The calendar.


@pytest.mark.parametrize(
    ("name", "period", "value", "why"),
    [
        ("hi_10", "2024-07-04", 0.01, "is of no trading day"),
        ("SPY_dividend", "2024-07-06", 1.0, "is of no trading day"),
        ("DGS10", "2024-07-06", 4.0, "is of a weekend"),
        ("DFF", "2024-07-06", 5.0, None),
        ("DGS10", "2024-07-04", 4.0, None),
        ("mcapshare_hi_10", "2024-06-29", 0.6, "is of no end of a month"),
        ("mcapshare_hi_10", "2024-06-30", 0.6, None),
        ("SPY_close", "2024-12-31", 500.0, None),
        ("SPY_close", "2025-01-02", 500.0, "is of a day that is not over"),
        ("ICSA", "2024-06-29", 230_000.0, None),
        ("IWM_split", "2024-07-05", 1.0, "is no split"),
    ],
)
def test_a_period_must_be_one_that_the_series_can_have(name, period, value, why):
    at = pd.Timestamp(period)
    new = rows("OEF_close", [200.0]).assign(
        series=name, period=at.as_unit("us"), value=value,
        known_at=at.tz_localize("UTC") + pd.Timedelta(hours=22),
    )  # fmt: skip
    found = checked(new, now=NOW, recent=NOTHING).doubtful["reason"]
    assert found.tolist() == ([] if why is None else [f"{name} of {period}, {value:.6g}, {why}."])


def test_a_session_counts_once_it_has_closed():
    new = rows("SPY_close", [500.0], DAYS)
    close = new["known_at"].iloc[0]
    assert doubted(new, now=close) == []
    assert doubted(new, now=close - pd.Timedelta(minutes=1)) == [("SPY_close", day(0))]


@pytest.mark.parametrize("days", [-1, 400])
def test_a_publication_before_its_day_or_long_after_its_lag_is_doubted(days):
    new = rows("SPY_close", [500.0])
    absurd = new["period"].dt.tz_localize("UTC") + pd.Timedelta(days=days)
    assert doubted(new.assign(known_at=absurd)) == [("SPY_close", day(0))]


def test_a_repeated_row_is_kept_once():
    new = rows("SPY_close", [500.0, 501.0])
    assert doubted(pd.concat([new, new.iloc[[1]]], ignore_index=True)) == [("SPY_close", day(1))]


# What is refused.

FRAME = rows("SPY_close", [500.0, 501.0])
BROKEN = {
    "no column": FRAME.drop(columns="source"),
    "a column more": FRAME.assign(reason=""),
    "values as texts": FRAME.assign(value=["500", "501"]),
    "a value missing": FRAME.assign(value=[np.nan, 501.0]),
    "a value without end": FRAME.assign(value=[np.inf, 501.0]),
    "no zone": FRAME.assign(known_at=FRAME["known_at"].dt.tz_localize(None)),
    "a period with a zone": FRAME.assign(period=FRAME["known_at"]),
    "a period at noon": FRAME.assign(period=FRAME["period"] + pd.Timedelta(hours=12)),
    "no period": FRAME.assign(period=[pd.NaT, FRAME["period"][1]]),
    "an unknown series": FRAME.assign(series="SPX"),
    "two values of one publication": pd.concat([FRAME, FRAME.assign(value=7.0)]),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_frame_that_breaks_the_contract_is_an_error_of_its_source_in_one_line(broken):
    with pytest.raises(SourceError) as error:
        checked(broken, now=NOW, recent=NOTHING)
    assert "\n" not in str(error.value)


def test_nothing_is_good():
    both = checked(NOTHING, now=NOW, recent=NOTHING)
    assert both.good.empty
    assert both.doubtful.empty
