"""A long answer, read as Arrow, is to the bit what row after row would be."""

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from adbc_driver_sqlite import dbapi
from numpy.testing import assert_array_equal
from observed import FETCHED, LATER, frame, many
from pandas.testing import assert_frame_equal

from regime.data.database import schema
from regime.data.store import ObservationStore

OF = schema.OBSERVATION.c
QUERY = sa.select(OF.series, OF.period, OF.known_at, OF.value, OF.source)


@pytest.fixture
def filled(store):
    """Values of every size from 1930 on, some revised, from two sources."""
    rows = many(400, 1.0)
    rows["value"] = np.random.default_rng(3).normal(size=400) * 10.0 ** np.arange(-200, 200)
    store.append(rows, fetched_at=FETCHED)
    revised = rows[::7].assign(value=lambda row: row["value"] * 2, known_at=LATER, source="french")
    store.append(revised, fetched_at=LATER)
    return store


@pytest.mark.parametrize(
    "query",
    [
        QUERY.order_by(OF.series, OF.period, OF.known_at),
        QUERY.where(OF.series.in_([1, 5, 9]), OF.period >= -14_000).order_by(OF.period),
        QUERY.where(OF.series == 99),
        sa.select(OF.value, OF.fetched_at).where(OF.value < 0).order_by(OF.value),
    ],
)
def test_it_is_what_row_after_row_would_be(filled, query):
    with filled.reading() as connection:
        expected = filled.database.rows(connection, query)
        found = filled.database.many_rows(connection, query)
    assert found.dtype == expected.dtype
    assert_array_equal(found, expected)


def test_a_folder_with_a_name_that_needs_quoting_is_read(tmp_path):
    folder = tmp_path / "50% of what? #1 é"
    folder.mkdir()
    store = ObservationStore(folder / "observations.db")
    store.append(many(3, 1.5), fetched_at=FETCHED)
    assert store.read()["value"].tolist() == [1.5] * 3


def test_what_arrow_cannot_read_is_read_row_after_row(filled, monkeypatch):
    expected = filled.read()

    def refuses(*_, **__):
        raise dbapi.OperationalError("no", status_code=2)

    monkeypatch.setattr(dbapi, "connect", refuses)
    assert_frame_equal(filled.read(), expected, check_exact=True)


def test_a_series_and_a_source_that_come_in_the_middle_of_a_read_do_no_harm(filled, monkeypatch):
    """A long answer is of the moment it is asked, later than the names before it."""
    real, before = type(filled.database).many_rows, filled.read()

    def overtaken(self, connection, query):
        monkeypatch.undo()
        new = frame([("IWM", "1930-01-02", "1930-01-02 21:00", 7.0)], source="yahoo")
        filled.append(new, fetched_at=LATER)
        more = many(401, 3.0, source="yahoo")[-1:]
        filled.append(more, fetched_at=LATER + pd.Timedelta(days=1))
        return real(self, connection, query)

    monkeypatch.setattr(type(filled.database), "many_rows", overtaken)
    found = filled.read()
    assert set(found["series"]) == set(before["series"])
    assert len(filled.read()) == len(before) + 2
    assert len(found) - len(before) in (0, 1)
    if len(found) > len(before):
        assert found["source"].iloc[-1] == "yahoo"
