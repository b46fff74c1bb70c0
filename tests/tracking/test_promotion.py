"""Who is in service, however the way there was cut short, and what a decision leaves behind."""

import json
import shutil
import subprocess
import threading
import warnings
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from registered import experiment, trained
from tracked import tracked

from regime.bundle import fit_bundle
from regime.data.as_of import panel_as_of
from regime.data.calendar import trading_days
from regime.data.sources import demo
from regime.data.store import ObservationStore
from regime.evaluation.gate import CHECKS, Check, Decision
from regime.exceptions import EvaluationError, StoreError
from regime.experiment import reference_filter
from regime.models.matching import LEAST_OVERLAP
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking import clean_process, promotion, registry
from regime.tracking.clean_process import check_apart, score_apart
from regime.tracking.mlflow_client import client, experiment_id
from regime.tracking.names import CHALLENGER, CHAMPION, FORMER, MODEL
from regime.tracking.promotion import (
    BOUNDS,
    check_fresh,
    check_states,
    decide,
    promote,
    rollback,
)
from regime.tracking.registry import load_version, register, sole_promoter, standing

NOW = pd.Timestamp("2009-01-01 18:00", tz="UTC")  # a holiday; the last close is due
NOBODY = pd.DataFrame()


@pytest.fixture(scope="module")
def small():
    """Settings of an experiment that is quickly walked forward."""
    return experiment(
        features={"sets": ()},
        labels={"horizons": (0, 21)},
        training={"every": 3, "since": pd.Timestamp("1990-01-01").date()},
        model={"kind": "filter"},
    )


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory):
    """A home with a store that ends on the last close, and three versions of one model."""
    settings = tracked(tmp_path_factory.mktemp("versions") / "home", tmp_path_factory)
    settings.make_home()
    days = trading_days(pd.Timestamp("1988-01-04"), pd.Timestamp("2008-12-31"))
    store = ObservationStore(settings.store)
    store.append(demo.simulate(days).observations, fetched_at=NOW)
    panel = panel_as_of(store, NOW)
    result, bundle = trained(panel, small)
    fallback = fit_bundle(reference_filter(small), "funds", panel)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on newer libraries
        tracker = client(settings)
        for _ in range(3):  # of runs without the figures that a comparison leaves
            run_id = tracker.create_run(experiment_id(tracker, settings)).info.run_id
            register(bundle, fallback, result, run_id, settings, simulated=True)
    return settings, panel


@pytest.fixture
def home(whole, tmp_path):
    """A copy to move aliases in; artefacts of the models stay where they are."""
    shutil.copytree(whole[0].home, tmp_path / "home", symlinks=True)
    return Settings(home=tmp_path / "home")


@pytest.fixture
def panel(whole):
    return whole[1]


@pytest.fixture
def judged(home, panel, monkeypatch):
    """Judge a version here; a fresh process takes seconds, and has tests of its own."""
    fine = Check("clean_process", True, 0.0, 1e-12, "not asked")
    monkeypatch.setattr(promotion, "check_apart", lambda *_: fine)

    def judge(number=None, now=NOW, **options):
        store = ObservationStore(home.store)
        return decide(home, store, panel, number, ledger=NOBODY, now=now, **options)

    return judge


def passed(number: str, champion: str | None, at: str = "2009-01-01 18:00") -> Decision:
    checks = tuple(Check(name, True, 1.0, 0.0, "fine") for name in CHECKS)
    return Decision(number, champion, pd.Timestamp(at, tz="UTC"), checks)


def rejected(number: str, champion: str | None) -> Decision:
    decision = passed(number, champion)
    bad = replace(decision.checks[3], passed=False)
    return replace(decision, checks=(*decision.checks[:3], bad, *decision.checks[4:]))


def aliases(settings: Settings) -> dict[str, str]:
    found = client(settings).get_registered_model(MODEL).aliases
    return {alias: str(number) for alias, number in found.items()}


