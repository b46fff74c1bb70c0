"""Shiller's workbook, written here and by himself."""

import gzip
import io

import numpy as np
import pandas as pd
import pytest
import xlwt
from numpy.testing import assert_allclose
from replay import shiller as replay

from regime.data import catalog
from regime.data.observations import from_values
from regime.data.sources import shiller
from regime.data.sources.live import Request
from regime.exceptions import SourceError

NOW = pd.Timestamp("2024-06-14 22:00", tz="UTC")
ROW = replay.FIRST_ROW
# The table beside the workbook uses the publisher's short names.
TABLE = {"sp_dividend": "dividend", "sp_earnings": "earnings", "shiller_cpi": "cpi",
         "shiller_gs10": "gs10"}  # fmt: skip


@pytest.fixture(scope="module")
def observations():
    months = pd.date_range("2010-01-31", "2024-04-30", freq="ME")
    values = np.random.default_rng(1).normal(0.03, 0.02, len(months))
    return from_values(catalog.get("excess_cape_yield"), pd.Series(values, months), "test")


@pytest.fixture(scope="module")
def cells(observations):
    """The replayed sheet as values by row and column."""
    from python_calamine import CalamineWorkbook

    written = io.BytesIO(replay.documents(observations)[replay.PATH])
    sheet = CalamineWorkbook.from_filelike(written).get_sheet_by_name("Data")
    rows = sheet.to_python(skip_empty_area=False)
    return {(r, c): v for r, row in enumerate(rows) for c, v in enumerate(row) if v != ""}


def workbook(cells, sheet="Data"):
    book = xlwt.Workbook()
    data = book.add_sheet(sheet)
    for (row, column), value in cells.items():
        data.write(row, column, value)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def wide(rows):
    series = rows.groupby("series", observed=True)
    return pd.DataFrame({str(name): one.set_index("period")["value"] for name, one in series})


def test_what_was_written_is_read_back_to_the_bit_but_for_the_newest_month(observations):
    document = replay.documents(observations)[replay.PATH]
    read = wide(shiller.parse(document, now=NOW))
    written = replay.figures(observations)[:-1]
    assert written.index[-1] == pd.Timestamp("2024-04-30")
    pd.testing.assert_frame_equal(
        read, written[read.columns], check_exact=True, check_names=False, check_index_type=False,
        check_freq=False,
    )  # fmt: skip
    assert {*read} == {series.id for series in catalog.tables()["shiller_monthly"]}


def test_october_is_point_one_and_january_point_zero_one(observations):
    read = shiller.parse(replay.documents(observations)[replay.PATH], now=NOW)
    months = pd.DatetimeIndex(read["period"].unique())
    assert (months == pd.date_range("2000-01-31", "2024-04-30", freq="ME")).all()


def test_a_month_that_is_not_over_and_months_before_since_are_left_out(observations):
    document = replay.documents(observations)[replay.PATH]
    during = pd.Timestamp("2024-04-30 12:00", tz="UTC")
    read = shiller.parse(document, now=during, since=pd.Timestamp("2024-02-01"))
    assert [*read["period"].dt.month.unique()] == [2, 3]


def test_the_ratio_is_known_four_months_after_its_month(observations):
    read = shiller.parse(replay.documents(observations)[replay.PATH], now=NOW)
    known = read[read["series"] == "excess_cape_yield"].set_index("period")["known_at"]
    assert known["2023-01-31"] == pd.Timestamp("2023-06-01", tz="UTC")


