"""Tables may tell when each value became known, and what it was before."""

from pathlib import Path

import pandas as pd
import pytest
from data.sources.files.tables import DAYS, FRENCH, FUNDS, french, funds, read

from regime.data.calendar import session_closes
from regime.data.observations import COLUMNS
from regime.data.sources import files
from regime.exceptions import SourceError

PUBLISHED = "fred_monthly.csv"
TOLD = [
    ("2023-10-31", "", 307.5, 3.9),
    ("2023-10-31", "2023-12-12", 307.7, ""),
    ("2023-11-30", "2023-12-12T08:30:00.25-05:00", 308.0, 3.7),
    ("2023-11-30", "2024-02-09 13:30Z", 308.125, ""),
    ("2023-12-31", ".", 308.75, 3.8),
]


def told(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["date", "known_at", "CPIAUCSL", "UNRATE"])


def publications(found: files.FolderRead, series: str) -> list[tuple[str, str, float]]:
    rows = found.observations[found.observations["series"] == series]
    return [
        (f"{row.period:%Y-%m-%d}", f"{row.known_at:%Y-%m-%d %H:%M:%S}", row.value)
        for row in rows.itertuples()
    ]


def test_a_period_has_each_of_its_revisions_with_the_moment_it_was_told(folder):
    told(*TOLD).to_csv(folder / PUBLISHED, index=False)
    found = read(folder)
    assert publications(found, "CPIAUCSL") == [
        ("2023-10-31", "2023-11-21 00:00:00", 307.5),  # by its lag
        ("2023-10-31", "2023-12-13 00:00:00", 307.7),  # when the day was over
        ("2023-11-30", "2023-12-12 13:30:01", 308.0),  # not before it was
        ("2023-11-30", "2024-02-09 13:30:00", 308.125),
        ("2023-12-31", "2024-01-21 00:00:00", 308.75),
    ]
    assert publications(found, "UNRATE") == [
        ("2023-10-31", "2023-11-11 00:00:00", 3.9),
        ("2023-11-30", "2023-12-12 13:30:01", 3.7),
        ("2023-12-31", "2024-01-11 00:00:00", 3.8),
    ]
    assert found.observations["known_at"].dtype == "datetime64[us, UTC]"
    assert found.unknown_columns == {}


def test_the_moments_of_a_parquet_are_read_too(folder):
    frame = told(*TOLD)[["date", "CPIAUCSL"]][1:4]
    moments = pd.to_datetime(["2023-12-13", "2023-12-14", "2024-02-09"]).tz_localize("UTC")
    frame.assign(known_at=moments).to_parquet(folder / "fred_monthly.parquet")
    known = [moment for _, moment, _ in publications(read(folder), "CPIAUCSL")]
    assert known == [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in moments]


def test_a_folder_without_moments_is_read_as_one_with_empty_ones(folder):
    before = read(folder).observations
    french().assign(known_at="").to_csv(folder / FRENCH, index=False)
    pd.testing.assert_frame_equal(read(folder).observations, before)


def test_a_price_may_be_told_at_its_close_and_corrected_later(folder):
    close = session_closes(pd.Timestamp(DAYS[-1]))[pd.Timestamp(DAYS[-1])]
    frame = pd.concat([funds(), funds()[-1:].assign(OEF=100.5)])
    frame["known_at"] = ["", "", "", "", close.isoformat(), "2024-01-09"]
    frame.to_csv(folder / FUNDS, index=False)
    assert publications(read(folder), "OEF")[-2:] == [
        ("2024-01-08", f"{close:%Y-%m-%d %H:%M:%S}", 100.04),
        ("2024-01-08", "2024-01-10 00:00:00", 100.5),
    ]


def test_today_may_be_a_day_of_publication(folder):
    today = pd.Timestamp.now("UTC").strftime("%Y-%m-%d")
    told(*TOLD[:-1], ("2023-12-31", today, 308.75, 3.8)).to_csv(folder / PUBLISHED, index=False)
    assert publications(read(folder), "UNRATE")[-1][0] == "2023-12-31"


