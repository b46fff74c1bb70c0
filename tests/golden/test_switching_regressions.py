"""Two examples of Stata's manual, and every path of a leader, by our filter and our survivors.

Stata 14, Time-Series Reference Manual, `mswitch`: the federal funds rate with a constant that
switches, and absolute returns of the S&P 500 with constant, lag and variance that switch. The
series and Stata's numbers are read where statsmodels ships them with its tests.
"""

import itertools

import numpy as np
import pandas as pd
import pytest
from golden import shipped
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import norm
from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

from regime.labels.leadership import leadership_path
from regime.models.filtering import forward_filter, smooth
from regime.taxonomy import REGIMES

FUNDS = shipped.series("test_markov_regression", "fedfunds")
SIZES = shipped.series("test_markov_regression", "areturns")


def chain(stay, leave):
    """`leave` is the probability of going from state 1 to state 0; it starts where it settles."""
    moves = np.array([[stay, 1 - stay], [leave, 1 - leave]])
    return np.array([leave, 1 - stay]) / (leave + 1 - stay), moves


def funds(params):
    """Chain and log densities of: two probabilities, two constants, one variance."""
    density = norm.logpdf(FUNDS[:, None], params[2:4], np.sqrt(params[4]))
    return *chain(*params[:2]), density


def sizes(params):
    """The same of: two probabilities, two constants, two slopes on the day before, variances."""
    means = params[2:4] + params[4:6] * SIZES[:-1, None]
    return *chain(*params[:2]), norm.logpdf(SIZES[1:, None], means, np.sqrt(params[6:8]))


FUNDS_BY_STATA = np.array([0.9820939, 0.0503587, 3.70877, 9.556793, 2.107562**2])
SIZES_BY_STATA = np.array(
    [0.7530865, 0.6825357, 0.7641424, 1.972771, 0.0790744, 0.527953, 0.5895792**2, 1.605333**2]
)
EXAMPLES = pytest.mark.parametrize(
    ("model", "stata", "log_likelihood"),
    [(funds, FUNDS_BY_STATA, -508.63592), (sizes, SIZES_BY_STATA, -745.7977)],
    ids=["funds", "sizes"],
)


@EXAMPLES
def test_stata_s_parameters_have_stata_s_likelihood(model, stata, log_likelihood):
    assert forward_filter(*model(stata)).log_likelihood == pytest.approx(log_likelihood, abs=5e-5)


def test_probabilities_of_the_funds_rate_are_stata_s():
    table = pd.read_csv(shipped.folder() / "results" / "results_predict_fedfunds.csv")
    startprob, moves, density = funds(FUNDS_BY_STATA)
    filtered = forward_filter(startprob, moves, density).proba
    ahead = np.vstack([startprob, filtered[:-1] @ moves])
    assert_allclose(ahead, table[["const_p1", "const_p2"]], atol=2e-6)
    assert_allclose(filtered, table[["const_f1", "const_f2"]], atol=2e-6)
    assert_allclose(smooth(filtered, moves), table[["const_sm1", "const_sm2"]], atol=2e-6)


@EXAMPLES
def test_probabilities_are_those_of_statsmodels(model, stata, log_likelihood):
    theirs = MarkovRegression(FUNDS, 2) if model is funds else MarkovRegression(
        SIZES[1:], 2, exog=SIZES[:-1], switching_variance=True
    )  # fmt: skip
    found = theirs.smooth(stata)
    startprob, moves, density = model(stata)
    filtered = forward_filter(startprob, moves, density)
    assert filtered.log_likelihood == pytest.approx(found.llf, rel=1e-12)
    assert_allclose(filtered.proba, found.filtered_marginal_probabilities, atol=1e-12)
    smoothed = smooth(filtered.proba, moves)
    assert_allclose(smoothed, found.smoothed_marginal_probabilities, atol=1e-10)


FUNDS_START = np.array([0.9, 0.1, 2.0, 8.0, 9.0])
SIZES_START = np.array([0.7, 0.5, 0.5, 1.5, 0.2, 0.2, 0.5, 2.0])


@pytest.mark.parametrize(
    ("model", "start", "n_variances", "stata", "log_likelihood"),
    [
        (funds, FUNDS_START, 1, FUNDS_BY_STATA, -508.63592),
        (sizes, SIZES_START, 2, SIZES_BY_STATA, -745.7977),
    ],
    ids=["funds", "sizes"],
)
def test_climbing_our_likelihood_leads_to_stata_s_parameters(
    model, start, n_variances, stata, log_likelihood
):
    def params(free):
        return np.r_[expit(free[:2]), free[2:-n_variances], np.exp(free[-n_variances:])]

    free = np.r_[logit(start[:2]), start[2:-n_variances], np.log(start[-n_variances:])]
    found = minimize(
        lambda free: -forward_filter(*model(params(free))).log_likelihood,
        free, method="BFGS", options={"gtol": 1e-3},
    )  # fmt: skip
    assert -found.fun == pytest.approx(log_likelihood, abs=5e-5)
    assert_allclose(params(found.x), stata, rtol=2e-3, atol=2e-4)


@given(st.integers(1, 8), st.floats(0.0, 6.0), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_the_leadership_path_is_viterbi_s_of_a_sticky_chain_among_all_paths(n, cost, seed):
    """The log evidence of its states is the lead; a move is `exp(-cost)` times a stay."""
    lead = np.random.default_rng(seed).normal(scale=2, size=(n, 3))
    log_moves = -cost * (1 - np.eye(3)) - np.log(1 + 2 * np.exp(-cost))
    density = lead - np.log(np.exp(lead).sum(axis=1, keepdims=True))  # evidence by basket
    paths = np.array(list(itertools.product(range(3), repeat=n)))
    earned = density[np.arange(n), paths].sum(axis=1)
    earned += log_moves[paths[:, :-1], paths[:, 1:]].sum(axis=1)
    days = pd.bdate_range("2001-01-02", periods=n)
    found = leadership_path(pd.DataFrame(lead, days, list(REGIMES)), switching_cost=cost)
    own = [REGIMES.index(regime) for regime in found["regime"]]
    assert earned[(paths == own).all(axis=1)] == pytest.approx(earned.max(), abs=1e-9)
