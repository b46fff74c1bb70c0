"""Losses and debt of all companies by size, against a plain loop over companies."""

import numpy as np
import pandas as pd
import pytest
from data.sources.filers.groups import LARGE, SMALL
from drawn import drawn
from hypothesis import strategies as st

from regime.data.declared.filers import COUNTED, DEBT, LOSS_MAKERS, RANKS
from regime.data.sources import filers
from regime.data.sources.filers import (
    ASSETS,
    CURRENT,
    INCOME,
    NONCURRENT,
    OPERATING,
    TAGS,
    TOTAL,
)  # fmt: skip
from regime.exceptions import SourceError


def by_rank(**lines):
    """Frames of 3,500 companies whose number is their rank; what `lines` leaves out is there for
    none, income for all, above zero.
    """
    numbers = pd.RangeIndex(1, 3501)
    frames = {tag: pd.Series(dtype="float64", index=pd.Index([], dtype="int64")) for tag in TAGS}
    frames[ASSETS] = pd.Series(10_000.0 - numbers, index=numbers)
    frames[INCOME] = pd.Series(1.0, index=numbers)
    return frames | {tag: pd.Series(line, dtype="float64") for tag, line in lines.items()}


def test_the_share_of_loss_makers_is_told_of_each_group_of_ranks():
    # Of 1,001 to 3,000 the 500 from 1,001 to 1,500: 500 / 2,000. Of 1 to 500 the last 25: 25 / 500.
    # Those between the groups and below them count nowhere.
    frames = by_rank()
    for first, last in [(1001, 1500), (476, 1000), (3001, 3500)]:
        frames[INCOME].loc[first:last] = -1.0
    assert filers.measures(frames, 2023) == {SMALL: 500 / 2000, COUNTED: 2000, LARGE: 25 / 500}


@pytest.mark.parametrize(
    ("rank", "small", "large"),
    [(1, 0, 1), (500, 0, 1), (501, 0, 0), (1000, 0, 0), (1001, 1, 0), (3000, 1, 0), (3001, 0, 0)],
)
def test_the_first_and_the_last_rank_of_a_group_belong_to_it(rank, small, large):
    frames = by_rank()
    frames[INCOME].loc[rank] = -1.0
    told = filers.measures(frames, 2023)
    assert (told[SMALL] * 2000, told[LARGE] * 500) == (small, large)


def test_a_company_without_income_has_a_rank_but_is_not_counted():
    frames = by_rank()
    frames[INCOME].loc[2000:2002] = -1.0
    frames[INCOME] = frames[INCOME].drop(index=range(1001, 1501))
    # 500 of 2,000 are gone: 3 / 1,500. Nobody moves up.
    told = filers.measures(frames, 2023)
    assert (told[SMALL], told[COUNTED]) == (3 / 1500, 1500)


def test_no_income_is_no_loss():
    frames = by_rank()
    frames[INCOME].loc[1001:1100] = 0.0
    assert filers.measures(frames, 2023)[SMALL] == 0.0


def test_debt_is_the_total_or_else_its_parts_over_operating_income_of_those_with_both():
    frames = by_rank(
        # 2001 has all three lines, so the total counts: 100. 2002 has the parts: 60 + 15. 2003 has
        # no current part: 40. 2004 has the current part alone, which is no debt. 2005 has no
        # operating income, 2006 no debt, and 7 is large.
        LongTermDebt={2001: 100.0, 2005: 500.0, 7: 900.0},
        LongTermDebtNoncurrent={2001: 70.0, 2002: 60.0, 2003: 40.0},
        LongTermDebtCurrent={2001: 20.0, 2002: 15.0, 2004: 33.0},
        OperatingIncomeLoss={2001: 20.0, 2002: -5.0, 2003: 10.0, 2004: 9.0, 2006: 30.0, 7: 1.0},
    )
    # (100 + 75 + 40) / (20 - 5 + 10) = 215 / 25.
    assert filers.measures(frames, 2023)[DEBT] == 8.6


@pytest.mark.parametrize("income", [5.0, 4.0])
def test_debt_over_no_income_is_missing(income):
    frames = by_rank(
        LongTermDebt={2001: 100.0, 2002: 10.0}, OperatingIncomeLoss={2001: income, 2002: -5.0}
    )
    told = filers.measures(frames, 2023)
    assert DEBT not in told
    assert SMALL in told


def test_a_group_that_the_filers_of_a_year_do_not_fill_is_left_out():
    frames = by_rank()
    frames[ASSETS] = frames[ASSETS].loc[:2999]
    assert set(filers.measures(frames, 2009)) == {LARGE}
    frames[ASSETS] = by_rank()[ASSETS].loc[:3000]
    assert set(filers.measures(frames, 2009)) == {SMALL, COUNTED, LARGE}


def test_a_group_most_of_whose_income_is_unknown_is_no_sample():
    frames = by_rank()
    frames[INCOME] = frames[INCOME].drop(index=range(1001, 2001))
    assert filers.measures(frames, 2023)[COUNTED] == 1000
    frames[INCOME] = frames[INCOME].drop(index=2001)
    with pytest.raises(
        SourceError, match="CY2023 needs 50% of 2,000 small companies, found 999"
    ):  # fmt: skip
        filers.measures(frames, 2023)


@drawn(st.integers(0, 2**32 - 1), few=3, full=50)
def test_measures_are_those_of_a_plain_loop_over_companies(seed):
    random = np.random.default_rng(seed)
    numbers = random.permutation(5000)[:3200].tolist()
    lines = {
        tag: {n: round(random.normal(2, 5), 1) for n in numbers if random.random() < share}
        for tag, share in (
            (ASSETS, 0.97), (INCOME, 0.8), (OPERATING, 0.7), (TOTAL, 0.3), (NONCURRENT, 0.4),
            (CURRENT, 0.4),
        )
    }  # fmt: skip
    frames = {tag: pd.Series(line, dtype="float64").sort_index() for tag, line in lines.items()}
    # Rounded figures have equals, which go by the company's number.
    order = sorted(lines[ASSETS], key=lambda n: (-lines[ASSETS][n], n))
    expected = {}
    for size, (first, last) in RANKS.items():
        told = [lines[INCOME][n] for n in order[first - 1 : last] if n in lines[INCOME]]
        expected[LOSS_MAKERS[size]] = sum(one < 0 for one in told) / len(told)
        if size == "small":
            expected[COUNTED] = len(told)
    owed = earned = 0.0
    for n in order[1000:3000]:
        debt = lines[TOTAL].get(n)
        if debt is None and n in lines[NONCURRENT]:
            debt = lines[NONCURRENT][n] + lines[CURRENT].get(n, 0.0)
        if debt is not None and n in lines[OPERATING]:
            owed, earned = owed + debt, earned + lines[OPERATING][n]
    if earned > 0:
        expected[DEBT] = owed / earned
    assert filers.measures(frames, 2023) == pytest.approx(expected)
