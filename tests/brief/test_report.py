"""The weekly note says what the snapshot says, with dates, and nothing of it is markup."""

import itertools
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from weekly import published

from regime.brief import today
from regime.brief.report import html, return_rows, unsplit_words, weekly
from regime.brief.snapshot import load_snapshot, load_snapshot_of
from regime.brief.sure import been_right, how_sure
from regime.brief.week import Week, moved_over, sessions_of, week_of
from regime.brief.why import change_of, opening
from regime.data.calendar import trading_days
from regime.exceptions import EvaluationError
from regime.movement import COLUMNS
from regime.taxonomy import REGIMES

DAYS = trading_days(pd.Timestamp("2008-06-02"), pd.Timestamp("2008-12-31"))
HOSTILE = '<script>alert("x")</script>&"\'{{ 7*7 }}'


def day(text) -> pd.Timestamp:
    return pd.Timestamp(text)


# Weeks


@pytest.mark.parametrize(
    ("asked", "before", "last"),
    [
        ("2008-11-14", "2008-11-07", "2008-11-14"),
        ("2008-11-16", "2008-11-07", "2008-11-14"),  # a Sunday ends its week
        ("2008-07-02", "2008-06-27", "2008-07-03"),  # Independence Day was a Friday
        ("2008-07-08", "2008-07-03", "2008-07-11"),
        ("2008-11-27", "2008-11-21", "2008-11-28"),
    ],
)
def test_a_week_goes_from_last_close_to_last_close(asked, before, last):
    assert week_of(DAYS, day("2008-12-31"), day(asked)) == Week(day(before), day(last), day(last))


def test_the_week_by_default_is_the_last_that_is_over_and_has_probabilities():
    # The 31st was a Wednesday, and that week had one more session.
    assert week_of(DAYS, day("2008-12-31")).day == day("2008-12-26")
    assert week_of(DAYS, day("2009-01-02")).day == day("2008-12-31")
    assert week_of(DAYS, day("2009-01-02")).last == day("2009-01-02")
    assert week_of(DAYS, day("2026-11-20")).day == day("2008-12-31")


def test_a_week_that_is_not_over_or_has_nothing_is_refused_in_words():
    with pytest.raises(EvaluationError, match=r"is not over: .* 2009-01-02"):
        week_of(DAYS, day("2008-12-31"), day("2008-12-30"))
    with pytest.raises(EvaluationError, match="no probabilities in it"):
        week_of(DAYS, day("2026-11-20"), day("2015-03-04"))
    with pytest.raises(EvaluationError, match="no probabilities before it"):
        week_of(DAYS, day("2026-11-20"), day("2008-06-04"))
    with pytest.raises(EvaluationError, match="no session"):
        week_of(DAYS, day("2026-11-20"), day("1933-03-08"))  # the banks were closed, and it too


# What moved


def by_regime(values) -> dict:
    return dict(zip(REGIMES, values, strict=True))


def moved_row(*values) -> dict:
    return dict(zip(COLUMNS, values, strict=True))


def chain(n_days, seed=0):
    """Scores of consecutive days, and what is told to have moved on each but the first."""
    rng = np.random.default_rng(seed)
    days = DAYS[:n_days]
    scores = pd.DataFrame(
        [
            {
                "date": one,
                "horizon": horizon,
                **by_regime(rng.dirichlet([1, 1, 1])),
            }
            for one in days
            for horizon in (0, 21)
        ]
    )
    told = []
    for before, now in itertools.pairwise(days):
        rows = []
        for horizon in (0, 21):
            for name in REGIMES:
                was, is_ = (
                    scores.loc[
                        (scores["date"] == one) & (scores["horizon"] == horizon), name
                    ].item()
                    for one in (before, now)
                )
                market, revision = rng.normal(0, 0.1, 2)
                model = is_ - was - market - revision
                rows.append(moved_row(horizon, name, was, is_, market, revision, model))
        told.append(rows)
    week = Week(days[0], days[-1], days[-1])
    return SimpleNamespace(scores=scores), week, told


def test_what_moved_over_a_week_is_the_sum_of_its_days():
    then, week, told = chain(6)
    found = moved_over(then, week, told).set_index(["horizon", "regime"])
    daily = pd.concat(pd.DataFrame(rows) for rows in told)
    for cause in ("market", "revision", "model"):
        summed = daily.groupby(["horizon", "regime"])[cause].sum()
        pd.testing.assert_series_equal(found[cause].sort_index(), summed, check_names=False)
    parts = found[["market", "revision", "model"]].sum(axis=1)
    assert np.allclose(parts, found["now"] - found["before"])


def test_a_break_between_the_days_leaves_the_whole_untold():
    then, week, told = chain(6)
    assert moved_over(then, week, told[:2] + told[3:]) is None
    assert moved_over(then, week, told[:-1]) is None
    assert moved_over(then, week, []) is None


