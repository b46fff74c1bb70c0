"""Closes, dividends and splits as Yahoo serves them."""

import json

import numpy as np
import pandas as pd
import pytest
from drawn import drawn
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from replay import tiingo as replay_tiingo
from replay import yahoo as replay

from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.declared.funds import FUNDS
from regime.data.observations import from_values, gather
from regime.data.prices import with_total_returns
from regime.data.sources import yahoo
from regime.data.sources.live import Request
from regime.exceptions import SourceError

NOW = pd.Timestamp("2024-06-14 22:00", tz="UTC")  # two hours after a close
DAYS = trading_days(pd.Timestamp("2024-06-10"), pd.Timestamp("2024-06-14"))
SPLIT = {"2024-06-12": 2.0}
INDICES = ["OEF", "XLG", "RSP", "IWM", "IJR", "SPY"]


def chart(*, days=DAYS, closes=(100.0, 101.0, 51.0, 51.5, 52.0), dividends=(), splits=()):
    """A document as Yahoo would serve it, of numbers that are already adjusted."""
    stamps = [int((day + pd.Timedelta("13h30min")).timestamp()) for day in days]
    at = {f"{day:%d}": stamp for day, stamp in zip(days, stamps, strict=True)}
    meta = {"symbol": "SPY", "currency": "USD", "exchangeTimezoneName": "America/New_York"}
    return {
        "meta": meta | {"dataGranularity": "1d"},
        "timestamp": stamps,
        "indicators": {"quote": [{"close": list(closes)}]},
        "events": {
            "dividends": {day: {"amount": paid, "date": at[day]} for day, paid in dividends},
            "splits": {
                day: {"numerator": new, "denominator": 1, "date": at[day]} for day, new in splits
            },
        },
    }


def document(result):
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


def parsed(result, **options):
    return wide(yahoo.parse(document(result), "SPY", **({"now": NOW} | options)))


def wide(rows):
    series = rows.groupby("series", observed=True)
    return pd.DataFrame({str(name): one.set_index("period")["value"] for name, one in series})


def market(until="2024-06-14", since="2023-01-03"):
    """Observations of six indices."""
    days = trading_days(pd.Timestamp(since), pd.Timestamp(until))
    draws = np.random.default_rng(3).normal(0.0004, 0.01, (len(days), 6)).cumsum(axis=0)
    return gather(
        [
            from_values(catalog.get(name), pd.Series(100 * np.exp(draws[:, i]), days), "test")
            for i, name in enumerate(INDICES)
        ]
    )


class Served:
    """An `Http` that holds documents by path, and what was asked."""

    def __init__(self, documents):
        self.documents, self.asked = documents, []

    def get(self, url, *, kind, params=None, headers=None):
        self.asked.append((url, kind, dict(params or {})))
        path = url.removeprefix("https://").partition("/")[2]
        if f"/{path}" not in self.documents:
            raise SourceError(f"{url} is not there.")
        return self.documents[f"/{path}"]


def run(ticker, http, request):
    (job,) = [job for job in yahoo.SOURCE.jobs(request) if job.name == ticker]
    return job.run(http)


def test_closes_dividends_and_splits_are_those_of_the_day():
    adjusted = (50.0, 50.5, 51.0, 51.5, 52.0)  # after two new shares for one on the 12th
    served = chart(closes=adjusted, dividends=[("11", 0.25), ("12", 0.3)], splits=[("12", 2)])
    frame = parsed(served)
    assert frame["SPY_close"].tolist() == [100, 101, 51, 51.5, 52]
    assert frame["SPY_dividend"].dropna().to_dict() == {DAYS[1]: 0.5, DAYS[2]: 0.3}
    assert frame["SPY_split"].dropna().to_dict() == {DAYS[2]: 2.0}


