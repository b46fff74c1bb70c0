"""Calls from day to day against a slower way to the same: hysteresis, dates, the margin."""

import numpy as np
import pandas as pd
import pytest
from called import BROAD, COST, MEGA, frame, random_conditions, random_leads, restless
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from regime.call import CALL_MARGIN, Status, _with_hysteresis, choose_margin, regime_call
from regime.exceptions import PanelError
from regime.labels.leadership import episodes, leadership_path, path_as_known
from regime.taxonomy import REGIMES

SEEDS = st.integers(0, 100_000)


# Hysteresis and the two dates


def called_one_by_one(probabilities: pd.DataFrame, margin: float) -> list[str]:
    """The first to lead, until another has exp(margin) times the called one's probability."""
    calls: list[str] = []
    for row in probabilities.to_dict("records"):
        best = max(REGIMES, key=row.get)
        if not calls or row[best] >= np.exp(margin) * row[calls[-1]]:
            calls.append(best)
        else:
            calls.append(calls[-1])
    return calls


@given(SEEDS, st.floats(0.05, 3.0))
@settings(max_examples=40, deadline=None)
def test_the_call_changes_hands_exactly_when_a_challenger_reaches_the_margin(seed, margin):
    probabilities = restless(seed)
    calls = regime_call(probabilities, margin=margin)
    assert list(calls["regime"]) == called_one_by_one(probabilities, margin)


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_without_a_margin_the_call_is_the_most_probable_regime(seed):
    probabilities = restless(seed)
    calls = regime_call(probabilities, margin=0.0)
    assert list(calls["regime"]) == list(probabilities.idxmax(axis=1))
    assert list(calls["regime"]) == list(calls["most_probable"])


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_the_call_only_ever_moves_to_the_most_probable_regime(seed):
    probabilities = restless(seed)
    calls = regime_call(probabilities, margin=CALL_MARGIN)
    moved = calls["regime"] != calls["regime"].shift(fill_value=calls["regime"].iloc[0])
    assert (calls["regime"] == calls["most_probable"])[moved].all()


def test_a_probability_of_zero_can_be_called_away_from_and_back_to():
    calls = regime_call(frame([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]))
    assert list(calls["regime"]) == [MEGA, BROAD, MEGA]


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_called_since_is_the_first_day_of_the_unbroken_run_of_the_call(seed):
    calls = regime_call(restless(seed))
    called, since = list(calls["regime"]), list(calls["called_since"])
    for position, regime in enumerate(called):
        begin = position
        while begin and called[begin - 1] == regime:
            begin -= 1
        assert since[position] == calls.index[begin]


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_status_and_path_since_are_what_a_replay_of_each_close_says(seed):
    probabilities, leads = restless(seed), random_leads(seed)
    path = path_as_known(leads, switching_cost=COST)
    calls = regime_call(probabilities, path=path)
    for position in range(0, len(leads), 13):
        row, call = probabilities.iloc[position], calls.iloc[position]
        replay = leadership_path(leads.iloc[: position + 1], switching_cost=COST)
        episode = episodes(replay).iloc[-1]
        assert call["path_since"] == episode["start"]
        settled = replay["regime"][replay["confirmed_on"].notna()]
        top, second, _ = sorted(row, reverse=True)
        if top < 0.5 or top - second < 0.10 or row.idxmax() != call["regime"]:
            expected = Status.CONTESTED
        elif top > 0.80 or (
            episode["regime"] == call["regime"] and pd.notna(episode["confirmed_on"])
        ):
            expected = Status.CONFIRMED
        elif len(settled) and settled.iloc[-1] != call["regime"]:
            expected = Status.HANDOVER
            assert call["handover_from"] == settled.iloc[-1]
        else:
            expected = Status.PROVISIONAL
        assert call["status"] == expected
        assert pd.isna(call["handover_from"]) == (expected != Status.HANDOVER)


def test_random_markets_meet_every_status():
    seen: set[str] = set()
    for seed in range(5):
        path = path_as_known(random_leads(seed), switching_cost=COST)
        seen |= set(regime_call(restless(seed), path=path)["status"])
    assert seen == set(Status)


