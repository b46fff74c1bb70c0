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


class Served:
    """The hosts, and what they were asked; what is not there is an error of its address."""

    def __init__(self, documents):
        self.documents, self.asked = documents, []

    def get(self, url, *, kind, params=None, headers=None):
        self.asked.append((url, kind))
        if url not in self.documents:
            raise SourceError(f"{url} was answered with 404 Not Found. Look for its new address.")
        return self.documents[url]


PAGE = "https://shillerdata.com"
YALE = f"http://www.econ.yale.edu{replay.PATH}"
LINKED = f"https://{replay.LINK}"


@pytest.fixture(scope="module")
def hosts(observations):
    found = replay.documents(observations)
    return {PAGE: found[replay.PAGE], LINKED: found[replay.LINK], YALE: found[replay.PATH]}


def run(documents, now=NOW):
    host = Served(documents)
    (job,) = shiller.SOURCE.jobs(Request(now=now))
    return job.run(host), host.asked


def test_the_workbook_that_the_page_links_is_asked_for(hosts):
    found, asked = run(hosts)
    assert asked == [(PAGE, "page"), (LINKED, "workbook")]
    assert len(found) == len(shiller.parse(hosts[LINKED], now=NOW))


@pytest.mark.parametrize(
    "change",
    [
        {PAGE: None},
        {PAGE: b"<html>We moved</html>"},
        {PAGE: b'<a href="https://img1.wsimg.com.evil.example/blobby/go/a/ie_data.xls">'},
        {PAGE: b'<a href="http://img1.wsimg.com/blobby/go/a/ie_data.xls">'},
        {PAGE: b'<a href="https://img1.wsimg.com/blobby/go/a/ie_data.xls@evil.example/">'},
        {PAGE: b"\xff\xfe\x00"},
        {LINKED: None},
    ],
    ids=["no page", "no link", "another host", "unencrypted", "a longer name", "no text", "gone"],
)
def test_the_copy_at_yale_stands_in(hosts, change):
    documents = {url: found for url, found in (hosts | change).items() if found is not None}
    found, asked = run(documents)
    assert asked[-1] == (YALE, "workbook")
    assert not {url for url, _ in asked} - {PAGE, LINKED, YALE}
    assert len(found) == len(shiller.parse(hosts[YALE], now=NOW))


def test_a_link_without_its_scheme_and_with_its_query_escaped_is_read():
    page = b"<a href='//img1.wsimg.com/blobby/go/a-1/downloads/b_2/ie_data.xls?a=1&amp;ver=2.0'>"
    expected = "https://img1.wsimg.com/blobby/go/a-1/downloads/b_2/ie_data.xls?a=1&ver=2.0"
    assert shiller.link(page) == expected
    other = page.replace(b"a-1", b"c")
    assert shiller.link(page + other) == expected


def test_if_neither_has_it_both_reasons_are_told_in_one_line(hosts):
    tried = [({}, PAGE), ({PAGE: b"<html>"}, "should link"), ({PAGE: hosts[PAGE]}, LINKED)]
    for documents, words in tried:
        with pytest.raises(SourceError) as error:
            run(documents)
        first, second = str(error.value).split("; and ")
        assert words in first
        assert second.startswith(f"{YALE} was answered with 404")
        assert "\n" not in str(error.value)


def test_a_workbook_that_came_but_cannot_be_read_is_told_and_no_older_one_taken(hosts):
    with pytest.raises(SourceError, match="whole workbook"):
        run(hosts | {LINKED: hosts[LINKED][:5000]})


def test_an_old_workbook_is_read_all_the_same(hosts):
    found, _ = run({YALE: hosts[YALE]}, now=pd.Timestamp("2026-06-14", tz="UTC"))
    assert found["period"].max() == pd.Timestamp("2024-04-30")


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


@pytest.mark.parametrize("times", [20, pytest.param(60, marks=pytest.mark.long)])
def test_bytes_changed_at_random_are_read_or_refused_but_end_nothing(cells, times):
    document, rng = workbook(cells), np.random.default_rng(97)
    for _ in range(times):
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
