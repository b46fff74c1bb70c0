"""The call of a day: status, qualifiers and what cannot be called, case by case."""

import numpy as np
import pandas as pd
import pytest
from called import BROAD, COST, MEGA, SMALL, frame, random_conditions, random_leads, restless
from pandas.testing import assert_frame_equal

from regime.call import Status, regime_call
from regime.exceptions import PanelError
from regime.labels.leadership import path_as_known


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
