"""Who is in service, and what a decision leaves behind."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from tracking.promotion.decided import NOW, aliases, in_service, passed, tags

from regime.evaluation.gate import CHECKS, Decision
from regime.exceptions import EvaluationError, StoreError
from regime.tracking import registry
from regime.tracking.names import CHALLENGER, CHAMPION, FORMER
from regime.tracking.promotion import BOUNDS, promote, rollback


def rejected(number: str, champion: str | None) -> Decision:
    decision = passed(number, champion)
    bad = replace(decision.checks[3], passed=False)
    return replace(decision, checks=(*decision.checks[:3], bad, *decision.checks[4:]))


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


def test_promoting_without_the_gate_says_so_and_ends_the_challenge(home):
    assert registry.promote(home) == "3"
    assert aliases(home) == {CHAMPION: "3"}
    left = tags(home, "3")
    assert left["gate_decision"] == "not gated"
    assert left["promoted_over"] == "none"
    before = {**left}
    assert registry.promote(home, "3") == "3"  # once more changes nothing
    assert tags(home, "3") == before
