"""Flip levels and what if: what the model says of returns and features that were not."""

import math
import time
from functools import cache, partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal

from regime import flips
from regime.bundle import fit_bundle
from regime.call import regime_call
from regime.config import ExperimentConfig
from regime.data.baskets import BASKET_SETS, spliced_returns
from regime.data.calendar import session_closes, trading_days
from regime.data.catalog import CATALOG, Frequency, Unit
from regime.data.observations import SIMULATED, from_values, gather
from regime.data.panel import point_in_time
from regime.data.sources import demo
from regime.exceptions import PanelError
from regime.explained import FLIPS, LIMIT
from regime.flips import TOLERANCE, flip_levels
from regime.hypothetical import extended
from regime.taxonomy import REGIMES
from regime.what_if import units, what_if

UNTIL = "2004-12-31"
BASKETS = dict(zip(("mega", "broad", "small"), REGIMES, strict=True))
RANDOM = np.random.default_rng(3)


def experiment(kind, *sets, horizons=(0, 21), **params):
    return ExperimentConfig(
        name=kind,
        baskets=("french", "funds"),
        labels={"horizons": horizons},
        features={"sets": sets, "window": 504},
        model={"kind": kind, "params": params},
    )


MODELS = {
    "filter": (experiment("filter"), "french"),
    "correction": (
        experiment("logistic_correction", "leadership", start="filter", C=0.01), "funds",
    ),
    "everything": (
        experiment("logistic", "path", "leadership", "breadth", "rates", C=1e-4), "french",
    ),
    "remembers": (
        experiment("gaussian_hmm", "leads", n_init=1, n_iter=10, start="labels"), "french",
    ),
}  # fmt: skip


class Said:
    """A fitted bundle, what it says of now on each day, and the calls of that."""

    def __init__(self, name, market):
        config, baskets = MODELS[name]
        self.bundle, self.panel = fit_bundle(config, baskets, market[:UNTIL]), market
        rows = self.bundle.predict_proba(market)
        self.proba = rows[rows["horizon"] == 0].set_index("date")[list(REGIMES)]
        self.calls = regime_call(self.proba)

    def levels(self, day, **more):
        told = (self.panel, self.calls[:day], self.proba[:day])
        return flip_levels(self.bundle, *told, **more)

    def brute_force(self, day, basket, move, sessions=5):
        """The calls of the sessions ahead, with the whole history called anew; None: the same."""
        days = following(day, sessions)
        returns = steps(days, basket, move)
        panel = by_hand(self.panel[:day], returns, self.bundle.baskets)
        rows = self.bundle.predict_proba(panel, days[0])
        ahead = rows[rows["horizon"] == 0].set_index("date")[list(REGIMES)]
        proba = pd.concat([self.proba[:day], ahead])
        published = self.calls.loc[:day, "regime"]
        calls = regime_call(proba, published=published)["regime"][days]
        return next((name for name in calls if name != published.iloc[-1]), None)


def following(day, sessions=5):
    closes = session_closes(pd.Timestamp(day)).index
    return closes[closes > day][:sessions]


def steps(days, basket, move):
    returns = pd.DataFrame(0.0, days, list(REGIMES))
    returns[BASKETS[basket]] = move / len(days)
    return returns


def by_hand(panel, returns, baskets):
    """The panel of these days, a day and a series at a time."""
    legs = {
        name: regime
        for one in (baskets, BASKET_SETS[baskets].history)
        if one
        for regime, names in BASKET_SETS[one].legs.items()
        for name in names
    }
    rows, before = {}, panel.iloc[-1]
    for day, asked in returns.iterrows():
        row = before.copy()
        for name in panel:
            moved = math.exp(asked[legs[name]]) if name in legs else 1.0
            if CATALOG[name].unit is Unit.RETURN:
                row[name] = np.nan if np.isnan(row[name]) else moved - 1
            else:
                row[name] *= moved
        rows[day] = before = row
    return pd.concat([panel, pd.DataFrame.from_dict(rows, orient="index")]).rename_axis("date")


@pytest.fixture(scope="module")
def market(market):
    return market["1994-01-03":]


@pytest.fixture(scope="module")
def told(market):
    """One of the models, fitted once."""
    return cache(partial(Said, market=market))


@pytest.fixture(params=["filter", "correction"])
def said(request, told):
    return told(request.param)


@pytest.fixture
def filtered(told):
    return told("filter")


# Levels ------------------------------------------------------------------------------


QUIET = [HealthCheck.function_scoped_fixture]


