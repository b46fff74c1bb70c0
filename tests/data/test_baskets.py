"""Returns, leads and the splice."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from regime.data.baskets import (
    BASKET_SETS,
    basket_returns,
    get,
    lead,
    market_return,
    splice_day,
    spliced_lead,
    spliced_returns,
)
from regime.exceptions import ConfigError, PanelError


def test_the_french_middle_basket_is_the_log_of_the_mean_simple_return(market):
    returns = basket_returns(market, "french")
    simple = market.loc[returns.index, ["dec_7", "dec_8", "dec_9"]].mean(axis=1)
    assert_allclose(returns["broadening"], np.log1p(simple))


def test_a_fund_return_is_the_log_ratio_of_two_days(market):
    returns = basket_returns(market, "funds")
    day = returns.index[100]
    before = market.index[market.index.get_loc(day) - 1]
    assert_allclose(
        returns.loc[day, "small_cap_led"], np.log(market["IWM"][day] / market["IWM"][before])
    )


def test_the_lead_is_the_excess_over_yesterdays_trailing_scale():
    rng = np.random.default_rng(3)
    days = pd.bdate_range("2000-01-03", periods=90)
    returns = pd.DataFrame(rng.normal(size=(90, 3)) / 100, days, list("abc"))
    z = lead(returns)
    excess = returns.sub(returns.mean(axis=1), axis=0).to_numpy()
    row = 80
    weights = 0.5 ** (np.arange(row)[::-1] / 126)  # newest of the rows before gets 1
    mean = weights @ excess[:row] / weights.sum()
    biased = weights @ (excess[:row] - mean) ** 2 / weights.sum()
    unbias = weights.sum() ** 2 / (weights.sum() ** 2 - (weights**2).sum())
    assert_allclose(z.loc[days[row]], excess[row] / np.sqrt(biased * unbias))
    assert z.index[0] == days[60]


def test_fund_leads_take_over_one_year_after_the_youngest_fund_began(market):
    day = splice_day(market, "funds")
    youngest = max(market[name].first_valid_index() for name in ("OEF", "RSP", "IWM"))
    assert day == youngest + pd.DateOffset(years=1)
    spliced = spliced_lead(market, "funds")
    own, history = lead(basket_returns(market, "funds")), spliced_lead(market, "french")
    pd.testing.assert_frame_equal(spliced[day:], own[day:])
    before = spliced.index < day
    pd.testing.assert_frame_equal(spliced[before], history[history.index < day])
    assert not spliced.index.has_duplicates


@pytest.mark.parametrize("baskets", BASKET_SETS)
@pytest.mark.parametrize("last", ["1995-06-30", "2003-06-30", "2004-04-30", "2004-05-10"])
def test_spliced_leads_and_returns_are_blind_to_the_future(market, baskets, last):
    for measure in (spliced_lead, spliced_returns):
        pd.testing.assert_frame_equal(
            measure(market, baskets)[:last], measure(market[:last], baskets)
        )


def test_funds_without_a_french_history_stand_alone(market):
    funds = market[["OEF", "RSP", "IWM"]]
    pd.testing.assert_frame_equal(
        spliced_lead(funds, "funds"), lead(basket_returns(funds, "funds"))
    )


def test_a_missing_basket_names_its_column_and_its_file(market):
    with pytest.raises(PanelError, match=r"no RSP.*column RSP of etf_total_return_index_daily"):
        spliced_lead(market.drop(columns="RSP"), "funds")


def test_a_basket_that_stops_before_the_others_names_its_last_day(market):
    stopped = market.copy()
    stopped.loc["2007-03-01":, "RSP"] = np.nan
    with pytest.raises(PanelError, match="RSP ends on 2007-02-28 and the others go on"):
        spliced_lead(stopped, "funds")


def test_a_source_that_has_not_published_yet_only_ends_earlier(market):
    late = market.copy()
    late.loc["2008-11-01":, BASKET_SETS["french"].series] = np.nan
    assert spliced_lead(late, "french").index[-1] == pd.Timestamp("2008-10-31")


def test_a_short_gap_is_bridged_by_the_index_and_loses_no_return(market):
    gap = market.copy()
    gap.loc["2007-03-05":"2007-03-07", "RSP"] = np.nan
    whole, bridged = basket_returns(market, "funds"), basket_returns(gap, "funds")
    assert len(bridged) == len(whole) - 3
    assert_allclose(bridged.sum(), whole.sum())


def test_baskets_that_never_meet_name_their_spans(market):
    apart = market.copy()
    apart.loc[:"2006-12-29", "OEF"] = np.nan
    apart.loc["2006-01-03":, "RSP"] = np.nan
    with pytest.raises(
        PanelError, match=r"no day on which all three.*RSP 2003-05-01 to 2005-12-30"
    ):
        basket_returns(apart, "funds")


def test_too_few_days_for_a_scale_are_an_error(market):
    with pytest.raises(PanelError, match="more than 60 days"):
        lead(basket_returns(market[:50], "french"))


def test_identical_baskets_have_no_lead():
    same = pd.DataFrame(np.ones((90, 3)) / 100, pd.bdate_range("2000-01-03", periods=90))
    with pytest.raises(PanelError, match="differ between the three"):
        lead(same)


def test_unknown_baskets_are_named():
    with pytest.raises(ConfigError, match="no baskets 'fund'"):
        get("fund")


def test_the_market_is_crsp_before_the_funds_second_year(market):
    returns = market_return(market)
    assert_allclose(
        returns[:"1993-12-31"], np.log1p(market["mkt_rf"] + market["rf"])[:"1993-12-31"]
    )
    assert_allclose(returns["1994-02-01":], np.log(market["SPY"]).diff()["1994-02-01":])
    pd.testing.assert_series_equal(returns[:"1993-06-30"], market_return(market[:"1993-06-30"]))


def test_a_market_without_any_source_says_where_to_look(market):
    with pytest.raises(PanelError, match="mkt_rf and rf, or SPY"):
        market_return(market[["hi_10"]])
    pd.testing.assert_series_equal(
        market_return(market[["SPY"]]), np.log(market["SPY"]).diff().rename("market_return")
    )


def test_a_long_gap_names_both_its_ends(market):
    silent = market.copy()
    silent.loc["2007-03-01":"2007-03-30", "RSP"] = np.nan
    with pytest.raises(PanelError, match="RSP has nothing between 2007-02-28 and 2007-04-02"):
        spliced_lead(silent, "funds")
