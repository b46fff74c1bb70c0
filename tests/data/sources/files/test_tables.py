"""A folder is read as it lies: every kind of table, however it was saved."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from data.sources.files.tables import (
    DAYS,
    FRENCH,
    FRENCH_SET,
    FUND_SET,
    FUNDS,
    MONTHLY,
    MONTHS,
    french,
    funds,
    monthly,
    read,
)

from regime.data import catalog
from regime.data.calendar import session_closes
from regime.data.observations import COLUMNS
from regime.data.sources import files
from regime.exceptions import SourceError


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
