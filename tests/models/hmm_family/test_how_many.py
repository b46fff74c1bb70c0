"""The number of states is chosen on later rows than it was fitted on."""

import numpy as np
import pytest
from models.hmm_family.simulated import NAMES, hmm, market
from numpy.testing import assert_allclose, assert_array_equal

from regime.models import hmm_choice
from regime.models.hmm import GaussianHMMClassifier
from regime.models.hmm_choice import GAP, choose_n_states, fewest_of_the_best, row_losses


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
