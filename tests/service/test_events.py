"""What people are told of a run: each event once, each fault from its first day."""

import shutil
from types import SimpleNamespace

import pandas as pd
import pytest
from lived import small

from regime import notify
from regime.data.calendar import trading_days
from regime.exceptions import PanelError
from regime.service import daily
from regime.service.daily import run_day
from regime.service.events import Memory
from regime.service.intake import Intake, from_demo
from regime.service.publishing import commit, prepare
from regime.settings import Settings
from regime.tracking.mlflow_client import client
from regime.tracking.names import MODEL
from regime.tracking.versions import registered

DAYS = trading_days(pd.Timestamp("2012-07-02"), pd.Timestamp("2012-08-31"))


def live(home, day, *, withhold=None, faults=(), refit=None):
    """One daily run; what it said."""
    said: list[str] = []
    settings = home.settings.model_copy(
        update={"now": pd.Timestamp(f"{day:%Y-%m-%d} 23:30", tz="America/New_York")}
    )

    def bring(store, now):
        intake = from_demo(store, now, withhold=withhold)
        return Intake(intake.added, faults=list(faults))

    outcome = run_day(settings, bring, refit=refit, tell=said.append)
    return outcome, said


def waiting(home) -> list[str]:
    return [entry.alert.title for entry in notify.outbox(home.settings)]


def test_a_memory_keeps_since_when_and_forgets_what_is_over(tmp_path):
    settings = Settings(home=tmp_path)
    memory = Memory.of(settings)
    assert memory.through is None
    assert memory.since("drift", ["a", "b"], DAYS[0]) == {"a": DAYS[0], "b": DAYS[0]}
    memory.since("source", ["a"], DAYS[0])
    memory.keep(DAYS[0])
    memory = Memory.of(settings)
    assert memory.through == DAYS[0]
    assert memory.since("drift", ["b"], DAYS[1]) == {"b": DAYS[0]}
    memory.keep(DAYS[1])
    memory = Memory.of(settings)
    assert memory.since("drift", ["a", "b"], DAYS[2]) == {"a": DAYS[2], "b": DAYS[0]}
    assert memory.since("source", ["a"], DAYS[2]) == {"a": DAYS[0]}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"through": "never", "lasting": {}}', '{"a": 1}'])
def test_a_memory_that_cannot_be_read_is_an_empty_one(tmp_path, text):
    (tmp_path / "told.json").write_text(text)
    assert Memory.of(Settings(home=tmp_path)).through is None


def test_a_source_that_fails_for_a_week_is_told_once_and_once_more_after_it_had_recovered(home):
    for day in DAYS[:3]:
        live(home, day, faults=["yahoo SPY: nobody answers"])
    assert waiting(home) == ["SIMULATED: Source yahoo failed"]
    live(home, DAYS[3])
    live(home, DAYS[4], faults=["yahoo SPY: nobody answers"])
    assert len(waiting(home)) == 2


def test_a_held_day_is_told_and_its_old_series_named(home):
    live(home, DAYS[0])
    outcome, _ = live(home, DAYS[1], withhold={"RSP": 1})
    assert outcome.exit_code == 4
    live(home, DAYS[1], withhold={"RSP": 1})
    told = waiting(home)
    assert sum("No probabilities of 2012-07-03" in title for title in told) == 1


def test_changes_of_the_call_are_those_of_the_ledger(home):
    for day in DAYS[::5]:
        live(home, day)
    from regime.tracking.ledger import Ledger

    ledger = Ledger(home.store).read()
    called = ledger[ledger["horizon"] == 0].set_index("date")["call"]
    changes = int((called != called.shift())[1:].sum())
    assert sum("Regime call" in title for title in waiting(home)) == changes


def test_a_retraining_that_fails_is_told_and_undoes_no_publication(home):
    from regime.exceptions import EvaluationError

    def refit(publication):
        raise EvaluationError("There is too little to learn from.")

    day = trading_days(pd.Timestamp("2013-06-01"), pd.Timestamp("2013-09-01"))[30]
    outcome, said = live(home, day, refit=refit)
    assert outcome.exit_code == 1
    assert outcome.state == "PUBLISHED"
    assert any("error: retraining failed: There is too little" in line for line in said)
    assert any("Retraining failed" in title for title in waiting(home))


def test_a_version_that_was_registered_but_not_judged_is_judged_by_the_next_run(home):
    live(home, DAYS[0])
    home.train(DAYS[0], serve=False)  # as a run leaves it that is killed before the gate
    _, said = live(home, DAYS[1], refit=lambda publication: pytest.fail("nothing is stale"))
    assert any(line.startswith("Version 2 was") or "Version 2 passed" in line for line in said)
    _, said = live(home, DAYS[2], refit=lambda publication: pytest.fail("nothing is stale"))
    assert not any("Version" in line for line in said)


def test_another_experiment_is_not_judged_unasked(home):
    live(home, DAYS[0])
    home.train(DAYS[0], small(name="other"), serve=False)
    _, said = live(home, DAYS[1], refit=lambda publication: pytest.fail("nothing is stale"))
    assert not any("Version" in line for line in said)


