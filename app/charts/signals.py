"""One signal: its history above who led, and where it stands among its own past values."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.charts.style import COLOURS, GREY, PALETTE, SHORT, Source, finish, pale, thinned
from regime.brief.signal_words import Reading
from regime.taxonomy import Regime

_LINE = PALETTE[2]  # of none of the regimes
_BINS = 40
_PALE = 0.25  # of a regime's colour, behind the line


def history(
    values: "pd.Series[float]", path: pd.DataFrame, title: str, unit: Reading, source: Source
) -> go.Figure:
    """A signal's values over who led, told in hindsight.

    Parameters
    ----------
    values : indexed by day, in the stored unit
    path : DataFrame indexed by day, `regime` and `confirmed_on` (NaT: not shaded)
    """
    traces = []
    confirmed = path["regime"].where(path["confirmed_on"].notna()).reindex(values.index)
    for regime in Regime:
        led = (confirmed == regime).astype(float)
        steps = led[(led != led.shift()) | (led != led.shift(-1))]
        traces.append({
            "x": steps.index, "y": steps, "name": SHORT[regime], "mode": "lines",
            "line": {"width": 0, "shape": "hv", "color": COLOURS[regime]}, "fill": "tozeroy",
            "fillcolor": pale(COLOURS[regime], _PALE), "hoverinfo": "skip",
        })  # fmt: skip
    drawn, note = thinned(values.to_frame("value"))
    traces.append({
        "x": drawn.index, "y": unit.shown(drawn["value"]), "name": "the signal", "mode": "lines",
        "yaxis": "y2", "line": {"color": _LINE, "width": 2}, "connectgaps": False,
        "hovertemplate": f"%{{y:,.{unit.digits}f}}{unit.suffix}",
    })  # fmt: skip
    layout = {
        "yaxis": {"range": [0, 1], "visible": False, "fixedrange": True},
        "yaxis2": {"overlaying": "y", "side": "left", "tickmode": "auto", "zeroline": False},
    }
    return finish(
        traces, layout, title, unit.axis, source,
        note=f"Shaded: who led, confirmed in hindsight. {note}",
    )  # fmt: skip


def distribution(past: "pd.Series[float]", now: float, unit: Reading, source: Source) -> go.Figure:
    """How often each value was, and where it stands now.

    Parameters
    ----------
    past : the values it is compared with, in the stored unit
    now : in the stored unit; NaN draws no mark
    """
    seen = unit.shown(past.dropna().to_numpy(dtype=np.float64))
    counts, edges = np.histogram(seen, bins=_BINS)
    bars = {
        "type": "bar", "x": (edges[1:] + edges[:-1]) / 2, "y": counts / max(len(seen), 1),
        "width": np.diff(edges), "marker": {"color": GREY, "line": {"width": 0}},
        "name": "share of sessions", "showlegend": False,
        "hovertemplate": f"%{{y:.1%}} of sessions near %{{x:,.{unit.digits}f}}{unit.suffix}"
        "<extra></extra>",
    }  # fmt: skip
    layout: dict[str, Any] = {"hovermode": "closest", "yaxis": {"tickformat": ".0%"}}
    if not np.isnan(now):
        here, left = unit.shown(now), unit.shown(now) > (edges[0] + edges[-1]) / 2
        layout["shapes"] = [
            {"type": "line", "x0": here, "x1": here, "yref": "y domain", "y0": 0, "y1": 1,
             "line": {"color": _LINE, "width": 3}}
        ]  # fmt: skip
        layout["annotations"] = [
            {"x": here, "y": 1, "yref": "paper", "yanchor": "top", "showarrow": False,
             "text": f"now {unit.said(now)}", "xanchor": "right" if left else "left",
             "xshift": -6 if left else 6, "font": {"color": _LINE, "size": 13}}
        ]  # fmt: skip
    return finish(
        [bars], layout, "Where it stands among its past values",
        f"share of sessions at each value ({unit.axis})", source, height=170,
    )  # fmt: skip
