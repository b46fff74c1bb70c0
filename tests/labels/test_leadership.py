"""The label: what it names, and that what is confirmed stays."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from regime.exceptions import PanelError
from regime.labels.leadership import episodes, leadership_path, path_as_known, target
from regime.survivors import carry_forward
from regime.taxonomy import REGIMES


def frame(values, start="2001-01-02"):
    return pd.DataFrame(values, pd.bdate_range(start, periods=len(values)), list(REGIMES))


def test_a_leader_that_earns_less_than_the_cost_is_not_named():
    lead = np.zeros((30, 3))
    lead[:, 0] = 0.5
    lead[10:20, 2] = 1.4  # earns 9 more than staying, and would pay twice 10
    assert set(leadership_path(frame(lead), switching_cost=10)["regime"]) == {"mega_cap_led"}


def test_a_leader_that_earns_more_than_both_changes_cost_is_named_from_its_first_day():
    lead = np.zeros((60, 3))
    lead[:, 0] = 0.8
    lead[20:40, 2] = 2.5  # earns 34 more than staying, and pays twice 10
    path = leadership_path(frame(lead), switching_cost=10)
    table = episodes(path)
    assert list(table["regime"]) == ["mega_cap_led", "small_cap_led", "mega_cap_led"]
    assert list(table["n_days"]) == [20, 20, 20]
    assert table["start"][1] == path.index[20]


@given(st.integers(0, 10_000), st.floats(0.5, 12.0))
@settings(max_examples=40, deadline=None)
def test_no_future_changes_a_confirmed_row(seed, cost):
    rng = np.random.default_rng(seed)
    known = rng.normal(size=(150, 3))
    label = leadership_path(frame(known), switching_cost=cost)
    settled = label["confirmed_on"].notna().to_numpy()
    for adversary in range(3):
        for size in (1.0, 8.0, 60.0):
            future = rng.normal(size=(40, 3))
            future[:, adversary] += size
            later = leadership_path(frame(np.vstack([known, future])), switching_cost=cost).iloc[
                :150
            ]
            assert_array_equal(later["regime"][settled], label["regime"][settled])
            assert_array_equal(later["confirmed_on"][settled], label["confirmed_on"][settled])


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_an_unconfirmed_row_can_still_be_changed_while_all_survivors_live(seed):
    rng = np.random.default_rng(seed)
    known = rng.normal(size=(60, 3))
    # A survivor more than the cost behind is dead, and buried one day later.
    assume((carry_forward(known, switching_cost=5.0).score[-1] >= -5.0).all())
    label = leadership_path(frame(known), switching_cost=5.0)
    first_open = int(label["confirmed_on"].notna().sum())
    seen = set()
    for winner in range(3):
        future = np.zeros((1, 3))
        future[0, winner] = 1000.0
        later = leadership_path(frame(np.vstack([known, future])), switching_cost=5.0)
        seen.add(later["regime"].iloc[first_open])
    assert len(seen) > 1


def test_confirmed_rows_are_a_prefix_and_confirmed_after_their_day(leads):
    label = leadership_path(leads, switching_cost=10)
    settled = label["confirmed_on"].notna().to_numpy()
    assert not settled[int(settled.sum()) :].any()
    assert (label["confirmed_on"][settled] > label.index[settled]).all()
    assert label["confirmed_on"].dropna().is_monotonic_increasing


def test_confirmation_is_the_day_on_which_a_replay_first_confirms(leads):
    label = leadership_path(leads, switching_cost=10)
    for day in (60, 200, 431, 800):
        replay = leadership_path(leads.iloc[: day + 1], switching_cost=10)
        by_then = (label["confirmed_on"] <= leads.index[day]).iloc[: day + 1]
        assert_array_equal(replay["confirmed_on"].notna(), by_then)


def test_the_path_as_known_is_the_replay_of_every_day(leads):
    known = path_as_known(leads, switching_cost=10)
    for day in (0, 30, 200, 431, 800):
        replay = leadership_path(leads.iloc[: day + 1], switching_cost=10)
        row = known.iloc[day]
        assert row["leader"] == replay["regime"].iloc[-1]
        assert row["leader_since"] == episodes(replay)["start"].iloc[-1]
        settled = replay[replay["confirmed_on"].notna()]
        if settled.empty:
            assert pd.isna(row["confirmed_leader"])
            assert pd.isna(row["confirmed_through"])
        else:
            assert row["confirmed_leader"] == settled["regime"].iloc[-1]
            assert row["confirmed_through"] == settled.index[-1]


@pytest.mark.parametrize("seed", range(6))
def test_the_path_as_known_is_the_replay_while_the_first_rows_are_being_confirmed(seed):
    lead = frame(np.random.default_rng(seed).normal(size=(8, 3)))
    known = path_as_known(lead, switching_cost=1.0)
    for day in range(8):
        replay = leadership_path(lead.iloc[: day + 1], switching_cost=1.0)
        settled = replay[replay["confirmed_on"].notna()]
        row = known.iloc[day]
        assert pd.isna(row["confirmed_leader"]) == pd.isna(row["confirmed_through"])
        assert pd.isna(row["confirmed_through"]) == settled.empty
        if not settled.empty:
            assert row["confirmed_through"] == settled.index[-1]
            assert row["confirmed_leader"] == settled["regime"].iloc[-1]


def test_an_episode_has_its_first_and_last_day_and_when_its_first_day_was_confirmed():
    days = pd.bdate_range("2001-01-02", periods=6)
    path = pd.DataFrame(
        {
            "regime": [REGIMES[0], REGIMES[0], REGIMES[2], REGIMES[2], REGIMES[2], REGIMES[1]],
            "confirmed_on": [days[2], days[3], days[4], days[5], pd.NaT, pd.NaT],
        },
        index=days,
    )
    assert episodes(path).to_dict("list") == {
        "start": [days[0], days[2], days[5]],
        "end": [days[1], days[4], days[5]],
        "regime": [REGIMES[0], REGIMES[2], REGIMES[1]],
        "n_days": [2, 3, 1],
        "confirmed_on": [days[2], days[4], pd.NaT],
    }


def test_where_a_change_costs_nothing_every_day_is_its_best_baskets(leads):
    path = leadership_path(leads[:100], switching_cost=0)
    assert list(path["regime"]) == list(leads[:100].idxmax(axis=1))


def test_the_path_as_known_is_blind_to_the_future(leads):
    whole = path_as_known(leads, switching_cost=10)
    pd.testing.assert_frame_equal(whole[:500], path_as_known(leads[:500], switching_cost=10))


def test_the_target_is_the_label_ahead_and_missing_where_unsettled(leads):
    label = leadership_path(leads, switching_cost=10)
    ahead = target(label, 21)
    settled = int(label["confirmed_on"].notna().sum())
    assert list(ahead["regime"][: settled - 21]) == list(label["regime"][21:settled])
    assert ahead["regime"].iloc[settled - 21 :].isna().all()
    assert list(ahead["confirmed_on"][: settled - 21]) == list(label["confirmed_on"][21:settled])


def test_a_regime_without_a_lead_is_named():
    with pytest.raises(PanelError, match="no lead for broadening"):
        leadership_path(frame(np.zeros((5, 3))).drop(columns="broadening"), switching_cost=10)


def test_a_missing_lead_names_its_day():
    values = np.zeros((5, 3))
    values[3, 1] = np.nan
    with pytest.raises(PanelError, match="missing on 2001-01-05"):
        leadership_path(frame(values), switching_cost=10)


def test_no_days_and_a_negative_cost_are_errors():
    with pytest.raises(PanelError, match="no days"):
        leadership_path(frame(np.zeros((0, 3))), switching_cost=10)
    with pytest.raises(PanelError, match="not negative"):
        leadership_path(frame(np.zeros((5, 3))), switching_cost=-1)
