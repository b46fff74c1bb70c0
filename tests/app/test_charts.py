"""Figures hold what they were given."""

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose

from app import charts
from regime.labels.leadership import leadership_path
from regime.taxonomy import REGIMES


def test_the_ribbon_stacks_the_three_to_one_and_paints_every_day_of_the_path_once(leads):
    rng = np.random.default_rng(0)
    proba = pd.DataFrame(rng.dirichlet([1, 1, 1], len(leads)), leads.index, list(REGIMES))
    path = leadership_path(leads, switching_cost=10)
    figure = charts.probability_ribbon(proba, path)
    areas = [trace for trace in figure.data if trace.stackgroup == "one"]
    assert_allclose(sum(np.asarray(trace.y, dtype=float) for trace in areas), 1)
    strips = [trace for trace in figure.data if trace.stackgroup is None]
    assert_allclose(sum(np.asarray(trace.y, dtype=float) for trace in strips), 1)


def test_the_bars_show_each_horizon_once():
    latest = pd.DataFrame([[0.5, 0.3, 0.2]] * 2, index=[0, 21], columns=list(REGIMES))
    figure = charts.horizon_bars(latest)
    assert list(figure.data[0].y) == ["now", "in 21 days"]
    assert_allclose(sum(np.asarray(bar.x, dtype=float) for bar in figure.data), 1)


def test_the_leads_are_added_up_from_the_first_day_shown(leads):
    figure = charts.cumulative_leads(leads[:50])
    assert_allclose(figure.data[0].y[-1], leads["mega_cap_led"][:50].sum())
