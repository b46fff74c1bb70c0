"""Frame to chart, without Streamlit. One palette, safe for colour blindness."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from regime.taxonomy import REGIMES, Regime
from regime.tracking.figures import COLOURS, SHORT, horizon_name

# Below the plot, where it may wrap on a phone without covering anything.
_LEGEND = {"orientation": "h", "yanchor": "top", "y": -0.14, "traceorder": "normal"}
_MARGIN = {"l": 10, "r": 24, "t": 10, "b": 10}


def probability_ribbon(proba: pd.DataFrame, path: pd.DataFrame) -> go.Figure:
    """Probabilities stacked to one, above the hindsight path.

    Parameters
    ----------
    proba : DataFrame indexed by day, one column per regime
    path : DataFrame indexed by day, `regime` and `confirmed_on`
    """
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.86, 0.14], vertical_spacing=0.03
    )
    for regime in Regime:
        figure.add_scatter(
            x=proba.index, y=proba[regime], name=SHORT[regime], stackgroup="one", mode="lines",
            line={"width": 0, "color": COLOURS[regime]}, fillcolor=COLOURS[regime],
            hovertemplate="%{y:.0%}", row=1, col=1,
        )  # fmt: skip
    for regime in Regime:
        for settled in (True, False):
            mine = (path["regime"] == regime) & (path["confirmed_on"].notna() == settled)
            figure.add_scatter(
                x=path.index, y=mine.astype(float), row=2, col=1, showlegend=False, mode="lines",
                line={"width": 0, "shape": "hv"}, fill="tozeroy", hoverinfo="skip",
                fillcolor=COLOURS[regime], opacity=1.0 if settled else 0.4,
            )  # fmt: skip
    figure.update_layout(
        height=430,
        margin=_MARGIN,
        hovermode="x unified",
        legend=_LEGEND,
    )
    figure.update_yaxes(tickformat=".0%", range=[0, 1], title="probability now", row=1, col=1)
    figure.update_yaxes(range=[0, 1], tickvals=[], title="hindsight", row=2, col=1)
    return figure


def horizon_bars(latest: pd.DataFrame) -> go.Figure:
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
            insidetextanchor="middle", hovertemplate="%{x:.1%}",
        )  # fmt: skip
    figure.update_layout(
        barmode="stack", height=230, margin=_MARGIN, legend=_LEGEND | {"y": -0.28},
        xaxis={"tickformat": ".0%", "range": [0, 1]}, yaxis={"autorange": "reversed"},
    )  # fmt: skip
    return figure


def cumulative_leads(leads: pd.DataFrame) -> go.Figure:
    """Each basket's lead added up from the first day shown, in standard deviations.

    Parameters
    ----------
    leads : DataFrame indexed by day, one column per regime
    """
    figure = go.Figure()
    for regime in Regime:
        figure.add_scatter(
            x=leads.index, y=leads[regime].cumsum(), name=SHORT[regime], mode="lines",
            line={"color": COLOURS[regime], "width": 2}, hovertemplate="%{y:+.1f}",
        )  # fmt: skip
    figure.add_hline(y=0, line={"color": "gray", "width": 1})
    figure.update_layout(height=300, margin=_MARGIN, hovermode="x unified", legend=_LEGEND)
    figure.update_yaxes(title="sum of leads, standard deviations")
    return figure
