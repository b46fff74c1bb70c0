"""What people are told of a run: each event once, each fault from its first day."""

import shutil

import pandas as pd
import pytest
from lived import small

from regime import notify
from regime.data.calendar import trading_days
from regime.service.daily import run_day
from regime.service.events import Memory
from regime.service.intake import Intake, from_demo
from regime.settings import Settings

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
