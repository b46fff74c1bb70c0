"""When each series is known."""

import pandas as pd
import pytest

from regime.data.catalog import CATALOG, Frequency, Unit, describe_location, get, tables
from regime.data.declared.own import TABLE as OWN
from regime.exceptions import ConfigError, PanelError


def known(name, *periods):
    return list(get(name).known_at(pd.DatetimeIndex(periods).as_unit("us")))


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def test_a_return_is_known_at_its_own_close():
    assert known("hi_10", "2024-07-11") == [utc("2024-07-11 20:00")]


def test_a_yield_is_known_at_the_next_close_across_a_weekend_and_an_early_close():
    assert known("DGS10", "2024-07-12", "2024-11-27") == [
        utc("2024-07-15 20:00"),
        utc("2024-11-29 18:00"),
    ]


def test_a_value_dated_on_a_day_without_session_counts_from_the_session_before():
    assert known("DFF", "2024-07-13") == [utc("2024-07-15 20:00")]


def test_a_monthly_value_is_known_when_its_lag_is_over():
    assert known("mcapshare_hi_10", "2024-07-31") == [utc("2024-09-30 00:00")]


MONTHS = {
    Frequency.WEEKLY: 7, Frequency.TWICE_MONTHLY: 17, Frequency.MONTHLY: 31,
    Frequency.QUARTERLY: 92, Frequency.YEARLY: 366,
}  # fmt: skip


@pytest.mark.parametrize("series", CATALOG.values(), ids=lambda series: series.id)
def test_a_value_outlives_the_wait_for_the_next_one_but_not_for_long(series):
    if wait := MONTHS.get(series.frequency):
        assert series.lag + wait < series.max_age < series.lag + 3 * wait
    else:
        # What a user writes down comes when the user writes it.
        assert series.max_age <= (45 if series.table == OWN else 8 + 2 * series.lag)
        at_its_close = series.unit in {Unit.RETURN, Unit.INDEX, Unit.PRICE}
        assert (series.max_age == 0) == (at_its_close or series.frequency is Frequency.EVENT)


def test_every_series_stands_in_exactly_one_table():
    listed = [series.id for table in tables().values() for series in table]
    assert sorted(listed) == sorted(CATALOG)


def test_an_unknown_series_is_named():
    with pytest.raises(ConfigError, match=r"no series 'DGS11'.*Near it are"):
        get("DGS11")


def test_a_location_names_columns_and_file():
    assert describe_location(["OEF", "RSP"]) == (
        "columns OEF, RSP of etf_total_return_index_daily.csv, .csv.gz or .parquet"
    )


def test_a_day_before_the_calendar_is_refused_and_not_known_years_later():
    with pytest.raises(PanelError, match="value of 1925-03-02, before the first session"):
        known("hi_10", "1925-03-02", "2024-07-11")
