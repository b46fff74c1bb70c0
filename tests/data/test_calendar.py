"""The exchange's days, as history has them."""

import pandas as pd
import pytest

from regime.data import calendar
from regime.data.calendar import end_of_day, last_closed_session, session_closes, trading_days


def days(first, last):
    return trading_days(pd.Timestamp(first), pd.Timestamp(last))


def test_saturdays_were_sessions_until_1952():
    assert pd.Timestamp("1940-05-11") in days("1940-05-01", "1940-05-31")
    assert pd.Timestamp("1960-05-14") not in days("1960-05-01", "1960-05-31")


@pytest.mark.parametrize("closed", ["2001-09-12", "2012-10-29", "2018-12-05", "2025-01-09"])
def test_unplanned_closures_are_no_sessions(closed):
    month = pd.Timestamp(closed)
    assert month not in days(month.replace(day=1), month + pd.Timedelta(days=20))


def test_the_day_after_thanksgiving_closes_at_one():
    close = session_closes(pd.Timestamp("2024-12-31"))[pd.Timestamp("2024-11-29")]
    assert close == pd.Timestamp("2024-11-29 18:00", tz="UTC")


def test_a_session_counts_only_once_it_has_closed():
    before, after = (
        pd.Timestamp("2024-12-31 20:59", tz="UTC"),
        pd.Timestamp("2024-12-31 21:00", tz="UTC"),
    )
    assert last_closed_session(before) == pd.Timestamp("2024-12-30")
    assert last_closed_session(after) == pd.Timestamp("2024-12-31")


def test_a_day_ends_at_midnight_in_new_york_after_its_close_and_the_evening_s_fetch():
    assert end_of_day(pd.Timestamp("2024-12-25")) == pd.Timestamp("2024-12-26 04:59:59", tz="UTC")
    assert end_of_day(pd.Timestamp("2024-07-11")) == pd.Timestamp("2024-07-12 03:59:59", tz="UTC")
    for day in (pd.Timestamp("2024-12-25"), pd.Timestamp("2024-12-24")):
        assert last_closed_session(end_of_day(day)) == pd.Timestamp("2024-12-24")


@pytest.mark.real_data
def test_sessions_are_exactly_the_days_of_the_french_daily_file(real_data):
    table = pd.read_csv(real_data / "french_size_portfolios_vw_daily.csv.gz", usecols=["date"])
    assert list(days("1926-07-01", "2024-12-31").strftime("%Y-%m-%d")) == list(table["date"])


def test_kept_sessions_are_those_that_were_computed(tmp_path, monkeypatch):
    monkeypatch.setattr(calendar, "_kept", lambda year: tmp_path / f"{year}.npy")
    fresh, kept = (calendar._closes_to.__wrapped__(1929) for _ in range(2))
    monkeypatch.setattr(calendar, "_compute", lambda year: pytest.fail("computed again"))
    pd.testing.assert_series_equal(calendar._closes_to.__wrapped__(1929), fresh)
    pd.testing.assert_series_equal(kept, fresh)


def test_damaged_sessions_are_computed_anew_and_an_unwritable_folder_is_no_fault(
    tmp_path, monkeypatch
):
    kept = tmp_path / "sessions.npy"
    monkeypatch.setattr(calendar, "_kept", lambda year: kept)
    fresh = calendar._closes_to.__wrapped__(1929)
    damaged = bytearray(kept.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    kept.write_bytes(damaged)
    pd.testing.assert_series_equal(calendar._closes_to.__wrapped__(1929), fresh)
    kept.write_bytes(b"")
    pd.testing.assert_series_equal(calendar._closes_to.__wrapped__(1929), fresh)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(calendar, "_kept", lambda year: tmp_path / "file" / "sessions.npy")
    pd.testing.assert_series_equal(calendar._closes_to.__wrapped__(1929), fresh)
