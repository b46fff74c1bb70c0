"""Breadth worked by hand: how many are above their average, and how many take part."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from observed import frame
from watched import of_columns
from worked import known_and_old, remedies, told_in_spite, unnamed

from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.panel import point_in_time
from regime.signals.declared.breadth import SECTORS, SIGNALS

BY_NAME = {one.name: one for one in SIGNALS}
DAYS = trading_days(pd.Timestamp("2023-01-03"), pd.Timestamp("2024-07-17"))
NAN = np.nan
TOGETHER = [SECTORS[:9]]  # a share is of those known, eight at least


def of(name, **columns):
    """A signal on days that begin in 2023, of columns given day by day."""
    return of_columns(BY_NAME[name], DAYS, columns)


def stepped(steps, length):
    """Sector funds of 100 of which each makes a step on the last day."""
    flat = np.full(length - 1, 100.0)
    return {name: np.r_[flat, 100 * (1 + step)] for name, step in zip(SECTORS, steps, strict=False)}


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda one: one.name)
def test_what_is_absent_or_old_is_no_number_of_today(signal, panels):
    known, old = panels
    assert not np.isnan(signal.of(known).iloc[-1])
    assert not told_in_spite(signal, known, old, TOGETHER)


@pytest.fixture(scope="module")
def panels():
    known, old = known_and_old(SIGNALS, DAYS[-230:])
    others = SECTORS[9:]
    assert not {*others} & {*known}  # only used where they are there
    return known.assign(**known[list(SECTORS[4:6])].set_axis(others, axis=1)), old


def test_what_is_absent_is_named_with_where_to_get_it():
    assert not unnamed(SIGNALS)


# Row 13: above the average.

AS_SUPPLIED = {
    "members_above_20d": "pct_above_20dma", "members_above_50d": "pct_above_50dma",
    "members_above_200d": "pct_above_200dma", "members_coverage": "members_coverage",
    "tech_above_200d": "tech_above_200dma", "members_ahead_21d": "pct_beating_spy_21d",
    "members_ahead_63d": "pct_beating_spy_63d", "members_ahead_126d": "pct_beating_spy_126d",
    "members_ahead_252d": "pct_beating_spy_252d",
}  # fmt: skip


@pytest.mark.parametrize(("name", "series"), AS_SUPPLIED.items())
def test_a_share_of_members_is_that_of_the_day_and_no_older_one(name, series):
    assert_allclose(of(name, **{series: [0.67, NAN, 0.71]}), [0.67, NAN, 0.71])


def test_breadth_of_members_is_told_with_its_coverage_and_as_that_of_survivors():
    for name in ("members_above_200d", "members_ahead_63d", "net_highs"):
        assert "survivors, and see the coverage" in BY_NAME[name].declaration()["trap"]
    coverage = BY_NAME["members_coverage"]
    assert coverage.topic.title == BY_NAME["members_above_200d"].topic.title  # shown beside it
    assert not coverage.ranked
    for name in ("sectors_above_50d", "sectors_above_200d", "sectors_ahead_21d"):
        assert "no survivorship" in BY_NAME[name].declaration()["trap"]


def test_the_breadth_of_technology_comes_from_a_table_of_ones_own():
    said = remedies([BY_NAME["tech_above_200d"]])["tech_above_200d"]
    assert "No publisher offers tech_above_200dma" in said
    assert "own_series" in said
    assert "table of your own" in BY_NAME["tech_above_200d"].declaration()["trap"]


def test_a_table_of_members_that_stopped_is_not_told_after_five_days():
    # Friday, 5 July 2024, and five days are Wednesday.
    rows = [("pct_above_200dma", "2024-07-05", "2024-07-05 20:00", 0.67)]
    told = BY_NAME["members_above_200d"].of(point_in_time(frame(rows), DAYS))
    assert catalog.get("pct_above_200dma").max_age == 5
    assert (told["2024-07-05":"2024-07-10"] == 0.67).all()
    assert told["2024-07-11":].isna().all()


def test_sectors_above_their_average_are_a_share_of_those_known():
    # Six of eleven rise on the last of 200 days, four fall; one stays, which is not above.
    steps = [0.1] * 6 + [-0.1] * 4 + [0.0]
    eleven = stepped(steps, 200)
    told = of("sectors_above_200d", **eleven)
    assert np.isnan(told[:-1]).all()
    assert_allclose(told[-1], 6 / 11)
    nine = stepped(steps[:9], 50)
    assert_allclose(of("sectors_above_50d", **nine)[-1], 6 / 9)


def test_seven_sectors_are_too_few_and_eight_are_enough():
    for known, share in ((8, 0.5), (7, NAN)):
        columns = stepped([0.1, -0.1] * 4 + [0.1], 50)
        for name in SECTORS[known:9]:
            columns[name] = np.r_[columns[name][:-1], NAN]
        assert_allclose(of("sectors_above_50d", **columns)[-1], share)


def test_the_technology_fund_is_told_by_its_distance_from_the_average():
    # 199 days at 100 and one at 110 make a mean of 100.05.
    told = of("tech_over_200d", XLK=[100.0] * 199 + [110.0])
    assert_allclose(told, [NAN] * 199 + [110 / 100.05 - 1])


# Row 14: participation.


def test_advancers_less_decliners_are_the_mean_of_a_month():
    # Of 21 days 14 at +0.5 and 7 at -0.2: (7 - 1.4) / 21.
    net = [0.5] * 14 + [-0.2] * 7
    assert_allclose(of("net_advances", adv_minus_dec_ratio=net)[-1], 5.6 / 21)
    # Five of the month may be missing, but neither six nor the day itself.
    gaps = [NAN] * 5 + [0.3] * 16
    assert_allclose(of("net_advances", adv_minus_dec_ratio=gaps)[-1], 0.3)
    assert np.isnan(of("net_advances", adv_minus_dec_ratio=[NAN, *gaps[:-1]])[-1])
    assert np.isnan(of("net_advances", adv_minus_dec_ratio=[*net[:-1], NAN])[-1])


def test_new_highs_are_told_less_new_lows():
    told = of("net_highs", pct_new_52w_high=[0.12, 0.02, 0.1], pct_new_52w_low=[0.04, 0.3, NAN])
    assert_allclose(told, [0.08, -0.28, NAN])


def test_sectors_ahead_are_those_that_beat_the_index():
    # One to nine points; the index makes 5.5, so that 6, 7, 8 and 9 are ahead.
    columns = stepped([0.01 * place for place in range(1, 10)], 22)
    told = of("sectors_ahead_21d", **columns, SPY=np.r_[np.full(21, 100.0), 105.5])
    assert_allclose(told, [NAN] * 21 + [4 / 9])
    columns = stepped([0.01 * place for place in range(1, 12)], 64)
    told = of("sectors_ahead_63d", **columns, SPY=np.r_[np.full(63, 100.0), 105.5])
    assert_allclose(told[-1], 6 / 11)
