"""Which years are asked for, and what a server's answers become."""

import math
import re

import pandas as pd
import pytest
from data.sources.filers.groups import LARGE, SMALL
from replay import filers as replay
from replay.faults import Fault
from replay.server import ReplayServer

from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.checks.validation import checked
from regime.data.declared.filers import COUNTED, DEBT, SERIES
from regime.data.fetching import fetch_live
from regime.data.network.archive import Archive
from regime.data.network.exchange import Patience
from regime.data.network.http import HttpClient
from regime.data.observations import COLUMNS, gather
from regime.data.panel import point_in_time
from regime.data.sources import filers, sec
from regime.data.sources.filers import (
    INCOME,
)  # fmt: skip
from regime.data.sources.live import Request
from regime.data.store import ObservationStore
from regime.exceptions import AbsentError, SourceError, UnreachedError

NOW = pd.Timestamp("2024-06-14 22:00", tz="UTC")
KEYS = {"REGIME_USER_AGENT": "Jane Doe jane@example.org"}
HOST = "data.sec.gov"
HURRY = Patience(
    total=2.5, connect=1.0, read=0.6, longest=2.0, slowest=1000.0, tries=2, first_wait=0.05
)


# Which years are asked for ----------------------------------------------------------------


def request(now=NOW, newest=None, since=None, keys=KEYS, names=None):
    period = pd.Timestamp(newest, 12, 31) if newest else None
    stored = dict.fromkeys(names or [one.id for one in SERIES], period) if newest else {}
    at = pd.Timestamp(now) if pd.Timestamp(now).tzinfo else pd.Timestamp(now, tz="UTC")
    return Request(now=at, since=since, newest=stored, keys=keys)


def test_the_first_fetch_asks_for_all_years_whose_lag_is_over():
    assert filers.due(request()) == [*range(2009, 2024)]
    # 31 December and 100 days are over when 10 April begins, in a leap year a day before.
    assert filers.due(request("2024-04-09 23:59"))[-1] == 2022
    assert filers.due(request("2024-04-10 00:00"))[-1] == 2023
    assert filers.due(request("2025-04-10 23:59"))[-1] == 2023
    assert filers.due(request("2025-04-11 00:00"))[-1] == 2024


def test_later_ones_ask_for_newer_years_and_for_the_newest_while_late_reports_come_in():
    assert filers.due(request("2024-07-08 23:59", newest=2023)) == [2023]
    assert filers.due(request("2024-07-09 00:00", newest=2023)) == []
    assert filers.due(request("2025-04-10", newest=2023)) == []
    assert filers.due(request("2025-04-11", newest=2023)) == [2024]
    assert filers.due(request("2025-04-11", newest=2020)) == [2021, 2022, 2023, 2024]
    # The debt of a year may be missing for good.
    assert filers.due(request("2024-08-01", newest=2023, names=[SMALL, LARGE])) == []
    since = pd.Timestamp("2021-05-01")
    assert filers.due(request("2024-08-01", newest=2023, since=since)) == [2021, 2022, 2023]


@pytest.mark.parametrize("keys", [{}, {"REGIME_USER_AGENT": "  "}])
def test_without_a_name_nobody_is_asked(keys):
    assert filers.jobs(request(keys=keys)) == []
    assert filers.SOURCE.asks_for == "REGIME_USER_AGENT"


class Served:
    """Frames of 2023, or an error for those whose address has a part in it."""

    def __init__(self, **errors):
        self.errors, self.asked = errors, []

    def get(self, url, *, kind, params=None, headers=None):
        self.asked.append((url, kind, headers))
        for part, error in self.errors.items():
            if f"/{part}/" in url:
                raise error
        *_, tag, _, year = url.split("/")
        return replay.imagined(tag, int(year[2:6]))


GONE = AbsentError("https://data.sec.gov/... was answered with 404 Not Found. Look for it.")


def test_a_year_asks_for_six_frames_by_name():
    http = Served()
    rows = filers.fetch(http, year=2023, request=request())
    begin = f"https://{HOST}/api/xbrl/frames/us-gaap/"
    assert [url.removeprefix(begin) for url, *_ in http.asked] == [
        "Assets/USD/CY2023Q4I.json", "NetIncomeLoss/USD/CY2023.json",
        "OperatingIncomeLoss/USD/CY2023.json", "LongTermDebt/USD/CY2023Q4I.json",
        "LongTermDebtNoncurrent/USD/CY2023Q4I.json", "LongTermDebtCurrent/USD/CY2023Q4I.json",
    ]  # fmt: skip
    assert {kind for _, kind, _ in http.asked} == {"json"}
    assert all(headers == {"User-Agent": KEYS["REGIME_USER_AGENT"]} for *_, headers in http.asked)
    assert list(rows.columns) == COLUMNS
    assert sorted(rows["series"]) == sorted(one.id for one in SERIES)
    assert set(rows["period"]) == {pd.Timestamp("2023-12-31")}
    assert set(rows["known_at"]) == {pd.Timestamp("2024-04-10", tz="UTC")}
    assert checked(rows, now=NOW, recent=gather([])).doubtful.empty


def test_a_year_without_frames_is_nothing_new_until_they_are_overdue():
    none = filers.fetch(Served(Assets=GONE), year=2023, request=request())
    assert none.empty
    # Not the newest that is due, so nobody waits for it.
    assert filers.fetch(Served(Assets=GONE), year=2022, request=request("2024-08-01")).empty
    with pytest.raises(SourceError, match="404"):
        filers.fetch(Served(Assets=GONE), year=2023, request=request("2024-08-01"))


