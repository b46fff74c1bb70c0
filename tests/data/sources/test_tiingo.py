"""Prices of a fund as Tiingo serves them."""

import json

import pandas as pd
import pytest

from regime.data.sources import tiingo
from regime.exceptions import SourceError

NOW = pd.Timestamp("2024-06-14 22:00", tz="UTC")


def day(date, close=100.0, paid=0.0, new=1.0):
    row = {"date": f"{date}T00:00:00.000Z", "close": close, "divCash": paid, "splitFactor": new}
    return row | {"adjClose": close, "volume": 1}


ROWS = [
    day("2024-06-11", 101.0), day("2024-06-12", 50.0, 0.25, 2.0), day("2024-06-13", 51),
    day("2024-06-14", 52.0),
]  # fmt: skip


def parsed(rows, **options):
    rows = tiingo.parse(json.dumps(rows).encode(), "SPY", **({"now": NOW} | options))
    series = rows.groupby("series", observed=True)
    return pd.DataFrame({str(name): one.set_index("period")["value"] for name, one in series})


def test_closes_dividends_and_splits_are_taken_as_they_are():
    frame = parsed(ROWS)
    assert frame["SPY_close"].tolist() == [101, 50, 51, 52]
    assert frame["SPY_dividend"].dropna().to_dict() == {pd.Timestamp("2024-06-12"): 0.25}
    assert frame["SPY_split"].dropna().to_dict() == {pd.Timestamp("2024-06-12"): 2.0}


def test_a_day_counts_from_half_past_five_on_and_from_since_on():
    early = pd.Timestamp("2024-06-14 21:29", tz="UTC")
    assert parsed(ROWS, now=early).index[-1] == pd.Timestamp("2024-06-13")
    assert len(parsed(ROWS, since=pd.Timestamp("2024-06-13"))) == 2


def test_an_empty_list_is_nothing_and_no_fault():
    assert tiingo.parse(b"[]", "SPY", now=NOW).empty


@pytest.mark.parametrize(
    ("served", "words"),
    [
        ({"detail": "Invalid token."}, "Invalid token.*Check REGIME_TIINGO_KEY"),
        ({"x": 1}, "no list of days"),
        ([7], "the date 'None'"),
        ([day("now")], "the date 'nowT00"),
        ([day("2024-06-15")], "2024-06-15 is no trading day"),
        ([ROWS[0], ROWS[0]], "2024-06-11 comes twice"),
        ([ROWS[1], ROWS[0]], "2024-06-11 comes after a later day"),
        ([day("2024-06-11", -1.0)], "not above zero"),
        ([day("2024-06-11", paid=-0.1)], "not above zero"),
        ([day("2024-06-11", None)], "found close 'None' on 2024-06-11"),
        ([day("2024-06-11", "101")], "found close '101'"),
        ([day("2024-06-11", float("nan"))], "found close 'nan'"),
        ([day("2024-06-11", 10**400)], "found close '1000"),
        ([day("2024-06-11", new=True)], "found splitFactor 'True'"),
    ],
)
def test_an_odd_answer_is_refused_in_words_that_name_the_fund(served, words):
    with pytest.raises(SourceError, match=words) as error:
        parsed(served)
    assert "SPY" in str(error.value)


@pytest.mark.parametrize("served", [b"<html>", b"", b'[{"date"', b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(served):
    with pytest.raises(SourceError, match="SPY, but found no list of days"):
        tiingo.parse(served, "SPY", now=NOW)
