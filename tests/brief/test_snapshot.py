"""The time machine: a past day as it was told, and nothing that was known later."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from regime.brief.snapshot import Snapshot, as_known_on
from regime.call import regime_call
from regime.data.calendar import end_of_day
from regime.exceptions import EvaluationError
from regime.labels.leadership import leadership_path, path_as_known
from regime.scoring import State
from regime.service.overlay import as_scores, overlaid
from regime.taxonomy import REGIMES

FRAMES = (
    "scores", "calls", "labels", "leads", "conditions", "ledger", "shares", "drivers",
    "similar", "flips",
)  # fmt: skip
HORIZONS = (0, 21)
COST = 10.0
TRAINED, FIRST = -60, -40  # the end of training, and the first day that was published


class Life:
    """What a home would show after each run, worked out from all that was known then.

    Days are rows of `leads`; figures stand as they came, as no panel is kept here.
    """

    def __init__(self, leads: pd.DataFrame, *, switch: bool) -> None:
        rng = np.random.default_rng(3)
        self.leads, self.days = leads, leads.index
        shape = (len(leads), len(HORIZONS))
        self.own = {"1": rng.dirichlet([1, 1, 1], shape)}
        self.own["2"] = rng.dirichlet([1, 1, 1], shape) if switch else self.own["1"]
        self.filtered = rng.dirichlet([1, 1, 1], shape)
        self.corrected = rng.dirichlet([1, 1, 1], shape)
        self.rows: list[dict] = []
        self.shown: dict[pd.Timestamp, Snapshot] = {}
        self.version = "1"

    def run(self, *days: int, state: State = State.PUBLISHED, held: tuple[int, ...] = ()) -> None:
        """Publish days, the last of them today; days that are held have no row of their own."""
        now = end_of_day(self.days[days[-1]])
        for day in sorted(days):
            told = self.filtered if state is State.DEGRADED else self.own[self.version]
            name = self.version + (" (filter)" if state is State.DEGRADED else "")
            self.enter(day, told[day], name, state, now)
        self.shown[self.days[days[-1]]] = self.snapshot(days[-1], held)

    def correct(self, day: int, now: pd.Timestamp) -> None:
        old = [row for row in self.rows if row["date"] == self.days[day]]
        self.enter(day, self.corrected[day], old[0]["model_version"], State.PUBLISHED, now, old)

    def enter(self, day, told, name, state, now, corrects=()) -> None:
        call = corrects[0]["call"] if corrects else self.called(day, told[0], name)
        for place, horizon in enumerate(HORIZONS):
            self.rows.append(
                {
                    "seq": len(self.rows) + 1, "date": self.days[day], "horizon": horizon,
                    **dict(zip(REGIMES, told[place], strict=True)), "call": call,
                    "call_status": "confirmed", "state": state.value, "model_version": name,
                    "experiment": "small", "panel_digest": f"panel {day}", "known_at": now,
                    "published_at": now, "corrects": corrects[place]["seq"] if corrects else None,
                }
            )  # fmt: skip

    def called(self, day, told, name) -> str:
        """The call follows from what the ledger holds, then from this row."""
        row = {"date": self.days[day], "horizon": 0, **dict(zip(REGIMES, told, strict=True))}
        row |= {"model_version": name, "trained_until": pd.NaT, "basis": "live"}
        scores = overlaid(self.scores(day), pd.DataFrame([row]))
        return str(self.calls(scores, self.ledger()).iloc[-1]["regime"])

    def ledger(self) -> pd.DataFrame:
        columns = [*self.rows[0]] if self.rows else ["seq", "date", "horizon", "call", "corrects"]
        frame = pd.DataFrame(self.rows, columns=[*dict.fromkeys([*columns, "published_at"])])
        frame["corrects"] = frame["corrects"].astype("Int64")
        frame["published_at"] = pd.to_datetime(frame["published_at"], utc=True)
        frame["date"] = frame["date"].astype(self.days.dtype)
        return frame.sort_values(["date", "horizon", "seq"], ignore_index=True)

    def scores(self, until: int, held=()) -> pd.DataFrame:
        at = [i for i in range(len(self.days) + until + 1) if i - len(self.days) not in held]
        at = [i for i in at if i > 100]
        trained = self.days[TRAINED]
        parts = [
            pd.DataFrame(self.own[self.version][at, place], columns=list(REGIMES)).assign(
                date=self.days[at], horizon=horizon, model_version=self.version,
                trained_until=trained,
                basis=np.where(self.days[at] <= trained, "walk_forward", "out_of_sample"),
            )
            for place, horizon in enumerate(HORIZONS)
        ]  # fmt: skip
        rows = pd.concat(parts).sort_values(["date", "horizon"], ignore_index=True)
        newest = self.ledger().drop_duplicates(["date", "horizon"], keep="last")
        return overlaid(rows, as_scores(newest))

    def calls(self, scores: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
        now = scores[scores["horizon"] == 0].set_index("date")[list(REGIMES)]
        newest = ledger.drop_duplicates(["date", "horizon"], keep="last")
        made = newest[newest["horizon"] == 0].set_index("date")["call"]
        path = path_as_known(self.leads, switching_cost=COST)
        calls = regime_call(
            now, path=path, conditions=self.conditions().set_index("date"),
            published=made if len(made) else None,
        )  # fmt: skip
        return calls.rename_axis("date").reset_index()

    def conditions(self) -> pd.DataFrame:
        returns = (self.leads / 100).add_prefix("return_")
        returns["market_return"] = returns.mean(axis=1) + 0.001
        return returns.rename_axis("date").reset_index()

    def snapshot(self, until: int, held=()) -> Snapshot:
        day, ledger = self.days[until], self.ledger()
        scores = self.scores(until, held)
        to_the_day = self.leads[:day]
        told = {
            "leads": to_the_day.rename_axis("date").reset_index(),
            "labels": leadership_path(to_the_day, switching_cost=COST)
            .rename_axis("date").reset_index(),
            "conditions": self.conditions().query("date <= @day"),
            "shares": pd.DataFrame({"date": scores["date"].unique()[-252:], "share": 0.1}),
        }  # fmt: skip
        nothing = pd.DataFrame({"told": []})
        return Snapshot(
            about={"switching_cost": COST, "known_at": "today", "in_service": self.version,
                   "trained_until": f"{self.days[TRAINED]:%Y-%m-%d}", "features": []},
            day=day, scores=scores, calls=self.calls(scores, ledger), ledger=ledger,
            drivers=nothing, similar=nothing, flips=nothing, **told,
        )  # fmt: skip


HOLE = FIRST + 16  # held, and filled in only after the day behind it was published
DEGRADED, CORRECTED, LATE, SWITCHED = FIRST + 3, FIRST + 6, FIRST + 22, FIRST + 30


def lived(leads: pd.DataFrame, *, switch: bool) -> Life:
    """Forty sessions, one of each misfortune among them."""
    life = Life(leads, switch=switch)
    for day in range(FIRST, 0):
        if switch and day == SWITCHED:
            life.version = "2"
        if day in (HOLE, LATE, LATE + 1):
            continue
        if day == HOLE + 1:
            life.run(day, held=(HOLE,))
        elif day == HOLE + 2:
            life.run(HOLE, day)
        elif day == LATE + 2:
            life.run(LATE, LATE + 1, day)
        else:
            life.run(day, state=State.DEGRADED if day == DEGRADED else State.PUBLISHED)
        if day == CORRECTED + 5:
            life.correct(CORRECTED, end_of_day(life.days[day]) + pd.Timedelta(hours=1))
    return life


@pytest.fixture(scope="module")
def life(leads_of_four_years) -> Life:
    return lived(leads_of_four_years, switch=False)


@pytest.fixture(scope="module")
def switched(leads_of_four_years) -> Life:
    return lived(leads_of_four_years, switch=True)


@pytest.fixture(scope="module")
def leads_of_four_years() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    days = pd.DatetimeIndex(pd.bdate_range("2009-01-05", periods=300), name="date").as_unit("us")
    leader = np.repeat(rng.integers(0, 3, size=len(days) // 50 + 1), 50)[: len(days)]
    values = rng.normal(size=(len(days), 3)) + 0.6 * np.eye(3)[leader]
    return pd.DataFrame(values - values.mean(axis=1, keepdims=True), days, list(REGIMES))


def newest(life: Life) -> Snapshot:
    return life.shown[life.days[-1]]


def same(one: Snapshot, other: Snapshot, frames=FRAMES) -> None:
    for name in frames:
        mine, its = (getattr(which, name).reset_index(drop=True) for which in (one, other))
        assert_frame_equal(mine, its, check_exact=True, check_dtype=False, obj=name)


def test_every_day_is_told_as_the_ledger_or_the_walk_forward_has_it(switched):
    now = newest(switched)
    first = now.ledger[now.ledger["corrects"].isna()].set_index(["date", "horizon"])
    own = switched.own["2"]
    for place in [*range(101, 250, 5), *range(250, len(switched.days))]:
        day = switched.days[place]
        then = as_known_on(now, day, None)
        assert then.day == day
        for at, horizon in enumerate(HORIZONS):
            told = then.probabilities(horizon).loc[day].to_numpy()
            published = (day, horizon) in first.index
            expected = first.loc[(day, horizon), list(REGIMES)] if published else own[place, at]
            np.testing.assert_array_equal(told, np.asarray(expected, dtype=float))
        if (day, 0) in first.index:
            assert then.call["regime"] == first.loc[(day, 0), "call"]


def test_a_past_day_is_what_was_shown_on_it_to_the_bit(life):
    now = newest(life)
    for day, shown in life.shown.items():
        then = as_known_on(now, day, None)
        same(then, shown, [name for name in FRAMES if name != "shares"])
        assert set(then.shares["date"]) <= set(shown.shares["date"])  # of the newest year only


def test_with_another_version_only_days_before_the_ledger_and_what_follows_from_them_differ(
    switched,
):
    now, first = newest(switched), switched.days[FIRST]
    for day, shown in switched.shown.items():
        then = as_known_on(now, day, None)
        same(then, shown, ["labels", "leads", "conditions", "ledger"])
        of_ledger = [
            replace(one, scores=one.scores[one.scores["date"] >= first]) for one in (then, shown)
        ]
        same(*of_ledger, ["scores"])
        for name in ("regime", "most_probable"):
            one, other = (which.calls.set_index("date")[name][first:] for which in (then, shown))
            pd.testing.assert_series_equal(one, other)


def test_going_back_twice_is_going_back_once(switched):
    now = newest(switched)
    days = [*switched.days[[150, 250, FIRST - 1]], *switched.days[FIRST + 5 :: 9]]
    days += list(switched.days[[DEGRADED, CORRECTED, HOLE, HOLE + 1, LATE, LATE + 1, SWITCHED]])
    views = {day: as_known_on(now, day, None) for day in days}
    for later, then in views.items():
        for earlier, expected in views.items():
            if earlier < later and (then.scores["date"] == earlier).any():
                same(as_known_on(then, earlier, None), expected)


def test_nothing_in_a_past_day_was_said_later(switched):
    now = newest(switched)
    for day, shown in switched.shown.items():
        then = as_known_on(now, day, None)
        assert (then is now) == (then.about["known_at"] == "today")
        for name in FRAMES[:-3]:
            assert (getattr(then, name)["date"] <= day).all()
        assert (then.ledger["published_at"] <= shown.ledger["published_at"].max()).all()
        assert (then.labels["confirmed_on"].dropna() <= day).all()


def test_a_day_filled_in_later_is_not_there_on_the_days_between_and_is_there_itself(life):
    now, hole = newest(life), life.days[HOLE]
    between = as_known_on(now, life.days[HOLE + 1], None)
    for name in ("scores", "calls", "ledger", "shares"):
        assert hole not in set(getattr(between, name)["date"])
    itself = as_known_on(now, hole, None)
    assert itself.day == hole
    assert itself.scores["basis"].iloc[-1] == "late"
    assert hole in set(as_known_on(now, life.days[HOLE + 2], None).scores["date"])


def test_a_correction_is_undone_before_it_was_made_and_stands_after(life):
    now, day = newest(life), life.days[CORRECTED]
    before, after = (as_known_on(now, life.days[CORRECTED + gap], None) for gap in (5, 6))
    own, corrected = life.own["1"][CORRECTED, 0], life.corrected[CORRECTED, 0]
    np.testing.assert_array_equal(before.probabilities(0).loc[day], own)
    np.testing.assert_array_equal(after.probabilities(0).loc[day], corrected)
    np.testing.assert_array_equal(as_known_on(now, day, None).probabilities(0).loc[day], own)


def test_hindsight_is_that_of_the_leads_up_to_the_day(life):
    now = newest(life)
    for place in (130, 200, 265, 290):
        day = life.days[place]
        expected = leadership_path(life.leads[:day], switching_cost=COST)
        told = as_known_on(now, day, None).labels.set_index("date")
        assert_frame_equal(told, expected, check_freq=False)
        assert told["confirmed_on"].isna().iloc[-1]


def kept_of(day: pd.Timestamp, **about) -> dict:
    facts = {"state": "PUBLISHED", "words": "said then", "missing": [], "moved": [{"now": 1}]}
    frame = pd.DataFrame({"told": [1.0]})
    about = facts | {"known_at": "then", "trained_until": "2010-01-01"} | about
    return {"about": about, "drivers": frame, "similar": frame.iloc[:0], "flips": frame}


def test_what_was_kept_of_a_day_explains_it_and_what_was_not_is_empty(life):
    now, day = newest(life), life.days[-8]
    with_it, without = as_known_on(now, day, kept_of(day)), as_known_on(now, day, None)
    assert with_it.kept
    assert not without.kept
    assert len(with_it.drivers) == 1
    assert list(with_it.similar.columns) == list(now.similar.columns)
    assert without.drivers.empty
    assert with_it.about["words"] == "said then"
    assert with_it.about["moved"] == [{"now": 1}]
    assert without.about["moved"] == []
    for told in (with_it, without):
        assert told.about["known_at"] == end_of_day(day).isoformat(timespec="seconds")
        assert told.about["panel_digest"] == "panel -8"


def test_what_was_kept_of_a_day_on_other_baskets_does_not_explain_it(life):
    now, day = newest(life), life.days[-8]
    told = as_known_on(now, day, kept_of(day, baskets="of another set"))
    assert not told.kept
    assert told.drivers.empty
    assert told.about["moved"] == []


def test_a_run_that_held_the_next_day_changes_nothing_of_how_a_day_was_published(life):
    now, day = newest(life), life.days[-8]
    held = kept_of(day, state="HELD", words="HELD: no probability of the next", missing=["RSP"])
    about = as_known_on(now, day, held).about
    assert about["state"] == "PUBLISHED"
    assert about["words"] == f"PUBLISHED: {day:%Y-%m-%d}, everything known."
    assert about["missing"] == []


def test_a_degraded_day_says_so_and_a_day_before_the_ledger_says_that_nothing_was_published(life):
    now = newest(life)
    about = as_known_on(now, life.days[DEGRADED], None).about
    assert about["state"] == "DEGRADED"
    assert about["model_version"] == "1 (filter)"
    assert about["in_service"] == "1"
    early = as_known_on(now, life.days[200], None).about
    assert "Nothing was published" in early["words"]
    assert early["basis"] == "walk_forward"
    assert early["trained_until"] == ""
    between = as_known_on(now, life.days[TRAINED + 5], None).about
    assert between["trained_until"] == f"{life.days[TRAINED]:%Y-%m-%d}"


@pytest.mark.parametrize("day", ["2009-02-02", "2009-07-04", "2030-01-02"])
def test_a_day_without_probabilities_is_refused_with_the_days_there_are(life, day):
    with pytest.raises(EvaluationError, match="Choose one of them"):
        as_known_on(newest(life), pd.Timestamp(day), None)


def test_the_newest_day_is_not_then(life):
    now = newest(life)
    assert as_known_on(now, now.day, None) is now