SOON = (pd.Timestamp.now("UTC") + pd.Timedelta(days=1)).strftime("%Y-%m-%d")
UNTIMELY = {
    "no moment": (1, ("2023-10-31", "soon", 1, 1), ["known_at, line 3: 'soon' is no moment"]),
    "no such day": (1, ("2023-10-31", "2023-11-31", 1, 1), ["line 3", "is no moment"]),
    "no zone": (1, ("2023-10-31", "2023-12-12T08:30", 1, 1), ["is no moment", "time zone"]),
    "future day": (4, ("2023-12-31", SOON, 1, 1), ["line 6", "is in the future"]),
    "future moment": (4, ("2023-12-31", f"{SOON}T00:00Z", 1, 1), ["line 6", "is in the future"]),
    "before its month": (
        1, ("2023-10-31", "2023-09-29", 307.7, ""),
        ["column CPIAUCSL, line 3 (2023-10-31): '307.7' has a known_at before its period"],
    ),
    "twice": (3, ("2023-11-30", "2023-12-12T13:30:00.5Z", 1, 1), ["line 5", "month a second row"]),
    "twice by lag": (1, ("2023-10-31", "", 307.7, ""), ["line 3", "a month a second row"]),
    "moments out of order": (
        3, ("2023-11-30", "2023-12-11", 1, 1), ["column date, line 5", "below a later date"],
    ),
    "an empty one below": (3, ("2023-11-30", "", 1, 1), ["line 5", "below a later date"]),
    "with the lag of the row above": (
        1, ("2023-10-31", "2023-11-20", 307.7, ""),
        ["column CPIAUCSL, line 3", "no later than the row above", "20 days"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("at", "row", "words"), UNTIMELY.values(), ids=UNTIMELY)
def test_a_moment_that_cannot_be_right_is_told_in_one_line(folder, at, row, words):
    rows = [*TOLD[:at], row, *TOLD[at + 1 :]]
    told(*rows).to_csv(folder / PUBLISHED, index=False)
    with pytest.raises(SourceError) as error:
        read(folder)
    for line in str(error.value).splitlines():
        assert line.startswith(f"{PUBLISHED}, column ")
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(("frame", "name"), [(french, FRENCH), (funds, FUNDS)])
def test_a_return_or_price_cannot_be_known_before_its_close(folder, frame, name):
    moments = ["", "", "", "", "2024-01-08T15:59-05:00"]
    frame().assign(known_at=moments).to_csv(folder / name, index=False)
    with pytest.raises(SourceError, match=r"line 6 \(2024-01-08\): .*before the close of its day"):
        read(folder)


def test_a_slip_is_looked_for_in_the_newest_revisions(folder):
    frame = pd.concat([funds()[:3], funds()[2:]]).assign(OEF=[100, 101, 300, 102, 103, 104])
    frame["known_at"] = ["", "", "", "2024-01-09", "", ""]
    frame.to_csv(folder / FUNDS, index=False)
    assert len(publications(read(folder), "OEF")) == 6
    frame.assign(OEF=[100, 101, 102, 300, 103, 104]).to_csv(folder / FUNDS, index=False)
    with pytest.raises(SourceError, match=r"line 5 .* is a slip"):
        read(folder)


def weeks(folder: Path, *rows: tuple[object, ...]) -> files.FolderRead:
    frame = pd.DataFrame(rows, columns=["date", "ICSA", "WALCL"])
    frame.to_csv(folder / "fred_weekly.csv", index=False)
    return read(folder)


def test_a_week_is_its_friday_whichever_of_its_days_a_table_has(folder):
    found = weeks(
        folder, ("2024-01-03", "", 7.7e6), ("2024-01-06", 203_000, ""), ("2024-01-10", "", 7.6e6)
    )
    assert publications(found, "ICSA") == [("2024-01-05", "2024-01-12 00:00:00", 203_000.0)]
    assert [period for period, _, _ in publications(found, "WALCL")] == ["2024-01-05", "2024-01-12"]


def test_two_values_of_one_week_are_told(folder):
    with pytest.raises(SourceError, match=r"column ICSA, line 4 \(2024-01-06\): '2' gives a week"):
        weeks(folder, ("2023-12-30", 1, 1), ("2024-01-03", 1, 1), ("2024-01-06", 2, ""))


def changes(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["series", "date", "vintage", "value"])


VINTAGES = changes(
    ("UNRATE", "2023-10-01", "2023-12", 3.9), ("UNRATE", "2023-11-01", "2023-12", 3.7),
    ("UNRATE", "2023-11-01", "2024-01", 3.75),
)  # fmt: skip


def test_changes_of_fred_md_join_the_tables_which_add_only_later_periods(folder):
    VINTAGES.to_parquet(folder / files.CHANGES)
    told(*TOLD).to_csv(folder / PUBLISHED, index=False)
    found = read(folder)
    rows = found.observations[found.observations["series"] == "UNRATE"]
    rows = rows.sort_values(["known_at", "period"])
    told_by = zip(rows["source"], rows["period"].dt.month, rows["value"], strict=True)
    assert list(told_by) == [
        ("fred_md", 10, 3.9), ("fred_md", 11, 3.7),
        # The table's own months before come with its first new one: growth is on one base.
        ("files", 10, 3.9), ("files", 11, 3.7), ("files", 12, 3.8),
        ("fred_md", 11, 3.75),
    ]  # fmt: skip
    assert len(publications(found, "CPIAUCSL")) == len(TOLD)
    assert found.unread_files == []


def test_a_folder_may_hold_changes_of_fred_md_alone(tmp_path):
    VINTAGES.to_parquet(tmp_path / files.CHANGES)
    found = files.fetch(tmp_path, [])
    assert set(found.observations["source"]) == {"fred_md"}
    assert list(found.observations.columns) == COLUMNS


def test_a_fault_in_the_changes_of_fred_md_is_told_with_the_others(folder):
    changes(("UNRATE", "2023-10-02", "2023-12", 3.9)).to_parquet(folder / files.CHANGES)
    french().assign(hi_10="x").to_csv(folder / FRENCH, index=False)
    with pytest.raises(SourceError) as error:
        read(folder)
    first, second = str(error.value).splitlines()
    assert first.startswith(f"{FRENCH}, column hi_10")
    assert second.startswith(f"{files.CHANGES}, row 1")
