"""What every chart has in common: title, unit, source line, colours and room for a phone."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from regime.tracking.wording import COLOURS, ON, SHORT, day_words

__all__ = [
    "COLOURS",
    "GREY",
    "MOST_POINTS",
    "ON",
    "PALETTE",
    "SHORT",
    "Source",
    "finish",
    "pale",
    "thinned",
]

# Okabe and Ito (2008), beside those of the regimes: for what is not one of them.
PALETTE = ("#56B4E9", "#CC79A7", "#D55E00", "#7F7F7F", "#B8A200", "#0072B2", "#E69F00", "#009E73")
GREY = "#7F7F7F"  # seen on light and dark
MOST_POINTS = 800  # of a line: about as many as there are pixels across a chart
_LEFT = 52  # pixels, for a number
_LINE = 54  # characters of small print that a phone has room for
_LEGEND, _SMALL, _TITLE = 26, 15, 30  # pixels a line of each needs
_AXIS = 24  # pixels below the plot, of its labels


@dataclass(frozen=True, slots=True)
class Source:
    """Where a chart's numbers come from, for its last line.

    Attributes
    ----------
    words : the source and, if they are, that prices are simulated
    day : the close up to which they are known
    """

    words: str
    day: pd.Timestamp

    def line(self, note: str = "") -> str:
        """The whole line."""
        words = escape(self.words, quote=False)  # a chart reads some of HTML
        return f"Source: {words}. As of the close of {day_words(self.day)}. {note}".strip()


def finish(
    traces: Sequence[Mapping[str, Any]],
    layout: Mapping[str, Any],
    title: str,
    unit: str,
    source: Source,
    *,
    height: int = 300,
    note: str = "",
    legend: bool = True,
    left: int = _LEFT,
    head: int = 0,
) -> go.Figure:
    """A figure with its title, unit, source line and margins.

    It is made in one step: each step more on a figure that stands costs as much as all of it.

    Parameters
    ----------
    traces, layout : as the JSON of a figure has them; what the layout says goes first
    unit : what the numbers are, under the title
    height : of the plot itself, in pixels; the words around it come on top
    note : what else a reader of the picture alone must know
    legend : whether it has one; it stands last, where it may wrap
    left : pixels for the labels of its vertical axis. Margins do not grow by themselves: to find
        out what they need, a browser draws everything twice
    head : pixels between the words above and the plot
    """
    small = textwrap.wrap(source.line(note), _LINE)
    names = sum(one.get("showlegend", True) and "name" in one for one in traces)
    rows = -(-names // 2) if legend else 0  # two to a line on a phone
    below = _AXIS + rows * _LEGEND + len(small) * _SMALL + 10
    above = 2 * _TITLE + head
    small_print = {
        "text": "<br>".join(small), "showarrow": False, "align": "left", "font": {"size": 11},
        "xref": "paper", "x": 0, "xanchor": "left", "yref": "paper", "y": 0, "yanchor": "top",
        "xshift": 4 - left, "yshift": -(_AXIS + 2),  # below the title, and as wide as a phone
    }  # fmt: skip
    whole = {
        "title": {
            "text": title, "subtitle": {"text": unit, "font": {"size": 13}},
            "x": 0, "xref": "container", "xanchor": "left", "pad": {"l": 4, "t": 6},
            "yref": "container", "y": 1, "yanchor": "top", "font": {"size": 16},
        },
        "height": height + above + below,
        "margin": {"l": left, "r": 16, "t": above, "b": below, "autoexpand": False},
        "hovermode": "x unified",
        "showlegend": bool(rows),
        "legend": {
            "orientation": "h", "yref": "paper", "yanchor": "top", "xanchor": "left", "x": 0,
            "y": -(_AXIS + len(small) * _SMALL + 8) / height, "traceorder": "normal",
        },
        **layout,
        "annotations": [*layout.get("annotations", ()), small_print],
    }  # fmt: skip
    return go.Figure({"data": _number_days(traces, whole), "layout": whole})


def _number_days(
    traces: Sequence[Mapping[str, Any]], layout: dict[str, Any]
) -> list[Mapping[str, Any]]:
    """Days as milliseconds since 1970, eight bytes each: a browser reads words one by one."""
    numbered: list[Mapping[str, Any]] = []
    for one in traces:
        x = np.asarray(one["x"])
        if x.dtype.kind == "M":
            axis = one.get("xaxis", "x").replace("x", "xaxis", 1)
            layout[axis] = {**layout.get(axis, {}), "type": "date"}
            days = x.astype("datetime64[ms]")
            one = {**one, "x": np.where(np.isnat(days), np.nan, days.astype(np.float64))}
        numbered.append(one)
    return numbered


def pale(colour: str, strength: float) -> str:
    """A colour as `rgba(...)`, 1 being all of it: a trace's opacity does not reach its fill."""
    parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({', '.join(map(str, parts))}, {strength:g})"


def thinned(frame: pd.DataFrame, most: int = MOST_POINTS) -> tuple[pd.DataFrame, str]:
    """At most so many rows, evenly spaced and the last among them; and what was done, in words.

    Parameters
    ----------
    frame : DataFrame indexed by day
    """
    every = -(-len(frame) // most)
    if every <= 1:
        return frame, ""
    return frame.iloc[::-1].iloc[::every].iloc[::-1], f"One in {every} sessions is drawn."
