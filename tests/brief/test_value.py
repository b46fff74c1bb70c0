"""What the probabilities were worth: against the bootstrap's own numbers, and in words."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from regime.brief import value
from regime.brief.deflation import CONVINCING, deflated, deflated_words
from regime.brief.value import Worth
from regime.data.calendar import trading_days
from regime.evaluation import rotation
from regime.evaluation.deflated import Tried, deflated_sharpe_of
from regime.taxonomy import REGIMES

COSTS = (0.0, 5.0, 10.0, 20.0)


@pytest.fixture(scope="module")
def held():
    """Six years of probabilities, returns that follow them a little, and a filter's."""
    rng = np.random.default_rng(11)
    days = trading_days(pd.Timestamp("2001-01-02"), pd.Timestamp("2006-12-29"))

    def said():
        slow = pd.DataFrame(rng.normal(size=(len(days), 3)), days, list(REGIMES))
        odds = np.exp(2 * slow.ewm(span=40).mean() / 0.22)
        return odds.div(odds.sum(axis=1), axis=0)

    proba = said()
    drift = 0.002 * (proba.shift(2).fillna(1 / 3) - 1 / 3)
    returns = drift + rng.normal(2e-4, 0.009, (len(days), 3)) + rng.normal(0, 0.01, (len(days), 1))
    return proba, returns, said()


@pytest.fixture(scope="module")
def found(held):
    return value.portfolios(*held)


