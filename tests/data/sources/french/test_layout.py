"""Tables of the library come back as they were written, or with the line at fault."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from data.sources.french.archived import BOOKS
from numpy.testing import assert_array_equal

from regime.data.sources import french
from regime.data.sources.french_layout import MONTH, File, Table, decoded, parse
from regime.exceptions import SourceError

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
