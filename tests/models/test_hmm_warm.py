"""A refit that goes on from the fit before it ends where a fit from nothing does, sooner."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from regime.models import hmm_engines
from regime.models.hmm import GaussianHMMClassifier
from regime.models.hmm_problem import Problem
from regime.models.hmm_starts import complete_stretches, random_starts, typical_units

NAMES = np.array(["broadening", "mega_cap_led", "small_cap_led"])
# Gains of the objective fade as the square of what the parameters still lack.
TIGHT = {"tol": 1e-13, "n_iter": 5000}


def market(n_rows, apart=1.2, seed=1):
    """Rows of three sticky states and the names of the states."""
    rng = np.random.default_rng(seed)
    moves = np.array([[0.97, 0.02, 0.01], [0.01, 0.97, 0.02], [0.02, 0.01, 0.97]]).cumsum(axis=1)
    state, states = 0, np.empty(n_rows, dtype=int)
    for row, draw in enumerate(rng.random(n_rows)):
        states[row] = state = min(int((moves[state] < draw).sum()), 2)
    means = apart * np.array([[-1.0, 0.0], [0.0, 1.0], [1.0, -0.5]])
    spread = np.array([1.0, 1.3, 0.7])[states, None]
    return means[states] + spread * rng.normal(size=(n_rows, 2)), NAMES[states]


@pytest.fixture(scope="module")
def days():
    return market(1500)


def problem_of(X, covariance_type="full"):
    rows, lengths = complete_stretches(X)
    centre, scale, pooled = typical_units(rows)
    said = {
        "rows": (rows - centre) / scale, "lengths": lengths, "pooled": pooled,
        "full": covariance_type == "full", "min_covar": 1e-3,
    }  # fmt: skip
    return Problem(**said, **TIGHT)


# Engines ------------------------------------------------------------------------------


@pytest.mark.parametrize("covariance_type", ["full", "diag"])
def test_both_engines_end_at_the_same_optimum_from_every_start(covariance_type, days):
    X = days[0].copy()
    X[700:720, 1] = np.nan  # two stretches
    problem = problem_of(X, covariance_type)
    starts = random_starts(problem.rows, problem.pooled, 3, 4, np.random.RandomState(3))
    ours = hmm_engines.carry(problem, starts, "batched")
    theirs = hmm_engines.carry(problem, starts, "hmmlearn")
    assert len(ours) == len(theirs) == 4
    for one, other in zip(ours, theirs, strict=True):
        assert one.converged
        assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-9)
        assert_allclose(one.means, other.means, atol=2e-4)
        assert_allclose(one.covars, other.covars, atol=2e-4)
        assert_allclose(one.transmat, other.transmat, atol=2e-4)
        assert one.smallest_state_rows == pytest.approx(other.smallest_state_rows, rel=1e-3)


def test_the_engine_does_not_matter_to_the_classifier(days):
    X, y = days
    ours, theirs = (
        GaussianHMMClassifier(n_init=2, engine=engine, random_state=0, **TIGHT).fit(X, y)
        for engine in ("batched", "hmmlearn")
    )
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)
    assert ours.health_.keys() == theirs.health_.keys()


def test_an_unknown_engine_is_named(days):
    with pytest.raises(ValueError, match=r"'engine' parameter.*must be a str among"):
        GaussianHMMClassifier(engine="pomegranate").fit(*days)


# Going on -----------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["batched", "hmmlearn"])
def test_going_on_over_the_same_rows_changes_nothing(engine, days):
    X, y = days
    before = GaussianHMMClassifier(n_challengers=0, engine=engine, random_state=0, **TIGHT)
    before.fit(X, y)
    after = GaussianHMMClassifier(n_challengers=0, engine=engine, random_state=0, **TIGHT)
    after.fit_from(before, X, y)
    assert after.health_["iterations"] <= 2
    assert after.health_["warm"] is True
    assert before.health_["warm"] is False
    assert_allclose(after.means_, before.means_, atol=1e-5)
    assert_allclose(after.predict_proba(X), before.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_a_month_later_it_ends_where_ten_fits_from_nothing_do(seed):
    X, y = market(1600, seed=seed)
    before = GaussianHMMClassifier(n_init=10, random_state=seed).fit(X[:1579], y[:1579])
    warm = GaussianHMMClassifier(random_state=seed).fit_from(before, X, y)
    cold = GaussianHMMClassifier(n_init=10, random_state=seed).fit(X, y)
    lost = cold.health_["log_likelihood_per_row"] - warm.health_["log_likelihood_per_row"]
    assert lost < 1e-4
    assert warm.health_["match_overlap"] > 0.95


def test_challengers_leave_an_optimum_that_has_become_the_lesser_one(days):
    X, y = days
    poor = GaussianHMMClassifier(n_init=1, random_state=0).fit(X, y)
    poor.means_ = np.repeat(X.mean(axis=0)[None], 3, axis=0)  # three states that are one
    poor.covars_ = np.repeat(np.cov(X.T)[None], 3, axis=0)
    poor.startprob_, poor.transmat_ = np.full(3, 1 / 3), np.full((3, 3), 1 / 3)
    stuck = GaussianHMMClassifier(n_challengers=0, random_state=0).fit_from(poor, X, y)
    free = GaussianHMMClassifier(n_challengers=4, random_state=0).fit_from(poor, X, y)
    best = GaussianHMMClassifier(n_init=10, random_state=1).fit(X, y)
    per_row = "log_likelihood_per_row"
    assert stuck.health_[per_row] < best.health_[per_row] - 0.1
    assert free.health_[per_row] > best.health_[per_row] - 1e-4
    assert free.health_["challenger_gain"] > 0.1
    assert free.health_["n_starts"] == 5


def test_challengers_are_other_segments_at_every_refit_and_the_same_at_the_same_one(
    days, monkeypatch
):
    X, y = days
    before = GaussianHMMClassifier(random_state=0).fit(X, y)
    seen = []
    real = hmm_engines._batched

    def spy(problem, starts, n_iter):
        seen.append(starts.means[1:] * 1.0)
        return real(problem, starts, n_iter)

    monkeypatch.setattr(hmm_engines, "_batched", spy)

    def challengers(n_rows):
        seen.clear()
        GaussianHMMClassifier(random_state=0).fit_from(before, X[:n_rows], y[:n_rows])
        return seen[0]

    assert_array_equal(challengers(1400), challengers(1400))
    assert np.abs(challengers(1400) - challengers(1401)).max() > 0.1


def test_states_keep_the_numbers_the_model_before_gave_them(days):
    X, y = days
    before = GaussianHMMClassifier(random_state=0).fit(X[:1400], y[:1400])
    order = np.array([2, 0, 1])
    for name in ("startprob_", "transmat_", "means_", "covars_", "regime_given_state_"):
        setattr(before, name, getattr(before, name)[order])
    before.transmat_ = before.transmat_[:, order]
    after = GaussianHMMClassifier(random_state=0).fit_from(before, X, y)
    assert_allclose(after.means_, before.means_, atol=0.2)
    assert after.health_["match_moved"] > 0
    assert after.health_["match_ambiguous"] is False


def test_other_units_since_the_fit_before_do_not_matter(days):
    """What is carried on are the states in the features' own units."""
    X, y = days
    before = GaussianHMMClassifier(random_state=0).fit(X[:1400], y[:1400])
    grown = X.copy()
    grown[1400:] *= 4  # the typical spread of the whole is another now
    after = GaussianHMMClassifier(n_challengers=0, random_state=0).fit_from(before, grown, y)
    assert_allclose(after.means_[0], before.means_[0], atol=1.0)


