"""A folder is refused with the file, the column and the row at fault."""

import gzip
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from data.sources.files.tables import (
    DAYS,
    FRENCH,
    FRENCH_SET,
    FUNDS,
    MONTHLY,
    MONTHS,
    french,
    funds,
    monthly,
    read,
)
from unprivileged import without_privileges

from regime.exceptions import SourceError


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
