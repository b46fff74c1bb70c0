"""Net positions of classes of traders, as the CFTC's archives tell them."""

import math

import numpy as np
import pandas as pd
import pytest
from replay import cftc as replay
from replay.cftc import Report
from replay.faults import Fault
from replay.server import ReplayServer

from regime.data import catalog
from regime.data.calendar import session_closes
from regime.data.checks.validation import checked
from regime.data.declared.cftc import LATE, SERIES
from regime.data.fetching import fetch_live
from regime.data.network.archive import Archive
from regime.data.network.exchange import Patience
from regime.data.network.http import HttpClient
from regime.data.observations import COLUMNS, gather
from regime.data.sources import cftc
from regime.data.sources.live import Request
from regime.data.store import ObservationStore
from regime.exceptions import SourceError

NOW = pd.Timestamp("2024-06-14 22:00", tz="UTC")  # a Friday, in the evening of New York
TUESDAY = pd.Timestamp("2024-06-04")
HOST = "www.cftc.gov"
HURRY = Patience(
    total=2.5, connect=1.0, read=0.6, longest=2.0, slowest=1000.0, tries=2, first_wait=0.05
)


def week(day=TUESDAY, **others):
    """One report of every contract; of `others` the counts by code, e.g. _209742=(10, 1, 2)."""
    counts = dict.fromkeys(("13874A", "239742", "209742", "1170E1"), (1000, 300, 200))
    counts |= {code.removeprefix("_"): given for code, given in others.items()}
    return [
        Report(code, pd.Timestamp(day), held, (100, 400), (long, short))
        for code, (held, long, short) in counts.items()
    ]


def parsed(told, archive="fut_fin_txt_2024.zip", now=NOW):
    return cftc.parse(replay.archive(told, archive), archive, now=now)


def values(rows, name):
    return rows[rows["series"] == name].set_index("period")["value"]


def test_a_value_is_long_less_short_over_open_interest_of_its_class_of_traders():
    read = parsed(week(_13874A=(2_000, 300, 800), _1170E1=(500, 100, 75)))
    assert list(read.columns) == COLUMNS
    assert set(read["series"]) == {one.id for one in SERIES}
    # Leveraged funds, (300 - 800) / 2000 and (100 - 75) / 500; managers, (100 - 400) / 2000.
    assert values(read, "cftc_sp500_leveraged").tolist() == [-0.25]
    assert values(read, "cftc_vix_leveraged").tolist() == [0.05]
    assert values(read, "cftc_sp500_asset_managers").tolist() == [-0.15]
    # The others as `week` has them: (300 - 200) / 1000 and (100 - 400) / 1000.
    assert values(read, "cftc_nasdaq_leveraged").tolist() == [0.1]
    assert values(read, "cftc_russell_asset_managers").tolist() == [-0.3]


def test_the_period_is_the_friday_of_the_week_also_of_a_report_of_a_monday():
    read = parsed([*week("2024-06-04"), *week("2024-05-27")])
    assert [*values(read, "cftc_vix_leveraged").index] == [
        pd.Timestamp("2024-05-31"), pd.Timestamp("2024-06-07"),
    ]  # fmt: skip


def test_the_oldest_archive_writes_its_days_another_way():
    told = week("2015-03-24")
    old, new = parsed(told, cftc.HISTORY), parsed(told)
    assert b"3/24/2015 12:00:00 AM" in replay.text(told, old=True).encode()
    pd.testing.assert_frame_equal(old, new)


