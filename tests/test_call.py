"""The call: known cases by hand, everything else against a slower way to the same answer."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from regime.call import CALL_MARGIN, Status, _with_hysteresis, choose_margin, regime_call
from regime.exceptions import PanelError
from regime.labels.leadership import episodes, leadership_path, path_as_known
from regime.taxonomy import REGIMES

MEGA, BROAD, SMALL = REGIMES
SEEDS = st.integers(0, 100_000)
COST = 4.0


def frame(rows, columns=REGIMES) -> pd.DataFrame:
    return pd.DataFrame(rows, pd.bdate_range("2001-01-02", periods=len(rows)), list(columns))


def restless(seed: int, n_days: int = 160) -> pd.DataFrame:
    """Probabilities whose log-odds wander."""
    rng = np.random.default_rng(seed)
    score = rng.normal(size=(n_days, 3)).cumsum(axis=0) * 0.5
    weight = np.exp(score - score.max(axis=1, keepdims=True))
    return frame(weight / weight.sum(axis=1, keepdims=True))


def random_leads(seed: int, n_days: int = 160) -> pd.DataFrame:
    return frame(np.random.default_rng(seed + 1).normal(size=(n_days, 3)))


def random_conditions(seed: int, n_days: int = 160) -> pd.DataFrame:
    rng = np.random.default_rng(seed + 2)
    names = ["market_return", *(f"return_{regime}" for regime in REGIMES), "members_above_200d"]
    values = rng.normal(0.0, 0.01, size=(n_days, 5))
    values[:, 4] = rng.uniform(size=n_days)
    return frame(np.where(rng.uniform(size=values.shape) < 0.05, np.nan, values), names)


def known(days, leader, since, confirmed, through) -> pd.DataFrame:
    """The path as it looked at each of these closes, the same on every one."""
    return pd.DataFrame(
        {
            "leader": leader,
            "leader_since": days[since],
            "confirmed_leader": confirmed,
            "confirmed_through": days[through],
        },
        index=days,
    )


def last(rows, **keywords) -> pd.Series:
    return regime_call(frame(rows), **keywords).iloc[-1]


# Status, case by case


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([0.45, 0.30, 0.25], "Contested: Mega-cap led / Broadening"),  # none has one half
        ([0.25, 0.30, 0.45], "Contested: Small-cap led / Broadening"),
        ([0.52, 0.03, 0.45], "Contested: Mega-cap led / Small-cap led"),  # seven points apart
    ],
)
def test_a_close_race_is_contested_and_names_the_two(row, words):
    call = last([row])
    assert call["status"] == Status.CONTESTED
    assert call["words"] == words
    assert pd.isna(call["handover_from"])


def test_a_challenger_below_the_margin_makes_the_call_contested_and_does_not_get_it():
    call = last([[0.60, 0.35, 0.05], [0.35, 0.60, 0.05]])  # log-odds 0.54, margin 0.75
    assert call["regime"] == MEGA
    assert (call["most_probable"], call["runner_up"]) == (BROAD, MEGA)
    assert call["status"] == Status.CONTESTED
    assert call["words"] == "Contested: Broadening / Mega-cap led"


def test_a_sure_probability_confirms_without_a_path():
    call = last([[0.85, 0.10, 0.05]])
    assert (call["status"], call["words"]) == (Status.CONFIRMED, "Mega-cap led, confirmed")


def test_a_probability_of_exactly_the_threshold_does_not_confirm():
    assert last([[0.80, 0.10, 0.10]])["status"] == Status.PROVISIONAL


def test_a_path_whose_episode_has_a_settled_first_day_confirms():
    rows = [[0.05, 0.60, 0.35]] * 6
    days = frame(rows).index
    call = last(rows, path=known(days, BROAD, 2, BROAD, 2))
    assert call["status"] == Status.CONFIRMED
    assert call["words"] == "Broadening (the average large company leads), confirmed"
    assert call["path_since"] == days[2]


@pytest.mark.parametrize(
    ("leader", "since", "confirmed", "through"),
    [
        (BROAD, 4, BROAD, 3),  # the first day of the episode is not settled
        (MEGA, 1, BROAD, 0),  # another regime leads the path
    ],
)
def test_a_path_that_has_not_settled_the_called_episode_leaves_it_provisional(
    leader, since, confirmed, through
):
    rows = [[0.05, 0.60, 0.35]] * 6
    call = last(rows, path=known(frame(rows).index, leader, since, confirmed, through))
    assert call["status"] == Status.PROVISIONAL
    assert call["words"] == "Broadening (the average large company leads), provisional"


def test_a_call_that_the_settled_path_does_not_know_is_a_handover_from_it():
    rows = [[0.60, 0.30, 0.10]] * 6
    call = last(rows, path=known(frame(rows).index, MEGA, 4, SMALL, 3))
    assert (call["status"], call["handover_from"]) == (Status.HANDOVER, SMALL)
    assert call["words"] == "Handover, unconfirmed: Small-cap led to Mega-cap led"


def test_without_a_path_a_handover_is_from_the_regime_called_before():
    calls = regime_call(frame([[0.70, 0.20, 0.10], [0.20, 0.70, 0.10], [0.20, 0.70, 0.10]]))
    assert list(calls["status"]) == [Status.PROVISIONAL, Status.HANDOVER, Status.HANDOVER]
    assert calls["words"].iloc[-1] == "Handover, unconfirmed: Mega-cap led to Broadening"
    assert calls["path_since"].isna().all()


def test_a_sure_probability_goes_before_a_handover_and_a_close_race_before_both():
    rows = [[0.90, 0.05, 0.05]] * 6
    days = frame(rows).index
    assert last(rows, path=known(days, SMALL, 0, SMALL, 3))["status"] == Status.CONFIRMED
    rows = [[0.45, 0.30, 0.25]] * 6
    assert last(rows, path=known(days, MEGA, 0, MEGA, 3))["status"] == Status.CONTESTED
    assert last(rows, path=known(days, MEGA, 4, SMALL, 3))["status"] == Status.CONTESTED


def test_a_path_that_has_settled_nothing_yet_confirms_nothing():
    probabilities = frame([[0.60, 0.30, 0.10]] * 6)
    path = known(probabilities.index, MEGA, 0, None, 0).assign(confirmed_through=pd.NaT)
    assert set(regime_call(probabilities, path=path)["status"]) == {Status.PROVISIONAL}


def test_away_from_the_giants_is_one_less_the_giants():
    assert last([[0.25, 0.30, 0.45]])["away_from_giants"] == 0.75


def test_regimes_are_found_by_name_wherever_their_columns_are():
    probabilities = restless(3)
    shuffled = probabilities[[SMALL, MEGA, BROAD]].assign(fitted_on=pd.Timestamp("2000-01-03"))
    assert_frame_equal(regime_call(shuffled), regime_call(probabilities))


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


# Qualifiers


def qualified(rows, **columns) -> list[str]:
    probabilities = frame(rows)
    conditions = pd.DataFrame(columns, index=probabilities.index)
    return list(regime_call(probabilities, conditions=conditions)["qualifier"])


GIANTS, SMALLS = [0.9, 0.05, 0.05], [0.05, 0.05, 0.9]


def test_giants_that_lead_a_falling_market_are_a_flight_to_size():
    assert qualified([GIANTS] * 3, market_return=[0.5, -0.1, 0.2]) == [
        "",  # nothing has happened since the close at which the call was made
        "flight to size",
        "rising market",
    ]


def test_others_that_lead_a_falling_market_are_no_flight_to_size():
    assert qualified([SMALLS] * 2, market_return=[0.5, -0.1])[-1] == "falling market"


def test_a_new_call_counts_from_its_own_close():
    said = qualified([GIANTS, GIANTS, SMALLS, SMALLS], market_return=[0.0, 0.3, 0.2, -0.1])
    assert said == ["", "rising market", "", "falling market"]


def test_giants_that_fall_while_both_others_rise_are_a_rotation():
    returns = {f"return_{MEGA}": [0.9, -0.02], f"return_{BROAD}": [-0.9, 0.01]}
    rows = [SMALLS] * 2
    both = qualified(rows, **returns, **{f"return_{SMALL}": [-0.9, 0.03]})
    assert both == ["", "rotation"]
    one = qualified(rows, market_return=[0, -0.01], **returns, **{f"return_{SMALL}": [0.9, -0.03]})
    assert one[-1] == "falling market"


def test_a_rotation_needs_all_three_baskets_to_be_said():
    said = qualified([SMALLS] * 2, **{f"return_{MEGA}": [0.0, -0.1], f"return_{BROAD}": [0.0, 0.1]})
    assert said == ["", ""]


def test_fewer_than_half_the_members_above_their_average_do_not_confirm():
    members = [0.49, 0.49, 0.5, np.nan]
    said = qualified([SMALLS] * 4, market_return=[0.0, 0.1, 0.1, 0.1], members_above_200d=members)
    assert said == [
        "breadth not confirming",
        "rising market, breadth not confirming",
        "rising market",
        "rising market",
    ]


def test_a_market_nobody_knows_has_no_direction():
    assert qualified([SMALLS] * 3, market_return=[np.nan] * 3) == ["", "", ""]
    assert set(regime_call(restless(1))["qualifier"]) == {""}


# What cannot be called


@pytest.mark.parametrize(
    "row", [[np.nan] * 3, [0.5, 0.6, -0.1], [0.5, 0.5, 0.5], [0.0, 0.0, 0.0], [np.inf, 0.0, 0.0]]
)
def test_a_day_that_is_no_distribution_is_named(row):
    probabilities = frame([[0.5, 0.3, 0.2], row])
    with pytest.raises(PanelError, match="2001-01-03"):
        regime_call(probabilities)


def test_a_missing_regime_is_named():
    with pytest.raises(PanelError, match=f"missing: .*{BROAD}"):
        regime_call(restless(0).drop(columns=BROAD))


def test_days_out_of_order_or_twice_cannot_be_called():
    probabilities = restless(0)
    with pytest.raises(PanelError, match="in order"):
        regime_call(probabilities[::-1])
    with pytest.raises(PanelError, match="each once"):
        regime_call(pd.concat([probabilities[:3], probabilities[2:]]))


def test_no_days_have_no_calls():
    nothing = restless(0)[:0]
    path = path_as_known(random_leads(0), switching_cost=COST)
    for calls in (
        regime_call(nothing),
        regime_call(nothing, path=path, conditions=random_conditions(0)),
    ):
        assert calls.empty
        assert list(calls.columns) == list(regime_call(restless(0)).columns)


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
