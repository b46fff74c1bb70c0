"""Which regime: now and ahead, day by day, and the leads it is told from."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.charts.style import COLOURS, GREY, ON, SHORT, Source, finish, thinned
from regime.taxonomy import REGIMES, Regime
from regime.tracking.figures import horizon_name


def horizon_bars(latest: pd.DataFrame, source: Source) -> go.Figure:
    """Probabilities now and ahead, one bar per horizon.

    Parameters
    ----------
    latest : DataFrame indexed by horizon (trading days), one column per regime
    """
    rows = [horizon_name(int(horizon)) for horizon in latest.index]
    figure = go.Figure()
    for regime in REGIMES:
        figure.add_bar(
            y=rows, x=latest[regime], name=SHORT[Regime(regime)], orientation="h",
            marker_color=COLOURS[Regime(regime)], texttemplate="%{x:.0%}", textposition="inside",
            insidetextanchor="middle", textfont={"color": ON[Regime(regime)]},
            hovertemplate="%{x:.1%}",
        )  # fmt: skip
    figure.update_layout(
        barmode="stack",
        xaxis={"tickformat": ".0%", "range": [0, 1]},
        yaxis={"autorange": "reversed"},
    )
    return finish(
        figure, "Who leads, now and ahead", "probability of each regime", source, height=130
    )


def probability_ribbon(proba: pd.DataFrame, path: pd.DataFrame, source: Source) -> go.Figure:
    """Probabilities stacked to one, above the hindsight path.

    Parameters
    ----------
    proba : DataFrame indexed by day, one column per regime
    path : DataFrame indexed by day, `regime` and `confirmed_on`
    """
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.86, 0.14], vertical_spacing=0.03
    )
    drawn, note = thinned(proba)
    for regime in Regime:
        figure.add_scatter(
            x=drawn.index, y=drawn[regime], name=SHORT[regime], stackgroup="one", mode="lines",
            line={"width": 0, "color": COLOURS[regime]}, fillcolor=COLOURS[regime],
            hovertemplate="%{y:.0%}", row=1, col=1,
        )  # fmt: skip
    for regime in Regime:
        for settled in (True, False):
            mine = (path["regime"] == regime) & (path["confirmed_on"].notna() == settled)
            steps = mine.astype(float)
            steps = steps[(steps != steps.shift()) | (steps != steps.shift(-1))]
            figure.add_scatter(
                x=steps.index, y=steps, row=2, col=1, showlegend=False, mode="lines",
                line={"width": 0, "shape": "hv"}, fill="tozeroy", hoverinfo="skip",
                fillcolor=COLOURS[regime], opacity=1.0 if settled else 0.4,
            )  # fmt: skip
    figure.update_yaxes(tickformat=".0%", range=[0, 1], row=1, col=1)
    figure.update_yaxes(range=[0, 1], tickvals=[], title="hindsight", row=2, col=1)
    return finish(
        figure,
        "What was said of each day",
        "probability of each regime at the close; below it, hindsight",
        source,
        height=330,
        note=f"Pale: hindsight may still change. {note}",
    )


def cumulative_leads(leads: pd.DataFrame, source: Source) -> go.Figure:
    """Each basket's lead added up from the first day shown.

    Parameters
    ----------
    leads : DataFrame indexed by day, one column per regime, in standard deviations
    """
    figure = go.Figure()
    drawn, note = thinned(leads[list(REGIMES)].cumsum())
    for regime in Regime:
        figure.add_scatter(
            x=drawn.index, y=drawn[regime], name=SHORT[regime], mode="lines",
            line={"color": COLOURS[regime], "width": 2}, hovertemplate="%{y:+.1f}",
        )  # fmt: skip
    figure.add_hline(y=0, line={"color": GREY, "width": 1})
    return finish(
        figure,
        "Lead of the three baskets, added up",
        "standard deviations of daily lead, from the first day shown",
        source,
        note=note,
    )
