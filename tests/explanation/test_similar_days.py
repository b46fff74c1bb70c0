"""Days like a day, and what followed them as far as it was known."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from regime.data.baskets import spliced_lead
from regime.exceptions import EvaluationError
from regime.explained import AHEAD, SIMILAR
from regime.labels.leadership import leadership_path, target
from regime.similar import APART, RECENT, similar_days
from regime.taxonomy import REGIMES


def naive(X, labels, day, n):
    """What `similar_days` says, a day and a feature at a time."""
    days = list(X.index)
    now = days.index(day)
    confirmed = [at for at in range(now + 1) if labels["confirmed_on"][days[at]] <= day]
    scaled = []
    for name in X:
        values = [float(value) for value in X[name]]
        seen = [values[at] for at in confirmed if np.isfinite(values[at])]
        if len(seen) * 2 >= len(confirmed) and np.isfinite(values[now]):
            low, middle, high = np.quantile(seen, [0.16, 0.5, 0.84])
            if high > low:
                z = [(value - middle) / ((high - low) / 2) for value in values]
                scaled.append([v if np.isnan(v) else min(4.0, max(-4.0, v)) for v in z])
    found = []
    for at in confirmed:
        squares = [(z[at] - z[now]) ** 2 for z in scaled]
        if now - at > RECENT and np.isfinite(sum(squares)):
            found.append((np.sqrt(sum(squares) / len(squares)), at))
    chosen = []
    for distance, at in sorted(found):
        if len(chosen) < n and all(abs(at - other) > APART for _, other in chosen):
            chosen.append((distance, at))
    return chosen


@pytest.fixture(scope="module")
def labelled(market):
    return leadership_path(spliced_lead(market, "french"), switching_cost=10.0)


@pytest.mark.parametrize("name", ["logistic", "default"])
@pytest.mark.parametrize("back", [1, 900, 2900])
def test_similar_days_are_the_nearest_by_brute_force(name, back, fitted, labelled):
    _, X, _ = fitted(name)
    day = X.index[-back]
    told = similar_days(X, labelled, day, n=8)
    expected = naive(X, labelled, day, 8)
    assert list(told) == SIMILAR
    assert list(told["date"]) == [X.index[at] for _, at in expected]
    assert_allclose(told["distance"], [distance for distance, _ in expected], atol=1e-12)
    later = target(labelled, AHEAD).loc[told["date"]]
    known = (later["confirmed_on"] <= day).to_numpy()
    assert list(told["followed"].notna()) == list(known)
    assert list(told["followed"][known]) == list(later["regime"][known])
    assert list(told["regime"]) == list(labelled["regime"][told["date"]])


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_days_like_a_day_keep_apart_and_tell_nothing_that_was_not_known(
    fitted, labelled, market, data
):
    _, X, _ = fitted("default")
    at = data.draw(st.integers(700, len(X) - 1))
    day, n = X.index[at], data.draw(st.integers(1, 30))
    told = similar_days(X, labelled, day, n=n)
    places = np.sort(X.index.get_indexer(told["date"]))
    assert len(told) <= n
    assert (np.diff(places) > APART).all()
    assert (at - places > RECENT).all()
    assert told["distance"].is_monotonic_increasing
    known = leadership_path(spliced_lead(market[:day], "french"), switching_cost=10.0)
    then = similar_days(X[:day], known, day, n=n)
    assert_frame_equal(told, then, check_exact=True)
    assert told.attrs == then.attrs == {"episodes": told["episode"].nunique()}


def two_features(n=1000):
    days = pd.bdate_range("2001-01-02", periods=n)
    random = np.random.default_rng(3)
    X = pd.DataFrame(random.normal(size=(n, 2)), days, ["a", "b"])
    regime = np.array(REGIMES, dtype=object)[np.arange(n) // 100 % 3]
    labels = pd.DataFrame({"regime": regime, "confirmed_on": days.to_series().shift(-40)}, days)
    return X, labels


def test_a_day_that_came_before_is_found_and_its_neighbours_are_not():
    X, labels = two_features()
    X.iloc[300:310] = X.iloc[-1].to_numpy()
    told = similar_days(X, labels, X.index[-1], n=5)
    assert told["date"][0] == X.index[300]
    assert told["distance"][0] == 0
    assert told["followed"][0] == labels["regime"].iloc[363]
    assert told["episode"][0] == X.index[300]
    assert (told["distance"][1:] > 0).all()


def test_what_followed_is_told_only_where_it_was_confirmed_by_the_day():
    """Labels of a later panel, confirmed after 100 sessions: 63 later is too late for some."""
    X, labels = two_features()
    labels["confirmed_on"] = X.index.to_series().shift(-100)
    day = X.index[700]
    X.iloc[[300, 570]] = X.loc[day].to_numpy()
    told = similar_days(X, labels, day, n=2).set_index("date")
    assert list(told.index) == [X.index[300], X.index[570]]
    assert told["regime"].notna().all()
    assert told.loc[X.index[300], "followed"] == labels["regime"].iloc[363]
    assert told.loc[X.index[570], ["followed", "episode"]].isna().all()
    assert similar_days(X, labels, day, n=2).attrs["episodes"] == 1


def test_days_whose_outcome_is_one_stretch_count_as_one_episode():
    X, labels = two_features()
    labels["regime"] = REGIMES[0]
    told = similar_days(X, labels, X.index[-1], n=10)
    assert len(told) > 5
    assert told.attrs["episodes"] == 1
    assert (told["episode"] == X.index[0]).all()


def test_one_wild_value_changes_no_other_day_s_distance_much():
    X, labels = two_features()
    calm = similar_days(X, labels, X.index[-1], n=3)
    X.iloc[10, 0] = 1e12
    assert_allclose(similar_days(X, labels, X.index[-1], n=3)["distance"], calm["distance"], 0.02)


def test_only_the_columns_that_are_asked_for_count():
    X, labels = two_features()
    alone = similar_days(X[["a"]], labels, X.index[-1])
    assert_frame_equal(similar_days(X, labels, X.index[-1], columns=["a"]), alone)
    with pytest.raises(EvaluationError, match="oil is not among"):
        similar_days(X, labels, X.index[-1], columns=["a", "oil"])


def test_where_there_is_nothing_to_compare_it_says_so_without_a_warning():
    X, labels = two_features()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(EvaluationError, match="half of the 0 days"):
            similar_days(X, labels, X.index[20])
        assert similar_days(X, labels, X.index[120]).empty
        X.iloc[-1] = np.nan
        with pytest.raises(EvaluationError, match="No feature is known"):
            similar_days(X, labels, X.index[-1])
    with pytest.raises(EvaluationError, match="no features of 2031-01-02"):
        similar_days(X, labels, pd.Timestamp("2031-01-02"))
