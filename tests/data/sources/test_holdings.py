"""Holdings of index funds: what the largest weigh, and files that cannot be right."""

import io
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from replay import holdings as replay
from replay.faults import zip_bomb

from regime.data.declared.holdings import COUNTED, SERIES
from regime.data.observations import COLUMNS
from regime.data.sources import holdings, holdings_layout
from regime.data.sources.holdings_layout import Fund, read_ishares, read_spdr
from regime.data.sources.live import Request
from regime.exceptions import SourceError

NOW = pd.Timestamp("2024-11-19 12:00", tz="UTC")
FRIDAY = pd.Timestamp("2024-11-15")


class Served:
    def __init__(self, documents):
        self.documents, self.asked = documents, []

    def get(self, url, *, kind, params=None, headers=None):
        self.asked.append((url, kind))
        return self.documents[url.removeprefix("https://")]


def read(documents, **request):
    host = Served(documents)
    found = [job.run(host) for job in holdings.jobs(Request(**{"now": NOW, **request}))]
    return pd.concat(found), host


def spdr(lines, day=FRIDAY, **changes):
    return read_spdr(replay.spdr(lines, day, **changes), "SPY", now=NOW)


def ishares(document, ticker="IWM"):
    return read_ishares(document, ticker, index=holdings.INDEX[ticker], now=NOW)


def line(ticker, weight, name=None, sedol="2379504"):
    return (name or f"{ticker} CORP", ticker, "67066G104", sedol, weight, "-", 1000, "USD")


# Apple 20, both classes of Alphabet 10 and 6, five more giants of 4, 44 in two others.
PLAIN = [
    line("AAPL", 20.0), line("GOOGL", 10.0, "ALPHABET INC CL A"),
    line("GOOG", 6.0, "ALPHABET INC CL C"),
    *(line(ticker, 4.0) for ticker in ("MSFT", "NVDA", "AMZN", "META", "TSLA")),
    line("BRK.B", 30.0, "BERKSHIRE HATHAWAY INC CL B"), line("JPM", 13.5),
    line("-", 0.5, "US DOLLAR", ""),
]  # fmt: skip


def test_every_series_of_the_catalogue_comes_dated_by_the_file_and_known_a_session_later():
    rows, host = read(replay.documents(now=NOW))
    assert list(rows.columns) == COLUMNS
    assert set(rows["series"]) == {one.id for one in SERIES}
    assert set(rows["period"]) == {FRIDAY}  # the file of Monday comes on Tuesday
    assert set(rows["known_at"]) == {pd.Timestamp("2024-11-18 21:00", tz="UTC")}
    assert host.asked[0] == (holdings.SPDR, "workbook")
    assert [kind for _, kind in host.asked[1:]] == ["csv"] * len(COUNTED)
    shares = rows.set_index("series")["value"]
    assert shares["IWM_shares_outstanding"] == 278_700_000
    assert shares["IJR_shares_outstanding"] == 751_250_000  # of the file with futures


def test_both_classes_of_a_company_count_with_the_giants_and_as_one_of_the_ten():
    found = holdings.concentration(spdr(PLAIN))
    # 20 + (10 + 6) + 5 x 4; nine companies, so the ten largest are all but the cash.
    assert_allclose(found["spy_top7_weight"], 0.56)
    assert_allclose(found["spy_top10_weight"], 0.995)
    assert_allclose(found["spy_top50_weight"], 0.995)
    # Squares: 400 + 100 + 36 + 5 x 16 + 900 + 182.25 = 1698.25, of 99.5 squared.
    assert_allclose(found["spy_effective_number"], 99.5**2 / 1698.25)


def test_the_ten_are_companies_and_the_fifty_are_lines():
    equal = [line(ticker, 1.0, f"{ticker} CL A") for ticker in map(replay.filler, range(60))]
    giants = [line(ticker, 4.0) for ticker in ("AAPL", "MSFT", "NVDA", "AMZN", "META", "TSLA")]
    classes = [line("GOOGL", 8.0, "ALPHABET INC CL A"), line("GOOG", 8.0, "ALPHABET INC  CLASS C")]
    found = holdings.concentration(spdr([*equal, *giants, *classes]))
    # Alphabet with 16, six of 4, three of 1; lines: 8, 8, six of 4, 42 of 1.
    assert_allclose(found["spy_top10_weight"], 0.16 + 0.24 + 0.03)
    assert_allclose(found["spy_top50_weight"], 0.16 + 0.24 + 0.42)


