"""Every option keeps the laws of an estimator, and what does not go together is named."""

import numpy as np
import pytest
from models.hmm_family.simulated import assert_same_arrays, hmm
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from regime.models.hmm import GaussianHMMClassifier

ORDER_MATTERS = dict.fromkeys(
    ["check_methods_sample_order_invariance", "check_methods_subset_invariance"],
    "row t depends on the rows before it",
)
OPTIONS = {
    "student": {"emission": "student_t"},
    "student, diag": {"emission": "student_t", "covariance_type": "diag"},
    "sticky": {"stickiness": 50.0},
    "labels": {"start": "labels"},
    "labels, split": {"start": "labels", "n_states": 5},
    "labels, merged": {"start": "labels", "n_states": 2},
    "gaps": {"missing": "marginal"},
    "number": {"n_states": (2, 3)},
    "all": {
        "n_states": [2, 3, 4], "emission": "student_t", "stickiness": 20.0, "start": "labels",
        "missing": "marginal",
    },
}  # fmt: skip


# Laws ---------------------------------------------------------------------------------


@pytest.mark.long  # every check of every option; the default's run in contracts
@parametrize_with_checks(
    [
        hmm(n_init=2, emission="student_t"),
        hmm(n_init=2, emission="student_t", covariance_type="diag"),
        hmm(n_init=2, stickiness=1.0),  # the checks' rows are shuffled: nothing is sticky
        hmm(start="labels"),
        hmm(n_states=4, start="labels", missing="marginal"),  # few of the rows are complete
        hmm(n_init=2, missing="marginal"),
        hmm(n_init=2, n_states=(3, 4)),
        hmm(**{**OPTIONS["all"], "n_states": [3, 4], "stickiness": 1.0}),
    ],
    expected_failed_checks=lambda _: ORDER_MATTERS,
)
def test_it_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("options", "horizon"),
    [
        # Looking ahead is one step after the filter, for all of them the same.
        pytest.param(options, horizon, id=f"{name}-{horizon}",
                     marks=pytest.mark.long if horizon and name != "all" else ())
        for horizon in (0, 21) for name, options in OPTIONS.items()
        if horizon or name != "all"
    ] + [pytest.param(OPTIONS["all"], 0, id="all-0", marks=pytest.mark.long)],
)  # fmt: skip
def test_a_shorter_history_gives_the_same_bits(options, horizon, gappy):
    X, y = gappy
    model = hmm(horizon=horizon, **options).fit(X[:900], y[:900])
    whole, states = model.predict_proba(X), model.state_proba(X)
    assert_allclose(whole.sum(axis=1), 1.0, rtol=1e-12)
    for today in (*range(1, 20), 401, 404, 899, 900, 901, 1190):
        assert_array_equal(whole[:today], model.predict_proba(X[:today]))
    for day in (1, 403, 1000):
        assert_array_equal(model.state_proba(X[day : day + 1], before=states[day - 1])[0],
                           states[day])  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS.values(), ids=[*OPTIONS])
def test_the_same_seed_gives_the_same_bits_and_refitting_forgets(options, gappy):
    X, y = gappy
    one = hmm(**options).fit(X, y)
    other = hmm(**options).fit(X[:500, :1], y[:500]).fit(X, y)
    assert_same_arrays(one, other)
    first, second = (hmm(**options).fit_from(one, X, y) for _ in range(2))
    assert_same_arrays(first, second)
    assert first.n_states_ == one.n_states_
    assert first.health_["warm"] is True


@pytest.mark.parametrize("options", OPTIONS.values(), ids=[*OPTIONS])
def test_a_stored_model_comes_back_to_the_bit(options, gappy, tmp_path):
    X, y = gappy
    model = hmm(**options).fit(X, y)
    np.savez(tmp_path / "hmm.npz", **model.to_arrays())
    with np.load(tmp_path / "hmm.npz", allow_pickle=False) as stored:
        back = GaussianHMMClassifier.from_arrays(model.get_params(), dict(stored))
    assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    assert set(vars(back)) == set(vars(model))
    assert back.n_states_ == model.n_states_ == model.health_["n_states"]
    assert_same_arrays(hmm(**options).fit_from(model, X, y), hmm(**options).fit_from(back, X, y))


# What does not go together ------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "lacks"),
    [({"emission": "student_t"}, "no Student-t"), ({"missing": "marginal"}, "integrate out")],
)
def test_hmmlearn_is_not_asked_for_what_it_lacks(options, lacks, days):
    with pytest.raises(ValueError, match=rf'engine = "batched".*{lacks}'):
        hmm(engine="hmmlearn", **options).fit(*days)
    with pytest.raises(ValueError, match=lacks):  # before any work, for an experiment's sake
        hmm(engine="hmmlearn", **options)._validate_params()


@pytest.mark.parametrize(
    ("name", "value"),
    [("emission", "cauchy"), ("stickiness", -1.0), ("start", "kmeans"), ("missing", "mean")],
)
def test_an_impossible_option_is_named(name, value, days):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        hmm(**{name: value}).fit(*days)


def test_several_numbers_survive_cloning():
    assert clone(hmm(n_states=[2, 3])).n_states == [2, 3]
