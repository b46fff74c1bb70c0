"""Drift: brute force over windows, known values, and how often an alarm is false."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.signal import lfilter

from regime.evaluation import calibration
from regime.evaluation.drift import JUDGED, WINDOW, feature_drift, judge_published
from regime.exceptions import EvaluationError
from regime.taxonomy import REGIMES

A_YEAR = 252


def persistent(n_days, n_features, seed, half_life=A_YEAR) -> pd.DataFrame:
    """Independent AR(1) features of unit variance."""
    rng = np.random.default_rng(seed)
    stay = 0.5 ** (1 / half_life)
    news = rng.normal(size=(n_days, n_features)) * np.sqrt(1 - stay**2)
    news[0] = rng.normal(size=n_features)
    return named(lfilter([1], [1, -stay], news, axis=0))


def named(values) -> pd.DataFrame:
    values = np.asarray(values, dtype=float).reshape(len(values), -1)
    days = pd.bdate_range("1950-01-02", periods=len(values))
    return pd.DataFrame(values, days, [f"x{number}" for number in range(values.shape[1])])


def split(frame, recent=WINDOW):
    return feature_drift(frame[:-recent], frame[-recent:])


def index_by_loop(here, there, edges) -> float:
    """The index as its definition says it, one bin after the other."""
    bins = [lambda x, low=low, high=high: low < x <= high
            for low, high in zip([-np.inf, *edges], [*edges, np.inf], strict=True)]  # fmt: skip
    bins.append(np.isnan)
    total = 0.0
    for holds in bins:
        one, other = (sum(1 for x in values if holds(x)) for values in (here, there))
        if one or other:
            p, q = (one + 0.5) / (len(here) + 0.5), (other + 0.5) / (len(there) + 0.5)
            total += (p - q) * np.log(p / q)
    return total


def edges_by_loop(values) -> list[float]:
    known = sorted(x for x in values if not np.isnan(x))
    deciles = [known[int(np.floor(k / 10 * (len(known) - 1)))] for k in range(1, 10)]
    edges = set(deciles)
    for one in deciles:
        if deciles.count(one) > 1:
            edges.add(float(np.nextafter(one, -np.inf)))
    return sorted(edges)


# One feature --------------------------------------------------------------------------

FEW = st.sampled_from([0.0, 1.0, 1.5, 2.0, 7.0, np.nan])
ANY = st.floats(-5, 5, width=32) | FEW


@given(arrays.arrays(float, 60, elements=ANY), arrays.arrays(float, 5, elements=ANY))
@settings(max_examples=40, deadline=None)
def test_index_and_rank_are_what_a_loop_over_days_and_windows_finds(values, news):
    values[0] = 0.5  # known from the first day
    found = feature_drift(named(values), named([*values, *news])[-5:])
    edges = edges_by_loop(values)
    psi = index_by_loop(news, values, edges)
    windows = [
        index_by_loop(values[at : at + 5], np.delete(values, slice(at, at + 5)), edges)
        for at in range(56)
    ]
    assert found.features["psi"].item() == pytest.approx(psi, abs=1e-9)
    clear = [one for one in windows if abs(one - psi) > 1e-9]
    assert found.features["rank"].item() == pytest.approx(sum(one < psi for one in clear) / 56)
    assert found.n_windows == 56
    assert found.psi == found.features["psi"].item()


def test_an_index_worked_by_hand():
    # Ten values, ten bins; the recent days are all in the last one.
    values = np.tile(np.arange(10.0), 10)
    found = feature_drift(named(values), named([*values, *[9.0] * 10])[-10:])
    many, none, all_of = (10 + 0.5) / 100.5, 0.5 / 10.5, 1.0
    by_hand = 9 * (none - many) * np.log(none / many) + (all_of - many) * np.log(all_of / many)
    assert found.psi == pytest.approx(by_hand)
    assert found.rank == 1.0  # every window of training holds each value once
    assert found.features["beyond"].item() == 0.0


@pytest.mark.parametrize("moved", [4.0, 6.0])
def test_a_constant_that_moves_either_way_is_seen_and_one_that_stays_is_not(moved):
    still = split(named(np.full(2000, 5.0)))
    assert (still.psi, still.rank) == (0.0, 0.0)
    gone = split(named([*[5.0] * 1874, *[moved] * 126]))
    assert gone.psi > 5
    assert gone.rank == 1.0
    assert gone.features["beyond"].item() == 1.0


def test_a_value_that_holds_several_deciles_is_a_bin_of_its_own():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(4000) < 0.5, 0.0, rng.normal(size=4000))
    values[-126:] = np.where(values[-126:] == 0.0, 1e-9, values[-126:])  # not zero any more
    assert split(named(values)).psi > 3
    values[-126:] = np.where(values[-126:] == 1e-9, 0.0, values[-126:])
    assert split(named(values)).psi < 0.3


# Missing values -----------------------------------------------------------------------


def test_a_feature_that_goes_missing_is_named_and_one_that_often_was_is_not():
    frame = named(np.random.default_rng(1).normal(size=(3000, 3)))
    frame.iloc[-70:, 0] = np.nan
    frame.iloc[-60:, 1] = np.nan  # on less than half of the days
    frame.iloc[::8, 2] = np.nan
    frame.iloc[-70:, 2] = np.nan
    found = split(frame)
    assert found.went_missing == ("x0",)
    assert found.features["missing_now"].tolist() == pytest.approx([70 / 126, 60 / 126, 0.6], 0.1)
    assert found.features.loc["x0", "psi"] > 2


def test_days_before_a_feature_began_are_not_missing_days():
    frame = persistent(6000, 2, 2)
    late = frame.copy()
    late.iloc[:2000, 1] = np.nan
    found = split(late)
    assert found.features.loc["x1", "missing_before"] == 0.0
    alone = split(late[2000:])
    assert found.features.loc["x1", "psi"] == alone.features.loc["x1", "psi"]
    assert found.features.loc["x1", "rank"] == alone.features.loc["x1", "rank"]


def test_windows_with_too_few_of_the_features_are_no_yardstick():
    frame = persistent(6000, 3, 2)
    frame.iloc[:2000, [1, 2]] = np.nan  # one of three is less than half
    assert split(frame).n_windows == 6000 - WINDOW - 2000 - WINDOW + 1
    frame.iloc[:, 1] = np.nan  # one of two is half
    assert split(frame).n_windows == 6000 - WINDOW - WINDOW + 1


def test_a_feature_that_training_never_knew_has_no_row():
    frame = persistent(3000, 2, 3)
    frame.iloc[:-126, 1] = np.nan
    assert list(split(frame).features.index) == ["x0"]
    nothing = split(frame[["x1"]])
    assert nothing.features.empty
    assert not nothing.is_unlike
    assert nothing.words == "There is no feature to compare."


@pytest.mark.parametrize("n_days", [0, 40, 10 * WINDOW - 1])
def test_a_short_history_gives_no_rank_and_raises_no_alarm(n_days):
    frame = persistent(n_days + WINDOW, 2, 4)
    frame[-WINDOW:] += 100
    found = split(frame)
    assert np.isnan(found.rank)
    assert not found.is_unlike
    assert found.features["rank"].isna().all()


# How often it is wrong, and how often it is right --------------------------------------


def alarms(n_seeds, n_features, *, shift=0.0, shifted=None, n_days=16_000, half_life=A_YEAR):
    """Shares of seeds 0, 1, ... with an alarm by rank, and by a mean index above 0.25."""
    by_rank, by_size = [], []
    for seed in range(n_seeds):
        frame = persistent(n_days + WINDOW, n_features, seed, half_life)
        frame.iloc[-WINDOW:, :shifted] += shift
        found = split(frame)
        by_rank.append(found.is_unlike)
        by_size.append(found.psi > 0.25)
    return np.mean(by_rank), np.mean(by_size)


def test_persistent_features_rarely_raise_an_alarm_where_a_fixed_threshold_always_does():
    by_rank, by_size = alarms(60, 10)
    assert by_rank <= 0.05
    assert by_size == 1.0


def test_a_shift_of_all_features_by_two_deviations_is_seen():
    assert alarms(12, 20, shift=2.0)[0] >= 0.9


@pytest.mark.long
def test_the_rates_in_the_documentation_are_those_of_200_histories():
    assert alarms(200, 40) == pytest.approx((0.015, 1.0), abs=0.006)
    assert alarms(200, 40, n_days=4000)[0] == pytest.approx(0.045, abs=0.006)
    assert alarms(100, 40, half_life=21)[0] == pytest.approx(0.01, abs=0.011)
    assert alarms(100, 40, shift=1.0)[0] == pytest.approx(0.87, abs=0.021)
    assert alarms(100, 40, shift=2.0)[0] == 1.0


def test_sixteen_thousand_days_of_forty_features_take_less_than_a_second():
    frame = persistent(16_000 + WINDOW, 40, 0)
    frame.iloc[:3000, :5] = np.nan
    begin = time.process_time()
    split(frame)
    assert time.process_time() - begin < 1


# What it refuses ----------------------------------------------------------------------


def test_what_cannot_be_compared_is_refused_in_one_line():
    frame = persistent(300, 2, 5)
    for training, recent, says in (
        (frame, frame[:0], "there are none"),
        (frame[:200], frame[200:][["x0"]], "lack x1"),
        (frame[:201], frame[200:], "earlier ones"),
    ):
        with pytest.raises(EvaluationError, match=says) as error:
            feature_drift(training, recent)
        assert "\n" not in str(error.value)


# What was published -------------------------------------------------------------------


def published(n_days=1500, *, every=100, horizon=0, wrong=False):
    """Leaders that follow one another, and what was said: 80% for one, right 4 times in 5."""
    days = pd.bdate_range("2010-01-04", periods=n_days)
    episode = np.arange(n_days) // every
    codes = episode % 3
    named_one = np.where(wrong | (episode % 5 == 4), (codes + 1) % 3, codes)
    said = np.full((n_days, 3), 0.1)
    said[np.arange(n_days), named_one] = 0.8
    rows = pd.DataFrame(said, columns=list(REGIMES)).assign(date=days, horizon=horizon)
    return rows, pd.Series(np.array(REGIMES, dtype=object)[codes], days)


def test_few_episodes_are_too_early_to_tell():
    rows, actual = published(650)
    (found,) = judge_published(rows, {0: actual})
    assert (found.n_days, found.n_episodes, found.error) == (650, 7, None)
    assert not found.is_off
    assert found.words.endswith("too early to tell: 7 episodes.")
    (none,) = judge_published(rows[:0], {0: actual})
    assert none.words.endswith("0 episodes.")


@pytest.mark.parametrize("horizon", [0, 21])
def test_confident_and_wrong_is_off_at_its_own_horizon(horizon, monkeypatch):
    monkeypatch.setattr(calibration, "RESAMPLES", 100)
    monkeypatch.setattr(calibration, "SIMULATIONS", 100)
    rows, actual = published(wrong=True, horizon=horizon)
    other, _ = published(horizon=63)
    off, right = judge_published(pd.concat([rows, other]), {horizon: actual, 63: actual})
    assert off.is_off
    assert off.words.count("episodes") == 1
    assert not right.is_off


def test_the_first_publication_of_a_day_counts_and_only_days_with_an_outcome(monkeypatch):
    monkeypatch.setattr(calibration, "RESAMPLES", 50)
    monkeypatch.setattr(calibration, "SIMULATIONS", 50)
    rows, actual = published(wrong=True)
    later, _ = published()
    known = actual.copy()
    known.iloc[-150:] = None
    (found,) = judge_published(pd.concat([rows, later], ignore_index=True), {0: known})
    assert found.n_days == 1350
    assert found.is_off
    rows, actual = published(3000)
    (newest,) = judge_published(rows, {0: actual})
    assert newest.n_days == JUDGED
