"""Vintages of FRED-MD: what each month's file held can be rebuilt from the observations."""

import re
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from drawn import drawn
from hypothesis import strategies as st

from regime.data.catalog import get
from regime.data.observations import COLUMNS
from regime.data.sources import fred_md
from regime.exceptions import SourceError


def table(*rows):
    frame = pd.DataFrame(rows, columns=["series", "date", "vintage", "value"])
    return frame.astype({"series": "str", "date": "str", "vintage": "str"})


GOOD = [
    ("INDPRO", "1959-01-01", "1999-08", 34.431),
    ("INDPRO", "1999-07-01", "1999-08", 135.148),
    ("INDPRO", "1999-07-01", "1999-09", 135.5),
    ("INDPRO", "1999-08-01", "1999-09", 136.25),
]


def read(folder, *rows):
    path = folder / f"{fred_md.TABLE}.parquet"
    table(*rows).to_parquet(path)
    return fred_md.read(path)


def cells(found):
    return [
        (f"{row.period:%Y-%m-%d}", f"{row.known_at:%Y-%m-%d %H:%M}", row.value)
        for row in found.itertuples()
    ]


def test_a_revision_is_known_when_the_month_of_its_vintage_is_over(tmp_path):
    found = read(tmp_path, *GOOD)
    assert list(found.columns) == COLUMNS
    assert cells(found)[1:] == [
        ("1999-07-31", "1999-08-21 00:00", 135.148),  # by its lag, in the oldest vintage
        ("1999-07-31", "1999-10-01 00:00", 135.5),
        ("1999-08-31", "1999-10-01 00:00", 136.25),
    ]
    assert set(found["source"]) == {"fred_md"}


def test_what_the_oldest_vintage_holds_is_known_by_its_lag(tmp_path):
    assert cells(read(tmp_path, *GOOD))[0] == ("1959-01-31", "1959-02-21 00:00", 34.431)


def test_what_only_a_vintage_after_a_gap_holds_is_known_with_it(tmp_path):
    late = ("INDPRO", "2022-01-01", "2024-08", 103.0)
    assert cells(read(tmp_path, *GOOD, late))[-1] == ("2022-01-31", "2024-09-01 00:00", 103.0)


def test_a_value_that_a_vintage_repeats_is_no_publication(tmp_path):
    again = ("INDPRO", "1999-08-01", "1999-10", 136.25)
    assert cells(read(tmp_path, *GOOD, again)) == cells(read(tmp_path, *GOOD))


def test_names_and_units_are_those_of_the_catalogue(tmp_path):
    found = read(
        tmp_path,
        ("UMCSENTx", "1999-07-01", "1999-08", 106.0),
        ("M2SL", "1999-07-01", "1999-08", 4513.1),
        ("VXOCLSx", "1999-07-01", "1999-08", 20.0),
    )
    assert dict(zip(found["series"], found["value"], strict=True)) == {
        "UMCSENT": 106.0,
        "M2SL": 4_513_100.0,
    }
    assert all(get(name).frequency == "monthly" for name in fred_md.SERIES_OF.values())


@drawn(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 8), st.integers(1, 3)), min_size=1),
    few=15, full=40,
)  # fmt: skip
def test_every_vintage_comes_back(changes):
    months = pd.period_range("2000-01", periods=5, freq="M")
    vintages = pd.period_range("2000-06", periods=9, freq="M")
    rows = {(m, v): value for m, v, value in changes}
    told = [
        ("UNRATE", f"{months[m]}-01", str(vintages[v]), float(value))
        for (m, v), value in rows.items()
    ]
    with tempfile.TemporaryDirectory() as folder:
        found = read(Path(folder), *told)
    for at, vintage in enumerate(vintages):
        over = (vintage + 1).to_timestamp().tz_localize("UTC")
        known = found[found["known_at"] <= over].groupby("period")["value"].last()
        expected = {}
        for m, month in enumerate(months):
            seen = [rows[m, v] for v in range(at + 1) if (m, v) in rows]
            if seen:
                expected[month.to_timestamp() + pd.offsets.MonthEnd(0)] = seen[-1]
        oldest = min(v for _, v in rows)
        if at >= oldest:
            assert known.to_dict() == expected


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("INDPRO", "1999-07-02", "1999-10", 1.0), "the date is no first day of a month"),
        (("INDPRO", "1999-13-01", "1999-10", 1.0), "the date is no first day of a month"),
        (("INDPRO", "1999-07-01", "1999-1", 1.0), "the vintage is no month, YYYY-MM"),
        (("INDPRO", "1999-07-01", "1999-13", 1.0), "the vintage is no month, YYYY-MM"),
        (("INDPRO", "1999-11-01", "1999-10", 1.0), "the month is after the vintage"),
        (("INDPRO", "1999-07-01", "1999-10", np.nan), "the value is no finite number"),
        (("INDPRO", "1999-07-01", "1999-10", np.inf), "the value is no finite number"),
        (("INDPRO", "1999-08-01", "1999-09", 1.0), "series, date and vintage are there twice"),
    ],
)
def test_a_row_that_cannot_be_right_is_named(tmp_path, row, words):
    with pytest.raises(SourceError, match=re.escape(f"row 5 (INDPRO, {row[1]}")) as caught:
        read(tmp_path, *GOOD, row)
    assert words in str(caught.value)


