"""What the features are, and that they measure what they say."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import spearmanr

from regime.data.catalog import DECILES, MODELLED
from regime.features.assembly import FAMILIES, PATH, SETS, PanelFeatures, market_frame
from regime.features.leadership import LEAD
from regime.labels.leadership import leadership_path
from regime.taxonomy import REGIMES

FEATURES = [feature for family in FAMILIES.values() for feature in family(2520)]


def test_every_feature_has_its_own_name_a_unit_and_a_reason():
    assert len({feature.name for feature in FEATURES}) == len(FEATURES)
    for feature in FEATURES:
        assert feature.unit
        assert feature.why.endswith(".")


def test_every_feature_needs_known_series_and_every_series_serves_something():
    derived = {*LEAD.values(), "market_return"}
    needed = {name for feature in FEATURES for name in feature.needs}
    assert needed - derived <= {*MODELLED}
    assert {*MODELLED} - needed == {"OEF", "XLG"}  # of baskets only


@pytest.fixture(scope="module")
def everything(market):
    return PanelFeatures(SETS).fit_transform(market)


def test_features_come_in_the_order_asked_for_one_row_per_day_with_a_lead(market, everything):
    assert list(everything.index) == list(market_frame(market, "french").index)
    assert list(everything)[: 2 * 3 + 1] == list(PanelFeatures([PATH]).fit_transform(market))
    assert list(everything)[7:] == [feature.name for feature in FEATURES]


def test_features_stay_in_their_units(everything):
    for feature in FEATURES:
        values = everything[feature.name].dropna()
        assert len(values) > 400, feature.name  # above a three-year low, a year to standardise
        assert np.isfinite(values).all()
        if feature.unit.startswith("share"):
            assert values.between(0, 1).all(), feature.name
        if "-1 to 1" in feature.unit:
            assert values.abs().max() <= 1 + 1e-12, feature.name
        if feature.unit.startswith("trailing"):
            assert values.abs().max() <= 4, feature.name


def test_features_are_stationary_in_level(everything):
    # No feature may name the decade: the first and the last third overlap widely.
    for name in everything:
        values = everything[name].dropna()
        third = len(values) // 3
        if third < 500:  # of a young fund: two years are no decade
            continue
        first, last = values[:third], values[-third:]
        assert first.quantile(0.95) >= last.quantile(0.05), name
        assert last.quantile(0.95) >= first.quantile(0.05), name


def test_a_series_the_store_lacks_leaves_its_features_empty(market):
    features = PanelFeatures(["rates"]).fit_transform(market.drop(columns="DFF"))
    assert features["cuts_priced_1y"].isna().all()
    assert features["curve_10y_1y"].notna().any()


def test_the_leads_are_todays_and_in_the_order_of_the_baskets(market, everything):
    frame = market_frame(market, "french")
    names = [feature.name for feature in FAMILIES["leads"](2520)]
    assert names == [f"lead_{regime}_today" for regime in REGIMES]
    columns = ["lead_mega_cap_led", "lead_broadening", "lead_small_cap_led"]
    np.testing.assert_array_equal(everything[names], frame[columns])
    assert everything[names].std().between(0.8, 1.6).all()  # standard deviations


def test_the_size_slope_is_spearmans(market, everything):
    day = everything.index[2000]
    window = np.log1p(market[list(DECILES)])[:day].iloc[-63:].sum()
    assert_allclose(
        everything["size_slope_63d"][day], spearmanr(range(10), window).statistic, atol=1e-12
    )


def test_deciles_ahead_is_counted(market, everything):
    day = everything.index[2000]
    window = np.log1p(market[list(DECILES)])[:day].iloc[-21:].sum()
    index = np.log1p(market["mkt_rf"] + market["rf"])[:day].iloc[-21:].sum()
    assert everything["deciles_ahead_21d"][day] == (window > index).mean()


def test_the_path_features_are_what_a_replay_would_have_said(market, everything):
    frame = market_frame(market, "french")
    lead = frame[list(LEAD.values())].set_axis(list(LEAD), axis=1)
    for row in (100, 1234, 3000):
        replay = leadership_path(lead.iloc[: row + 1], switching_cost=10)
        settled = replay[replay["confirmed_on"].notna()]
        said = everything.iloc[row]
        assert said["path_sessions_since_confirmed"] == row + 1 - len(settled)
        assert said[f"path_confirmed_{settled['regime'].iloc[-1]}"] == 1.0
        leader = replay["regime"].iloc[-1]
        assert said[f"path_score_{leader}"] == 0.0


def test_before_anything_is_confirmed_the_path_features_say_so(everything):
    assert pd.isna(everything["path_sessions_since_confirmed"].iloc[0])