def test_a_year_with_one_frame_missing_is_a_fault_and_says_how_to_ask_again():
    with pytest.raises(SourceError, match=r"404.*--source filers --since 2022-01-01"):
        filers.fetch(Served(NetIncomeLoss=GONE), year=2022, request=request())
    with pytest.raises(SourceError, match="404") as error:
        filers.fetch(Served(NetIncomeLoss=GONE), year=2023, request=request())
    assert "--since" not in str(error.value)


def test_other_errors_than_404_are_told():
    refused = SourceError("https://data.sec.gov/... was answered with 403 Forbidden. Check it.")
    with pytest.raises(SourceError, match="403"):
        filers.fetch(Served(Assets=refused), year=2023, request=request())
    with pytest.raises(UnreachedError):
        filers.fetch(Served(Assets=UnreachedError("nobody")), year=2022, request=request())


# Against a server ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served():
    """The SEC in June 2024, with the frames of two years."""
    pages = {f"{HOST}{path}": page for path, page in replay.documents(now=NOW).items()}
    with ReplayServer(pages) as server:
        yield server


def fetch(server, home, now=NOW, **options):
    archive = Archive(home / "raw")

    def client(_source):
        return HttpClient(
            archive, limits={}, default_limit=math.inf, user_agent="test", mirror=server.url,
            patience=HURRY,
        )  # fmt: skip

    store = ObservationStore(home / "observations.db")
    (report,) = fetch_live([filers.SOURCE], store, client, now=now, keys=KEYS, **options)
    return report, store


def test_later_fetches_ask_for_one_year_then_for_none_and_keep_a_revision_as_such(served, tmp_path):
    served.behave()
    begun = len(served.requests)
    first, store = fetch(served, tmp_path)
    assert (first.errors, first.added, first.seen) == ([], 8, 8)
    assert first.doubtful.empty
    asked = served.requests[begun:]
    # Thirteen years are not there, two are.
    assert [one.status for one in asked].count(404) == 13
    assert len(asked) == 13 + 2 * 6
    assert {one.headers["user-agent"] for one in asked} == {KEYS["REGIME_USER_AGENT"]}
    already = len(served.requests)
    again, _ = fetch(served, tmp_path, NOW + pd.Timedelta(hours=1))
    assert (again.errors, again.added) == ([], 0)
    assert [one.status for one in served.requests[already:]] == [304] * 6
    # Someone reports late: a company more that lost money.
    later = NOW + pd.Timedelta(days=7)
    served.misbehave(f"{HOST}{replay.path(INCOME, 2023)}", Fault.revised(all_lose))
    revised, _ = fetch(served, tmp_path, later)
    assert (revised.errors, revised.added) == ([], 2)
    rows = store.read(series=[SMALL])
    rows = rows[rows["period"] == "2023-12-31"]
    assert rows["value"].iloc[0] < 0.5
    assert rows["value"].iloc[1] == 1.0
    assert rows["known_at"].iloc[0] == pd.Timestamp("2024-04-10", tz="UTC")
    assert rows["known_at"].iloc[1] >= later
    already = len(served.requests)
    silent, _ = fetch(served, tmp_path, pd.Timestamp("2024-07-09", tz="UTC"))
    assert (silent.errors, silent.documents, len(served.requests)) == ([], 0, already)


def all_lose(content):
    return re.sub(rb'"val": (\d)', rb'"val": -\1', content)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.truncated(), "needs JSON, found"),
        # What fails on the way does so for every source, and data/network/http tells it apart.
        pytest.param(Fault.html(), "web page", marks=pytest.mark.long),
        pytest.param(Fault.wrong_length(), "ended before the whole", marks=pytest.mark.long),
    ],
    ids=lambda one: getattr(one, "name", None),
)
def test_one_bad_frame_costs_its_year_alone(served, tmp_path, fault, words):
    served.behave()
    served.misbehave(f"{HOST}{replay.path(INCOME, 2022)}", fault)
    report, store = fetch(served, tmp_path)
    (line,) = report.errors
    assert line.startswith("filers year 2022: ")
    assert words in line
    assert "--since 2022-01-01" in line
    assert set(store.read()["period"]) == {pd.Timestamp("2023-12-31")}
    served.behave()
    mended, _ = fetch(served, tmp_path, since=pd.Timestamp("2022-01-01"))
    assert (mended.errors, mended.added) == ([], 4)


def test_a_value_serves_from_the_day_its_lag_is_over_until_the_next_ones_is(served, tmp_path):
    served.behave()
    _, store = fetch(served, tmp_path)
    days = trading_days(pd.Timestamp("2023-04-03"), pd.Timestamp("2025-06-30"))
    rows = store.read(series=[SMALL])
    panel = point_in_time(rows, days)[SMALL]
    assert panel.first_valid_index() == pd.Timestamp("2023-04-11")
    changed = panel.dropna()[panel.dropna().diff().fillna(0) != 0]
    assert list(changed.index) == [pd.Timestamp("2024-04-10")]
    # 500 days after 31 December 2023, a month after the next value is due.
    assert panel.last_valid_index() == pd.Timestamp("2025-05-14")
    assert panel[:"2025-04-30"].iloc[10:].notna().all()


def test_every_series_is_in_the_catalogue_and_no_model_sees_it():
    for one in SERIES:
        assert catalog.get(one.id) is one
        assert not one.modelled
        assert one.rolling
    assert {one.id for one in SERIES} == {SMALL, LARGE, DEBT, COUNTED}


def test_both_sources_of_the_host_together_stay_below_its_limit():
    assert filers.SOURCE.hosts[HOST] + sec.SOURCE.hosts[HOST] < 10