def test_a_file_that_is_no_such_table_is_refused(tmp_path):
    path = tmp_path / "fred_md_vintages.parquet"
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        fred_md.read(path)
    path.write_bytes(b"<html>")
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        fred_md.read(path)
    whole = pa.Table.from_pandas(table(*GOOD), preserve_index=False)
    no_text = [one[2].replace("-", "\xff").encode("latin-1") for one in GOOD]
    text = pa.array(no_text, pa.binary()).cast(pa.string(), safe=False)
    pq.write_table(whole.set_column(2, "vintage", text), path)
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        fred_md.read(path)
    table(*GOOD).drop(columns="vintage").to_parquet(path)
    with pytest.raises(SourceError, match="but vintage is not among series, date, value"):
        fred_md.read(path)


def test_how_pandas_wrote_the_table_does_not_matter(tmp_path):
    path = tmp_path / "fred_md_vintages.parquet"
    plain = read(tmp_path, *GOOD)
    categories = pa.Table.from_pandas(table(*GOOD).astype({"series": "category"}))
    for kept in (
        {"pandas": "no JSON"},
        {"pandas": '{"columns": [{}], "index_columns": [0.5]}'},
        {},
    ):
        pq.write_table(categories.replace_schema_metadata(kept), path)
        pd.testing.assert_frame_equal(fred_md.read(path), plain)


def test_a_number_that_is_none_in_another_unit_is_refused(tmp_path):
    with pytest.raises(SourceError, match="the value is no finite number"):
        read(tmp_path, *GOOD, ("HOUST", "1999-08-01", "1999-09", 1e308))


@pytest.fixture(scope="module")
def observations(real_data):
    return fred_md.read(real_data / "fred_md_vintages.parquet")


@pytest.mark.real_data
@pytest.mark.parametrize("vintage", ["1999-08", "2008-10", "2015-01", "2020-05", "2024-08"])
@pytest.mark.parametrize("name", ["INDPRO", "UNRATE", "PAYEMS", "CPIAUCSL", "HOUST", "FEDFUNDS"])
def test_published_files_are_rebuilt_exactly(observations, real_data, vintage, name):
    published = pd.read_csv(real_data / "raw" / "fred_md" / f"{vintage}.csv.gz").iloc[1:]
    published = published.dropna(subset=["sasdate"]).set_index("sasdate")[name].astype(float)
    published.index = pd.to_datetime(published.index, format="%m/%d/%Y") + pd.offsets.MonthEnd(0)
    over = pd.Timestamp(vintage, tz="UTC") + pd.offsets.MonthBegin(1)
    rows = observations[observations["series"] == fred_md.SERIES_OF[name]]
    known = rows[rows["known_at"] <= over].groupby("period")["value"].last()
    pd.testing.assert_series_equal(
        known, published.dropna(), check_names=False, check_freq=False, check_index_type=False,
        check_exact=True,
    )  # fmt: skip


@pytest.mark.real_data
def test_a_value_withdrawn_for_a_while_stays_as_it_was_known(observations, real_data):
    published = pd.read_csv(real_data / "raw" / "fred_md" / "2015-01.csv.gz").iloc[1:]
    sentiment = published.set_index("sasdate")["UMCSENTx"].dropna().astype(float)
    sentiment.index = pd.to_datetime(sentiment.index, format="%m/%d/%Y") + pd.offsets.MonthEnd(0)
    rows = observations[observations["series"] == "UMCSENT"]
    rows = rows[rows["known_at"] <= pd.Timestamp("2015-02-01", tz="UTC")]
    known = rows.groupby("period")["value"].last()
    assert sentiment.index.max() == pd.Timestamp("2014-07-31")
    assert known.index.max() == pd.Timestamp("2014-11-30")
    assert known[sentiment.index].to_list() == sentiment.to_list()


@pytest.mark.real_data
def test_the_latest_vintage_has_the_units_of_the_stored_table(observations, real_data):
    latest = pd.read_csv(real_data / "fred_monthly.csv.gz", index_col="date", parse_dates=True)
    month = pd.Timestamp("2024-06-30")
    for name in ["INDPRO", "UNRATE", "PAYEMS", "CPIAUCSL", "FEDFUNDS", "UMCSENT"]:
        rows = observations[(observations["series"] == name) & (observations["period"] == month)]
        assert rows["value"].iloc[-1] == pytest.approx(latest[name]["2024-06-01"], rel=0.03)