@settings(deadline=None, max_examples=1, suppress_health_check=QUIET)
@given(back=st.integers(1, 750))
def test_the_call_changes_at_a_level_and_not_nearer_to_zero(said, back):
    day = said.calls.index[-back]
    levels = said.levels(day)
    assert list(levels) == FLIPS
    assert [*zip(levels["basket"], levels["direction"], strict=True)] == [
        (basket, way) for basket in BASKETS for way in ("up", "down")
    ]
    now = said.calls.loc[day, "regime"]
    for row in levels.to_dict("records"):
        ask, move = lambda move, row=row: said.brute_force(day, row["basket"], move), row["move"]
        limit = math.log1p(LIMIT if row["direction"] == "up" else -LIMIT)
        if np.isnan(move):
            assert row["to_regime"] is None
            assert not row["confirmed"]
            assert ask(limit) is None
            assert "call would stand" in row["words"]
            continue
        assert row["confirmed"]
        assert row["to_regime"] != now
        if move == 0:
            assert ask(0.0) == row["to_regime"]
            continue
        assert 0 < move / limit <= 1
        assert ask(move + math.copysign(1e-9, move)) == row["to_regime"]
        assert ask(move - math.copysign(TOLERANCE + 1e-9, move)) is None
        assert f"{abs(math.expm1(move)):.1%}" in row["words"]
        assert ("gain" if move > 0 else "lose") in row["words"]


@pytest.mark.long
@settings(deadline=None, max_examples=50, suppress_health_check=QUIET)
@given(back=st.integers(1, 1000))
def test_it_does_so_on_any_day(said, back):
    test_the_call_changes_at_a_level_and_not_nearer_to_zero.hypothesis.inner_test(said, back)


def test_a_basket_that_leads_by_far_cannot_gain_its_call_away(filtered):
    day = filtered.proba["small_cap_led"].idxmax()
    levels = filtered.levels(day).set_index(["basket", "direction"])
    row = levels.loc[("small", "up")]
    assert np.isnan(row["move"])
    assert row["to_regime"] is None
    assert row["words"] == (
        "Small companies could gain 15% on the others within five sessions, and the call would "
        "stand: where it changes lies beyond 15%, if anywhere."
    )
    assert levels.loc[("small", "down"), "to_regime"] in {"mega_cap_led", "broadening", None}


def test_a_call_that_changes_though_nothing_moves_has_its_level_at_zero(filtered):
    day = filtered.proba["small_cap_led"].idxmax()
    calls = filtered.calls[:day].copy()
    calls.loc[day, "regime"] = "broadening"  # published so, by whoever spoke then
    levels = flip_levels(filtered.bundle, filtered.panel, calls, filtered.proba)
    assert (levels["move"] == 0).all()
    assert (levels["to_regime"] == "small_cap_led").all()
    assert set(levels["words"]) == {
        "The call would be small-cap-led within five sessions even if no basket moved."
    }


def test_the_published_call_stands_whatever_the_probabilities_say(filtered):
    """Between two regimes within the margin, the level hangs on which of them was called."""
    ranked = np.sort(filtered.proba.to_numpy(), axis=1)
    odds = np.log(ranked[-700:, 2] / ranked[-700:, 1])
    day = filtered.proba.index[-700:][np.argmin(odds)]
    calls = filtered.calls[:day].copy()
    calls.loc[day, "regime"] = filtered.proba.loc[day].drop(calls["regime"].iloc[-1]).idxmax()
    told = filtered.levels(day), flip_levels(filtered.bundle, filtered.panel, calls, filtered.proba)
    assert not told[0]["move"].equals(told[1]["move"])
    assert calls["regime"].iloc[-1] not in {*told[1]["to_regime"]}


def test_fewer_sessions_are_sooner_said(filtered):
    day = filtered.calls.index[-40]
    row = filtered.levels(day, sessions=1).dropna(subset="move").iloc[0]
    assert "within one session:" in row["words"]
    move = row["move"]
    assert filtered.brute_force(day, row["basket"], move, sessions=1) == row["to_regime"]
    nearer = move - math.copysign(TOLERANCE, move)
    assert filtered.brute_force(day, row["basket"], nearer, sessions=1) is None


def ruled(rule, monkeypatch):
    """Let the call be ruled by moves alone."""
    monkeypatch.setattr(flips._Ahead, "changes_to", lambda _, basket, move: rule(basket, move))
    monkeypatch.setattr(
        flips._Ahead, "ask",
        lambda _, moves: {q: [rule(q[0], move) for move in tried] for q, tried in moves.items()},
    )  # fmt: skip


