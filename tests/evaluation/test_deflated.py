"""Sharpe ratios after luck: the published examples, simulations, and nonsense refused."""

from math import sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import kurtosis, norm, skew

from regime.evaluation.deflated import (
    TrackRecord,
    deflated_sharpe,
    deflated_sharpe_of,
    effective_days,
    expected_maximum,
    minimum_track_record,
    probabilistic_sharpe,
    track_record,
)
from regime.exceptions import EvaluationError

YEAR = 250  # trading days, in the published example
# Bailey and López de Prado (2014), "A numerical example": annual 2.5 over five years.
SKEWED = TrackRecord(sharpe=2.5 / sqrt(YEAR), n_days=1250, skew=-3, kurtosis=10)
NORMAL = TrackRecord(sharpe=2.5 / sqrt(YEAR), n_days=1250)
VARIANCE = 0.5 / YEAR


def daily(n_days: int = 2000, mean: float = 0.05, seed: int = 0) -> pd.Series:
    return pd.Series(mean + np.random.default_rng(seed).normal(size=n_days))


def autoregressive(n_days: int, rho: float, seed: int, mean: float = 0.0) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=n_days + 200)
    for day in range(1, len(values)):
        values[day] += rho * values[day - 1]
    return values[200:] + mean


@pytest.mark.parametrize(
    ("record", "n_trials", "published"),
    [(SKEWED, 100, 0.9004), (SKEWED, 46, 0.9505), (NORMAL, 88, 0.9505)],
)
def test_the_deflated_ratio_is_the_published_one(record, n_trials, published):
    assert deflated_sharpe(record, n_trials, VARIANCE) == pytest.approx(published, abs=5e-5)


def test_the_threshold_of_the_published_example():
    assert expected_maximum(100, VARIANCE) == pytest.approx(0.1132, abs=5e-5)


def test_the_probabilistic_ratio_is_the_published_one():
    # Bailey and López de Prado (2012): two years of months of a hedge fund, 0.458 a month.
    assert probabilistic_sharpe(TrackRecord(0.458, 24)) == pytest.approx(0.982, abs=5e-4)
    fund = TrackRecord(0.458, 24, skew=-2.448, kurtosis=10.164)
    assert probabilistic_sharpe(fund) == pytest.approx(0.913, abs=5e-4)