@given(SEEDS, st.integers(1, 159), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_calls_are_blind_to_the_future(seed, today, with_path, with_conditions):
    probabilities, leads = restless(seed), random_leads(seed)
    conditions = random_conditions(seed) if with_conditions else None

    def calls(days: int) -> pd.DataFrame:
        path = path_as_known(leads[:days], switching_cost=COST) if with_path else None
        market = None if conditions is None else conditions[:days]
        return regime_call(probabilities[:days], path=path, conditions=market)

    assert_frame_equal(calls(len(leads))[:today], calls(today))


def test_a_path_and_conditions_that_run_on_change_nothing():
    probabilities, market = restless(8), random_conditions(8)
    path = path_as_known(random_leads(8), switching_cost=COST)
    whole = regime_call(probabilities[:90], path=path, conditions=market)
    part = regime_call(probabilities[:90], path=path[:90], conditions=market[:90])
    assert_frame_equal(whole, part)


# The margin


def teased(*challenges: float, calm: int = 60) -> pd.DataFrame:
    """Two regimes take turns: each challenge, in log-odds, after so many calm days."""
    lead, sign = [], 1.0
    for challenge in challenges:
        lead += [sign * challenge] * calm
        sign = -sign
    odds = np.exp(np.array(lead))
    small = np.full(len(odds), 1e-6)
    rows = np.column_stack([odds, np.ones(len(odds)), small])
    return frame(rows / rows.sum(axis=1, keepdims=True))


def test_the_margin_is_the_smallest_that_keeps_the_calls_calm():
    daily = teased(*[0.9] * 252, calm=1)  # 251 changes a year, none from 1.0 on
    assert choose_margin(daily) == 1.0
    yearly = teased(2.1, 2.1, 2.1, calm=84)  # two changes a year
    assert choose_margin(yearly) == 0.25
    assert choose_margin(yearly, at_most=1.9) == 2.25


def test_what_no_margin_can_calm_is_said():
    with pytest.raises(PanelError, match="too restless"):
        choose_margin(teased(*[5.0] * 100, calm=1))


def test_a_margin_is_not_chosen_on_nothing():
    with pytest.raises(PanelError, match="there are none"):
        choose_margin(restless(0)[:0])


@given(SEEDS, st.sampled_from([0.0, 0.25, CALL_MARGIN, 2.0]), st.integers(0, 60))
@settings(max_examples=100, deadline=None)
def test_a_call_changes_hands_on_the_days_on_which_one_look_after_the_other_does(
    seed, margin, n_days
):
    proba = np.random.default_rng(seed).dirichlet([0.7] * 3, size=n_days).round(seed % 3 + 1)
    log_odds = np.log(np.maximum(proba, 1e-12))
    expected, now = [], int(proba[0].argmax()) if n_days else 0
    for row in log_odds:
        if row.max() - row[now] >= margin:
            now = int(row.argmax())
        expected.append(now)
    assert _with_hysteresis(proba, margin).tolist() == expected


def going_on(proba: pd.DataFrame, margin: float, published: dict[int, int]) -> list[int]:
    """Day by day, a published call taken as it stands."""
    calls: list[int] = []
    for day, row in enumerate(np.log(proba.to_numpy())):
        first = int(row.argmax())
        if day in published:
            calls.append(published[day])
        elif not calls:
            calls.append(first)
        else:
            calls.append(first if row[first] - row[calls[-1]] >= margin else calls[-1])
    return calls


@given(SEEDS, st.dictionaries(st.integers(0, 39), st.integers(0, 2)), st.floats(0.1, 3))
@settings(max_examples=60, deadline=None)
def test_published_calls_stand_and_the_days_after_go_on_from_them(seed, published, margin):
    proba = restless(seed, 40)
    made = pd.Series({proba.index[day]: REGIMES[code] for day, code in published.items()})
    called = regime_call(proba, margin=margin, published=made.astype("str"))["regime"]
    expected = [REGIMES[code] for code in going_on(proba, margin, published)]
    assert called.tolist() == expected
    shorter = regime_call(proba[:25], margin=margin, published=made.astype("str"))["regime"]
    assert shorter.tolist() == expected[:25]


def test_a_published_call_of_no_regime_is_refused():
    proba = restless(1, 3)
    with pytest.raises(PanelError, match="a published one"):
        regime_call(proba, published=pd.Series({proba.index[0]: "mid_cap_led"}))