def test_the_effective_number_of_equal_lines_is_their_number_whatever_the_cash():
    tickers = [one for classes in holdings.GIANTS.values() for one in classes]
    lines = [line(ticker, 98.5 / len(tickers)) for ticker in tickers]
    found = holdings.concentration(spdr([*lines, line("-", 1.5, "US DOLLAR", "")]))
    assert_allclose(found["spy_effective_number"], len(tickers))
    assert_allclose(found["spy_top7_weight"], 0.985)


@pytest.mark.parametrize(
    "other",
    [
        line("-", 3.0, "US DOLLAR", ""),
        line("ESZ4", 3.0, "S+P500 EMINI FUT DEC24"),
        line("2602335D", 3.0, "TPG INC", ""),
        line("USD", 3.0, "US DOLLAR", "-"),
    ],
)
def test_cash_futures_and_rights_are_no_companies_but_count_in_the_sum(other):
    kept = [one for one in PLAIN if one[1] != "-"]
    fund = spdr([*kept[:-1], line("JPM", 11.0), other])
    assert "JPM" in set(fund.lines["ticker"])
    assert other[1] not in set(fund.lines["ticker"])
    assert_allclose(fund.lines["weight"].sum(), 0.97)


def test_symbols_are_letters_alone_and_those_of_listed_shares():
    assert "BRKB" in spdr(PLAIN).symbols
    found = ishares(replay.ishares("IWM", FRIDAY))
    assert "MOGA" in found.symbols
    assert len(found.symbols) == 80
    assert not found.symbols & {"XTSLA", "USD", "RTYZ"}


def test_a_line_without_a_market_is_no_member():
    document = replay.ishares("IWM", FRIDAY).replace(
        b'"100.00","United States","NASDAQ"', b'"100.00","United States","NO MARKET (UNLISTED)"', 1
    )
    assert "MOGA" not in ishares(document).symbols


def test_the_files_of_a_day_before_since_bring_nothing():
    documents = replay.documents(now=NOW)
    assert read(documents, since=FRIDAY + pd.Timedelta(days=1))[0].empty
    assert len(read(documents, since=FRIDAY)[0]) == len(SERIES)


def test_a_company_that_left_the_index_is_named():
    lines = [one for one in PLAIN if one[1] != "TSLA"] + [line("XOM", 4.0)]
    with pytest.raises(SourceError, match=r"needs Tesla among the lines of SPY.*change GIANTS"):
        holdings.concentration(spdr(lines))


# Files that cannot be right ---------------------------------------------------------------


def refused(words, call, *arguments, **named):
    with pytest.raises(SourceError, match=re.escape(words)) as caught:
        call(*arguments, **named)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("The holdings file of ")


@pytest.mark.parametrize("weight", [11.0, 16.1])
def test_weights_that_do_not_add_up_are_refused(weight):
    spdr([*PLAIN[:-2], line("JPM", 12.1)])  # 98.1
    refused("weights that add up to 100 within 2 points", spdr, [*PLAIN[:-2], line("JPM", weight)])


def test_a_day_of_the_future_is_refused_and_today_is_not():
    assert spdr(PLAIN, pd.Timestamp("2024-11-19")).day == pd.Timestamp("2024-11-19")
    refused("found 2024-11-20, in the future", spdr, PLAIN, pd.Timestamp("2024-11-20"))
    document = replay.ishares("IWM", pd.Timestamp("2024-11-20"))
    refused("found 2024-11-20, in the future", ishares, document)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"Weight (%)", b"Weighting", "a column Weight (%) or Market Weight; found Ticker"),
        (b"Ticker,Name", b"Ticker,Nom", "should have a header with Ticker, Name"),
        (b"Asset Class", b"Class", "one column Asset Class; found Ticker"),
        (b"Nov 15, 2024", b"-", "the day it speaks of; found '-'. Its day may not be out yet"),
        (b'"Nov 15, 2024"', b"", "the day it speaks of; found ''. Its day may not be out yet"),
        (b"Fund Holdings", b"Holdings", "the day it speaks of; found 'no line"),
        (b"278,700,000.00", b"-", "its shares outstanding; found '-'"),
        (b"278,700,000.00", b"0", "its shares outstanding; found '0'"),
        (b"Shares Outstanding", b"Shares", "its shares outstanding; found 'no line"),
        (b"Russell 2000 ETF", b"Russell 1000 ETF", "begins with a name with Russell 2000"),
        (b'"1.245000"', b'"n.a."', "a weight of MOGA; found 'n.a.'"),
        (b',"USD","1.00","USD","-"\n', b"\n", "15 cells a line; found a line cut short at"),
        (b"MOGA", b"\xff\xfe", "a whole table; found one that cannot be read"),
        (b'"NASDAQ"', b'"NASDAQ" x', "a whole table; found one that cannot be read"),
    ],
)
def test_an_odd_table_is_refused_in_words_that_say_where(old, new, words):
    document = replay.ishares("IWM", FRIDAY)
    assert old in document
    refused(words, ishares, document.replace(old, new, 1))


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.02, 0.1, 0.5, 0.9])
def test_a_table_cut_short_is_refused(kept):
    document = replay.ishares("IWM", FRIDAY)
    with pytest.raises(SourceError, match="The holdings file of IWM should have"):
        ishares(document[: int(kept * len(document))])