def test_of_two_russell_contracts_the_one_with_more_open_interest_counts():
    weeks = {
        "2017-10-03": {"_23977A": (900, 90, 0), "_239742": (100, 0, 50)},  # 90 / 900
        "2017-10-10": {"_23977A": (100, 90, 0), "_239742": (900, 0, 450)},  # -450 / 900
        "2017-10-17": {"_23977A": (500, 100, 0), "_239742": (500, 0, 100)},  # equal: ICE's
        "2017-10-24": {"_239742": (400, 0, 100)},  # alone: -100 / 400
    }
    told = [report for day, held in weeks.items() for report in week(day, **held)]
    for order in (told, told[::-1]):
        read = values(parsed(order), "cftc_russell_leveraged")
        assert read.sort_index().tolist() == [0.1, -0.5, 0.2, -0.25]


def test_years_in_which_only_the_contract_of_ice_was_reported_are_read():
    told = [one for one in week("2012-03-06", _23977A=(800, 80, 0)) if one.code != "239742"]
    assert values(parsed(told, cftc.HISTORY), "cftc_russell_leveraged").tolist() == [0.1]


# When it was known ----------------------------------------------------------------------


def first_close(known):
    closes = session_closes(known.tz_convert(None) + pd.Timedelta(days=7))
    return closes.index[closes.searchsorted(known)]


@pytest.mark.parametrize(
    ("day", "released", "used"),
    [
        ("2024-06-04", "2024-06-07 15:30", "2024-06-12"),  # Friday, as usual
        ("2024-11-26", "2024-12-02 15:30", "2024-12-04"),  # Monday, after Thanksgiving
        ("2020-12-29", "2021-01-04 15:30", "2021-01-06"),  # Monday, after New Year
        ("2023-01-31", "2023-02-24 15:30", "2023-03-27"),  # ION was attacked
        ("2018-12-24", "2019-02-01 15:30", "2019-03-11"),  # a shutdown
        ("2025-09-30", "2025-11-19 15:30", "2026-01-26"),  # a shutdown
        ("2008-09-16", "2010-07-22 00:00", "2010-07-26"),  # before there was a report
    ],
)
def test_no_value_is_used_before_its_report_was_out(day, released, used):
    read = parsed(week(day), now=pd.Timestamp("2026-06-01", tz="UTC"))
    known = read["known_at"].unique()[0]
    assert known > pd.Timestamp(released, tz="America/New_York")
    assert first_close(known) == pd.Timestamp(used)


def test_no_report_is_known_before_its_lag_and_none_before_an_older_one():
    fridays = pd.date_range("2006-06-16", "2026-12-25", freq="W-FRI")
    known = cftc.known_at(fridays)
    assert (known >= SERIES[0].known_at(fridays)).all()
    assert known.is_monotonic_increasing
    for first, last, out in LATE:
        assert {pd.Timestamp(first).day_name(), pd.Timestamp(last).day_name()} == {"Friday"}
        assert first < last < out
        # Without the bound the last of them would have counted as known too early.
        assert SERIES[0].known_at(pd.DatetimeIndex([last]))[0] < pd.Timestamp(out, tz="UTC")


def test_the_running_week_is_left_out_until_it_is_over_in_new_york():
    told = [*week("2024-06-04"), *week("2024-06-11")]  # out on Friday, 14 June
    friday, saturday = NOW, NOW + pd.Timedelta(hours=8)
    assert parsed(told, now=friday)["period"].max() == pd.Timestamp("2024-06-07")
    assert parsed(told, now=saturday)["period"].max() == pd.Timestamp("2024-06-14")


def test_a_longer_archive_adds_rows_and_changes_none():
    told = [*week("2024-06-04"), *week("2024-05-28", _209742=(10, 5, 1)), *week("2024-05-21")]
    whole, part = parsed(told), parsed(told[4:])
    known = whole[whole["period"] < pd.Timestamp("2024-06-07")].reset_index(drop=True)
    pd.testing.assert_frame_equal(known, part.reset_index(drop=True), check_categorical=False)


# What is wrong is named -----------------------------------------------------------------