@pytest.mark.parametrize(
    ("per_year", "skewness", "tails", "years"),
    [(250, 0, 3, 2.73), (52, 0, 3, 2.83), (12, 0, 3, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_a_ratio_of_two_is_above_one_after_the_published_years(per_year, skewness, tails, years):
    # Bailey and López de Prado (2012), at 95% confidence.
    record = TrackRecord(2 / sqrt(per_year), 100, skewness, tails)
    needed = minimum_track_record(record, 1 / sqrt(per_year))
    assert needed - 1 < per_year * (years + 0.005)
    assert needed > per_year * (years - 0.005)


@given(
    sharpe=st.floats(0.01, 0.5),
    benchmark=st.floats(-0.2, 0.2),
    skewness=st.floats(-2, 2),
    tails=st.floats(5, 20),
    confidence=st.floats(0.6, 0.99),
)
@settings(max_examples=60, deadline=None)
def test_the_minimum_record_is_the_first_that_is_long_enough(
    sharpe, benchmark, skewness, tails, confidence
):
    def after(n_days):
        return probabilistic_sharpe(TrackRecord(sharpe, n_days, skewness, tails), benchmark)

    needed = minimum_track_record(TrackRecord(sharpe, 100, skewness, tails), benchmark, confidence)
    if sharpe <= benchmark:
        assert needed is None
    elif needed < 1e9:  # beyond, rounding decides
        assert after(max(needed, 2)) >= confidence - 1e-9
        assert needed <= 2 or after(needed - 1) < confidence + 1e-9


def test_a_ratio_below_its_benchmark_never_has_a_record_that_is_long_enough():
    assert minimum_track_record(TrackRecord(0.1, 100), 0.1) is None
    assert minimum_track_record(TrackRecord(-0.1, 100)) is None


@pytest.mark.parametrize(("n_trials", "within"), [(2, 0.08), (5, 0.03), (20, 0.02), (100, 0.01)])
def test_the_expected_maximum_is_near_the_exact_one(n_trials, within):
    exact, _ = quad(lambda x: x * n_trials * norm.pdf(x) * norm.cdf(x) ** (n_trials - 1), -10, 10)
    assert expected_maximum(n_trials, 4.0) == pytest.approx(2 * exact, rel=within)


def test_more_trials_or_more_varied_ones_deflate_more_and_one_alone_not_at_all():
    chances = [deflated_sharpe(SKEWED, n_trials, VARIANCE) for n_trials in (1, 2, 3, 10, 1000)]
    assert chances == sorted(chances, reverse=True)
    assert len({*chances}) == 5
    assert chances[0] == probabilistic_sharpe(SKEWED)
    assert deflated_sharpe(SKEWED, 10, 2 * VARIANCE) < deflated_sharpe(SKEWED, 10, VARIANCE)
    assert deflated_sharpe(SKEWED, 10, 0) == probabilistic_sharpe(SKEWED)


def test_losing_tails_and_a_short_record_are_held_against_a_ratio():
    assert probabilistic_sharpe(SKEWED) < probabilistic_sharpe(NORMAL)
    lucky = TrackRecord(SKEWED.sharpe, 1250, skew=3, kurtosis=10)
    assert probabilistic_sharpe(lucky) > probabilistic_sharpe(NORMAL)
    short = TrackRecord(SKEWED.sharpe, 250, -3, 10)
    assert probabilistic_sharpe(short) < probabilistic_sharpe(SKEWED)
    assert probabilistic_sharpe(SKEWED, SKEWED.sharpe) == pytest.approx(0.5)


def test_a_record_has_the_moments_of_its_returns():
    returns = daily() ** 3
    record = track_record(returns, independent=True)
    assert record.sharpe == pytest.approx(returns.mean() / returns.std())
    assert record.skew == pytest.approx(skew(returns))
    assert record.kurtosis == pytest.approx(kurtosis(returns, fisher=False))
    assert record.n_days == 2000
    # A unit of money is not a skill.
    scaled = track_record(returns * 7.3, independent=True)
    assert scaled.sharpe == pytest.approx(record.sharpe)
    assert scaled.kurtosis == pytest.approx(record.kurtosis)


@pytest.mark.parametrize("mean", [0.0, 0.5])
def test_the_error_of_a_ratio_is_what_repeated_samples_show(mean):
    rng = np.random.default_rng(3)
    draws = rng.exponential(size=(4000, 400)) - 1 + mean  # skew 2, kurtosis 9
    ratios = draws.mean(axis=1) / draws.std(axis=1, ddof=1)
    truth = TrackRecord(mean, 400, skew=2, kurtosis=9)
    # One standard error above the benchmark is a probability of 84%.
    error = ratios.std()
    assert probabilistic_sharpe(truth, mean - error) == pytest.approx(norm.cdf(1), abs=0.02)


def test_independent_days_count_about_one_each_and_never_more():
    counts = [effective_days(daily(seed=seed)) for seed in range(40)]
    assert np.mean(counts) == pytest.approx(2000, rel=0.08)
    assert max(counts) <= 2000
    assert effective_days(autoregressive(2000, -0.5, seed=1)) == 2000
    assert effective_days(daily(), lag=0) == 2000


@pytest.mark.parametrize("rho", [0.3, 0.6])
def test_days_that_repeat_one_another_count_for_less(rho):
    # The variance of an autoregressive mean is (1 + rho) / (1 - rho) times the independent one.
    counts = [effective_days(autoregressive(4000, rho, seed), lag=40) for seed in range(20)]
    assert np.mean(counts) == pytest.approx(4000 * (1 - rho) / (1 + rho), rel=0.1)


def test_a_high_ratio_owes_its_error_to_the_deviation_too():
    # Of an autoregressive series, the variance's own error grows by less than the mean's:
    # (1 + rho^2) / (1 - rho^2), and counts with half the squared ratio.
    rho, sharpe = 0.6, 2.0
    mean = sharpe / sqrt(1 - rho**2)
    counts = [effective_days(autoregressive(4000, rho, s, mean), lag=40) for s in range(20)]
    own = (1 + rho**2) / (1 - rho**2)
    less = ((1 + rho) / (1 - rho) + own * sharpe**2 / 2) / (1 + sharpe**2 / 2)
    assert np.mean(counts) == pytest.approx(4000 / less, rel=0.08)


def test_with_autocorrelation_a_worthless_record_is_still_below_95_percent_19_times_in_20():
    naive, counted = [], []
    for seed in range(300):
        returns = pd.Series(autoregressive(1000, 0.4, seed))
        naive.append(probabilistic_sharpe(track_record(returns, independent=True)))
        counted.append(probabilistic_sharpe(track_record(returns)))
    assert np.mean(np.array(naive) > 0.95) > 0.10
    assert np.mean(np.array(counted) > 0.95) == pytest.approx(0.05, abs=0.035)


def test_the_best_of_worthless_trials_is_seen_through():
    deflated, naive = [], []
    for seed in range(150):
        trials = [daily(500, 0.0, 1000 * seed + trial) for trial in range(20)]
        deflated.append(deflated_sharpe_of(trials))
        naive.append(max(probabilistic_sharpe(track_record(trial)) for trial in trials))
    assert np.mean(np.array(naive) > 0.95) > 0.5
    assert np.mean(np.array(deflated) > 0.95) < 0.08


def test_trials_are_deflated_as_the_best_of_them_with_their_variance():
    trials = [daily(500, mean, seed) for seed, mean in enumerate([0.0, 0.2, 0.05])]
    records = [track_record(trial) for trial in trials]
    variance = np.var([record.sharpe for record in records], ddof=1)
    assert deflated_sharpe_of(trials) == pytest.approx(deflated_sharpe(records[1], 3, variance))
    assert deflated_sharpe_of(trials[1:2]) == probabilistic_sharpe(records[1])


def test_two_outcomes_alone_leave_no_moments_impossible():
    for ups in range(1, 100):
        returns = pd.Series([0.01] * ups + [-0.02] * (100 - ups))
        assert 0 <= probabilistic_sharpe(track_record(returns, independent=True)) <= 1
    # Skew 0, kurtosis 1, ratio 0: as often up as down.
    assert probabilistic_sharpe(TrackRecord(0.0, 100, 0, 1)) == 0.5
    # At the bound, the ratio 2 / skew has no error left.
    certain = TrackRecord(1.0, 100, skew=2, kurtosis=5)
    assert (probabilistic_sharpe(certain), probabilistic_sharpe(certain, 1.0)) == (1.0, 0.0)


NONSENSE = {
    "finite Sharpe ratio": lambda: TrackRecord(float("nan"), 100),
    "finite .* kurtosis": lambda: TrackRecord(0.1, 100, 0, float("inf")),
    "two observations": lambda: TrackRecord(0.1, 1),
    "found inf": lambda: TrackRecord(0.1, float("inf")),
    "kurtosis of 0 with a skew of 0": lambda: TrackRecord(0.1, 100, 0, 0),
    "at least 1 .* 10.*excess": lambda: TrackRecord(0.1, 100, -3, 7),
    "whole number from 1 on; found 0": lambda: expected_maximum(0, 1.0),
    "whole number .* 2.5": lambda: expected_maximum(2.5, 1.0),
    "whole number .* nan": lambda: expected_maximum(float("nan"), 1.0),
    "not negative; found -1": lambda: expected_maximum(10, -1.0),
    "not negative; found nan": lambda: expected_maximum(10, float("nan")),
    "between 0.5 and 1; found 1": lambda: minimum_track_record(SKEWED, confidence=1),
    "found 3, 0 of them": lambda: track_record(daily(3)),
    "found 20, 1 of them": lambda: track_record(daily(20).shift()),
    "that vary; found 50 times 0.1": lambda: track_record(pd.Series([0.1] * 50)),
    "that vary; found 50 times 0": lambda: track_record(pd.Series([0.0] * 50)),
    "No trial": lambda: deflated_sharpe_of([]),
}


@pytest.mark.parametrize("message", NONSENSE)
def test_nonsense_is_refused_in_one_line(message):
    with pytest.raises(EvaluationError, match=message) as error:
        NONSENSE[message]()
    assert "\n" not in str(error.value)
