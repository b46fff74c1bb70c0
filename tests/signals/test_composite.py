"""The bull and bear composite, worked by hand, and what it told."""

import re
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from observed import frame
from scipy.stats import spearmanr

from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.panel import point_in_time
from regime.exceptions import PanelError
from regime.signals.composite import (
    FIVE_YEARS,
    CompositeTest,
    block_means,
    composed,
    composite_test,
    percentiles,
    share_above,
)
from regime.signals.declared.composite import BLOCKS, COUNTRIES, SIGNALS, TOPIC, blocks

BY_NAME = {one.name: one for one in SIGNALS}
DAYS = trading_days(pd.Timestamp("2010-01-04"), pd.Timestamp("2024-12-31"))
ROWS = FIVE_YEARS + 40
NAN = np.nan


def rising(length=ROWS):
    return np.linspace(1.0, 2.0, length)


def panel_of(length=ROWS, **columns):
    return pd.DataFrame(columns, index=DAYS[:length])


# Percentiles, blocks, the composite.


def test_a_percentile_is_of_what_was_known_and_ties_share_their_places():
    column = pd.DataFrame({"a": [1, 2, 3, 2, NAN, 0, 9]})
    # 3 is third of 3; the second 2 shares places 2 and 3 of 4; 0 is first of 5, 9 last of 6.
    expected = [NAN, NAN, 1, 2.5 / 4, NAN, 1 / 5, 1]
    assert_allclose(percentiles(column, least=3)["a"], expected)


def test_a_missing_day_is_none_of_the_sessions_that_an_input_needs():
    values = np.r_[np.full(30, NAN), rising(FIVE_YEARS)]
    ranked = percentiles(pd.DataFrame({"a": values}))["a"]
    assert ranked.first_valid_index() == len(values) - 1


def test_a_block_is_the_mean_of_what_is_known_of_it():
    ranked = pd.DataFrame({"a": [0.2, 0.2, NAN], "b": [0.6, NAN, NAN], "c": [0.9, 0.9, 0.9]})
    means = block_means(ranked, {"first": ["a", "b"], "second": ["c"]})
    assert_allclose(means["first"], [0.4, 0.2, NAN])
    assert_allclose(means["second"], [0.9] * 3)


def test_the_composite_is_ten_times_the_mean_of_live_blocks_with_a_band():
    means = pd.DataFrame(
        {"a": [0.9, 0.9, 0.9, NAN], "b": [0.5, 0.4, NAN, NAN], "c": [0.4, NAN, NAN, NAN]}
    )
    found = composed(means)
    # (0.9 + 0.5 + 0.4) / 3 = 0.6; without a 0.45, without c 0.7. Of two blocks, each alone.
    assert_allclose(found["value"], [6, 6.5, NAN, NAN])
    assert_allclose(found["low"], [4.5, 4, NAN, NAN])
    assert_allclose(found["high"], [7, 9, NAN, NAN])
    assert_allclose(found["live"], [3, 2, 1, NAN])


def test_the_band_is_what_leaving_out_each_block_gives():
    means = pd.DataFrame(np.random.default_rng(1).uniform(size=(50, 6))).mask(lambda x: x < 0.2)
    found = composed(means)
    without = [composed(means.drop(columns=one))["value"] for one in means]
    several = found["live"] > 2
    # Leaving out a block that is not live leaves the composite as it is.
    assert_allclose(pd.concat(without, axis=1).min(axis=1)[several], found["low"][several])
    assert_allclose(pd.concat(without, axis=1).max(axis=1)[several], found["high"][several])


# The inputs, as declared.


def test_there_are_six_blocks_of_equal_weight():
    assert [*BLOCKS] == ["hedge_funds", "real_money", "equity_flows", "bond_flows", "credit",
                         "world"]  # fmt: skip
    assert {f"composite_{block}" for block in BLOCKS} <= {*BY_NAME}


@pytest.mark.parametrize(
    ("block", "column", "bullish"),
    [
        ("hedge_funds", "cftc_sp500_leveraged", True),
        ("hedge_funds", "cftc_russell_leveraged", True),
        ("hedge_funds", "cftc_vix_leveraged", False),
        ("real_money", "cftc_sp500_asset_managers", True),
        ("real_money", "cftc_russell_asset_managers", True),
        ("real_money", "naaim_exposure", True),
        ("equity_flows", "ici_equity_flow", True),
        ("bond_flows", "ici_bond_flow", True),
        ("credit", "BAMLH0A0HYM2", False),
        ("credit", "BAA10Y", False),
    ],
)
def test_more_of_an_input_is_more_or_less_bullish(block, column, bullish):
    found = BY_NAME[f"composite_{block}"].of(panel_of(**{column: rising()}))
    counted = found.notna().to_numpy().cumsum()
    # The newest is highest of all, or lowest: of 1,260 and more.
    known = np.arange(ROWS) + 1 - (ROWS - counted[-1] - FIVE_YEARS + 1)
    lowest = 1 / known[found.notna()]
    assert_allclose(found.dropna(), 1.0 if bullish else lowest)
    assert 20 <= len(found.dropna()) <= 41


