"""What a soak holds, and a short one of a week without a browser."""

import os

import pandas as pd
import pytest
from once import moved

from regime.data.calendar import trading_days
from soak import soak
from soak.held import faults_in, growth, wrongly_published

MINUTES = [float(minute) for minute in range(1, 13)]


def test_memory_that_rises_before_the_middle_and_stays_is_flat():
    found = growth(MINUTES, [100, 180, 240, 280, 300, 310, 312, 311, 312, 311, 312, 312])
    assert found.flat
    # Medians of 312, 311, 312 and of 311, 312, 312.
    assert (found.begin, found.end) == (312, 312)


def test_memory_that_leaks_four_megabytes_a_minute_is_not_flat_and_its_slope_is_told():
    leaking = [300 + 4 * minute for minute in MINUTES]
    # Of minutes 7 to 12, the middle of the first three is 8, of the last three 11: 12 MB, flat.
    assert growth(MINUTES, leaking).flat
    twice = growth([*MINUTES, *range(13, 25)], [300 + 4 * minute for minute in range(1, 25)])
    # Minutes 14 and 23: 356 and 392 MB, 36 MB more, a tenth.
    assert (twice.begin, twice.end, twice.flat) == (356, 392, False)
    assert twice.per_hour == pytest.approx(240)


def test_one_peak_of_a_sample_moves_neither_growth_nor_slope():
    found = growth(MINUTES, [300.0] * 11 + [900.0])
    assert found.flat
    assert found.per_hour == 0


def test_growth_of_three_samples_says_what_it_needs():
    with pytest.raises(ValueError, match="two samples in the second half; found 1 of 1"):
        growth([1.0], [1.0])


def test_a_fault_is_found_in_a_log_with_its_file(tmp_path):
    (tmp_path / "mlflow.log").write_text("fine\nsqlite3: database is locked\n")
    (tmp_path / "run.jsonl").write_text('{"level": "INFO"}\n{"level": "ERROR", "message": "x"}\n')
    found = faults_in(sorted(tmp_path.iterdir()))
    assert found == [
        "mlflow.log: sqlite3: database is locked",
        'run.jsonl: {"level": "ERROR", "message": "x"}',
    ]


def test_a_day_published_twice_not_at_all_or_without_being_due_is_told():
    monday, tuesday, friday = pd.to_datetime(["2016-01-04", "2016-01-05", "2016-01-08"])
    rows = [(monday, 0), (monday, 21), (monday, 0), (tuesday, 0), (friday, 0)]
    ledger = pd.DataFrame(rows, columns=["date", "horizon"])
    assert wrongly_published(ledger, pd.DatetimeIndex([monday, tuesday]), (0, 21)) == [
        "2016-01-04, 0 days ahead: 2 times, not 1",
        "2016-01-05, 21 days ahead: 0 times, not 1",
        "2016-01-08, 0 days ahead: 1 times, not 0",
    ]
    whole = pd.DataFrame([(monday, 0), (monday, 21)], columns=["date", "horizon"])
    assert wrongly_published(whole, pd.DatetimeIndex([monday]), (0, 21)) == []


@pytest.fixture
def run(commands, tmp_path):
    """`regime WORDS` forked from a process that has imported it."""

    def run(*words, now):
        environment = {"REGIME_HOME": str(tmp_path / "home"), "REGIME_NOW": now}
        done = commands.run(*words, **environment)
        return done.returncode, done.stderr

    return run


@pytest.mark.long
def test_a_week_is_lived_under_the_eyes_of_app_and_mlflow(run, trained_home, tmp_path, monkeypatch):
    moved(trained_home.settings.home, tmp_path / "home")
    monkeypatch.setattr(soak, "BEGIN", pd.Timestamp("2012-06-29"))
    week = trading_days(pd.Timestamp("2012-06-29"), pd.Timestamp("2012-07-09"))
    monkeypatch.setattr(soak, "trading_days", lambda begin, end: week)
    found = soak.soak(
        0.6, tmp_path / "home", run, with_browser=False, interval=3.0,
    )  # fmt: skip
    assert found["faults"] == []
    assert found["days_published"] >= 5
    assert found["questions"] > 3
    assert os.fspath(tmp_path) not in str(found)