def tags(settings: Settings, number: str) -> dict[str, str]:
    return dict(client(settings).get_model_version(MODEL, number).tags)


def in_service(settings: Settings, *numbers: str) -> None:
    before = None
    for number in numbers:
        promote(settings, number, passed(number, before))
        before = number


def test_a_whole_life_judged_promoted_over_and_taken_back(home, judged):
    first = judged("1")
    assert first.promote, first
    promote(home, "1", first)
    assert aliases(home) == {CHAMPION: "1", CHALLENGER: "3"}
    assert tags(home, "1")["promoted_over"] == "none"

    second = judged()  # the newest challenger
    assert (second.challenger, second.champion) == ("3", "1")
    assert second.promote
    assert second.checks[0].value == 0  # the same model, and no worse than itself
    promote(home, "3", second)
    assert aliases(home) == {CHAMPION: "3", FORMER: "1"}
    left = tags(home, "3")
    assert left["promoted_over"] == "1"
    assert left["promoted_at"] == "2009-01-01T18:00:00+00:00"
    assert "forced" not in left

    later = NOW + pd.Timedelta(hours=1)
    assert rollback(home, why="too restless", now=later) == ("3", "1")
    assert aliases(home) == {CHAMPION: "1"}
    assert tags(home, "3")["rolled_back_at"] == "2009-01-01T19:00:00+00:00"
    assert tags(home, "3")["rolled_back_why"] == "too restless"


def test_a_decision_is_kept_with_the_version_whichever_way_it_goes(home, judged):
    before = tags(home, "2")
    judged("2", record=False)
    assert tags(home, "2") == before

    judged("2")
    left = tags(home, "2")
    assert left["gate_decision"] == "promote"
    assert left["gate_decided_at"] == "2009-01-01T18:00:00+00:00"
    assert left["gate_against"] == "none"
    assert all(left[f"gate_{name}"].startswith("passed: ") for name in CHECKS)
    numbers = json.loads(left["gate_numbers"])
    assert [*numbers] == [*CHECKS]
    assert numbers["fresh"] == [0.0, BOUNDS.training_behind]

    stale = judged("2", now=NOW + pd.Timedelta(days=90))
    assert stale.failed == ("fresh",)
    left = tags(home, "2")
    assert left["gate_decision"] == "reject"
    assert left["gate_fresh"].startswith("failed: not as new as published: OEF ends on 2008-12-31")
    assert aliases(home) == {CHALLENGER: "3"}


def test_two_rollbacks_after_three_promotions_go_back_one_and_then_one_more(home):
    in_service(home, "1", "2", "3")
    assert aliases(home) == {CHAMPION: "3", FORMER: "2"}
    assert rollback(home, why="first", now=NOW) == ("3", "2")
    assert aliases(home) == {CHAMPION: "2", FORMER: "1"}
    assert rollback(home, why="second", now=NOW) == ("2", "1")
    assert aliases(home) == {CHAMPION: "1"}
    with pytest.raises(StoreError, match="nothing to go back to"):
        rollback(home, why="third", now=NOW)
    assert aliases(home) == {CHAMPION: "1"}
    assert "rolled_back_at" not in tags(home, "1")


def test_a_version_that_was_taken_back_can_come_again_and_is_then_as_new(home):
    in_service(home, "1", "2")
    rollback(home, why="a mistake", now=NOW)
    promote(home, "2", passed("2", "1"))
    assert "rolled_back_at" not in tags(home, "2")
    assert aliases(home)[CHAMPION] == "2"


def test_a_rollback_does_not_go_in_circles(home):
    in_service(home, "1", "2", "1")
    assert rollback(home, why="one", now=NOW) == ("1", "2")
    with pytest.raises(StoreError, match="version 1, which was itself taken back on 2009-01-01"):
        rollback(home, why="two", now=NOW)
    assert aliases(home)[CHAMPION] == "2"


