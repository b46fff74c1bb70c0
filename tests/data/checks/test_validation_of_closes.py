"""Closes of funds at the door: splits, dividends and twins."""

import numpy as np
import pytest
from data.checks.doubted import DAYS, day, doubted, rows

from regime.data.checks.twins import blamed
from regime.data.observations import gather


def fund(name, *, halved=None, seed=0, length=40):
    market = np.cumsum(np.random.default_rng(1).normal(0, 0.01, length))
    own = np.random.default_rng(seed).normal(0, 0.001, length)
    close = 200 * np.exp(market + own)
    if halved is not None:
        close[halved:] /= 2
    return rows(f"{name}_close", close)


SMALL = [fund("IWM", seed=2), fund("IJR", seed=3)]


@pytest.mark.parametrize("newest", [30, 31, 39], ids=["that day", "the day after", "later"])
@pytest.mark.parametrize("name", ["IWM", "QQQ"], ids=["with a twin", "without"])
def test_a_halved_close_without_a_split_is_doubted_until_the_split_comes(name, newest):
    share, twin = fund(name, halved=30, seed=2), SMALL[1]
    new = gather([share.iloc[25 : newest + 1], twin.iloc[25 : newest + 1]])
    recent = gather([share.iloc[:25], twin.iloc[:25]])
    assert doubted(new, recent) == [(f"{name}_close", day(at)) for at in range(30, newest + 1)]
    split = rows(f"{name}_split", [2.0], DAYS[30:])
    assert doubted(gather([new, split]), recent) == []


def test_a_split_that_the_close_does_not_show_is_doubted_and_the_close_is_not():
    split = rows("IWM_split", [2.0], DAYS[20:])
    assert doubted(gather([*SMALL, split])) == [("IWM_split", day(20))]


def test_a_dividend_is_part_of_the_return_and_one_too_large_is_doubted():
    share = SMALL[0].copy()
    share.loc[20:, "value"] *= 0.93  # paid 7 %, which without the dividend is a loss
    alone = gather([share, SMALL[1]])
    assert ("IWM_close", day(20)) in doubted(alone)
    paid = rows("IWM_dividend", [share["value"][20] * (1 / 0.93 - 1)], DAYS[20:])
    assert doubted(gather([alone, paid])) == []
    assert doubted(gather([*SMALL, paid])) == [("IWM_dividend", day(20))]
    absurd = rows("QQQ_dividend", [60.0], DAYS[20:])
    assert doubted(gather([fund("QQQ"), absurd])) == [("QQQ_dividend", day(20))]


@pytest.mark.parametrize("kind", ["", "_close"], ids=["indices", "closes"])
def test_the_fund_that_all_its_twins_contradict_is_the_doubtful_one(kind):
    names = ["SPY", "OEF", "XLG", "RSP"]
    group = {
        name: fund(name, seed=seed).assign(series=f"{name}{kind}")
        for seed, name in enumerate(names)
    }
    assert doubted(gather(list(group.values()))) == []
    for name in names:
        wrong = group[name].copy()
        wrong.loc[20, "value"] *= 1.09
        assert doubted(gather(list((group | {name: wrong}).values()))) == [
            (f"{name}{kind}", day(20))
        ]


def test_when_nobody_can_tell_which_twin_is_wrong_both_are_doubted():
    wrong = SMALL[0].copy()
    wrong.loc[39, "value"] *= 1.09
    both = [("IJR_close", day(39)), ("IWM_close", day(39))]
    assert sorted(doubted(gather([wrong, SMALL[1]]))) == both
    assert doubted(wrong.iloc[39:], gather([wrong.iloc[:39], SMALL[1]])) == both[1:]


def test_blame_goes_to_whoever_explains_most():
    assert blamed([("A", "B"), ("A", "C")], [("B", "C")], []) == {"A"}
    assert blamed([("A", "B")], [("B", "C")], []) == {"A"}
    assert blamed([("A", "B")], [], []) == {"A", "B"}
    assert blamed([("A", "B")], [], ["B"]) == {"B"}
    assert blamed([("S", "A"), ("S", "B"), ("S", "R")], [("A", "B")], []) == {"S"}
    assert blamed([("A", "B"), ("C", "D")], [], ["A", "C"]) == {"A", "C"}
