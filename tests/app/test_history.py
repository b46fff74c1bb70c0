"""The History page, its charts and its table: every figure against what was published."""

import shutil

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from paged import ROOT, VIEWS, broken, page, words
from pandas.testing import assert_frame_equal
from streamlit.testing.v1 import AppTest

from app.charts import history as charts
from app.charts.style import Source
from regime.brief.history import (
    PRESETS,
    RETURNS,
    asked_horizon,
    asked_span,
    footing,
    indexed,
    preset_span,
    stretches,
)
from regime.brief.snapshot import load_snapshot, load_snapshot_of
from regime.data.calendar import end_of_day
from regime.exceptions import StoreError
from regime.labels.leadership import leadership_path
from regime.taxonomy import REGIMES
from regime.tracking.published import load_day

SOURCE = Source("simulated", pd.Timestamp("2004-12-31"))


def ends(frame):
    return frame.index[0], frame.index[-1]


@pytest.fixture
def told(leads):
    """Probabilities, calls and the path of four years."""
    rng = np.random.default_rng(0)
    proba = pd.DataFrame(rng.dirichlet([1, 1, 1], len(leads)), leads.index, list(REGIMES))
    return proba, proba.idxmax(axis=1).to_frame("regime"), leadership_path(leads, switching_cost=10)


def area(figure, row, opacity=None):
    """Days that the strips of a row cover, by colour."""
    axis = f"y{row}"
    found = {}
    for trace in figure.data:
        if trace.fill == "toself" and trace.yaxis == axis:
            assert np.isnan(trace.x[4::5]).all(), "stretches do not run into one another"
            x = [pd.to_datetime(trace.x[place::5], unit="ms") for place in (0, 2)]
            found[trace.fillcolor] = list(zip(*x, strict=True))
    return found


def test_the_ribbon_stacks_to_one_and_each_strip_covers_every_day_once(told):
    proba, calls, path = told
    figure = charts.probability_ribbon(proba, calls, path, ends(proba), SOURCE)
    areas = [trace for trace in figure.data if trace.stackgroup == "one"]
    assert_allclose(sum(np.asarray(trace.y, dtype=float) for trace in areas), 1)
    for row, frame in ((2, calls), (3, path)):
        drawn = sorted(one for part in area(figure, row).values() for one in part)
        assert drawn[0][0] == frame.index[0]
        assert drawn[-1][1] == frame.index[-1]
        assert [one[1] for one in drawn[:-1]] == [one[0] for one in drawn[1:]]
        begins = frame.index[(frame["regime"] != frame["regime"].shift()).to_numpy()]
        assert set(begins) <= {one[0] for one in drawn}


def test_what_is_not_confirmed_is_pale_and_said_to_be(told):
    proba, calls, path = told
    figure = charts.probability_ribbon(proba, calls, path, ends(proba), SOURCE)
    pale = [one for colour, part in area(figure, 3).items() if "0.35" in colour for one in part]
    assert min(one[0] for one in pale) == path.index[path["confirmed_on"].isna()][0]
    words = " ".join(one.text for one in figure.layout.annotations).replace("<br>", " ")
    assert "Pale: hindsight may still change." in words
    assert "As of the close of 31 December 2004" in words


def test_leads_are_added_up_and_returns_begin_at_a_hundred(leads):
    figure = charts.cumulative_leads(leads[:50], ends(leads[:50]), SOURCE)
    assert_allclose(figure.data[0].y[-1], leads["mega_cap_led"][:50].sum())
    grown = indexed((leads / 100).add_prefix("return_"))
    assert_allclose(grown.iloc[0], 100)
    assert_allclose(grown.iloc[-1], 100 * np.exp(leads.iloc[1:].sum() / 100))
    figure = charts.total_returns(grown, ends(grown), SOURCE)
    assert figure.layout.yaxis.type == "log"


def test_numbers_of_events_never_touch_and_titles_are_text():
    span = (pd.Timestamp("2001-01-02"), pd.Timestamp("2004-12-31"))
    days = pd.date_range("2000-06-01", periods=200, freq="11D")
    events = charts.placed(pd.DataFrame({"date": days, "title": "<b>x</b>"}), span)
    assert events["date"].between(*span).all()
    assert list(events["number"]) == list(range(1, len(events) + 1))
    assert events["level"].isna().any()
    for _, mine in events.dropna(subset="level").groupby("level"):
        assert (mine["date"].diff().dropna() >= 0.05 * (span[1] - span[0])).all()
    index = pd.bdate_range(*span)
    frame = pd.DataFrame(1.0, index, list(REGIMES))
    figure = charts.cumulative_leads(frame, span, SOURCE, events=events)
    numbers = figure.data[0]
    assert set(numbers.customdata) == {"&lt;b&gt;x&lt;/b&gt;"}
    assert len(figure.layout.shapes) == len(numbers.text) == events["level"].notna().sum()
    note = " ".join(one.text for one in figure.layout.annotations).replace("<br>", " ")
    assert f"{events['level'].isna().sum()} of {len(events)} have no room" in note


