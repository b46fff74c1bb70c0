"""Sessions that were not: baskets return what is asked, and nothing else moves."""

import time

import numpy as np
import pandas as pd
import pytest
from flips.told import MODELS, UNTIL, by_hand, experiment, following, steps
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal

from regime import flips
from regime.bundle import fit_bundle
from regime.call import regime_call
from regime.data.baskets import BASKET_SETS, spliced_returns
from regime.data.calendar import session_closes, trading_days
from regime.data.catalog import CATALOG, Frequency, Unit
from regime.data.observations import SIMULATED, from_values, gather
from regime.data.panel import point_in_time
from regime.data.sources import demo
from regime.exceptions import PanelError
from regime.flips import flip_levels
from regime.hypothetical import extended
from regime.taxonomy import REGIMES

RANDOM = np.random.default_rng(3)


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
