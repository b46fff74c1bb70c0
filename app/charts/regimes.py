"""Which regime leads, at the close and after."""

import pandas as pd
import plotly.graph_objects as go

from app.charts.style import COLOURS, ON, SHORT, Source, finish
from regime.taxonomy import REGIMES, Regime


def horizon_bars(latest: pd.DataFrame, source: Source) -> go.Figure:
    """Probabilities at the close and ahead, one bar per horizon.

    Parameters
    ----------
    latest : DataFrame indexed by horizon (trading days), one column per regime
    """
    # The close by its date: the newest there is may be old.
    close = f"{source.day.day} {source.day:%b %Y}"
    rows = [f"{horizon} sessions on" if horizon else close for horizon in latest.index]
    bars = [
        {
            "type": "bar", "y": rows, "x": latest[regime], "name": SHORT[Regime(regime)],
            "orientation": "h", "marker": {"color": COLOURS[Regime(regime)]},
            "texttemplate": "%{x:.0%}", "textposition": "inside", "insidetextanchor": "middle",
            "textangle": 0, "textfont": {"color": ON[Regime(regime)]}, "hovertemplate": "%{x:.1%}",
        }
        for regime in REGIMES
    ]  # fmt: skip
    layout = {
        "barmode": "stack",
        "hovermode": "closest",
        "uniformtext": {"minsize": 9, "mode": "hide"},
        "xaxis": {"tickformat": ".0%", "range": [0, 1]},
        "yaxis": {"autorange": "reversed"},
    }
    return finish(
        bars,
        layout,
        "Who leads, at the close and after",
        "probability of each regime",
        source,
        height=130,
        left=104,
    )
