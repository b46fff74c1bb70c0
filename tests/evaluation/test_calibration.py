"""Calibration: known values, brute force, and what chance alone would show."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regime.evaluation import calibration, calibration_chance
from regime.evaluation.calibration import calibration_error, murphy, reliability, when_we_said
from regime.evaluation.scores import brier_score, count_episodes, expected_calibration_error
from regime.exceptions import EvaluationError
from regime.models.filtering import forward_filter
from regime.taxonomy import REGIMES

MEGA, BROAD, SMALL = REGIMES
ROWS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.sampled_from(REGIMES)),
    min_size=1,
    max_size=60,
)


def series(values) -> pd.Series:
    days = pd.bdate_range("2001-01-02", periods=len(values))
    return pd.Series(list(values), days, dtype=object)


def frame(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, pd.bdate_range("2001-01-02", periods=len(rows)), list(REGIMES))


def drawn(rows) -> tuple[pd.DataFrame, pd.Series]:
    parts = np.array([row[:3] for row in rows], dtype=float)
    return frame(parts / parts.sum(axis=1, keepdims=True)), series([row[3] for row in rows])


def history(n_days, seed, *, clear=0.25, horizon=0, stay=1 - 1 / 110):
    """A sticky chain and what its exact filter says of it: calibrated by construction."""
    rng = np.random.default_rng(seed)
    moves = np.full((3, 3), (1 - stay) / 2)
    np.fill_diagonal(moves, stay)
    leaves = rng.random(n_days + horizon) >= stay
    steps = np.where(leaves, rng.integers(1, 3, size=n_days + horizon), 0)
    states = steps.cumsum() % 3
    seen = rng.normal(size=(n_days, 3)) + clear * np.eye(3)[states[:n_days]]
    proba = forward_filter(np.full(3, 1 / 3), moves, clear * seen).proba
    ahead = proba @ np.linalg.matrix_power(moves, horizon)
    return frame(ahead), series(np.array(REGIMES, dtype=object)[states[horizon:]])


def boast(proba: pd.DataFrame, power: float = 3.0) -> pd.DataFrame:
    return (proba**power).div((proba**power).sum(axis=1), axis=0)


@pytest.fixture
def few_draws(monkeypatch):
    monkeypatch.setattr(calibration, "RESAMPLES", 60)
    monkeypatch.setattr(calibration, "SIMULATIONS", 100)


# Said against so ----------------------------------------------------------------------


def test_a_table_worked_by_hand():
    proba = frame([[0.6, 0.3, 0.1], [0.62, 0.28, 0.1], [0.64, 0.3, 0.06], [0.1, 0.3, 0.6]])
    table = reliability(proba, series([MEGA, SMALL, MEGA, SMALL]), n_bins=5)
    mega = table[table["regime"] == MEGA]
    assert mega[["bin_low", "bin_high"]].to_numpy().tolist() == [[0.0, 0.2], [0.6, 0.8]]
    assert mega["said"].tolist() == pytest.approx([0.1, 0.62])
    assert mega["so"].tolist() == pytest.approx([0.0, 2 / 3])
    assert mega["n_days"].tolist() == [1, 3]
    assert mega["n_episodes"].tolist() == [1, 3]
    broad = table[table["regime"] == BROAD]
    assert broad["n_days"].tolist() == [4]
    assert broad["n_episodes"].tolist() == [4]
    assert list(dict.fromkeys(table["regime"])) == list(REGIMES)


@given(ROWS, st.integers(1, 16))
@settings(max_examples=25, deadline=None)
def test_the_table_is_what_a_loop_over_the_days_counts(rows, n_bins):
    proba, actual = drawn(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "RESAMPLES", 20)
        table = reliability(proba, actual, n_bins=n_bins)
    assert table["n_days"].sum() == 3 * len(proba)
    stretch = np.cumsum([0, *(a != b for a, b in zip(actual[1:], actual[:-1], strict=True))])
    for _, row in table.iterrows():
        said = proba[row["regime"]]
        number = np.minimum((said * n_bins).astype(int), n_bins - 1)
        here = (number == round(row["bin_low"] * n_bins)).to_numpy()
        assert row["n_days"] == here.sum()
        assert row["said"] == pytest.approx(said[here].mean())
        assert row["so"] == pytest.approx((actual[here] == row["regime"]).mean())
        assert row["n_episodes"] == len(set(stretch[here]))


def test_resamples_are_those_of_arch():
    from arch.bootstrap import StationaryBootstrap

    values = np.random.default_rng(0).normal(size=(700, 2))
    bootstrap = StationaryBootstrap(252, values, seed=np.random.default_rng(4))
    expected = bootstrap.apply(lambda rows: rows.sum(axis=0), calibration.RESAMPLES)
    np.testing.assert_allclose(
        calibration_chance.resampled_sums(values, calibration.RESAMPLES, 4), expected, atol=1e-9
    )


def test_the_interval_of_a_share_is_about_as_wide_as_its_episodes_are_few(few_draws):
    actual = history(8000, 1)[1]
    flat = frame(np.full((8000, 3), 1 / 3))
    table = reliability(flat, actual, n_bins=1)
    assert (table["low"] < table["so"]).all()
    assert (table["so"] < table["high"]).all()
    width = (table["high"] - table["low"]).mean()
    # Two thirds of them are changes to this regime or from it; days say nothing.
    as_if_episodes = 2 * 1.645 * np.sqrt(2 / 9 / count_episodes(actual))
    assert 0.5 * as_if_episodes < width < 2.5 * as_if_episodes
    assert width > 5 * 2 * 1.645 * np.sqrt(2 / 9 / 8000)


# The error and what chance would show -------------------------------------------------


@given(ROWS, st.integers(1, 16))
@settings(max_examples=25, deadline=None)
def test_the_error_is_the_one_among_the_scores(rows, n_bins):
    proba, actual = drawn(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "RESAMPLES", 10)
        patch.setattr(calibration, "SIMULATIONS", 10)
        found = calibration_error(proba, actual, n_bins=n_bins)
    expected = expected_calibration_error(proba, actual, n_bins=n_bins)
    assert found.error == pytest.approx(expected, abs=1e-12)
    assert found.n_days == len(actual)
    assert found.n_episodes == count_episodes(actual)
    assert found.excess == found.error - found.calibrated_mean


@pytest.mark.parametrize(("horizon", "clear"), [(0, 0.25), (0, 1.0), (21, 0.25), (63, 0.25)])
def test_what_calibrated_probabilities_show_lies_in_the_band_nine_times_in_ten(
    horizon, clear, monkeypatch
):
    monkeypatch.setattr(calibration, "RESAMPLES", 2)
    monkeypatch.setattr(calibration, "SIMULATIONS", 60)
    found = [
        calibration_error(*history(6000, seed, clear=clear, horizon=horizon), seed=seed)
        for seed in range(40)
    ]
    error, low, high, mean = (
        np.array([getattr(one, name) for one in found])
        for name in ("error", "calibrated_low", "calibrated_high", "calibrated_mean")
    )
    assert ((low <= error) & (error <= high)).mean() >= 0.75
    assert (error > high).mean() <= 0.15
    assert 0.85 < mean.mean() / error.mean() < 1.35


def test_a_boaster_shows_more_than_chance_and_an_honest_forecaster_does_not(few_draws):
    proba, actual = history(12_600, 2)
    honest, boaster = calibration_error(proba, actual), calibration_error(boast(proba), actual)
    assert not honest.beyond_chance
    assert boaster.beyond_chance
    assert boaster.excess > 0.05
    assert boaster.low < boaster.error < boaster.high
    # Resamples show more than the rows, by about as much as chance shows on its own.
    assert honest.low < honest.error < honest.high
    assert (honest.low + honest.high) / 2 == pytest.approx(honest.error, rel=0.5)


def test_days_as_if_independent_would_call_honest_forecasts_faulty(few_draws, monkeypatch):
    """What the serial dependence is for: without it chance looks several times smaller."""
    proba, actual = history(6000, 3, horizon=63)
    with_luck_that_lasts = calibration_error(proba, actual)
    monkeypatch.setattr(calibration, "kept_overnight", lambda *_: 0.0)
    by_the_day = calibration_error(proba, actual)
    assert with_luck_that_lasts.draw_days > 20
    assert by_the_day.draw_days == 1.0
    assert by_the_day.calibrated_high < with_luck_that_lasts.calibrated_mean / 2
    assert by_the_day.beyond_chance


def test_luck_lasts_as_long_as_it_was_made_to(few_draws):
    """Flat probabilities and outcomes redrawn every so often: the days can be read back."""
    rng = np.random.default_rng(5)
    for days in (5, 40):
        anew = rng.random(25_000) < 1 / days
        said = np.array([0.5, 0.3, 0.2])
        outcome = rng.choice(3, p=said, size=25_001)[anew.cumsum()]
        actual = series(np.array(REGIMES, dtype=object)[outcome])
        found = calibration_error(frame(np.tile(said, (25_000, 1))), actual)
        assert found.draw_days == pytest.approx(days, rel=0.25)


def test_simulated_outcomes_come_true_as_often_as_said_and_whatever_lasts():
    rng = np.random.default_rng(6)
    said = rng.dirichlet([0.5, 0.5, 0.5], size=400)
    said[:20] = [0.0, 0.25, 0.75]  # what has no probability does not happen
    bins = np.tile(np.arange(400)[:, None], (1, 3))
    bins[:, 1:] += [400, 800]
    for keep in (0.0, 0.9):
        share = calibration_chance.simulated_counts(said, bins, 1200, keep, 500, 0).mean(axis=0)
        assert np.abs(share.reshape(3, 400).T - said).max() < 0.12
        assert np.abs(share.reshape(3, 400).T - said).mean() < 0.02
        assert (share[:20] == 0).all()


def test_the_covariance_of_two_days_luck_is_what_races_show():
    rng = np.random.default_rng(7)
    one, other = rng.dirichlet([1, 1, 1], size=2)
    times = rng.exponential(size=(400_000, 3))
    both = (times / one).argmin(axis=1) == (times / other).argmin(axis=1)
    won = (times / one).argmin(axis=1)
    races = [(both & (won == k)).mean() - one[k] * other[k] for k in range(3)]
    np.testing.assert_allclose(
        calibration_chance.shared_luck(one[None], other[None])[0], races, atol=3e-3
    )


def test_a_seed_gives_the_same_numbers_again_and_the_global_generator_is_left_alone(few_draws):
    proba, actual = history(1500, 8)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert calibration_error(proba, actual, seed=3) == calibration_error(proba, actual, seed=3)
    assert calibration_error(proba, actual, seed=3) != calibration_error(proba, actual, seed=4)
    one, again = (reliability(proba, actual, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(one, again)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_columns_are_found_by_name(few_draws):
    proba, actual = history(900, 9)
    turned = proba[[SMALL, MEGA, BROAD]]
    pd.testing.assert_frame_equal(reliability(turned, actual), reliability(proba, actual))
    assert calibration_error(turned, actual) == calibration_error(proba, actual)
    assert murphy(turned, actual) == murphy(proba, actual)


def test_fifty_years_take_less_than_two_seconds_of_work():
    proba, actual = history(12_600, 10)
    calibration_error(proba[:300], actual[:300])  # arch is imported on first use
    begin = time.process_time()
    calibration_error(proba, actual)
    reliability(proba, actual)
    assert time.process_time() - begin < 2


# In words -----------------------------------------------------------------------------


def test_when_we_said_seven_in_ten_counts_the_called_regime_only():
    proba = frame([[0.7, 0.2, 0.1], [0.1, 0.72, 0.18], [0.66, 0.3, 0.04], [0.3, 0.3, 0.4]])
    actual = series([MEGA, SMALL, SMALL, SMALL])
    found = when_we_said(proba, actual)
    assert found == pytest.approx(((0.7 + 0.72 + 0.66) / 3, 1 / 3, 3, 2))
    assert found.words == "When we said 69%, it was so 33% of the time: 3 days in 2 episodes."
    assert when_we_said(proba, actual, around=0.4, width=0.02) == pytest.approx((0.4, 1, 1, 1))


def test_what_was_never_said_has_no_share():
    nothing = when_we_said(frame([[0.5, 0.3, 0.2]]), series([MEGA]), around=0.9)
    assert nothing[2:] == (0, 0)
    assert np.isnan(nothing.said)
    assert np.isnan(nothing.so)
    assert nothing.words == "We never said so."


# The Brier score in parts -------------------------------------------------------------


def test_the_parts_of_a_brier_score_worked_by_hand():
    # Two kinds of days, each probability alone in its bin, outcomes 3:1 and 1:3.
    proba = frame([[0.75, 0.25, 0.0]] * 4 + [[0.25, 0.75, 0.0]] * 4)
    actual = series([MEGA] * 3 + [BROAD] + [MEGA] + [BROAD] * 3)
    parts = murphy(proba, actual)
    assert parts.reliability == pytest.approx(0.0)
    assert parts.resolution == pytest.approx(2 * 0.25**2)
    assert parts.uncertainty == pytest.approx(2 * 0.25)
    assert parts.brier == pytest.approx(0.375)
    assert parts.within_bins == pytest.approx(0.0)
    off = murphy(frame([[0.9, 0.1, 0.0]] * 4), series([MEGA] * 2 + [BROAD] * 2))
    assert (off.reliability, off.resolution) == pytest.approx((2 * 0.4**2, 0.0))


@given(ROWS, st.integers(1, 16))
@settings(max_examples=60, deadline=None)
def test_the_parts_add_up_to_the_brier_score_of_the_binned_probabilities(rows, n_bins):
    proba, actual = drawn(rows)
    binned = proba.copy()
    for name in REGIMES:
        number = np.minimum((proba[name] * n_bins).astype(int), n_bins - 1)
        binned[name] = proba[name].groupby(number).transform("mean")
    parts = murphy(proba, actual, n_bins=n_bins)
    assert parts.brier == pytest.approx(brier_score(binned, actual))
    assert parts.brier + parts.within_bins == pytest.approx(brier_score(proba, actual))
    assert min(parts.reliability, parts.resolution) >= 0


# What it refuses ----------------------------------------------------------------------


@pytest.mark.parametrize("judge", [reliability, calibration_error, when_we_said, murphy])
def test_rows_that_cannot_be_judged_are_refused_in_one_line(judge):
    proba, actual = history(30, 11)
    holes = proba.copy()
    holes.iloc[3, 0] = np.nan
    other = actual.copy()
    other.iloc[4] = None
    for wrong, says in (
        ((proba[:0], actual[:0]), "one at least"),
        ((proba, actual[1:]), "same days"),
        ((proba, actual.shift(1, freq="D")), "same days"),
        ((holes, actual), "between 0 and 1"),
        ((proba * 2, actual), "between 0 and 1"),
        ((proba, other), "Outcomes are"),
    ):
        with pytest.raises(EvaluationError, match=says) as error:
            judge(*wrong)
        assert "\n" not in str(error.value)
