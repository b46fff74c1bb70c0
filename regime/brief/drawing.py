"""The figures of the weekly note: SVG that stands in a page, in the page's own text colour."""

import io
import re
from typing import Any

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup, escape
from matplotlib import dates
from matplotlib.figure import Figure

from regime.taxonomy import REGIMES, Regime
from regime.tracking.wording import COLOURS, ON, SHORT, day_words

_WIDTH = 4.8  # inches, so that words of 9 points can be read on a phone
_INK = "#010203"  # stands for the colour of the text around it
_ROOM = 0.07  # of a bar, that its number needs
_STYLE: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "note", "font.size": 9, "font.family": "sans-serif",
    "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": _INK, "xtick.color": _INK,
    "ytick.color": _INK,
}  # fmt: skip


def bars(scores: dict[str, pd.DataFrame]) -> Markup:
    """Probabilities of each horizon, one bar per day.

    Parameters
    ----------
    scores : by the day as it is read, the earlier first: a DataFrame indexed by horizon (trading
        days), one column per regime
    """
    horizons = [int(one) for one in next(iter(scores.values())).index]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, 0.55 + 0.29 * len(horizons) * (len(scores) + 0.6)))
        axis = figure.subplots()
        places, names = [], []
        for group, horizon in enumerate(horizons):
            for line, (day, table) in enumerate(scores.items()):
                place = group * (len(scores) + 0.6) + line
                places.append(place)
                names.append(_row(horizon, day))
                left = 0.0
                for regime in Regime:
                    width = float(table[regime][horizon])
                    axis.barh(place, width, 0.86, left, color=COLOURS[regime])
                    if width >= _ROOM:
                        axis.text(
                            left + width / 2, place, f"{width:.0%}", ha="center", va="center",
                            color=ON[regime],
                        )  # fmt: skip
                    left += width
        axis.set(xlim=(0, 1), ylim=(max(places) + 0.6, -0.6), xticks=[], yticks=places)
        axis.set_yticklabels(names)
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0)
        _legend(figure)
        figure.subplots_adjust(
            left=0.28, right=0.995, top=0.99, bottom=0.3 / figure.get_figheight()
        )
        said = "; ".join(
            f"{_row(horizon, day)}: "
            + ", ".join(f"{SHORT[one]} {table[one][horizon]:.0%}" for one in Regime)
            for horizon in horizons
            for day, table in scores.items()
        )
        return _inline(figure, "bars", f"Probability of each regime. {said}.")


def _row(horizon: int, day: str) -> str:
    return f"{day}, {horizon} days on" if horizon else day


def ribbon(proba: pd.DataFrame, since: pd.Timestamp) -> Markup:
    """Probabilities now, day by day, and where the week begins.

    Parameters
    ----------
    proba : DataFrame indexed by day, one column per regime
    since : the close the week is told from
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, 1.9))
        axis: Any = figure.subplots()
        ticks: Any = dates
        days = proba.index.to_numpy()
        axis.stackplot(
            days, *(proba[name].to_numpy() for name in REGIMES), colors=list(COLOURS.values())
        )
        axis.axvline(since.to_datetime64(), color="#ffffff", linewidth=1.4, linestyle="--")
        locator = ticks.AutoDateLocator(minticks=3, maxticks=6)
        axis.xaxis.set_major_locator(locator)
        axis.xaxis.set_major_formatter(ticks.ConciseDateFormatter(locator, show_offset=False))
        axis.margins(x=0)
        axis.set(ylim=(0, 1), yticks=[0, 0.5, 1])
        axis.set_yticklabels(["0%", "50%", "100%"])
        axis.spines[:].set_visible(False)
        _legend(figure)
        figure.subplots_adjust(left=0.1, right=0.985, top=0.97, bottom=0.27)
        first, last = proba.index[0], proba.index[-1]
        words = (
            f"Probability of each regime at each close from {day_words(first)} to "
            f"{day_words(last)}; a dashed line marks {day_words(since)}."
        )
        return _inline(figure, "ribbon", words)


def _legend(figure: Figure) -> None:
    handles = [mpl.patches.Patch(color=COLOURS[regime], label=SHORT[regime]) for regime in Regime]
    figure.legend(
        handles=handles, loc="lower center", ncols=3, frameon=False, handlelength=1,
        borderaxespad=0, columnspacing=1.2,
    )  # fmt: skip


def _inline(figure: Figure, name: str, words: str) -> Markup:
    """The figure as an element of a page; `words` for who cannot see it."""
    text = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    drawn = text.getvalue()
    drawn = drawn[drawn.index("<svg") :].replace(_INK, "currentColor")
    # Two figures of a page share its names.
    drawn = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", drawn)
    box = re.search(r'viewBox="[^"]+"', drawn)
    body = drawn[drawn.index(">") + 1 :]
    opening = f'<svg class="figure" role="img" {box.group() if box else ""}'
    return Markup(f'{opening} aria-label="{escape(words)}">{body}')  # noqa: S704 - drawn here