@pytest.mark.parametrize(
    ("n_states", "n_features", "found"), [(4, 2, "3 states and 2"), (3, 1, "3 states and 2")]
)
def test_a_model_of_another_shape_is_nothing_to_go_on_from(n_states, n_features, found, days):
    X, y = days
    before = GaussianHMMClassifier(random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=f"cannot go on from one of {found} features"):
        GaussianHMMClassifier(n_states).fit_from(before, X[:, :n_features], y)


@pytest.mark.parametrize("covariance_type", ["full", "diag"])
def test_a_new_day_is_one_step_and_to_the_bit_the_last_of_all(covariance_type, days):
    X, y = days
    model = GaussianHMMClassifier(covariance_type=covariance_type, random_state=0).fit(X, y)
    whole = model.state_proba(X)
    for day in (1, 700, 1499):
        gone_on = model.state_proba(X[day : day + 1], before=whole[day - 1])
        assert_array_equal(gone_on[0], whole[day])
    assert_array_equal(model.state_proba(X[800:], before=whole[799]), whole[800:])
    proba = model.predict_proba(X)
    assert_array_equal(model.predict_proba(X[800:], before=whole[799]), proba[800:])


def test_going_on_is_reproducible_to_the_bit(days):
    X, y = days
    before = GaussianHMMClassifier(random_state=0).fit(X[:1400], y[:1400])
    one, other = (GaussianHMMClassifier(random_state=0).fit_from(before, X, y) for _ in range(2))
    for name, array in one.to_arrays().items():
        assert_array_equal(array, other.to_arrays()[name], err_msg=name)


