"""What weights earned day by day, the timing and the bill by hand."""

import numpy as np
import pandas as pd
import pytest
from evaluation.rotated import chance, frame
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from regime.evaluation.rotation import rotate, value
from regime.exceptions import EvaluationError
from regime.taxonomy import REGIMES

histories = st.integers(0, 10_000).flatmap(
    lambda seed: st.integers(4, 40).map(lambda n_days: chance(n_days, seed))
)
mixes = st.tuples(*[st.floats(0, 1)] * 3).filter(lambda w: sum(w) > 0.01)
costs = st.floats(0, 200)


def test_five_days_by_hand_at_one_percent():
    weights = frame([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [0.2, 0.3, 0.5], [0, 0, 1]])
    simple = [[9, 9, 9], [9, 9, 9], [0.1, 0, 0], [0, -0.2, 0.3], [0.5, -0.1, 0]]
    moved = rotate(weights, frame(np.log1p(simple)), cost_bp=100)
    assert list(moved.index) == list(weights.index[2:])
    # Day 2: the first weights earn 10%, then all of it goes into the second basket.
    # Day 3: the second weights lose 20%, then half goes back into the first.
    # Day 4: 0.50 and 0.50 have become 0.75 and 0.45, shares 0.625 and 0.375; to 0.2, 0.3, 0.5.
    assert_allclose(moved["gross"], [0.10, -0.20, 0.20])
    assert_allclose(moved["turnover"], [1.0, 0.5, 0.5])
    assert_allclose(moved["net"], [1.1 * 0.99 - 1, 0.8 * 0.995 - 1, 1.2 * 0.995 - 1])


def test_weights_earn_from_the_second_close_on_and_the_last_ones_not_at_all():
    weights, returns = chance(12)
    moved = rotate(weights, returns, 10)
    for day, column in ((0, returns), (1, returns), (11, weights)):
        other = column.copy()
        other.iloc[day] = [0.2, 0.3, 0.5]
        changed = (weights, other) if column is returns else (other, returns)
        pd.testing.assert_frame_equal(rotate(*changed, 10), moved)
    # A change of mind on day 5 is traded on day 6 and earns on day 7, not before.
    mind = weights.copy()
    mind.iloc[5] = [1, 0, 0]
    differs = (rotate(mind, returns, 10) != moved).loc[lambda table: table.any(axis=1)]
    assert list(differs.index) == list(weights.index[[6, 7]])
    assert not differs.loc[weights.index[6], "gross"]
    assert differs.loc[weights.index[7], "gross"]


@given(history=histories, cost=costs)
@settings(max_examples=30, deadline=None)
def test_a_row_is_blind_to_later_ones(history, cost):
    weights, returns = history
    moved = rotate(weights, returns, cost)
    for today in range(4, len(weights), 3):
        earlier = rotate(weights[:today], returns[:today], cost)
        pd.testing.assert_frame_equal(earlier, moved[: today - 2], check_freq=False)
        # Returns that are already there, but later than the last weights, change nothing.
        pd.testing.assert_frame_equal(rotate(weights[:today], returns, cost), earlier)


def by_money(weights: pd.DataFrame, returns: pd.DataFrame, cost_bp: float) -> pd.DataFrame:
    """One day after the other, in money: grow, sell, pay, buy."""
    rows, purse = [], None
    for today in range(1, len(weights)):
        decided = weights.iloc[today - 1]
        if purse is None:
            purse = {name: 1000.0 * decided[name] for name in REGIMES}
            continue
        before = sum(purse.values())
        purse = {name: purse[name] * np.exp(returns.iloc[today][name]) for name in REGIMES}
        grown = sum(purse.values())
        sold = sum(max(purse[name] - grown * decided[name], 0) for name in REGIMES)
        after = grown - sold * cost_bp / 10_000
        purse = {name: after * decided[name] for name in REGIMES}
        rows.append([grown / before - 1, sold / grown, after / before - 1])
    return pd.DataFrame(rows, weights.index[2:], ["gross", "turnover", "net"])


@given(history=histories, cost=costs)
@settings(max_examples=30, deadline=None)
def test_it_is_what_a_purse_would_have_gone_through(history, cost):
    assert_allclose(rotate(*history, cost), by_money(*history, cost), rtol=1e-9, atol=1e-12)


@given(history=histories, mix=mixes)
@settings(max_examples=30, deadline=None)
def test_constant_weights_without_cost_earn_the_mean_of_the_baskets(history, mix):
    weights, returns = history
    shares = np.array(mix) / sum(mix)
    moved = rotate(frame(np.tile(shares, (len(weights), 1))), returns)
    assert_allclose(moved["net"], np.expm1(returns[2:].to_numpy()) @ shares, atol=1e-14)


@given(history=histories, cheap=costs, dear=costs)
@settings(max_examples=30, deadline=None)
def test_a_higher_cost_never_earns_more(history, cheap, dear):
    cheap, dear = sorted((cheap, dear))
    assert (rotate(*history, dear)["net"] <= rotate(*history, cheap)["net"]).all()
    assert (rotate(*history, dear)["gross"] == rotate(*history, cheap)["gross"]).all()


@given(history=histories, certain=st.booleans())
@settings(max_examples=30, deadline=None)
def test_a_day_turns_over_between_nothing_and_everything(history, certain):
    weights, returns = history
    if certain:
        weights = frame(np.eye(3)[weights.to_numpy().argmax(axis=1)])
    turnover = rotate(weights, returns)["turnover"]
    assert turnover.between(0, 1 + 1e-12).all()


@pytest.mark.parametrize("column", range(3))
def test_one_basket_alone_never_trades_and_compounds_to_its_log_return(column):
    _, returns = chance()
    moved = rotate(frame(np.tile(np.eye(3)[column], (600, 1))), returns, 20)
    assert not moved["turnover"].any()
    assert np.log1p(moved["net"]).sum() == pytest.approx(returns.iloc[2:, column].sum())


def _gap(weights, returns):
    returns.iloc[3, 1] = np.nan
    return weights, returns


def _lost(weights, returns):
    weights.iloc[4, 0] = np.nan
    return weights, returns


def _short(weights, returns):
    weights.iloc[4] = [1.5, -0.5, 0]
    return weights, returns


WRONG = {
    "on 2001-01-05 one is missing": _gap,
    "every weight; on 2001-01-08": _lost,
    "none negative and in sum one; on 2001-01-08": _short,
    "2001-01-04 has weights but no return": lambda w, r: (w, r.drop(r.index[2])),
    "2001-01-04 has a return but no weights": lambda w, r: (w.drop(w.index[2]), r),
    "2001-01-15 has weights but no return": lambda w, r: (w, r[:9]),
    "no.* for broadening": lambda w, r: (w, r.drop(columns="broadening")),
    "those of the returns are not": lambda w, r: (w, pd.concat([r, r[-1:]])),
    "those of the weights are not": lambda w, r: (w[::-1], r),
    "four days.* found 3": lambda w, r: (w[:3], r[:3]),
    "sum one": lambda w, r: (2 * w, r),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_cannot_be_held_is_refused_in_one_line(message):
    with pytest.raises(EvaluationError, match=message) as error:
        rotate(*WRONG[message](*chance(10)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("cost", [-1, 10_000, float("nan")])
def test_a_cost_that_is_none_is_refused(cost):
    with pytest.raises(EvaluationError, match="between 0 and 10,000 bp"):
        rotate(*chance(10), cost)
    with pytest.raises(EvaluationError, match="between 0 and 10,000 bp"):
        value(*chance(10), costs_bp=[0, cost])
