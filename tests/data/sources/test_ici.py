"""Weekly fund flows, as the workbook of the ICI tells them."""

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from replay import ici as replay
from replay.faults import Fault
from replay.server import ReplayServer

from regime.data import catalog
from regime.data.calendar import session_closes
from regime.data.declared.ici import FLOWS
from regime.data.fetching import fetch_live
from regime.data.network.archive import Archive
from regime.data.network.exchange import Patience
from regime.data.network.http import HttpClient
from regime.data.sources import files, ici
from regime.data.sources.live import Request
from regime.data.store import ObservationStore
from regime.exceptions import SourceError, UnreachedError

NOW = pd.Timestamp("2024-06-14 22:00", tz="UTC")
WEEKS = pd.date_range("2024-05-08", "2024-06-05", freq="W-WED")
HURRY = Patience(
    total=2.5, connect=1.0, read=0.6, longest=2.0, slowest=1000.0, tries=2, first_wait=0.05
)
KEY = f"www.ici.org{replay.PATH.format(2024)}"

# Rows of the sheet: of the header, of the line above the weeks, of the first week.
TOP, LINE, WEEK = replay.TOP, 11, 12


@pytest.fixture(scope="module")
def cells():
    return dict(replay.cells(replay.flows(WEEKS)))


def parsed(cells, now=NOW, sheet=ici.SHEET):
    return ici.parse(replay.workbook(cells, sheet), now=now)


def values(rows, name):
    return rows[rows["series"] == name].set_index("period")["value"]


def hand_made(*weeks):
    """The sheet with the given weeks: day, domestic, world, hybrid, taxable, municipal, gold."""
    table = pd.DataFrame(
        [(a + b + c + d + e + f, a + b, a, b, c, d + e, d, e, f) for _, a, b, c, d, e, f in weeks],
        pd.DatetimeIndex([day for day, *_ in weeks]),
        list(replay.COLUMNS),
    )
    return replay.cells(table)


def test_flows_are_read_as_printed_by_the_words_above_them():
    read = parsed(
        hand_made(
            ("2024-05-29", -1575, -640, -1529, 19000, 471, -87),
            ("2024-06-05", 10, 20, 30, 40, 50, 60),
        )
    )
    # -1575 - 640 = -2215; 19000 + 471 = 19471; -2215 - 1529 + 19471 - 87 = 15640.
    expected = {
        "ici_total_flow": [15640, 210], "ici_equity_flow": [-2215, 30],
        "ici_domestic_equity_flow": [-1575, 10], "ici_world_equity_flow": [-640, 20],
        "ici_bond_flow": [19471, 90], "ici_commodity_flow": [-87, 60],
    }  # fmt: skip
    assert set(read["series"]) == set(expected) == set(FLOWS)
    for name, flows in expected.items():
        assert values(read, name).tolist() == flows
        assert [*values(read, name).index] == [
            pd.Timestamp("2024-05-31"), pd.Timestamp("2024-06-07"),
        ]  # fmt: skip


def test_months_and_notes_are_not_read_as_weeks(cells):
    assert len(values(parsed(cells), "ici_equity_flow")) == len(WEEKS)
    assert 1e5 not in set(parsed(cells)["value"])


@pytest.mark.parametrize(
    "change",
    [
        {(WEEK, 0): pd.Timestamp("2024-05-08")},
        {(WEEK, 0): "05/08/2024 "},
        {(WEEK, 0): "5/8/2024"},
        {(TOP, 0): " DATE", (TOP, 9): "Hybrid "},
        {(TOP + 1, 3): "Total equity", (TOP + 1, 7): "World equity"},
        {(TOP, 5): "Equity"},
        {(LINE, 0): "ESTIMATED  Weekly Fund Flows"},
        {(WEEK, 1): -1, (WEEK, 3): 0, (WEEK, 5): 2, (WEEK, 7): -3, (WEEK, 9): 0, (WEEK, 11): 0,
         (WEEK, 17): 0},
    ],
    ids=["a date", "a blank", "short", "case", "longer", "repeated", "shouted", "rounded"],
)  # fmt: skip
def test_spelling_dates_and_rounding_do_not_matter(cells, change):
    read = parsed(cells | change)
    assert len(read) == len(FLOWS) * len(WEEKS)
    assert read["period"].min() == pd.Timestamp("2024-05-10")


def test_a_header_of_three_rows_is_read_too(cells):
    moved = {(row + (row == TOP + 1), column): value for (row, column), value in cells.items()}
    pd.testing.assert_frame_equal(parsed(moved), parsed(cells))