def test_every_value_is_known_at_the_close_of_its_day_and_says_who_said_so():
    rows = yahoo.parse(document(chart(dividends=[("11", 0.25)])), "SPY", now=NOW)
    assert (rows["known_at"] == rows["period"].dt.tz_localize("UTC") + pd.Timedelta("20h")).all()
    assert set(rows["source"]) == {"yahoo"}


@drawn(
    st.lists(st.integers(2_000, 80_000), min_size=8, max_size=8),
    st.sampled_from([2.0, 3.0, 1.5, 4.0, 5.0, 7.0, 0.2]),
    st.integers(1, 50_000),
    few=20,
    full=60,
)
def test_a_later_split_and_dividend_add_rows_and_change_none(cents, ratio, paid):
    days = trading_days(pd.Timestamp("2024-06-03"), pd.Timestamp("2024-06-12"))
    # Between neighbours no jump that could be an unadjusted split.
    base = pd.Series(cents, days) / 100
    base.iloc[5:] = base.iloc[4]
    none = pd.Series(np.nan, days)
    dividend = none.copy()
    dividend.iloc[2] = paid / 10_000
    before = replay.Share(base[:6], dividend[:6], none[:6])
    split, late = none.copy(), dividend.copy()
    split.iloc[6], late.iloc[7] = ratio, 0.5
    closes = base.copy()
    closes.iloc[6:] = np.round(closes.iloc[6:] / ratio, 2)
    after = replay.Share(closes, late, split)
    frames = [
        wide(yahoo.parse(replay.document("SPY", share, now=NOW, null_bar=None), "SPY", now=NOW))
        for share in (before, after)
    ]
    common = frames[1].loc[frames[0].index, ["SPY_close", "SPY_dividend"]]
    pd.testing.assert_frame_equal(frames[0], common, check_exact=True)
    assert frames[1]["SPY_split"].dropna().tolist() == [ratio]


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2024-06-14 15:00", "2024-06-13"),  # the session runs
        ("2024-06-14 20:19", "2024-06-13"),  # closed 19 minutes ago
        ("2024-06-14 20:20", "2024-06-14"),
    ],
)
def test_a_session_counts_from_twenty_minutes_after_its_close(now, last):
    frame = parsed(chart(dividends=[("14", 1.0)]), now=pd.Timestamp(now, tz="UTC"))
    assert frame.index[-1] == pd.Timestamp(last)


def test_an_early_close_counts_from_twenty_minutes_after_it():
    days = trading_days(pd.Timestamp("2024-07-01"), pd.Timestamp("2024-07-03"))
    now = pd.Timestamp("2024-07-03 17:25", tz="UTC")
    assert len(parsed(chart(days=days, closes=(1.0, 1.0, 1.0)), now=now)) == 3


def test_a_split_of_today_is_undone_before_the_session_counts():
    served = chart(closes=(50.0, 50.5, 51.0, 51.5, 52.0), splits=[("14", 2)])
    frame = parsed(served, now=pd.Timestamp("2024-06-14 15:00", tz="UTC"))
    assert frame["SPY_close"].tolist() == [100, 101, 102, 103]
    assert "SPY_split" not in frame


def test_a_split_to_come_changes_nothing_yet():
    result = chart(closes=(50.0, 50.5, 51.0, 51.5, 52.0))
    monday = int(pd.Timestamp("2024-06-17 13:30").timestamp())
    result["events"]["splits"] = {"1": {"numerator": 2, "denominator": 1, "date": monday}}
    assert parsed(result)["SPY_close"].tolist() == [50, 50.5, 51, 51.5, 52]


def test_the_live_price_beside_the_bar_of_its_day_is_left_out():
    result = chart()
    result["timestamp"].append(int(pd.Timestamp("2024-06-14 20:00").timestamp()))
    result["indicators"]["quote"][0]["close"].append(99.0)
    assert parsed(result)["SPY_close"].tolist()[-2:] == [51.5, 52.0]


def test_a_null_close_is_missing():
    frame = parsed(chart(closes=(100.0, None, 99.0, 98.0, None)))
    assert list(frame.index) == [DAYS[0], DAYS[2], DAYS[3]]


