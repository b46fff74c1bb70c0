"""Every publisher replayed on this machine: what is fetched, and what goes wrong on the way."""

import json
import math
import shutil
from collections.abc import Callable
from functools import cache

import pandas as pd
import pytest
from replay import market, yahoo
from replay.faults import Fault
from replay.server import ReplayServer, no_tls

from regime.data.as_of import panel_as_of
from regime.data.calendar import last_closed_session
from regime.data.fetching import Report, fetch_live
from regime.data.network.archive import Archive
from regime.data.network.exchange import Patience
from regime.data.network.http import HttpClient
from regime.data.panel import digest
from regime.data.sources.directory import LIVE
from regime.data.store import ObservationStore

FIRST = "2023-06-01"
MONDAY = pd.Timestamp("2024-06-03 23:00", tz="UTC")
TUESDAY = MONDAY + pd.Timedelta(days=1)
LATE_TUESDAY = TUESDAY + pd.Timedelta(hours=1)  # when every answer of Tuesday was there
KEYS = {"REGIME_USER_AGENT": "a test, test@example.org"}
HURRY = Patience(
    total=2.5, connect=1.0, read=0.6, longest=2.0, slowest=1000.0, tries=2, first_wait=0.05
)


@cache
def of_a_moment(now):
    return market.documents(now, first=FIRST)


def documents(now):
    return dict(of_a_moment(now))


@pytest.fixture(scope="module", autouse=True)
def few_funds():
    with yahoo.few_funds():
        yield


@pytest.fixture(scope="module")
def served():
    """One server for all tests of this file; each says what it serves."""
    with ReplayServer(documents(MONDAY)) as server:
        yield server


@pytest.fixture(scope="module")
def filled(served, tmp_path_factory):
    """A home after one live fetch on Monday evening, and its reports."""
    home = tmp_path_factory.mktemp("filled")
    reports = fetch(served, home, MONDAY)
    return home, reports


@pytest.fixture
def home(filled, served, tmp_path):
    """A copy of it; the publishers have gone on to Tuesday evening."""
    shutil.copytree(filled[0], tmp_path / "home")
    served.behave()
    served.documents = documents(TUESDAY)
    yield tmp_path / "home"
    served.behave()


def fetch(server, home, now, sources=LIVE, mirror=None, **options) -> dict[str, Report]:
    archive = Archive(home / "raw")

    def client(_source):
        return HttpClient(
            archive, limits={}, default_limit=math.inf, user_agent="test",
            mirror=mirror or server.url, patience=HURRY,
        )  # fmt: skip

    reports = fetch_live(
        [LIVE[name] for name in sources], store_of(home), client, now=now, keys=KEYS, **options
    )
    return {report.source: report for report in reports}


def store_of(home) -> ObservationStore:
    return ObservationStore(home / "observations.db")


def cells(rows: pd.DataFrame) -> dict:
    newest = rows.drop_duplicates(["series", "period"], keep="last")
    return newest.set_index(["series", "period"])["value"].to_dict()


def test_a_live_fetch_fills_the_store_from_nothing_with_todays_values(filled):
    home, reports = filled
    assert set(reports) == set(LIVE)
    for report in reports.values():
        assert report.errors == []
        assert report.doubtful.empty
        assert report.added == report.seen > 0
    panel = panel_as_of(store_of(home), MONDAY)
    assert panel.index[-1] == last_closed_session(MONDAY) == pd.Timestamp("2024-06-03")
    assert panel.iloc[-1].notna().all()


def test_a_second_fetch_adds_no_rows_and_asks_for_no_unchanged_document_again(
    filled, served, tmp_path
):
    home = tmp_path / "home"
    shutil.copytree(filled[0], home)
    served.behave()
    served.documents = documents(MONDAY)
    before, asked = store_of(home).read(), len(served.requests)
    reports = fetch(served, home, MONDAY + pd.Timedelta(hours=1))
    assert [report.added for report in reports.values()] == [0] * len(LIVE)
    assert {request.status for request in served.requests[asked:]} == {304}
    pd.testing.assert_frame_equal(store_of(home).read(), before)