@pytest.mark.parametrize(
    ("day", "released", "used"),
    [
        ("2024-05-29", "2024-06-05 16:30", "2024-06-07"),  # on a Wednesday
        ("2023-12-20", "2023-12-28 16:30", "2023-12-29"),  # a day late, after Christmas
    ],
)
def test_no_flow_is_used_before_it_was_out(day, released, used):
    read = parsed(hand_made((day, 1, 2, 3, 4, 5, 6)))
    known = read["known_at"].unique()[0]
    assert known > pd.Timestamp(released, tz="America/New_York")
    closes = session_closes(pd.Timestamp("2024-12-31"))
    assert closes.index[closes.searchsorted(known)] == pd.Timestamp(used)


# What is wrong is named -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({(TOP, 0): "Week"}, "have a header that begins with Date; found none in"),
        ({(LINE, 0): "Weekly"}, "line 'estimated weekly fund flows' above the weeks; found none"),
        ({(LINE + 1, 0): "n.a."}, "have a row a week below its line; found none"),
        ({(TOP, 17): "Gold"}, "one column 'commodity' for ici_commodity_flow; found 0 among bond"),
        ({(TOP + 1, 5): "US"}, "'equity domestic' for ici_domestic_equity_flow; found 0"),
        ({(TOP + 1, 9): "Domestic", (TOP, 9): "Equity"}, "'equity domestic' for"),
        ({(TOP + 1, 13): "Total"}, "one column 'bond total' for ici_bond_flow; found 2 among"),
        ({(WEEK, 3): "n.a."}, "number for ici_equity_flow, week to 2024-05-08; found 'n.a.'"),
        ({(WEEK, 3): ""}, "number for ici_equity_flow, week to 2024-05-08; found ''"),
        ({(WEEK, 17): True}, "number for ici_commodity_flow, week to 2024-05-08; found 'True'"),
        ({(WEEK, 9): 9e5}, "have ici_total_flow as the sum of ici_equity_flow, hybrid"),
        ({(WEEK, 7): 9e5}, "have ici_equity_flow as the sum of ici_domestic_equity_flow"),
        ({(WEEK + 2, 0): "05/15/2024"}, "weeks once and in order; found 2024-05-15 after"),
        ({(WEEK + 2, 0): "05/16/2024"}, "one value a week, Sunday to Saturday, but has one of"),
        ({(WEEK + 2, 0): "13/22/2024"}, "have a date before each week; found '13/22/2024'"),
        ({(WEEK + 4, 0): "06/19/2024"}, "weeks up to now; found one to 2024-06-19"),
    ],
)  # fmt: skip
def test_an_odd_workbook_is_refused_in_words_that_say_where(cells, changes, words):
    if "05/16" in str(changes):  # later than the week before it, but of the same one
        changes = changes | {(WEEK + 1, 0): "05/15/2024"}
    with pytest.raises(SourceError) as error:
        parsed(cells | changes)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_such_workbook_is_refused(cells):
    with pytest.raises(SourceError, match="have a sheet Weekly MF & ETF Public Report; found Data"):
        parsed(cells, sheet="Data")
    whole = replay.workbook(cells)
    for share in (0.0, 0.01, 0.3, 0.6):
        with pytest.raises(SourceError, match=r"combined_flows_data.xls should be an? (Exc|who)"):
            ici.parse(whole[: int(share * len(whole))], now=NOW)


@pytest.mark.parametrize("times", [10, pytest.param(60, marks=pytest.mark.long)])
def test_bytes_changed_at_random_are_read_or_refused_but_end_nothing(cells, times):
    document, random = replay.workbook(cells), np.random.default_rng(97)
    for _ in range(times):
        broken = bytearray(document)
        for place in random.integers(8, len(document), 20):
            broken[place] = random.integers(256)
        try:
            ici.parse(bytes(broken), now=NOW)
        except SourceError as error:
            assert "\n" not in str(error)  # noqa: PT017


# Which workbook is asked for ------------------------------------------------------------


class Served:
    def __init__(self, documents, error=SourceError):
        self.documents, self.error, self.asked = documents, error, []

    def get(self, url, *, kind, params=None, headers=None):
        assert kind == "workbook"
        self.asked.append(url[-8:-4])
        if url not in self.documents:
            raise self.error(f"{url} cannot be had.")
        return self.documents[url]


def run(host, now, since=None):
    (job,) = ici.SOURCE.jobs(Request(now=pd.Timestamp(now, tz="UTC"), since=since))
    return job.run(host)


def test_in_january_the_workbook_of_the_year_before_stands_in(cells):
    older = Served({ici.ADDRESS.format(2024): replay.workbook(cells)})
    assert len(run(older, "2025-01-03 15:00")) == len(FLOWS) * len(WEEKS)
    assert older.asked == ["2025", "2024"]
    with pytest.raises(SourceError, match=r"data_2025\.xls cannot be had"):
        run(older, "2025-02-03 15:00")
    assert older.asked[2:] == ["2025"]
    with pytest.raises(SourceError, match=r"data_2025\.xls cannot .*; and .*data_2024\.xls cannot"):
        run(Served({}), "2025-01-03 15:00")