@pytest.mark.parametrize(
    "level",
    [1e-6, math.log1p(LIMIT), -0.07,
     *(pytest.param(level, marks=pytest.mark.long) for level in (0.0123, 0.0931, -0.1625))],
)  # fmt: skip
def test_a_level_is_found_to_the_tolerance_and_in_its_direction(filtered, level, monkeypatch):
    def rule(basket, move):
        beyond = move >= level if level > 0 else move <= level
        return "broadening" if basket == "mega" and beyond else None

    ruled(rule, monkeypatch)
    levels = filtered.levels(filtered.calls.index[-1])
    found = levels.dropna(subset="move")
    assert [*zip(found["basket"], found["direction"], strict=True)] == [
        ("mega", "up" if level > 0 else "down")
    ]
    assert 0 <= abs(found["move"].iloc[0]) - abs(level) <= TOLERANCE
    assert found["confirmed"].all()
    assert found["monotone"].all()


def test_of_several_levels_the_one_nearest_to_zero_counts_and_it_is_said(filtered, monkeypatch):
    inside = {"mega_cap_led": (0.03, 0.05), "broadening": (0.07, 1.0)}

    def rule(basket, move):
        return next((to for to, (low, high) in inside.items() if low <= move < high), None)

    ruled(rule, monkeypatch)
    levels = filtered.levels(filtered.calls.index[-1])
    up = levels[levels["direction"] == "up"]
    assert_allclose(up["move"], 0.03, atol=TOLERANCE)
    assert (up["to_regime"] == "mega_cap_led").all()
    assert not up["monotone"].any()
    assert up["words"].str.endswith("Some larger moves would leave it as it is.").all()


def test_a_level_that_the_whole_panel_does_not_repeat_is_not_confirmed(filtered, monkeypatch):
    ruled(lambda basket, move: "broadening" if move > 0.02 else None, monkeypatch)
    monkeypatch.setattr(flips._Ahead, "changes_to", lambda *_: None)
    levels = filtered.levels(filtered.calls.index[-1])
    assert levels["move"].notna().sum() == 3
    assert not levels["confirmed"].any()


