"""Figures a run keeps beside its numbers. Drawn without a screen."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from regime.taxonomy import REGIMES, Regime
from regime.tracking.settled import on_settled_days
from regime.tracking.wording import COLOURS, SHORT, horizon_name

# Across a ribbon: three to a pixel, and a tenth of the time half a century takes.
MOST_POINTS = 3000


def probability_ribbon(predictions: pd.DataFrame, labels: pd.DataFrame) -> Figure:
    """Walk-forward probabilities per horizon, above the hindsight path."""
    horizons = sorted(predictions["horizon"].unique())
    figure = Figure(figsize=(11, 2.1 * len(horizons) + 1))
    figure.subplots_adjust(left=0.07, right=0.98, top=0.94, bottom=0.09, hspace=0.3)
    ratios = [1.0] * len(horizons) + [0.18]
    axes = figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios)
    for axis, horizon in zip(axes, horizons, strict=False):
        proba = predictions[predictions["horizon"] == horizon].set_index("date")
        proba = proba.iloc[:: max(1, len(proba) // MOST_POINTS)]
        axis.stackplot(
            proba.index, *(proba[name] for name in REGIMES),
            colors=list(COLOURS.values()), labels=list(SHORT.values()),
        )  # fmt: skip
        axis.margins(x=0)
        axis.set(ylim=(0, 1), ylabel="probability", title=horizon_name(int(horizon)))
    axes[0].legend(ncols=3, loc="lower left", fontsize=8)
    path = labels.set_index("date").loc[predictions["date"].min() :, "regime"]
    for name in Regime:
        axes[-1].fill_between(
            path.index, 0, 1, where=path == name, color=COLOURS[name], step="post"
        )
    axes[-1].set(yticks=[], xlabel="the path in hindsight")
    return figure


def reliability(predictions: pd.DataFrame, labels: pd.DataFrame) -> Figure:
    """How often it was so when so much was said, per horizon and regime."""
    horizons = sorted(predictions["horizon"].unique())
    figure = Figure(figsize=(3.6 * len(horizons), 3.8))
    figure.subplots_adjust(left=0.2 / len(horizons), right=0.97, top=0.9, bottom=0.14, wspace=0.12)
    axes = np.atleast_1d(figure.subplots(1, len(horizons), sharey=True))
    path = labels.set_index("date")
    for axis, horizon in zip(axes, horizons, strict=True):
        proba = predictions[predictions["horizon"] == horizon].set_index("date")
        proba, actual = on_settled_days(proba, path, int(horizon))
        axis.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for name in Regime:
            said = proba[name]
            bins = (said * 10).clip(upper=9).astype(int)
            grouped = pd.DataFrame({"said": said, "so": actual == name}).groupby(bins)
            points = grouped.mean()[grouped.size() >= 30]
            axis.plot(points["said"], points["so"], "o-", color=COLOURS[name], label=SHORT[name])
        axis.set(title=horizon_name(int(horizon)), xlabel="said", xlim=(0, 1), ylim=(0, 1))
    axes[0].set_ylabel("was so")
    axes[0].legend(fontsize=8)
    return figure


def edge_by_decade(scores: list[dict[str, Any]]) -> Figure:
    """Edge over the filter in each decade, one line per horizon."""
    figure = Figure(figsize=(7, 3.6))
    figure.subplots_adjust(left=0.13, right=0.97, top=0.9, bottom=0.1)
    axis = figure.subplots()
    axis.axhline(0, color="0.6", linewidth=1)
    for row in scores:
        decades = [entry["decade"] for entry in row["by_decade"]]
        edges = [entry["edge"] for entry in row["by_decade"]]
        axis.plot(decades, edges, "o-", label=horizon_name(row["horizon"]))
    axis.set(ylabel="edge over the filter, nats", title="Above zero beats the filter")
    axis.legend(fontsize=8)
    return figure
