"""A day is published once, whatever comes after it."""

import numpy as np
import pandas as pd
import pytest
from lived import small
from pandas.testing import assert_frame_equal

from regime.call import regime_call
from regime.data.calendar import end_of_day, trading_days
from regime.data.panel import digest
from regime.exceptions import EvaluationError, StoreError
from regime.scoring import State
from regime.service import explaining
from regime.service.corrections import say_again
from regime.service.publishing import commit, moved_words, prepare, replay
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.anchors import anchors
from regime.tracking.ledger import Ledger
from regime.tracking.mlflow_client import client, find_runs
from regime.tracking.operations import HEAD, log_operation
from regime.tracking.published import DAYS as DAYS_KEPT
from regime.tracking.published import EXPLAINED, OF_A_DAY, SAID, _keep_day, load_published
from regime.tracking.registry import load_version, promote

DAYS = trading_days(pd.Timestamp("2012-07-02"), pd.Timestamp("2012-07-31"))
VALUES = ["date", "horizon", *REGIMES]


def publish(home, day, **withhold):
    """Fetch and publish as of the end of a day."""
    now = home.fetch(day, **withhold)
    publication = prepare(home.settings, home.store, now)
    return publication, commit(publication, home.settings, home.store)


def entered(home, **how) -> pd.DataFrame:
    return Ledger(home.store).read(**how)


def test_the_first_day_is_the_newest_and_says_what_the_version_says(home, explained):
    publication, done = publish(home, DAYS[0])
    assert publication.readiness.state is State.PUBLISHED
    assert set(done.added["date"]) == {DAYS[0]}
    version = load_version(home.settings)
    own = version.bundle.predict_proba(publication.panel, DAYS[0])
    rows = entered(home)
    assert_frame_equal(rows[VALUES], own[VALUES], check_exact=True, check_dtype=False)
    assert set(rows["panel_digest"]) == {digest(publication.panel)}
    assert set(rows["bundle_digest"]) == {version.digest}
    assert (rows["published_at"] == end_of_day(DAYS[0]).ceil("s")).all() or (
        rows["published_at"] == end_of_day(DAYS[0]).floor("s")
    ).all()
    assert anchors(home.settings) == [done.head]


def test_what_is_published_within_a_second_is_in_the_ledger_that_is_shown(home):
    now = home.fetch(DAYS[0]).floor("s") + pd.Timedelta(microseconds=250)
    commit(prepare(home.settings, home.store, now), home.settings, home.store)
    shown = load_published(home.settings)["ledger"]
    assert set(shown["date"]) == {DAYS[0]}


def test_a_second_run_of_a_day_enters_nothing_and_anchors_the_same_head(home):
    _, first = publish(home, DAYS[0])
    publication, again = publish(home, DAYS[0])
    assert publication.new.empty
    assert again.added.empty
    assert again.head == first.head
    runs = find_runs(client(home.settings), home.settings, "tags.ledger_head != ''")
    assert len(runs) == 2
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_days_nobody_ran_on_are_published_late_and_say_the_same_as_in_time(home, tmp_path):
    publish(home, DAYS[0])
    publication, _ = publish(home, DAYS[5])
    rows = entered(home)
    assert list(rows["date"].unique()) == list(DAYS[:6])
    basis = publication.scores.set_index("date")["basis"]
    assert set(basis[DAYS[0]]) == {"live"}
    assert set(basis[DAYS[2]]) == {"late"}
    assert set(basis[DAYS[5]]) == {"live"}
    own = load_version(home.settings).bundle.predict_proba(publication.panel, DAYS[0])
    own = own.sort_values(["date", "horizon"], ignore_index=True)
    assert_frame_equal(rows[VALUES], own[VALUES], check_exact=True, check_dtype=False)


def test_a_day_without_a_basket_is_held_and_published_when_it_has_come(home):
    publish(home, DAYS[0])
    publication, done = publish(home, DAYS[1], RSP=1)
    assert publication.readiness.state is State.HELD
    assert publication.readiness.missing == ("RSP",)
    assert done.added.empty
    assert load_published(home.settings)["about"]["state"] == "HELD"
    publish(home, DAYS[2])
    assert list(entered(home)["date"].unique()) == list(DAYS[:3])


def test_what_was_published_of_a_degraded_day_stands(home, explained):
    publish(home, DAYS[0])
    publish(home, DAYS[1], DGS10=2)
    publication, _ = publish(home, DAYS[2], DGS10=3)
    assert publication.readiness.state is State.DEGRADED
    assert publication.readiness.missing == ("DGS10",)
    said = entered(home, since=DAYS[2])
    fallback = load_version(home.settings).fallback
    own = fallback.predict_proba(publication.panel, DAYS[2])
    assert_frame_equal(said[VALUES], own[VALUES], check_exact=True, check_dtype=False)
    publication, _ = publish(home, DAYS[3])
    shown = publication.scores[publication.scores["date"] == DAYS[2]]
    assert set(shown["model_version"]) == {"1 (filter)"}
    assert_frame_equal(
        shown[VALUES].reset_index(drop=True), said[VALUES], check_exact=True, check_dtype=False
    )
    assert set(entered(home, since=DAYS[3])["state"]) == {"PUBLISHED"}


