"""What the rotation was worth beside its rivals: spreads, break-even costs, intervals."""

import json

import numpy as np
import pandas as pd
import pytest
from arch.bootstrap import StationaryBootstrap
from evaluation.rotated import chance, frame
from numpy.testing import assert_allclose

from regime.evaluation import rotation
from regime.evaluation.rotation import NO_EDGE, daily_spread, rotate, value, verdict
from regime.exceptions import EvaluationError
from regime.taxonomy import REGIMES


def foresight(returns: pd.DataFrame) -> pd.DataFrame:
    """Weights on the basket that will be best on the day they first earn."""
    best = returns.to_numpy().argmax(axis=1)
    return frame(np.eye(3)[np.roll(best, -2)])


@pytest.fixture
def _quick(monkeypatch):
    """Fifty blocks in 600 days, and few resamples."""
    monkeypatch.setattr(rotation, "RESAMPLES", 200)
    monkeypatch.setattr(rotation, "BLOCK", 12)


def only(rows, rival, cost_bp=0.0):
    (row,) = [r for r in rows if r["rival"] == rival and r["cost_bp"] == cost_bp]
    return row


def test_a_value_needs_a_cost_and_a_column_per_regime():
    proba, returns = chance(10)
    with pytest.raises(EvaluationError, match="found none in costs_bp"):
        value(proba, returns, costs_bp=())
    less = proba.drop(columns="broadening")
    for asked in (
        lambda: value(less, returns),
        lambda: value(proba, returns, by_filter=less),
        lambda: daily_spread(less, returns),
    ):
        with pytest.raises(EvaluationError, match="there is none for broadening") as error:
            asked()
        assert "\n" not in str(error.value)


@pytest.mark.usefixtures("_quick")
def test_equal_weights_have_no_spread_over_the_equal_mix():
    _, returns = chance()
    third = frame(np.full((600, 3), 1 / 3))
    for proba in (third, third + np.array([1e-16, 0, -1e-16])):  # nor has rounding one
        for cost in rotation.COSTS_BP:
            row = only(value(proba, returns), "equal_mix", cost)
            assert (row["spread"], row["spread_low"], row["spread_high"]) == (0, 0, 0)
            assert row["information_ratio"] is row["break_even_bp"] is None
            assert row["verdict"] == NO_EDGE
            assert row["turnover"] == pytest.approx(row["rival_turnover"])
            assert row["growth"] == pytest.approx(row["rival_growth"])
            assert row["sharpe"] == pytest.approx(row["rival_sharpe"])
            assert row["max_drawdown"] == pytest.approx(row["rival_max_drawdown"])


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("cost", rotation.COSTS_BP)
def test_the_numbers_are_those_a_spreadsheet_gives(cost):
    proba, returns = chance()
    row = only(value(proba, returns), "equal_mix", cost)
    own = rotate(proba, returns, cost)
    mix = rotate(frame(np.full((600, 3), 1 / 3)), returns, cost)
    spread = own["net"] - mix["net"]
    pd.testing.assert_series_equal(daily_spread(proba, returns, cost), spread.rename("spread"))
    assert row["n_days"] == len(spread) == 598
    assert row["earned_from"] == f"{proba.index[2]:%Y-%m-%d}"
    assert row["earned_to"] == f"{proba.index[-1]:%Y-%m-%d}"
    assert row["spread"] == pytest.approx(spread.mean() * 252)
    assert row["tracking_error"] == pytest.approx(spread.std() * np.sqrt(252))
    assert row["information_ratio"] == pytest.approx(spread.mean() / spread.std() * np.sqrt(252))
    for prefix, held in (("", own), ("rival_", mix)):
        net = held["net"]
        wealth = pd.concat([pd.Series([1.0]), (1 + net).cumprod()])
        assert row[f"{prefix}turnover"] == pytest.approx(held["turnover"].mean() * 252)
        assert row[f"{prefix}growth"] == pytest.approx(wealth.iloc[-1] ** (252 / 598) - 1)
        assert row[f"{prefix}sharpe"] == pytest.approx(net.mean() / net.std() * np.sqrt(252))
        assert row[f"{prefix}max_drawdown"] == pytest.approx((1 - wealth / wealth.cummax()).max())


