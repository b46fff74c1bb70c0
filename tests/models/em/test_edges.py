"""Floors, collapsed states, rows far away or unknown, and arguments that contradict."""

import numpy as np
import pytest
from models.em.simulated import by_every_path, densities, starts
from numpy.testing import assert_allclose, assert_array_equal

from regime.models.em import Parameters, Prior, expectations, fit_batch
from regime.models.matrices import at_least


def test_rows_of_which_nothing_is_known_are_no_evidence():
    rng = np.random.default_rng(7)
    one = starts(rng, 2, 2, 2)
    X = rng.normal(size=(9, 2))
    X[3:5] = np.nan
    found = expectations(X, [9], one)
    for b in range(2):
        ahead = found.posteriors[b, 2:6].sum(axis=1)
        assert_allclose(ahead, 1)
    # at the end of a sequence they add nothing to the likelihood, nor to what is learned
    longer = np.vstack([X, np.full((4, 2), np.nan)])
    assert_allclose(expectations(longer, [13], one).log_likelihood, found.log_likelihood)
    fitted = fit_batch(longer, [13], one, n_iter=1, tol=0, starved=0).parameters
    assert_allclose(
        fitted.means, fit_batch(X, [9], one, n_iter=1, tol=0, starved=0).parameters.means
    )


def test_a_floor_whose_square_overflows_is_still_a_floor():
    floor = np.array([1e180, 1e-180])
    found = at_least(np.diag(floor / 4)[None, None], floor, full=True)
    assert_allclose(found[0, 0], np.diag(floor))


def test_variances_below_the_floor_are_raised_to_it_and_no_others():
    rng = np.random.default_rng(18)
    floor = np.array([0.5, 2.0, 1e-3])
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    units = np.sqrt(np.outer(floor, floor))
    spreads = np.array([[1.5, 2, 3], [0.2, 1.5, 3], [1e-9, 0.9, 0.5], [np.nan, 2, 3]])
    covars = ((turn * spreads[:, None]) @ turn.T * units)[None]
    raised = ((turn * np.maximum(spreads, 1)[:, None]) @ turn.T * units)[None]
    found = at_least(covars, floor, full=True)
    assert_array_equal(found[0, 0], covars[0, 0])
    assert_allclose(found[0, 1:3], raised[0, 1:3], rtol=1e-10, atol=1e-14)
    assert np.isnan(found[0, 3]).all()  # one that has none does not keep the others from theirs
    assert_array_equal(at_least(covars[:, :3], 0.0, full=True), covars[:, :3])


@pytest.mark.parametrize("n_rows", [1, 2])
def test_a_sample_of_a_row_or_two_ends_finite(n_rows):
    rng = np.random.default_rng(11)
    one = starts(rng, 5, 2, 2)
    found = fit_batch(rng.normal(size=(n_rows, 2)), [n_rows], one, n_iter=30)
    for name in ("startprob", "transmat", "means", "covars"):
        assert np.isfinite(getattr(found.parameters, name)).all()
    assert np.isfinite(found.log_likelihood).all()
    assert (found.collapsed > 0).all()


@pytest.mark.parametrize("floor", ["added", "least"])
def test_a_feature_that_never_moves_has_the_variance_of_the_floor(floor):
    rng = np.random.default_rng(13)
    X = np.column_stack([rng.normal(size=200), np.full(200, 7.0)])
    one = starts(rng, 3, 2, 2)
    found = fit_batch(X, [200], one, n_iter=10, prior=Prior(**{floor: 1e-3}), starved=0)
    assert_allclose(found.parameters.covars[:, :, 1, 1], 1e-3)
    assert (found.collapsed == 0).all()
    without = fit_batch(X, [200], one, n_iter=10)
    assert (without.collapsed == 2).all()
    assert np.isfinite(without.parameters.covars).all()


def test_a_row_impossibly_far_away_is_told_apart_in_logarithms():
    """Where every state in reach has a density that underflows beside one out of reach."""
    transmat = np.array([[[1 - 1e-12, 1e-12], [1e-12, 1 - 1e-12]]])
    one = Parameters(
        np.array([[1.0, 0.0]]), transmat, np.array([[[0.0], [100.0]]]), np.ones((1, 2, 1, 1))
    )
    X = np.array([[100.0], [0.0], [100.0], [100.0], [0.0]])
    found = expectations(X, [5], one)
    with np.errstate(divide="ignore"):
        whole, smoothed, moves = by_every_path(
            one.startprob[0], one.transmat[0], densities(X, one, 0, student=False)
        )
    assert_allclose(found.log_likelihood[0], whole, rtol=1e-12)
    assert_allclose(found.posteriors[0], smoothed, atol=1e-9)
    assert_allclose(found.moves[0], moves, atol=1e-9)


def test_a_collapsed_state_is_revived_from_the_rows_explained_worst():
    rng = np.random.default_rng(14)
    X = np.vstack(
        [rng.normal(size=(400, 2)), rng.normal(size=(60, 2)) + 12, rng.normal(size=(40, 2))]
    )
    far = Parameters(
        np.full((1, 2), 0.5), np.array([[[0.95, 0.05], [0.05, 0.95]]]),
        np.array([[[1.0, 1.0], [-900.0, 900.0]]]), np.stack([[16 * np.eye(2), 1e-2 * np.eye(2)]]),
    )  # fmt: skip
    left = fit_batch(X, [500], far, n_iter=100, revivals=0)
    assert (left.collapsed[0], left.revived[0]) == (1, 0)
    found = fit_batch(X, [500], far, n_iter=100)
    assert (found.collapsed[0], found.revived[0]) == (0, 1)
    assert found.converged[0]
    assert_allclose(np.sort(found.state_rows[0]), [60, 440], atol=0.5)
    assert found.log_likelihood[0] > left.log_likelihood[0] + 100


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lengths": [4]}, "add up"),
        ({"lengths": [10, 0]}, "at least 1"),
        ({"X": np.full((10, 2), np.inf)}, "infinite"),
        ({"X": np.full((10, 2), np.nan)}, "known value"),
        ({"X": np.zeros(10)}, "table"),
        ({"emission": "student_t"}, "degrees"),
        ({"means": np.zeros((2, 2, 3))}, "means"),
        ({"transmat": np.full((2, 2, 2), 0.4)}, "add up to 1"),
        ({"covars": np.zeros((2, 2, 2, 2))}, "positive definite"),
    ],
)
def test_contradictory_arguments_are_refused_by_name(change, words):
    rng = np.random.default_rng(16)
    arguments = {"X": rng.normal(size=(10, 2)), "lengths": [10]} | {
        key: change[key] for key in change if key in ("X", "lengths", "emission")
    }
    one = starts(rng, 2, 2, 2)
    one = Parameters(
        *(change.get(n, getattr(one, n)) for n in ("startprob", "transmat", "means", "covars"))
    )
    with pytest.raises(ValueError, match=words):
        fit_batch(arguments.pop("X"), arguments.pop("lengths"), one, **arguments)