def test_a_day_that_cannot_tell_model_from_revision_makes_a_week_that_cannot():
    then, week, told = chain(4)
    for row in told[1]:
        row["model"], row["revision"] = row["model"] + row["revision"], None
    found = moved_over(then, week, told)
    assert found["revision"].isna().all()
    parts = found[["market", "model"]].sum(axis=1)
    assert np.allclose(parts, found["now"] - found["before"])


# The page


class Page(HTMLParser):
    """Text of a page, its tables by caption, and what it would load or run."""

    def __init__(self, text) -> None:
        super().__init__()
        self.words, self.tables, self.tags, self.ids, self.loads = [], {}, [], [], []
        self._cell = self._caption = None
        self._rows, self._skip = [], 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        values = dict(attributes)
        self.ids += [values["id"]] if "id" in values else []
        for name in ("src", "href", "xlink:href", "action", "data", "poster"):
            if name in values and not values[name].startswith("#"):
                self.loads.append((tag, values[name]))
        self.loads += [(tag, name) for name in values if name.startswith("on")]
        self._skip += tag in ("style", "title", "svg")
        if tag == "caption":
            self._caption = ""
        elif tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._cell = ""

    def handle_endtag(self, tag):
        self._skip -= tag in ("style", "title", "svg")
        if tag == "caption":
            self.tables[self._caption] = self._rows
            self._caption = None
        elif tag in ("td", "th") and self._cell is not None:
            self._rows[-1].append(self._cell.strip())
            self._cell = None

    def handle_data(self, data):
        if self._skip:
            return
        self.words.append(data)
        if self._caption is not None:
            self._caption += data
        if self._cell is not None:
            self._cell += data

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def table(self, begins):
        return next(rows for caption, rows in self.tables.items() if caption.startswith(begins))


@pytest.fixture(scope="module")
def newest(market, tmp_path_factory):
    settings = published(market, tmp_path_factory.mktemp("note"))
    return settings, load_snapshot(settings)


def noted(newest, asked, roster=None, moved=None, behind=0):
    settings, snapshot = newest
    days = pd.DatetimeIndex(snapshot.probabilities(0).index)
    week = week_of(days, day("2009-01-02"), day(asked))
    then = load_snapshot_of(settings, snapshot, week.day)
    facts = weekly(
        then, week, moved=moved, roster=roster, behind=behind, signals=None,
        version="0.1.0", command="regime report --week 2008-11-21",
    )  # fmt: skip
    return then, week, facts


def split_of(then, week) -> pd.DataFrame:
    """A change that is all the market's."""
    rows = []
    for horizon in then.horizons:
        proba = then.probabilities(horizon)
        for name in REGIMES:
            was, is_ = proba.loc[week.before, name], proba.loc[week.day, name]
            rows.append(moved_row(horizon, name, was, is_, is_ - was, 0.0, 0.0))
    return pd.DataFrame(rows)


@pytest.mark.parametrize("asked", ["2008-11-21", "2008-07-02", "2008-12-31"])
def test_every_number_of_the_note_is_the_snapshots(newest, asked):
    then, week, _ = noted(newest, asked)
    _, _, facts = noted(newest, asked, moved=split_of(then, week))
    page = Page(html(facts))
    rows = page.table("Probability of each regime, and its change")
    assert rows[0][1:3] == [f"{one.day} {one:%b %Y}" for one in (week.before, week.day)]
    shown = iter(row for row in rows[1:] if len(row) == 4)
    for horizon in then.horizons:
        proba = then.probabilities(horizon)
        for name in REGIMES:
            was, is_ = (round(100 * proba.loc[one, name]) for one in (week.before, week.day))
            assert next(shown)[1:] == [f"{was}%", f"{is_}%", f"{is_ - was:+d}".replace("+0", "0")]
        away = 1 - proba["mega_cap_led"]
        assert (
            f"from {away[week.before]:.0%} at the close of {today.day_words(week.before)} to "
            f"{away[week.day]:.0%} at the close of {today.day_words(week.day)}."
        ) in page.text
    market = page.table("Total return after the close")
    days = (then.conditions["date"] > week.before) & (then.conditions["date"] <= week.day)
    leads = (then.leads["date"] > week.before) & (then.leads["date"] <= week.day)
    assert days.sum() == len(sessions_of(week))
    for row, name in zip(market[1:-1], REGIMES, strict=True):
        earned = np.prod(1 + np.expm1(then.conditions.loc[days, f"return_{name}"])) - 1
        assert row[1:] == [f"{earned:+.1%}", f"{then.leads.loc[leads, name].sum():+.1f}"]
    change = change_of(then, 0)
    called = opening(change, then.call["regime"])
    shares = page.table(f"Shares in the change of {today.in_text(called)}")
    told = [float(row[1]) for row in shares[1:]]
    assert told[-1] == round(float(change.moved[called]), 3)
    assert sum(told[:-1]) == pytest.approx(told[-1], abs=0.0005 * len(told))
    for one in how_sure(then):
        assert one.words in page.text
    assert been_right(then) in page.text
    for line in today.flips_of(then):
        assert line in page.text
    call = today.call_of(then)
    for words in (call.words, call.called, call.hindsight):
        assert words in page.text
    for row in split_of(then, week).to_dict("records"):
        before, now = round(100 * row["before"]), round(100 * row["now"])
        assert f"{before}% to {now}%: market" in page.text


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ([0], "The close of 14 November 2008 was not published"),
        ([0, 2, 5], "The closes of 14 November 2008, 18 November 2008 and 21 November 2008 were"),
        ([], "does not lead from close to close"),
    ],
)
def test_a_week_that_cannot_be_split_says_which_close_was_not_published(newest, lacking, said):
    _then, week, facts = noted(newest, "2008-11-21")
    closes = sessions_of(week).insert(0, week.before)
    like = SimpleNamespace(ledger=pd.DataFrame({"date": closes.delete(lacking)}))
    assert said in unsplit_words(like, week)
    assert "were not published, so the change cannot be split" in Page(html(facts)).text


