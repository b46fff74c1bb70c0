"""Levels and baskets of a user, on panels of what was known: named ones, absent ones, old ones."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from observed import frame
from worked import remedies

from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.panel import point_in_time
from regime.data.series import Unit
from regime.signals.declared.levels import CURRENCIES, dollar_index
from regime.signals.declared.yours import signals_of
from regime.signals.watch import DEFAULT, Basket, Level, Watch

NAMED = {one.name: one for one in signals_of(DEFAULT)}
DAYS = trading_days(pd.Timestamp("2026-01-29"), pd.Timestamp("2026-03-31"))
SET = pd.Timestamp("2026-02-02")  # the third session
NAN = np.nan


def named(length=5, **columns):
    """All that the levels of the notes need, one unless it is given."""
    needs = {name for one in NAMED.values() for name in one.needs}
    splits = dict.fromkeys(("XLK_split", "IWM_split"), NAN)
    return pd.DataFrame(dict.fromkeys(needs, 1.0) | splits | columns, DAYS[:length])


# Row 24: levels.


def test_the_levels_of_the_notes_are_told_by_their_distance():
    # 139.65 / 133, 55,100 / 58,000 and 4,641 / 4,550, from 2 February on.
    panel = named(XLK_close=139.65, CBBTCUSD=55_100.0, gold_price=4_641.0)
    for name, distance in (("technology", 0.05), ("bitcoin", -0.05), ("gold", 0.02)):
        assert_allclose(NAMED[f"level_{name}"].of(panel), [NAN, NAN, *[distance] * 3])
    index = dollar_index(panel).iloc[0]
    assert_allclose(NAMED["level_dollar"].of(panel).iloc[-1], index / 100 - 1)


def test_a_level_is_held_against_a_price_as_quoted_and_no_total_return():
    for name in ("technology", "bitcoin", "gold", "dollar"):
        for one in (NAMED[f"level_{name}"], NAMED[f"level_{name}_crossed"]):
            units = {catalog.get(series).unit for series in one.needs}
            assert Unit.INDEX not in units
            assert "total-return index has no level" in one.declaration()["trap"]
    assert NAMED["level_technology"].needs == ("XLK_close",)
    # A dividend moves the index away from the price, and no distance.
    panel = named(XLK_close=133.0, XLK=[100.0, 100, 100, 105, 105])
    assert_allclose(NAMED["level_technology"].of(panel)[2:], 0, atol=1e-12)


def test_a_split_crosses_no_level():
    # On 4 February one share became two: 69.825 is 139.65 in shares of the day it was set.
    panel = named(6, XLK_close=[139.65] * 4 + [69.825] * 2, XLK_split=[NAN] * 4 + [2.0, NAN])
    assert_allclose(NAMED["level_technology"].of(panel)[2:], 0.05)
    assert NAMED["level_technology_crossed"].of(panel).isna().all()


def test_sessions_are_counted_from_the_day_a_level_was_crossed():
    # Below 58,000 on 4 February, back at it (which is above) on the 6th.
    price = [60_000.0, 60_000, 59_000, 58_500, 57_000, 56_000, 58_000, 61_000]
    told = NAMED["level_bitcoin_crossed"].of(named(8, CBBTCUSD=price))
    assert_allclose(told, [NAN, NAN, NAN, NAN, 0, 1, 0, 1])


LATELY = Basket(of=("NVDA", "META"), against=("IWM",), since=date(2026, 1, 30))
ASKED = [*NAMED.values(), *signals_of(Watch(baskets={"lately": LATELY}))]


@pytest.mark.parametrize("signal", ASKED, ids=lambda one: one.name)
def test_without_one_of_its_prices_nothing_is_told_and_it_is_named(signal):
    # All levels are crossed on the sixth of twelve days; a euro of 0.2 makes a dollar of 127.
    after = {"XLK_close": 150.0, "CBBTCUSD": 60_000.0, "gold_price": 5_000.0, "DEXUSEU": 0.2}
    panel = named(12, **{name: [1.0] * 5 + [price] * 7 for name, price in after.items()})
    said = remedies([signal])[signal.name]
    if signal.name != "basket_since_inauguration":  # bought a year before these days
        assert not np.isnan(signal.of(panel).iloc[-1])
    for name in signal.needs:
        assert signal.of(panel.drop(columns=name)).isna().all()
        gone = panel.copy()
        gone.loc[DAYS[11], name] = NAN
        assert np.isnan(signal.of(gone).iloc[-1])
        assert name in said


def test_gold_is_asked_for_in_a_table_of_ones_own():
    said = remedies([NAMED["level_gold"]])["level_gold"]
    assert "No publisher offers gold_price free of charge" in said
    assert "own_series" in said


def test_the_close_of_yesterday_has_no_distance_today():
    # It was crossed on the sixth of ten sessions with a close.
    closes = [("XLK_close", f"{day:%Y-%m-%d}", f"{day:%Y-%m-%d} 20:00", 120 if at < 5 else 139.65)
              for at, day in enumerate(DAYS[:10])]  # fmt: skip
    panel = point_in_time(frame(closes), DAYS[:11])
    for name, yesterday in (("level_technology", 0.05), ("level_technology_crossed", 4)):
        assert_allclose(NAMED[name].of(panel)[-2:], [yesterday, NAN])


def test_a_price_of_gold_that_was_supplied_serves_for_45_days():
    # Of 2 February: 45 days on it is 19 March.
    panel = point_in_time(frame([("gold_price", "2026-02-02", "2026-02-02 12:00", 4_641.0)]), DAYS)
    told = NAMED["level_gold"].of(panel)
    assert_allclose(told[SET:"2026-03-19"], 0.02)
    assert told["2026-03-20":].isna().all()


def test_five_currencies_are_no_level_of_the_dollar():
    assert NAMED["level_dollar"].needs == CURRENCIES
    assert NAMED["level_dollar"].of(named(**{CURRENCIES[3]: NAN})).isna().all()


# Row 35: a basket since an event.


def test_the_basket_of_the_inauguration_is_bought_at_the_close_before_it():
    # 20 January 2025 was a holiday, so the close of the 17th counts. +12%, -3% and +9% are 6% in
    # equal parts; small companies made 13%.
    days = pd.DatetimeIndex(["2025-01-16", "2025-01-17", "2025-01-21", "2025-01-22"])
    panel = pd.DataFrame(
        {"NVDA": [90.0, 100, 110, 112], "META": [90.0, 100, 100, 97], "IWM": [90.0, 100, 100, 113],
         "CBBTCUSD": [90_000.0, 100_000, 100_000, 109_000]}, days,
    )  # fmt: skip
    basket = NAMED["basket_since_inauguration"]
    assert_allclose(basket.of(panel), [NAN, NAN, 0.10 / 3, 0.06 - 0.13])
    assert basket.title == "Since inauguration: NVDA, META, CBBTCUSD less IWM, from 20 Jan 2025"
    assert "chosen in hindsight" in basket.declaration()["trap"]


def test_a_basket_is_of_any_series_against_any_other():
    one = Basket(of=("QQQ",), against=("MINE", "SPY"), since=date(2026, 1, 29))
    (signal,) = signals_of(Watch(baskets={"mine": one}))
    panel = pd.DataFrame({"QQQ": [100.0, 104], "MINE": [8.0, 10], "SPY": [50.0, 49]}, DAYS[:2])
    assert_allclose(signal.of(panel), [NAN, 0.04 - 0.115])  # (25 - 2) / 2


def test_prices_of_ones_own_are_asked_for_where_they_are_kept():
    watch = Watch(
        levels={"mine": Level(of="MINE", at=10.0, set=date(2026, 2, 2))},
        baskets={"both": Basket(of=("MINE", "SPY"), since=date(2026, 1, 29))},
    )
    level, crossed, basket = remedies(signals_of(watch)).values()
    assert level == crossed
    assert "closes of MINE into own_prices.csv" in level
    assert "regime fetch" not in level
    assert "closes of MINE into own_prices.csv" in basket
    assert "regime fetch" in basket
