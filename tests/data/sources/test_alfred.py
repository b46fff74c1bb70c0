"""FRED with a key: every revision with its day, through chunks and pages, or a refusal."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from drawn import drawn
from hypothesis import strategies as st
from replay import fred as replay

from regime.data.catalog import get
from regime.data.observations import from_values
from regime.data.sources import alfred, fred
from regime.data.sources.live import Request
from regime.exceptions import SourceError

NOW = pd.Timestamp("2024-12-12 12:00", tz="UTC")
BY_LAG = "2024-02-20"  # when INDPRO of January 2024 is known at the latest


class Served:
    """The API as a host; what it refuses is handed on as it came."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def get(self, url, *, kind, params=None, headers=None):
        assert kind == "json"
        path = url.removeprefix("https://api.stlouisfed.org")
        self.asked.append((path, dict(params)))
        return self.answer(path, params)[1]


def told(*rows, series="INDPRO"):
    """Publications: period, day on which it came out, value."""
    frame = pd.DataFrame(rows, columns=["period", "day", "value"])
    days = pd.DatetimeIndex(pd.to_datetime(frame["day"])) + pd.Timedelta(days=1)
    return pd.DataFrame({
        "series": series, "period": pd.DatetimeIndex(pd.to_datetime(frame["period"])).as_unit("us"),
        "known_at": days.tz_localize("UTC").as_unit("us"),
        "value": frame["value"].astype(float), "source": "fred",
    })  # fmt: skip


def vintages(revisions, name="INDPRO", **api):
    host = Served(replay.api(revisions, revisions=revisions, **api))
    return alfred.vintages(host, get(name), replay.KEY), host


def triples(found):
    return [
        (f"{period:%Y-%m-%d}", f"{known:%Y-%m-%d %H:%M}", value)
        for period, known, value in zip(
            found["period"], found["known_at"], found["value"], strict=True
        )
    ]


def test_each_revision_is_known_when_its_day_is_over():
    found, _ = vintages(
        told(
            ("2024-01-31", "2024-02-15", 102.0),
            ("2024-02-29", "2024-03-15", 102.5),
            ("2024-01-31", "2024-03-15", 101.75),
        )
    )
    assert triples(found) == [
        ("2024-01-31", "2024-02-16 00:00", 102.0),
        ("2024-01-31", "2024-03-16 00:00", 101.75),
        ("2024-02-29", "2024-03-16 00:00", 102.5),
    ]


def test_what_the_oldest_vintage_held_is_known_by_its_lag():
    found, _ = vintages(
        told(
            ("1950-01-31", "1997-03-14", 10.0),
            ("1997-02-28", "1997-03-14", 80.0),
            ("1919-01-31", "2002-12-05", 5.0),
        )
    )
    assert triples(found) == [
        ("1919-01-31", "2002-12-06 00:00", 5.0),  # nobody had it before it was added
        ("1950-01-31", "1950-02-21 00:00", 10.0),
        ("1997-02-28", "1997-03-15 00:00", 80.0),
    ]


def test_a_value_that_a_vintage_repeats_is_no_publication():
    found, _ = vintages(
        told(*[("2024-01-31", f"2024-{month:02}-15", 102.0) for month in range(2, 12)])
    )
    assert len(found) == 1


def test_a_value_withdrawn_and_shown_again_is_no_publication():
    rows = told(("2024-01-31", "2024-02-15", 102.0), ("2024-01-31", "2024-03-15", np.nan),
                ("2024-01-31", "2024-04-15", 102.0))  # fmt: skip
    assert triples(vintages(rows)[0]) == [("2024-01-31", "2024-02-16 00:00", 102.0)]


def test_the_edge_of_a_chunk_is_no_publication(monkeypatch):
    revisions = told(
        ("2024-01-31", "2024-02-15", 102.0), ("2024-02-29", "2024-03-15", 103.0),
        ("2024-03-31", "2024-04-15", 104.0), ("2024-04-30", "2024-05-15", 105.0),
        ("2024-01-31", "2024-05-15", 101.0),
    )  # fmt: skip
    whole, _ = vintages(revisions)
    monkeypatch.setattr(alfred, "MOST_VINTAGES", 1)
    chunked, host = vintages(revisions)
    spans = [q["realtime_start"] for path, q in host.asked if path == replay.OBSERVATIONS]
    assert spans == ["2024-02-15", "2024-03-15", "2024-04-15", "2024-05-15"]
    pd.testing.assert_frame_equal(chunked, whole)