def test_a_fall_from_the_start_counts_and_the_deepest_is_taken():
    simple = np.array([[-0.5, 0.1], [0.5, -0.2], [1.0, 0.125], [-0.1, 0.5]])
    # 1, .5, .75, 1.5, 1.35 and 1, 1.1, .88, .99, 1.485
    assert_allclose(rotation._drawdown(np.log1p(simple)), [0.5, 0.2])
    assert rotation._drawdown(np.full((3, 1), 0.1)) == 0


@pytest.mark.usefixtures("_quick")
def test_at_the_break_even_cost_the_spread_is_zero():
    _, returns = chance()
    proba = (foresight(returns) + 1) / 4
    rows = value(proba, returns)
    for rival in ("equal_mix", "mega_cap_led"):
        cost = only(rows, rival)["break_even_bp"]
        assert cost > 20
        for other in rotation.COSTS_BP:
            assert only(rows, rival, other)["break_even_bp"] == pytest.approx(cost)
        at_it = only(value(proba, returns, costs_bp=[cost]), rival, cost)
        assert at_it["spread"] == pytest.approx(0, abs=1e-9)
        assert at_it["break_even_bp"] == pytest.approx(cost)


@pytest.mark.usefixtures("_quick")
def test_what_trades_less_than_its_rival_has_no_break_even_cost():
    _, returns = chance()
    always = frame(np.tile([1.0, 0, 0], (600, 1)))
    rows = value(always, returns)
    assert only(rows, "equal_mix")["turnover"] == 0
    for rival in rotation.EQUAL_MIX, "mega_cap_led", "small_cap_led":
        row = only(rows, rival)
        assert row["break_even_bp"] is row["break_even_bp_low"] is row["break_even_bp_high"] is None
    assert only(rows, "mega_cap_led")["spread"] == 0


@pytest.mark.usefixtures("_quick")
def test_foresight_is_an_edge_and_its_opposite_a_loss():
    _, returns = chance()
    row = only(value(foresight(returns), returns), "equal_mix", 5)
    assert 0 < row["spread_low"] < row["spread"] < row["spread_high"]
    assert row["verdict"] == (
        f"a trading edge of {row['spread']:.2%} a year "
        f"[{row['spread_low']:.2%}, {row['spread_high']:.2%}] before multiple testing"
    )
    row = only(value(foresight(-returns), returns), "equal_mix", 5)
    assert row["spread_high"] < 0
    assert row["verdict"].startswith(f"{NO_EDGE}, but a loss of {-row['spread']:.2%} a year [")


def test_the_words_follow_the_interval():
    row = {"spread": 0.012, "spread_low": 0.003, "spread_high": 0.021, "n_days": 2000}
    assert verdict(row) == "a trading edge of 1.20% a year [0.30%, 2.10%] before multiple testing"
    assert verdict(row | {"spread_low": 0.0}) == "no trading edge"
    assert verdict(row | {"spread_low": -0.01}) == "no trading edge"
    loss = {"spread": -0.01, "spread_low": -0.02, "spread_high": -0.005}
    assert verdict(row | loss) == "no trading edge, but a loss of 1.00% a year [0.50%, 2.00%]"
    assert verdict(row | {"spread_low": None}) == "2000 days are too few to tell a trading edge"


@pytest.mark.usefixtures("_quick")
def test_chance_is_called_an_edge_no_more_than_chance_allows(monkeypatch):
    monkeypatch.setattr(rotation, "RESAMPLES", 60)
    found = [
        only(value(*chance(seed=seed), costs_bp=[0]), "equal_mix")["verdict"] for seed in range(60)
    ]
    # One in twenty is expected above, as many below; intervals from 50 blocks are a bit short.
    assert sum(words.startswith("a trading edge") for words in found) <= 9
    assert sum(words == NO_EDGE for words in found) >= 42


