"""The call changes at its flip level, and not nearer to zero."""

import math

import numpy as np
import pytest
from flips.told import BASKETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from regime import flips
from regime.explained import FLIPS, LIMIT
from regime.flips import TOLERANCE, flip_levels

QUIET = [HealthCheck.function_scoped_fixture]


@settings(deadline=None, max_examples=1, suppress_health_check=QUIET)
@given(back=st.integers(1, 750))
def test_the_call_changes_at_a_level_and_not_nearer_to_zero(said, back):
    day = said.calls.index[-back]
    levels = said.levels(day)
    assert list(levels) == FLIPS
    assert [*zip(levels["basket"], levels["direction"], strict=True)] == [
        (basket, way) for basket in BASKETS for way in ("up", "down")
    ]
    now = said.calls.loc[day, "regime"]
    for row in levels.to_dict("records"):
        ask, move = lambda move, row=row: said.brute_force(day, row["basket"], move), row["move"]
        limit = math.log1p(LIMIT if row["direction"] == "up" else -LIMIT)
        if np.isnan(move):
            assert row["to_regime"] is None
            assert not row["confirmed"]
            assert ask(limit) is None
            assert "call would stand" in row["words"]
            continue
        assert row["confirmed"]
        assert row["to_regime"] != now
        if move == 0:
            assert ask(0.0) == row["to_regime"]
            continue
        assert 0 < move / limit <= 1
        assert ask(move + math.copysign(1e-9, move)) == row["to_regime"]
        assert ask(move - math.copysign(TOLERANCE + 1e-9, move)) is None
        assert f"{abs(math.expm1(move)):.1%}" in row["words"]
        assert ("gain" if move > 0 else "lose") in row["words"]


@pytest.mark.long
@settings(deadline=None, max_examples=50, suppress_health_check=QUIET)
@given(back=st.integers(1, 1000))
def test_it_does_so_on_any_day(said, back):
    test_the_call_changes_at_a_level_and_not_nearer_to_zero.hypothesis.inner_test(said, back)


def test_a_basket_that_leads_by_far_cannot_gain_its_call_away(filtered):
    day = filtered.proba["small_cap_led"].idxmax()
    levels = filtered.levels(day).set_index(["basket", "direction"])
    row = levels.loc[("small", "up")]
    assert np.isnan(row["move"])
    assert row["to_regime"] is None
    assert row["words"] == (
        "Small companies could gain 15% on the others within five sessions, and the call would "
        "stand: where it changes lies beyond 15%, if anywhere."
    )
    assert levels.loc[("small", "down"), "to_regime"] in {"mega_cap_led", "broadening", None}


def test_a_call_that_changes_though_nothing_moves_has_its_level_at_zero(filtered):
    day = filtered.proba["small_cap_led"].idxmax()
    calls = filtered.calls[:day].copy()
    calls.loc[day, "regime"] = "broadening"  # published so, by whoever spoke then
    levels = flip_levels(filtered.bundle, filtered.panel, calls, filtered.proba)
    assert (levels["move"] == 0).all()
    assert (levels["to_regime"] == "small_cap_led").all()
    assert set(levels["words"]) == {
        "The call would be small-cap-led within five sessions even if no basket moved."
    }


def test_the_published_call_stands_whatever_the_probabilities_say(filtered):
    """Between two regimes within the margin, the level hangs on which of them was called."""
    ranked = np.sort(filtered.proba.to_numpy(), axis=1)
    odds = np.log(ranked[-700:, 2] / ranked[-700:, 1])
    day = filtered.proba.index[-700:][np.argmin(odds)]
    calls = filtered.calls[:day].copy()
    calls.loc[day, "regime"] = filtered.proba.loc[day].drop(calls["regime"].iloc[-1]).idxmax()
    told = filtered.levels(day), flip_levels(filtered.bundle, filtered.panel, calls, filtered.proba)
    assert not told[0]["move"].equals(told[1]["move"])
    assert calls["regime"].iloc[-1] not in {*told[1]["to_regime"]}


def test_fewer_sessions_are_sooner_said(filtered):
    day = filtered.calls.index[-40]
    row = filtered.levels(day, sessions=1).dropna(subset="move").iloc[0]
    assert "within one session:" in row["words"]
    move = row["move"]
    assert filtered.brute_force(day, row["basket"], move, sessions=1) == row["to_regime"]
    nearer = move - math.copysign(TOLERANCE, move)
    assert filtered.brute_force(day, row["basket"], nearer, sessions=1) is None


def ruled(rule, monkeypatch):
    """Let the call be ruled by moves alone."""
    monkeypatch.setattr(flips._Ahead, "changes_to", lambda _, basket, move: rule(basket, move))
    monkeypatch.setattr(
        flips._Ahead, "ask",
        lambda _, moves: {q: [rule(q[0], move) for move in tried] for q, tried in moves.items()},
    )  # fmt: skip


@pytest.mark.parametrize(
    "level",
    [1e-6, math.log1p(LIMIT), -0.07,
     *(pytest.param(level, marks=pytest.mark.long) for level in (0.0123, 0.0931, -0.1625))],
)  # fmt: skip
def test_a_level_is_found_to_the_tolerance_and_in_its_direction(filtered, level, monkeypatch):
    def rule(basket, move):
        beyond = move >= level if level > 0 else move <= level
        return "broadening" if basket == "mega" and beyond else None

    ruled(rule, monkeypatch)
    levels = filtered.levels(filtered.calls.index[-1])
    found = levels.dropna(subset="move")
    assert [*zip(found["basket"], found["direction"], strict=True)] == [
        ("mega", "up" if level > 0 else "down")
    ]
    assert 0 <= abs(found["move"].iloc[0]) - abs(level) <= TOLERANCE
    assert found["confirmed"].all()
    assert found["monotone"].all()


def test_of_several_levels_the_one_nearest_to_zero_counts_and_it_is_said(filtered, monkeypatch):
    inside = {"mega_cap_led": (0.03, 0.05), "broadening": (0.07, 1.0)}

    def rule(basket, move):
        return next((to for to, (low, high) in inside.items() if low <= move < high), None)

    ruled(rule, monkeypatch)
    levels = filtered.levels(filtered.calls.index[-1])
    up = levels[levels["direction"] == "up"]
    assert_allclose(up["move"], 0.03, atol=TOLERANCE)
    assert (up["to_regime"] == "mega_cap_led").all()
    assert not up["monotone"].any()
    assert up["words"].str.endswith("Some larger moves would leave it as it is.").all()


def test_a_level_that_the_whole_panel_does_not_repeat_is_not_confirmed(filtered, monkeypatch):
    ruled(lambda basket, move: "broadening" if move > 0.02 else None, monkeypatch)
    monkeypatch.setattr(flips._Ahead, "changes_to", lambda *_: None)
    levels = filtered.levels(filtered.calls.index[-1])
    assert levels["move"].notna().sum() == 3
    assert not levels["confirmed"].any()