def test_the_same_panel_and_configuration_give_the_same_files(home):
    from regime.tracking.registry import load_version

    shutil.rmtree(home.settings.walks)
    numbers = [home.train("2012-06-29", serve=False) for _ in range(2)]
    digests = {load_version(home.settings, number).digest for number in ["1", *numbers]}
    assert len(digests) == 1


def test_a_version_that_passed_but_was_not_promoted_is_judged_again(home, monkeypatch):
    live(home, DAYS[0])
    home.train(DAYS[0], serve=False)
    monkeypatch.setattr(daily, "promote", _killed)
    monkeypatch.setattr(daily, "decide", _passes)
    with pytest.raises(KeyboardInterrupt):
        live(home, DAYS[1], refit=lambda publication: pytest.fail("nothing is stale"))
    monkeypatch.undo()
    tag(home, "2", gate_decision="promote")
    _, said = live(home, DAYS[2], refit=lambda publication: pytest.fail("nothing is stale"))
    assert any(line.startswith("Version 2 ") for line in said)


def _killed(*_, **__):
    raise KeyboardInterrupt


def _passes(*_, **__):
    return SimpleNamespace(promote=True)


def tag(home, number, **tags):
    for name, value in tags.items():
        client(home.settings).set_model_version_tag(MODEL, number, name, value)


def test_a_rejection_for_what_passes_is_not_final_and_another_is_told_once(home):
    home.train("2012-06-29", serve=False)
    tag(home, "2", gate_decision="reject", gate_fresh="failed: DGS10 is late")
    assert registered(home.settings)[-1].pending
    tag(home, "2", gate_calibration="failed: 0.3")
    found = registered(home.settings)[-1]
    assert not found.pending
    assert found.rejected_for == ("failed: 0.3", "failed: DGS10 is late")
    for day in DAYS[:2]:
        live(home, day, refit=lambda publication: pytest.fail("nothing is stale"))
    assert sum("was not taken into service" in title for title in waiting(home)) == 1


def test_alerts_that_could_not_be_queued_are_made_again(home):
    live(home, DAYS[0])
    through = Memory.of(home.settings).through
    outbox = home.settings.home / "alerts"
    if outbox.exists():
        shutil.rmtree(outbox)
    outbox.write_text("no folder")
    _, said = live(home, DAYS[1], withhold={"RSP": 1})
    assert any("alerts could not be queued" in line for line in said)
    assert Memory.of(home.settings).through == through
    outbox.unlink()
    live(home, DAYS[2])
    assert Memory.of(home.settings).through == DAYS[2]


def test_a_promotion_is_told_though_the_day_was_entered_by_hand(home):
    live(home, DAYS[0])
    home.train(DAYS[0], small(model={"kind": "logistic", "params": {"C": 0.01}}))
    now = home.fetch(DAYS[1])
    commit(prepare(home.settings, home.store, now), home.settings, home.store)
    live(home, DAYS[1])
    live(home, DAYS[2])
    assert sum("Model version 2 is in service" in title for title in waiting(home)) == 1


def test_what_should_not_happen_is_told_too(home):
    def broken(store, now):
        raise ValueError("no such thing")

    settings = home.settings.model_copy(update={"now": pd.Timestamp("2012-07-02 23:30", tz="UTC")})
    with pytest.raises(ValueError, match="no such thing"):
        run_day(settings, broken)
    (entry,) = notify.outbox(home.settings)
    assert entry.alert.title == "SIMULATED: The daily run failed at: fetch"
    assert "ValueError: no such thing" in entry.alert.body


def test_baskets_that_are_gone_hold_the_day_in_a_run_and_in_a_rehearsal(home, monkeypatch):
    def gone(*_):
        raise PanelError("There is no lead of the funds baskets.")

    live(home, DAYS[0])
    monkeypatch.setattr(daily, "prepare", gone)
    outcome, _ = live(home, DAYS[1])
    assert outcome.exit_code == 4
    assert outcome.summary.startswith("SIMULATED 2012-07-03 HELD")
    (held,) = [one.alert for one in notify.outbox(home.settings) if one.alert.kind == "held"]
    assert "No probabilities of 2012-07-03" in held.title
    assert "the newest complete day is 2012-07-02" in held.body
    settings = home.settings.model_copy(
        update={"now": pd.Timestamp("2012-07-03 23:30", tz="America/New_York")}
    )
    outcome = run_day(settings, lambda store, now: Intake(), dry_run=True)
    assert outcome.exit_code == 4


def test_a_series_that_never_came_breaks_no_run(home, monkeypatch):
    live(home, DAYS[0])
    real = daily.prepare

    def without(*given):
        publication = real(*given)
        publication.ages.loc[0, ["newest_period", "state"]] = [pd.NaT, "missing"]
        return publication

    monkeypatch.setattr(daily, "prepare", without)
    outcome, _ = live(home, DAYS[1])
    assert outcome.exit_code == 0
