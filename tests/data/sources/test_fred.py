"""FRED without a key: the table behind a chart is read as it lies, or refused."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from drawn import drawn
from hypothesis import given
from hypothesis import strategies as st
from replay import fred as replay
from replay.faults import Fault
from replay.server import ReplayServer

from regime.data.catalog import get
from regime.data.checks.validation import checked
from regime.data.declared.fred import IN_UNITS, SERIES
from regime.data.fetching import fetch_live
from regime.data.network.archive import Archive
from regime.data.network.http import HttpClient
from regime.data.observations import COLUMNS, from_values, gather, period_ends
from regime.data.series import Basis, Frequency
from regime.data.sources import alfred, fred
from regime.data.sources.live import Request
from regime.data.store import ObservationStore
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


@pytest.mark.parametrize(
    ("name", "date", "friday", "known"),
    [
        ("ICSA", "2024-07-13", "2024-07-12", "2024-07-19"),  # a Saturday; out on Thursday, the 18th
        ("WALCL", "2024-07-10", "2024-07-12", "2024-07-14"),  # a Wednesday; out on the day after
        ("WRESBAL", "2024-07-10", "2024-07-12", "2024-07-14"),
        ("NFCI", "2024-07-12", "2024-07-12", "2024-07-19"),
        ("NFCI", "2024-07-07", "2024-07-12", "2024-07-19"),  # as if it began to name Sundays
    ],
)
def test_a_week_is_its_friday_by_whichever_day_it_is_called(name, date, friday, known):
    found = fred.parse(f"observation_date,{name}\n{date},0.5\n".encode(), get(name))
    assert list(found["period"]) == [pd.Timestamp(friday)]
    assert list(found["known_at"]) == [utc(known)]


def test_two_values_of_one_week_are_refused():
    content = b"observation_date,ICSA\n2024-07-07,1\n2024-07-13,2\n"
    with pytest.raises(SourceError, match=r"one value a week, .*07-07 and .*07-13"):
        fred.parse(content, get("ICSA"))


@given(st.dates(pd.Timestamp("1967-01-01").date(), pd.Timestamp("2030-12-31").date()))
def test_the_first_week_wanted_is_asked_for_by_each_of_its_days(since):
    since = pd.Timestamp(since)
    first = pd.Timestamp(alfred.first_date(get("ICSA"), since))
    friday = period_ends(get("ICSA"), pd.DatetimeIndex([first, first - pd.Timedelta(days=1)]))
    assert friday[0] >= since > friday[1]


@pytest.mark.parametrize(
    ("now", "weeks"),
    [
        ("2024-07-11 21:00", 1),  # a Thursday, half an hour after the release
        ("2024-07-13 03:00", 1),  # still Friday in New York
        ("2024-07-13 05:00", 2),
    ],
)
def test_a_week_that_is_not_over_is_left_out(now, weeks):
    content = b"observation_date,WALCL\n2024-07-03,7222000\n2024-07-10,7224000\n"
    found, _ = run(serve(content, "WALCL"), "WALCL", now=utc(now))
    assert len(found) == weeks
    both = checked(found, now=utc(now), recent=found.iloc[:0])
    assert both.doubtful.empty


def test_billions_become_millions_without_a_rounding_error():
    found = fred.parse(b"observation_date,RRPONTSYD\n2022-12-30,2553.716\n", get("RRPONTSYD"))
    assert list(found["value"]) == [2553716.0]


@pytest.mark.parametrize(
    ("period", "released"),
    [
        ("2024-07-12", "2024-07-18 12:30"),  # claims: Thursday 8:30 in New York
        ("2024-11-22", "2024-11-27 13:30"),  # the day before Thanksgiving
    ],
)
def test_claims_are_known_after_their_release_and_by_the_next_close(period, released):
    known = get("ICSA").known_at(pd.DatetimeIndex([period]))[0]
    assert utc(released) < known <= utc(released).normalize() + pd.Timedelta(days=2)


@pytest.mark.parametrize(
    ("name", "period", "released"),
    [
        ("ICSA", "2024-07-05", "2024-07-11 12:30"),
        ("WALCL", "2024-07-05", "2024-07-05 20:30"),  # Thursday was a holiday
        ("WALCL", "2024-07-12", "2024-07-11 20:30"),
        ("WRESBAL", "2024-12-27", "2024-12-27 21:30"),
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
        Frequency.WEEKLY: pd.date_range("2023-01-06", "2024-12-31", freq="7D"),
        Frequency.MONTHLY: pd.date_range("2023-01-31", "2024-12-31", freq="ME"),
    }[series.frequency].as_unit("us")
    known = series.known_at(periods).tz_convert(None)
    assert ((known[1:] - periods[:-1]).days <= series.max_age).all()


def test_models_see_the_same_series_as_before():
    assert [one.id for one in SERIES if one.modelled] == [
        "DFF", "DGS1", "DGS2", "DGS10", "DFII10", "T10YIE", "BAA10Y", "BAMLH0A0HYM2", "VIXCLS",
    ]  # fmt: skip
    assert {one.id for one in SERIES if one.rolling} == {"BAMLC0A0CM", "BAMLH0A0HYM2", "SP500"}


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
        (GOOD.replace(b"4.28", b"1e308"), "line 2: needed a number"),
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


@pytest.mark.parametrize("key", ["", replay.KEY], ids=["without a key", "with one"])
def test_nothing_imagined_is_doubted(key):
    days = pd.bdate_range("2019-01-02", "2024-07-11")
    rows = from_values(get("DGS10"), pd.Series(4.0, days), "fred")
    host = Served(replay.documents(rows))
    if key:
        answer = replay.api(rows)

        def get_json(url, *, kind, params=None, headers=None):
            return answer(url.removeprefix("https://api.stlouisfed.org"), params)[1]

        host.get = get_json
    found = gather([job.run(host) for job in fred.jobs(Request(now=NOW, keys={fred.KEY: key}))])
    assert set(found["series"]) == set(DECLARED)
    assert checked(found, now=NOW, recent=found.iloc[:0]).doubtful["reason"].tolist() == []


def test_a_table_cut_on_its_way_is_fetched_whole_the_next_time(tmp_path):
    yields = pd.Series(4.2, pd.bdate_range("2024-01-02", "2024-07-10"))
    documents = replay.documents(from_values(get("DGS10"), yields, "fred"))
    cut = Fault("cut", lambda reply: dataclasses.replace(reply, body=reply.body[:-99]))
    source = dataclasses.replace(
        fred.SOURCE, jobs=lambda request: [j for j in fred.jobs(request) if j.name == "FRED DGS10"]
    )
    store, archive = ObservationStore(tmp_path / "store.db"), Archive(tmp_path / "raw")
    with ReplayServer({f"fred.stlouisfed.org{k}": v for k, v in documents.items()}) as server:

        def fetch():
            (report,) = fetch_live(
                [source], store, lambda _: HttpClient(
                    archive, limits={}, default_limit=1e3, user_agent="x", mirror=server.url
                ), now=NOW,
            )  # fmt: skip
            return report

        server.misbehave("fred.stlouisfed.org", cut, times=1)  # with the tag of the whole table
        assert "the table is cut short" in fetch().errors[0]
        assert fetch().added == len(yields)
        assert fetch().errors == []
        assert [seen.status for seen in server.requests] == [200, 200, 304]


def test_the_reason_of_a_refusal_is_told_without_the_key():
    wrong = "feedbeef" * 4
    rows = from_values(get("DGS10"), pd.Series([4.2], [pd.Timestamp("2024-07-11")]), "fred")
    job = fred.jobs(Request(now=NOW, keys={fred.KEY: wrong}))[0]
    with (
        ReplayServer({"api.stlouisfed.org": replay.api(rows)}) as server,
        HttpClient(None, limits={}, default_limit=1e3, user_agent="x", mirror=server.url) as http,
        pytest.raises(SourceError, match="api_key is not registered") as caught,
    ):
        job.run(http)
    assert wrong not in str(caught.value)
    assert "400 Bad Request, because: " in str(caught.value)


@drawn(st.data(), few=25, full=100)
def test_what_a_document_holds_comes_back(data):
    series = data.draw(st.sampled_from(SERIES))
    step = {"daily": "B", "weekly": "7D", "monthly": "ME"}[series.frequency]
    periods = pd.date_range("2020-01-10", periods=data.draw(st.integers(1, 30)), freq=step)
    numbers = st.decimals(-99, 99, places=6).map(float)
    values = data.draw(st.lists(numbers, min_size=len(periods), max_size=len(periods)))
    scale = IN_UNITS.get(series.id, 1)
    before = from_values(series, pd.Series(values, periods, dtype=float) * scale, "fred")
    document = replay.document(before, series.id)
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
        document = replay.document(before, name)
        pd.testing.assert_frame_equal(fred.parse(document, get(name)), before)
