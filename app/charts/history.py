"""What was said of each day, beside what hindsight says, with dated events across all of it."""

from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.charts.style import COLOURS, GREY, SHORT, Source, finish, pale, thinned
from regime.taxonomy import REGIMES, Regime
from regime.tracking.wording import day_words

_LABEL, _LEVELS = 0.052, 3  # share of a phone's plot that a number is wide; levels of numbers
_LEVEL, _STRIP, _GAP = 17, 22, 6  # pixels of a level of numbers, of a strip, between rows
_LEFT = 72  # pixels that "Hindsight" needs
_PALE = 0.35


def probability_ribbon(
    proba: pd.DataFrame,
    calls: pd.DataFrame,
    path: pd.DataFrame,
    span: tuple[pd.Timestamp, pd.Timestamp],
    source: Source,
    *,
    horizon: int = 0,
    events: pd.DataFrame | None = None,
    published: pd.Timestamp | None = None,
) -> go.Figure:
    """Probabilities stacked to one; below them, on the same days, the call and hindsight.

    Parameters
    ----------
    proba : DataFrame indexed by day, one column per regime
    calls : DataFrame indexed by day with `regime`
    path : DataFrame indexed by day, `regime` and `confirmed_on`; what is not confirmed is pale
    span : first and last day of the axis
    horizon : trading days ahead that the probabilities are of
    events : DataFrame of `placed`
    published : the first day that was published; a line marks it
    """
    frame = Frame(span, events, height=230, strips=2)
    drawn, note = thinned(proba)
    for regime in Regime:
        frame.add({
            "x": drawn.index, "y": drawn[regime], "name": SHORT[regime], "stackgroup": "one",
            "mode": "lines", "line": {"width": 0, "color": COLOURS[regime]},
            "fillcolor": COLOURS[regime], "hovertemplate": "%{y:.0%}",
        })  # fmt: skip
    said = calls["regime"].reindex(drawn.index).map(_short)
    seen = path["regime"].reindex(drawn.index).map(_short)
    frame.add({
        "x": drawn.index, "y": np.ones(len(drawn)), "customdata": np.column_stack([said, seen]),
        "hovertemplate": "%{customdata[0]}; hindsight: %{customdata[1]}<extra>call</extra>",
        "mode": "lines", "line": {"width": 0, "color": GREY}, "showlegend": False,
    })  # fmt: skip
    settled = path["confirmed_on"].notna()
    frame.y().update(tickformat=".0%", range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75])
    frame.strip("Call", calls["regime"], pd.Series(True, calls.index), below=1)
    frame.strip("Hindsight", path["regime"], settled, below=2)
    notes = [note]
    if not settled.all():
        notes.append("Pale: hindsight may still change.")
    if published is not None and span[0] < published < span[1]:
        frame.mark([published], "dash", 2)
        notes.append("Dashed: published live from here on.")
    ahead = "" if horizon == 0 else f" {horizon} sessions later"
    return frame.finished(
        "What was said of each day",
        f"probability, said at each close, of each regime{ahead}",
        source,
        notes,
    )


def cumulative_leads(
    leads: pd.DataFrame,
    span: tuple[pd.Timestamp, pd.Timestamp],
    source: Source,
    *,
    events: pd.DataFrame | None = None,
) -> go.Figure:
    """Each basket's lead added up from the first day shown; parameters as of the ribbon.

    Parameters
    ----------
    leads : DataFrame indexed by day, one column per regime, in standard deviations
    """
    frame = Frame(span, events, height=220)
    note = frame.lines(leads[list(REGIMES)].cumsum(), "%{y:+.1f}")
    frame.y().update(zeroline=True, zerolinecolor=GREY)
    return frame.finished(
        "Lead of the three baskets, added up",
        "standard deviations of daily lead; a rising line leads",
        source,
        [note],
    )


