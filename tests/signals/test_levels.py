"""The dollar, stress, wealth, extremes and targets, worked by hand."""

import numpy as np
import pandas as pd
import pytest
from drawn import drawn
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from observed import frame
from watched import of_columns

from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.panel import point_in_time
from regime.signals.declared.levels import CURRENCIES, LOW, SIGNALS

BY_NAME = {signal.name: signal for signal in SIGNALS}
DAYS = trading_days(pd.Timestamp("2020-01-02"), pd.Timestamp("2024-12-31"))
# Noon rates of Friday, 31 July 2020: Federal Reserve, release H.10 of 3 August 2020.
JULY_2020 = {
    "DEXUSEU": 1.1822, "DEXJPUS": 105.78, "DEXUSUK": 1.3133, "DEXCAUS": 1.3384,
    "DEXSDUS": 8.7487, "DEXSZUS": 0.9113,
}  # fmt: skip


def of(name, **columns):
    """A signal on days that begin in 2020, of columns given day by day."""
    return of_columns(BY_NAME[name], DAYS, columns)


def stressed(dollar, yields):
    """Stress and its days where all rates but the euro's are one, which makes the index
    50.14348112 x euro^-0.576.
    """
    euro = (np.array(dollar) / 50.14348112) ** (1 / -0.576)
    rates = {name: np.where(np.isnan(euro), np.nan, 1.0) for name in CURRENCIES}
    rates |= {"DEXUSEU": euro, "DGS10": np.array(yields)}
    return of("stress", **rates), of("stress_days", **rates)


def test_the_dollar_index_is_the_published_product_of_six_currencies():
    # Logs: ln 50.14348112 = 3.91489, -0.576 ln 1.1822 = -0.09641, 0.136 ln 105.78 = 0.63395,
    # -0.119 ln 1.3133 = -0.03243, 0.091 ln 1.3384 = 0.02652, 0.042 ln 8.7487 = 0.09109 and
    # 0.036 ln 0.9113 = -0.00334 add up to 4.53427, and e^4.53427 = 93.155.
    index = of("dollar_index", **{name: [rate] for name, rate in JULY_2020.items()})
    assert_allclose(index, 93.155, atol=1e-3)


def test_the_dollar_index_is_near_the_close_that_was_quoted():
    # 93.35 was quoted for the end of July 2020, some hours after noon of a day on which the
    # dollar recovered.
    index = of("dollar_index", **{name: [rate] for name, rate in JULY_2020.items()})
    assert_allclose(index, 93.35, rtol=0.003)


@pytest.mark.parametrize("missing", CURRENCIES)
def test_five_currencies_are_no_dollar_index(missing):
    rates = {name: [rate, rate] for name, rate in JULY_2020.items()}
    rates[missing] = [np.nan, 0.0]
    assert np.isnan(of("dollar_index", **rates)).all()


def test_the_weights_of_the_dollar_index_add_up_to_one_dollar():
    # A tenth more of every currency for a dollar is a tenth more index.
    dearer = {
        name: [rate / 1.1 if name in {"DEXUSEU", "DEXUSUK"} else rate * 1.1]
        for name, rate in JULY_2020.items()
    }
    once = of("dollar_index", **{name: [rate] for name, rate in JULY_2020.items()})
    assert_allclose(of("dollar_index", **dearer) / once, 1.1)


def test_noon_rates_are_known_seven_sessions_later():
    # 31 July 2020 is known at the close of Tuesday, 11 August.
    one = [(name, "2020-07-31", rate) for name, rate in JULY_2020.items()]
    rows = [
        (name, day, catalog.get(name).known_at(pd.DatetimeIndex([day]))[0], rate)
        for name, day, rate in one
    ]
    index = BY_NAME["dollar_index"].of(point_in_time(frame(rows), DAYS))
    assert index.first_valid_index() == pd.Timestamp("2020-08-11")
    # Twenty days after 31 July it is 20 August; from then on there is no rate.
    assert index.last_valid_index() == pd.Timestamp("2020-08-20")


def test_stress_is_a_dollar_at_100_and_half_a_point_less_yield_in_63_sessions():
    # On session 63 the yield is 4.6 - 0.5 = 4.1, which is enough; the dollar reaches 100 on 64.
    yields = [4.6] * 63 + [4.1, 4.1, 4.1, 4.2, 4.0]
    dollar = [105.0] * 63 + [100.5, 99.999, 99.0, 99.0, 99.0]
    stress, days = stressed(dollar, yields)
    assert np.isnan(stress[:63]).all()
    assert_allclose(stress[63:], [0, 1, 1, 0, 1])
    assert np.isnan(days[:63]).all()
    assert_allclose(days[63:], [0, 1, 2, 0, 1])


def test_stress_is_not_known_without_the_yield_and_its_run_ends_there():
    yields = [4.6] * 63 + [4.0, 4.0, np.nan, 4.0]
    stress, days = stressed([99.0] * 67, yields)
    assert_allclose(stress[63:], [1, 1, np.nan, 1])
    assert_allclose(days[63:], [1, 2, np.nan, 1])


