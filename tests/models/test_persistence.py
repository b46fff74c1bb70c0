"""Persistence against matrix powers taken one at a time."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regime.features.leadership import CONFIRMED, LEAD, SINCE_CONFIRMED, PathFeatures
from regime.labels.leadership import leadership_path, target
from regime.models.persistence import PersistenceClassifier
from regime.taxonomy import REGIMES

MEGA, BROAD, SMALL = REGIMES


def known(confirmed, since) -> pd.DataFrame:
    """Path features of days whose newest confirmed regime and its age are these."""
    rows = [[np.nan] * 3 if name is None else [float(name == r) for r in REGIMES]
            for name in confirmed]  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(CONFIRMED.values()), dtype=float)
    return frame.assign(**{SINCE_CONFIRMED: np.array(since, dtype=float)})


def trained_on(labels, horizon=0) -> PersistenceClassifier:
    return PersistenceClassifier(horizon).fit(
        known([MEGA] * len(labels), [1] * len(labels)), labels
    )


@given(
    st.lists(st.sampled_from(REGIMES), min_size=2, max_size=80),
    st.lists(st.tuples(st.sampled_from(REGIMES), st.integers(0, 90)), min_size=1, max_size=20),
    st.integers(0, 63),
)
@settings(max_examples=60, deadline=None)
def test_probabilities_are_rows_of_the_matrix_to_the_power_of_age_and_horizon(labels, days, ahead):
    labels = [*labels, *REGIMES]  # every regime occurs
    counted = {(a, b): 0 for a in REGIMES for b in REGIMES}
    for before, after in pairwise(labels):
        counted[before, after] += 1
    classes = sorted(REGIMES)
    matrix = np.array([[counted[a, b] for b in classes] for a in classes], dtype=float)
    for number, name in enumerate(classes):
        left = matrix[number].sum()
        matrix[number] = matrix[number] / left if left else np.eye(3)[classes.index(name)]
    model = trained_on(labels, horizon=ahead)
    assert list(model.classes_) == classes
    proba = model.predict_proba(known(*zip(*days, strict=True)))
    for row, (regime, since) in zip(proba, days, strict=True):
        expected = np.linalg.matrix_power(matrix, since + ahead)[classes.index(regime)]
        np.testing.assert_allclose(row, expected, atol=1e-12)


def test_a_regime_that_was_confirmed_today_is_certain_now():
    proba = trained_on([MEGA, MEGA, BROAD, SMALL, MEGA]).predict_proba(known([SMALL], [0]))
    assert dict(zip(sorted(REGIMES), proba[0], strict=True)) == {MEGA: 0.0, BROAD: 0.0, SMALL: 1.0}


def test_days_before_any_confirmation_get_the_frequencies_of_training():
    labels = [MEGA] * 5 + [BROAD] * 3 + [SMALL] * 2
    model = trained_on(labels, horizon=21)
    proba = pd.DataFrame(model.predict_proba(known([None, None], [np.nan] * 2)))
    expected = [labels.count(name) / 10 for name in sorted(REGIMES)]
    np.testing.assert_allclose(proba, [expected, expected])


def test_known_and_unknown_days_do_not_disturb_each_other():
    model = trained_on([MEGA, MEGA, BROAD, SMALL, MEGA], horizon=3)
    both = model.predict_proba(known([None, SMALL, None, MEGA], [np.nan, 4, np.nan, 40]))
    np.testing.assert_array_equal(both[1], model.predict_proba(known([SMALL], [4]))[0])
    np.testing.assert_array_equal(both[3], model.predict_proba(known([MEGA], [40]))[0])
    np.testing.assert_array_equal(both[0], model.prior_)


def test_a_regime_met_only_on_the_last_row_is_believed_to_stay():
    proba = trained_on([MEGA, BROAD, MEGA, SMALL]).predict_proba(known([SMALL], [500]))
    np.testing.assert_array_equal(proba, [[0.0, 0.0, 1.0]])


def test_far_ahead_the_newest_confirmed_regime_no_longer_matters():
    labels = list(np.random.default_rng(2).choice(REGIMES, size=400))
    proba = trained_on(labels, horizon=63).predict_proba(known(REGIMES, [200, 250, 300]))
    np.testing.assert_allclose(proba, np.tile(proba[0], (3, 1)), atol=1e-9)


def test_it_reads_the_path_features_of_a_market_and_no_later_day(leads):
    X = PathFeatures(5.0).fit_transform(leads.rename(columns=LEAD))
    label = target(leadership_path(leads, switching_cost=5.0), 21)
    settled = label["confirmed_on"] <= leads.index[600]
    model = PersistenceClassifier(21).fit(X[settled], label["regime"][settled])
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    np.testing.assert_array_equal(model.predict_proba(X[:700]), proba[:700])
    assert X[SINCE_CONFIRMED].isna().iloc[0]
    np.testing.assert_array_equal(proba[0], model.prior_)
    assert list(model.predict(X)) == list(model.classes_[proba.argmax(axis=1)])


def test_refitting_forgets():
    model = trained_on([MEGA, MEGA, BROAD, SMALL, MEGA])
    again = model.fit(known([MEGA] * 4, [1] * 4), [BROAD, SMALL, MEGA, BROAD])
    fresh = trained_on([BROAD, SMALL, MEGA, BROAD])
    np.testing.assert_array_equal(again.transition_, fresh.transition_)
    np.testing.assert_array_equal(again.prior_, fresh.prior_)


@pytest.mark.parametrize("missing", [SINCE_CONFIRMED, CONFIRMED[BROAD]])
def test_a_missing_column_is_named_at_fit_and_at_predict(missing):
    labels, X = list(REGIMES), known(REGIMES, [1, 1, 1])
    with pytest.raises(ValueError, match=rf"\['{missing}'\] are missing.*feature set 'path'"):
        PersistenceClassifier().fit(X.drop(columns=missing), labels)
    with pytest.raises(ValueError, match=missing):
        PersistenceClassifier().fit(X, labels).predict_proba(X.drop(columns=missing))


def test_an_array_without_names_is_refused():
    with pytest.raises(ValueError, match="are missing"):
        PersistenceClassifier().fit(np.zeros((3, 4)), list(REGIMES))
