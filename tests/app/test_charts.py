"""Figures hold what they were given."""

import numpy as np
import pandas as pd
import pytest
from briefed import DAYS, explained, snapshot
from numpy.testing import assert_allclose

from app.charts.regimes import horizon_bars
from app.charts.style import Source
from app.charts.why import waterfall
from regime.brief.why import change_of
from regime.taxonomy import REGIMES

SOURCE = Source("simulated", pd.Timestamp("2004-12-31"))


def said(figure):
    return " ".join(str(one.text) for one in figure.layout.annotations)


def test_the_bars_show_each_horizon_once_and_name_the_close_by_its_date():
    latest = pd.DataFrame([[0.5, 0.3, 0.2]] * 2, index=[0, 21], columns=list(REGIMES))
    figure = horizon_bars(latest, SOURCE)
    assert list(figure.data[0].y) == ["31 Dec 2004", "21 sessions on"]
    assert_allclose(sum(np.asarray(bar.x, dtype=float) for bar in figure.data), 1)
    assert "Source: simulated" in said(figure)


@pytest.mark.parametrize("regime", REGIMES)
def test_the_steps_begin_where_the_one_before_ended_and_end_at_the_whole_change(regime):
    before, now = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.6, 0.2])
    moved = np.log(now / before) - np.log(now / before).mean()
    shares = {name: part * moved for name, part in (("filter", 1.1), ("rates", -0.4), ("x", 0.3))}
    change = change_of(snapshot(shares=explained(shares, before, now)), 0)
    figure = waterfall(change, regime, Source("simulated", DAYS[-1]))
    *steps, whole = figure.data
    bars = sorted(
        (row, base, share)
        for one in steps
        for row, base, share in zip(one.y, one.base, one.x, strict=True)
    )
    place = 0.0
    for _, base, share in bars:
        assert_allclose(base, place, atol=1e-12)
        place += share
    assert_allclose([place, whole.x[0]], moved[REGIMES.index(regime)])
    assert "The path of leads itself (filter)" in said(figure)
    assert "Source: simulated" in said(figure)


def test_a_source_is_text_whatever_an_experiment_is_called():
    line = Source('<a href="https://example.com">S&P</a>', DAYS[-1]).line()
    assert line.startswith('Source: &lt;a href="https://example.com"&gt;S&amp;P&lt;/a&gt;. As of')
