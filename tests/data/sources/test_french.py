"""Tables of the library come back as they were written, or with the line at fault."""

import gzip
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from drawn import drawn
from hypothesis import Phase
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from replay import french as replay

from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.declared.french import DECILES
from regime.data.observations import COLUMNS, from_values, gather
from regime.data.sources import french
from regime.data.sources.french import FILES, SOURCE, derive
from regime.data.sources.french_layout import MONTH, File, Table, decoded, parse
from regime.data.sources.live import Request
from regime.exceptions import SourceError

BY_NAME = {file.name: file for file in FILES}
FACTORS = BY_NAME["F-F_Research_Data_Factors_daily"]
SIZES = BY_NAME["Portfolios_Formed_on_ME"]
BOOKS = BY_NAME["25_Portfolios_5x5"]
NOW = pd.Timestamp("2025-06-30 12:00", tz="UTC")

OURS = {
    series.id: series
    for series in catalog.CATALOG.values()
    if series.table.startswith("french_") or series.table.startswith("valuation_")
}
DAILY = [name for name, series in OURS.items() if series.frequency == "daily"]
MODELLED = [name for name, series in OURS.items() if series.modelled]
DERIVED = [name for file in FILES for name in file.derived]

TWO = File(  # two portfolios, two tables
    "Two",
    [
        Table(french._returns("value"), MONTH, ["Lo 10", "Hi 10"], ["vw_lo_10", "vw_hi_10"]),
        Table(french._FIRMS, MONTH, ["Lo 10", "Hi 10"], ["nfirms_lo_10", None], False),
    ],
)
TWO_TEXT = """This file was created by CMPT_ME_RETS using the 202211 CRSP database.
2022, prose that begins with a year

Missing data are indicated by -99.99 or -999.


  Value Weight Returns -- Monthly
,Lo 10,Hi 10
192611,   -0.12,    3.71
192612,  -99.99,   -0.05
192701,  118.20,    -999


  Value Weight Returns -- Annual from January to December
,Lo 10,Hi 10
  1927,   30.12,   28.51


  Number of Firms in Portfolios
,Lo 10,Hi 10
192611,      51,      50
192612,      51,      49
192701,     -999.00,  49

Copyright 2022 Kenneth R. French
"""


class Archives:
    """What the host would send."""

    def __init__(self, documents: dict[str, bytes]):
        self.documents = documents

    def get(self, url: str, *, kind: str, params=None, headers=None) -> bytes:
        assert kind == "zip"
        assert params is None
        return self.documents[url.removeprefix(f"https://{french.HOST}")]


def fetched(documents: dict[str, bytes], since: pd.Timestamp | None = None) -> pd.DataFrame:
    jobs = SOURCE.jobs(Request(now=NOW, since=since))
    return gather([job.run(Archives(documents)) for job in jobs])


def values(observations: pd.DataFrame, name: str) -> "pd.Series[float]":
    rows = observations[observations["series"] == name]
    return rows.set_index("period")["value"]


def market(days: int = 50, last: str = "2024-12-31", seed: int = 3) -> pd.DataFrame:
    """Random values of every modelled series: so many days, and two years of months."""
    random = np.random.default_rng(seed)
    end = pd.Timestamp(last)
    sessions = trading_days(end - pd.Timedelta(days=4 * days), end)[-days:]
    months = pd.date_range(end - pd.DateOffset(years=2), end, freq="ME").as_unit("us")
    parts = []
    for name in MODELLED:
        if name in DAILY:
            drawn = pd.Series(random.normal(0, 0.01, days), sessions)
        elif name == "mcapshare_hi_10":
            drawn = pd.Series(random.uniform(0.3, 0.8, len(months)), months)
        else:
            drawn = pd.Series(random.uniform(-0.5, 2.5, len(months)), months)
        parts.append(from_values(OURS[name], drawn, "test"))
    return gather(parts)


@pytest.fixture(scope="module")
def documents() -> dict[str, bytes]:
    return replay.documents(market())


@pytest.fixture(scope="module")
def whole(documents) -> pd.DataFrame:
    return fetched(documents)


# The layout -----------------------------------------------------------------------------