def test_a_later_fetch_adds_only_what_is_new_or_revised(home, served):
    served.misbehave(
        "fred.stlouisfed.org/graph/fredgraph.csv?id=DGS10",
        Fault.revised(lambda content: content.replace(b"2024-05-15,", b"2024-05-15,9", 1)),
    )
    before = cells(store_of(home).read())
    reports = fetch(served, home, TUESDAY)
    assert not any(report.errors for report in reports.values())
    rows = store_of(home).read()
    new = rows[[key not in before for key in zip(rows["series"], rows["period"], strict=True)]]
    assert sum(report.added for report in reports.values()) == len(rows) - len(before)
    assert {"SPY_close", "DGS2", "hi_10"} <= set(new["series"])
    assert new["period"].min() > pd.Timestamp("2024-04-01")
    assert len(rows) - len(before) - len(new) <= 1  # the revision, unless it was doubted
    doubted = reports["fred"].doubtful
    assert len(rows) - len(before) - len(new) + len(doubted) == 1
    panel = panel_as_of(store_of(home), LATE_TUESDAY)
    assert panel.index[-1] == pd.Timestamp("2024-06-04")


def test_a_dry_run_counts_and_stores_nothing(home, served):
    before = store_of(home).read()
    told = fetch(served, home, TUESDAY, sources=["yahoo", "fred"], dry_run=True)
    pd.testing.assert_frame_equal(store_of(home).read(), before)
    done = fetch(served, home, TUESDAY, sources=["yahoo", "fred"])
    assert {name: report.added for name, report in told.items()} == {
        name: report.added for name, report in done.items()
    }


def test_since_leaves_older_periods_alone(home, served):
    reports = fetch(
        served, home, TUESDAY, sources=["yahoo", "fred"], since=pd.Timestamp("2024-06-04")
    )
    assert [line for report in reports.values() for line in report.errors] == []
    assert 0 < reports["yahoo"].seen < 50
    assert reports["yahoo"].added == len(
        [1 for name in store_of(home).read(since=pd.Timestamp("2024-06-04"))["series"]
         if str(name).endswith("_close")]
    )  # fmt: skip


YAHOO, FRED = "query1.finance.yahoo.com/v8/finance/chart/", "fred.stlouisfed.org/"
FRENCH = "mba.tuck.dartmouth.edu/pages/faculty/ken.french/ftp/"
ONE_YIELD, ONE_FUND = f"{FRED}graph/fredgraph.csv?id=DGS10", f"{YAHOO}RSP?"
ONE_ZIP = f"{FRENCH}Portfolios_Formed_on_ME_Daily_CSV.zip"
MISBEHAVIOURS: dict[str, tuple[str, Callable[[], Fault], str, str, list[str]]] = {
    # what is asked, how it misbehaves, whose line it is, its words, series it costs
    "429": (ONE_YIELD, lambda: Fault.too_many(3600), "fred", "429", ["DGS10"]),
    "503": (ONE_FUND, lambda: Fault.unavailable(3600), "yahoo", "503", ["RSP_close"]),
    "reset half-way": (ONE_YIELD, Fault.reset, "fred", "", ["DGS10"]),
    "truncated zip": (ONE_ZIP, Fault.truncated, "french", "", ["hi_10", "qnt_2"]),
    "zip bomb": (ONE_ZIP, Fault.zip_bomb, "french", "", ["hi_10", "qnt_2"]),
    "gzip bomb": (ONE_YIELD, Fault.gzip_bomb, "fred", "", ["DGS10"]),
    "a web page for a table": (ONE_YIELD, Fault.html, "fred", "web page", ["DGS10"]),
    "a web page for JSON": (ONE_FUND, Fault.html, "yahoo", "web page", ["RSP_close"]),
    "wrong length": (ONE_FUND, Fault.wrong_length, "yahoo", "", ["RSP_close"]),
    "truncated table": (ONE_YIELD, Fault.truncated, "fred", "DGS10", ["DGS10"]),
    "truncated JSON": (ONE_FUND, Fault.truncated, "yahoo", "RSP", ["RSP_close"]),
    "renamed column": (
        ONE_YIELD, lambda: Fault.renamed_column(b"DGS10", b"YIELD"), "fred", "YIELD", ["DGS10"],
    ),
    "shrinking series": (
        ONE_YIELD,
        lambda: Fault.shrinking(lambda content: b"\n".join(content.split(b"\n")[:-30]) + b"\n"),
        "fred", "DGS10", ["DGS10"],
    ),
    "shrinking beginning": (
        ONE_YIELD,
        lambda: Fault.shrinking(
            lambda content: b"\n".join([content.split(b"\n")[0], *content.split(b"\n")[50:]])
        ),
        "fred", "DGS10: it now begins on", ["DGS10"],
    ),
    "slow drip": (ONE_YIELD, Fault.slow_drip, "fred", "", ["DGS10"]),
    "clock skew": (FRED, lambda: Fault.clock_skew(86_400), "fred", "clock", ["DGS10", "DGS2"]),
    "not found": (ONE_FUND, Fault.not_found, "yahoo", "404", ["RSP_close"]),
    "redirect loop": (ONE_FUND, Fault.redirect_loop, "yahoo", "", ["RSP_close"]),
}  # fmt: skip