def test_a_rollback_needs_a_reason_and_a_champion(home):
    with pytest.raises(EvaluationError, match="needs a reason"):
        rollback(home, why=" ", now=NOW)
    with pytest.raises(StoreError, match="No model is in service"):
        rollback(home, why="so", now=NOW)


def test_a_rejected_version_is_promoted_only_with_a_reason_that_is_kept(home):
    for why in (None, "", "  "):
        with pytest.raises(EvaluationError, match="rejected version 2: turnover"):
            promote(home, "2", rejected("2", None), why=why)
    assert CHAMPION not in aliases(home)
    promote(home, "2", rejected("2", None), why="the only one there is")
    left = tags(home, "2")
    assert (left["forced"], left["forced_why"]) == ("true", "the only one there is")
    promote(home, "1", passed("1", "2"))
    promote(home, "2", passed("2", "1"))
    assert not {"forced", "forced_why"} & {*tags(home, "2")}


def test_a_decision_holds_for_the_version_and_the_champion_it_was_made_of(home):
    in_service(home, "1")
    with pytest.raises(EvaluationError, match="judged version 2, not version 3"):
        promote(home, "3", passed("2", "1"))
    promote(home, "2", passed("2", "1"))
    with pytest.raises(StoreError, match="judged against version 1, but version 2 is in service"):
        promote(home, "3", passed("3", "1"))
    assert aliases(home)[CHAMPION] == "2"


class Killed(BaseException):
    """What a kill looks like from inside."""


WRITES = (
    "set_model_version_tag", "set_registered_model_alias", "delete_registered_model_alias",
    "delete_model_version_tag",
)  # fmt: skip


def killed_after(n_calls: int, monkeypatch):
    """The client of a process that is killed when it has written so often."""
    count = 0

    def limited(settings):
        found = client(settings)

        class Mortal:
            def __getattr__(self, name):
                known = getattr(found, name)
                if name not in WRITES:
                    return known

                def write(*words):
                    nonlocal count
                    if count == n_calls:
                        raise Killed
                    count += 1
                    return known(*words)

                return write

        return Mortal()

    monkeypatch.setattr(promotion, "client", limited)
    return lambda: count


@pytest.mark.parametrize("what", ["promote", "rollback"])
def test_who_is_killed_anywhere_leaves_one_champion_and_can_begin_again(
    what, home, monkeypatch, tmp_path
):
    in_service(home, "1", "2")
    begin, end = ("2", "3") if what == "promote" else ("2", "1")

    def run(settings):
        if what == "rollback":
            return rollback(settings, why="so", now=NOW)
        number, champion = standing(settings)  # the challenger, as the command finds it
        if number == champion:
            return registry.promote(settings, number)
        return promote(settings, number, passed(number, champion))

    finished = False
    for n_calls in range(12):
        copy = Settings(home=tmp_path / f"{what}{n_calls}")
        shutil.copytree(home.home, copy.home, symlinks=True)
        with monkeypatch.context() as patch:
            killed_after(n_calls, patch)
            try:
                run(copy)
                finished = True
            except Killed:
                pass
        assert aliases(copy)[CHAMPION] in (begin, end)
        load_version(copy)
        if finished:
            break
        if aliases(copy)[CHAMPION] == begin or what == "promote":
            run(copy)
        assert aliases(copy) == (
            {CHAMPION: "3", FORMER: "2"} if what == "promote" else
            {CHAMPION: "1", CHALLENGER: "3"}
        )  # fmt: skip
        assert tags(copy, end).get("promoted_over") == ("2" if what == "promote" else "none")
    assert finished
    assert n_calls >= 4


def test_a_rollback_is_over_with_the_step_that_moves_the_champion(home, monkeypatch):
    in_service(home, "1", "2", "3")
    moved = []
    found = client(home)
    for name in WRITES:
        known = getattr(found, name)
        monkeypatch.setattr(
            found, name, lambda *words, known=known: (moved.append(words), known(*words))
        )
    monkeypatch.setattr(promotion, "client", lambda _: found)
    rollback(home, why="so", now=NOW)
    assert moved[-1] == (MODEL, CHAMPION, "2")


