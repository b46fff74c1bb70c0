"""Frame to chart, without Streamlit. One palette, safe for colour blindness."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from regime.taxonomy import REGIMES, Regime

# Okabe and Ito (2008), three hues told apart in every common colour-vision deficiency.
COLOURS = {
    Regime.MEGA_CAP_LED: "#0072B2",
    Regime.BROADENING: "#E69F00",
    Regime.SMALL_CAP_LED: "#009E73",
}
SHORT = {regime: regime.words.split(" (")[0] for regime in Regime}


def probability_ribbon(proba: pd.DataFrame, path: pd.DataFrame) -> go.Figure:
    """Walk-forward probabilities stacked to one, above the hindsight path.

    Parameters
    ----------
    proba : DataFrame indexed by day, one column per regime
    path : DataFrame indexed by day, `regime` and `confirmed_on`
    """
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.86, 0.14], vertical_spacing=0.04
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
            if mine.any():
                figure.add_bar(
                    x=path.index[mine], y=[1] * int(mine.sum()), row=2, col=1, showlegend=False,
                    marker={"color": COLOURS[regime], "line": {"width": 0}},
                    opacity=1.0 if settled else 0.45, width=2.2 * 86_400_000,
                    name=f"{SHORT[regime]}, {'confirmed' if settled else 'provisional'}",
                    hovertemplate="%{x|%d %b %Y}",
                )  # fmt: skip
    figure.update_layout(
        height=430, margin={"l": 10, "r": 10, "t": 10, "b": 10}, hovermode="x unified",
        legend={"orientation": "h", "y": 1.12}, barmode="overlay", bargap=0,
    )  # fmt: skip
    figure.update_yaxes(tickformat=".0%", range=[0, 1], title="probability", row=1, col=1)
    figure.update_yaxes(visible=False, range=[0, 1], row=2, col=1)
    return figure


def horizon_bars(latest: pd.DataFrame) -> go.Figure:
    """Probabilities now and ahead, one bar per horizon.

    Parameters
    ----------
    latest : DataFrame indexed by horizon (trading days), one column per regime
    """
    rows = ["now" if horizon == 0 else f"in {horizon} days" for horizon in latest.index]
    figure = go.Figure()
    for regime in REGIMES:
        figure.add_bar(
            y=rows, x=latest[regime], name=SHORT[Regime(regime)], orientation="h",
            marker_color=COLOURS[Regime(regime)], texttemplate="%{x:.0%}", textposition="inside",
            insidetextanchor="middle", hovertemplate="%{x:.1%}",
        )  # fmt: skip
    figure.update_layout(
        barmode="stack", height=210, margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={"tickformat": ".0%", "range": [0, 1]}, yaxis={"autorange": "reversed"},
        legend={"orientation": "h", "y": 1.25},
    )  # fmt: skip
    return figure