def test_another_version_changes_no_published_day_and_both_speak_on_its_first(home):
    for day in DAYS[:3]:
        publish(home, day)
    before = entered(home)
    home.train(DAYS[2], small(model={"kind": "logistic", "params": {"C": 0.01}}))
    publication, _ = publish(home, DAYS[3])
    rows = entered(home)
    assert_frame_equal(rows[: len(before)], before, check_exact=True)
    assert set(rows[len(before) :]["model_version"]) == {"2"}
    former = entered(home, role="former")
    assert set(former["date"]) == {DAYS[3]}
    assert set(former["model_version"]) == {"1"}
    first = load_version(home.settings, "1").bundle
    own = first.predict_proba(publication.panel, DAYS[3])
    assert_frame_equal(former[VALUES], own[VALUES], check_exact=True, check_dtype=False)
    moved = publication.moved
    parts = moved[["market", "revision", "model"]].sum(axis=1)
    np.testing.assert_allclose(parts, moved["now"] - moved["before"], atol=1e-12)
    assert moved["model"].abs().max() > 0
    assert not len(publish(home, DAYS[4])[1].added.query("role == 'former'"))


def test_with_one_version_and_no_revision_only_the_market_moves(home):
    publish(home, DAYS[0])
    publication, _ = publish(home, DAYS[1])
    moved = publication.moved
    assert (moved["revision"] == 0).all()
    assert (moved["model"] == 0).all()
    np.testing.assert_array_equal(moved["market"], moved["now"] - moved["before"])
    assert len(moved_words(publication)) == 3


def test_figures_that_came_late_are_told_as_revisions(home):
    publish(home, DAYS[0])
    publish(home, DAYS[1], DGS10=2)
    publication, _ = publish(home, DAYS[2])
    assert publication.moved["revision"].abs().max() > 0
    assert (publication.moved["model"] == 0).all()


def test_calls_that_were_published_stand_and_go_on(home):
    for day in DAYS[:4]:
        publication, _ = publish(home, day)
    made = entered(home)
    made = made[made["horizon"] == 0].set_index("date")["call"]
    now = publication.scores[publication.scores["horizon"] == 0].set_index("date")[list(REGIMES)]
    again = regime_call(now, published=made)["regime"]
    assert (publication.calls["regime"] == again).all()
    assert (again[made.index] == made).all()


def test_preparing_changes_nothing(home):
    now = home.fetch(DAYS[0])
    publication = prepare(home.settings, home.store, now)
    assert set(publication.new["date"]) == {DAYS[0]}
    assert entered(home).empty
    assert not home.settings.published.exists()


def test_what_is_prepared_is_blind_to_what_came_later(home, tmp_path):
    publish(home, DAYS[0])
    now = home.fetch(DAYS[1])
    then = prepare(home.settings, home.store, now)
    commit(then, home.settings, home.store)
    for day in DAYS[2:5]:
        publish(home, day)
    later = prepare(home.settings, home.store, now)
    assert later.day == DAYS[1]
    assert_frame_equal(
        later.scores[VALUES], then.scores[VALUES], check_exact=True, check_dtype=False
    )
    pd.testing.assert_series_equal(later.calls["regime"], then.calls["regime"])


def test_a_replay_publishes_nothing(home):
    publish(home, DAYS[0])
    publish(home, DAYS[1])
    head = Ledger(home.store).head()
    rows, readiness, simulated = replay(home.settings, home.store, end_of_day(DAYS[0]))
    assert rows["date"].max() == DAYS[0]
    assert "live" not in set(rows["basis"])
    assert readiness.state is State.PUBLISHED
    assert simulated
    assert Ledger(home.store).head() == head


def test_a_correction_says_the_day_again_by_who_said_it(home):
    publish(home, DAYS[0])
    publish(home, DAYS[1], DGS10=2)
    publish(home, DAYS[2])
    now = end_of_day(DAYS[2]) + pd.Timedelta(hours=1)
    again = say_again(home.settings, home.store, DAYS[1], now)
    ledger = Ledger(home.store)
    before = entered(home, since=DAYS[1]).query("date == @DAYS[1]")
    added = ledger.correct(again, published_at=now, why="its yields came late")
    assert list(added["corrects"]) == list(before["seq"])
    assert (added[list(REGIMES)].to_numpy() != before[list(REGIMES)].to_numpy()).any()
    assert (added["call"].to_numpy() == before["call"].to_numpy()).all()
    shown = prepare(home.settings, home.store, now).scores
    shown = shown[shown["date"] == DAYS[1]]
    np.testing.assert_array_equal(shown[list(REGIMES)], added[list(REGIMES)])