def test_a_long_line_is_thinned_and_says_so():
    index = pd.bdate_range("1960-01-04", "2020-12-31")
    frame = pd.DataFrame(1.0, index, list(REGIMES))
    figure = charts.cumulative_leads(frame, ends(frame), SOURCE)
    assert max(len(trace.x) for trace in figure.data) <= 800
    assert "One in 20 sessions" in " ".join(one.text for one in figure.layout.annotations)


@pytest.mark.parametrize(
    ("low", "high"), [(90, 130), (60, 210), (20, 900), (100, 100), (3, 80_000), (99.8, 100.3)]
)
def test_ticks_of_a_logarithmic_axis_are_few_and_inside(low, high):
    ticks = charts.log_ticks(low, high)
    assert 1 <= len(ticks) <= 6
    assert all(low - 1 <= one <= high + 1 for one in ticks)
    assert ticks == sorted(set(ticks))


FIRST, LAST, SAID = (pd.Timestamp(one) for one in ("1926-09-14", "2024-12-31", "2010-01-04"))


def test_an_address_gives_the_stretch_it_names_and_a_preset_knows_itself():
    span, words = asked_span("2020-01-01", "2021-01-01", FIRST, LAST, SAID)
    assert (f"{span.since:%F}", f"{span.until:%F}", span.preset) == (
        "2020-01-01", "2021-01-01", None,
    )  # fmt: skip
    assert words == ""
    for name in PRESETS:
        one = preset_span(name, FIRST, LAST, SAID)
        again, _ = asked_span(f"{one.since:%F}", f"{one.until:%F}", FIRST, LAST, SAID)
        assert again == one
    beyond, words = asked_span("1900-01-01", "2099-01-01", FIRST, LAST, SAID)
    assert (beyond.since, beyond.until, words) == (FIRST, LAST, "")
    assert asked_span("2024-12-01", None, FIRST, LAST, SAID)[0].until == LAST


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        ("2020-13-01", None, "no date"), (None, "<b>", "no date"), ("", "", "no date"),
        ("2021-01-01", "2020-01-01", "nothing to show"),
        ("2099-01-01", None, "nothing to show"), (None, "1900-01-01", "nothing to show"),
        ("-1-1-1", None, "no date"), ("now", None, "no date"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_shown_falls_back_with_a_word(since, until, said):
    span, words = asked_span(since, until, FIRST, LAST, SAID)
    assert said in words
    assert span == preset_span("5y", FIRST, LAST, SAID)


def test_each_call_is_told_beside_hindsight_and_what_the_baskets_returned(served):
    shown = load_snapshot(served)
    table = stretches(shown)
    calls = shown.calls.set_index("date")["regime"]
    path = shown.labels.set_index("date")
    returns = shown.conditions.set_index("date")
    assert table["sessions"].sum() == len(calls)
    assert list(table["since"][1:]) == list(table["until"][:-1])
    assert pd.isna(table["until"].iloc[-1])
    assert (table["regime"] != table["regime"].shift()).all()
    days, taken = path.index, set()
    for place, row in enumerate(table.itertuples()):
        end = shown.day if pd.isna(row.until) else row.until
        between = returns[(returns.index > row.since) & (returns.index <= end)]
        for name in RETURNS:
            assert_allclose(getattr(row, name), np.expm1(between[name].sum()), atol=1e-12)
        said = calls[row.since :] if pd.isna(row.until) else calls[row.since : row.until].iloc[:-1]
        agreed = [day for day in said.index if path["regime"][day] == row.regime]
        begin = None
        if agreed:  # back to where hindsight's stretch begins
            begin = days.get_loc(agreed[0])
            while begin and path["regime"].iloc[begin - 1] == row.regime:
                begin -= 1
        if pd.notna(row.late):
            assert row.late == days.get_loc(row.since) - begin
            assert pd.notna(path["confirmed_on"].iloc[begin])
        elif place:
            at = said.index[-1] if begin is None else days[begin]
            settled = pd.notna(path["confirmed_on"][at])
            expected = "called again" if begin in taken else "hindsight disagrees"
            assert row.words == expected if settled else row.words == "not settled yet"
        taken |= {begin} - {None}
    assert table["late"].notna().sum() >= 5
    assert "sessions late" in " ".join(table["words"])


def test_a_published_day_is_seen_again_as_it_was_published(lived):
    now = load_snapshot(lived)
    assert now.ledger["date"].nunique() == 6
    first = now.ledger.drop_duplicates(["date", "horizon"])
    for day, rows in first.groupby("date"):
        then = load_snapshot_of(lived, now, day)
        for row in rows.itertuples():
            told = then.probabilities(row.horizon).loc[day]
            assert list(told) == [getattr(row, name) for name in REGIMES]
        assert then.call["regime"] == rows["call"].iloc[0]
        assert then.call["status"] == rows["call_status"].iloc[0]
        assert then.about["state"] == rows["state"].iloc[0]
        late = rows["published_at"].iloc[0] > end_of_day(day)
        assert then.kept != late  # nobody looked at a day that was published days after
        if then.then and then.kept:
            kept = load_day(lived, day)
            assert_frame_equal(then.flips, kept["flips"])
            assert len(then.drivers) == len(kept["drivers"])
            labels = leadership_path(
                then.leads.set_index("date"), switching_cost=now.about["switching_cost"]
            )
            assert list(then.labels["regime"]) == list(labels["regime"])
    assert "Published live since 2 July 2012: 6 days have been" in footing(now)


def test_the_page_says_since_when_it_is_live_and_lists_every_call(lived, at_eight):
    ran = opened(below="Each call")
    assert not ran.exception
    assert "Published live since 2 July 2012" in words(ran)
    assert "None in this stretch" in words(ran)
    table = ran.dataframe[0].value
    assert table["until"].iloc[0] == "it stands"
    assert len(table) <= len(stretches(load_snapshot(lived)))


def opened(**address) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app/views/history.py"), default_timeout=60)
    for name, told in address.items():
        app.query_params[name] = told
    return app.run()


def test_a_shared_link_opens_the_same_view_and_a_choice_is_put_into_the_address(at_eight):
    ran = opened(**{"from": "2010-01-04", "to": "2011-01-03", "below": "Each call"})
    assert not ran.exception
    shown = ran.dataframe[0].value
    assert shown["since"].max() <= pd.Timestamp("2011-01-03")
    ran.segmented_control(key="history_preset").set_value("1y").run()
    assert ran.query_params["from"] == "2011-07-10"
    assert ran.query_params["to"] == "2012-07-10"
    ran.date_input(key="history_from").set_value(pd.Timestamp("2011-12-01").date()).run()
    assert ran.query_params["from"] == "2011-12-01"
    assert ran.segmented_control(key="history_preset").value is None


def test_how_far_ahead_is_in_the_link_and_outlasts_another_stretch(at_eight):
    ran = opened(horizon="21")
    assert not ran.exception
    assert ran.segmented_control(key="history_horizon").value == 21
    ran.segmented_control(key="history_horizon").set_value(0).run()
    assert ran.query_params["horizon"] == "0"
    ran.segmented_control(key="history_horizon").set_value(21).run()
    ran.segmented_control(key="history_preset").set_value("1y").run()
    assert ran.query_params["horizon"] == "21"
    assert ran.segmented_control(key="history_horizon").value == 21


@pytest.mark.parametrize(
    ("told", "shown", "charts"),
    [("Lead", "Lead", 2), ("Total return", "Total return", 2), ("Each call", "Each call", 1),
     ("**x**", "Lead", 2)],
)  # fmt: skip
def test_what_stands_below_is_in_the_link(told, shown, charts, at_eight):
    ran = opened(below=told, horizon="21")
    assert not ran.exception
    assert ran.segmented_control(key="history_below").value == shown
    assert len(ran.get("plotly_chart")) == charts
    ran.segmented_control(key="history_below").set_value("Total return").run()
    assert ran.query_params["below"] == "Total return"
    assert ran.query_params["horizon"] == "21"
    assert "Dividends reinvested" in words(ran)


@pytest.mark.parametrize("told", ["22", "-1", "", "**x**", "0.0", "٢١"])
def test_a_horizon_that_nobody_speaks_of_falls_back_with_a_word(told):
    horizon, words = asked_horizon(told, [0, 21, 63])
    assert horizon == 0
    assert "those of 0, 21, 63" in words
    assert asked_horizon("21", [0, 21, 63]) == (21, "")
    assert asked_horizon(None, [0, 21, 63]) == (0, "")


def test_a_bad_link_says_so_and_shows_five_years(at_eight):
    ran = opened(**{"from": "**bold**"})
    assert not ran.exception
    assert "no date" in " ".join(one.value for one in ran.warning)
    assert "**bold**" not in " ".join(one.value for one in ran.warning)
    assert ran.segmented_control(key="history_preset").value == "5y"


def test_a_stretch_without_a_session_says_so(at_eight):
    app = AppTest.from_file(str(VIEWS / "history.py"), default_timeout=60)
    app.query_params.update({"from": "2012-07-07", "to": "2012-07-08"})  # a weekend
    ran = app.run()
    assert not ran.exception
    assert "No session lies in this stretch" in words(ran)


def test_events_are_drawn_up_to_the_day_and_a_broken_list_hides_no_chart(lived, home, tmp_path):
    own = tmp_path / "home"
    shutil.copytree(lived.home / "published", own / "published", symlinks=True)
    home(own)
    (own / "events.csv").write_text("date,title\n2012-07-03,<b>early</b>\n2012-07-09,late\n")
    listed = page("history").dataframe[0].value
    assert list(listed["title"]) == ["<b>early</b>", "late"]
    then = page("history", day="2012-07-05")
    assert list(then.dataframe[0].value["title"]) == ["<b>early</b>"]
    assert "Events are edited on the newest day" in words(then)
    (own / "events.csv").write_text("nonsense")
    ran = page("history")
    assert not ran.exception
    assert "Mend the file" in words(ran)
    assert len(ran.get("plotly_chart")) == 2


def test_saving_keeps_the_list_and_says_where_somebody_else_was_faster(
    lived, home, tmp_path, monkeypatch
):
    own = tmp_path / "home"
    shutil.copytree(lived.home / "published", own / "published", symlinks=True)
    home(own)
    ran = page("history")
    ran.button(key="events_save").click().run()
    assert not ran.exception
    assert (own / "events.csv").read_text() == "date,title\n"
    assert "Saved: 0 events." in words(ran)
    ran.segmented_control(key="history_preset").set_value("1y").run()
    assert "Saved:" not in words(ran)

    def slower(rows, read):
        raise StoreError("The events were changed by somebody else, **x**.")

    monkeypatch.setattr("app.queries.keep_events", slower)
    ran.button(key="events_save").click().run()
    assert not ran.exception
    assert r"changed by somebody else, \*\*x\*\*" in words(ran)


def test_an_empty_home_says_what_to_run_and_a_broken_one_what_is_wrong(lived, home, tmp_path):
    home(tmp_path / "nothing")
    assert "regime demo" in words(page("history"))
    home(broken(lived.home, tmp_path / "broken"))
    ran = page("history")
    assert not ran.exception
    assert "There is no readable result" in words(ran)


@pytest.fixture
def whole(at_eight) -> AppTest:
    """The app from its front, with the time machine in the margin."""
    return AppTest.from_file(str(ROOT / "app/main.py"), default_timeout=60)


@pytest.mark.parametrize(
    ("asked", "stands", "said"),
    [
        ("2012-07-05", "2012-07-05", "Time machine: the close of 5 July 2012"),
        ("2012-07-04", "2012-07-03", "There is no close of 4 July 2012"),
        ("1950-01-01", None, "There is nothing of 1 January 1950"),
        ("2099-01-01", "newest", "There is nothing of 1 January 2099"),
        ("*nonsense*", "newest", "which is no date"),
        ("-1-1-1", "newest", "which is no date"),
        ("2012-07-10", "newest", ""),
    ],
)
def test_a_link_to_any_day_opens_on_the_close_at_or_before_it(whole, lived, asked, stands, said):
    whole.query_params["day"] = asked
    ran = whole.run()
    assert not ran.exception
    assert said in words(ran)
    shown = load_snapshot(lived)
    stands = f"{shown.first:%F}" if stands is None else stands
    assert ran.query_params.get("day", "newest") == stands
    expected = f"{shown.day:%F}" if stands == "newest" else stands
    assert f"{ran.date_input(key='time_machine').value}" == expected


def test_one_goes_back_and_returns_to_the_newest_day(whole):
    ran = whole.run()
    ran.date_input(key="time_machine").set_value(pd.Timestamp("2012-07-08").date()).run()
    assert ran.query_params["day"] == "2012-07-06"  # a Sunday is looked at from Friday
    assert "the close of 6 July 2012" in words(ran)
    next(one for one in ran.button if one.label.startswith("Back")).click().run()
    assert "day" not in ran.query_params
    assert "Time machine: the close" not in words(ran)
