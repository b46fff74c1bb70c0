"""Company facts: four quarters as known after each filing, and nothing from a later one."""

import json
import re
from functools import cache

import numpy as np
import pandas as pd
import pytest
from drawn import drawn
from hypothesis import strategies as st
from replay import sec as replay

from regime.data.declared.sec import COMPANIES, SERIES
from regime.data.observations import COLUMNS
from regime.data.sources import sec
from regime.data.sources.live import Request
from regime.exceptions import SourceError

NOW = pd.Timestamp("2024-12-12 12:00", tz="UTC")
KEYS = {"REGIME_USER_AGENT": "Jane Doe jane@example.com"}


class Served:
    def __init__(self, documents):
        self.documents, self.asked = documents, []

    def get(self, url, *, kind, params=None, headers=None):
        self.asked.append((url, kind, headers))
        return self.documents[url.removeprefix("https://data.sec.gov")]


def facts(*rows):
    frame = pd.DataFrame(rows, columns=["start", "end", "val", "filed"])
    for column in ("start", "end", "filed"):
        frame[column] = pd.to_datetime(frame[column])
    return frame.assign(accn=[f"{at:04}" for at in range(len(frame))])


def sums(found):
    return [
        (f"{row.period:%Y-%m-%d}", f"{row.known_at:%Y-%m-%d %H:%M}", row.value)
        for row in found.itertuples()
    ]


YEAR_2022 = ("2022-01-01", "2022-12-31", 400.0, "2023-02-03")
HALF_2022 = ("2022-01-01", "2022-06-30", 190.0, "2022-07-29")
HALF_2023 = ("2023-01-01", "2023-06-30", 230.0, "2023-07-28")


def test_four_quarters_are_last_year_plus_this_so_far_less_last_so_far():
    found = sec.trailing_four_quarters(facts(YEAR_2022, HALF_2022, HALF_2023))
    assert sums(found) == [
        ("2022-12-31", "2023-02-04 00:00", 400.0),
        ("2023-06-30", "2023-07-29 00:00", 440.0),
    ]


def test_a_restated_year_revises_the_sums_made_with_it_from_its_own_day():
    restated = ("2022-01-01", "2022-12-31", 410.0, "2024-02-02")
    found = sec.trailing_four_quarters(facts(YEAR_2022, HALF_2022, HALF_2023, restated))
    assert sums(found)[2:] == [
        ("2022-12-31", "2024-02-03 00:00", 410.0),
        ("2023-06-30", "2024-02-03 00:00", 450.0),
    ]


def test_a_filing_that_repeats_a_number_is_no_publication():
    again = (*YEAR_2022[:3], "2024-02-02")
    assert len(sec.trailing_four_quarters(facts(YEAR_2022, again))) == 1


def test_of_two_filings_on_one_day_the_one_with_the_higher_number_counts():
    rows = facts(YEAR_2022, (*YEAR_2022[:2], 405.0, YEAR_2022[3]))
    for frame in (rows, rows[::-1]):
        assert sums(sec.trailing_four_quarters(frame)) == [
            ("2022-12-31", "2023-02-04 00:00", 405.0)
        ]


def test_a_year_of_53_weeks_finds_its_twin():
    rows = facts(
        ("2021-09-26", "2022-09-24", 100.0, "2022-10-28"),  # 52 weeks
        ("2021-09-26", "2021-12-25", 40.0, "2022-01-28"),
        ("2022-09-25", "2022-12-31", 45.0, "2023-02-03"),  # a quarter of 14 weeks
    )
    assert sums(sec.trailing_four_quarters(rows))[-1] == ("2022-12-31", "2023-02-04 00:00", 105.0)


def test_a_span_of_twelve_months_in_a_quarterly_report_is_taken_as_it_is():
    rows = facts(("2022-07-01", "2023-06-30", 77.0, "2023-07-28"))
    assert sums(sec.trailing_four_quarters(rows)) == [("2023-06-30", "2023-07-29 00:00", 77.0)]


def test_without_last_year_so_far_there_is_no_sum():
    assert len(sec.trailing_four_quarters(facts(YEAR_2022, HALF_2023))) == 1
    assert sec.trailing_four_quarters(facts(HALF_2023)).empty
    assert sec.trailing_four_quarters(facts()).empty