def test_the_job_asks_for_the_workbook(observations):
    document = replay.documents(observations)[replay.PATH]

    class Http:
        def get(self, url, *, kind, params=None, headers=None):
            assert (url, kind) == ("http://www.econ.yale.edu" + replay.PATH, "workbook")
            return document

    (job,) = shiller.SOURCE.jobs(Request(now=NOW))
    assert len(job.run(Http())) == len(shiller.parse(document, now=NOW))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({(ROW - 1, 1): "Price P"}, "header that begins Date, P, D, E, CPI"),
        ({(ROW - 1, 12): "CAPE10"}, "one column 'CAPE' for cape; found 0 among Date, P, D"),
        ({(ROW - 1, 13): "CAPE"}, "one column 'CAPE' for cape; found 2"),
        ({(ROW - 3, 16): "Total"}, "'Excess CAPE Yield' for excess_cape_yield; found 0"),
        ({(ROW + 4, 0): 2000.04}, "every month once and in order; found 2000.04 after 2000-04"),
        ({(ROW + 4, 0): 2000.13}, "every month once and in order; found 2000.13"),
        ({(ROW + 4, 0): 20000.05}, "every month once and in order; found 20000.05"),
        ({(ROW + 4, 0): "May"}, "no gap between its months"),
        ({(ROW + 4, 1): "n.a."}, "number for sp_price of 2000-05; found 'n.a.'"),
        ({(ROW + 4, 4): -1.0}, "number for shiller_cpi of 2000-05; found '-1'"),
        ({(ROW + 4, 6): True}, "number for shiller_gs10 of 2000-05; found 'True'"),
        ({(ROW + 4, 2): "NA"}, "sp_dividend without a gap; found"),
        ({(0, 200): 1.0}, "at most 10000 rows and 100 columns"),
        ({(20_000, 1): 1.0}, "at most 10000 rows"),
    ],
)
def test_an_odd_workbook_is_refused_in_words_that_say_where(cells, changes, words):
    with pytest.raises(SourceError) as error:
        shiller.parse(workbook(cells | changes), now=NOW)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_workbook_without_its_sheet_is_refused(cells):
    with pytest.raises(SourceError, match="have a sheet Data; found Sheet1"):
        shiller.parse(workbook(cells, "Sheet1"), now=NOW)


@pytest.mark.parametrize("kept", [0.0, 0.0001, 0.01, 0.2, 0.5, 0.9])
def test_a_broken_off_workbook_is_refused(cells, kept):
    document = workbook(cells)
    with pytest.raises(SourceError, match="workbook"):
        shiller.parse(document[: int(kept * len(document))], now=NOW)


def test_a_workbook_of_another_kind_or_beyond_all_size_is_refused(monkeypatch, cells):
    with pytest.raises(SourceError, match="be an Excel 97 workbook"):
        shiller.parse(b"PK\x03\x04" + b"x" * 1000, now=NOW)
    monkeypatch.setattr(shiller, "LARGEST", 1000)
    with pytest.raises(SourceError, match="of at most 1,000 bytes"):
        shiller.parse(workbook(cells), now=NOW)


def test_bytes_changed_at_random_are_read_or_refused_but_end_nothing(cells):
    document, rng = workbook(cells), np.random.default_rng(97)
    for _ in range(60):
        broken = bytearray(document)
        for place in [*rng.integers(8, 2000, 2), *rng.integers(8, len(document), 20)]:
            broken[place] = rng.integers(256)
        try:
            shiller.parse(bytes(broken), now=NOW)
        except SourceError as error:
            assert "ie_data.xls" in str(error)  # noqa: PT017


# The workbook of September 2023 against a table cut from one of May 2026 and rounded to six
# decimals: equal until earnings and consumer prices of 2023 were known better.
@pytest.mark.real_data
@pytest.mark.parametrize("name", ["sp_price", "excess_cape_yield", "cape", "tr_cape", *TABLE])
def test_the_workbook_of_2023_holds_what_the_finished_table_does(real_data, name):
    document = gzip.decompress((real_data / "raw/shiller_202309/shiller.xls.gz").read_bytes())
    read = wide(shiller.parse(document, now=NOW))[name].dropna()
    table = pd.read_csv(real_data / "shiller_monthly.csv.gz", index_col="date", parse_dates=True)
    expected = table[TABLE.get(name, name)].reindex(read.index)
    assert read.index[0] == table[TABLE.get(name, name)].first_valid_index()
    assert read.index[-1] >= pd.Timestamp("2023-06-30")
    assert_allclose(read[:"2023-02"], expected[:"2023-02"], rtol=0, atol=5.001e-7)
    late = 6e-4 if name == "excess_cape_yield" else 6e-3 * expected["2023-03":]
    assert ((read["2023-03":] - expected["2023-03":]).abs() <= late).all()