TABLE = replay.text(week())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Lev_Money_Positions_Long_All", "Leveraged_Long", "line 1: needed the columns Lev_Money"),
        ("Open_Interest_All", "Open_Interest", "needed the columns Open_Interest_All, found"),
        ("Report_Date_as_YYYY-MM-DD", "Date", r"needed the columns Report_Date_as_\.\.\."),
        (TABLE, "", "line 1: needed the columns .*, found 'nothing'"),
        (",1170E1,", ",1170E2,", "cftc_vix_leveraged needs the contract 1170E1, found none"),
        (",239742,", ",239743,", "needs the contract 23977A or 239742, found none"),
        (",FutOnly\r", "\r", "line 2: needed 24 values, as in the header, found 23"),
        ("1000,11,", "1OOO,11,", "line 2: .* contracts for Open_Interest_All, found '1OOO"),
        ("1000,11,", "-100,11,", "for Open_Interest_All, found '-100'"),
        ("1000,11,", f"{'9' * 5000},11,", "for Open_Interest_All, found '9999"),
        ("1000,11,", "0,11,", "for Open_Interest_All, found '0'"),
        (",300,200,", ",,200,", "for Lev_Money_Positions_Long_All, found ''"),
        (",300,200,", ",.,200,", r"for Lev_Money_Positions_Long_All, found '\.'"),
        ("2024-06-04", "2024-06-31", "line 2: needed the date of a report, found '2024-06-31'"),
        ("2024-06-04", "June 4", "found 'June 4'"),
        ("2024-06-04", "99999-06-04", "found '99999-06-04'"),
        ("2024-06-04", "2024-12-03", "line 2: .* found one of 2024-12-03. Check the clock"),
        (",239742,", ",13874A,", "line 3: needed one report of 13874A a day, found a second"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_archive_and_line(old, new, message):
    table = TABLE.replace(old, new, 1)
    assert table != TABLE
    with pytest.raises(SourceError, match=message) as error:
        cftc.parse(replay.zipped(table), "fut_fin_txt_2024.zip", now=NOW)
    assert str(error.value).startswith("fut_fin_txt_2024.zip")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.4, 0.99])
def test_the_beginning_of_an_archive_is_refused(share):
    content = replay.archive(week())
    with pytest.raises(SourceError, match=r"fut_fin_txt_2024.zip: Needed a whole zip archive"):
        cftc.parse(content[: int(share * len(content))], "fut_fin_txt_2024.zip", now=NOW)


def test_more_short_than_open_interest_is_doubted_not_stored():
    read = parsed([*week("2024-05-28"), *week(_1170E1=(100, 0, 150))])
    doubtful = checked(read, now=NOW, recent=gather([])).doubtful
    assert doubtful["value"].tolist() == [-1.5]


# Which archives are asked for -----------------------------------------------------------


def asked(now, newest=None, since=None, names=None):
    stored = dict.fromkeys(names or [one.id for one in SERIES], newest) if newest else {}
    request = Request(now=pd.Timestamp(now, tz="UTC"), since=since, newest=stored)
    return [name.removesuffix(".zip")[-9:] for name in cftc.archives(request)]


def test_the_first_fetch_asks_for_all_years_and_later_ones_from_the_newest_stored():
    everything = ["2006_2016", *(f"_txt_{year}" for year in range(2017, 2025))]
    newest = pd.Timestamp("2024-05-31")
    assert asked("2024-06-14") == everything
    assert asked("2024-06-14", newest=newest) == ["_txt_2024"]
    assert asked("2024-06-14", newest=pd.Timestamp("2022-03-04")) == [
        "_txt_2022", "_txt_2023", "_txt_2024",
    ]  # fmt: skip
    assert asked("2024-06-14", newest=newest, names=["cftc_vix_leveraged"]) == everything
    assert asked("2024-06-14", newest=newest, since=pd.Timestamp("2016-05-01")) == everything


