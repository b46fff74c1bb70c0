"""Rows with gaps teach what complete ones cannot."""

import numpy as np
import pytest
from models.hmm_family.simulated import MEANS, assert_same_arrays, hmm, market
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import balanced_accuracy_score

from regime.models.hmm_starts import complete_stretches, learnable, random_starts, typical_units


def test_without_gaps_all_rows_and_complete_ones_are_the_same(days):
    one, other = (hmm(missing=how).fit(*days) for how in ("complete", "marginal"))
    assert_same_arrays(one, other)


def test_all_rows_teach_what_complete_ones_cannot():
    """Two features are never known on one day, or the second only lately."""
    X, states = market(3000, apart=2.0)
    never, lately = X.copy(), X.copy()
    never[::2, 0] = never[1::2, 1] = np.nan
    lately[:2950, 1] = np.nan
    with pytest.raises(ValueError, match="0 are such"):
        hmm().fit(never, states)
    model = hmm(missing="marginal", n_init=10).fit(never, states)
    assert_allclose(model.means_, 2.0 * MEANS, atol=0.35)
    assert model.health_["n_rows"] == 3000
    poor, rich = (hmm(missing=how, n_init=10).fit(lately, states) for how in HOW)
    assert poor.health_["n_rows"] == 50
    assert_allclose(rich.means_[:, 0], [-2.0, 0.0, 2.0], atol=0.4)
    right = [balanced_accuracy_score(states, one.predict(X)) for one in (poor, rich)]
    assert right[1] > right[0] + 0.1


HOW = ("complete", "marginal")


def test_time_passes_where_nothing_is_known():
    """Blocks of one state with half of the days between unknown: the states last longer."""
    sign = np.repeat(np.tile([-3.0, 3.0], 20), 30)
    rng = np.random.default_rng(0)
    X = (sign + rng.normal(size=1200))[:, None]
    X[rng.random(1200) < 0.5] = np.nan
    model = hmm(n_states=2, missing="marginal").fit(X, sign > 0)
    assert_allclose(1 / (1 - np.diag(model.transmat_)), 30, rtol=0.15)
    packed = hmm(n_states=2).fit(X[~np.isnan(X[:, 0])], sign[~np.isnan(X[:, 0])] > 0)
    assert (1 / (1 - np.diag(packed.transmat_)) < 20).all()


def test_units_of_rows_with_gaps_are_those_of_what_is_known():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 2)) @ np.array([[2.0, 1.0], [0.0, 1.0]]) + [5.0, -3.0]
    gaps = X.copy()
    gaps[rng.random(X.shape) < 0.2] = np.nan
    gaps[0] = 1e6, np.nan  # one wild value does not stretch them
    whole, found = typical_units(X), typical_units(gaps)
    assert_allclose(found[0], whole[0], atol=0.05)
    assert_allclose(found[1], whole[1], rtol=0.03)
    assert_allclose(np.diag(found[2]), np.diag(whole[2]), rtol=0.05)
    assert 0.6 < found[2][0, 1] / whole[2][0, 1] < 1.0
    assert np.linalg.eigvalsh(found[2]).min() > 0
    starts = random_starts((gaps - found[0]) / found[1], found[2], 3, 40, np.random.RandomState(0))
    assert np.isfinite(starts.means).all()
    assert np.linalg.eigvalsh(starts.covars).min() > 0


def test_wild_values_beside_gaps_are_named(days):
    X = days[0][:300].copy()
    X[5, 1], X[6, 1] = np.nan, 1e160
    with pytest.raises(ValueError, match=r"Feature 1 lies about .* reaches 1e\+160"):
        hmm(missing="marginal").fit(X, days[1][:300])


def test_a_feature_that_is_never_known_is_named():
    X = np.full((30, 2), np.nan)
    X[:, 0] = np.arange(30)
    with pytest.raises(ValueError, match="Feature 1 is unknown on all 30 rows"):
        hmm(missing="marginal").fit(X, np.arange(30) % 2)
    X[5:, 0] = np.nan
    with pytest.raises(ValueError, match=r"6 rows of which anything is known.*n_samples = 30"):
        hmm(missing="marginal").fit(X, np.arange(30) % 2)


def test_learnable_rows_are_the_complete_stretches_or_all():
    X = np.arange(40.0).reshape(20, 2)
    X[7] = np.nan
    at, lengths = learnable(X, "complete", 2)
    assert_array_equal(X[at], complete_stretches(X)[0])
    assert lengths == [7, 12]
    at, lengths = learnable(X, "marginal", 2)
    assert_array_equal(at, np.arange(20))
    assert lengths == [20]
