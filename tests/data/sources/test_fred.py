"""FRED without a key: the table behind a chart is read as it lies, or refused."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replay import fred as replay

from regime.data.catalog import get
from regime.data.declared.fred import IN_UNITS, SERIES
from regime.data.observations import COLUMNS, from_values
from regime.data.series import Basis, Frequency
from regime.data.sources import fred
from regime.data.sources.live import Request
from regime.exceptions import SourceError

NOW = pd.Timestamp("2024-07-12 12:00", tz="UTC")
DECLARED = {one.id: one for one in SERIES}
GOOD = b"observation_date,DGS10\n2024-07-10,4.28\n2024-07-11,.\n2024-07-12,4.18\n"


class Served:
    """The host, and what it was asked."""

    def __init__(self, documents):
        self.documents, self.asked = documents, []

    def get(self, url, *, kind, params=None, headers=None):
        self.asked.append((url, kind, dict(params)))
        return self.documents[
            f"{url.removeprefix('https://fred.stlouisfed.org')}?id={params['id']}"
        ]


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def run(documents, name="DGS10", **request):
    host = Served(documents)
    jobs = {job.name: job for job in fred.jobs(Request(**{"now": NOW, **request}))}
    return jobs[f"FRED {name}"].run(host), host


def serve(content, name="DGS10"):
    return {f"{replay.CHART}?id={name}": content}


def test_a_table_gives_its_values_known_at_the_next_close():
    found = fred.parse(GOOD, get("DGS10"))
    assert list(found.columns) == COLUMNS
    assert found.to_dict("list") == {
        "series": ["DGS10"] * 2,
        "period": [pd.Timestamp("2024-07-10"), pd.Timestamp("2024-07-12")],
        "known_at": [utc("2024-07-11 20:00"), utc("2024-07-15 20:00")],
        "value": [4.28, 4.18],
        "source": ["fred"] * 2,
    }


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace(b"observation_date", b"DATE"),
        GOOD.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b",.", b","),
    ],
    ids=["the older header", "lines ended as on Windows", "a byte-order mark", "an empty cell"],
)
def test_a_table_may_also_have(content):
    pd.testing.assert_frame_equal(fred.parse(content, get("DGS10")), fred.parse(GOOD, get("DGS10")))


def test_a_month_is_its_last_day_and_known_when_its_lag_is_over():
    found = fred.parse(b"observation_date,INDPRO\n2024-02-01,102.5\n", get("INDPRO"))
    assert list(found["period"]) == [pd.Timestamp("2024-02-29")]
    assert list(found["known_at"]) == [utc("2024-03-21")]


def test_billions_become_millions_without_a_rounding_error():
    found = fred.parse(b"observation_date,RRPONTSYD\n2022-12-30,2553.716\n", get("RRPONTSYD"))
    assert list(found["value"]) == [2553716.0]


@pytest.mark.parametrize(
    ("period", "released"),
    [
        ("2024-07-13", "2024-07-18 12:30"),  # claims: Thursday 8:30 in New York
        ("2024-11-23", "2024-11-27 13:30"),  # the day before Thanksgiving
    ],
)
def test_claims_are_known_after_their_release_and_by_the_next_close(period, released):
    known = get("ICSA").known_at(pd.DatetimeIndex([period]))[0]
    assert utc(released) < known <= utc(released).normalize() + pd.Timedelta(days=2)


@pytest.mark.parametrize(
    ("name", "period", "released"),
    [
        ("WALCL", "2024-07-03", "2024-07-05 20:30"),  # Thursday was a holiday
        ("NFCI", "2024-07-12", "2024-07-17 12:30"),
        ("DEXUSEU", "2023-10-02", "2023-10-10 20:15"),  # Monday was a bank holiday
        ("DTWEXBGS", "2024-05-20", "2024-05-28 20:15"),
        ("CPIAUCSL", "2024-06-30", "2024-07-11 12:30"),
        ("PAYEMS", "2024-12-31", "2025-01-10 13:30"),
        ("INDPRO", "2024-12-31", "2025-01-17 14:15"),
        ("RSAFS", "2024-06-30", "2024-07-16 12:30"),
        ("HOUST", "2024-01-31", "2024-02-16 13:30"),
        ("PCEPI", "2024-12-31", "2025-01-31 13:30"),
        ("JTSJOL", "2024-11-30", "2025-01-07 15:00"),
    ],
)
def test_no_series_is_known_before_its_publisher_released_it(name, period, released):
    assert get(name).known_at(pd.DatetimeIndex([period]))[0] > utc(released)


@pytest.mark.parametrize("series", SERIES, ids=lambda one: one.id)
def test_a_value_serves_until_the_next_one_is_out(series):
    periods = {
        Frequency.DAILY: pd.bdate_range("2023-01-02", "2024-12-31"),
        Frequency.WEEKLY: pd.date_range("2023-01-04", "2024-12-31", freq="7D"),
        Frequency.MONTHLY: pd.date_range("2023-01-31", "2024-12-31", freq="ME"),
    }[series.frequency].as_unit("us")
    known = series.known_at(periods).tz_convert(None)
    assert ((known[1:] - periods[:-1]).days <= series.max_age).all()


def test_models_see_the_same_series_as_before():
    assert [one.id for one in SERIES if one.modelled] == [
        "DFF", "DGS1", "DGS2", "DGS10", "DFII10", "T10YIE", "BAA10Y", "BAMLH0A0HYM2", "VIXCLS",
    ]  # fmt: skip
    assert {one.id for one in SERIES if one.rolling} == {"BAMLC0A0CM", "BAMLH0A0HYM2"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "DGS10, line 1: needed a table, found nothing"),
        (b"<!DOCTYPE html>\n<html>\n", "line 1: needed a table, found a web page"),
        (GOOD.replace(b"DGS10", b"DGS2"), "line 1: needed the header observation_date,DGS10"),
        (GOOD.replace(b"observation_date", b"day"), "line 1: needed the header"),
        (GOOD.replace(b"DGS10", b"DGS10,DGS2"), "line 1: needed the header"),
        (GOOD[:-1], "line 4: needed a whole line, but the table is cut short at '2024-07-12,4.18'"),
        (GOOD[:-7] + b"\n", "line 4: needed a date and a value, found '2024-07-1'"),
        (GOOD.replace(b"4.28", b"4.28,1"), "line 2: needed a date and a value"),
        (GOOD.replace(b"4.28", b"4_28"), "line 2: needed a number or a point for none"),
        (GOOD.replace(b"4.28", b"nan"), "line 2: needed a number"),
        (GOOD.replace(b"4.28", b"inf"), "line 2: needed a number"),
        (GOOD.replace(b"4.28", b"1e999"), "line 2: needed a number"),
        (GOOD.replace(b"07-10", b"07-32"), "line 2: needed a date YYYY-MM-DD, found '2024-07-32'"),
        (GOOD.replace(b"2024-07-10", b"07/10/2024"), "line 2: needed a date"),
        (GOOD.replace(b"07-11", b"07-10"), "line 3: '2024-07-10' comes twice"),
        (GOOD.replace(b"07-11", b"07-09"), "line 3: '2024-07-09' comes after 2024-07-10"),
        (GOOD.replace(b"\n2024-07-11", b"\n\n2024-07-11"), "line 3: needed a date and a value"),
        (GOOD.replace(b"4.28", b"4.2\xff"), "line 2: needed a table, found bytes that are no text"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_right_is_refused_in_words(content, words):
    with pytest.raises(SourceError, match=re.escape(words)) as caught:
        fred.parse(content, get("DGS10"))
    assert "\n" not in str(caught.value)


@given(st.integers(0, len(GOOD) - 1))
def test_a_table_cut_short_inside_a_line_is_never_read(length):
    content = GOOD[:length]
    if not content.endswith(b"\n"):
        with pytest.raises(SourceError):
            fred.parse(content, get("DGS10"))


def test_a_month_that_does_not_begin_on_its_first_day_is_refused():
    with pytest.raises(SourceError, match="line 2: '2024-02-29' is not the first day of a month"):
        fred.parse(b"observation_date,INDPRO\n2024-02-29,102.5\n", get("INDPRO"))


def test_every_series_is_asked_for_by_its_id():
    yields = pd.Series([4.2], [pd.Timestamp("2024-07-11")])
    host = Served(replay.documents(from_values(get("DGS10"), yields, "fred")))
    for job in fred.jobs(Request(now=NOW)):
        job.run(host)
    assert [asked[2]["id"] for asked in host.asked] == list(DECLARED)
    assert {asked[:2] for asked in host.asked} == {(fred.CHART, "csv")}


def test_a_request_since_some_day_asks_from_then_and_for_whole_months():
    _, host = run(serve(GOOD), since=pd.Timestamp("2024-07-10"))
    assert host.asked[0][2] == {"id": "DGS10", "cosd": "2024-07-10"}
    content = b"observation_date,INDPRO\n2024-02-01,102.5\n"
    _, host = run(serve(content, "INDPRO"), "INDPRO", since=pd.Timestamp("2024-02-29"))
    assert host.asked[0][2] == {"id": "INDPRO", "cosd": "2024-02-01"}


def test_nothing_new_is_no_fault_but_nothing_at_all_is():
    empty = serve(b"observation_date,DGS10\n")
    assert run(empty, since=pd.Timestamp("2024-07-12"))[0].empty
    with pytest.raises(SourceError, match="DGS10 needs at least one value"):
        run(empty)


def test_a_value_of_the_future_is_refused():
    with pytest.raises(SourceError, match="found one of 2024-07-12, which is in the future"):
        run(serve(GOOD), now=utc("2024-07-11 12:00"))


def test_the_month_that_is_running_may_have_a_value():
    content = b"observation_date,FEDFUNDS\n2024-07-01,5.33\n"
    assert len(run(serve(content, "FEDFUNDS"), "FEDFUNDS")[0]) == 1


def test_a_table_that_ends_before_what_is_stored_is_refused():
    run(serve(GOOD), newest={"DGS10": pd.Timestamp("2024-07-12")})
    with pytest.raises(SourceError, match="end on 2024-07-12: they may be cut short"):
        run(serve(GOOD), newest={"DGS10": pd.Timestamp("2024-07-15")})


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_what_a_document_holds_comes_back(data):
    series = data.draw(st.sampled_from(SERIES))
    step = {"daily": "B", "weekly": "7D", "monthly": "ME"}[series.frequency]
    periods = pd.date_range("2020-01-08", periods=data.draw(st.integers(1, 30)), freq=step)
    numbers = st.decimals(-99, 99, places=6).map(float)
    values = data.draw(st.lists(numbers, min_size=len(periods), max_size=len(periods)))
    scale = IN_UNITS.get(series.id, 1)
    before = from_values(series, pd.Series(values, periods, dtype=float) * scale, "fred")
    document = replay.documents(before)[f"{replay.CHART}?id={series.id}"]
    after = fred.parse(document, series)
    pd.testing.assert_frame_equal(after.drop(columns="value"), before.drop(columns="value"))
    np.testing.assert_allclose(after["value"], before["value"], rtol=0, atol=1e-6 * 0.51)


def test_the_basis_says_which_series_have_vintages():
    vintage = {one.id for one in SERIES if one.basis is Basis.VINTAGE}
    assert {"CPIAUCSL", "PAYEMS", "ICSA", "INDPRO"} <= vintage
    assert not vintage & {one.id for one in SERIES if one.frequency is Frequency.DAILY}


@pytest.mark.real_data
def test_the_stored_tables_come_back_from_documents(real_data):
    table = pd.read_csv(real_data / "fred_monthly.csv.gz", index_col="date", parse_dates=True)
    for name in ["INDPRO", "PAYEMS", "UMCSENT"]:
        before = from_values(get(name), table[name], "fred")
        document = replay.documents(before)[f"{replay.CHART}?id={name}"]
        pd.testing.assert_frame_equal(fred.parse(document, get(name)), before)