def test_a_new_year_is_asked_for_once_its_first_report_is_out():
    # Its first Tuesday is 6 January, out by Tuesday the 13th.
    newest = pd.Timestamp("2026-01-02")  # a report of Tuesday, 30 December
    assert asked("2026-01-13 22:00", newest=newest) == ["_txt_2025"]
    assert asked("2026-01-14 22:00", newest=newest) == ["_txt_2025", "_txt_2026"]
    # The last report of 2024 is of a week that ended in 2025.
    assert asked("2025-03-03", since=pd.Timestamp("2025-01-02")) == ["_txt_2024", "_txt_2025"]


# Against a server -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def served():
    """The CFTC on Monday, 10 June 2024, with the reports of eight years."""
    pages = {f"{HOST}{path}": page for path, page in documents("2024-06-10 22:00").items()}
    with ReplayServer(pages) as server:
        yield server


def documents(now):
    return replay.documents(now=pd.Timestamp(now, tz="UTC"), first="2016-07-05")


def fetch(server, home, now="2024-06-10 22:00"):
    archive = Archive(home / "raw")

    def client(_source):
        return HttpClient(
            archive, limits={}, default_limit=math.inf, user_agent="test", mirror=server.url,
            patience=HURRY,
        )  # fmt: skip

    store = ObservationStore(home / "observations.db")
    (report,) = fetch_live([cftc.SOURCE], store, client, now=pd.Timestamp(now, tz="UTC"))
    return report, store


def test_a_second_fetch_asks_for_one_archive_and_one_that_grew_adds_its_week(served, tmp_path):
    served.behave()
    first, store = fetch(served, tmp_path)
    assert first.errors == []
    assert first.added == first.seen > 2500
    assert first.doubtful.empty
    already = served.count()
    again, _ = fetch(served, tmp_path, "2024-06-11 22:00")
    assert (again.errors, again.added, served.count() - already) == ([], 0, 1)
    newer = documents("2024-06-17 22:00")["/files/dea/history/fut_fin_txt_2024.zip"]
    served.misbehave(HOST, Fault.content(lambda _: newer))
    report, _ = fetch(served, tmp_path, "2024-06-17 22:00")
    assert (report.errors, report.added) == ([], 7)
    rows = store.read(series=["cftc_sp500_leveraged"])
    assert rows["period"].max() == pd.Timestamp("2024-06-14")
    assert np.abs(rows["value"]).max() < 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.not_found(), "404"),
        (Fault.html(), "web page"),
        (Fault.truncated(), "whole zip archive"),
        (Fault.wrong_length(), "ended before the whole of it"),
        (Fault.renamed_column(b"PK", b"KP"), "is not a zip archive"),
    ],
    ids=lambda one: getattr(one, "name", None),
)
def test_one_bad_archive_leaves_the_store_without_a_gap(served, tmp_path, fault, words):
    served.behave()
    served.misbehave(f"{HOST}/files/dea/history/fut_fin_txt_2019", fault)
    report, store = fetch(served, tmp_path)
    assert len(report.errors) == 1
    assert "2019" in report.errors[0]
    assert words in report.errors[0]
    assert report.added == 0
    assert store.is_empty()


def test_a_shorter_archive_is_told_and_nothing_is_taken_back(served, tmp_path):
    served.behave()
    _, store = fetch(served, tmp_path)
    before = store.read()
    shorter = documents("2024-05-06 22:00")["/files/dea/history/fut_fin_txt_2024.zip"]
    served.misbehave(HOST, Fault.shrinking(lambda _: shorter))
    report, _ = fetch(served, tmp_path, "2024-06-11 22:00")
    assert "it now ends on 2024-05-03, but 2024-06-07 is stored" in report.errors[0]
    pd.testing.assert_frame_equal(store.read(), before)


def test_every_series_is_in_the_catalogue_and_no_model_sees_it():
    for one in SERIES:
        assert catalog.get(one.id) is one
        assert not one.modelled
        assert (one.lowest, one.highest, one.max_age) == (-1, 1, 24)
