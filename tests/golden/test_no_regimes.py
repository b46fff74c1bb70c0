"""A market without regimes has a path too: that one exists is no evidence of regimes."""

import numpy as np
import pandas as pd
import pytest

from regime.data.baskets import lead
from regime.data.calendar import trading_days
from regime.labels.leadership import episodes, leadership_path
from regime.taxonomy import REGIMES


@pytest.mark.parametrize("seed", range(4))
def test_independent_baskets_change_leader_about_as_often_as_real_ones(seed):
    days = trading_days(pd.Timestamp("1963-01-02"), pd.Timestamp("2002-12-31"))
    noise = np.random.default_rng(seed).normal(scale=0.005, size=(len(days), 3))
    path = leadership_path(lead(pd.DataFrame(noise, days, list(REGIMES))), switching_cost=10)
    assert 2.2 < len(episodes(path)) / len(path) * 252 < 2.8
