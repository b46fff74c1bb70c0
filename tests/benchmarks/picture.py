"""The picture of the results: ratios, growth and waiting times, each beside its goal.

On a white card, so that it reads alike in light and dark pages; what missed its goal differs
by shape as well as by colour, and the colours stay apart for the colour-blind.
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from benchmarks.results import Row, quantity, rows
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

# A line of the picture stands for every row whose name has these words, by the worst of them.
RATIOS = {
    "EM step, 1,500 rows / hmmlearn": ("EM step, 1,500 rows, over hmmlearn",),
    "EM step, 16,000 rows / hmmlearn": ("EM step, 16,000 rows, over hmmlearn",),
    "EM step, 50,000 rows / hmmlearn": ("EM step, 50,000 rows, over hmmlearn",),
    "Ten fits to convergence / hmmlearn": ("EM to convergence",),
    "Ten fits to convergence / jumpmodels": ("over jumpmodels",),
    "Markov regression / statsmodels": ("over statsmodels",),
    "A monthly refit / hmmlearn": ("A monthly refit, over hmmlearn",),
    "EM step / its floor (the less, the better)": ("over its floor",),
    "Two workers / one": ("two workers over one",),
}
WAITS = {
    "regime --help": (" --help",),
    "regime score, after imports": ("regime score, after",),
    "regime app, until it answers": ("regime app",),
    "A new day: path": ("new day, path",),
    "A new day: climatology, persistence": ("new day, clim", "new day, pers"),
    "A new day: filter": ("new day, filter",),
    "A new day: logistic": ("new day, logistic",),
    "A new day: hist_gradient_boosting": ("new day, hist",),
    "A new day: boosting": ("new day, boosting$",),
    "A new day: boosting_from_filter": ("new day, boosting_from",),
    "A new day: gaussian_hmm": ("new day, gaussian",),
    "Store: five million rows in": ("Store: import$",),
    "Store: a further day": ("Store: a further",),
    "Store: panel of 40 series": ("Store: panel of 40 series, at worst",),
    "Store: wait of a reader": ("Store: longest",),
}
# Okabe and Ito's palette
MET, MISSED, PLAIN, INK, FAINT = "#0072B2", "#D55E00", "#7A7A7A", "#1A1A1A", "#D0D0D0"
CURVES = {
    "time_over_rows": ("rows", "#0072B2", "o"),
    "time_over_restarts": ("restarts", "#D55E00", "s"),
    "[states]": ("states", "#009E73", "^"),
    "[features]": ("features", "#CC79A7", "D"),
}
STYLE = {
    "svg.hashsalt": "regime", "font.family": "DejaVu Sans", "font.size": 9.5, "text.color": INK,
    "axes.labelcolor": INK, "axes.edgecolor": PLAIN, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 10.5,
}  # fmt: skip


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw what there is; the same results give the same bytes."""
    every = rows(results)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 5.6), facecolor="white", layout="constrained")
        left, right = figure.subfigures(1, 2)
        above, below = left.subplots(2, 1, height_ratios=[1, 1.15])
        _lines(above, worst(every, RATIOS), "Times faster than the other", least=0.5)
        _growth(below, results)
        _lines(right.subplots(), worst(every, WAITS), "Waiting, in seconds", least=2e-4)
        figure.legend(
            handles=_signs(), loc="outside lower center", ncols=4, frameon=False, fontsize=9
        )
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    # matplotlib leaves blanks at the ends of lines
    lines = [line.rstrip() for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def worst(every: list[Row], names: dict[str, tuple[str, ...]]) -> dict[str, Row]:
    """By label, of the rows it stands for the one that is farthest from being met."""
    found = {}
    for label, words in names.items():
        # `$` ends a name
        meant = [row for row in every if any(word in f"{row.name}$" for word in words)]
        if meant:
            found[label] = min(meant, key=_ease)
    return found


def _ease(row: Row) -> float:
    ratio = row.measured / (row.goal or 1.0)
    return ratio if row.more_is_better else 1 / ratio


def _signs() -> list[Line2D]:
    def sign(marker: str, colour: str, label: str) -> Line2D:
        return Line2D([], [], linestyle="", marker=marker, color=colour, label=label)

    return [
        sign("o", MET, "goal met"), sign("X", MISSED, "goal missed"), sign("o", PLAIN, "no goal"),
        Line2D([], [], linestyle="", marker="|", color=INK, markersize=11, markeredgewidth=2,
               label="the goal"),
    ]  # fmt: skip


def _lines(axes: Axes, shown: dict[str, Row], title: str, *, least: float) -> None:
    """A line of measurement per row with its goal as a tick."""
    axes.set_title(f"{title} (log scale)", loc="left", fontweight="bold")
    if not shown:
        axes.set_axis_off()
        return
    axes.set_xscale("log")
    most = max(max(row.measured, row.goal or 0.0) for row in shown.values())
    axes.set_xlim(least, most * 20)
    for at, row in enumerate(shown.values()):
        colour = PLAIN if row.met is None else MET if row.met else MISSED
        marker = "X" if row.met is False else "o"
        axes.hlines(at, least, row.measured, color=FAINT, linewidth=2, zorder=1)
        axes.plot(row.measured, at, marker, color=colour, markersize=7, zorder=3)
        if row.goal:
            axes.plot(row.goal, at, "|", color=INK, markersize=13, markeredgewidth=2, zorder=2)
        axes.annotate(
            quantity(row.measured, row.unit), (max(row.measured, row.goal or 0.0), at), (9, 0),
            textcoords="offset points", va="center", color=colour if row.met is False else INK,
        )  # fmt: skip
    axes.set_yticks(range(len(shown)), list(shown))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(shown) - 0.4, -0.8)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _growth(axes: Axes, results: dict[str, Any]) -> None:
    """Time of a step against what grows, both in multiples of the smallest."""
    axes.set_title("Time of a step as one size grows (log)", loc="left", fontweight="bold")
    widest = 1.0
    for name, (label, colour, marker) in CURVES.items():
        for part, found in results["benchmarks"].items():
            if name not in part:
                continue
            sizes = np.array([float(size) for size in found["detail"]["ms"]])
            times = np.array([one["median"] for one in found["detail"]["ms"].values()])
            slope = found["rows"][0]["measured"]
            axes.plot(
                sizes / sizes[0], times / times[0], marker=marker, color=colour, markersize=5,
                label=f"{label}, to {sizes[-1]:,.0f}: {slope:.2f}",
            )  # fmt: skip
            widest = max(widest, sizes[-1] / sizes[0])
    if widest == 1.0:
        axes.set_axis_off()
        return
    goal = [1, widest**1.1]
    axes.plot([1, widest], goal, "--", color=INK, linewidth=1, label="goal: 1.10")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axes.set_xlabel("size")
    axes.set_ylabel("time")
    axes.set_ylim(0.8, 1.7 * goal[1])
    axes.legend(frameon=False, fontsize=8.5, loc="upper left", title="exponents", alignment="left")