def test_tables_are_told_apart_and_percent_become_decimals():
    found = parse(TWO_TEXT, TWO)
    expected = pd.DataFrame(
        {
            "vw_lo_10": [-0.0012, np.nan, 1.182],
            "vw_hi_10": [0.0371, -0.0005, np.nan],
            "nfirms_lo_10": [51.0, 51.0, np.nan],
        },
        pd.DatetimeIndex(["1926-11-30", "1926-12-31", "1927-01-31"]).as_unit("us"),
    )
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("Value Weight Returns --", "Average value weighted  RETURNS --"),
        lambda text: text.replace(",Lo 10,Hi 10", ",LO 10 , hi  10"),
        lambda text: text.replace("Number of Firms in Portfolios", "Number Of Firms"),
        lambda text: text.split("Copyright")[0],
        lambda text: text.replace("    ", ""),
    ],
)
def test_spelling_and_spacing_do_not_matter(change: Callable[[str], str]):
    pd.testing.assert_frame_equal(parse(change(TWO_TEXT), TWO), parse(TWO_TEXT, TWO))


HEADER = ",Lo 10,Hi 10\n192611,   -"  # of the first table, and its first row
RETURNS = """,Lo 10,Hi 10
192611,   -0.12,    3.71
192612,  -99.99,   -0.05
192701,  118.20,    -999
"""
FIRMS = """192611,      51,      50
192612,      51,      49
192701,     -999.00,  49
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("This file", "<html><body>", "line 1: needed tables, found a web page"),
        (HEADER, HEADER.replace("Hi 10", "Hi 20"), "line 8: .*'hi 10', found 'hi 20'"),
        (HEADER, HEADER.replace("Lo 10,Hi 10", "Hi 10,Lo 10"), "line 8: .*'lo 10', found 'hi 10'"),
        (RETURNS, RETURNS.replace("\n", ",1\n"), "line 8: .*'the end', found '1'"),
        (RETURNS, RETURNS.replace(",Lo 10", ""), "line 9: needed 1 values, .* line 8, found 2"),
        ("Number of Firms in Portfolios", "Number of Bonds", "one monthly table .* found 0 among"),
        ("Annual from January to December", "Monthly", "one monthly table .* found 2 among"),
        ("Returns -- Monthly", "Returns -- Daily", "found 0 among"),
        ("192612,  -99.99", "192611,  -99.99", "line 10: needed the month after .* '192611'"),
        ("192612,  -99.99", "192610,  -99.99", "line 10: needed the month after .* '192610'"),
        ("192612,  -99.99,   -0.05\n", "", "line 10: needed the month after .* '192701'"),
        ("192612,  -99.99", "192613,  -99.99", "line 10: needed a date, found '192613'"),
        ("192612,  -99.99", "19261231, -99.99", "line 10: .* dated in 6 digits, found '19261231"),
        ("118.20,    -999", "118.20", "line 11: needed 2 values, .* line 8, found 1: '192701"),
        ("118.20,    -999", "118.20, 1, 2", "line 11: needed 2 values, .* line 8, found 3"),
        ("118.20", "118.2O", "line 11: needed a number for 'lo 10', found '118.2O'"),
        ("118.20", "", "line 11: needed a number for 'lo 10', found ''"),
        ("118.20", "nan", "line 11: needed a number for 'lo 10', found 'nan'"),
        ("118.20", "1e5", "line 11: needed a number for 'lo 10', found '1e5'"),
        ("118.20", "1-18.20", "line 11: needed a number for 'lo 10', found '1-18.20'"),
        ("118.20", "1 18.20", "line 11: needed a number for 'lo 10', found '1 18.20'"),
        ("192701,  118.20", "1927o1,  118.20", "line 11: needed a row, found '1927o1"),
        ("192612,  -99.99", ",Lo 10,Hi 10\n192612,  -99.99", "line 10: needed a row, found ',Lo"),
        ("192612,  -99.99", f"192612,{'9' * 400}", "line 10: needed a number for 'lo 10'"),
        ("This file", "a" * 20_000, "line 1: needed lines, found one of 20,"),
        ("This file", "\n" * 600_000, "at most 500,000 lines, found 600,"),
        ("192612,  -99.99", "\n192612,  -99.99", "line 11: found a row without a header"),
        ("192701,     -999.00,  49\n", "", "same rows, found 3 rows, .* 1927-01-31, .* 2 rows"),
        (FIRMS, "", "line 20: needed rows below this header, found none"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, message: str):
    assert old in TWO_TEXT
    with pytest.raises(SourceError, match=message) as caught:
        parse(TWO_TEXT.replace(old, new, 1), TWO)
    assert str(caught.value).startswith("Two_CSV.zip")
    assert "\n" not in str(caught.value)


def test_no_beginning_of_a_file_passes_for_the_file():
    whole = parse(TWO_TEXT, TWO)
    footer = TWO_TEXT.index("  49\n\nCopyright") + 5  # the last row, with its line break
    for length in range(footer):
        with pytest.raises(SourceError, match="Two_CSV"):
            parse(TWO_TEXT[:length], TWO)
    for length in range(footer, len(TWO_TEXT)):
        pd.testing.assert_frame_equal(parse(TWO_TEXT[:length], TWO), whole)


def test_a_copyright_sign_of_either_encoding_is_text_and_a_null_byte_is_not():
    assert decoded("© 2024".encode("latin-1"), TWO) == "© 2024"
    assert decoded(b"\xef\xbb\xbf" + "© 2024".encode(), TWO) == "© 2024"
    with pytest.raises(SourceError, match=r"Two_CSV\.zip, line 2: needed text, found the byte 0"):
        decoded(b"a\nb\x00c", TWO)


def test_book_to_market_at_december_and_at_june_prices_are_not_mistaken_for_each_other(documents):
    text = decoded(french.only_member(documents[BOOKS.path], suffix=".csv"), BOOKS)
    found = parse(text, BOOKS)
    swapped = text.replace("Dec t-1)", "???").replace("Jun t)", "Dec t-1)").replace("???", "Jun t)")
    other = parse(swapped, BOOKS)
    assert_array_equal(other["bm_dec_me1_bm1"], found["bm_june_me1_bm1"])
    assert not np.allclose(other["bm_dec_me1_bm1"], found["bm_dec_me1_bm1"])


# The catalogue --------------------------------------------------------------------------


def test_every_series_of_the_library_comes_from_exactly_one_column():
    columns = [name for file in FILES for table in file.tables for name in table.series if name]
    assert sorted(columns + DERIVED) == sorted(OURS)


def test_every_table_names_as_many_series_as_columns():
    for file in FILES:
        for table in file.tables:
            assert len(table.series) == len(table.columns)
            assert table.dated == file.tables[0].dated


def test_only_returns_are_in_percent():
    for file in FILES:
        for table in file.tables:
            units = {OURS[name].unit for name in table.series if name}
            assert (units == {catalog.Unit.RETURN}) == table.percent


def test_returns_of_a_day_are_rebuilt_and_figures_of_a_month_revised():
    for name, series in OURS.items():
        daily = name in DAILY
        assert series.basis == ("reconstructed" if daily else "revised")
        assert (series.lag, series.max_age) == ((0, 0) if daily else (60, 130))


# Jobs -----------------------------------------------------------------------------------


def test_there_is_one_job_for_each_archive_on_one_polite_host(documents):
    jobs = SOURCE.jobs(Request(now=NOW))
    assert [job.name for job in jobs] == [file.name for file in FILES]
    assert {file.path for file in FILES} == set(documents)
    assert dict(SOURCE.hosts) == {"mba.tuck.dartmouth.edu": 1.0}
    assert SOURCE.asks_for is None


@drawn(
    st.integers(1, 60),
    st.sampled_from(["1929-03-28", "1968-07-31", "2024-12-31"]),
    st.floats(0, 0.5),
    st.sampled_from([2, 4, 6]),
    st.integers(0, 99),
    few=4,
    full=10,
    phases=[Phase.generate],  # shrinking takes minutes
)
def test_what_went_in_comes_back(days, last, missing, decimals, seed):
    went_in = market(days, last, seed)
    kept = np.random.default_rng(seed).random(len(went_in)) >= missing
    went_in = went_in[kept]
    came_back = fetched(replay.documents(went_in, decimals=decimals))
    assert list(came_back) == COLUMNS
    assert set(came_back["source"]) == {"french"}
    assert not came_back.duplicated(["series", "period"]).any()
    # log ratios are made of cells near 0.5, and shares of market values near 1000
    slack = {name: 4.0 * 10.0 ** -(decimals + 2) if name in DERIVED else 0.0 for name in MODELLED}
    for name in set(went_in["series"]):
        before = went_in[went_in["series"] == name].set_index("period")
        after = came_back[came_back["series"] == name].set_index("period")
        assert_array_equal(after.index, before.index)
        assert_array_equal(after["known_at"], before["known_at"])
        bound = slack[name] + 0.51 * 10.0 ** -(decimals + 2)
        if name == "mcapshare_hi_10":
            bound = 1e-4
        assert_allclose(after["value"], before["value"], rtol=0, atol=bound)


def test_every_series_comes_out_of_a_complete_set_of_archives(whole):
    assert set(whole["series"]) == set(OURS)


def test_a_frame_of_every_series_comes_back_as_it_was(whole):
    once = whole
    twice = fetched(replay.documents(once))
    keys = ["series", "period"]
    assert_allclose(
        twice.astype({"series": "str"}).sort_values(keys)["value"],
        once.astype({"series": "str"}).sort_values(keys)["value"],
        rtol=0,
        atol=1e-9,
    )


def test_a_longer_history_moves_no_document_of_an_earlier_day():
    longer = market(50)
    shorter = longer[longer["period"] <= "2024-11-29"]
    early, late = (fetched(replay.documents(frame)) for frame in (shorter, longer))
    for name in ("smb", "ind10_HiTec", "ind49_nfirms_Softw", "vw_me3_op2", "lo_30"):
        expected = values(early, name)
        assert len(expected) > 2
        assert_array_equal(values(late, name)[expected.index], expected)


def test_old_periods_are_cut_after_parsing(documents, whole):
    since = pd.Timestamp("2024-12-15")
    cut = fetched(documents, since)
    assert cut["period"].min() == pd.Timestamp("2024-12-16")
    assert len(cut) == (whole["period"] >= since).sum()
    assert set(cut["series"]) == set(OURS)


@pytest.mark.parametrize("instead", ["20241223", "20241220"])
def test_a_day_twice_or_out_of_order_is_refused(documents, instead):
    text = decoded(french.only_member(documents[FACTORS.path], suffix=".csv"), FACTORS)
    with pytest.raises(SourceError, match=f"a later day than in the row before, found '{instead}'"):
        parse(text.replace("20241224", instead), FACTORS)


def test_a_day_without_trading_is_refused(documents):
    text = decoded(french.only_member(documents[FACTORS.path], suffix=".csv"), FACTORS)
    content = replay._zipped(FACTORS, text.replace("20241224", "20241225"))
    with pytest.raises(SourceError, match="days on which New York traded, found 2024-12-25"):
        french.read(content, FACTORS, Request(now=NOW))


def test_a_day_to_come_is_refused_and_today_is_not(documents):
    content = documents[FACTORS.path]
    french.read(content, FACTORS, Request(now=pd.Timestamp("2024-12-31 23:00", tz="UTC")))
    with pytest.raises(SourceError, match="periods up to 2024-12-30, found 2024-12-31"):
        french.read(content, FACTORS, Request(now=pd.Timestamp("2024-12-31 02:00", tz="UTC")))


def test_a_fault_of_the_archive_names_the_archive(documents):
    with pytest.raises(SourceError, match=r"^Portfolios_Formed_on_ME_CSV\.zip: Needed a whole zip"):
        french.read(documents[SIZES.path][:-40], SIZES, Request(now=NOW))


# Valuation ------------------------------------------------------------------------------


def worked_example() -> pd.DataFrame:
    """One month in which everything is 1, except where a test says otherwise."""
    names = [name for file in (SIZES, BOOKS) for table in file.tables for name in table.series]
    return pd.DataFrame(1.0, [pd.Timestamp("2024-07-31")], [name for name in names if name])


def test_book_to_market_of_a_quintile_is_weighted_by_firms_times_average_value():
    month = worked_example()
    month["nfirms_me1_bm5"], month["avgcap_me1_bm5"], month["bm_june_me1_bm5"] = 3.0, 2.0, 4.0
    # (4 x 1 + 6 x 4) / (4 + 6) = 2.8 against 1
    assert derive("log_bm_june_q1_minus_q5", month).item() == pytest.approx(np.log(2.8))
    assert derive("log_bm_june_q2_minus_q5", month).item() == 0.0


def test_the_value_spread_is_cheap_over_dear_at_december_prices():
    month = worked_example()
    month["bm_dec_me5_bm5"], month["bm_dec_me5_bm1"], month["bm_june_me5_bm5"] = 3.0, 0.5, 9.0
    assert derive("value_spread_q5", month).item() == pytest.approx(np.log(6))
    assert derive("value_spread_q1", month).item() == 0.0


def test_the_share_of_the_top_decile_counts_deciles_only():
    month = worked_example()
    month["nfirms_hi_10"], month["avgsize_hi_10"], month["avgsize_hi_20"] = 2.0, 8.0, 99.0
    assert derive("mcapshare_hi_10", month).item() == pytest.approx(16 / 25)


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("log_bm_june_q1_minus_q5", "bm_june_me5_bm2"),
        ("log_bm_june_q1_minus_q5", "nfirms_me1_bm3"),
        ("log_bm_june_q2_minus_q5", "avgcap_me2_bm1"),
        ("value_spread_q1", "bm_dec_me1_bm5"),
        ("mcapshare_hi_10", "avgsize_lo_10"),
    ],
)
def test_a_missing_cell_is_a_missing_value_and_no_smaller_sum(name: str, cell: str):
    month = worked_example()
    month[cell] = np.nan
    assert derive(name, month).isna().all()


def test_a_ratio_of_nothing_is_missing():
    month = worked_example()
    month["bm_dec_me1_bm1"] = 0.0
    assert derive("value_spread_q1", month).isna().all()


# Real files -----------------------------------------------------------------------------


@pytest.fixture
def finished(real_data) -> Callable[[str], pd.DataFrame]:
    def read(table: str) -> pd.DataFrame:
        return pd.read_csv(real_data / f"{table}.csv.gz", index_col=0, parse_dates=True)

    return read


@pytest.mark.real_data
def test_the_file_of_november_2022_agrees_with_the_finished_table_up_to_revisions(
    real_data, finished
):
    """The table is of February 2026; CRSP rebuilds history, small firms and 1926 most."""
    path = real_data / "raw/french_crsp202211/Portfolios_Formed_on_ME.CSV.gz"
    found = parse(decoded(gzip.decompress(path.read_bytes()), SIZES), SIZES)
    table = finished("french_size_portfolios_monthly").loc[: found.index[-1]]
    assert sorted(found) == sorted(table)
    assert (found.index[0], len(found)) == (pd.Timestamp("1926-07-31"), 1157)
    gap = (found - table).abs()
    # shared data, README: hi_10 differs by 0.53 % at most, lo_10 by 7.5 % in one month
    assert gap["vw_hi_10"].max() == pytest.approx(0.0053, abs=5e-5)
    assert gap["vw_lo_10"].max() == pytest.approx(0.0747, abs=5e-5)
    for prefix, typical in (("vw", 0.0006), ("ew", 0.001)):
        assert gap.filter(regex=f"^{prefix}_").median().max() <= typical
    for prefix, largest, typical in (("nfirms", 0.071, 0.012), ("avgsize", 0.37, 0.02)):
        relative = (gap / table).filter(regex=f"^{prefix}_")
        assert relative.max().max() < largest
        assert relative.median().max() < typical
    share = finished("valuation_and_concentration_monthly")["mcapshare_hi_10"]
    assert (derive("mcapshare_hi_10", found) - share).abs().max() < 0.02


@pytest.mark.real_data
def test_the_daily_file_of_2019_agrees_with_the_finished_table_up_to_revisions(real_data, finished):
    """That copy went through a spreadsheet: `2-Dec`, no title, and lines of commas."""
    file = BY_NAME["Portfolios_Formed_on_ME_Daily"]
    path = real_data / "raw/french_to_201905/Portfolios_Formed_on_ME_daily.csv.gz"
    kept = gzip.decompress(path.read_bytes()).decode()
    with pytest.raises(SourceError, match="line 14077: needed a row, found ',,,,"):
        parse(kept, file)
    rows = re.sub(r"(\d)-Dec", r"Dec \1", re.sub(r"^,+\r\n", "", kept, flags=re.MULTILINE))
    found = parse(f"  Value Weight Returns -- Daily\r\n{rows}", file)
    assert len(found) == 14075
    gap = (found - finished("french_size_portfolios_vw_daily").loc[found.index]).abs()
    # shared data, README: hi_10 differs by 0.22 % at most, lo_10 by 1.42 %
    assert gap["hi_10"].max() == pytest.approx(0.0022, abs=1e-9)
    assert gap["lo_10"].max() == pytest.approx(0.0142, abs=1e-9)
    assert np.sqrt((gap**2).mean()).max() < 0.0005


@pytest.mark.real_data
def test_valuation_is_computed_as_in_the_finished_table(finished):
    """It holds six decimals, so half of the sixth is what can be asked for."""
    columns = finished("french_25_size_beme_monthly").join(
        finished("french_size_portfolios_monthly")[
            [f"{measure}_{name}" for measure in ("nfirms", "avgsize") for name in DECILES]
        ]
    )
    table = finished("valuation_and_concentration_monthly")
    for name in DERIVED:
        assert_allclose(derive(name, columns), table[name], rtol=0, atol=0.5e-6 + 1e-12)


@pytest.mark.real_data
@pytest.mark.parametrize("first", ["2005", pytest.param("1926", marks=pytest.mark.long)])
def test_a_replay_of_the_finished_tables_gives_them_back(finished, first):
    names = {OURS[name].table for name in MODELLED}
    tables = {name: finished(name).loc[first:] for name in names}
    parts = [
        from_values(series, tables[series.table][series.column], "files")
        for name, series in OURS.items()
        if series.modelled
    ]
    went_in = gather(parts)
    came_back = fetched(replay.documents(went_in))
    for name in MODELLED:
        before, after = values(went_in, name), values(came_back, name)
        assert_array_equal(after.index, before.index)
        assert_allclose(after, before, rtol=0, atol=5e-6 if name in DERIVED else 0)