@pytest.mark.parametrize("day", ["2012-07-04", "2013-01-02"])
def test_a_day_that_was_not_published_cannot_be_corrected(home, day):
    from regime.exceptions import EvaluationError

    now = home.fetch(DAYS[0])
    with pytest.raises(EvaluationError, match="Nothing was published of"):
        say_again(home.settings, home.store, pd.Timestamp(day), now)


def test_figures_that_come_after_a_day_was_published_change_nothing_of_how_it_was(home):
    publish(home, DAYS[0])
    publish(home, DAYS[1], DGS10=2)
    publication, _ = publish(home, DAYS[2], DGS10=3)
    assert publication.readiness.state is State.DEGRADED
    now = home.fetch(DAYS[2]) + pd.Timedelta(hours=2)  # the yields have come
    again = prepare(home.settings, home.store, now)
    assert again.readiness.state is State.DEGRADED
    assert again.new.empty
    publish(home, DAYS[3])
    late = end_of_day(DAYS[3]) + pd.Timedelta(hours=15)  # the next ones should be there by now
    assert prepare(home.settings, home.store, late).readiness.state is State.PUBLISHED


def test_a_held_day_is_filled_in_after_a_rollback_though_the_former_learned_from_it(home):
    publish(home, DAYS[0])
    publish(home, DAYS[1], RSP=1)
    home.fetch(DAYS[2], RSP=2)
    other = small(model={"kind": "logistic", "params": {"C": 0.01}})
    home.train(DAYS[2], other)
    publish(home, DAYS[3], RSP=3)
    promote(home.settings, "1")
    publication, done = publish(home, DAYS[4])
    assert list(entered(home)["date"].unique()) == list(DAYS[:5])
    assert set(done.added.query("role == 'former'")["date"]) <= {DAYS[4]}
    assert publication.readiness.state is State.PUBLISHED


def test_a_day_the_version_learned_from_is_the_walk_forwards_and_not_degraded(home):
    publish(home, DAYS[0])
    for number, day in enumerate(DAYS[1:4], 1):
        home.fetch(day, DGS10=number + 1)
    home.train(DAYS[3], small(model={"kind": "logistic", "params": {"C": 0.01}}))
    publish(home, DAYS[4])
    rows = entered(home, since=DAYS[1])
    rows = rows[rows["date"] <= DAYS[3]]
    assert set(rows["state"]) == {"PUBLISHED"}
    record = load_version(home.settings).walk_forward.set_index(["date", "horizon"])
    said = rows.set_index(["date", "horizon"])[list(REGIMES)]
    np.testing.assert_array_equal(said, record.loc[said.index, list(REGIMES)])
    again = say_again(home.settings, home.store, DAYS[2], end_of_day(DAYS[4]))
    assert len(again) == 2


def test_a_second_run_keeps_what_is_shown_to_have_moved(home):
    publish(home, DAYS[0])
    publish(home, DAYS[1])
    moved = load_published(home.settings)["about"]["moved"]
    assert len(moved) == 6
    publish(home, DAYS[1])
    assert load_published(home.settings)["about"]["moved"] == moved


def test_what_cannot_be_explained_keeps_no_probability_from_being_shown(
    home, explained, monkeypatch
):
    def fails(*_):
        raise np.linalg.LinAlgError("singular matrix")

    for part in ("all_features", "_shares", "_drivers", "similar_days", "flip_levels"):
        monkeypatch.setattr(explaining, part, fails)
    _, done = publish(home, DAYS[0])
    told = load_published(home.settings, (*SAID, *EXPLAINED))
    assert told["scores"]["date"].max() == DAYS[0]
    assert set(done.added["date"]) == {DAYS[0]}
    assert all(told[name].empty for name in EXPLAINED)
    said = [note for note in told["about"]["notes"] if "not told: LinAlgError: singular" in note]
    assert len(said) == len(EXPLAINED)


def test_a_day_that_cannot_be_kept_says_that_what_is_shown_stands(tmp_path):
    settings = Settings(home=tmp_path)
    settings.published.mkdir()
    (settings.published / DAYS_KEPT).write_text("no folder")
    frames = {name: pd.DataFrame() for name in OF_A_DAY}
    frames["scores"] = pd.DataFrame({"date": DAYS[:1]})
    with pytest.raises(StoreError, match="What is shown of 2012-07-02 stands"):
        _keep_day({"state": "PUBLISHED"}, frames, settings)


def test_a_history_too_short_for_a_month_has_no_drivers_and_says_why():
    X = pd.DataFrame(0.0, DAYS[:20], ["x"])
    with pytest.raises(EvaluationError, match="of 20 only"):
        explaining._drivers(None, None, X)


def test_another_store_on_the_same_server_is_no_fault_of_this_one(home, tmp_path):
    publish(home, DAYS[0])
    beside = home.settings.model_copy(update={"home": tmp_path / "beside"})
    log_operation(beside, "elsewhere", tags={HEAD: f"7:{'a' * 64}"}, metrics={})
    uri = beside.tracking_uri
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        assert anchors(home.settings) == []
        assert [head.seq for head in anchors(beside)] == [7]