def test_two_thousand_vintages_are_never_asked_for_at_once():
    days = pd.date_range("2001-01-01", periods=4_500)
    rows = told(*[("2000-12-31", day, at) for at, day in enumerate(days)])
    found, host = vintages(rows)
    assert len(found) == 4_500
    spans = [q for path, q in host.asked if path == replay.OBSERVATIONS]
    assert len(spans) == 3
    one_more = dict(spans[0], realtime_end=spans[1]["realtime_start"])
    status, body = host.answer(replay.OBSERVATIONS, one_more)
    assert status == 400
    assert "There are 2000 vintage dates" in json.loads(body)["error_message"]


def test_pages_are_put_together():
    rows = told(*[("2024-01-31", f"2024-03-{day:02}", day) for day in range(1, 29)])
    assert triples(vintages(rows, most_rows=5)[0]) == triples(vintages(rows)[0])
    host = Served(replay.api(rows, most_rows=1))
    assert len(alfred.latest(host, get("DGS10"), replay.KEY)) > 1


def brute_force(revisions, moment):
    """Newest publication of each period by a moment, from the rows themselves."""
    rows = revisions[revisions["known_at"] <= moment].sort_values("known_at", kind="stable")
    return rows.groupby("period")["value"].last()


@drawn(st.data(), few=8, full=20)
def test_what_was_known_on_any_day_after_the_oldest_vintage_comes_back(data):
    count = data.draw(st.integers(1, 40))
    rows = {}
    for _ in range(count):
        month = data.draw(st.integers(1, 6))
        day = data.draw(st.integers(0, 60))
        rows[month, day] = data.draw(st.integers(1, 4))
    months = pd.date_range("2024-01-31", periods=6, freq="ME")
    revisions = told(
        *[
            (months[month - 1], pd.Timestamp("2024-08-01") + pd.Timedelta(days=day), value)
            for (month, day), value in rows.items()
        ]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alfred, "MOST_VINTAGES", data.draw(st.integers(1, 10)))
        found, _ = vintages(revisions, most_rows=data.draw(st.integers(1, 9)))
    oldest = revisions["known_at"].min()
    for moment in {*found["known_at"], *revisions["known_at"]}:  # between these nothing changes
        if moment >= oldest:
            pd.testing.assert_series_equal(
                brute_force(found, moment), brute_force(revisions, moment)
            )
    assert (found["value"] != found.groupby("period")["value"].shift()).all()


def test_revised_series_come_from_the_archive_and_the_others_do_not():
    yields = from_values(get("DGS10"), pd.Series([4.2], [pd.Timestamp("2024-07-11")]), "fred")
    host = Served(replay.api(yields))
    jobs = fred.jobs(Request(now=NOW, keys={"REGIME_FRED_KEY": replay.KEY}))
    found = {job.name.split()[1]: job.run(host) for job in jobs}
    assert triples(found["DGS10"]) == [("2024-07-11", "2024-07-12 20:00", 4.2)]
    archived = {query["series_id"] for path, query in host.asked if path == replay.VINTAGE_DATES}
    assert {"PAYEMS", "ICSA", "CPIAUCSL"} <= archived
    assert not archived & {"DGS10", "NFCI", "FEDFUNDS"}


def test_a_request_since_some_day_asks_for_whole_months():
    rows = told(("2024-01-31", "2024-02-15", 102.0), ("2024-02-29", "2024-03-15", 103.0))
    host = Served(replay.api(rows))
    found = alfred.vintages(host, get("INDPRO"), replay.KEY, pd.Timestamp("2024-02-29"))
    assert triples(found) == [("2024-02-29", "2024-03-16 00:00", 103.0)]