def test_credit_is_bullish_where_high_yield_beats_treasuries():
    length = FIVE_YEARS + 63
    level = rising(length)
    ahead = panel_of(length, HYG=np.exp(level**2), IEF=1.0)  # gains more each quarter than before
    assert_allclose(BY_NAME["composite_credit"].of(ahead).iloc[-1], 1)
    behind = panel_of(length, HYG=1.0, IEF=np.exp(level**2))
    assert_allclose(BY_NAME["composite_credit"].of(behind).iloc[-1], 1 / FIVE_YEARS)


def test_creations_are_an_input_of_equity_flows():
    shares = 1e8 * np.exp(rising() ** 2)
    found = BY_NAME["composite_equity_flows"].of(panel_of(IWM_shares_outstanding=shares))
    assert_allclose(found.iloc[-1], 1)
    assert found.first_valid_index() == DAYS[FIVE_YEARS + 20]  # 21 sessions before the first


def test_breadth_abroad_is_the_share_of_funds_above_their_average():
    up, down = np.linspace(1, 2, 60), np.linspace(2, 1, 60)
    columns = dict.fromkeys(COUNTRIES[:9], up) | dict.fromkeys(COUNTRIES[9:11], down)
    panel = panel_of(60, **columns, **{COUNTRIES[11]: np.full(60, NAN)})
    # Nine of eleven known.
    assert_allclose(share_above(panel, COUNTRIES, 50)[49:], 9 / 11)
    assert share_above(panel, COUNTRIES, 50)[:49].isna().all()
    panel[list(COUNTRIES[5:])] = NAN  # five of twelve are too few
    assert share_above(panel, COUNTRIES, 50).isna().all()


def test_blocks_of_all_inputs_are_those_of_each_alone():
    rng = np.random.default_rng(2)
    names = sorted({name for one in SIGNALS for name in one.uses if not name.endswith("_split")})
    walks = np.exp(0.01 * rng.standard_normal((1600, len(names))).cumsum(axis=0))
    panel = pd.DataFrame(walks, index=DAYS[:1600], columns=names)
    together = blocks(panel.assign(IWM_split=NAN))
    for block in BLOCKS:
        assert_array_equal(BY_NAME[f"composite_{block}"].of(panel), together[block])
    assert together.iloc[-1].notna().all()
    assert_allclose(BY_NAME["composite"].of(panel), 10 * together.mean(axis=1).where(
        together.notna().sum(axis=1) > 1))  # fmt: skip
    live = BY_NAME["composite_live_blocks"].of(panel)
    assert live.iloc[-1] == 6
    assert_array_equal(live.fillna(0), together.notna().sum(axis=1))
    low, high = BY_NAME["composite_low"].of(panel), BY_NAME["composite_high"].of(panel)
    assert (low.dropna() < high.dropna()).all()


# Missing, and old.


def test_without_its_inputs_nothing_is_told_and_it_says_what_to_supply():
    for signal in SIGNALS:
        assert signal.of(panel_of(OEF=1.0)).isna().all()
        said = signal.declaration()
        assert "naaim_exposure in own_series" in said["supply"]
        assert "ici_weekly" in said["supply"]


def test_one_live_block_is_no_composite():
    panel = panel_of(BAA10Y=rising())
    assert BY_NAME["composite"].of(panel).isna().all()
    assert BY_NAME["composite_live_blocks"].of(panel).iloc[-1] == 1
    panel["ici_bond_flow"] = rising()
    assert_allclose(BY_NAME["composite"].of(panel).iloc[-1], 5 * (1 + 1 / ROWS))


def test_an_input_that_grew_too_old_is_no_longer_counted():
    days = DAYS[: FIVE_YEARS + 400]
    weeks = pd.date_range("2010-01-08", periods=280, freq="7D")  # the last is 15 May 2015
    position = pd.DataFrame({"series": "cftc_sp500_leveraged", "period": weeks.as_unit("us"),
                             "known_at": catalog.get("cftc_sp500_leveraged").known_at(weeks),
                             "value": np.linspace(-0.3, 0.3, 280), "source": "test"})  # fmt: skip
    spread = frame([("BAA10Y", f"{day:%Y-%m-%d}", f"{day:%Y-%m-%d} 20:00", 2 - at / 5000)
                    for at, day in enumerate(days)])  # fmt: skip
    panel = point_in_time(pd.concat([position, spread]), days)
    value, live = BY_NAME["composite"].of(panel), BY_NAME["composite_live_blocks"].of(panel)
    # 15 May and 24 days are 8 June.
    assert value.last_valid_index() == pd.Timestamp("2015-06-08")
    # The spread is the best so far; the position shares the first places of n with the other 12
    # sessions since 20 May.
    n = ((days >= "2010-01-13") & (days <= "2015-06-08")).sum()
    assert_allclose(value["2015-06-08"], 5 * (1 + (n - 6) / n))
    assert_allclose(live["2015-06-08":"2015-06-09"], [2, 1])


# It is ours.