def test_periods_before_since_are_left_out_but_asked_for_with_a_margin():
    http = Served({"/v8/finance/chart/SPY": document(chart())})
    frame = run("SPY", http, Request(now=NOW, since=DAYS[3]))
    assert list(frame["period"].unique()) == [*DAYS[3:]]
    ((url, kind, params),) = http.asked
    assert (url, kind) == ("https://query1.finance.yahoo.com/v8/finance/chart/SPY", "json")
    assert params == {
        "period1": str(int(pd.Timestamp("2024-06-03").timestamp())),
        "period2": "9999999999", "interval": "1d", "events": "div,splits",
    }  # fmt: skip


def test_no_days_are_no_fault():
    result = chart(days=DAYS[:0], closes=())
    del result["timestamp"]
    result["indicators"]["quote"] = [{}]
    assert yahoo.parse(document(result), "SPY", now=NOW).empty


def changed(path, value):
    def change(result):
        *where, last = path
        for key in where:
            result = result[key]
        result[last] = value

    return change


SUNDAY = int(pd.Timestamp("2024-06-09 13:30").timestamp())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (changed(["meta", "symbol"], "QQQ"), "symbol 'QQQ' in place of 'SPY'"),
        (changed(["meta", "dataGranularity"], "1mo"), "dataGranularity '1mo' in place of '1d'"),
        (changed(["meta", "currency"], "GBP"), "currency 'GBP'"),
        (changed(["meta", "exchangeTimezoneName"], "Europe/London"), "'Europe/London'"),
        (changed(["timestamp"], [1, 2]), "2 days with 5 closes"),
        (changed(["timestamp"], "x"), "no days with closes"),
        (changed(["timestamp", 0], SUNDAY), "2024-06-09 is no trading day"),
        (changed(["timestamp", 0], 1718199000), "out of order or there twice"),
        (changed(["timestamp", 0], "1718199000"), "the time '1718199000'"),
        (changed(["indicators", "quote", 0, "close", 2], 0), "'0' in place of a number"),
        (changed(["indicators", "quote", 0, "close", 2], "51"), "in place of a number above zero"),
        (changed(["indicators", "quote", 0, "close", 2], True), "'True' in place of a number"),
        (changed(["indicators", "quote", 0, "close", 2], 10**400), "in place of a number above"),
        (
            changed(["events", "splits"], {"a": {"numerator": 1, "denominator": 1e-20, "date": 1}}),
            "a split of 1e+20 shares for one",
        ),
        (changed(["indicators", "quote"], []), "no days with closes"),
        (changed(["events", "dividends"], {"a": {"amount": None, "date": SUNDAY}}), "'None'"),
        (changed(["events", "dividends"], {"a": {"amount": 1, "date": SUNDAY}}), "no trading day"),
        (changed(["events", "dividends"], [1]), "dividends that are no table"),
        (changed(["events", "splits"], {"a": 1}), "splits that are no table"),
        (
            changed(["events", "dividends"], {n: {"amount": 1, "date": 1718199000} for n in "ab"}),
            "two dividends on 2024-06-12",
        ),
    ],
)
def test_an_odd_document_is_refused_in_words_that_name_the_fund(change, words):
    result = chart()
    change(result)
    with pytest.raises(SourceError, match="SPY") as error:
        parsed(result)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_closes_that_were_not_adjusted_for_a_split_are_refused():
    with pytest.raises(
        SourceError, match="SPY, but found closes not adjusted for the split of 2024"
    ):
        parsed(chart(closes=(100.0, 101.0, 51.0, 51.5, 52.0), splits=[("12", 2)]))


def test_a_split_without_a_price_since_is_refused():
    served = chart(closes=(50.0, 50.5, 51.0, 51.5, None), splits=[("14", 2)])
    with pytest.raises(SourceError, match="a split of 2024-06-14 and no price since"):
        parsed(served)


