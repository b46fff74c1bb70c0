"""Hamilton (1989), Econometrica 57(2), 357-384: recessions in US output, by our filter.

Growth of real GNP, 1951 to 1984, quarterly, in percent. It follows an autoregression of order
four around a mean that switches between two states, so that a quarter's density depends on the
states of five quarters: 32 histories, each a state of the chain that is filtered. The series
and the numbers are those of statsmodels' own tests, which have them from the paper, E-views
and Stata; the series is read where they ship it. Boldin (1996) found other optima, so that
climbing from three starts does not say that there is no likelier one.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from golden import shipped
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import norm
from statsmodels.tsa.regime_switching.markov_autoregression import MarkovAutoregression

from regime.models.filtering import forward_filter, smooth

GROWTH = shipped.series("test_markov_autoregression", "rgnp")
ORDER = 4
HISTORIES = np.array(list(itertools.product((0, 1), repeat=ORDER + 1)))  # newest state first


@dataclass(frozen=True)
class Economy:
    """State 0 is the recession; `leave` is the probability of going from state 1 to it."""

    stay: float
    leave: float
    means: tuple[float, float]
    variance: float
    coefficients: tuple[float, ...]

    @property
    def moves(self):
        return np.array([[self.stay, 1 - self.stay], [self.leave, 1 - self.leave]])

    @property
    def settled(self):
        return np.array([self.leave, 1 - self.stay]) / (self.leave + 1 - self.stay)

    @property
    def startprob(self):
        """Of each history: its oldest state as often as the chain is in it, then its moves."""
        oldest_first = HISTORIES[:, ::-1]
        steps = self.moves[oldest_first[:, :-1], oldest_first[:, 1:]]
        return self.settled[oldest_first[:, 0]] * steps.prod(axis=1)

    @property
    def transmat(self):
        """A history is followed by those that shift it by a quarter."""
        follows = (HISTORIES[:, None, :-1] == HISTORIES[None, :, 1:]).all(axis=2)
        return follows * self.moves[HISTORIES[:, None, 0], HISTORIES[None, :, 0]]

    @property
    def log_density(self):
        lags = np.stack([GROWTH[ORDER - lag : len(GROWTH) - lag] for lag in range(ORDER + 1)], 1)
        away = lags[:, None] - np.array(self.means)[HISTORIES]  # quarters, histories, lags
        shock = away[:, :, 0] - away[:, :, 1:] @ np.array(self.coefficients)
        return norm.logpdf(shock, scale=np.sqrt(self.variance))

    def filtered(self):
        return forward_filter(self.startprob, self.transmat, self.log_density)

    def of_statsmodels(self):
        """Their model, filtered and smoothed at these parameters."""
        theirs = MarkovAutoregression(GROWTH, k_regimes=2, order=ORDER, switching_ar=False)
        return theirs.smooth(np.r_[self.stay, self.leave, self.means, self.variance,
                                   self.coefficients])  # fmt: skip

    def to_free(self):
        """As numbers without bounds."""
        return np.r_[logit([self.stay, self.leave]), self.means, np.log(self.variance),
                     self.coefficients]  # fmt: skip

    @classmethod
    def of_free(cls, free):
        return cls(*expit(free[:2]), (free[2], free[3]), np.exp(free[4]), tuple(free[5:]))


PUBLISHED = Economy(
    0.754673, 0.095915, (-0.358811, 1.163516), np.exp(-0.262658) ** 2,
    (0.013486, -0.057521, -0.246983, -0.212923),
)  # fmt: skip


def of_recession(histories):
    return histories[:, HISTORIES[:, 0] == 0].sum(axis=1)


def test_the_published_parameters_have_the_published_likelihood():
    assert PUBLISHED.filtered().log_likelihood == pytest.approx(-181.26339, abs=5e-6)


def test_the_printed_digits_are_those_parameters():
    printed = Economy(
        0.7547, 0.0959, (-0.3588, 1.1635), 0.5914, (0.0135, -0.0575, -0.2470, -0.2129)
    )
    assert_allclose(printed.to_free(), PUBLISHED.to_free(), atol=3e-4)
    assert printed.filtered().log_likelihood == pytest.approx(-181.26339, abs=1e-5)


def test_filtered_and_smoothed_probabilities_are_those_of_statsmodels():
    theirs = PUBLISHED.of_statsmodels()
    found = PUBLISHED.filtered()
    assert found.log_likelihood == pytest.approx(theirs.llf, rel=1e-12)
    assert_allclose(
        of_recession(found.proba), theirs.filtered_marginal_probabilities[:, 0], atol=1e-12
    )
    assert_allclose(
        of_recession(smooth(found.proba, PUBLISHED.transmat)),
        theirs.smoothed_marginal_probabilities[:, 0],
        atol=1e-10,
    )


def test_the_recessions_are_those_of_the_paper():
    """Its dates of peaks and troughs: where the smoothed probability crosses a half."""
    low = of_recession(smooth(PUBLISHED.filtered().proba, PUBLISHED.transmat)) > 0.5
    edges = np.flatnonzero(np.diff(low, prepend=False, append=False)).reshape(-1, 2)
    quarter = np.timedelta64(3, "M")
    quarters = np.arange(np.datetime64("1951-04"), np.datetime64("1985-01"), quarter)[ORDER:]
    assert [f"{quarters[first]} {quarters[end - 1]}" for first, end in edges] == [
        "1953-07 1954-04", "1957-01 1958-01", "1960-04 1960-10", "1969-07 1970-10",
        "1974-01 1975-01", "1979-04 1980-07", "1981-04 1982-10",
    ]  # fmt: skip


def test_states_last_as_long_as_published():
    assert 1 / (1 - PUBLISHED.stay) == pytest.approx(4.08, abs=0.005)
    assert 1 / PUBLISHED.leave == pytest.approx(10.43, abs=0.005)


@pytest.mark.parametrize(
    "start",
    [
        Economy(0.5, 0.5, (-1.0, 1.0), 1.0, (0.0,) * ORDER),
        Economy(0.8, 0.2, (0.0, 1.5), 0.5, (0.1,) * ORDER),
        Economy(0.9, 0.05, (-0.5, 0.5), 2.0, (-0.1,) * ORDER),
    ],
    ids=["even", "near", "far"],
)
def test_climbing_our_likelihood_leads_to_the_published_parameters(start):
    found = minimize(
        lambda free: -Economy.of_free(free).filtered().log_likelihood,
        start.to_free(),
        method="BFGS",
        options={"gtol": 1e-4},
    )
    assert found.success, found.message
    assert -found.fun == pytest.approx(-181.26339, abs=1e-5)
    reached = Economy.of_free(found.x)
    assert reached.means == pytest.approx((-0.3588, 1.1635), abs=1e-4)
    assert reached.stay == pytest.approx(0.7547, abs=1e-4)
    assert reached.leave == pytest.approx(0.0959, abs=1e-4)
    assert reached.variance == pytest.approx(0.5914, abs=1e-4)
    assert reached.coefficients == pytest.approx((0.0135, -0.0575, -0.2470, -0.2129), abs=1e-4)
