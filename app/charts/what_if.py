"""Probabilities as they are and as they would be."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from app.charts.style import COLOURS, GREY, SHORT, Source, finish
from regime.brief.what_if import when
from regime.taxonomy import REGIMES, Regime

_NAME = 24  # pixels that a horizon's name needs
_GAP = 0.09  # of the plot, between horizons


def before_and_after(before: pd.DataFrame, after: pd.DataFrame, source: Source) -> go.Figure:
    """Two bars for each regime at each horizon: as it is, and as set.

    Parameters
    ----------
    before, after : DataFrame indexed by horizon (trading days), one column per regime
    """
    names = [SHORT[Regime(regime)] for regime in REGIMES]
    colours = [COLOURS[Regime(regime)] for regime in REGIMES]
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"barmode": "group", "bargap": 0.25, "hovermode": "closest"}
    layout["annotations"] = []
    room = (1 - _GAP * (len(before) - 1)) / len(before)
    for place, horizon in enumerate(before.index):
        number, last = str(place + 1) if place else "", place == len(before) - 1
        top = 1 - place * (room + _GAP)
        layout[f"xaxis{number}"] = {
            "range": [0, 1.12],
            "tickformat": ".0%",
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "anchor": f"y{number}",
            "showticklabels": last,
            **({} if place == 0 else {"matches": "x"}),
        }
        layout[f"yaxis{number}"] = {
            "autorange": "reversed",
            "domain": [max(top - room, 0), top],
            "anchor": f"x{number}",
        }
        layout["annotations"].append({
            "text": when(int(horizon)), "x": 0, "xref": "paper", "xanchor": "left", "y": top,
            "yref": "paper", "yanchor": "bottom", "showarrow": False,
            "font": {"size": 13, "color": GREY},
        })  # fmt: skip
        # The last of a group stands highest.
        for name, frame, marker in (
            ("as set", after, {"color": colours}),
            ("as it is", before, {"color": "rgba(127, 127, 127, 0.15)",
                                  "line": {"color": colours, "width": 2}}),
        ):  # fmt: skip
            traces.append({
                "type": "bar", "x": frame.loc[horizon, list(REGIMES)], "y": names, "name": name,
                "orientation": "h", "marker": marker, "showlegend": False,
                "texttemplate": "%{x:.1%}", "textposition": "outside", "cliponaxis": False,
                "hovertemplate": "%{x:.1%}", "xaxis": f"x{number}", "yaxis": f"y{number}",
            })  # fmt: skip
    return finish(
        traces, layout, "What the model would say", "probability of each regime", source,
        height=440, left=104, head=_NAME,
        note="Outlined: as it is. Filled: as set. Features that are not set stay as they are.",
    )  # fmt: skip
