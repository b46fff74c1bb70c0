"""What the probabilities were worth: growth of 1 and falls from a peak, after costs."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from app.charts.style import COLOURS, GREY, PALETTE, Source, finish, thinned
from regime.brief.value import MODEL, RIVALS
from regime.evaluation.rotation import EQUAL_MIX, FILTER
from regime.taxonomy import Regime

NAMES = {MODEL: "ours", **RIVALS}  # short enough for two to a line on a phone
# Falls of six portfolios would hide one another.
_FALLS = [MODEL, EQUAL_MIX, Regime.MEGA_CAP_LED.value]
_LINES = {
    MODEL: {"color": PALETTE[2], "width": 2},
    EQUAL_MIX: {"color": GREY, "width": 1.5},
    FILTER: {"color": PALETTE[1], "width": 1.5, "dash": "dot"},
    **{regime.value: {"color": COLOURS[regime], "width": 1} for regime in Regime},
}


def growth_chart(growth: pd.DataFrame, cost_bp: float, source: Source) -> go.Figure:
    """What 1 grew to, on a scale where equal steps are equal shares.

    Parameters
    ----------
    growth : DataFrame of `brief.value.growth`
    """
    drawn, note = thinned(growth)
    return finish(
        _lines(drawn, "%{y:.2f}"),
        {"yaxis": {"type": "log", "dtick": "D2", "tickformat": "~g"}},
        "Growth of 1, after costs",
        f"multiple of the first day's money, log scale; {cost_bp:g} bp a trade",
        source,
        height=320,
        note=f"Decided at one close, traded at the next. {note}",
    )


def drawdown_chart(falls: pd.DataFrame, cost_bp: float, source: Source) -> go.Figure:
    """How far each portfolio stood below its highest close.

    Parameters
    ----------
    falls : DataFrame of `brief.value.drawdown`
    """
    drawn, note = thinned(falls[_FALLS])
    return finish(
        _lines(drawn, "%{y:.0%}"),
        {"yaxis": {"tickformat": ".0%"}},
        "Below the highest close so far",
        f"share of the peak; {cost_bp:g} bp a trade",
        source,
        height=220,
        note=note,
    )


def _lines(frame: pd.DataFrame, hover: str) -> list[dict[str, Any]]:
    # The portfolio that is judged comes first in the legend, and is drawn above the others.
    return [
        {
            "x": frame.index, "y": frame[name], "name": NAMES[name], "mode": "lines",
            "line": _LINES[name], "hovertemplate": hover, "zorder": int(name == MODEL),
        }
        for name in map(str, frame)
    ]  # fmt: skip