def test_where_nobody_answers_no_other_year_is_asked_for():
    nobody = Served({}, UnreachedError)
    with pytest.raises(UnreachedError):
        run(nobody, "2025-01-03 15:00")
    assert nobody.asked == ["2025"]


def test_weeks_before_since_are_left_out(cells):
    host = Served({ici.ADDRESS.format(2024): replay.workbook(cells)})
    read = run(host, "2024-06-14", since=pd.Timestamp("2024-05-31"))
    assert sorted(read["period"].dt.day.unique()) == [7, 31]


# Against a server -----------------------------------------------------------------------


@pytest.fixture
def served():
    with ReplayServer({}) as server:
        serve(server, "2024-06-06 02:00")
        yield server


def serve(server, now):
    """The ICI at that moment (UTC)."""
    pages = replay.documents(now=pd.Timestamp(now, tz="UTC"))
    server.documents = {f"www.ici.org{path}": page for path, page in pages.items()}


def fetch(server, home, now):
    archive = Archive(home / "raw")

    def client(_source):
        return HttpClient(
            archive, limits={}, default_limit=math.inf, user_agent="test", mirror=server.url,
            patience=HURRY,
        )  # fmt: skip

    store = ObservationStore(home / "observations.db")
    (report,) = fetch_live([ici.SOURCE], store, client, now=pd.Timestamp(now, tz="UTC"))
    return report, store


def test_weeks_add_up_to_a_history_and_a_changed_one_is_a_revision(served, tmp_path):
    first, store = fetch(served, tmp_path, "2024-06-06 12:00")
    assert (first.errors, first.added) == ([], len(FLOWS) * replay.SHOWN)
    assert fetch(served, tmp_path, "2024-06-06 13:00")[0].added == 0
    serve(served, "2024-06-20 02:00")  # two weeks on: the two oldest are shown no more
    report, _ = fetch(served, tmp_path, "2024-06-20 12:00")
    assert (report.errors, report.added) == ([], 2 * len(FLOWS))
    rows = store.read(series=["ici_equity_flow"])
    assert len(rows) == replay.SHOWN + 2
    weeks = pd.date_range("2007-01-03", "2024-06-12", freq="W-WED")
    expected = replay.flows(weeks)["ici_equity_flow"].iloc[-len(rows) :]
    assert_allclose(rows["value"], expected)

    (key,) = served.documents
    table = replay.flows(weeks).iloc[-replay.SHOWN :]
    revised = table + 100.0 * (table.index == "2024-05-22")[:, None] * [2, 1, 1, 0, 1, 0, 0, 0, 0]
    served.documents = {key: replay.workbook(replay.cells(revised))}
    report, _ = fetch(served, tmp_path, "2024-06-21 12:00")
    assert (report.errors, report.added) == ([], 3)
    told = store.read(series=["ici_equity_flow"]).set_index("period").loc["2024-05-24"]
    assert told["value"].diff().iloc[-1] == 100
    assert told["known_at"].iloc[-1] >= pd.Timestamp("2024-06-21 12:00", tz="UTC")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.not_found(), "404"),
        (Fault.html(), "web page"),
        (Fault.truncated(), "whole workbook"),
        (Fault.wrong_length(), "ended before the whole of it"),
        (Fault.content(lambda _: b"Date,Total\n"), "is not a workbook"),
    ],
    ids=lambda one: getattr(one, "name", None),
)
def test_a_bad_answer_is_one_line_and_stores_nothing(served, tmp_path, fault, words):
    served.misbehave(KEY, fault)
    report, store = fetch(served, tmp_path, "2024-06-06 12:00")
    (line,) = report.errors
    assert line.startswith("ici combined_flows_data.xls: ")
    assert words in line
    assert store.is_empty()


# What only a user's file brings ---------------------------------------------------------


def test_a_table_of_the_user_brings_older_weeks_and_net_assets(tmp_path):
    (tmp_path / "ici_weekly.csv").write_text(
        "date,ici_equity_flow\n2013-01-09,7500\n2013-01-16,-40\n"
    )
    (tmp_path / "ici_monthly.csv").write_text(
        "date,ici_equity_assets,ici_bond_assets\n2012-12-31,5900000,3400000\n"
    )
    read = files.fetch(tmp_path, required=[]).observations
    assert values(read, "ici_equity_flow").tolist() == [7500, -40]
    assert values(read, "ici_equity_assets").tolist() == [5_900_000]
    assert values(read, "ici_bond_assets").index[0] == pd.Timestamp("2012-12-31")


def test_no_model_sees_a_flow_and_flows_may_be_negative():
    for name in (*FLOWS, "ici_equity_assets", "ici_bond_assets"):
        series = catalog.get(name)
        assert not series.modelled
        assert (series.lowest < 0) == (name in FLOWS)
