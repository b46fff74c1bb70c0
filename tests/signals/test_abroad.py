"""Abroad worked by hand: the US against the rest, country by country, and its streak."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from worked import known_and_old, sides, told_in_spite, unnamed

from regime.data.calendar import trading_days
from regime.signals.declared.abroad import COUNTRIES, SIGNALS

BY_NAME = {one.name: one for one in SIGNALS}
DAYS = trading_days(pd.Timestamp("2023-06-01"), pd.Timestamp("2024-07-17"))
NAN = np.nan


def quarter(**returns):
    """Funds of 100 that make these steps on the second of 65 days."""
    rows = np.arange(65)
    levels = {name: np.where(rows < 2, 100.0, 100 * (1 + value)) for name, value in returns.items()}
    return pd.DataFrame(levels, DAYS[:65])


@pytest.fixture(scope="module")
def panels():
    return known_and_old(SIGNALS, DAYS)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda one: one.name)
def test_what_is_absent_or_old_is_no_number_of_today(signal, panels):
    known, old = panels
    assert not np.isnan(signal.of(known).iloc[-1])
    assert not told_in_spite(signal, known, old, sides(signal))


def test_what_is_absent_is_named_with_where_to_get_it():
    assert not unnamed(SIGNALS)


def test_the_us_is_told_less_the_rest_of_the_world():
    panel = quarter(SPY=0.02, EFA=0.05, EEM=-0.01)
    assert_allclose(BY_NAME["us_over_developed_63d"].of(panel).iloc[62:], [NAN, -0.03, -0.03])
    assert_allclose(BY_NAME["us_over_emerging_63d"].of(panel).iloc[-1], 0.03)
    assert {f"us_over_{one}_{days}d" for one in ("developed", "emerging")
            for days in (21, 63, 252)} <= {*BY_NAME}  # fmt: skip


@pytest.mark.parametrize(("fund", "country"), COUNTRIES.items())
def test_each_country_is_set_against_the_us(fund, country):
    signal = BY_NAME[f"us_over_{fund}_63d"]
    assert_allclose(signal.of(quarter(SPY=0.02, **{fund: 0.10})).iloc[-1], -0.08)
    assert country in signal.title


def test_producers_of_resources_are_told_less_makers_of_chips():
    # 3%, 6% and 9% are 6% in equal parts; 10% and -4% are 3%.
    panel = quarter(EWZ=0.03, EWC=0.06, EWA=0.09, EWT=0.10, EWY=-0.04)
    assert_allclose(BY_NAME["resources_over_asia_63d"].of(panel).iloc[-1], 0.03)


def test_parts_are_made_equal_again_every_day():
    # Day 2: +100% and -50% are +25%. Day 3: -50% and +100% are +25% again. Held, both would be
    # back at 100.
    panel = quarter(EWZ=0.0, EWC=0.0, EWA=0.0, EWT=1.0, EWY=-0.5)
    panel.loc[DAYS[3] :, ["EWT", "EWY"]] = 100.0
    told = BY_NAME["resources_over_asia_63d"].of(panel)
    assert_allclose(told.iloc[-1], 1 - 1.25**2)


def test_days_ahead_of_the_world_are_counted():
    panel = pd.DataFrame({"SPY": [100.0, 99, 98, 98, 98], "EFA": [100.0, 100, 100, 97, NAN]},
                         DAYS[:5])  # fmt: skip
    assert_allclose(BY_NAME["us_streak"].of(panel), [NAN, -1, -2, 1, NAN])


def test_funds_in_dollars_are_a_trap():
    assert "falling dollar lifts all" in BY_NAME["us_over_EWY_63d"].declaration()["trap"]
