"""Losses and debt of all companies by size, as the SEC's frames tell them."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from drawn import drawn
from hypothesis import strategies as st
from replay import filers as replay
from replay.filers import fact, frame
from replay.server import Fault, ReplayServer

from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.checks.validation import checked
from regime.data.declared.filers import COUNTED, DEBT, LOSS_MAKERS, RANKS, SERIES
from regime.data.fetching import fetch_live
from regime.data.network.archive import Archive
from regime.data.network.exchange import Patience
from regime.data.network.http import HttpClient
from regime.data.observations import COLUMNS, gather
from regime.data.panel import point_in_time
from regime.data.sources import filers, sec
from regime.data.sources.filers import (
    ASSETS,
    CURRENT,
    INCOME,
    NONCURRENT,
    OPERATING,
    TAGS,
    TOTAL,
)  # fmt: skip
from regime.data.sources.live import Request
from regime.data.store import ObservationStore
from regime.exceptions import AbsentError, SourceError, UnreachedError

NOW = pd.Timestamp("2024-06-14 22:00", tz="UTC")
KEYS = {"REGIME_USER_AGENT": "Jane Doe jane@example.org"}
SMALL, LARGE = LOSS_MAKERS["small"], LOSS_MAKERS["large"]
HOST = "data.sec.gov"
HURRY = Patience(
    total=2.5, connect=1.0, read=0.6, longest=2.0, slowest=1000.0, tries=2, first_wait=0.05
)


def by_rank(**lines):
    """Frames of 3,500 companies whose number is their rank; what `lines` leaves out is there for
    none, income for all, above zero.
    """
    numbers = pd.RangeIndex(1, 3501)
    frames = {tag: pd.Series(dtype="float64", index=pd.Index([], dtype="int64")) for tag in TAGS}
    frames[ASSETS] = pd.Series(10_000.0 - numbers, index=numbers)
    frames[INCOME] = pd.Series(1.0, index=numbers)
    return frames | {tag: pd.Series(line, dtype="float64") for tag, line in lines.items()}


# What is measured ------------------------------------------------------------------------


def test_the_share_of_loss_makers_is_told_of_each_group_of_ranks():
    # Of 1,001 to 3,000 the 500 from 1,001 to 1,500: 500 / 2,000. Of 1 to 500 the last 25: 25 / 500.
    # Those between the groups and below them count nowhere.
    frames = by_rank()
    for first, last in [(1001, 1500), (476, 1000), (3001, 3500)]:
        frames[INCOME].loc[first:last] = -1.0
    assert filers.measures(frames, 2023) == {SMALL: 500 / 2000, COUNTED: 2000, LARGE: 25 / 500}


@pytest.mark.parametrize(
    ("rank", "small", "large"),
    [(1, 0, 1), (500, 0, 1), (501, 0, 0), (1000, 0, 0), (1001, 1, 0), (3000, 1, 0), (3001, 0, 0)],
)
def test_the_first_and_the_last_rank_of_a_group_belong_to_it(rank, small, large):
    frames = by_rank()
    frames[INCOME].loc[rank] = -1.0
    told = filers.measures(frames, 2023)
    assert (told[SMALL] * 2000, told[LARGE] * 500) == (small, large)


def test_a_company_without_income_has_a_rank_but_is_not_counted():
    frames = by_rank()
    frames[INCOME].loc[2000:2002] = -1.0
    frames[INCOME] = frames[INCOME].drop(index=range(1001, 1501))
    # 500 of 2,000 are gone: 3 / 1,500. Nobody moves up.
    told = filers.measures(frames, 2023)
    assert (told[SMALL], told[COUNTED]) == (3 / 1500, 1500)


def test_no_income_is_no_loss():
    frames = by_rank()
    frames[INCOME].loc[1001:1100] = 0.0
    assert filers.measures(frames, 2023)[SMALL] == 0.0


def test_debt_is_the_total_or_else_its_parts_over_operating_income_of_those_with_both():
    frames = by_rank(
        # 2001 has all three lines, so the total counts: 100. 2002 has the parts: 60 + 15. 2003 has
        # no current part: 40. 2004 has the current part alone, which is no debt. 2005 has no
        # operating income, 2006 no debt, and 7 is large.
        LongTermDebt={2001: 100.0, 2005: 500.0, 7: 900.0},
        LongTermDebtNoncurrent={2001: 70.0, 2002: 60.0, 2003: 40.0},
        LongTermDebtCurrent={2001: 20.0, 2002: 15.0, 2004: 33.0},
        OperatingIncomeLoss={2001: 20.0, 2002: -5.0, 2003: 10.0, 2004: 9.0, 2006: 30.0, 7: 1.0},
    )
    # (100 + 75 + 40) / (20 - 5 + 10) = 215 / 25.
    assert filers.measures(frames, 2023)[DEBT] == 8.6


@pytest.mark.parametrize("income", [5.0, 4.0])
def test_debt_over_no_income_is_missing(income):
    frames = by_rank(
        LongTermDebt={2001: 100.0, 2002: 10.0}, OperatingIncomeLoss={2001: income, 2002: -5.0}
    )
    told = filers.measures(frames, 2023)
    assert DEBT not in told
    assert SMALL in told


def test_a_group_that_the_filers_of_a_year_do_not_fill_is_left_out():
    frames = by_rank()
    frames[ASSETS] = frames[ASSETS].loc[:2999]
    assert set(filers.measures(frames, 2009)) == {LARGE}
    frames[ASSETS] = by_rank()[ASSETS].loc[:3000]
    assert set(filers.measures(frames, 2009)) == {SMALL, COUNTED, LARGE}


def test_a_group_most_of_whose_income_is_unknown_is_no_sample():
    frames = by_rank()
    frames[INCOME] = frames[INCOME].drop(index=range(1001, 2001))
    assert filers.measures(frames, 2023)[COUNTED] == 1000
    frames[INCOME] = frames[INCOME].drop(index=2001)
    with pytest.raises(
        SourceError, match="CY2023 needs 50% of 2,000 small companies, found 999"
    ):  # fmt: skip
        filers.measures(frames, 2023)


@drawn(st.integers(0, 2**32 - 1), few=3, full=50)
def test_measures_are_those_of_a_plain_loop_over_companies(seed):
    random = np.random.default_rng(seed)
    numbers = random.permutation(5000)[:3200].tolist()
    lines = {
        tag: {n: round(random.normal(2, 5), 1) for n in numbers if random.random() < share}
        for tag, share in (
            (ASSETS, 0.97), (INCOME, 0.8), (OPERATING, 0.7), (TOTAL, 0.3), (NONCURRENT, 0.4),
            (CURRENT, 0.4),
        )
    }  # fmt: skip
    frames = {tag: pd.Series(line, dtype="float64").sort_index() for tag, line in lines.items()}
    # Rounded figures have equals, which go by the company's number.
    order = sorted(lines[ASSETS], key=lambda n: (-lines[ASSETS][n], n))
    expected = {}
    for size, (first, last) in RANKS.items():
        told = [lines[INCOME][n] for n in order[first - 1 : last] if n in lines[INCOME]]
        expected[LOSS_MAKERS[size]] = sum(one < 0 for one in told) / len(told)
        if size == "small":
            expected[COUNTED] = len(told)
    owed = earned = 0.0
    for n in order[1000:3000]:
        debt = lines[TOTAL].get(n)
        if debt is None and n in lines[NONCURRENT]:
            debt = lines[NONCURRENT][n] + lines[CURRENT].get(n, 0.0)
        if debt is not None and n in lines[OPERATING]:
            owed, earned = owed + debt, earned + lines[OPERATING][n]
    if earned > 0:
        expected[DEBT] = owed / earned
    assert filers.measures(frames, 2023) == pytest.approx(expected)


# What a frame says -----------------------------------------------------------------------


@pytest.fixture
def few(monkeypatch):
    """Frames of two companies are large enough."""
    monkeypatch.setattr(filers, "FEWEST", 2)
    monkeypatch.setattr(filers, "FEWEST_IN_DEBT", 2)


def parsed(*facts, tag=INCOME, year=2023, **options):
    return filers.parse(frame(tag, year, facts), tag, year, **options).to_dict()


def test_a_frame_is_dollars_by_company(few):
    assert parsed(fact(20, -3_500_000), fact(10, 1.5)) == {10: 1.5, 20: -3_500_000.0}
    assert filers.code(INCOME, 2023) == "CY2023"
    assert filers.code(ASSETS, 2023) == "CY2023Q4I"


def test_of_a_company_there_twice_the_later_end_counts_then_the_later_filing(few):
    told = [
        fact(1, 10, end="2023-12-30", accn="0000000001-25-000009"),
        fact(1, 11, end="2023-12-31", accn="0000000001-24-000001"),  # the later end
        fact(2, 20, accn="0000000009-24-000500"),
        fact(2, 21, accn="0000000002-25-000001"),  # filed a year later, whoever sent it in
        fact(3, 30, accn="0000000002-24-000007"),
        fact(3, 31, accn="0000000002-24-000012"),
    ]
    for order in (told, told[::-1]):
        assert parsed(*order) == {1: 11.0, 2: 21.0, 3: 31.0}


def test_figures_of_a_day_whose_report_may_be_due_after_the_lag_are_left_out(few):
    ends = ["2023-06-30", "2024-01-10", "2024-01-11", "2024-01-31"]
    told = [fact(at, at, end=end) for at, end in enumerate(ends, 1)]
    assert parsed(*told) == {1: 1.0, 2: 2.0}
    # 90 days after the last of them its report is due, and that day the lag is over.
    due = pd.Timestamp("2024-01-10") + pd.Timedelta(days=90)
    assert SERIES[0].known_at(pd.DatetimeIndex(["2023-12-31"]))[0] == pd.Timestamp(
        due + pd.Timedelta(days=1), tz="UTC"
    )


def text(*facts):
    return frame(INCOME, 2023, facts or (fact(10, 1), fact(20, -2))).decode()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"USD"', '"EUR"', r"needs the frame of that line and year in USD, found one of .*EUR"),
        ('"CY2023"', '"CY2022"', "found one of .*CY2022"),
        ('"tag": "NetIncomeLoss"', '"tag": "ProfitLoss"', "found one of .*ProfitLoss"),
        ('"pts": 2', '"pts": 3', "needs as many figures as it says, 3, found 2"),
        ('"pts": 2', '"points": 2', "as it says, None, found 2"),
        ('"data": [', '"rows": [', "as it says, 2, found none"),
        (text(), "[]", "found one of"),
        (text(), "null", "found one of"),
        (text(), "[" * 100_000, "needs JSON, found 100,000 bytes that are none"),
        (text(), "<!DOCTYPE html><html>Please wait</html>", "needs JSON, found 39 bytes"),
        (text(), "", "needs JSON, found 0 bytes"),
        ('"cik": 10', '"cik": "10"', "figure 0: needed a company, a day, a value and its filing"),
        ('"cik": 10', '"cik": true', "figure 0: needed a company"),
        ('"val": -2', '"val": null', "figure 1: .*'val': None"),
        ('"val": -2', '"val": "-2"', "figure 1: needed"),
        ('"val": -2', '"val": NaN', "figure 1: needed"),
        ('"val": -2', f'"val": {"9" * 400}', "figure 1: needed"),
        ('"2023-12-31"', '"2023-12-32"', "figure 0: .*2023-12-32"),
        ('"2023-12-31"', '"20231231"', "figure 0: needed"),
        ('"2023-12-31"', "20231231", "figure 0: needed"),
        ('"accn": "0000000010-24-000010"', '"accn": "10-24-10"', "figure 0: needed"),
        ('"accn": "0000000010-24-000010"', '"filing": 7', "figure 0: needed"),
        ('[{', '[7, {', "needs as many figures as it says, 2, found 3"),
        ('"data": [', '"data": [7, 7], "was": [', "figure 0: needed .*, found '7'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_frame_is_named(few, old, new, message):
    changed = text().replace(old, new, 1)
    assert changed != text()
    with pytest.raises(SourceError, match=message) as error:
        filers.parse(changed.encode(), INCOME, 2023)
    assert str(error.value).startswith("NetIncomeLoss of CY2023")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("share", [0.01, 0.4, 0.99, 0.9999])
def test_the_beginning_of_a_frame_is_refused(few, share):
    content = text(*(fact(at, at) for at in range(50))).encode()
    with pytest.raises(SourceError, match=r"needs JSON, found .* bytes that are none, ending"):
        filers.parse(content[: int(share * len(content))], INCOME, 2023)


def test_a_frame_beyond_all_size_is_not_read(few, monkeypatch):
    monkeypatch.setattr(filers, "LARGEST", len(text()) - 1)
    with pytest.raises(SourceError, match=r"needs at most [\d,]+ bytes, found"):
        filers.parse(text().encode(), INCOME, 2023)


def test_too_few_companies_are_too_early_while_reports_come_in_and_a_fault_later():
    told = [fact(at, at) for at in range(1, 1000)]
    with pytest.raises(SourceError, match=r"needs 1,000 companies, found 999. It is too early"):
        parsed(*told, fills=True)
    with pytest.raises(SourceError, match=r"found 999. .* so it is a fault"):
        parsed(*told)
    # A company that is there twice is one.
    with pytest.raises(SourceError, match="found 999"):
        parsed(*told, told[0])
    assert len(parsed(*told, fact(1000, 1))) == 1000
    assert len(parsed(*told[:300], tag=TOTAL)) == 300
    with pytest.raises(SourceError, match="LongTermDebt of CY2023Q4I needs 300 companies, found 2"):
        parsed(*told[:299], tag=TOTAL)


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
        # What fails on the way does so for every source, and test_http tells it apart.
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