@pytest.mark.usefixtures("_quick")
def test_the_intervals_are_those_of_each_number_resampled_alone():
    proba, returns = chance()
    row = only(value(proba, returns, seed=4), "equal_mix", 5)
    spread = daily_spread(proba, returns, 5).to_numpy()
    own = rotate(proba, returns, 5)

    def deepest(net):
        wealth = np.concatenate([[1], (1 + net).cumprod()])
        return (1 - wealth / np.maximum.accumulate(wealth)).max()

    for name, statistic, days in (
        ("spread", lambda x: x.mean() * 252, spread),
        ("information_ratio", lambda x: x.mean() / x.std(ddof=1) * np.sqrt(252), spread),
        ("turnover", lambda x: x.mean() * 252, own["turnover"].to_numpy()),
        ("max_drawdown", deepest, own["net"].to_numpy()),
    ):
        bootstrap = StationaryBootstrap(12, days, seed=np.random.default_rng(4))
        low, high = np.quantile(bootstrap.apply(statistic, 200), [0.05, 0.95])
        assert (row[f"{name}_low"], row[f"{name}_high"]) == pytest.approx((low, high)), name
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
    # The spread at this cost is zero where the break-even cost is this cost.
    assert row["break_even_bp_low"] < row["break_even_bp"] < row["break_even_bp_high"]


def test_four_blocks_of_days_are_needed_for_an_interval(monkeypatch):
    monkeypatch.setattr(rotation, "RESAMPLES", 20)
    monkeypatch.setattr(rotation, "BLOCK", 10)
    short, enough = (
        only(value(proba[:n], returns), "equal_mix")
        for proba, returns in [chance(60)]
        for n in (41, 42)
    )
    assert (short["n_days"], enough["n_days"]) == (39, 40)
    assert {short[name] for name in short if name.endswith(("_low", "_high"))} == {None}
    assert short["verdict"] == "39 days are too few to tell a trading edge"
    assert short["spread"] is not None
    assert enough["spread_low"] is not None


@pytest.mark.usefixtures("_quick")
def test_a_seed_reproduces_the_rows_and_the_global_generator_is_left_alone():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert value(*chance(), seed=5) == value(*chance(), seed=5)
    assert value(*chance(), seed=5) != value(*chance(), seed=6)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.usefixtures("_quick")
def test_there_is_a_row_for_each_rival_and_cost_and_json_takes_it():
    proba, returns = chance()
    rows = value(proba, returns, by_filter=frame(np.full((600, 3), 1 / 3)))
    assert [(row["rival"], row["cost_bp"]) for row in rows] == [
        (rival, cost) for rival in ("equal_mix", *REGIMES, "filter") for cost in (0, 5, 10, 20)
    ]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    # The order of columns is nobody's business.
    assert value(proba.iloc[:, ::-1], returns.iloc[:, [1, 0, 2]]) == value(proba, returns)


@pytest.mark.usefixtures("_quick")
def test_the_filter_is_a_rival_like_any_other():
    proba, returns = chance()
    same = only(value(proba, returns, by_filter=proba), "filter", 10)
    assert (same["spread"], same["information_ratio"], same["verdict"]) == (0, None, NO_EDGE)
    mix = frame(np.full((600, 3), 1 / 3))
    rows = value(proba, returns, by_filter=mix)
    assert only(rows, "filter", 5) == only(rows, "equal_mix", 5) | {"rival": "filter"}
    # As it comes out of an experiment, with columns that are no probabilities.
    beside = mix.iloc[:, ::-1].assign(horizon=21, fitted_on=mix.index[0])
    assert value(proba, returns, by_filter=beside) == rows
    with pytest.raises(EvaluationError, match=r"same days.*of 599 days, the model's of 600"):
        value(proba, returns, by_filter=mix[1:])
    with pytest.raises(EvaluationError, match="Walk both forward over one period"):
        value(proba[1:], returns, by_filter=mix[:-1])