@st.composite
def filings(draw):
    """Quarterly filings of six years, some restating, in random order; and the quarters."""
    edges = pd.date_range("2015-12-31", periods=25, freq="QE")
    rows, at = [], 0
    for quarter in range(24):
        year = quarter // 4
        own = [(year, quarter)] + ([(year - 1, quarter - 4)] if year else [])
        if quarter % 4 == 3 and year and draw(st.booleans()):
            own.append((year - 1, quarter - 4))
        filed = edges[quarter + 1] + pd.Timedelta(days=draw(st.integers(20, 60)))
        for whose, last in dict.fromkeys(own):
            if draw(st.integers(0, 9)) == 0 and last != quarter:
                continue
            value = draw(st.integers(1, 50))
            at += 1
            start = edges[4 * whose] + pd.Timedelta(days=1)
            rows.append((start, edges[last + 1], float(value), filed, f"{at:04}"))
    frame = pd.DataFrame(rows, columns=["start", "end", "val", "filed", "accn"])
    order = draw(st.permutations(range(len(frame))))
    return frame.iloc[order].reset_index(drop=True)


@cache  # the same few month ends, each of them slow
def a_year_before(end):
    return (end - pd.DateOffset(years=1)) + pd.offsets.MonthEnd(0)


def brute_force(rows, day):
    """Sum of each quarter's end that the filings up to a day allow, each looked up anew."""
    rows = rows[rows["filed"] <= day].sort_values(["filed", "accn"])
    value = {(row.start, row.end): row.val for row in rows.itertuples()}
    found = {}
    for (start, end), so_far in value.items():
        if (end.month, end.day) == (12, 31):
            found[end] = so_far
            continue
        before = pd.Timestamp(start.year - 1, 1, 1)
        year = value.get((before, start - pd.Timedelta(days=1)))
        twin = value.get((before, a_year_before(end)))
        if year is not None and twin is not None:
            found[end] = year + so_far - twin
    return found


@drawn(filings(), few=20, full=60)
def test_after_every_filing_the_sums_are_those_of_brute_force(rows):
    found = sec.trailing_four_quarters(rows)
    for day in sorted(rows["filed"].unique()):
        known = found[found["known_at"] <= (day + pd.Timedelta(days=1)).tz_localize("UTC")]
        assert known.groupby("period")["value"].last().to_dict() == brute_force(rows, day)


@drawn(filings(), st.integers(0, 6 * 365), few=20, full=60)
def test_filings_after_a_day_change_nothing_known_by_then(rows, days):
    day = pd.Timestamp("2016-03-01") + pd.Timedelta(days=days)
    whole = sec.trailing_four_quarters(rows)
    by_then = whole[whole["known_at"] <= (day + pd.Timedelta(days=1)).tz_localize("UTC")]
    pd.testing.assert_frame_equal(
        sec.trailing_four_quarters(rows[rows["filed"] <= day]), by_then.reset_index(drop=True)
    )


# Documents ------------------------------------------------------------------------------


def read(documents, **request):
    host = Served(documents)
    jobs = sec.jobs(Request(**{"now": NOW, "keys": KEYS, **request}))
    return {job.name.split()[1]: job.run(host) for job in jobs}, host


@pytest.fixture(scope="module")
def documents():
    return replay.documents(now=NOW)


@pytest.fixture(scope="module")
def whole(documents):
    """What all of them say, and the host."""
    return read(documents)


def test_every_company_has_every_series_of_the_catalogue(whole):
    found, host = whole
    rows = pd.concat(found.values())
    assert list(rows.columns) == COLUMNS
    assert set(rows["series"]) == {one.id for one in SERIES}
    assert set(found) == set(COMPANIES)
    assert host.asked[-1] == (
        "https://data.sec.gov/api/xbrl/companyfacts/CIK0000320193.json",
        "json",
        {"User-Agent": "Jane Doe jane@example.com"},
    )


@pytest.mark.parametrize("company", COMPANIES)
def test_what_a_document_holds_comes_back(whole, company):
    rows = whole[0][company]
    told = replay.quarters(company, now=NOW)
    for measure in ("capital_spending", "operating_cash_flow", "net_income", "buybacks"):
        got = rows[rows["series"] == f"{company}_{measure}"].set_index("period")
        assert len(got) == len(told) - 3
        assert (got.index == [one.end for one in told[3:]]).all()
        expected = [
            sum(one.told[measure] for one in told[at - 3 : at + 1]) / 1e6
            for at in range(3, len(told))
        ]
        np.testing.assert_allclose(got["value"], expected)
        filed = pd.DatetimeIndex([one.filed for one in told[3:]]) + pd.Timedelta(days=1)
        assert (got["known_at"] == filed.tz_localize("UTC")).all()
    got = rows[rows["series"] == f"{company}_cash"].set_index("period")["value"]
    expected = {one.end: (one.told["liquid"] + one.told["securities"]) / 1e6 for one in told}
    assert got.to_dict() == {end: expected[end] for end in got.index}
    assert len(got) >= len(told) - 3


