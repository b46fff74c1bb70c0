"""Scores as Markdown: the tables of METHOD.md."""

from collections.abc import Callable, Sequence
from typing import Any

from regime.tracking.wording import horizon_name

Row = dict[str, Any]


def score_markdown(rows: Sequence[Row]) -> str:
    """Per basket set: losses and edges, what stands behind the edges, and calibration."""
    parts = []
    for baskets in dict.fromkeys(row["baskets"] for row in rows):
        mine = [row for row in rows if row["baskets"] == baskets]
        first, last = min(row["test_from"] for row in mine), max(row["test_to"] for row in mine)
        episodes = max(row["n_episodes"] for row in mine)
        parts.append(f"**{baskets}** baskets, {first} to {last}, {episodes} episodes:\n")
        parts.append(_table(mine, _edge))
        if edges := [row for row in mine if row["edge_se"]]:
            parts.append(
                "Standard error of the edge with blocks of 126 / 252 / 504 days, and the smallest "
                "edge that could have been seen:\n"
            )
            parts.append(_table(edges, _behind))
        parts.append("ECE with its 90% interval, and what calibrated probabilities would show:\n")
        parts.append(_table(mine, _calibration))
    return "\n".join(parts)


def _table(rows: Sequence[Row], cell: Callable[[Row], str]) -> str:
    horizons = sorted({row["horizon"] for row in rows})
    found = {(row["experiment"], row["horizon"]): row for row in rows}
    names = list(dict.fromkeys(row["experiment"] for row in rows))

    def loss(name: str) -> float:
        return float(
            sum(found[name, h]["log_loss"] for h in horizons if (name, h) in found)
            / sum((name, h) in found for h in horizons)
        )

    lines = [
        "| model | " + " | ".join(horizon_name(horizon) for horizon in horizons) + " |",
        "|---" * (len(horizons) + 1) + "|",
    ]
    for name in sorted(names, key=loss):
        cells = [cell(found[name, h]) if (name, h) in found else "" for h in horizons]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _edge(row: Row) -> str:
    if not row["edge_se"]:
        return f"{row['log_loss']:.3f}"
    return (
        f"{row['log_loss']:.3f}, {row['edge']:+.3f} [{row['edge_low']:+.3f}, "
        f"{row['edge_high']:+.3f}]"
    )


def _behind(row: Row) -> str:
    errors = (row["edge_se_block_126"], row["edge_se"], row["edge_se_block_504"])
    return " / ".join(f"{error:.3f}" for error in errors) + f"; {row['detectable_edge']:.3f}"


def _calibration(row: Row) -> str:
    return (
        f"{row['ece']:.3f} [{row['ece_low']:.3f}, {row['ece_high']:.3f}]; "
        f"{row['ece_if_calibrated']:.3f}, up to {row['ece_if_calibrated_high']:.3f}"
    )
