"""How far a model may be trusted: said against so, and its edge decade by decade."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from app.charts.style import GREY, PALETTE, Source, finish
from regime.tracking.wording import horizon_name

_SPREAD = 0.22  # of a decade, between horizons


def said_and_so_chart(points: pd.DataFrame, what: str, source: Source) -> go.Figure:
    """How often it was so when so much was said, with intervals; faultless is the diagonal.

    Parameters
    ----------
    points : DataFrame of `brief.models.said_and_so`
    what : whose probability, and of when
    """
    faultless = {
        "x": [0, 1], "y": [0, 1], "name": "as often as said", "mode": "lines",
        "hoverinfo": "skip", "line": {"color": GREY, "width": 1, "dash": "dash"},
    }  # fmt: skip
    was = {
        "x": points["said"], "y": points["so"], "name": "was so [90%]", "mode": "markers+lines",
        "line": {"color": PALETTE[2], "width": 1}, "marker": {"size": 8},
        "error_y": _between(points, "so"),
        "customdata": points[["n_days", "n_episodes"]],
        "hovertemplate": "%{y:.0%} of %{customdata[0]:,} days in %{customdata[1]} episodes",
    }  # fmt: skip
    share = {"tickformat": ".0%", "range": [0, 1]}
    return finish(
        [faultless, was],
        {"xaxis": {**share, "hoverformat": ".0%"}, "yaxis": share},
        "When it said so much, how often was it so?",
        f"share of days, by what was said (below): {what}",
        source,
        height=320,
        note="Settled days only. Bars: 90%, episodes counted as the independent cases.",
    )


def decades_chart(edges: pd.DataFrame, source: Source) -> go.Figure:
    """Edge over the filter on each decade's days, a colour per horizon.

    Parameters
    ----------
    edges : DataFrame of `brief.models.decades`
    """
    traces = []
    names = sorted(edges["decade"].unique())
    horizons = sorted(edges["horizon"].unique())
    for place, horizon in enumerate(horizons):
        mine = edges[edges["horizon"] == horizon]
        shift = (place - (len(horizons) - 1) / 2) * _SPREAD
        colour = PALETTE[(2, 0, 1)[place % 3]]
        traces.append({
            "x": [names.index(name) + shift for name in mine["decade"]], "y": mine["edge"],
            "name": horizon_name(int(horizon)), "mode": "markers",
            "marker": {"size": 9, "color": colour}, "error_y": _between(mine, "edge"),
            "customdata": mine[["decade", "n_episodes"]],
            "hovertemplate": "%{customdata[0]}: %{y:+.3f} nats, %{customdata[1]} episodes",
        })  # fmt: skip
    layout = {
        "hovermode": "closest",
        "xaxis": {"tickvals": list(range(len(names))), "ticktext": names,
                  "range": [-0.5, len(names) - 0.5]},
        "yaxis": {"tickformat": "+.2f"},
        "shapes": [{"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "y0": 0, "y1": 0,
                    "line": {"color": GREY, "width": 1}}],
    }  # fmt: skip
    return finish(
        traces,
        layout,
        "Edge over the filter, decade by decade",
        "nats of log loss; above zero beats the filter",
        source,
        height=260,
        note="Bars: 90%; none where a decade has fewer than ten episodes.",
    )


def _between(rows: pd.DataFrame, name: str) -> dict[str, Any]:
    """Bars from `low` to `high` around a column."""
    return {
        "type": "data", "symmetric": False, "thickness": 1.5, "width": 3,
        "array": rows["high"] - rows[name], "arrayminus": rows[name] - rows["low"],
    }  # fmt: skip
