"""A day that lacks something is HELD or DEGRADED by name, never silently stale."""

import numpy as np
import pandas as pd
import pytest

from regime.bundle import fit_bundle
from regime.config import ExperimentConfig
from regime.data.calendar import trading_days
from regime.features.assembly import series_behind
from regime.scoring import EXIT_CODES, State, assess, score_days, with_fallback

UNTIL = "2003-12-31"


def experiment(kind, *sets):
    return ExperimentConfig(
        name=kind,
        baskets=("french",),
        labels={"horizons": (0, 21)},
        features={"sets": sets, "window": 504},
        training={"every": 3},
        model={"kind": kind},
    )


@pytest.fixture(scope="module")
def logistic(market):
    """Leads and rates; real yields and break-evens begin only in 2003."""
    return fit_bundle(experiment("logistic", "leadership", "rates"), "french", market[:UNTIL])


@pytest.fixture(scope="module")
def fallback(market):
    return fit_bundle(experiment("filter"), "french", market[:UNTIL])


def test_a_day_with_everything_is_published(logistic, market):
    readiness = assess(logistic, market, market.index[-1])
    assert readiness.state is State.PUBLISHED
    assert readiness.missing == ()
    assert EXIT_CODES[readiness.state] == 0


@pytest.mark.parametrize("gone", [["hi_10"], ["dec_8", "qnt_2"]])
def test_a_missing_basket_holds_the_day_and_is_named(logistic, market, gone):
    panel = market.copy()
    panel.loc[panel.index[-1], gone] = np.nan
    readiness = assess(logistic, panel, panel.index[-1])
    assert readiness.state is State.HELD
    assert readiness.missing == tuple(gone)
    assert readiness.last_day == panel.index[-2]
    assert all(name in readiness.words for name in gone)
    assert f"{panel.index[-2]:%Y-%m-%d}" in readiness.words
    assert EXIT_CODES[readiness.state] not in {0, 1, 2}


def test_a_panel_that_ends_before_the_day_holds_it(logistic, market):
    day = trading_days(market.index[-1], market.index[-1] + pd.Timedelta(days=9))[1]
    readiness = assess(logistic, market, day)
    assert readiness.state is State.HELD
    assert set(readiness.missing) == {"hi_10", "dec_7", "dec_8", "dec_9", "qnt_2"}


def test_a_series_that_is_overdue_degrades_the_day_though_the_panel_carries_its_last_value(
    logistic, market
):
    day = market.index[-1]
    assert assess(logistic, market, day).state is State.PUBLISHED
    readiness = assess(logistic, market, day, overdue=["DGS10"])
    assert readiness.state is State.DEGRADED
    assert readiness.missing == ("DGS10",)
    panel = market.copy()
    panel.loc[day, "DGS2"] = np.nan
    assert assess(logistic, panel, day, overdue=["DGS10"]).missing == ("DGS2", "DGS10")


@pytest.mark.parametrize("gone", [["DGS10"], ["DGS2", "DFF"]])
def test_a_missing_feature_degrades_the_day_and_its_series_are_named(logistic, market, gone):
    panel = market.copy()
    panel.loc[panel.index[-1], gone] = np.nan
    readiness = assess(logistic, panel, panel.index[-1])
    assert readiness.state is State.DEGRADED
    assert set(readiness.missing) == set(gone)
    assert EXIT_CODES[State.DEGRADED] != EXIT_CODES[State.HELD]


def test_a_series_that_is_not_stored_at_all_is_named(logistic, market):
    readiness = assess(logistic, market.drop(columns="DGS1"), market.index[-1])
    assert readiness.state is State.DEGRADED
    assert readiness.missing == ("DGS1",)


def test_what_training_never_knew_is_not_missed(market):
    panel = market.drop(columns=["DFII10", "T10YIE"])
    bundle = fit_bundle(experiment("logistic", "leadership", "rates"), "french", panel[:UNTIL])
    assert assess(bundle, panel, panel.index[-1]).state is State.PUBLISHED


def test_on_a_degraded_day_the_filter_speaks_for_that_day_only(logistic, fallback, market):
    panel = market.copy()
    panel.loc[panel.index[-1], "DGS10"] = np.nan
    record = logistic.predict_proba(panel[:UNTIL])
    rows = score_days(logistic, record, panel, version="3")
    said = with_fallback(rows, fallback, panel, version="3")
    newest = said["date"] == panel.index[-1]
    pd.testing.assert_frame_equal(said[~newest], rows[~newest], check_dtype=False, check_exact=True)
    own = fallback.predict_proba(panel)
    own = own[own["date"] == panel.index[-1]].set_index("horizon").drop(columns="date")
    mine = said[newest].set_index("horizon")[list(own)]
    pd.testing.assert_frame_equal(mine, own, check_exact=True)
    assert set(said.loc[newest, "model_version"]) == {"3 (filter)"}
    assert set(said.loc[newest, "basis"]) == {"out_of_sample"}
    assert not np.allclose(mine, rows[newest].set_index("horizon")[list(own)])


def test_features_are_traced_to_the_series_behind_them():
    behind = series_behind(
        ["yield_10y_change_21d", "cuts_priced_1y", "market_drawdown"], baskets="funds", window=504
    )
    assert behind == ["DFF", "DGS1", "DGS10", "SPY"]
    behind = series_behind(["mega_over_small_5d"], baskets="funds", window=504)
    assert behind == ["IWM", "OEF", "RSP"]