@pytest.mark.parametrize("page", [b"\n<!DOCTYPE html><html>Accept our terms</html>", b"<", b" "])
def test_a_web_page_or_nothing_in_place_of_a_file_is_refused(page):
    found = "a web page" if b"<" in page else "nothing"
    refused(f"a table; found {found}", ishares, page)
    with pytest.raises(SourceError, match="a whole workbook"):
        read_spdr(page, "SPY", now=NOW)


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        ((4, 4), "Percent", "one column Weight; found Name, Ticker"),
        ((4, 3), "Sedol", "one column SEDOL; found Name, Ticker"),
        ((4, 0), "Holding", "a header with Name, Ticker"),
        ((2, 1), "As of now", "the day it speaks of; found 'Holdings: As of now'"),
        ((2, 0), "Date:", "the day it speaks of; found 'no line Holdings'"),
        ((1, 1), "DIA", "its own file; found 'Ticker Symbol: DIA'"),
        ((5, 4), "n.a.", "a weight of AAPL; found 'n.a.'"),
        ((5, 4), "", "a weight of AAPL; found ''"),
    ],
)
def test_an_odd_workbook_is_refused_in_words_that_say_where(monkeypatch, at, value, words):
    written, (row, column) = replay.workbook, at

    def changed(cells):
        cells = [list(line) for line in cells]
        cells[row][column] = value
        return written(cells)

    monkeypatch.setattr(replay, "workbook", changed)
    refused(words, spdr, PLAIN)


@pytest.mark.parametrize("limit", ["MOST_ROWS", "MOST_COLUMNS"])
def test_a_sheet_beyond_all_size_is_refused(monkeypatch, limit):
    monkeypatch.setattr(holdings_layout, limit, 5)
    refused("should have at most ", spdr, PLAIN)


@pytest.mark.parametrize("place", ["A1048576", "XFD1", "A99999999999999999999"])
def test_a_cell_that_stands_too_far_out_is_refused_before_the_sheet_is_read(place):
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(replay.spdr(PLAIN, FRIDAY))) as archive,
        zipfile.ZipFile(packed, "w") as changed,
    ):
        for name in archive.namelist():
            changed.writestr(name, archive.read(name).replace(b'"A6"', f'"{place}"'.encode()))
    refused(f"found a cell {place[:20]}", read_spdr, packed.getvalue(), "SPY", now=NOW)


@pytest.mark.parametrize("kept", [0.01, 0.3, 0.6, 0.95])
def test_a_workbook_cut_short_is_refused(kept):
    document = replay.spdr(PLAIN, FRIDAY)
    with pytest.raises(SourceError, match="should have a whole workbook"):
        read_spdr(document[: int(kept * len(document))], "SPY", now=NOW)


def test_a_workbook_that_unpacks_beyond_all_size_is_refused(monkeypatch):
    monkeypatch.setattr(holdings_layout, "MOST_UNPACKED", 1000)
    refused("at most 1,000 bytes of cells; found more", spdr, PLAIN)
    monkeypatch.undo()
    bomb = zip_bomb(60 * 1024**2)
    refused("at most 52,428,800 bytes of cells", read_spdr, bomb, "SPY", now=NOW)


def test_bytes_changed_at_random_are_read_or_refused_but_end_nothing():
    rng = np.random.default_rng(5)
    document = replay.spdr(PLAIN, FRIDAY)
    sheet = zipfile.ZipFile(io.BytesIO(document)).read("xl/worksheets/sheet1.xml")
    assert b"AAPL" in sheet
    for _ in range(20):
        broken = bytearray(document)
        for place in rng.integers(0, len(document), 5):
            broken[place] = rng.integers(256)
        try:
            assert isinstance(read_spdr(bytes(broken), "SPY", now=NOW), Fund)
        except SourceError as error:
            assert "SPY" in str(error)  # noqa: PT017