GONE = {"code": "Not Found", "description": "No data found, symbol may be delisted"}


@pytest.mark.parametrize(
    ("served", "words"),
    [
        (json.dumps({"chart": {"result": None, "error": GONE}}).encode(), "may be delisted"),
        (b"<!DOCTYPE html><html>Before you continue", "a web page"),
        (document(chart())[:300], "no whole chart in JSON"),
        (b"", "no whole chart in JSON"),
        (b"[]", "no whole chart in JSON"),
        (b'{"chart": {"result": [], "error": null}}', "no result"),
        (b"\xff\xfe\x00", "no whole chart in JSON"),
        (b"[" * 100_000, "no whole chart in JSON"),
    ],
)
def test_what_is_no_chart_is_refused_in_words_that_name_the_fund(served, words):
    with pytest.raises(SourceError, match=words) as error:
        yahoo.parse(served, "SPY", now=NOW)
    assert "SPY" in str(error.value)


def test_there_is_a_job_for_each_fund():
    assert [job.name for job in yahoo.SOURCE.jobs(Request(now=NOW))] == [*FUNDS]


def test_without_a_key_a_failure_says_how_to_get_a_second_provider():
    with pytest.raises(SourceError, match=r"is not there\. .*set REGIME_TIINGO_KEY to a free key"):
        run("IWM", Served({}), Request(now=NOW))


def test_with_a_key_the_second_provider_adds_only_what_is_not_stored():
    http = Served(replay_tiingo.documents(market(), now=NOW))
    request = Request(now=NOW, newest={"IWM_close": DAYS[2]}, keys={"REGIME_TIINGO_KEY": "abc"})
    rows = run("IWM", http, request)
    assert set(rows["source"]) == {"tiingo"}
    assert [*rows[rows["series"] == "IWM_close"]["period"]] == [*DAYS[3:]]
    assert http.asked[-1][2] == {"startDate": "2024-06-13", "format": "json", "token": "abc"}


def test_when_both_providers_fail_both_reasons_are_told_and_the_key_is_not():
    request = Request(now=NOW, keys={"REGIME_TIINGO_KEY": "secret"})
    with pytest.raises(SourceError, match=r"yahoo.*second provider failed too.*tiingo") as error:
        run("IWM", Served({}), request)
    assert "secret" not in str(error.value)


def test_a_replayed_market_returns_what_its_indices_did():
    observations = market(since="2004-01-02")
    now = pd.Timestamp("2024-06-14 18:00", tz="UTC")  # a live bar at the end
    documents = replay.documents(observations, now=now)
    assert [*documents] == [f"/v8/finance/chart/{ticker}" for ticker in FUNDS]
    http = Served(documents)
    rows = gather([job.run(http) for job in yahoo.SOURCE.jobs(Request(now=now))])
    panel = with_total_returns(wide(rows))
    assert panel.index[-1] == DAYS[-2]
    for name in INDICES:
        given_index = observations[observations["series"] == name].set_index("period")["value"]
        both = pd.DataFrame({"made": panel[name], "given": given_index}).dropna()
        assert len(both) == len(given_index) - 2  # the null bar, and the running session
        grown = both / both.iloc[0]
        assert_allclose(grown["made"], grown["given"], rtol=1e-5)
    assert panel["IJR_split"].dropna().tolist() == [3, 2]
    assert panel["SPY_dividend"].count() > 80


def test_both_providers_tell_the_same_of_a_replayed_market():
    from regime.data.sources import tiingo

    made = replay.shares(market(), now=NOW, splits={"IWM": SPLIT})["IWM"]
    first = yahoo.parse(replay.document("IWM", made, now=NOW, null_bar=None), "IWM", now=NOW)
    second = tiingo.parse(replay_tiingo.document(made), "IWM", now=NOW)
    columns = ["series", "period", "known_at", "value"]
    pd.testing.assert_frame_equal(first[columns], second[columns])
    assert wide(first)["IWM_split"].dropna().tolist() == [2.0]