# What fails before a document is read fails alike, and data/network/http tells them all apart.
ON_THE_WAY = {
    "503", "reset half-way", "zip bomb", "gzip bomb", "a web page for a table", "wrong length",
    "truncated JSON", "slow drip", "not found", "redirect loop",
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long if name in ON_THE_WAY else ())
        for name in MISBEHAVIOURS
    ],
)
def test_a_misbehaviour_costs_its_own_document_and_nothing_else(home, served, name):
    prefix, fault, source, words, series = MISBEHAVIOURS[name]
    before = store_of(home).read(series=series)
    served.misbehave(prefix, fault())
    other = "fred" if source == "yahoo" else "yahoo"
    reports = fetch(served, home, TUESDAY, sources=[source, other])
    (line, *more) = reports[source].errors
    assert words in line
    assert "Traceback" not in line
    assert "\n" not in line
    assert len(line) > 60  # what was needed, what was found, what to do
    if name != "clock skew":
        assert more == []
    pd.testing.assert_frame_equal(store_of(home).read(series=series), before)
    assert reports[other].errors == []
    assert reports[other].added > 0
    assert panel_as_of(store_of(home), LATE_TUESDAY).index[-1] == pd.Timestamp("2024-06-04")


def test_after_a_cut_document_the_next_fetch_gets_the_whole_one(home, served):
    served.misbehave(ONE_YIELD, Fault.truncated())
    assert fetch(served, home, TUESDAY, sources=["fred"])["fred"].errors
    served.behave()
    report = fetch(served, home, TUESDAY + pd.Timedelta(hours=1), sources=["fred"])["fred"]
    assert report.errors == []
    assert report.added > 0


def edited(change):
    """Yahoo's JSON with something else in it."""

    def of(content):
        chart = json.loads(content)
        change(chart["chart"]["result"][0])
        return json.dumps(chart).encode()

    return Fault.content(of)


def test_a_fund_whose_history_comes_back_halved_is_refused_until_its_split_is_listed(home, served):
    before = store_of(home).read(series=["SPY_close"])

    def halve(result):
        quote = result["indicators"]["quote"][0]
        quote["close"] = [None if close is None else close / 2 for close in quote["close"]]

    served.misbehave(f"{YAHOO}SPY", edited(halve))
    report = fetch(served, home, TUESDAY, sources=["yahoo"])["yahoo"]
    (line,) = report.errors
    assert "SPY_close: half of the stored closes or more came back 0.5 times" in line
    assert report.added > 0
    pd.testing.assert_frame_equal(store_of(home).read(series=["SPY_close"]), before)
    served.behave()
    report = fetch(served, home, TUESDAY + pd.Timedelta(hours=1), sources=["yahoo"])["yahoo"]
    assert report.errors == []
    panel = panel_as_of(store_of(home), TUESDAY + pd.Timedelta(hours=2))
    assert panel["SPY"].iloc[-2:].notna().all()


def test_a_dividend_that_is_not_listed_any_more_is_undone_and_told(home, served):
    before = panel_as_of(store_of(home), MONDAY)

    def withdraw(result):
        paid = result["events"]["dividends"]
        paid.pop(max(paid, key=int))

    served.misbehave(f"{YAHOO}SPY", edited(withdraw))
    report = fetch(served, home, TUESDAY, sources=["yahoo"])["yahoo"]
    (line,) = report.warnings
    assert "SPY_dividend" in line
    assert "not listed any more" in line
    rows = store_of(home).read(series=["SPY_dividend"])
    assert rows["value"].iloc[-1] == 0.0
    assert digest(panel_as_of(store_of(home), MONDAY)) == digest(before)
    assert (
        fetch(served, home, TUESDAY + pd.Timedelta(hours=1), sources=["yahoo"])["yahoo"].warnings
        == []
    )  # told once


