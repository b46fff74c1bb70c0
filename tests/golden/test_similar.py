"""What followed similar days, on real data: no more than equal odds would have told."""

import numpy as np
import pandas as pd
import pytest

from regime.bundle import features
from regime.config import load_experiment
from regime.data.baskets import spliced_lead
from regime.explained import AHEAD
from regime.labels.leadership import leadership_path, target
from regime.similar import similar_days
from regime.taxonomy import REGIMES

pytestmark = [pytest.mark.real_data, pytest.mark.long]
DAYS = 160


def test_what_followed_similar_days_told_no_more_than_equal_odds(real_panel, pytestconfig):
    experiment = pytestconfig.rootpath / "experiments" / "resampled_leadership.toml"
    config = load_experiment(experiment)
    labels = leadership_path(
        spliced_lead(real_panel, "french"), switching_cost=config.labels.switching_cost
    )
    X = features(config, "french").fit_transform(real_panel)
    came = target(labels, AHEAD)["regime"].reindex(X.index)
    known = X.index[came.notna() & (X.index >= pd.Timestamp("1983-01-01"))]
    losses = []
    for day in known[np.linspace(0, len(known) - 1, DAYS).astype(int)]:
        followed = similar_days(X, labels, day)["followed"].dropna()
        share = ((followed == came[day]).sum() + 1) / (len(followed) + len(REGIMES))
        losses.append(-np.log(share))
    assert np.mean(losses) == pytest.approx(1.116, abs=0.002)
    assert np.std(losses) / DAYS**0.5 == pytest.approx(0.039, abs=0.002)
