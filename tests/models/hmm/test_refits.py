"""States are numbered alike after a refit, and a stored model comes back to the bit."""

import numpy as np
import pandas as pd
import pytest
from hmmlearn.hmm import GaussianHMM
from hypothesis import given, settings
from hypothesis import strategies as st
from models.hmm.simulated import NAMES, hmmlearn_twin, market
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from regime.models.filtering import forward_filter
from regime.models.hmm import GaussianHMMClassifier

# Refits -------------------------------------------------------------------------------


def renumbered(model, order):
    """The same model with its states in another order."""
    arrays = model.to_arrays()
    for name in ("startprob_", "means_", "covars_", "regime_given_state_"):
        arrays[name] = arrays[name][order]
    arrays["transmat_"] = arrays["transmat_"][np.ix_(order, order)]
    return GaussianHMMClassifier.from_arrays(model.get_params(), arrays)


@given(st.permutations([0, 1, 2]))
@settings(max_examples=6, deadline=None)
def test_whatever_the_numbering_of_a_refit_it_is_undone(order):
    X, y = market(1200)
    previous = FITS.setdefault("old", GaussianHMMClassifier(random_state=0).fit(X[:900], y[:900]))
    refit = FITS.setdefault("new", GaussianHMMClassifier(random_state=1).fit(X, y))
    shuffled = renumbered(refit, np.array(order))
    before = shuffled.predict_proba(X)
    assert shuffled.align_to(previous, X[:900]) is shuffled
    for name in ("startprob_", "transmat_", "means_", "covars_", "regime_given_state_"):
        assert_array_equal(getattr(shuffled, name), getattr(refit, name), err_msg=name)
    assert_allclose(shuffled.means_, previous.means_, atol=0.3)
    assert_allclose(shuffled.predict_proba(X), before, atol=1e-12)
    assert shuffled.health_["match_ambiguous"] is False
    assert shuffled.health_["match_overlap"] > 0.8
    assert shuffled.health_["match_moved"] == sum(place != i for i, place in enumerate(order))


FITS: dict[str, GaussianHMMClassifier] = {}


def test_states_that_have_nothing_to_do_with_each_other_are_flagged(days):
    X, y = days
    rng = np.random.default_rng(0)
    both = np.column_stack([X[:, 0], market(1500, seed=9)[0][:, 0]])
    one = GaussianHMMClassifier(random_state=0).fit(both[:, :1], y)
    unrelated = GaussianHMMClassifier(random_state=0).fit(rng.permutation(both)[:, 1:], y)
    unrelated.align_to(one, both[:, :1])
    assert unrelated.health_["match_ambiguous"] is True


def test_models_of_different_size_cannot_be_aligned(fitted, days):
    two = GaussianHMMClassifier(2, n_init=1, random_state=0).fit(*days)
    with pytest.raises(ValueError, match="as many states"):
        two.align_to(fitted, days[0])


# Storage ------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [NAMES, NAMES.astype(object), np.arange(3), np.arange(3.0)])
def test_a_stored_model_comes_back_to_the_bit_without_pickle(labels, days, tmp_path):
    X = pd.DataFrame(days[0], columns=["rates", "valuation"])
    y = labels[np.searchsorted(NAMES, days[1])]
    model = GaussianHMMClassifier(n_init=1, horizon=21, random_state=0).fit(X, y)
    model.align_to(model, X)
    np.savez(tmp_path / "hmm.npz", **model.to_arrays())
    with np.load(tmp_path / "hmm.npz", allow_pickle=False) as stored:
        back = GaussianHMMClassifier.from_arrays(model.get_params(), dict(stored))
    assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    assert_array_equal(back.predict(X), model.predict(X))
    assert back.get_params() == model.get_params()
    assert {**back.health_, "runner_up_gap": 0} == {**model.health_, "runner_up_gap": 0}
    assert [type(v) for v in back.health_.values()] == [type(v) for v in model.health_.values()]
    assert set(vars(back)) == set(vars(model))
    for name, array in model.to_arrays().items():
        assert_array_equal(back.to_arrays()[name], array, err_msg=name)
    with pytest.raises(ValueError, match="feature names"):
        back.predict(X[["valuation", "rates"]])


def test_the_arrays_alone_are_the_model(fitted, days):
    arrays = fitted.to_arrays()
    assert not any(isinstance(value, GaussianHMM) for value in vars(fitted).values())
    states = forward_filter(
        arrays["startprob_"],
        arrays["transmat_"],
        hmmlearn_twin(fitted)._compute_log_likelihood(days[0]),
    )
    assert_allclose(states.proba, fitted.state_proba(days[0]), atol=1e-10)


def test_a_missing_array_is_named(fitted):
    arrays = fitted.to_arrays()
    del arrays["covars_"]
    with pytest.raises(ValueError, match=r"\['covars_'\] are missing"):
        GaussianHMMClassifier.from_arrays(fitted.get_params(), arrays)


def test_what_is_stored_is_a_copy(days):
    model = GaussianHMMClassifier(n_init=1, random_state=0).fit(*days)
    before = model.predict_proba(days[0])
    arrays = model.to_arrays()
    back = GaussianHMMClassifier.from_arrays(model.get_params(), arrays)
    for array in arrays.values():
        if array.dtype == np.float64:
            array[...] = 0
    assert_array_equal(model.predict_proba(days[0]), before)
    assert_array_equal(back.predict_proba(days[0]), before)


def test_cloning_forgets(fitted):
    assert not hasattr(clone(fitted), "means_")