def total_returns(
    indexed: pd.DataFrame,
    span: tuple[pd.Timestamp, pd.Timestamp],
    source: Source,
    *,
    events: pd.DataFrame | None = None,
) -> go.Figure:
    """What 100 became in each basket; parameters as of the ribbon.

    Parameters
    ----------
    indexed : DataFrame indexed by day, one column per regime, 100 on the first
    """
    frame = Frame(span, events, height=220)
    note = frame.lines(indexed[list(REGIMES)], "%{y:,.0f}")
    ticks = log_ticks(float(np.nanmin(indexed)), float(np.nanmax(indexed)))
    frame.y().update(type="log", tickvals=ticks, ticktext=[f"{one:,.0f}" for one in ticks])
    return frame.finished(
        "Total return of the three baskets",
        f"100 at the close of {day_words(indexed.index[0])}, logarithmic",
        source,
        [note],
    )


def placed(events: pd.DataFrame, span: tuple[pd.Timestamp, pd.Timestamp]) -> pd.DataFrame:
    """Events of a stretch with a `number` from 1 on, and the `level` their number stands on.

    Numbers on one level do not touch, not even on a phone; NaN where no level has room.

    Parameters
    ----------
    events : DataFrame with `date` and `title`, by date
    """
    shown = events[events["date"].between(*span)].reset_index(drop=True)
    room = _LABEL * (span[1] - span[0])
    free = [span[0] - room] * _LEVELS  # from when on each level has room
    levels = []
    for day in shown["date"]:
        fits = [level for level in range(_LEVELS) if day >= free[level]]
        levels.append(fits[0] if fits else np.nan)
        if fits:
            free[fits[0]] = day + room
    return shown.assign(number=range(1, len(shown) + 1), level=levels)


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers between two others, few enough to be read on a logarithmic axis."""
    if high / low > 5:
        decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        for steps in ((1, 2, 5), (1, 3), (1,)):
            ticks = [step * 10.0**decade for decade in decades for step in steps]
            inside = [one for one in ticks if low <= one <= high]
            if len(inside) <= most:
                break
        return inside[:: -(-len(inside) // most)]
    size = 10.0 ** np.floor(np.log10(high - low)) if high > low else 10.0
    for step in (size * one for one in (0.1, 0.2, 0.5, 1, 2, 5)):
        inside = list(np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step)
        if len(inside) <= most and step >= 1:
            break
    return [float(one) for one in inside] or [float(round(low))]


class Frame:
    """A chart over days, with room above for the numbers of events and below for strips.

    Its rows share their days; the numbers of events stand on the first, if there are any.
    """

    def __init__(
        self,
        span: tuple[pd.Timestamp, pd.Timestamp],
        events: pd.DataFrame | None,
        *,
        height: int,
        strips: int = 0,
    ) -> None:
        self.end, self.events = span[1], events
        levels = 0 if events is None else _levels(events)
        self._main = bool(levels) + 1
        heights = [_LEVEL * levels] * bool(levels) + [height] + [_STRIP] * strips
        self.height = sum(heights) + _GAP * (len(heights) - 1)
        self.traces: list[dict[str, Any]] = []
        self.layout: dict[str, Any] = {"shapes": []}
        top = float(self.height)
        for row, tall in enumerate(heights, start=1):
            last, number = row == len(heights), _number(row)
            self.layout[f"xaxis{number}"] = {
                "range": list(span), "showgrid": False, "anchor": f"y{number}",
                **({} if last else {"matches": f"x{len(heights)}", "showticklabels": False}),
            }  # fmt: skip
            ends = [max(top - tall, 0) / self.height, top / self.height]
            self.layout[f"yaxis{number}"] = {"domain": ends, "anchor": f"x{number}"}
            top -= tall + _GAP
        if events is not None and levels:
            self._number_events(events.dropna(subset="level"), levels)

    def y(self, below: int = 0) -> dict[str, Any]:
        """The vertical axis of the main row, or of one so many below it."""
        axis: dict[str, Any] = self.layout[f"yaxis{_number(self._main + below)}"]
        return axis

    def add(self, trace: dict[str, Any], below: int = 0) -> None:
        """Draw on the main row, or on one so many below it."""
        number = _number(self._main + below)
        self.traces.append(trace | {"xaxis": f"x{number}", "yaxis": f"y{number}"})

    def lines(self, frame: pd.DataFrame, hover: str) -> str:
        """A line for each regime; returns what was left out, in words."""
        drawn, note = thinned(frame)
        for regime in Regime:
            self.add({
                "x": drawn.index, "y": drawn[regime], "name": SHORT[regime], "mode": "lines",
                "line": {"color": COLOURS[regime], "width": 2}, "hovertemplate": hover,
            })  # fmt: skip
        return note

    def strip(
        self, name: str, regime: "pd.Series[str]", firm: "pd.Series[bool]", *, below: int
    ) -> None:
        """One band in the colours of a regime by day; each stretch reaches to the next."""
        self.y(below).update(range=[0, 1], tickvals=[0.5], ticktext=[name])
        begins = ((regime != regime.shift()) | (firm != firm.shift())).to_numpy()
        days = regime.index[begins]
        table = pd.DataFrame({"since": days, "until": [*days[1:], self.end][: len(days)]})
        table = table.assign(regime=regime[begins].to_numpy(), firm=firm[begins].to_numpy())
        for (named, sure), mine in table.groupby(["regime", "firm"], sort=False):
            since, until = mine["since"], mine["until"]
            gap = pd.Series(pd.NaT, mine.index, dtype=since.dtype)
            x = np.column_stack([since, since, until, until, gap]).ravel()
            strength = 1 if sure else _PALE
            self.add({
                "x": x, "y": np.tile([0, 1, 1, 0, np.nan], len(mine)), "mode": "lines",
                "line": {"width": 0}, "fill": "toself", "hoverinfo": "skip", "showlegend": False,
                "fillcolor": pale(COLOURS[Regime(named)], strength),
            }, below)  # fmt: skip

    def mark(self, days: Iterable[pd.Timestamp], dash: str, width: int) -> None:
        """Lines across all rows but the numbers."""
        line = {
            "type": "line", "xref": "x", "yref": "paper", "y0": 0, "y1": self.y()["domain"][1],
            "line": {"color": GREY, "width": width, "dash": dash},
        }  # fmt: skip
        self.layout["shapes"] += [line | {"x0": day, "x1": day} for day in days]

    def finished(self, title: str, unit: str, source: Source, notes: list[str]) -> go.Figure:
        """`style.finish`, with what must be said of the events."""
        if self.events is not None and len(self.events):
            notes.append("Dotted: the events listed below.")
            if hidden := int(self.events["level"].isna().sum()):
                words = f"{hidden} of {len(self.events)} have no room here and are only listed."
                notes.append(words)
        note = " ".join(one for one in notes if one)
        return finish(
            self.traces, self.layout, title, unit, source, height=self.height, note=note,
            left=_LEFT,
        )  # fmt: skip

    def _number_events(self, drawn: pd.DataFrame, levels: int) -> None:
        self.traces.append({
            "x": drawn["date"], "y": drawn["level"], "text": drawn["number"].astype(str),
            "mode": "text", "textfont": {"size": 11, "color": GREY}, "showlegend": False,
            "customdata": [escape(title) for title in drawn["title"]], "cliponaxis": False,
            "hovertemplate": "%{customdata}<extra></extra>",
        })  # fmt: skip
        self.layout["yaxis"].update(range=[-0.5, levels - 0.5], visible=False, fixedrange=True)
        self.layout["xaxis"]["zeroline"] = False
        self.mark(drawn["date"], "dot", 1)


def _levels(events: pd.DataFrame) -> int:
    drawn = events["level"].dropna()
    return 0 if drawn.empty else int(drawn.max()) + 1


def _number(row: int) -> str:
    """Of a row's axes; the first have none."""
    return "" if row == 1 else str(row)


def _short(regime: object) -> str:
    return SHORT[Regime(regime)] if isinstance(regime, str) else "unknown"