def test_returns_of_a_week_are_compounded_and_a_missing_one_is_not_guessed(newest):
    then, week, _ = noted(newest, "2008-11-21")
    days = sessions_of(week)
    wild = pd.DataFrame({"date": days, "return_mega_cap_led": np.log(1.1)})
    wild["return_broadening"] = [np.nan, *[0.01] * (len(days) - 1)]
    like = SimpleNamespace(about=then.about, leads=then.leads, conditions=wild)
    told = [row["return"] for row in return_rows(like, week)]
    assert told == [f"{1.1 ** len(days) - 1:+.1%}", "not known", "not known", "not known"]


def test_the_note_says_first_that_the_market_is_simulated_and_carries_its_dates(newest):
    _then, _week, facts = noted(newest, "2008-11-21", behind=27)
    page = Page(html(facts))
    assert page.text.index("SIMULATED market.") < page.text.index("Equity leadership")
    assert "27 sessions had closed since 21 November 2008" in page.text
    assert "From the close of 14 November 2008 to the close of 21 November 2008" in page.text
    assert not re.search(r"\bnan\b|NaT|None", page.text)
    real = html(facts | {"simulated": False})
    assert "SIMULATED" not in real


def test_a_week_whose_last_session_has_nothing_says_so(newest):
    _, week, facts = noted(newest, "2008-12-31")
    assert week.day < week.last
    assert "The week's last session was that of 2 January 2009" in Page(html(facts)).text


def test_the_page_needs_nothing_beside_it_and_can_be_read_by_a_machine(newest):
    page = Page(html(noted(newest, "2008-11-21")[2]))
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert page.loads == []
    assert len(page.ids) == len(set(page.ids))
    assert page.tags.count("h1") == 1
    text = html(noted(newest, "2008-11-21")[2])
    assert text.count("<svg") == text.count('role="img"') == 2
    assert text.count("<table") == text.count("<caption")
    assert not re.search(r"<(th)(?![^>]*scope=)", text.replace("<thead", ""))
    assert "url(http" not in text
    assert "prefers-color-scheme: dark" in text
    assert "size: A4" in text


def test_the_same_week_is_the_same_page_to_the_byte(newest):
    first, again = (html(noted(newest, "2008-11-21")[2]) for _ in range(2))
    assert first == again


def test_whatever_comes_from_data_is_text_in_the_page(newest):
    _settings, snapshot = newest
    about = snapshot.about | {
        "experiment": HOSTILE, "notes": [HOSTILE], "missing": [HOSTILE], "panel_digest": HOSTILE,
        "trained_until": HOSTILE, "model_version": HOSTILE, "state": "DEGRADED",
        "words": f"DEGRADED: {HOSTILE}",
        "features": [{"name": HOSTILE, "series": [HOSTILE], "read": True}],
    }  # fmt: skip
    calls = snapshot.calls.assign(words=HOSTILE, qualifier=HOSTILE)
    flips = snapshot.flips.assign(words=HOSTILE, move=0.01)
    hostile = SimpleNamespace(
        **{
            name: getattr(snapshot, name)
            for name in ("scores", "labels", "leads", "conditions", "ledger", "shares", "day",
                         "then", "kept", "probabilities", "horizons")
        },
        about=about, calls=calls, call=calls.iloc[-1], flips=flips,
    )  # fmt: skip
    week = Week(day("2008-12-26"), snapshot.day, snapshot.day)
    roster = {
        "versions": [
            {"number": HOSTILE, "registered_at": "2008-01-01T00:00:00Z", "card": None}
        ]
    }  # fmt: skip
    text = html(
        weekly(
            hostile,
            week,
            moved=None,
            roster=roster,
            behind=0,
            signals=None,
            version=HOSTILE,
            command=HOSTILE,
        )
    )
    page = Page(text)
    assert "script" not in page.tags
    assert "49" not in re.findall(r"\{\{.*?\}\}", text)
    assert text.count("{{ 7*7 }}") >= 6  # shown, not worked out
    assert page.text.count(HOSTILE) >= 6


def test_a_card_that_found_no_edge_is_quoted(newest):
    then, _week, facts = noted(newest, "2008-11-21")
    assert facts["edge"] == today.edge_of(then, {"versions": []})
    assert facts["edge"] in Page(html(facts)).text
