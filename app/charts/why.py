"""What moved a probability: the families' shares as steps."""

from typing import Any

import plotly.graph_objects as go

from app.charts.style import COLOURS, GREY, SHORT, Source, finish
from regime.brief.why import Change, steps
from regime.taxonomy import Regime

_ROOM = 0.2  # of the span, on both sides, for the number beside a bar
_ROW = 54  # pixels of a family: its name, and below it its bar
_BARS = {
    "type": "bar", "orientation": "h", "width": 0.5, "texttemplate": "%{x:+.3f}",
    "textposition": "outside", "cliponaxis": False,
}  # fmt: skip


def waterfall(change: Change, regime: str, source: Source) -> go.Figure:
    """The way from the probability before to the one now, a step for each family.

    A step to the right is the regime's colour, one to the left grey; the last bar is their sum.
    """
    table, moved = steps(change, regime), float(change.shares[regime].sum())
    colour = COLOURS[Regime(regime)]
    bars: list[dict[str, Any]] = []
    for name, up, paint in (("raises it", True, colour), ("lowers it", False, GREY)):
        mine = table[(table["share"] > 0) == up]
        bars.append({
            "y": mine.index, "x": mine["share"], "base": mine["start"], "customdata": mine["words"],
            "name": name, "marker": {"color": paint},
            "hovertemplate": "%{customdata}: %{x:+.4f} nats", **_BARS,
        })  # fmt: skip
    bars.append({
        "y": [len(table)], "x": [moved], "name": "the whole change",
        "marker": {"color": "rgba(0,0,0,0)", "line": {"color": colour, "width": 3}},
        "hovertemplate": "All together: %{x:+.4f} nats", **_BARS,
    })  # fmt: skip
    # Above its bar, so that a phone keeps the whole width for the bars.
    names = [
        {"text": words, "x": 0, "xref": "paper", "xanchor": "left", "y": row - 0.26,
         "yanchor": "bottom", "showarrow": False, "font": {"size": 13}}
        for row, words in enumerate([*table["words"], "<b>All together</b>"])
    ]  # fmt: skip
    ends = [0.0, moved, *table["start"], *(table["start"] + table["share"])]
    low, high = min(ends), max(ends)
    room = _ROOM * max(high - low, 1e-3)
    layout = {
        "barmode": "overlay",
        "hovermode": "closest",
        "xaxis": {"range": [low - room, high + room], "zeroline": False, "nticks": 5},
        "yaxis": {"range": [len(table) + 0.4, -0.7], "visible": False},
        "annotations": names,
    }
    before, now = (f"{one[regime]:.0%}" for one in (change.before, change.now))
    if before == now:
        before, now = (f"{one[regime]:.1%}" for one in (change.before, change.now))
    days = f"{change.since.day} {change.since:%b} to {change.day.day} {change.day:%b %Y}"
    return finish(
        bars,
        layout,
        f"{SHORT[Regime(regime)]}: from {before} to {now}",
        f"share of each family, nats, {days}",
        source,
        height=_ROW * (len(table) + 1),
        left=10,
        note="Nats of log-probability less the mean of the three regimes.",
    )