# The sessions ahead ------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("back", [1, pytest.param(900, marks=pytest.mark.long)])
def test_many_moves_at_once_are_each_by_itself(name, back, market, told):
    told = told(name)
    day = told.calls.index[-back]
    ahead = flips._Ahead.after(told.bundle, market, told.calls[:day], told.proba, 5)
    moves = [("mega", 0.11), ("broad", -0.03), ("small", 0.002), ("small", -0.16), ("mega", 0.0)]
    each = np.array([flips._steps(basket, move, 5) for basket, move in moves])
    X = ahead._features(each)
    proba = ahead._said(X)
    for at, (basket, move) in enumerate(moves):
        panel = by_hand(market[:day], steps(ahead.days, basket, move), told.bundle.baskets)
        alone = told.bundle.features_of(panel)
        assert_allclose(X[at], alone[-5:], rtol=1e-9, atol=1e-9)
        rows = told.bundle.predict_proba(panel, ahead.days[0], X=alone)
        now = rows.loc[rows["horizon"] == 0, list(REGIMES)]
        assert_allclose(proba[at], now, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("rows", [3, 40])
def test_a_history_too_short_to_repeat_the_newest_day_is_made_longer(filtered, rows):
    day = filtered.calls.index[-1]
    told = (filtered.bundle, filtered.panel, filtered.calls, filtered.proba, 5)
    ahead, enough = flips._Ahead.after(*told), flips._Ahead.after(*told)
    ahead.rows = rows
    each = np.array([flips._steps("broad", move, 5) for move in (0.01, -0.1)])
    assert_allclose(ahead._features(each), enough._features(each), atol=1e-9)
    assert ahead.rows > rows
    assert ahead.panel.index[-1] == day


def test_leads_are_those_of_the_source_that_speaks_on_each_day(market, told):
    """The funds take over within the five sessions, one year after the youngest began."""
    told = told("correction")
    day = pd.Timestamp("2004-04-28")
    assert following(day)[0] < pd.Timestamp("2004-05-01") < following(day)[-1]
    ahead = flips._Ahead.after(told.bundle, market, told.calls[:day], told.proba, 5)
    assert len(ahead.sources) == 2
    X = ahead._features(flips._steps("small", 0.04, 5)[None])[0]
    panel = by_hand(market[:day], steps(ahead.days, "small", 0.04), "funds")
    assert_allclose(X, told.bundle.features_of(panel)[-5:], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("baskets", ["french", "funds", "funds_ijr"])
def test_baskets_return_what_is_asked_and_nothing_else_moves(market, baskets):
    day = pd.Timestamp("2008-06-11")
    days = following(day)
    asked = pd.DataFrame(RANDOM.normal(0, 0.02, (5, 3)), days, list(REGIMES))
    panel = extended(market[:day], asked, baskets)
    assert_frame_equal(panel[:day], market[:day], check_freq=False)
    assert_allclose(spliced_returns(panel, baskets)[-5:], asked, atol=1e-14)
    own = {name for legs in BASKET_SETS[baskets].legs.values() for name in legs}
    french = {name for legs in BASKET_SETS["french"].legs.values() for name in legs}
    for name in set(market) - own - french:
        was = market.loc[day, name]
        still = 0.0 if CATALOG[name].unit is Unit.RETURN and not np.isnan(was) else was
        assert_array_equal(panel.loc[days, name], np.full(5, still))


@pytest.mark.parametrize("baskets", ["french", "funds"])
def test_the_extended_panel_is_what_the_store_gives_had_it_happened(baskets):
    """Built as any panel is, from observations that publishers might have made."""
    history = trading_days(pd.Timestamp("2003-01-02"), pd.Timestamp("2008-06-11"))
    observations = demo.simulate(history).observations
    panel = point_in_time(observations, history)
    days = following(history[-1])
    asked = pd.DataFrame(RANDOM.normal(0, 0.02, (5, 3)), days, list(REGIMES))
    wanted = by_hand(panel, asked, baskets)
    happened = []
    for name in panel:
        series = CATALOG[name]
        if series.frequency is Frequency.DAILY and not np.isnan(panel[name].iloc[-1]):
            # What is published a day late is known up to the day before.
            periods = history[len(history) - series.lag :].append(days[: 5 - series.lag])
            values = pd.Series(wanted.loc[days, name].to_numpy(), periods)
            happened.append(from_values(series, values, SIMULATED))
    known = observations[observations["known_at"] <= session_closes(days[0])[history[-1]]]
    lived = point_in_time(gather([known, *happened]), history.append(days))
    assert_allclose(extended(panel, asked, baskets), lived, rtol=1e-13, atol=1e-16)


def test_what_is_not_known_stays_so(market):
    panel = market[:"2008-06-11"].copy()
    panel.loc[panel.index[-1], ["hi_10", "mkt_rf", "DGS10", "RSP"]] = np.nan
    asked = pd.DataFrame(0.01, following(panel.index[-1]), list(REGIMES))
    ahead = extended(panel, asked, "funds").iloc[-5:]
    assert ahead[["hi_10", "mkt_rf", "DGS10", "RSP"]].isna().all(axis=None)
    assert ahead[["OEF", "IWM", "qnt_2", "SPY"]].notna().all(axis=None)


@pytest.mark.parametrize(
    "said", ["correction", pytest.param("filter", marks=pytest.mark.long)], indirect=True
)
def test_nothing_after_the_newest_call_is_read(said):
    day = said.calls.index[-300]
    told = said.calls[:day], said.proba
    levels = flip_levels(said.bundle, said.panel[:day], told[0], told[1][:day])
    other = said.panel.copy()
    other.loc[other.index > day] *= 1.5
    assert_frame_equal(flip_levels(said.bundle, other, *told), levels)
    assert_frame_equal(flip_levels(said.bundle, said.panel, *told), levels)


def test_fifteen_thousand_days_take_a_few_seconds():
    days = trading_days(pd.Timestamp("1966-01-04"), pd.Timestamp("2025-08-29"))
    panel = point_in_time(demo.simulate(days).observations, days)
    config = experiment("logistic_correction", "leadership", start="filter")
    bundle = fit_bundle(config, "funds", panel[:"2020-12-31"])
    rows = bundle.predict_proba(panel)
    proba = rows[rows["horizon"] == 0].set_index("date")[list(REGIMES)]
    calls = regime_call(proba)
    begin = time.process_time()
    levels = flip_levels(bundle, panel, calls, proba)
    assert time.process_time() - begin < 6  # 1.3 s on an idle machine; a panel a move takes 30
    assert levels.dropna(subset="move")["confirmed"].all()


@pytest.mark.parametrize(
    ("sessions", "spoil", "words"),
    [
        (0, None, "1 to 252 sessions; found 0"),
        (253, None, "found 253"),
        (5, "calls", "found no call"),
        (5, "probabilities", "found a call of 2008-12-31"),
        (5, "lead", "2008-12-31, but the panel has none"),
        (5, "horizon", "has the horizons 21"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(filtered, sessions, spoil, words):
    panel, calls, proba, bundle = filtered.panel, filtered.calls, filtered.proba, filtered.bundle
    match spoil:
        case "calls":
            calls = calls[:0]
        case "probabilities":
            proba = proba[:-1]
        case "lead":
            panel = panel[:-1]
        case "horizon":
            config = experiment("filter", horizons=(21,))
            bundle = fit_bundle(config, "french", panel[:UNTIL])
    with pytest.raises(PanelError, match=words) as refused:
        flip_levels(bundle, panel, calls, proba, sessions=sessions)
    assert "\n" not in str(refused.value)


# What if -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_with_no_changes_it_is_the_bundles_own_answer_to_the_bit(name, market, told):
    told = told(name)
    own = told.bundle.predict_proba(market)
    own = own[own["date"] == market.index[-1]].set_index("horizon")[list(REGIMES)]
    same = what_if(told.bundle, market, {})
    assert_frame_equal(same.before, own, check_exact=True)
    assert_frame_equal(same.after, own, check_exact=True)
    assert same.settings.empty
    assert same.day == market.index[-1]


def test_a_change_is_the_model_on_another_last_row(market, told):
    told = told("correction")
    X = told.bundle.features_of(market)
    changes = {"mega_over_small_21d": 2.5, "market_drawdown": -0.3, "path_score_broadening": -4}
    edited = X.copy()
    for name, value in changes.items():
        edited.iloc[-1, list(X).index(name)] = value
    kept = X.copy()
    what = what_if(told.bundle, market, changes, X=X)
    assert_frame_equal(X, kept, check_exact=True)
    for horizon, model in told.bundle.classifiers.items():
        wanted = pd.Series(model.predict_proba(edited)[-1], model.classes_)
        assert_allclose(what.after.loc[horizon], wanted[list(REGIMES)], rtol=1e-12)
    assert (what.after - what.before).abs().to_numpy().max() > 0.01
    assert_frame_equal(what_if(told.bundle, market, changes).after, what.after, check_exact=True)


def test_each_setting_stands_beside_what_was_ever_seen(market, told):
    told = told("correction")
    X = told.bundle.features_of(market)
    seen = X["market_drawdown"].dropna()
    settings = what_if(
        told.bundle, market,
        {"market_drawdown": seen.min() - 1e-6, "market_return_21d": 0, "market_return_63d": np.nan},
    ).settings  # fmt: skip
    row = settings.loc["market_drawdown"]
    spread = row[["lowest", "p1", "median", "p99", "highest"]].astype(float)
    assert_allclose(spread, np.percentile(seen, [0, 1, 50, 99, 100]))
    assert row["before"] == X["market_drawdown"].iloc[-1]
    assert list(settings["unseen"]) == [True, False, False]
    assert np.isnan(settings.loc["market_return_63d", "after"])
    edge = what_if(told.bundle, market, {"market_drawdown": seen.min()}).settings
    assert not edge["unseen"].any()


def test_a_feature_never_known_has_no_range_and_any_setting_is_unseen(market, told):
    told = told("correction")
    X = told.bundle.features_of(market).assign(market_drawdown=np.nan)
    settings = what_if(told.bundle, market, {"market_drawdown": -0.1}, X=X).settings
    assert settings[["lowest", "median", "highest"]].isna().all(axis=None)
    assert settings["unseen"].all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"market_drawdwn": 0.0}, "which is no feature.*reads is 'market_drawdown'"),
        ({"baa_spread": 1.0}, "'baa_spread', which it does not read"),
        ({"path_confirmed_broadening": 1.0}, "does not read"),
        ({"market_drawdown": math.inf}, "found inf"),
        ({"market_drawdown": "deep"}, "found 'deep'"),
        ({"market_drawdown": None}, "found None"),
    ],
)  # fmt: skip
def test_a_setting_that_means_nothing_is_refused_in_one_line(market, told, changes, words):
    told = told("correction")
    with pytest.raises(PanelError, match=words) as refused:
        what_if(told.bundle, market, changes)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", MODELS)
def test_every_feature_that_is_read_has_a_family_a_unit_and_a_reason(name, market, told):
    bundle = told(name).bundle
    table = units(bundle)
    assert list(table) == ["feature", "family", "unit", "reason"]
    assert list(table["feature"]) == list(bundle.features_of(market))
    assert (table.map(len) > 3).all(axis=None)
    assert table["reason"].str.endswith(".").all()