def test_the_composite_is_never_called_a_probability():
    words = [str(getattr(TOPIC, one.name)) for one in fields(TOPIC)]
    words += [f"{one.title} {one.unit} {one.trap}" for one in SIGNALS]
    words += [composite_test(*noise(at, 700), horizon=10).words for at in range(3)]
    for said in words:
        assert not re.search(r"probab|likel|chance|odds|percent chance", said, re.IGNORECASE), said
    assert "Ours, and no published index" in TOPIC.trap


# What it told.


def noise(seed, length, persistence=0.98):
    """A composite that stays near where it was, and a market that knows nothing of it."""
    rng = np.random.default_rng(seed)
    steps = rng.standard_normal((length, 2))
    value = np.zeros(length)
    for at in range(1, length):
        value[at] = persistence * value[at - 1] + steps[at, 0]
    level = np.exp(0.01 * steps[:, 1].cumsum())
    return pd.Series(value, DAYS[:length]), pd.Series(level, DAYS[:length])


def planted(length=1500, sign=-1.0):
    value, _ = noise(7, length)
    rng = np.random.default_rng(8)
    returns = sign * 0.002 * value.shift(1, fill_value=0.0) + 0.01 * rng.standard_normal(length)
    return value, np.exp(returns.cumsum())


@pytest.mark.parametrize(("sign", "side"), [(-1.0, "low"), (1.0, "high")])
def test_a_planted_relation_is_found_with_its_sign(sign, side):
    found = composite_test(*planted(sign=sign), horizon=21)
    assert sign * found.rank_correlation > 0.3
    assert found.p < 0.01
    assert f"high values before {side} returns" in found.words
    assert "p below 0.01" in found.words


def test_noise_is_found_to_tell_something_about_as_often_as_it_should():
    told = [composite_test(*noise(seed, 900), horizon=21, draws=200).p < 0.05
            for seed in range(300)]  # fmt: skip
    # Five in a hundred, with a standard error of 1.3; persistence costs a little.
    assert 0.02 < np.mean(told) < 0.10


def test_the_correlation_is_spearmans_and_p_counts_shifts_around_the_circle():
    value, level = noise(3, 240)
    found = composite_test(value, level, horizon=10, draws=20_000)
    ahead = (level.shift(-10) / level - 1).to_numpy()[:230]
    correlation = spearmanr(value[:230], ahead).statistic
    assert found.rank_correlation == pytest.approx(correlation)
    far = [abs(spearmanr(np.roll(value[:230], by), ahead).statistic) for by in range(10, 221)]
    assert found.p == pytest.approx(np.mean(np.array(far) >= abs(correlation)), abs=0.01)
    assert (found.n, found.windows) == (230, 23)


def test_days_after_the_last_value_and_its_outcome_do_not_matter():
    value, level = planted(900)
    value.iloc[600:] = NAN
    other = level.copy()
    other.iloc[621:] = 1000.0  # the value of row 599 is followed up to row 620
    assert composite_test(value, level, horizon=21) == composite_test(value, other, horizon=21)
    short = composite_test(value[:621], level[:621], horizon=21)
    assert short == composite_test(value, level, horizon=21)
    value, level = planted(900)
    other = value.copy()
    other.iloc[-21:] = 1000.0  # what followed them is not known yet
    assert composite_test(value, level, horizon=21) == composite_test(other, level, horizon=21)


def test_the_words_say_plainly_what_was_found():
    value, level = noise(0, 700)
    found = composite_test(value, level, horizon=21)
    assert found.words == (
        f"Between 2010 and 2012 it told nothing of the market's next 21 sessions: rank correlation "
        f"{found.rank_correlation:.2f}, p {found.p:.2f}, 33 windows that do not overlap."
    )  # 679 days in windows of 21: 32.3
    assert composite_test(value, level, horizon=21, seed=0) == found


def test_fewer_than_ten_windows_cannot_be_tested():
    value, level = noise(1, 63 * 10)  # 567 values have an outcome: nine windows
    found = composite_test(value, level)
    assert isinstance(found, CompositeTest)
    assert (found.n, found.windows) == (567, 9)
    assert np.isnan(found.rank_correlation)
    assert np.isnan(found.p)
    assert found.words.startswith("It cannot be tested")
    value, level = noise(1, 63 * 10 + 1)
    assert composite_test(value, level).windows == 10


def test_a_value_that_never_changes_cannot_be_tested():
    _, level = noise(1, 900)
    found = composite_test(level * 0.0 + 5, level)
    assert "never changes" in found.words
    assert np.isnan(found.p)


def test_rare_values_are_tested_too():
    value, level = noise(4, 1300)
    value[np.arange(1300) % 63 != 0] = NAN
    found = composite_test(value, level)
    assert found.n == found.windows == 20
    assert 0 < found.p <= 1


def test_a_test_of_other_days_says_what_it_needs():
    value, level = noise(1, 100)
    with pytest.raises(PanelError, match="of the same days"):
        composite_test(value[1:], level)
    with pytest.raises(PanelError, match="positive horizon"):
        composite_test(value, level, horizon=0)