def test_a_week_is_its_friday_and_asked_for_from_its_sunday():
    rows = told(("2024-07-05", "2024-07-11", 1.0), ("2024-07-12", "2024-07-18", 2.0), series="ICSA")
    host = Served(replay.api(rows))
    found = alfred.vintages(host, get("ICSA"), replay.KEY, pd.Timestamp("2024-07-12"))
    assert triples(found) == [("2024-07-12", "2024-07-19 00:00", 2.0)]
    assert host.asked[1][1]["observation_start"] == "2024-07-07"


def test_a_week_that_is_called_by_two_of_its_days_is_refused():
    dates = {"count": 2, "vintage_dates": ["2024-07-18", "2024-07-25"]}
    rows = [
        {"realtime_start": "2024-07-18", "date": "2024-07-13", "value": "1"},
        {"realtime_start": "2024-07-25", "date": "2024-07-12", "value": "1"},
    ]
    page = {"count": 2, "observations": rows}

    def answer(path, query):
        return 200, json.dumps(dates if path == replay.VINTAGE_DATES else page).encode()

    with pytest.raises(SourceError, match="ICSA needs one value a week"):
        alfred.vintages(Served(answer), get("ICSA"), replay.KEY)


def test_a_refusal_is_told_without_the_key():
    secret = "feedbeef" * 4
    host = Served(lambda *_: replay._refusal(f"The value {secret} is not registered."))
    with pytest.raises(SourceError, match="FRED refuses observations of DGS10 with 400") as caught:
        alfred.latest(host, get("DGS10"), secret)
    assert secret not in str(caught.value)
    assert "REGIME_FRED_KEY" in str(caught.value)


PAGE = {
    "count": 2,
    "observations": [
        {"realtime_start": "2024-02-15", "date": "2024-01-01", "value": "102.0"},
        {"realtime_start": "2024-03-15", "date": "2024-02-01", "value": "103.0"},
    ],
}


def changed(at=0, **cells):
    rows = [dict(row) for row in PAGE["observations"]]
    rows[at].update(cells)
    return {**PAGE, "observations": rows}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (json.dumps(PAGE)[:-20], "INDPRO needs observations as JSON"),
        ("[1]", "INDPRO needs observations in an object, found [1]"),
        ({"count": 2}, "needs an answer with a count and observations, found ['count']"),
        ({**PAGE, "count": "2"}, "needs an answer with a count"),
        ({**PAGE, "count": 1}, "needs 1 observations, as the API counts them, but it gave 2"),
        ({**PAGE, "observations": []}, "needs 2 observations, as the API counts them"),
        (changed(value=102.0), "row 0: needed a text 'value'"),
        (changed(value="1O2"), "row 0: needed a number or a point for none, found '1O2'"),
        (changed(date="2024-01-41"), "needed a date YYYY-MM-DD, found '2024-01-41'"),
        (changed(1, date="2024-01-01"), "INDPRO, row 1: '2024-01-01' comes twice"),
        ({**PAGE, "observations": [1, 2]}, "row 0: needed a text 'date', found 1"),
    ],
)
def test_an_answer_that_cannot_be_right_is_refused_in_words(body, words):
    text = body if isinstance(body, str) else json.dumps(body)
    host = Served(lambda *_: (200, text.encode()))
    with pytest.raises(SourceError, match=re.escape(words)) as caught:
        alfred.latest(host, get("INDPRO"), replay.KEY)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dates", [[], ["2024-03-15", "2024-02-15"], ["2024-02-15"] * 2])
def test_vintages_out_of_order_or_none_are_refused(dates):
    body = json.dumps({"count": len(dates), "vintage_dates": dates}).encode()
    with pytest.raises(SourceError, match="INDPRO needs vintages of ALFRED in ascending order"):
        alfred.vintages(Served(lambda *_: (200, body)), get("INDPRO"), replay.KEY)


def test_two_values_of_one_day_are_refused():
    dates = {"count": 1, "vintage_dates": ["2024-02-15"]}
    rows = changed(1, date="2024-01-01", realtime_start="2024-02-15")

    def answer(path, query):
        return 200, json.dumps(dates if path == replay.VINTAGE_DATES else rows).encode()

    with pytest.raises(SourceError, match="INDPRO of 2024-01-01 has two values that came out on"):
        alfred.vintages(Served(answer), get("INDPRO"), replay.KEY)