def test_without_a_name_and_an_address_nothing_is_asked():
    assert sec.jobs(Request(now=NOW)) == []
    assert sec.SOURCE.asks_for == "REGIME_USER_AGENT"


def test_a_request_since_some_day_has_no_earlier_period(documents):
    since = pd.Timestamp("2024-01-01")
    found, _ = read(documents, since=since)
    assert all((rows["period"] >= since).all() and len(rows) for rows in found.values())


def apple(change):
    body = json.loads(replay.document("AAPL", replay.quarters("AAPL", now=NOW)))
    change(body)
    return json.dumps(body).encode()


def set_fact(**cells):
    def change(body):
        fact = body["facts"]["us-gaap"]["NetIncomeLoss"]["units"]["USD"][0]
        for name, value in cells.items():
            if value is None:
                fact.pop(name)
            else:
                fact[name] = value

    return change


def without(tag):
    return lambda body: body["facts"]["us-gaap"].pop(tag)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_fact(val="12"), "AAPL, NetIncomeLoss, fact 0: needed a value"),
        (set_fact(val=True), "AAPL, NetIncomeLoss, fact 0: needed a value"),
        (set_fact(val=float("nan")), "AAPL, NetIncomeLoss, fact 0: needed a value"),
        (set_fact(val=10**400), "AAPL, NetIncomeLoss, fact 0: needed a value"),
        (set_fact(filed=None), "AAPL, NetIncomeLoss, fact 0: needed a value"),
        (set_fact(end="2020-13-01"), "AAPL, NetIncomeLoss, fact 0: needed a value"),
        (set_fact(filed="2001-01-01"), "AAPL, NetIncomeLoss, fact 0: needed a value, its days in"),
        (set_fact(start="2101-01-01"), "AAPL, NetIncomeLoss, fact 0: needed a value, its days in"),
        (without("PaymentsToAcquirePropertyPlantAndEquipment"), "needs four quarters of capital"),
        (lambda body: body.update(cik=1018724), "needs the facts of CIK 320193, found"),
        (lambda body: body.pop("facts"), "AAPL needs facts under us-gaap, found none"),
        (lambda body: body["facts"].update({"us-gaap": []}), "AAPL needs facts under us-gaap"),
    ],
)  # fmt: skip
def test_facts_that_cannot_be_right_are_refused_in_words(change, words):
    with pytest.raises(SourceError, match=re.escape(words)) as caught:
        sec.parse(apple(change), "AAPL")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[1", b"[]", b'{"cik": 320193}', b"null"])
def test_what_is_no_document_of_the_company_is_refused(content):
    with pytest.raises(SourceError, match="AAPL needs"):
        sec.parse(content, "AAPL")


def test_a_proxy_statement_that_rounds_revises_nothing():
    rounded = set_fact(form="DEF 14A", val=1)
    kept = sec.parse(apple(lambda body: None), "AAPL")
    assert set(sec.parse(apple(rounded), "AAPL")["value"]) <= set(kept["value"])


def test_an_amendment_filed_after_the_next_report_stands_beside_its_own_period():
    def amended(body):
        facts = body["facts"]["us-gaap"]["NetIncomeLoss"]["units"]["USD"]
        year = next(one for one in facts if one["end"] > one["start"][:4] + "-12")
        facts.append(year | {"val": year["val"] + 7_000_000, "filed": "2024-12-01", "accn": "9"})

    before, after = (sec.parse(apple(change), "AAPL") for change in (lambda body: None, amended))
    assert len(after) > len(before)
    for _, rows in after.groupby("series"):
        assert list(rows.index) == list(rows.sort_values(["period", "known_at"]).index)


def test_a_company_without_debt_has_no_debt_and_everything_else():
    found = sec.parse(apple(without("LongTermDebtNoncurrent")), "AAPL")
    names = {name.removeprefix("AAPL_") for name in found["series"].unique()}
    assert "debt" not in names
    assert {"cash", "net_income"} <= names


def test_a_filing_of_the_future_is_refused(documents):
    with pytest.raises(SourceError, match="MSFT needs filings up to now, found one of 2024-"):
        read(documents, now=pd.Timestamp("2020-01-01", tz="UTC"))
