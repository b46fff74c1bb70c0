"""Student-t states, sticky ones, starts at the labels, rows with gaps, a number to be chosen."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_t
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from regime.models import hmm_choice, hmm_engines
from regime.models.hmm import GaussianHMMClassifier
from regime.models.hmm_choice import GAP, choose_n_states, fewest_of_the_best, row_losses
from regime.models.hmm_densities import student_t_log_density
from regime.models.hmm_labels import UNKNOWN, labelled_start, own_labels, split_or_merge
from regime.models.hmm_problem import Problem
from regime.models.hmm_starts import complete_stretches, learnable, random_starts, typical_units

ORDER_MATTERS = dict.fromkeys(
    ["check_methods_sample_order_invariance", "check_methods_subset_invariance"],
    "row t depends on the rows before it",
)
NAMES = np.array(["broadening", "mega_cap_led", "small_cap_led"])
MEANS = np.array([[-1.0, 0.0], [0.0, 1.0], [1.0, -0.5]])
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


def chain(n_rows, moves, seed):
    """Hidden states, the first of them the first."""
    rng, state = np.random.default_rng(seed), 0
    sums, states = np.cumsum(moves, axis=1), np.empty(n_rows, dtype=int)
    for row, draw in enumerate(rng.random(n_rows)):
        states[row] = state = min(int((sums[state] < draw).sum()), len(moves) - 1)
    return states


def sticky(n_states, stay=0.97):
    return np.full((n_states, n_states), (1 - stay) / (n_states - 1)) + np.eye(n_states) * (
        stay - (1 - stay) / (n_states - 1)
    )


def market(n_rows, apart=1.2, seed=1, degrees=np.inf, means=MEANS):
    """Rows of sticky states, and which state each is in."""
    states = chain(n_rows, sticky(len(means)), seed)
    rng = np.random.default_rng(seed + 1000)
    noise = rng.normal(size=(n_rows, means.shape[1]))
    if np.isfinite(degrees):
        noise /= np.sqrt(rng.chisquare(degrees, size=(n_rows, 1)) / degrees)
    return apart * means[states] + noise, states


@pytest.fixture(scope="module")
def days():
    X, states = market(1200)
    return X, NAMES[states]


@pytest.fixture(scope="module")
def gappy(days):
    X = days[0].copy()
    rng = np.random.default_rng(0)
    X[rng.random(X.shape) < 0.03] = np.nan
    X[400:405] = np.nan
    return X, days[1]


def hmm(**params):
    return GaussianHMMClassifier(**{"n_init": 3, "random_state": 0, **params})


def assert_same_arrays(one, other):
    arrays = other.to_arrays()
    assert one.to_arrays().keys() == arrays.keys()
    for name, array in one.to_arrays().items():
        assert_array_equal(array, arrays[name], err_msg=name)


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


# Student-t ----------------------------------------------------------------------------


def by_hand(X, model):
    """Log density of each row in each state, by scipy."""
    found = np.zeros((len(X), model.n_states_))
    for row, values in enumerate(X):
        at = np.flatnonzero(~np.isnan(values))
        for state in range(model.n_states_ if len(at) else 0):
            found[row, state] = multivariate_t(
                model.means_[state, at],
                model.covars_[state][np.ix_(at, at)],
                df=model.degrees_[state],
            ).logpdf(values[at])
    return found


@given(st.integers(1, 8), st.integers(1, 3), st.integers(1, 3), st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_student_t_filter_and_smoother_equal_the_sum_over_every_path(n, k, d, seed):
    rng = np.random.default_rng(seed)
    X = 3 * rng.standard_t(2, size=(n, d))
    X[rng.random(X.shape) < 0.3] = np.nan
    roots = rng.normal(size=(k, d, d))
    arrays = {
        "startprob_": rng.dirichlet(np.ones(k)), "transmat_": rng.dirichlet(np.ones(k), size=k),
        "means_": rng.normal(size=(k, d)), "regime_given_state_": np.eye(k),
        "covars_": roots @ roots.transpose(0, 2, 1) + 0.2 * np.eye(d),
        "degrees_": rng.uniform(0.6, 30, size=k), "classes_": np.arange(k),
        "n_features_in_": np.array(d),
    }  # fmt: skip
    params = {"n_states": k, "emission": "student_t"}
    model = GaussianHMMClassifier.from_arrays(params, arrays)
    logs = by_hand(X, model)
    for end in range(1, n + 1):
        last, whole = np.zeros(k), np.zeros((end, k))
        for path in product(range(k), repeat=end):
            p = arrays["startprob_"][path[0]] * np.exp(logs[np.arange(end), path].sum())
            for before, after in pairwise(path):
                p *= arrays["transmat_"][before, after]
            last[path[-1]] += p
            whole[np.arange(end), path] += p
        assert_allclose(model.state_proba(X)[end - 1], last / last.sum(), atol=1e-9)
    assert_allclose(model.smoothed_proba(X), whole / last.sum(), atol=1e-9)
    assert model.log_likelihood(X) == pytest.approx(np.log(last.sum()), rel=1e-9)


def test_the_likelihood_that_is_climbed_is_the_filters(gappy):
    X, y = gappy
    for options in ({"emission": "student_t"}, {}):
        model = hmm(missing="marginal", **options).fit(X, y)
        per_row = model.health_["log_likelihood_per_row"]
        assert model.health_["n_rows"] == (~np.isnan(X)).any(axis=1).sum() < len(X)
        assert per_row * model.health_["n_rows"] == pytest.approx(model.log_likelihood(X), rel=1e-9)


def test_degrees_of_freedom_are_found():
    X, states = market(4000, apart=4.0, degrees=4.0)
    model = hmm(emission="student_t").fit(X, states)
    assert ((model.degrees_ > 3) & (model.degrees_ < 5.5)).all()
    assert_allclose(model.covars_, np.tile(np.eye(2), (3, 1, 1)), atol=0.25)  # not 4 / (4 - 2)
    calm = hmm(emission="student_t").fit(*market(4000, apart=4.0))
    assert calm.degrees_.min() > 15


def test_heavy_tails_are_no_change_of_state_to_student_t_states():
    X, states = market(2500, apart=2.0, degrees=2.5, seed=4)
    gaussian, student = (hmm(emission=one, n_init=8).fit(X, states) for one in EMISSIONS)
    right = [balanced_accuracy_score(states, one.predict(X)) for one in (gaussian, student)]
    assert right[1] > right[0] + 0.03
    assert student.health_["log_likelihood_per_row"] > gaussian.health_["log_likelihood_per_row"]
    assert gaussian.degrees_ is None


EMISSIONS = ("gaussian", "student_t")


@pytest.mark.parametrize(("then", "now"), [EMISSIONS, EMISSIONS[::-1]])
def test_states_of_one_kind_go_on_from_states_of_the_other(then, now):
    X, states = market(1500, apart=2.5)
    before = hmm(emission=then).fit(X[:1400], states[:1400])
    after = hmm(emission=now).fit_from(before, X, states)
    assert (after.degrees_ is None) == (now == "gaussian")
    cold = hmm(emission=now, n_init=10).fit(X, states)
    per_row = "log_likelihood_per_row"
    assert after.health_[per_row] > cold.health_[per_row] - 1e-4


def test_degrees_are_renumbered_with_their_states(days):
    X, y = days
    model = hmm(emission="student_t").fit(X, y)
    arrays, order = model.to_arrays(), np.array([2, 0, 1])
    for name in ("startprob_", "means_", "covars_", "regime_given_state_", "degrees_"):
        arrays[name] = arrays[name][order]
    arrays["transmat_"] = arrays["transmat_"][np.ix_(order, order)]
    other = GaussianHMMClassifier.from_arrays(model.get_params(), arrays).align_to(model, X)
    assert_array_equal(other.degrees_, model.degrees_)
    assert other.health_["match_moved"] == 3


def test_student_t_states_cannot_be_restored_without_their_degrees(days):
    model = hmm(emission="student_t", n_init=1).fit(*days)
    arrays = model.to_arrays()
    del arrays["degrees_"]
    with pytest.raises(ValueError, match=r"\['degrees_'\] are missing"):
        GaussianHMMClassifier.from_arrays(model.get_params(), arrays)


def test_a_scale_matrix_that_is_none_is_named():
    flat = np.zeros((1, 2, 2))
    with pytest.raises(ValueError, match=r"scale matrix of state 0.*Raise min_covar"):
        student_t_log_density(np.zeros((3, 2)), np.zeros((1, 2)), flat, np.ones(1))


# Stickiness ---------------------------------------------------------------------------


def switches(model, X):
    return int((np.diff(model.state_proba(X).argmax(axis=1)) != 0).sum())


def test_a_sticky_prior_lowers_switching():
    flips, stays = np.zeros((2, 3))
    for seed in range(5):
        X, states = market(300, apart=0.5, seed=seed)
        for number, rows in enumerate((0.0, 100.0, 2000.0)):
            model = hmm(stickiness=rows).fit(X, states)
            flips[number] += switches(model, X)
            stays[number] += np.diag(model.transmat_).mean() / 5
    assert flips[1] < 0.5 * flips[0]
    assert flips[2] < flips[1]
    assert stays[0] < stays[1] - 0.05
    assert stays[2] > 0.999


def test_hmmlearn_is_as_sticky(days):
    X, y = days
    tight = {"tol": 1e-13, "n_iter": 5000, "stickiness": 80.0, "n_init": 2}
    ours, theirs = (hmm(engine=one, **tight).fit(X, y) for one in ("batched", "hmmlearn"))
    assert_allclose(ours.transmat_, theirs.transmat_, atol=1e-4)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)


def test_what_is_compared_is_likelihood_and_prior_together(days):
    """A start that flips, and is likelier for it, loses against the one that was asked for."""
    X = days[0]
    problem = Problem(X, [len(X)], np.eye(2), True, 1e-3, 200, 1e-5, stickiness=10.0)
    logs, moves = np.array([-5.0, -8.0]), np.array([sticky(3, 0.5), sticky(3, 0.98)])
    worth = problem.worth(logs, moves)
    assert_allclose(worth, logs + 30 * np.log([0.5, 0.98]))
    assert worth[1] > worth[0]


# Starts at the labels -----------------------------------------------------------------


def problem_of(X, lengths=None):
    centre, scale, pooled = typical_units(X)
    return Problem((X - centre) / scale, lengths or [len(X)], pooled, True, 1e-3, 200, 1e-5)


@pytest.mark.parametrize("horizon", [0, 21])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
def test_states_that_start_at_the_labels_are_found_in_the_order_of_the_names(order, horizon):
    X, states = market(1500, apart=2.0, means=MEANS[order])
    y = NAMES[states]
    model = hmm(start="labels", horizon=horizon).fit(X[: len(X) - horizon], y[horizon:])
    assert balanced_accuracy_score(states, model.state_proba(X).argmax(axis=1)) > 0.9
    assert_allclose(model.means_, 2.0 * MEANS[order], atol=0.3)
    assert model.health_["n_starts"] == 1


def test_a_row_s_own_label_is_the_one_that_came_horizon_rows_before():
    codes = np.array([4, 5, 6, 7])
    assert_array_equal(own_labels(codes, 0), codes)
    assert_array_equal(own_labels(codes, 1), [UNKNOWN, 4, 5, 6])
    assert_array_equal(own_labels(codes, 9), [UNKNOWN] * 4)


def test_labels_later_than_the_rows_are_not_used():
    """The last `horizon` labels are of rows after training: what they say of today is unknown."""
    X, states = market(600)
    one, other = NAMES[states], NAMES[states].copy()
    other[-21:] = NAMES[0]
    fits = [hmm(start="labels", horizon=21, n_iter=1).fit(X, y) for y in (one, other)]
    assert_array_equal(fits[0].means_, fits[1].means_)
    assert np.abs(fits[0].regime_given_state_ - fits[1].regime_given_state_).max() > 0


def test_the_start_is_the_moments_of_each_regime():
    X, states = market(3000)
    problem = problem_of(X)
    start = labelled_start(problem, states, 3)
    for state in range(3):
        rows = problem.rows[states == state]
        assert_allclose(start.means[0, state], rows.mean(axis=0))
        assert_allclose(start.covars[0, state], np.cov(rows.T), atol=0.02)
    assert_allclose(start.transmat[0], sticky(3), atol=0.02)


def test_what_follows_a_gap_is_no_move():
    X, _ = market(40)
    own = np.repeat([0, 1], 20)
    joined = labelled_start(problem_of(X), own, 2).transmat[0]
    apart = labelled_start(problem_of(X, [20, 20]), own, 2).transmat[0]
    assert apart[0, 1] < joined[0, 1]


def test_a_regime_of_two_kinds_is_split_between_them():
    """Four planted states behind three names: the second of the most common name is found."""
    means = np.array([[-2.0, 0.0], [0.0, 2.5], [2.0, -1.0], [0.0, -3.0]])
    X, states = market(3000, means=means)
    names = np.array([1, 0, 2, 1])[states]
    first = split_or_merge(problem_of(X), names, 4)
    assert_array_equal(np.unique(first[names == 0]), [0])
    assert_array_equal(np.unique(first[names == 1]), [1, 2])
    model = hmm(n_states=4, start="labels").fit(X, names)
    assert_array_equal(model.regime_given_state_.argmax(axis=1), [0, 1, 1, 2])
    found = {tuple(np.round(mean).astype(int)) for mean in model.means_}
    assert len(found) == 4
    assert balanced_accuracy_score(names, model.predict(X)) > 0.95


def test_calm_and_turbulent_rows_of_one_regime_are_told_apart():
    rng = np.random.default_rng(0)
    wild = np.repeat(np.arange(50) % 2, 20) == 1
    X = rng.normal(size=(1000, 2)) * np.where(wild, 4.0, 1.0)[:, None]
    first = split_or_merge(problem_of(X), np.zeros(1000, dtype=int), 2)
    assert balanced_accuracy_score(wild, first == first[wild].max()) > 0.95


def test_regimes_that_lie_nearest_share_a_state():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], 200)
    X = np.array([0.0, 5.0, 1.0])[codes, None] + rng.normal(size=(600, 1))
    first = split_or_merge(problem_of(X), codes, 2)
    assert_array_equal(first, np.where(codes == 1, 1, 0))


@given(st.integers(1, 8), st.integers(1, 4), st.integers(8, 60), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_every_state_starts_with_rows_and_every_labelled_row_with_a_state(k, r, n, seed):
    rng = np.random.default_rng(seed)
    own = np.sort(rng.integers(0, r, size=n)) if seed % 2 else rng.integers(0, r, size=n)
    X = rng.normal(size=(n, 2))
    X[rng.random(X.shape) < 0.2] = np.nan
    X[0] = 0.0
    first = split_or_merge(problem_of(X), own, k)
    assert_array_equal(np.unique(first), np.arange(k))
    if k >= len(np.unique(own)):  # no state of two regimes, in the regimes' order
        pairs = {(state, regime) for state, regime in zip(first, own, strict=True)}
        assert len(pairs) == k
        assert [regime for _, regime in sorted(pairs)] == sorted(regime for _, regime in pairs)


def test_without_labels_of_their_own_rows_it_says_what_to_do(days):
    X, y = days
    with pytest.raises(ValueError, match=r"n_samples = 20 rows, 1 have one.*shorter horizon"):
        hmm(start="labels", horizon=19).fit(X[:20], y[:20])


def test_the_labels_challenge_the_model_that_is_carried_on(days):
    X, y = days
    before = hmm(start="labels").fit(X[:1000], y[:1000])
    after = hmm(start="labels").fit_from(before, X, y)
    alone = hmm(start="labels", n_challengers=0).fit_from(before, X, y)
    assert after.health_["n_starts"] == 2
    assert alone.health_["n_starts"] == 1
    assert np.isfinite(after.health_["challenger_gain"])
    poor = hmm(start="labels").fit(X[:1000], y[:1000])
    poor.means_ = np.repeat(X.mean(axis=0)[None], 3, axis=0)  # three states that are one
    poor.covars_ = np.repeat(np.cov(X.T)[None], 3, axis=0)
    poor.startprob_, poor.transmat_ = np.full(3, 1 / 3), np.full((3, 3), 1 / 3)
    rescued = hmm(start="labels").fit_from(poor, X, y)
    assert rescued.health_["challenger_gain"] > 0.1
    assert_allclose(
        rescued.health_["log_likelihood_per_row"],
        after.health_["log_likelihood_per_row"],
        atol=1e-4,
    )


# Gaps ---------------------------------------------------------------------------------


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


# How many -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))]
)
def test_three_planted_states_of_three_regimes_are_chosen(seed):
    X, states = market(3000, apart=1.5, seed=seed)
    model = hmm(n_states=[1, 2, 3, 4, 5]).fit(X, NAMES[states])
    assert model.n_states_ == model.health_["n_states"] == 3
    same = hmm(n_states=3).fit(X, NAMES[states])
    assert_array_equal(model.means_, same.means_)
    assert model.means_.shape == (3, 2)


def test_states_that_are_no_regimes_are_not_worth_having():
    """Planted states that all go with the same coin: one state says as much as three."""
    X, _ = market(2000, apart=2.0)
    y = np.random.default_rng(0).integers(0, 2, size=2000)
    assert hmm(n_states=(3, 2, 1)).fit(X, y).n_states_ == 1


def test_the_number_is_kept_when_going_on(days, monkeypatch):
    X, y = days
    before = hmm(n_states=(2, 3, 4)).fit(X[:1000], y[:1000])
    monkeypatch.setattr("regime.models.hmm.choose_n_states", None)
    after = hmm(n_states=(2, 3, 4)).fit_from(before, X, y)
    assert after.n_states_ == before.n_states_
    with pytest.raises(ValueError, match="of 5 states and 2 features cannot go on"):
        hmm(n_states=(5, 6)).fit_from(before, X, y)


def test_the_earlier_rows_are_fitted_and_the_later_ones_judge(days, monkeypatch):
    X, y = days
    seen = []

    class Spy(GaussianHMMClassifier):
        def fit(self, X, y):
            seen.append((self.n_states, len(X), X[-1]))
            return super().fit(X, y)

    judged = []
    monkeypatch.setattr(
        hmm_choice, "row_losses", lambda proba, c, y: judged.append(y) or row_losses(proba, c, y)
    )
    choose_n_states(Spy(n_init=1, random_state=0), [3, 2, 3], X, y)
    assert [(k, n) for k, n, _ in seen] == [(2, 840 - GAP), (3, 840 - GAP)]
    assert_array_equal(seen[0][2], X[840 - GAP - 1])
    assert_array_equal(judged[0], y[840:])
    seen.clear()
    choose_n_states(Spy(n_init=1, horizon=100, random_state=0), [3, 2], X, y)
    assert {n for _, n, _ in seen} == {740}  # no label of an earlier row is of a later one


def test_too_few_rows_to_tell_choose_the_fewest(days):
    X, y = days
    assert hmm(n_states=[3, 2]).fit(X[:120], y[:120]).n_states_ == 2
    assert hmm(n_states=[4, 2]).fit(X[:125], y[:125]).n_states_ == 2  # three earlier rows
    gone = X.copy()
    gone[:800] = np.nan  # nothing to learn from among the earlier rows
    assert hmm(n_states=[3, 2], missing="complete").fit(gone, y).n_states_ == 2


def test_a_feature_that_begins_late_does_not_stop_the_choice():
    X, states = market(3000, apart=1.5)
    late = np.column_stack([X, np.where(np.arange(3000) < 2500, np.nan, X[:, 0])])
    assert hmm(n_states=[2, 3], missing="marginal").fit(late, states).n_states_ == 3


def test_a_near_tie_goes_to_fewer_states():
    rng = np.random.default_rng(0)
    base = rng.normal(size=20 * GAP)
    noise = np.repeat(rng.normal(size=20), GAP)
    noise -= noise.mean()
    assert fewest_of_the_best({2: base + 0.1 + noise, 3: base}) == 2  # 20 blocks, not 1680 rows
    assert fewest_of_the_best({2: base + 0.5 + 0.1 * noise, 3: base}) == 3
    assert fewest_of_the_best({2: base, 3: base}) == 2
    assert fewest_of_the_best({2: base, 3: base - 1.0, 4: base - 1.0 - 1e-9 * noise}) == 3
    assert fewest_of_the_best({2: base[:100], 3: base[:100] - 5.0}) == 2  # one block
    assert fewest_of_the_best({5: np.full(300, np.nan), 4: np.full(300, np.nan)}) == 4


def test_a_class_that_no_earlier_row_had_is_left_out():
    proba = np.array([[0.25, 0.75], [0.5, 0.5], [0.1, 0.9]])
    losses = row_losses(proba, np.array([0, 2]), np.array([2, 1, 0]))
    assert_allclose(losses, [-np.log(0.75), np.nan, -np.log(0.1)])


@pytest.mark.parametrize("n_states", [[], [2, 0], [2.5, 3], ["2"], [True, 2], "23"])
def test_what_is_no_number_of_states_is_named(n_states, days):
    with pytest.raises(ValueError, match="'n_states' parameter"):
        hmm(n_states=n_states).fit(*days)


def test_another_number_than_before_is_an_ambiguous_match(days):
    X, y = days
    two, three = hmm(n_states=2).fit(X, y), hmm(n_states=(3, 4)).fit(X, y)
    before = three.predict_proba(X)
    assert three.align_to(two, X).health_["match_ambiguous"] is True
    assert three.health_["match_moved"] == 0
    assert_array_equal(three.predict_proba(X), before)
    with pytest.raises(ValueError, match="as many states"):
        hmm(n_states=3).fit(X, y).align_to(two, X)


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


# Leads --------------------------------------------------------------------------------


@pytest.mark.parametrize("emission", EMISSIONS)
@pytest.mark.parametrize("covariance_type", ["full", "diag"])
def test_leads_that_nearly_add_up_are_states_like_any_other(covariance_type, emission):
    """Excess returns of three baskets add up to zero but for their scales."""
    means = np.array([[0.6, -0.2, -0.4], [-0.2, 0.5, -0.3], [-0.4, -0.3, 0.7]])
    X, states = market(3000, apart=2.0, means=means)
    X = np.column_stack([X - X.mean(axis=1, keepdims=True), market(3000, seed=8)[0][:, 0]])
    X[:, 2] *= 1 + 1e-6 * np.sin(np.arange(3000))
    model = hmm(covariance_type=covariance_type, emission=emission).fit(X, NAMES[states])
    assert model.health_["n_finite"] == 3
    assert model.health_["non_monotone"] is False
    assert model.health_["smallest_eigenvalue"] > 5e-4
    assert balanced_accuracy_score(NAMES[states], model.predict(X)) > 0.8


def test_patience_of_challengers_counts_stickiness_too(days, monkeypatch):
    X, y = days
    before = hmm(stickiness=30.0).fit(X[:1000], y[:1000])
    after = hmm(stickiness=30.0).fit_from(before, X, y)
    cold = hmm(stickiness=30.0, n_init=10).fit(X, y)
    monkeypatch.setattr(hmm_engines, "BEHIND", np.inf)
    patient = hmm(stickiness=30.0).fit_from(before, X, y)
    assert_allclose(after.transmat_, patient.transmat_, atol=1e-3)
    assert_allclose(after.transmat_, cold.transmat_, atol=1e-2)
