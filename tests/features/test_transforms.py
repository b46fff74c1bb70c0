"""Transformers against hand-worked numbers."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from regime.features.transforms import (
    Drawdown,
    TrailingChange,
    TrailingMean,
    TrailingPercentile,
    TrailingScale,
    TrailingSum,
    TrailingZScore,
    VolatilityRatio,
)

X = np.array([[1.0], [2.0], [4.0], [np.nan], [3.0], [8.0]])


def test_a_change_needs_both_ends():
    assert_array_equal(
        TrailingChange(2).fit_transform(X).ravel(), [np.nan, np.nan, 3, np.nan, -1, np.nan]
    )


def test_a_mean_skips_what_is_missing():
    assert_allclose(TrailingMean(2).fit_transform(X).ravel(), [1, 1.5, 3, 4, 3, 5.5])


def test_a_sum_keeps_unit_variance_and_needs_a_full_window():
    assert_allclose(
        TrailingSum(2).fit_transform(X).ravel(),
        np.array([np.nan, 3, 6, np.nan, np.nan, 11]) / np.sqrt(2),
    )
    noise = np.random.default_rng(0).normal(size=(20_000, 1))
    assert abs(np.nanstd(TrailingSum(63).fit_transform(noise)) - 1) < 0.1


def test_a_z_score_counts_its_own_row_and_is_cut_off():
    z = TrailingZScore(3, min_periods=2).fit_transform(X).ravel()
    assert np.isnan(z[0])
    assert_allclose(z[2], (4 - 7 / 3) / np.std([1, 2, 4], ddof=1))
    assert np.isnan(z[3])
    jump = np.r_[np.random.default_rng(0).normal(size=300), 1e6][:, None]
    assert TrailingZScore(300).fit_transform(jump)[-1, 0] == 4.0


def test_a_series_that_never_moves_has_z_score_zero():
    assert_array_equal(TrailingZScore(5, min_periods=2).fit_transform(np.ones((9, 1)))[1:], 0.0)


def test_a_percentile_is_the_share_not_above():
    p = TrailingPercentile(3, min_periods=2).fit_transform(X).ravel()
    assert_allclose(p, [np.nan, 1, 1, np.nan, 0.5, 1])


def test_a_scale_does_not_know_its_own_day():
    x = np.random.default_rng(0).normal(size=(200, 1))
    y = x.copy()
    y[150] = 50.0
    one, other = (TrailingScale(126, min_periods=60).fit_transform(values) for values in (x, y))
    assert_array_equal(one[:150], other[:150])
    assert_allclose(other[150] / one[150], 50.0 / x[150])


def test_a_volatility_ratio_is_positive_when_the_month_is_rough():
    x = np.r_[
        np.random.default_rng(0).normal(size=300), 3 * np.random.default_rng(1).normal(size=21)
    ]
    assert VolatilityRatio(21, 252).fit_transform(x[:, None])[-1, 0] > 0.3


def test_a_drawdown_is_measured_from_the_high_of_the_window():
    x = np.array([0.1, -0.2, 0.05, 0.3])[:, None]
    assert_allclose(Drawdown(10).fit_transform(x).ravel(), [0, -0.2, -0.15, 0])
