"""Tables that the program wrote, read back in part."""

import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal

from regime.tracking.kept import table

ROWS = pd.DataFrame({
    "date": pd.bdate_range("2024-01-01", periods=95), "value": range(95), "other": "x",
})  # fmt: skip


def stored(rows=ROWS, row_group_size=10):
    out = io.BytesIO()
    rows.to_parquet(out, index=False, row_group_size=row_group_size)
    return out


@pytest.mark.parametrize("first", [0, 1, 9, 10, 42, 89, 90, 94])
def test_rows_since_a_day_are_those_and_all_of_those_whatever_group_they_are_in(first):
    found = table(stored(), ["date", "value"], since=ROWS["date"][first])
    assert_frame_equal(found, ROWS[["date", "value"]].iloc[first:].reset_index(drop=True))


def test_rows_out_of_order_are_found_in_every_group():
    mixed = ROWS.sample(frac=1.0, random_state=1)
    found = table(stored(mixed), ["date", "value"], since=ROWS["date"][50])
    assert sorted(found["value"]) == [*range(50, 95)]


@pytest.mark.parametrize("rows", [ROWS, ROWS.iloc[:0]])
def test_where_no_row_is_so_late_there_are_columns_and_no_rows(rows):
    found = table(stored(rows), ["date", "value"], since=pd.Timestamp("2030-01-01"))
    assert list(found.columns) == ["date", "value"]
    assert found.empty


def test_text_that_is_no_text_is_refused_as_it_is_read():
    out = io.BytesIO()
    text = pa.array([b"good", b"\xff"], pa.binary()).cast(pa.string(), safe=False)
    pq.write_table(pa.table({"other": text}), out)
    with pytest.raises(ValueError, match="UTF8"):
        table(out)


def test_an_index_that_pandas_wrote_comes_back():
    out = io.BytesIO()
    ROWS.set_index("date").to_parquet(out)
    found = table(out, ["value"])
    assert found.index.name == "date"
    assert_array_equal(found["value"], ROWS["value"])