def test_a_price_of_an_open_market_never_becomes_a_close(home, served):
    noon = pd.Timestamp("2024-06-04 16:00", tz="UTC")
    served.documents = documents(noon)
    assert fetch(served, home, noon, sources=["yahoo"])["yahoo"].added == 0
    archive = Archive(home / "raw")
    evening = fetch_live(
        [LIVE["yahoo"]],
        store_of(home),
        lambda _: HttpClient(archive, limits={}, user_agent="test", offline=True),
        now=TUESDAY,
        looked=False,
    )
    assert [report.added for report in evening] == [0]


def test_a_fetch_right_after_the_close_does_not_cost_the_day(home, served):
    soon = pd.Timestamp("2024-06-04 20:05", tz="UTC")
    served.documents = documents(soon)
    fetch(served, home, soon, sources=["yahoo"])
    served.documents = documents(TUESDAY)
    fetch(served, home, TUESDAY, sources=["yahoo"])
    panel = panel_as_of(store_of(home), LATE_TUESDAY)
    assert panel.index[-1] == pd.Timestamp("2024-06-04")
    assert panel.loc["2024-06-04", ["SPY", "OEF", "RSP", "IWM"]].notna().all()


@pytest.mark.parametrize("kind", ["no such name", "no TLS", "nobody listens"])
def test_without_a_network_each_source_says_so_in_one_line(home, served, kind):
    before = store_of(home).read()
    if kind == "no TLS":
        with no_tls() as address:
            reports = fetch(served, home, TUESDAY, mirror=address)
    else:
        address = "http://nowhere.invalid/" if kind == "no such name" else "http://127.0.0.1:9/"
        reports = fetch(served, home, TUESDAY, mirror=address)
    assert reports.pop("finra").documents == 0  # no day is due, so nobody is asked
    for report in reports.values():
        assert len(report.errors) == 1
        assert "cannot be reached" in report.errors[0]
        if kind == "no TLS":
            assert "Check the clock and the network" in report.errors[0]
        else:
            assert "--source files" in report.errors[0]
            assert "regime demo" in report.errors[0]
        assert report.added == 0
    pd.testing.assert_frame_equal(store_of(home).read(), before)


def test_documents_can_be_read_once_more_from_the_archive(filled, tmp_path):
    shutil.copytree(filled[0] / "raw", tmp_path / "raw")
    archive = Archive(tmp_path / "raw")
    reports = fetch_live(
        LIVE.values(),
        store_of(tmp_path),
        lambda _: HttpClient(archive, limits={}, user_agent="test", offline=True),
        now=MONDAY,
        keys=KEYS,
        looked=False,
    )
    assert not any(report.errors for report in reports)
    assert cells(store_of(tmp_path).read()) == cells(store_of(filled[0]).read())


def test_the_second_provider_serves_new_days_of_a_fund_the_first_refuses(home, served):
    pytest.importorskip("replay.tiingo")
    from replay import tiingo

    rows = market.observations(FIRST, last_closed_session(TUESDAY))
    host = "api.tiingo.com"
    served.documents |= {
        f"{host}{path}": content for path, content in tiingo.documents(rows, now=TUESDAY).items()
    }
    served.misbehave(YAHOO, Fault.not_found())
    reports = fetch(served, home, TUESDAY, sources=["yahoo"])  # without a key
    assert "REGIME_TIINGO_KEY" in reports["yahoo"].errors[0]
    KEYS["REGIME_TIINGO_KEY"] = "secret-key"
    try:
        report = fetch(served, home, TUESDAY, sources=["yahoo"])["yahoo"]
    finally:
        del KEYS["REGIME_TIINGO_KEY"]
    assert report.errors == []
    rows = store_of(home).read(since=pd.Timestamp("2024-06-04"))
    assert set(rows["source"]) == {"tiingo"}
    assert "SPY_close" in set(rows["series"])
    assert len(store_of(home).read(series=["SPY_close"])["source"].unique()) == 2