def test_two_who_promote_at_once_do_it_one_after_the_other_and_one_is_told(home):
    in_service(home, "1")
    said = []

    def go(number):
        try:
            promote(home, number, passed(number, "1"))
            said.append(number)
        except StoreError as error:
            said.append(str(error))

    threads = [threading.Thread(target=go, args=(number,)) for number in ("2", "3")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    winner = next(one for one in said if one.isdigit())
    loser = next(one for one in said if not one.isdigit())
    assert aliases(home)[CHAMPION] == winner
    assert f"but version {winner} is in service since" in loser
    assert tags(home, winner)["promoted_over"] == "1"


def test_who_waits_too_long_for_the_lock_is_told_who_holds_it(home, monkeypatch):
    monkeypatch.setattr(registry, "_PATIENCE", 0.2)
    with FileLock(home.home / "promotion.lock"):
        with pytest.raises(StoreError, match=r"promotion\.lock\. Let it finish"):
            promote(home, "1", passed("1", None))
        with pytest.raises(StoreError, match=r"promotion\.lock\. Let it finish"):
            rollback(home, why="so", now=NOW)
    with sole_promoter(home):
        pass


@pytest.fixture
def damaged(home):
    """Change a byte of a version's files for a while."""
    broken = []

    def damage(number):
        source = client(home).get_model_version(MODEL, number).source
        victim = next(Path(urlparse(source).path).rglob("*.npz"))
        whole = victim.read_bytes()
        broken.append((victim, whole))
        victim.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    yield damage
    for victim, whole in broken:
        victim.write_bytes(whole)


def test_a_damaged_champion_can_be_replaced_but_not_unseen(home, judged, damaged):
    in_service(home, "1")
    damaged("1")
    decision = judged("2")
    assert decision.failed == ("log_loss",)
    assert "not what was registered" in decision.checks[0].words
    promote(home, "2", decision, why="version 1 was damaged")
    assert aliases(home)[CHAMPION] == "2"
    with pytest.raises(StoreError, match="not what was registered"):
        rollback(home, why="so", now=NOW)
    assert aliases(home)[CHAMPION] == "2"
    assert "rolled_back_at" not in tags(home, "2")


def test_a_damaged_challenger_is_neither_judged_nor_promoted(home, judged, damaged):
    damaged("2")
    with pytest.raises(StoreError, match="not what was registered"):
        judged("2")
    with pytest.raises(StoreError, match="not what was registered"):
        promote(home, "2", passed("2", None))
    assert aliases(home) == {CHALLENGER: "3"}
    assert "promoted_at" not in tags(home, "2")


def test_a_fresh_process_says_the_same_and_refuses_what_was_changed(
    home, panel, damaged, monkeypatch
):
    version = load_version(home, "1")
    apart = score_apart(home, "1", panel, days=250, seconds=300)
    assert apart["date"].nunique() == 250
    with monkeypatch.context() as patch:
        patch.setattr(clean_process, "score_apart", lambda *_, **__: apart)
        found = check_apart(home, version, panel, BOUNDS)
        assert found.passed, found
        assert found.value == 0
        assert "250 days" in found.words
        patch.setattr(clean_process, "score_apart", lambda *_, **__: apart[1:])
        assert not check_apart(home, version, panel, BOUNDS).passed
        nearly = apart.assign(broadening=apart["broadening"] + 1e-11)
        patch.setattr(clean_process, "score_apart", lambda *_, **__: nearly)
        found = check_apart(home, version, panel, BOUNDS)
        assert not found.passed
        assert found.value == pytest.approx(1e-11, rel=1e-3)

    damaged("1")
    found = check_apart(home, version, panel, BOUNDS)
    assert not found.passed
    assert "not what was registered" in found.words
    assert "\n" not in found.words


def test_a_fresh_process_that_takes_too_long_is_ended_and_fails(home, panel):
    found = check_apart(home, load_version(home, "1"), panel, replace(BOUNDS, seconds=0.2))
    assert not found.passed
    assert "within 0 seconds" in found.words


def test_a_fresh_process_is_told_nothing_but_the_address(home, panel, monkeypatch):
    asked = []

    def look(words, *, env, **options):
        asked.append(env)
        return subprocess.CompletedProcess(words, 3, "", "\n")

    monkeypatch.setattr(clean_process.subprocess, "run", look)
    monkeypatch.setenv("REGIME_NOW", "2009-01-01T18:00:00Z")
    with pytest.raises(StoreError, match="ended with code 3"):
        score_apart(home, "1", panel, days=5, seconds=1)
    assert not [name for name in asked[0] if name.startswith("REGIME_")]
    assert asked[0]["MLFLOW_TRACKING_URI"] == home.tracking_uri


def test_a_model_without_hidden_states_passes_and_says_so(home, panel):
    found = check_states(load_version(home, "1"), panel, BOUNDS)
    assert found.passed
    assert "no hidden states" in found.words


def test_hidden_states_must_stand_for_what_they_stood_for_in_the_record(home, panel):
    version = load_version(home, "1")
    config = experiment(
        features={"sets": ("leads",)}, training={},
        labels={"horizons": (0,)},
        model={"kind": "gaussian_hmm", "params": {"n_states": 3, "n_init": 2}},
    )  # fmt: skip
    bundle = fit_bundle(config, "funds", panel)
    rows = bundle.predict_proba(panel, panel.index[-300]).assign(fitted_on=panel.index[-301])
    hidden = replace(version, bundle=bundle, walk_forward=rows)
    found = check_states(hidden, panel, BOUNDS)
    assert found.passed
    assert found.value == pytest.approx(1)
    assert found.bound == LEAST_OVERLAP

    swapped = rows.assign(**{REGIMES[0]: rows[REGIMES[1]], REGIMES[1]: rows[REGIMES[0]]})
    found = check_states(replace(hidden, walk_forward=swapped), panel, BOUNDS)
    assert not found.passed
    assert REGIMES[0] in found.words or found.value < LEAST_OVERLAP

    other = rows.assign(
        **dict(zip(REGIMES, np.eye(3)[1][:, None] * np.ones(len(rows)), strict=True))
    )
    assert not check_states(replace(hidden, walk_forward=other), panel, BOUNDS).passed
    gone = check_states(hidden, panel[: rows["date"].iloc[0] - pd.Timedelta(days=9)], BOUNDS)
    assert not gone.passed
    stack = config.model_copy(update={"members": (config,)})
    assert promotion._has_states(stack)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (NOW, "0 sessions before the newest close"),
        (NOW + pd.Timedelta(days=30), "OEF ends on 2008-12-31"),
    ],
)
def test_the_store_must_be_as_new_as_its_publishers_promise(home, now, said):
    found = check_fresh(load_version(home, "1"), ObservationStore(home.store), now, BOUNDS)
    assert found.passed is (now == NOW)
    assert said in found.words


def test_a_model_of_a_simulated_market_is_not_for_a_real_one(home, monkeypatch):
    store = ObservationStore(home.store)
    monkeypatch.setattr(store, "is_simulated", lambda: False)
    found = check_fresh(load_version(home, "1"), store, NOW, BOUNDS)
    assert not found.passed
    assert "trained on a SIMULATED market, but the store holds market data" in found.words


def test_promoting_without_the_gate_says_so_and_ends_the_challenge(home):
    assert registry.promote(home) == "3"
    assert aliases(home) == {CHAMPION: "3"}
    left = tags(home, "3")
    assert left["gate_decision"] == "not gated"
    assert left["promoted_over"] == "none"
    before = {**left}
    assert registry.promote(home, "3") == "3"  # once more changes nothing
    assert tags(home, "3") == before
