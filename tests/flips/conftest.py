"""A shorter market, and models fitted on it once."""

from functools import cache, partial

import pandas as pd
import pytest
from flips.told import MODELS, UNTIL, by_hand, following, steps

from regime.bundle import fit_bundle
from regime.call import regime_call
from regime.flips import flip_levels
from regime.taxonomy import REGIMES


class Said:
    """A fitted bundle, what it says of now on each day, and the calls of that."""

    def __init__(self, name, market):
        config, baskets = MODELS[name]
        self.bundle, self.panel = fit_bundle(config, baskets, market[:UNTIL]), market
        rows = self.bundle.predict_proba(market)
        self.proba = rows[rows["horizon"] == 0].set_index("date")[list(REGIMES)]
        self.calls = regime_call(self.proba)

    def levels(self, day, **more):
        told = (self.panel, self.calls[:day], self.proba[:day])
        return flip_levels(self.bundle, *told, **more)

    def brute_force(self, day, basket, move, sessions=5):
        """The calls of the sessions ahead, with the whole history called anew; None: the same."""
        days = following(day, sessions)
        returns = steps(days, basket, move)
        panel = by_hand(self.panel[:day], returns, self.bundle.baskets)
        rows = self.bundle.predict_proba(panel, days[0])
        ahead = rows[rows["horizon"] == 0].set_index("date")[list(REGIMES)]
        proba = pd.concat([self.proba[:day], ahead])
        published = self.calls.loc[:day, "regime"]
        calls = regime_call(proba, published=published)["regime"][days]
        return next((name for name in calls if name != published.iloc[-1]), None)


@pytest.fixture(scope="session")
def market(market):
    return market["1994-01-03":]


@pytest.fixture(scope="session")
def told(market):
    """One of the models, fitted once."""
    return cache(partial(Said, market=market))


@pytest.fixture(params=["filter", "correction"])
def said(request, told):
    return told(request.param)


@pytest.fixture
def filtered(told):
    return told("filter")