@pytest.fixture(scope="module")
def judged(held):
    """Rows of the bootstrap at the costs of a card and beyond."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rotation, "RESAMPLES", 200)
        proba, returns, by_filter = held
        return rotation.value(proba, returns, by_filter=by_filter, costs_bp=(*COSTS, 30.0, 50.0))


def test_the_numbers_at_any_cost_are_those_of_the_bootstrap(found, judged):
    for cost in (0.0, 10.0, 30.0, 50.0):
        expected = {row["rival"]: row for row in judged if row["cost_bp"] == cost}
        rows = value.against(found, cost)
        assert [row["rival"] for row in rows] == list(expected) == list(value.RIVALS)
        for row in rows:
            for name, number in row.items():
                told = expected[row["rival"]][name]
                assert number == (told if isinstance(told, str | None) else pytest.approx(told))


def test_an_interval_between_and_beyond_known_costs_is_nearly_that_of_the_bootstrap(judged):
    card = [row for row in judged if row["cost_bp"] in COSTS]
    for rival in value.RIVALS:
        for cost, of_width in ((5.0, 0.0), (30.0, 0.02), (50.0, 0.04)):
            row = next(r for r in judged if (r["rival"], r["cost_bp"]) == (rival, cost))
            told = value.interval_at(card, rival, cost)
            width = row["spread_high"] - row["spread_low"]
            assert_allclose(told, (row["spread_low"], row["spread_high"]), 0, of_width * width)
        lower = value.interval_at(card, rival, 7.5)
        ends = [value.interval_at(card, rival, cost) for cost in (5.0, 10.0)]
        assert_allclose(lower, np.mean(ends, axis=0))
    assert value.interval_at(card, "nobody", 10.0) is None
    assert value.interval_at([], "equal_mix", 10.0) is None


def test_growth_and_falls_are_those_of_money_counted_day_by_day(found):
    net = found.net(10.0)[:300]
    money, peak, grown, fell = 1.0, 1.0, [], []
    for simple in net["model"]:
        money *= 1 + simple
        peak = max(peak, money)
        grown.append(money)
        fell.append(money / peak - 1)
    assert_allclose(value.growth(net)["model"], grown)
    assert_allclose(value.drawdown(net)["model"], fell, atol=1e-12)


def test_a_later_day_changes_no_earlier_one(held, found):
    proba, returns, by_filter = held
    shorter = value.portfolios(proba[:400], returns[:400], by_filter)
    assert_allclose(shorter.net(10.0), found.net(10.0)[:398])


def test_the_filter_is_a_rival_only_in_the_same_market_and_up_to_the_day(held):
    days = held[0].index[:5]
    said = pd.concat(
        held[2][:5].rename_axis("date").reset_index().assign(baskets=baskets, horizon=horizon)
        for baskets in ("funds", "french")
        for horizon in (0, 21)
    )
    stored = {"about": {"simulated": True}, "predictions": said}
    snapshot = SimpleNamespace(day=days[2], about={"baskets": "funds", "simulated": True})
    found = value.filter_of(stored, snapshot)
    assert_allclose(found, held[2][:3])
    assert value.filter_of({**stored, "about": {"simulated": False}}, snapshot) is None
    assert value.filter_of(None, snapshot) is None


@pytest.mark.parametrize(("behind", "is_rival"), [(0, True), (40, True), (64, False)])
def test_a_filter_that_stopped_shortens_all_of_it_or_is_no_rival(held, behind, is_rival):
    proba, returns, by_filter = held
    conditions = returns.add_prefix("return_").rename_axis("date").reset_index()
    shown = SimpleNamespace(
        horizons=[0, 21], conditions=conditions, probabilities=lambda horizon: proba
    )
    spoken = by_filter.iloc[: len(by_filter) - behind]
    found = value.worth(shown, None, None, spoken)
    net = found.portfolios.net(10.0)
    assert ("filter" in net) == is_rival
    until = proba.index[-1 - behind] if is_rival else proba.index[-1]
    assert net.index[-1] <= until
    assert_allclose(
        net,
        value.worth(shown, None, None, None)
        .portfolios.net(10.0)
        .join(net[["filter"]] if is_rival else net[[]], how="right")[net.columns],
    )
    assert any("compare" in words for words in found.notes) == (behind > 0)


def row(rival="equal_mix", low=-0.01, high=0.01, cost=10.0):
    told = {
        "rival": rival, "cost_bp": cost, "n_days": 999, "spread": (low + high) / 2,
        "spread_low": low, "spread_high": high, "interval_level": 0.9,
        "earned_from": "2010-01-06", "earned_to": "2024-12-31",
    }  # fmt: skip
    return told | {"verdict": rotation.verdict(told)}


@pytest.mark.parametrize(
    ("rows", "ratio", "said"),
    [
        ([row()], 0.99, "No trading edge"),
        ([row(low=-0.03, high=-0.01)], 0.99, "No trading edge"),
        ([row(low=0.01, high=0.03)], 0.99, "More than the equal mix after costs"),
        ([row(low=0.01, high=0.03)], 0.5, "No trading edge that stands out from luck"),
        ([row(low=0.01, high=0.03)], None, "No trading edge that stands out from luck"),
        (
            [row(low=0.01, high=0.03, cost=5.0)],
            0.99,
            "Whether there is a trading edge is not known",
        ),
        ([], 0.99, "Whether there is a trading edge is not known"),
    ],
)
def test_an_edge_is_claimed_only_beyond_chance_and_luck(found, rows, ratio, said):
    told = Worth(found, rows, {"deflated_sharpe": ratio}, [])
    assert value.headline(told) == said


def test_who_knew_nothing_and_earned_more_is_named_and_nobody_else(found):
    net = found.net(10.0)
    grown = {name: float((1 + net[name]).prod()) for name in net}
    told = value.richer_words(Worth(found, [], None, []))
    for rival, name in value.RIVALS.items():
        named = f"{name} {grown[rival] ** (252 / len(net)) - 1:+.1%}" in told
        assert named == (rival != "filter" and grown[rival] > grown["model"])
    best = found.gross.assign(model=found.gross.max(axis=1) + 0.01)
    assert value.richer_words(Worth(value.Portfolios(best, found.turnover), [], None, [])) == ""


def test_the_words_name_the_period_of_the_intervals(found):
    told = value.verdicts(Worth(found, [row(), row("mega_cap_led", -0.02, -0.01)], None, []))
    assert told[0] == "At 10 bp, against the equal mix: no trading edge."
    assert "against always-mega: no trading edge, but a loss of 1.50% a year" in told[1]
    assert "6 January 2010 to 31 December 2024" in told[2]
    assert value.verdicts(Worth(found, [], None, [])) == []


# Deflated


@pytest.fixture(scope="module")
def spreads():
    rng = np.random.default_rng(3)
    days = pd.bdate_range("2001-01-02", periods=600)
    drifts = (2e-4, 0.0, -1e-4, 1e-4)
    return [pd.Series(rng.normal(drift, 1e-3, 600), days) for drift in drifts]


def in_one_line(found, baskets):
    return " ".join(deflated_words(found, baskets).split())


def ratios(spreads):
    return pd.Series([spread.mean() / spread.std() for spread in spreads])


def test_the_best_trial_is_deflated_as_from_the_returns_of_all(spreads):
    best = spreads[int(ratios(spreads).argmax())]
    found = deflated(best, Tried(4, ratios(spreads)))
    assert found["deflated_sharpe"] == pytest.approx(deflated_sharpe_of(spreads))
    assert found["variance"] == pytest.approx(np.var(ratios(spreads), ddof=1))
    # Trials that kept no ratio count all the same.
    more = deflated(best, Tried(40, ratios(spreads)))
    assert more["deflated_sharpe"] < found["deflated_sharpe"]
    words = in_one_line(more, "funds")
    assert f"Deflated Sharpe ratio {more['deflated_sharpe']:.2f}: not to be told from" in words
    assert "the best of 40 configurations scored on funds baskets" in words
    assert f"4 known daily ratios {more['variance']:.2e}" in words
    assert json.loads(json.dumps(more, allow_nan=False)) == more


def test_a_ratio_far_above_all_chance_is_said_to_be_more_than_luck(spreads):
    found = deflated(spreads[0] + 1e-3, Tried(4, ratios(spreads)))
    assert found["deflated_sharpe"] > CONVINCING
    assert ": more than luck among so many" in in_one_line(found, "french")


def test_a_short_or_constant_spread_or_one_ratio_cannot_be_deflated(spreads):
    tried = Tried(4, ratios(spreads))
    for spread, among, why in (
        (spreads[0][:251], tried, "its 251 days are too few"),
        (spreads[0] * 0, tried, "do not vary"),
        (
            spreads[0],
            Tried(9, tried.sharpes[:1]),
            "of 9 configurations scored on French baskets, 1 kept one",
        ),
        (
            spreads[0],
            Tried(0, tried.sharpes[:0]),
            "of 0 configurations scored on French baskets, 0 kept one",
        ),
    ):
        found = deflated(spread, among)
        assert found["deflated_sharpe"] is None
        words = in_one_line(found, "french")
        assert "cannot be deflated" in words
        assert why in words
