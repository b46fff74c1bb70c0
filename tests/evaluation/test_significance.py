"""The edge: its sign, its interval, and how dependence widens it."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from regime.evaluation import significance
from regime.evaluation.significance import diebold_mariano_p, edge_interval, edge_over


def losses(values) -> pd.Series:
    return pd.Series(values, pd.bdate_range("2001-01-02", periods=len(values)))


def noise(n_days: int = 600, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n_days)


def labels_that_last(n_days: int = 1200, length: int = 60, seed: int = 0) -> np.ndarray:
    """Gains that stay the same for `length` days, as losses under one label nearly do."""
    return np.repeat(noise(n_days // length, seed), length)


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch):
    monkeypatch.setattr(significance, "RESAMPLES", 200)


def test_the_same_losses_have_no_edge_and_no_test():
    same = losses(noise())
    edge = edge_over(same, same.copy())
    assert (edge.edge, edge.se, edge.low, edge.high, edge.detectable) == (0.0,) * 5
    assert set(edge.se_by_block.values()) == {0.0}
    assert edge.dm_p is None


def test_an_edge_is_positive_where_the_model_loses_less_than_the_reference():
    reference = losses(1 + 0.1 * noise())
    edge = edge_over(reference, reference - 0.2 - 0.01 * noise(seed=1))
    assert edge.edge == pytest.approx(0.2, abs=0.01)
    assert 0 < edge.low < edge.edge < edge.high
    assert edge.dm_p < 0.01
    assert edge_over(reference - 0.2, reference).edge == pytest.approx(-0.2)


def test_the_edge_is_the_mean_difference_and_turns_with_the_sides():
    one, other = losses(noise(seed=1)), losses(noise(seed=2))
    edge, turned = edge_over(one, other), edge_over(other, one)
    assert edge.edge == pytest.approx((one - other).mean())
    assert (turned.edge, turned.low, turned.high) == pytest.approx(
        (-edge.edge, -edge.high, -edge.low)
    )
    assert (turned.se, turned.dm_p) == pytest.approx((edge.se, edge.dm_p))


def test_the_interval_covers_no_edge_about_nine_times_in_ten(monkeypatch):
    # Fifty blocks in the sample, as 252 days are of the fifty years on French baskets;
    # with two or three blocks it would cover some seven times in ten.
    monkeypatch.setattr(significance, "BLOCK", 12)
    monkeypatch.setattr(significance, "OTHER_BLOCKS", ())
    none = losses(np.zeros(600))
    edges = [edge_over(losses(noise(seed=seed)), none, seed=seed) for seed in range(60)]
    covered = np.mean([edge.low <= 0 <= edge.high for edge in edges])
    assert 0.78 <= covered <= 0.98
    # and it lies to either side about as often
    assert np.mean([edge.edge > 0 for edge in edges]) == pytest.approx(0.5, abs=0.2)
    # with the error that i.i.d. gains have
    assert np.mean([edge.se for edge in edges]) == pytest.approx(1 / np.sqrt(600), rel=0.1)


def test_labels_that_last_have_a_larger_error_than_independent_days_would(monkeypatch):
    gains, none = losses(labels_that_last()), losses(np.zeros(1200))
    with_blocks = edge_over(gains, none)
    monkeypatch.setattr(significance, "BLOCK", 1)
    as_if_independent = edge_over(gains, none)
    assert as_if_independent.se == pytest.approx(gains.std() / np.sqrt(1200), rel=0.15)
    assert with_blocks.se > 3 * as_if_independent.se
    assert with_blocks.edge == as_if_independent.edge


def test_the_error_with_other_blocks_is_that_of_such_blocks(monkeypatch):
    gains, none = losses(labels_that_last()), losses(np.zeros(1200))
    beside = edge_over(gains, none, seed=3).se_by_block
    assert set(beside) == {*significance.OTHER_BLOCKS}
    for block, se in beside.items():
        monkeypatch.setattr(significance, "BLOCK", block)
        assert edge_over(gains, none, seed=3).se == se


def test_a_seed_reproduces_the_interval_and_another_moves_it_little():
    one, other = losses(noise(seed=1)), losses(noise(seed=2))
    assert edge_over(one, other, seed=5) == edge_over(one, other, seed=5)
    moved = edge_over(one, other, seed=6)
    assert moved != edge_over(one, other, seed=5)
    assert moved.se == pytest.approx(edge_over(one, other, seed=5).se, rel=0.3)


def test_drawing_resamples_leaves_the_global_generator_alone():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    edge_over(losses(noise(seed=1)), losses(noise(seed=2)))
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_the_detectable_edge_is_found_four_times_in_five():
    edge = edge_over(losses(noise(seed=1)), losses(noise(seed=2)))
    # A normal estimate with this error, about the detectable edge, against the 10% threshold.
    threshold = norm.ppf(0.95) * edge.se
    assert norm.sf(threshold, loc=edge.detectable, scale=edge.se) == pytest.approx(0.80)


def newey_west_p(gain: np.ndarray, lag: int) -> float:
    """Newey and West (1987), Econometrica 55(3), 703-708: Bartlett weights, spelled out."""
    n_days, error = len(gain), gain - gain.mean()
    variance = (error @ error) / n_days
    for step in range(1, lag + 1):
        autocovariance = (error[step:] @ error[:-step]) / n_days
        variance += 2 * (1 - step / (lag + 1)) * autocovariance
    return float(2 * norm.sf(abs(gain.mean()) / np.sqrt(variance / n_days)))


@pytest.mark.parametrize("lag", [1, 21, 252])
@pytest.mark.parametrize("seed", range(3))
def test_the_diebold_mariano_p_is_that_of_newey_and_west(lag, seed):
    gain = labels_that_last(seed=seed) + 0.3 * noise(1200, seed + 10) + 0.1
    assert diebold_mariano_p(gain, lag=lag) == pytest.approx(newey_west_p(gain, lag), rel=1e-6)


def test_the_diebold_mariano_lag_is_a_year_and_never_more_than_there_is():
    gain = labels_that_last() + 0.1
    assert diebold_mariano_p(gain) == pytest.approx(newey_west_p(gain, 252))
    short = noise(40) + 0.2
    assert diebold_mariano_p(short) == pytest.approx(newey_west_p(short, 39))
    assert edge_over(losses(gain), losses(np.zeros(1200))).dm_p == diebold_mariano_p(gain)


def test_losses_on_other_rows_cannot_be_compared():
    values = losses(noise())
    with pytest.raises(ValueError, match="same rows"):
        edge_over(values, values[1:])
    with pytest.raises(ValueError, match="same rows"):
        edge_over(values, values.shift(1, freq="D"))


def test_the_interval_alone_is_that_of_the_whole():
    rng = np.random.default_rng(4)
    reference, losses = (pd.Series(rng.gamma(2, size=3000)) for _ in range(2))
    edge = edge_over(reference, losses, seed=3)
    assert edge_interval(reference, losses, seed=3) == (edge.edge, edge.low, edge.high)
    assert edge_interval(losses, losses) == (0, 0, 0)
