"""The resampled filter: markets that might have been, labelled as the real one is."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from regime.evaluation.scores import log_losses
from regime.models.resampled import ResampledFilter, _stationary
from regime.survivors import carry_forward, carry_many
from regime.taxonomy import REGIMES
from regime.threads import one_thread

SMALL = {"n_markets": 16, "n_days": 800, "blocks": (1, 21)}


def market(lead):
    """Leads with the scores they make, by name."""
    survivors = carry_forward(lead, switching_cost=10.0)
    days = pd.RangeIndex(len(lead))
    columns = [f"lead_{name}_today" for name in REGIMES] + [
        f"path_score_{name}" for name in REGIMES
    ]
    path = np.array(REGIMES, dtype=object)[survivors.path()]
    return pd.DataFrame(np.hstack([lead, survivors.score]), days, columns), path


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def noise():
    lead = np.random.default_rng(3).normal(size=(6000, 3))
    return market(lead - lead.mean(axis=1, keepdims=True))


def test_many_markets_have_the_scores_and_paths_they_have_alone():
    rng = np.random.default_rng(1)
    lead = rng.normal(size=(400, 5, 3))
    lead[50:60] = 0  # ties go the same way
    lead[100] = 7.5
    score, path = carry_many(lead, switching_cost=10.0)
    for number in range(5):
        alone = carry_forward(lead[:, number], switching_cost=10.0)
        assert_array_equal(score[:, number], alone.score)
        assert_array_equal(path[:, number], alone.path())


def test_blocks_run_on_to_the_next_row_and_have_the_mean_length_asked_for():
    rows = _stationary(1000, (5000, 8), 20.0, np.random.default_rng(0))
    goes_on = (np.diff(rows, axis=0) - 1) % 1000 == 0
    assert 1 / (1 - goes_on.mean()) == pytest.approx(20, rel=0.05)
    assert rows.min() == 0
    assert rows.max() == 999
    assert np.bincount(rows.ravel(), minlength=1000).min() > 0


def test_without_leadership_it_is_near_the_best_that_can_be_said(noise):
    """Independent leads: the scores say all there is, so only a larger sample says it better."""
    X, path = noise
    model = ResampledFilter(blocks=(1,), n_markets=64).fit(X[:3000], path[:3000])
    lead = np.random.default_rng(9).normal(size=(20000, 3))
    fresh, truth = market(lead - lead.mean(axis=1, keepdims=True))
    proba = pd.DataFrame(model.predict_proba(fresh), columns=list(REGIMES))
    half = slice(100, 19000)
    terms = StandardScaler().fit_transform(PolynomialFeatures(3).fit_transform(fresh.iloc[:, 3:]))
    best = LogisticRegression(C=1.0, max_iter=2000).fit(terms[half], truth[half])
    at_best = pd.DataFrame(best.predict_proba(terms), columns=best.classes_)[list(REGIMES)]
    actual = pd.Series(truth)
    ours = log_losses(proba, actual)[half].mean()
    assert ours < log_losses(at_best, actual)[half].mean() + 0.02


def test_far_ahead_the_scores_are_forgotten(noise):
    X, path = noise
    ahead = ResampledFilter(252, blocks=(1,)).fit(X, path).predict_proba(X)
    now = ResampledFilter(0, blocks=(1,)).fit(X, path).predict_proba(X)
    assert ahead.std(axis=0).max() < 0.05
    assert now.std(axis=0).min() > 0.2


def test_the_leader_of_the_scores_is_called_and_rows_add_up(noise):
    X, path = noise
    model = ResampledFilter(**SMALL).fit(X, path)
    proba = model.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1)
    assert (proba > 0).all()
    leads = X.iloc[:, 3:].to_numpy().argmax(axis=1)
    settled = np.sort(X.iloc[:, 3:].to_numpy())[:, 1] < -8
    assert (model.predict(X) == np.array(REGIMES)[leads])[settled].mean() > 0.95


def test_a_row_says_the_same_alone_and_among_others(noise):
    X, path = noise
    model = ResampledFilter(21, **SMALL).fit(X[:2000], path[:2000])
    whole = model.predict_proba(X)
    assert_array_equal(whole[:3000], model.predict_proba(X[:3000]))
    assert_array_equal(whole[77:78], model.predict_proba(X[77:78]))


def test_the_same_seed_gives_the_same_model_and_another_another(noise):
    X, path = noise
    one, same, other = (
        ResampledFilter(random_state=seed, **SMALL).fit(X, path).coef_ for seed in (1, 1, 2)
    )
    assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-6


def test_labels_only_say_which_regimes_there_are(noise):
    X, path = noise
    shuffled = np.random.default_rng(0).permutation(path)
    assert_array_equal(
        ResampledFilter(**SMALL).fit(X, path).coef_,
        ResampledFilter(**SMALL).fit(X, shuffled).coef_,
    )
    with pytest.raises(ValueError, match="y also names sideways"):
        ResampledFilter(**SMALL).fit(X, np.where(path == "broadening", "sideways", path))


def test_a_score_below_minus_the_cost_says_no_more_than_minus_the_cost(noise):
    X, path = noise
    model = ResampledFilter(63, **SMALL).fit(X, path)
    held, below = X[:1].copy(), X[:1].copy()
    held.iloc[0, 3:] = [0.0, -10.0, -10.0]
    below.iloc[0, 3:] = [0.0, -32.7, -23.9]  # 20 October 1987
    assert_array_equal(model.predict_proba(below), model.predict_proba(held))
    assert model.predict_proba(below).min() > 0.001


def test_of_two_regimes_that_ever_lead_the_one_ahead_is_the_likelier():
    lead = np.random.default_rng(2).normal(size=(3000, 3))
    lead[:, 2] = -40.0
    X, path = market(lead)
    model = ResampledFilter(**SMALL).fit(X, path)
    rows = X[:2].copy()
    rows.iloc[:, 3:] = [[0.0, -9.0, -10.0], [-9.0, 0.0, -10.0]]
    proba = model.predict_proba(rows)
    assert proba[0, 0] > 0.9
    assert proba[1, 1] > 0.9
    assert proba[:, 2].max() < 1e-6
    lead[:, 1] = -40.0
    X, path = market(lead)
    assert ResampledFilter(**SMALL).fit(X, path).predict_proba(X)[:, 0].min() > 0.999


def test_a_market_must_be_longer_than_what_is_left_out_of_it(noise):
    with pytest.raises(ValueError, match=r"n_days = 800 is too short: at a switching cost of 15"):
        ResampledFilter(switching_cost=15.0, **SMALL).fit(*noise)


@pytest.mark.parametrize("blocks", [(), (0.5,), (np.inf,), ("a",), (True,), ([1],)])
def test_a_length_that_is_none_is_refused(noise, blocks):
    with pytest.raises(ValueError, match="must be mean lengths in days"):
        ResampledFilter(blocks=blocks).fit(*noise)


def test_columns_and_gaps_are_asked_for_by_name(noise):
    X, path = noise
    with pytest.raises(ValueError, match="path_score_broadening'\\] are missing"):
        ResampledFilter().fit(X.drop(columns="path_score_broadening"), path)
    with pytest.raises(ValueError, match="1 have one"):
        ResampledFilter().fit(X.drop(index=7).reindex(X.index), path)