def test_a_model_can_go_on_from_itself_and_keeps_its_numbers(days):
    X, y = days
    model = GaussianHMMClassifier(random_state=0).fit(X[:1400], y[:1400])
    order = np.array([2, 0, 1])
    for name in ("startprob_", "means_", "covars_", "regime_given_state_"):
        setattr(model, name, getattr(model, name)[order])
    model.transmat_ = model.transmat_[np.ix_(order, order)]
    means = model.means_
    assert model.fit_from(model, X, y) is model
    assert_allclose(model.means_, means, atol=0.2)
    assert model.health_["match_moved"] > 0


@pytest.mark.parametrize("n_rows", [6, 7, 15])
def test_it_goes_on_over_far_fewer_rows_than_it_came_from(n_rows, days):
    X, y = days
    before = GaussianHMMClassifier(random_state=0).fit(X, y)
    after = GaussianHMMClassifier(random_state=0).fit_from(before, X[:n_rows], y[:n_rows])
    assert after.health_["n_finite"] == 4
    assert np.isfinite(after.predict_proba(X)).all()


def test_a_stored_model_is_gone_on_from_as_the_one_that_was_stored(days):
    X, y = pd.DataFrame(days[0], columns=["rates", "valuation"]), days[1]
    before = GaussianHMMClassifier(random_state=0).fit(X[:1400], y[:1400])
    back = GaussianHMMClassifier.from_arrays(before.get_params(), before.to_arrays())
    one, other = (GaussianHMMClassifier(random_state=0).fit_from(m, X, y) for m in (before, back))
    assert list(other.feature_names_in_) == ["rates", "valuation"]
    for name, array in one.to_arrays().items():
        assert_array_equal(array, other.to_arrays()[name], err_msg=name)


@pytest.mark.parametrize(("then", "now"), [(1e-140, 1e100), (1e100, 1e-140)])
def test_a_model_of_rows_in_quite_other_units_is_refused(then, now, days):
    X, y = days
    before = GaussianHMMClassifier(n_init=1, random_state=0).fit(X * then, y)
    with pytest.raises(ValueError, match=r"units like its own.*Fit from nothing"):
        GaussianHMMClassifier(random_state=0).fit_from(before, X * now, y)


@pytest.mark.parametrize(
    "before",
    [[0.5, 0.5], [0.2, 0.3, 0.5, 0.0], [1, 1, 1], [-1, 1, 1], [np.nan] * 3, [[0.2, 0.3, 0.5]]],
)
def test_what_are_no_probabilities_of_its_states_is_nothing_to_go_on_from(before, days):
    X, y = days
    model = GaussianHMMClassifier(n_init=1, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="`before` must be the probabilities of the 3 states"):
        model.state_proba(X[:1], before=before)


# Trials -------------------------------------------------------------------------------


def interfere(monkeypatch, change):
    """Have the first batch, the trial, end differently."""
    calls, real = [], hmm_engines._batched

    def batched(problem, starts, n_iter):
        calls.append(len(starts.means))
        found = real(problem, starts, n_iter)
        return change(found) if len(calls) == 1 else found

    monkeypatch.setattr(hmm_engines, "_batched", batched)
    return calls


def test_what_happened_on_trial_stays_in_the_health(days, monkeypatch):
    X, y = days
    before = GaussianHMMClassifier(n_init=1, n_iter=1, random_state=0).fit(X, y)

    def eventful(found):
        n = len(found.revived)
        never = np.zeros(n, dtype=bool)
        events = {"revived": np.full(n, 2), "iterations": np.full(n, hmm_engines.TRIAL)}
        return replace(found, monotone=never, converged=never, **events)

    calls = interfere(monkeypatch, eventful)
    health = GaussianHMMClassifier(random_state=0).fit_from(before, X, y).health_
    assert len(calls) == 2
    assert health["iterations"] > hmm_engines.TRIAL
    assert health["n_revived"] == 2
    assert health["non_monotone"] is True
    assert health["converged"] is True


@pytest.mark.parametrize("broken", [[0], [0, 1, 2, 3]])
def test_starts_that_break_on_trial_do_not_stop_the_others(broken, days, monkeypatch):
    X, y = days
    before = GaussianHMMClassifier(n_init=1, n_iter=1, random_state=0).fit(X, y)

    def breaking(found):
        found.log_likelihood[broken] = found.parameters.means[broken] = np.nan
        found.converged[:] = False
        return found

    calls = interfere(monkeypatch, breaking)
    model = GaussianHMMClassifier(random_state=0)
    if len(broken) == 4:
        with pytest.raises(ValueError, match="None of 4 starts"):
            model.fit_from(before, X, y)
    else:
        model.fit_from(before, X, y)
        assert calls[0] == 4 > calls[1]
        assert model.health_["n_finite"] == 3
