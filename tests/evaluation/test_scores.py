"""Scores worked by hand, held against scikit-learn, or counted one by one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from regime.evaluation import scores
from regime.taxonomy import REGIMES

MEGA, BROAD, SMALL = REGIMES
NAMES = st.sampled_from(REGIMES)
PAIRS = st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=60)


def series(values) -> pd.Series:
    return pd.Series(list(values), pd.bdate_range("2001-01-02", periods=len(values)), dtype="str")


def frame(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, pd.bdate_range("2001-01-02", periods=len(rows)), list(REGIMES))


def forecasts(n_days: int, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Probabilities, and outcomes that come true exactly as often as they say."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet([0.7, 0.7, 0.7], size=n_days)
    drawn = (proba.cumsum(axis=1) < rng.uniform(size=(n_days, 1))).sum(axis=1)
    return frame(proba), series(np.array(REGIMES)[np.minimum(drawn, 2)])


HALVES = frame([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]])
WENT = series([MEGA, SMALL])


def test_a_log_loss_is_minus_the_log_of_what_was_given_to_what_happened():
    losses = scores.log_losses(HALVES, WENT)
    np.testing.assert_allclose(losses, [np.log(2), np.log(4)])
    assert list(losses.index) == list(HALVES.index)


def test_a_certain_model_that_is_wrong_loses_much_but_not_infinity():
    losses = scores.log_losses(frame([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]), WENT)
    np.testing.assert_allclose(losses, [0.0, -np.log(1e-15)])


def test_a_brier_score_sums_the_squares_over_the_regimes():
    # (0.5^2 + 2 * 0.25^2 + 0.5^2 + 0.25^2 + 0.75^2) / 2
    assert scores.brier_score(HALVES, WENT) == pytest.approx(0.625)
    assert scores.brier_score(frame([[0.0, 1.0, 0.0]]), series([MEGA])) == 2.0


@pytest.mark.parametrize("seed", range(3))
def test_log_loss_and_brier_score_are_those_of_scikit_learn(seed):
    proba, actual = forecasts(300, seed)
    alphabetical = proba[sorted(REGIMES)]
    log_loss = metrics.log_loss(actual, alphabetical, labels=sorted(REGIMES))
    assert scores.log_losses(proba, actual).mean() == pytest.approx(log_loss)
    brier = metrics.brier_score_loss(
        actual, alphabetical, labels=sorted(REGIMES), scale_by_half=False
    )
    assert scores.brier_score(proba, actual) == pytest.approx(brier)


def test_scores_find_regimes_by_name_wherever_their_columns_are():
    proba, actual = forecasts(50)
    turned = proba[[SMALL, BROAD, MEGA]]
    pd.testing.assert_series_equal(
        scores.log_losses(turned, actual), scores.log_losses(proba, actual)
    )
    assert scores.brier_score(turned, actual) == scores.brier_score(proba, actual)
    ece = scores.expected_calibration_error
    assert ece(turned, actual) == pytest.approx(ece(proba, actual))


def test_balanced_accuracy_weighs_the_regimes_that_occurred_alike():
    actual = series([MEGA] * 8 + [SMALL] * 2)
    called = series([MEGA] * 6 + [BROAD] * 2 + [SMALL, MEGA])
    assert scores.balanced_accuracy(called, actual) == pytest.approx((6 / 8 + 1 / 2) / 2)
    assert scores.balanced_accuracy(actual, actual) == 1.0


def test_balanced_accuracy_of_a_stretch_of_one_regime_is_the_share_called_right():
    called = series([MEGA, MEGA, BROAD, SMALL])
    assert scores.balanced_accuracy(called, series([MEGA] * 4)) == 0.5


@given(PAIRS)
@settings(max_examples=60, deadline=None)
def test_balanced_accuracy_is_the_mean_recall_of_scikit_learn(pairs):
    called, actual = (series(side) for side in zip(*pairs, strict=True))
    recall = metrics.recall_score(
        actual, called, labels=sorted({*actual}), average="macro", zero_division=0.0
    )
    assert scores.balanced_accuracy(called, actual) == pytest.approx(recall)


def test_the_calibration_error_of_a_known_mistake_is_that_mistake():
    proba = frame([[0.62, 0.28, 0.10]] * 10)  # three different bins
    actual = series([MEGA] * 4 + [BROAD] * 4 + [SMALL] * 2)
    expected = (abs(0.62 - 0.4) + abs(0.28 - 0.4) + abs(0.10 - 0.2)) / 3
    assert scores.expected_calibration_error(proba, actual) == pytest.approx(expected)


def test_the_calibration_error_of_an_honest_forecaster_is_small_and_of_a_boaster_is_not():
    proba, actual = forecasts(20_000)
    assert scores.expected_calibration_error(proba, actual) < 0.01
    boast = proba**2
    boast = boast.div(boast.sum(axis=1), axis=0)
    assert scores.expected_calibration_error(boast, actual) > 0.05


def test_certainty_that_comes_true_is_perfectly_calibrated():
    assert scores.expected_calibration_error(frame(np.eye(3)), series(REGIMES)) == 0.0


@pytest.mark.parametrize("n_bins", [1, 4, 15])
def test_the_calibration_error_is_what_a_loop_over_the_bins_says(n_bins):
    proba, actual = forecasts(200, seed=4)
    said, so = [], []
    for day, row in proba.iterrows():
        for regime in REGIMES:
            said.append(row[regime])
            so.append(float(actual[day] == regime))
    said, so, total = np.array(said), np.array(so), 0.0
    for number in range(n_bins):
        low, high = number / n_bins, (number + 1) / n_bins
        here = (said >= low) & ((said < high) | (number == n_bins - 1))
        if here.any():
            total += here.mean() * abs(said[here].mean() - so[here].mean())
    ece = scores.expected_calibration_error(proba, actual, n_bins=n_bins)
    assert ece == pytest.approx(total)


def test_certainty_shares_its_bin_with_what_is_almost_certain():
    proba, actual = frame([[1.0, 0.0, 0.0], [0.98, 0.01, 0.01]]), series([BROAD, MEGA])
    # Gaps of the last bin 1 and 0.98 - 1, of the first 0 - 1, 0, 0.01 and 0.01: 0.98 in each.
    ece = scores.expected_calibration_error(proba, actual)
    assert ece == pytest.approx((0.98 + 0.98) / 6)


def test_the_calibration_error_is_told_of_fifteen_bins_unless_another_number_is_asked_for():
    proba, actual = forecasts(200, seed=4)
    ece = scores.expected_calibration_error
    assert ece(proba, actual) == ece(proba, actual, n_bins=15) != ece(proba, actual, n_bins=16)


def runs(values) -> list[tuple[int, int]]:
    """Begin and end (excluded) of every stretch of one value."""
    begins = [row for row in range(len(values)) if not row or values[row] != values[row - 1]]
    return list(zip(begins, [*begins[1:], len(values)], strict=True))


@given(PAIRS)
@settings(max_examples=100, deadline=None)
def test_the_delay_is_what_a_walk_through_every_episode_counts(pairs):
    called, actual = (list(side) for side in zip(*pairs, strict=True))
    delays = []
    for begin, end in runs(actual)[1:]:
        late = 0
        while begin + late < end and called[begin + late] != actual[begin]:
            late += 1
        delays.append(late)
    expected = sum(delays) / len(delays) if delays else None
    assert scores.detection_delay(series(called), series(actual)) == pytest.approx(expected)


def test_a_change_called_on_its_day_has_no_delay_and_one_never_called_all_of_its_days():
    actual = series([MEGA] * 3 + [SMALL] * 4 + [BROAD] * 2)
    assert scores.detection_delay(actual, actual) == 0.0
    assert scores.detection_delay(series([MEGA] * 9), actual) == 3.0  # 4 and 2 days
    assert scores.detection_delay(actual, series([MEGA] * 9)) is None


@given(PAIRS)
@settings(max_examples=60, deadline=None)
def test_switches_and_episodes_are_counted_one_by_one(pairs):
    called = [one for one, _ in pairs]
    n_runs = len(runs(called))
    assert scores.count_episodes(series(called)) == n_runs
    years = max(len(called) - 1, 1) / 252
    assert scores.switches_per_year(series(called)) == pytest.approx((n_runs - 1) / years)


def test_no_days_hold_no_episode_no_change_and_no_delay():
    nothing = series([])
    assert scores.count_episodes(nothing) == 0
    assert scores.switches_per_year(nothing) == 0.0
    assert scores.detection_delay(nothing, nothing) is None
