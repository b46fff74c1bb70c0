"""What was said of each day, beside what hindsight says, with dated events across all of it."""

from collections.abc import Iterable
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.charts.style import COLOURS, GREY, SHORT, Source, finish, thinned
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
    figure, row = _framed(span, events, height=230, strips=2)
    drawn, note = thinned(proba)
    for regime in Regime:
        figure.add_scatter(
            x=drawn.index, y=drawn[regime], name=SHORT[regime], stackgroup="one", mode="lines",
            line={"width": 0, "color": COLOURS[regime]}, fillcolor=COLOURS[regime],
            hovertemplate="%{y:.0%}", row=row, col=1,
        )  # fmt: skip
    said = calls["regime"].reindex(drawn.index).map(_short)
    seen = path["regime"].reindex(drawn.index).map(_short)
    figure.add_scatter(
        x=drawn.index, y=np.ones(len(drawn)), customdata=np.column_stack([said, seen]),
        hovertemplate="%{customdata[0]}; hindsight: %{customdata[1]}<extra>call</extra>",
        mode="lines", line={"width": 0, "color": GREY}, showlegend=False, row=row, col=1,
    )  # fmt: skip
    settled = path["confirmed_on"].notna()
    _strip(figure, calls["regime"], pd.Series(True, calls.index), span[1], row + 1)
    _strip(figure, path["regime"], settled, span[1], row + 2)
    figure.update_yaxes(
        tickformat=".0%", range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75], row=row, col=1
    )
    for under, name in ((row + 1, "Call"), (row + 2, "Hindsight")):
        figure.update_yaxes(range=[0, 1], tickvals=[0.5], ticktext=[name], row=under, col=1)
    notes = [note]
    if not settled.all():
        notes.append("Pale: hindsight may still change.")
    if published is not None and span[0] < published < span[1]:
        _mark(figure, [published], "dash", 2)
        notes.append("Dashed: published live from here on.")
    ahead = "" if horizon == 0 else f" {horizon} sessions later"
    return _finished(
        figure,
        "What was said of each day",
        f"probability, said at each close, of each regime{ahead}",
        source,
        events,
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
    figure, row = _framed(span, events, height=220)
    note = _lines(figure, leads[list(REGIMES)].cumsum(), "%{y:+.1f}", row)
    figure.update_yaxes(zeroline=True, zerolinecolor=GREY, row=row, col=1)
    return _finished(
        figure,
        "Lead of the three baskets, added up",
        "standard deviations of daily lead; a rising line leads",
        source,
        events,
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
    figure, row = _framed(span, events, height=220)
    note = _lines(figure, indexed[list(REGIMES)], "%{y:,.0f}", row)
    ticks = log_ticks(float(np.nanmin(indexed)), float(np.nanmax(indexed)))
    figure.update_yaxes(
        type="log", tickvals=ticks, ticktext=[f"{one:,.0f}" for one in ticks], row=row, col=1
    )
    return _finished(
        figure,
        "Total return of the three baskets",
        f"100 at the close of {day_words(indexed.index[0])}, logarithmic",
        source,
        events,
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


def _framed(
    span: tuple[pd.Timestamp, pd.Timestamp],
    events: pd.DataFrame | None,
    *,
    height: int,
    strips: int = 0,
) -> tuple[go.Figure, int]:
    """An empty figure with room for numbers above and strips below, and its main row."""
    levels = 0 if events is None else _levels(events)
    heights = [_LEVEL * levels] * bool(levels) + [height] + [_STRIP] * strips
    figure = make_subplots(
        rows=len(heights), cols=1, shared_xaxes=True, row_heights=heights,
        vertical_spacing=_GAP / (sum(heights) + _GAP * (len(heights) - 1)),
    )  # fmt: skip
    figure.update_layout(height=sum(heights) + _GAP * (len(heights) - 1))
    figure.update_xaxes(range=list(span), showgrid=False)
    if events is not None and levels:
        _numbers(figure, events.dropna(subset="level"), levels)
    return figure, 1 + bool(levels)


def _levels(events: pd.DataFrame) -> int:
    drawn = events["level"].dropna()
    return 0 if drawn.empty else int(drawn.max()) + 1


def _numbers(figure: go.Figure, drawn: pd.DataFrame, levels: int) -> None:
    figure.add_scatter(
        x=drawn["date"], y=drawn["level"], text=drawn["number"].astype(str), mode="text",
        textfont={"size": 11, "color": GREY}, showlegend=False, row=1, col=1,
        customdata=[escape(title) for title in drawn["title"]], cliponaxis=False,
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(range=[-0.5, levels - 0.5], visible=False, fixedrange=True, row=1, col=1)
    figure.update_xaxes(zeroline=False, row=1, col=1)
    _mark(figure, drawn["date"], "dot", 1)


def _mark(figure: go.Figure, days: Iterable[pd.Timestamp], dash: str, width: int) -> None:
    rows = [axis.domain[1] for axis in figure.select_yaxes() if axis.visible is not False]
    mark = {
        "type": "line", "xref": "x", "yref": "paper", "y0": 0,
        "y1": max(rows),  # below the numbers, not through them
        "line": {"color": GREY, "width": width, "dash": dash},
    }  # fmt: skip
    lines = [mark | {"x0": day, "x1": day} for day in days]
    figure.layout.shapes = [*figure.layout.shapes, *lines]  # at once: each turn checks all


def _lines(figure: go.Figure, frame: pd.DataFrame, hover: str, row: int) -> str:
    drawn, note = thinned(frame)
    for regime in Regime:
        figure.add_scatter(
            x=drawn.index, y=drawn[regime], name=SHORT[regime], mode="lines",
            line={"color": COLOURS[regime], "width": 2}, hovertemplate=hover, row=row, col=1,
        )  # fmt: skip
    return note


def _strip(
    figure: go.Figure,
    regime: "pd.Series[str]",
    firm: "pd.Series[bool]",
    end: pd.Timestamp,
    row: int,
) -> None:
    """One band in the colours of a regime by day; each stretch reaches to the next."""
    begins = ((regime != regime.shift()) | (firm != firm.shift())).to_numpy()
    days = regime.index[begins]
    table = pd.DataFrame({"since": days, "until": [*days[1:], end][: len(days)]})
    table = table.assign(regime=regime[begins].to_numpy(), firm=firm[begins].to_numpy())
    for (name, sure), mine in table.groupby(["regime", "firm"], sort=False):
        since, until = mine["since"], mine["until"]
        gap = pd.Series(pd.NaT, mine.index, dtype=since.dtype)
        x = np.column_stack([since, since, until, until, gap]).ravel()
        figure.add_scatter(
            x=x, y=np.tile([0, 1, 1, 0, np.nan], len(mine)), mode="lines", line={"width": 0},
            fill="toself", fillcolor=_colour(Regime(name), 1 if sure else _PALE),
            hoverinfo="skip", showlegend=False, row=row, col=1,
        )  # fmt: skip


def _colour(regime: Regime, strength: float) -> str:
    parts = (int(COLOURS[regime][at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({','.join(map(str, parts))},{strength})"


def _short(regime: object) -> str:
    return SHORT[Regime(regime)] if isinstance(regime, str) else "unknown"


def _finished(
    figure: go.Figure,
    title: str,
    unit: str,
    source: Source,
    events: pd.DataFrame | None,
    notes: list[str],
) -> go.Figure:
    if events is not None and len(events):
        notes.append("Dotted: the events listed below.")
        if hidden := int(events["level"].isna().sum()):
            notes.append(f"{hidden} of {len(events)} have no room here and are only listed.")
    note = " ".join(one for one in notes if one)
    return finish(
        figure, title, unit, source, height=int(figure.layout.height), note=note, left=_LEFT
    )