def test_a_drawdown_is_the_return_from_the_highest_close_so_far():
    # 58,000 / 64,000 - 1 = -0.09375.
    bitcoin = of("bitcoin_below_record", CBBTCUSD=[60000.0, 64000, np.nan, 58000, 65000])
    assert_allclose(bitcoin, [0, 0, np.nan, -0.09375, 0])
    assert_allclose(of("gold_below_record", GLD=[200.0, 190]), [0, -0.05])
    assert_allclose(of("silver_below_record", SLV=[20.0, 15]), [0, -0.25])


def test_value_lost_is_what_is_gone_from_the_peak_over_a_year_of_consumption():
    # 4.2 - 2.2 = 2 trillion of 20 trillion: a tenth. A rise from there to 3.2 leaves 1 of 20, and
    # 5 is a new peak.
    crypto = of("crypto_lost", crypto_value=[4.2e6, 2.2e6, 3.2e6, 5e6], PCE=[20e6] * 4)
    assert_allclose(crypto, [0, 0.1, 0.05, 0])
    # 20 million coins lose 50,000 dollars each: 1 trillion of 20.
    bitcoin = of("bitcoin_lost", CBBTCUSD=[120000.0, 70000], PCE=[20e6, 20e6])
    assert_allclose(bitcoin, [0, 0.05])
    assert np.isnan(of("crypto_lost", crypto_value=[1.0], PCE=[np.nan])).all()


def test_extremes_are_told_from_the_record_and_from_the_low_of_three_years():
    # Falls by one a session from 1,000 to 245 (session 755, the first with three years), then
    # rises by two: 247 is 2/245 above the low.
    level = np.r_[1000.0 - np.arange(756), 247.0, 249.0]
    above = of("IWM_above_low", IWM=level)
    assert np.isnan(above[: LOW - 1]).all()
    assert_allclose(above[LOW - 1 :], [0, 2 / 245, 4 / 245])
    assert_allclose(of("IWM_below_record", IWM=level)[-1], 249 / 1000 - 1)
    assert of("IWM_since_record", IWM=level)[-1] == 757


@drawn(st.lists(st.integers(1, 9), min_size=1, max_size=30), few=5, full=50)
def test_extremes_are_those_of_brute_force(levels):
    level = np.array(levels, dtype=float)
    record = [max(levels[: at + 1]) for at in range(len(levels))]
    newest = [max(i for i in range(at + 1) if levels[i] == record[at]) for at in range(len(levels))]
    assert_allclose(of("RSP_below_record", RSP=level), level / record - 1)
    assert_allclose(of("RSP_since_record", RSP=level), np.arange(len(levels)) - newest)


def test_targets_approval_and_odds_are_shares():
    # 8,100 over 7,500 is 8% above.
    assert_allclose(of("target_over_index", strategists_target=[8100.0], SP500=[7500.0]), 0.08)
    assert_allclose(of("approval", president_approval=[41.5]), 0.415)
    assert_allclose(of("election_odds", election_odds=[60.0]), 0.6)


def test_an_old_poll_is_no_approval_of_today():
    # It serves for 45 days: from 15 July to 29 August.
    rows = [("president_approval", "2024-07-15", "2024-07-15 20:00", 40.0)]
    approval = BY_NAME["approval"].of(point_in_time(frame(rows), DAYS))
    assert_allclose(approval["2024-07-15":"2024-08-29"], 0.4)
    assert approval["2024-08-30":].isna().all()


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_a_missing_series_is_no_number_throughout(signal):
    rest = pd.DataFrame(1.0, index=DAYS[:800], columns=[*signal.needs[:-1], "VTI"])
    assert signal.of(rest).isna().all()


@pytest.mark.parametrize(
    ("name", "column"),
    [("crypto_lost", "crypto_value"), ("target_over_index", "strategists_target"),
     ("approval", "president_approval"), ("election_odds", "election_odds")],
)  # fmt: skip
def test_what_no_source_has_says_what_to_supply(name, column):
    supply = BY_NAME[name].declaration()["supply"]
    assert "own_series" in supply
    assert column in supply


def test_each_trap_is_told():
    told = {name: signal.declaration()["trap"] for name, signal in BY_NAME.items()}
    assert "another scale" in told["dollar_broad"]
    assert "seven sessions" in told["stress"]
    assert "20 million coins" in told["bitcoin_lost"]
    assert "dividends reinvested" in told["SPY_since_record"]
    assert "follows the index" in told["target_over_index"]


def test_models_may_read_only_what_the_catalogue_has_modelled():
    features = {signal.name for signal in SIGNALS if signal.feature}
    assert {"IWM_below_record", "SPY_since_record", "RSP_above_low"} <= features
    for name in features:
        assert all(catalog.get(series).modelled for series in BY_NAME[name].needs)
    assert "QQQ_below_record" not in features
