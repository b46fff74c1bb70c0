"""Probabilities as they are and as they would be."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.charts.style import COLOURS, GREY, SHORT, Source, finish
from regime.brief.what_if import when
from regime.taxonomy import REGIMES, Regime

_NAME = 24  # pixels that a horizon's name needs


def before_and_after(before: pd.DataFrame, after: pd.DataFrame, source: Source) -> go.Figure:
    """Two bars for each regime at each horizon: as it is, and as set.

    Parameters
    ----------
    before, after : DataFrame indexed by horizon (trading days), one column per regime
    """
    figure = make_subplots(
        rows=len(before), cols=1, shared_xaxes=True, vertical_spacing=0.09,
        subplot_titles=[when(int(horizon)) for horizon in before.index],
    )  # fmt: skip
    names = [SHORT[Regime(regime)] for regime in REGIMES]
    colours = [COLOURS[Regime(regime)] for regime in REGIMES]
    for place, horizon in enumerate(before.index, start=1):
        # The last of a group stands highest.
        for name, frame, marker in (
            ("as set", after, {"color": colours}),
            ("as it is", before, {"color": "rgba(127, 127, 127, 0.15)",
                                  "line": {"color": colours, "width": 2}}),
        ):  # fmt: skip
            figure.add_bar(
                x=frame.loc[horizon, list(REGIMES)], y=names, name=name, orientation="h",
                marker=marker, showlegend=False, texttemplate="%{x:.1%}", textposition="outside",
                cliponaxis=False, hovertemplate="%{x:.1%}", row=place, col=1,
            )  # fmt: skip
    figure.update_xaxes(range=[0, 1.12], tickformat=".0%", tickvals=[0, 0.25, 0.5, 0.75, 1])
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_annotations(x=0, xanchor="left", font={"size": 13, "color": GREY})
    finish(
        figure, "What the model would say", "probability of each regime", source, height=440,
        left=104,
        note="Outlined: as it is. Filled: as set. Features that are not set stay as they are.",
    )  # fmt: skip
    # Room for the first horizon's name, below the unit.
    height, above = figure.layout.height, figure.layout.margin.t
    return figure.update_layout(hovermode="closest", height=height + _NAME, margin_t=above + _NAME)
