"""One series as it is stored."""

import pandas as pd
import plotly.graph_objects as go

from app.charts.style import PALETTE, Source, finish, thinned


def values(rows: pd.DataFrame, title: str, unit: str, source: Source) -> go.Figure:
    """The values of a series.

    Parameters
    ----------
    rows : DataFrame with `period` and `value`
    """
    drawn, note = thinned(rows.set_index("period")[["value"]])
    line = {
        "x": drawn.index, "y": drawn["value"], "mode": "lines" if len(drawn) > 1 else "markers",
        "line": {"color": PALETTE[5], "width": 1.6}, "hovertemplate": "%{y:.6g}", "name": "",
        "showlegend": False,
    }  # fmt: skip
    layout = {"xaxis": {"showgrid": False}}
    return finish([line], layout, title, unit, source, height=240, note=note, legend=False, left=76)
