"""A folder is read as it lies, or refused with the file, the column and the row at fault."""

import gzip
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from unprivileged import without_privileges

from regime.data import catalog
from regime.data.calendar import session_closes
from regime.data.observations import COLUMNS
from regime.data.sources import files
from regime.exceptions import SourceError

FRENCH_SET = ["hi_10", "dec_7", "dec_8", "dec_9", "qnt_2"]
FUND_SET = ["OEF", "RSP", "IWM"]
REQUIRED = [FRENCH_SET, FUND_SET]

FRENCH = "french_size_portfolios_vw_daily.csv"
FUNDS = "etf_total_return_index_daily.csv.gz"
MONTHLY = "valuation_and_concentration_monthly.parquet"

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]
MONTHS = ["2023-10-31", "2023-11-30", "2023-12-31"]


def columns(names: list[str], first: float) -> dict[str, list[float]]:
    return {name: [first + 0.01 * k for k in range(len(DAYS))] for name in names}


def french() -> pd.DataFrame:
    return pd.DataFrame({"date": DAYS, **columns(FRENCH_SET, 0.01)})


def funds() -> pd.DataFrame:
    return pd.DataFrame({"date": DAYS, **columns(FUND_SET, 100.0)})


def monthly(dates: list[str] = MONTHS) -> pd.DataFrame:
    return pd.DataFrame({"date": dates, "value_spread_q1": [1.5, 1.25, 1.125]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three good tables, one of each kind."""
    french().to_csv(tmp_path / FRENCH, index=False)
    funds().to_csv(tmp_path / FUNDS, index=False)
    monthly().to_parquet(tmp_path / MONTHLY)
    return tmp_path


def read(folder: Path) -> files.FolderRead:
    return files.fetch(folder, REQUIRED)


def values(found: files.FolderRead, series: str) -> "pd.Series[float]":
    rows = found.observations
    return rows[rows["series"] == series].set_index("period")["value"]


# What is right --------------------------------------------------------------------------


def test_every_value_of_every_kind_of_table_becomes_an_observation(folder):
    found = read(folder)
    assert list(found.observations.columns) == COLUMNS
    assert set(found.observations["series"]) == {*FRENCH_SET, *FUND_SET, "value_spread_q1"}
    assert set(found.observations["source"]) == {"files"}
    for frame in (french(), funds()):
        for name in frame.columns.drop("date"):
            expected = frame.set_index(pd.DatetimeIndex(frame["date"]))[name]
            assert values(found, name).to_dict() == expected.to_dict()
    assert found.warnings == []


def test_a_value_is_known_by_the_lag_of_its_series(folder):
    rows = read(folder).observations.set_index(["series", "period"])["known_at"]
    day = pd.Timestamp("2024-01-05")
    assert rows["OEF", day] == session_closes(day)[day]
    month = pd.Timestamp("2023-12-31")
    assert rows["value_spread_q1", month] == pd.Timestamp("2024-03-01", tz="UTC")


@pytest.mark.parametrize(
    "dates",
    [
        ["2023-10-01", "2023-11-01", "2023-12-01"],
        ["2023-10", "2023-11", "2023-12"],
        ["2023-10-31 00:00:00", "2023-11-30 00:00:00", "2023-12-29T16:00:00-05:00"],
        list(pd.to_datetime(MONTHS)),
        list(pd.to_datetime(MONTHS).tz_localize("America/New_York")),
        [pd.Timestamp(month).date() for month in MONTHS],
    ],
    ids=["first of month", "year and month", "text with a time", "naive", "zoned", "date objects"],
)
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_month_is_its_end_however_it_is_dated(folder, dates, ending):
    (folder / MONTHLY).unlink()
    path = folder / Path(MONTHLY).with_suffix(ending)
    write = pd.DataFrame.to_parquet if ending == ".parquet" else pd.DataFrame.to_csv
    write(monthly(dates), path, index=False)
    assert list(values(read(folder), "value_spread_q1").index.astype(str)) == MONTHS


def test_a_parquet_may_have_its_dates_as_its_index(folder):
    (folder / FUNDS).unlink()
    frame = funds().assign(date=pd.to_datetime(DAYS)).set_index("date")
    frame.to_parquet(folder / "etf_total_return_index_daily.parquet")
    assert values(read(folder), "OEF").to_list() == funds()["OEF"].to_list()


@pytest.mark.parametrize("cell", ["", ".", "NA", "NaN", " "])
def test_a_missing_value_is_left_out(folder, cell):
    frame = french().astype(object)
    frame.loc[2, "qnt_2"] = cell
    frame.to_csv(folder / FRENCH, index=False)
    assert list(values(read(folder), "qnt_2").index.astype(str)) == DAYS[:2] + DAYS[3:]


def test_a_number_is_the_nearest_float_to_what_is_written(folder):
    written = ["0.1234567890123456789", "1e-17", "-0.30000000000000004", "5e-324", "+0.5"]
    french().assign(hi_10=written).to_csv(folder / FRENCH, index=False)
    assert values(read(folder), "hi_10").to_list() == [float(cell) for cell in written]


@pytest.mark.parametrize(
    "dress",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\n" + text + "\n\n",
        lambda text: text + ",,,,,\n",
        lambda text: text.replace("2024-01-03", '"2024-01-03"'),
        lambda text: text.replace("date,hi_10", "date, hi_10"),
    ],
    ids=["byte order mark", "Windows", "blank lines", "empty row", "quotes", "space in header"],
)
def test_the_way_a_csv_was_saved_does_not_matter(folder, dress):
    text = french().to_csv(index=False)
    (folder / FRENCH).write_bytes(dress(text).encode())
    assert values(read(folder), "hi_10").to_list() == french()["hi_10"].to_list()


def test_what_the_catalogue_does_not_know_is_listed_and_not_opened(folder):
    french().assign(extra="text").to_csv(folder / FRENCH, index=False)
    (folder / "notes.csv").write_bytes(b"\xff no table at all")
    (folder / "README.md").write_text("words")
    (folder / f"._{FRENCH}").write_bytes(b"\x00 of a Mac")
    (folder / "raw").mkdir()
    (folder / "raw" / FRENCH).write_text("older")
    found = read(folder)
    assert found.unknown_columns == {FRENCH: ["extra"]}
    assert found.unread_files == ["notes.csv"]
    assert set(found.absent) == set(catalog.MODELLED) - {*FRENCH_SET, *FUND_SET, "value_spread_q1"}


@pytest.mark.parametrize("kept", [FRENCH, FUNDS])
def test_one_complete_set_of_baskets_is_enough(folder, kept):
    (folder / ({FRENCH, FUNDS} - {kept}).pop()).unlink()
    assert read(folder).warnings == []


def test_a_set_there_in_part_is_told_with_the_column_and_file_it_lacks(folder):
    funds().drop(columns="RSP").to_csv(folder / FUNDS, index=False)
    (warning,) = read(folder).warnings
    assert "RSP" in warning
    assert "etf_total_return_index_daily.csv" in warning
    assert "dec_7" not in warning


def test_an_empty_column_is_told_and_completes_no_set(folder):
    funds().assign(RSP=np.nan).to_csv(folder / FUNDS, index=False)
    found = read(folder)
    assert "RSP" not in found.absent
    assert any("no value in column RSP" in warning for warning in found.warnings)
    (folder / FRENCH).unlink()
    with pytest.raises(SourceError, match=r"missing: .*RSP"):
        read(folder)


# Revisions ------------------------------------------------------------------------------

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


# What is wrong --------------------------------------------------------------------------


def cell(row: int, column: str, text: object) -> Callable[[Path], None]:
    """Write something into a cell; rows count from 0 without the header."""

    def change(folder: Path) -> None:
        frame, name = (french(), FRENCH) if column in FRENCH_SET else (funds(), FUNDS)
        frame = frame.astype(object)
        frame.loc[row, column] = text
        frame.to_csv(folder / name, index=False)

    return change


def days(*dates: object) -> Callable[[Path], None]:
    return lambda folder: french().assign(date=dates).to_csv(folder / FRENCH, index=False)


def months(*dates: str) -> Callable[[Path], None]:
    return lambda folder: monthly(list(dates)).to_parquet(folder / MONTHLY)


def content(name: str, raw: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(raw)


def french_text(old: str, new: str) -> Callable[[Path], object]:
    text = french().to_csv(index=False)
    assert old in text
    return content(FRENCH, text.replace(old, new).encode())


def cut_short(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-40])


def only(*frames: tuple[pd.DataFrame, str]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for path in folder.iterdir():
            path.unlink()
        for frame, name in frames:
            frame.to_csv(folder / name, index=False)

    return change


def parquet(frame: pd.DataFrame) -> Callable[[Path], None]:
    return lambda folder: frame.to_parquet(folder / MONTHLY)


TOMORROW = (pd.Timestamp.now("UTC") + pd.Timedelta(days=2)).strftime("%Y-%m-%d")
NEXT_MONTH = (pd.Timestamp.now("UTC") + pd.Timedelta(days=32)).strftime("%Y-%m-%d")

BAD = {
    # the folder
    "empty folder": (only(), ["is empty", "french_size_portfolios_vw_daily", ".parquet"]),
    "no known table": (
        only((french(), "mine.csv")),
        ["no table", "french_size_portfolios_vw_daily", "etf_total", "found mine.csv"],
    ),
    "a table twice": (
        lambda folder: french().to_parquet((folder / FRENCH).with_suffix(".parquet")),
        ["twice", FRENCH, "french_size_portfolios_vw_daily.parquet", "remove"],
    ),
    "a table twice, once packed": (
        lambda folder: funds().to_csv(folder / FUNDS.removesuffix(".gz"), index=False),
        ["twice", FUNDS, "remove"],
    ),
    "no set of baskets": (
        only((french().drop(columns="dec_8"), FRENCH), (funds().drop(columns="OEF"), FUNDS)),
        ["hi_10, dec_7, dec_8, dec_9, qnt_2 of french", "OEF, RSP, IWM of etf",
         "missing: dec_8; or OEF", "Found hi_10, dec_7, dec_9, qnt_2, RSP, IWM", "Add"],
    ),
    "no basket at all": (
        only((monthly(), "valuation_and_concentration_monthly.csv")), ["none of these"],
    ),
    # the file
    "empty file": (content(FRENCH, b""), [FRENCH, "is empty"]),
    "file of blanks": (content(FRENCH, b"\n \n"), [FRENCH, "is empty"]),
    "header only": (content(FRENCH, b"date,hi_10\n"), [FRENCH, "no rows"]),
    "web page": (content(FRENCH, b"\n<!DOCTYPE html><html>"), [FRENCH, "web page", "again"]),
    "web page as gzip": (content(FUNDS, b"<html>404</html>"), [FUNDS, "web page"]),
    "web page as Parquet": (content(MONTHLY, b"<html>404</html>"), [MONTHLY, "web page"]),
    "truncated gzip": (cut_short(FUNDS), [FUNDS, "no whole gzip"]),
    "no gzip": (content(FUNDS, b"date,OEF\n2024-01-02,1\n"), [FUNDS, "no whole gzip"]),
    "damaged gzip": (
        content(FUNDS, gzip.compress(b"date,OEF")[:10] + b"\xff" * 60),
        [FUNDS, "no whole gzip"],
    ),
    "no Parquet": (content(MONTHLY, b"PAR1 is what it begins with"), [MONTHLY, "no whole Parquet"]),
    "truncated Parquet": (cut_short(MONTHLY), [MONTHLY, "no whole Parquet"]),
    "UTF-16": (content(FRENCH, french().to_csv().encode("utf-16")), [FRENCH, "line 1", "UTF-8"]),
    "row cut short": (
        content(FRENCH, french().to_csv(index=False).encode()[:-12]),
        [FRENCH, "line 6", "cells under 6 columns", "again"],
    ),
    "decimal commas": (french_text("0.03,", "0,03,"), [FRENCH, "line 4", "10 cells under 6"]),
    "open quote": (french_text("2024-01-04", '"2024-01-04'), [FRENCH, "no CSV"]),
    "column twice": (french_text("dec_7", "hi_10"), [FRENCH, "more than one column hi_10"]),
    # the dates
    "no date": (french_text("date,", "Day,"), [FRENCH, "no column `date`", "Day, hi_10"]),
    "semicolons": (
        content(FRENCH, french().to_csv(index=False, sep=";").encode()),
        [FRENCH, "no column `date`", "date;hi_10"],
    ),
    "no date in a Parquet": (
        parquet(monthly().rename(columns={"date": "month"})),
        [MONTHLY, "no column `date`", "month, value_spread_q1"],
    ),
    "unparsable date": (
        days("2024-01-02", "03.01.2024", *DAYS[2:]),
        [FRENCH, "column date", "line 3", "'03.01.2024' is no date", "YYYY-MM-DD"],
    ),
    "no such day": (days(*DAYS[:4], "2024-02-30"), ["line 6", "'2024-02-30' is no date"]),
    "empty date": (days(*DAYS[:3], "", DAYS[4]), ["line 5", "'' is no date"]),
    "numbered days": (
        parquet(monthly().assign(date=[19660, 19690, 19720])),
        [MONTHLY, "row 1", "'19660' is no date"],
    ),
    "duplicate date": (
        days(*DAYS[:3], DAYS[2], DAYS[4]),
        ["column date", "line 5", "'2024-01-04' gives a day a second row"],
    ),
    "one day, two times": (
        days(*DAYS[:3], "2024-01-04 16:00", DAYS[4]),
        ["line 5", "gives a day a second row"],
    ),
    "duplicate month": (
        months("2023-10-01", "2023-10-31", "2023-11-30"),
        [MONTHLY, "row 2", "'2023-10-31' gives a month a second row"],
    ),
    "unordered dates": (
        days(DAYS[0], DAYS[2], DAYS[1], *DAYS[3:]),
        ["column date", "line 4", "'2024-01-03' stands below a later date", "Sort"],
    ),
    "newest first": (days(*DAYS[::-1]), ["line 3", "'2024-01-05'", "Sort"]),
    "future day": (days(*DAYS[:4], TOMORROW), ["line 6", TOMORROW, "is in the future", "clock"]),
    "future month": (months(*MONTHS[:2], NEXT_MONTH), [MONTHLY, "row 3", "is in the future"]),
    "before 1900": (days("1899-12-31", *DAYS[1:]), ["line 2", "'1899-12-31' is before 1926"]),
    "before any close": (days("1925-12-31", *DAYS[1:]), ["line 2", "is before 1926-01-02"]),
    "two-digit year": (days("0024-01-02", *DAYS[1:]), ["line 2", "'0024-01-02'"]),
    "month of another age": (months("1601-01-31", *MONTHS[1:]), [MONTHLY, "row 1", "before 1800"]),
    # the values
    "text": (
        cell(3, "dec_8", "n.a."),
        [FRENCH, "column dec_8", "line 5", "2024-01-05", "'n.a.' is no number", "Mend"],
    ),
    "thousands": (cell(3, "OEF", "1,234.5"), [FUNDS, "column OEF", "line 5", "'1,234.5'"]),
    "truth": (cell(0, "OEF", True), [FUNDS, "column OEF", "line 2", "'True' is no number"]),
    "text in a Parquet": (
        parquet(monthly().astype({"value_spread_q1": object}).replace(1.25, "high").astype(str)),
        [MONTHLY, "column value_spread_q1", "row 2 (2023-11-30)", "'high' is no number"],
    ),
    "infinite": (cell(1, "qnt_2", "inf"), [FRENCH, "column qnt_2", "line 3", "is not finite"]),
    "minus infinite": (cell(1, "qnt_2", "-Infinity"), ["line 3", "is not finite"]),
    "too large": (cell(1, "qnt_2", "1e999"), ["line 3", "'1e999' is not finite"]),
    "infinite in a Parquet": (
        parquet(monthly().replace(1.25, np.inf)), [MONTHLY, "row 2", "'inf' is not finite"],
    ),
    "price of zero": (
        cell(2, "RSP", 0), [FUNDS, "column RSP", "line 4", "2024-01-04", "'0'", "above zero"],
    ),
    "price below zero": (cell(2, "RSP", -3.5), ["column RSP", "line 4", "'-3.5'", "above zero"]),
    "return of -1": (
        cell(4, "dec_7", -1), [FRENCH, "column dec_7", "line 6", "'-1'", "above -1", "percent"],
    ),
    "missing as -99.99": (cell(4, "dec_7", -99.99), ["line 6", "'-99.99'", "above -1"]),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "words"), BAD.values(), ids=BAD)
def test_a_fault_is_told_in_one_line_with_its_place(folder, spoil, words):
    spoil(folder)
    with pytest.raises(SourceError) as error:
        read(folder)
    assert len(str(error.value).splitlines()) == 1
    assert str(error.value).endswith(".")
    for word in words:
        assert word in str(error.value)


def test_a_line_is_counted_as_an_editor_counts_it(folder):
    text = french().to_csv(index=False).replace("2024-01-05,0.04", "\n\n2024-01-05,four")
    (folder / FRENCH).write_text(text)
    with pytest.raises(SourceError, match="line 7 "):
        read(folder)


def test_latin_1_is_told_with_its_line(folder):
    text = french().assign(note=["a", "b", "caf\xe9", "d", "e"]).to_csv(index=False)
    (folder / FRENCH).write_bytes(text.encode("latin-1"))
    with pytest.raises(SourceError, match="line 4: this is no UTF-8"):
        read(folder)


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_folder_that_is_none_is_told(tmp_path, kind):
    path = tmp_path / "folder"
    if kind == "file":
        path.write_text("no folder")
    with pytest.raises(SourceError, match=r"folder cannot be read: .*--path DIR"):
        read(path)


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_what_may_not_be_read_is_told(closed):
    # Not in tmp_path, which nobody but its owner may enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        french().to_csv(folder / FRENCH, index=False)
        path = folder / FRENCH if closed == "file" else folder
        path.chmod(0)
        try:
            with without_privileges(), pytest.raises(SourceError, match="Permission denied"):
                read(folder)
        finally:
            path.chmod(stat.S_IRWXU)


def test_several_faults_are_told_together_up_to_five(folder):
    spoilt = french().assign(**dict.fromkeys(FRENCH_SET[:4], "x"))
    spoilt.to_csv(folder / FRENCH, index=False)
    (folder / FUNDS).write_bytes(b"<html>")
    monthly().replace(1.25, np.inf).to_parquet(folder / MONTHLY)
    with pytest.raises(SourceError) as error:
        read(folder)
    lines = str(error.value).splitlines()
    assert len(lines) == 6
    assert lines[-1] == "And 1 more."
    assert {line.split(",")[0].split(" ")[0] for line in lines[:5]} == {FRENCH, FUNDS}


# The real folder ------------------------------------------------------------------------


@pytest.mark.real_data
def test_the_real_folder_is_read_as_it_lies(real_read):
    found = real_read
    assert found.absent == []
    assert found.warnings == []
    assert "reserved.bin" not in found.unread_files
    assert "fred_md_vintages.parquet" not in found.unread_files
    counts = found.observations["series"].value_counts()
    jobs = found.observations[found.observations["series"] == "PAYEMS"]
    assert set(jobs["source"]) == {"fred_md", "files"}
    table = jobs[jobs["source"] == "files"]
    new = table[table["period"] > pd.Timestamp("2024-07-31")]
    assert set(table["known_at"]) == set(new["known_at"])
    assert len(table) == len(new) + 24
    assert not found.observations.duplicated(["series", "period", "known_at"]).any()
    # Rows of the tables, from the README of the folder.
    assert (counts[["hi_10", "SPY", "DFF", "value_spread_q1"]] == [25901, 8038, 16090, 1182]).all()
    # "market return 1987-10-19 (French factors, mkt_rf + rf): -17.41%"
    crash = pd.Timestamp("1987-10-19")
    assert values(found, "mkt_rf")[crash] + values(found, "rf")[crash] == pytest.approx(
        -0.1741, abs=5e-5
    )
    # "10-year yield on 2023-10-19; HY spread on 2008-12-15: 4.98%; 21.82"
    assert values(found, "DGS10")[pd.Timestamp("2023-10-19")] == 4.98
    assert values(found, "BAMLH0A0HYM2")[pd.Timestamp("2008-12-15")] == 21.82
