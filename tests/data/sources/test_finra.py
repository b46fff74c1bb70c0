"""Short interest of funds' members, one file a settlement day."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from replay import finra as replay
from replay import holdings as funds
from replay.faults import Fault
from replay.server import ReplayServer

from regime.brief.data import gaps_of
from regime.data.calendar import settlement_days, trading_days
from regime.data.checks.freshness import freshness
from regime.data.declared.finra import SERIES
from regime.data.fetching import fetch_live
from regime.data.network.archive import Archive
from regime.data.network.exchange import Patience
from regime.data.network.http import HttpClient
from regime.data.observations import COLUMNS
from regime.data.sources import finra
from regime.data.sources.directory import LIVE
from regime.data.sources.live import Request
from regime.data.store import ObservationStore
from regime.exceptions import SourceError, UnreachedError

NOW = pd.Timestamp("2024-06-03 23:00", tz="UTC")
DAY = pd.Timestamp("2024-05-15")
KNOWN = pd.Timestamp("2024-05-28 20:00", tz="UTC")  # the eighth session after; 27 May is none


class Served:
    """What is not there is refused, as FINRA does."""

    def __init__(self, documents, refusal=SourceError):
        self.documents, self.asked, self.refusal = documents, [], refusal

    def get(self, url, *, kind, params=None, headers=None):
        self.asked.append((url.removeprefix("https://"), kind))
        if self.asked[-1][0] not in self.documents:
            raise self.refusal(f"{url} was answered with 403 Forbidden.")
        return self.documents[self.asked[-1][0]]


@pytest.fixture(scope="module")
def documents():
    return replay.documents(now=NOW) | funds.documents(now=NOW)


def read(documents, **request):
    host = Served(documents)
    jobs = finra.jobs(Request(**{"now": NOW, **request}))
    return {job.name.split()[1]: job.run(host) for job in jobs}, host


def parsed(*lines, small="ABCD", large="XY", day=DAY):
    members = {"small": frozenset(small), "large": frozenset(large)}
    rows = finra.parse(replay.document([*lines], day), day, members)
    return rows.set_index("series")["value"].to_dict()


# Symbol, short now, short before, mark of a split, daily volume.
LARGE = [("X", 10, 10, "", 10), ("Y", 10, 10, "", 10)]


def test_days_to_cover_are_the_median_of_members_by_their_quantities():
    found = parsed(
        ("A", 300, 100, "", 100), ("B", 50, 100, "", 100), ("C", 800, 100, "", 100),
        ("OTC", 9999, 1, "", 1), *LARGE,
    )  # fmt: skip
    # 3, 0.5 and 8; the file itself says 1 where there is less than a day.
    assert found["short_days_small"] == 3.0
    assert found["short_coverage_small"] == 0.75
    assert found["short_days_large"] == 1.0
    assert found["short_coverage_large"] == 1.0


def test_the_change_is_of_sums_without_the_lines_that_were_split():
    found = parsed(
        ("A", 300, 100, "", 100), ("B", 100, 100, "", 100), ("C", 8000, 100, "S", 100), *LARGE
    )
    assert_allclose(found["short_change_small"], math.log(400 / 200))
    assert found["short_change_large"] == 0.0
    assert found["short_days_small"] == 3.0  # the split stock counts: both are of one day


def test_a_line_without_volume_or_without_the_number_before_counts_where_it_can():
    found = parsed(
        ("A", 300, 100, "", 0), ("B", 100, "", "", 100), ("C", 30, 10, "", ""), *LARGE
    )  # fmt: skip
    assert found["short_days_small"] == 1.0  # of B alone
    assert_allclose(found["short_change_small"], math.log(330 / 110))  # of A and C
    assert found["short_coverage_small"] == 0.75


def test_what_cannot_be_divided_is_missing_and_not_zero():
    found = parsed(("A", 5, 0, "", 0), ("B", 5, 0, "", 0), *LARGE)
    assert "short_days_small" not in found
    assert "short_change_small" not in found
    assert found["short_coverage_small"] == 0.5


def test_a_symbol_that_stands_twice_is_not_told():
    found = parsed(
        ("A", 300, 100, "", 100), ("B", 1, 1, "", 1), ("B", 2, 1, "", 1), ("C", 1, 1, "", 1),
        *LARGE,
    )  # fmt: skip
    assert found["short_coverage_small"] == 0.5


def test_every_settlement_day_of_twelve_months_comes_with_every_series(documents):
    found, host = read(documents)
    assert [min(found), max(found)] == ["2023-06-15", "2024-05-15"]  # 31 May comes in June
    assert len(found) == 23
    for day, rows in found.items():
        assert list(rows.columns) == COLUMNS
        assert set(rows["series"]) == {one.id for one in SERIES}
        assert set(rows["period"]) == {pd.Timestamp(day)}
    newest = found["2024-05-15"]
    assert set(newest["known_at"]) == {KNOWN}
    assert set(newest.set_index("series").loc[["short_coverage_small"], "value"]) == {1.0}
    # One file a day, and the members of both funds only once.
    assert len(host.asked) == 23 + 2
    assert host.asked[0] == ("cdn.finra.org/equity/otcmarket/biweekly/shrt20230615.csv", "csv")


def test_numbers_come_back_as_the_file_has_them(documents):
    found, _ = read(documents, newest={SERIES[0].id: pd.Timestamp("2024-04-30")})
    told = replay.lines(DAY)
    small = [one for one in told if one[0] == "MOGA" or one[0].startswith("QZ")]
    values = found["2024-05-15"].set_index("series")["value"]
    assert_allclose(values["short_days_small"], np.median([one[1] / one[4] for one in small]))
    ratio = sum(one[1] for one in small) / sum(one[2] for one in small)
    assert_allclose(values["short_change_small"], math.log(ratio))


def test_only_days_after_the_newest_stored_are_asked_for_unless_a_day_is_given(documents):
    stored = {one.id: pd.Timestamp("2024-04-15") for one in SERIES}
    assert list(read(documents, newest=stored)[0]) == ["2024-04-30", "2024-05-15"]
    assert read(documents, newest=dict.fromkeys(stored, DAY))[1].asked == []
    since = pd.Timestamp("2024-03-20")
    found, _ = read(documents, newest=dict.fromkeys(stored, DAY), since=since)
    assert list(found) == ["2024-03-28", "2024-04-15", "2024-04-30", "2024-05-15"]
    long_ago = finra.due(Request(now=NOW, since=pd.Timestamp("2010-01-01")))
    assert long_ago[0] == pd.Timestamp("2021-06-15")


@pytest.mark.parametrize(("minutes", "newest"), [(-1, "2024-04-30"), (0, "2024-05-15")])
def test_a_day_is_asked_for_from_the_close_of_the_eighth_session_on(minutes, newest):
    now = KNOWN + pd.Timedelta(minutes=minutes)
    assert finra.due(Request(now=now))[-1] == pd.Timestamp(newest)


def test_settlement_is_on_the_15th_and_the_last_day_or_the_session_before():
    found = settlement_days(pd.Timestamp("2024-02-16"), pd.Timestamp("2024-06-16"))
    assert [f"{day:%m-%d}" for day in found] == [
        "02-29", "03-15", "03-28", "04-15", "04-30", "05-15", "05-31", "06-14",
    ]  # fmt: skip
    long = settlement_days(pd.Timestamp("2000-01-01"), pd.Timestamp("2025-12-31"))
    assert len(long) == 26 * 24
    assert long.isin(trading_days(long[0], long[-1])).all()
    assert long.is_monotonic_increasing


# What is not there, and what cannot be right -----------------------------------------------


def without(documents, day):
    return {key: content for key, content in documents.items() if key != replay.key(day)}


def test_a_file_that_is_late_brings_nothing_and_is_no_error_for_a_week(documents):
    absent = without(documents, DAY)
    found, host = read(absent, newest={SERIES[0].id: pd.Timestamp("2024-04-30")})
    assert list(found) == ["2024-05-15"]
    assert found["2024-05-15"].empty
    assert len(host.asked) == 1  # and nobody asks for members
    with pytest.raises(SourceError, match=r"403 Forbidden.*--since 2024-05-15` asks for this day"):
        read(absent, now=KNOWN + pd.Timedelta(days=7), since=DAY)


def test_an_older_file_that_is_not_there_is_an_error_of_its_own_day(documents):
    host = Served(without(documents, pd.Timestamp("2024-04-15")))
    failed = []
    for job in finra.jobs(Request(now=NOW, since=pd.Timestamp("2024-04-01"))):
        try:
            assert len(job.run(host)) == len(SERIES)
        except SourceError:
            failed.append(job.name)
    assert failed == ["FINRA 2024-04-15"]


def test_a_host_that_nobody_reaches_is_no_late_file(documents):
    host = Served(without(documents, DAY), UnreachedError)
    with pytest.raises(UnreachedError):
        finra.jobs(Request(now=NOW))[-1].run(host)


def test_without_its_members_no_day_is_read_and_the_fund_is_asked_for_once(documents):
    iwm = funds.key("IWM")
    host = Served({key: content for key, content in documents.items() if key != iwm})
    for job in finra.jobs(Request(now=NOW))[:3]:
        with pytest.raises(SourceError, match=r"latest-holdings\.csv was answered with 403"):
            job.run(host)
    assert [key for key, _ in host.asked].count(iwm) == 1


def odd(old, new):
    document = replay.document([("A", 300, 100, "", 100), *LARGE], DAY)
    assert old in document
    return document.replace(old, new, 1)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (odd(b"symbolCode", b"symbol"), "line 1: needed one column symbolCode, found 'acc"),
        (odd(b"|stockSplitFlag", b"|splitFlag"), "line 1: needed one column stockSplitFlag"),
        (odd(b"settlementDate", b"day"), "line 1: needed one column settlementDate"),
        (b"\n<!DOCTYPE html><html>Accept</html>", "needed one column symbolCode, found a web"),
        (b"", "line 1: needed one column symbolCode, found ''"),
        (odd(b"2024-05-15\n", b"2024-04-30\n"), "line 2: needed the settlement day, found '2024"),
        (odd(b"|300|", b"|n.a.|"), "line 2: needed a number of shares, found 'n.a.'"),
        (odd(b"|300|", b"|-300|"), "line 2: needed a number of shares, found '-300'"),
        (odd(b"|300|", b"|nan|"), "line 2: needed a number of shares, found 'nan'"),
        (odd(b"|300|", b"|1e308|"), "line 2: needed a number of shares, found '1e308'"),
        (odd(b"|300|", b"|"), "line 2: needed 14 cells, found"),
        (odd(b"|X|", b"|V|"), "needed 50% of the members or more, found 0 of 1"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused_in_words_that_say_where(document, words):
    members = {"small": frozenset({"A"}), "large": frozenset({"X"})}
    with pytest.raises(SourceError, match=re.escape(words)) as caught:
        finra.parse(document, DAY, members)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("Short interest of 2024-05-15, ")


@pytest.mark.parametrize("kept", [0.001, 0.05, 0.3, 0.45])
def test_a_file_cut_short_is_refused(documents, kept):
    document = documents[replay.key(DAY)]
    members = finra.Members(NOW)(Served(documents))
    with pytest.raises(SourceError, match="Short interest of 2024-05-15"):
        finra.parse(document[: int(kept * len(document))], DAY, members)


def test_a_date_without_signs_and_lines_of_windows_are_read():
    document = odd(b"2024-05-15\n", b"20240515\r\n")
    rows = finra.parse(document, DAY, {"small": frozenset("A"), "large": frozenset("XY")})
    assert len(rows) == len(SERIES)


# Through the network, with the issuers of the funds ---------------------------------------

SOURCES = ("holdings", "finra")
SINCE = pd.Timestamp("2024-04-20")  # two settlement days
HURRY = Patience(total=1.5, connect=1.0, read=0.6, longest=2.0, tries=2, first_wait=0.05)


@pytest.fixture
def served(documents):
    with ReplayServer(documents) as server:
        yield server


def brought(server, home, now=NOW, **options):
    """Reports of one fetch, and what is stored then."""
    store = ObservationStore(home / "observations.db")

    def client(_source):
        return HttpClient(
            Archive(home / "raw"), limits={}, default_limit=math.inf, user_agent="test",
            mirror=server.url, patience=HURRY,
        )  # fmt: skip

    reports = fetch_live([LIVE[name] for name in SOURCES], store, client, now=now, **options)
    found = {report.source: report for report in reports}
    return found, store.read()


def test_a_fetch_stores_every_value_and_the_next_asks_only_for_what_may_be_new(served, tmp_path):
    reports, rows = brought(served, tmp_path, since=SINCE)
    for report in reports.values():
        assert report.errors == []
        assert report.doubtful.empty
        assert report.added == report.seen > 0
    assert len(rows) == 2 * len(SERIES) + 7
    asked = len(served.requests)
    reports, again = brought(served, tmp_path, NOW + pd.Timedelta(hours=1))
    assert [report.added for report in reports.values()] == [0, 0]
    assert {one.status for one in served.requests[asked:]} == {304}  # four funds
    assert len(served.requests) == asked + 4
    pd.testing.assert_frame_equal(again, rows)


def test_half_a_month_later_each_source_adds_what_came_since(served, tmp_path):
    brought(served, tmp_path, since=SINCE)
    later = pd.Timestamp("2024-06-13 23:00", tz="UTC")
    served.documents = replay.documents(now=later) | funds.documents(now=later)
    reports, rows = brought(served, tmp_path, later)
    assert [report.errors for report in reports.values()] == [[], []]
    new = rows[rows["known_at"] > NOW]
    assert set(new.groupby("source", observed=True)["period"].max()) == {
        pd.Timestamp("2024-06-12"), pd.Timestamp("2024-05-31"),
    }  # fmt: skip
    assert reports["finra"].added == len(SERIES)
    assert reports["holdings"].added == 7


PAGE = Fault.html()
HALF = Fault.truncated(0.5)
OEF = funds.key("OEF")


@pytest.mark.parametrize(
    ("key", "fault", "words"),
    [
        (OEF, PAGE, "a web page came instead of a table"),
        (OEF, HALF, "The holdings file of OEF should have"),
        (OEF, Fault.renamed_column(b"Weight (%)", b"Share"), "a column Weight (%)"),
        (OEF, Fault.not_found(), "404 Not Found"),
        (OEF, Fault.too_many(after=30), "429 Too Many Requests"),
        (funds.SPDR_KEY, PAGE, "a web page came instead of a workbook"),
        (funds.SPDR_KEY, HALF, "should have a whole workbook"),
        (replay.key(pd.Timestamp("2024-04-30")), PAGE, "a web page came instead of a table"),
        (replay.key(pd.Timestamp("2024-04-30")), HALF, "needed 14 cells"),
    ],
    ids=lambda one: getattr(one, "name", None) or str(one)[-16:],
)
def test_a_misbehaviour_costs_its_own_document_and_is_told_once(
    served, tmp_path, key, fault, words
):
    if key == funds.SPDR_KEY:  # of which all short interest needs the members
        served.documents = {
            name: content for name, content in served.documents.items() if "finra" not in name
        }
    served.misbehave(key, fault)
    reports, rows = brought(served, tmp_path, since=SINCE)
    source = "finra" if "finra" in key else "holdings"
    told = [line for line in reports[source].errors if words in line]
    assert len(told) == 1, reports[source].errors
    assert len(told[0]) > 60
    lost = len(SERIES) if source == "finra" else 4 if key == funds.SPDR_KEY else 1
    left = 0 if key == funds.SPDR_KEY else 2 * len(SERIES)
    assert len(rows) == left + 7 - lost


# Between two settlement days ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "newest", "state"),
    [
        ("0h", DAY, "fresh"),
        ("17h", pd.Timestamp("2024-04-30"), "fresh"),  # there may be a night between
        ("19h", pd.Timestamp("2024-04-30"), "late"),
        ("19h", pd.Timestamp("2024-04-10"), "missing"),
        ("13D", DAY, "fresh"),  # 31 May is due on 12 June
        ("16D", DAY, "late"),
    ],
)
def test_a_settlement_day_is_due_the_morning_after_it_was_known(late, newest, state):
    row = freshness({SERIES[0].id: newest}, KNOWN + pd.Timedelta(late)).iloc[0]
    assert row["state"] == state


def test_settlement_days_in_a_row_have_no_gaps_and_a_lost_one_is_one():
    days = settlement_days(pd.Timestamp("2021-06-15"), pd.Timestamp("2026-06-30"))
    numbers = days.to_numpy().astype("datetime64[D]").astype(int)
    assert gaps_of(SERIES[0].id, numbers) == (0, 0)
    assert gaps_of(SERIES[0].id, np.delete(numbers, 7)) == (1, 1)
