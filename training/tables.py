"""Scores and today's probabilities as plain tables."""

from typing import Any

import pandas as pd
from rich import box
from rich.table import Table

from regime.experiment import ExperimentResult
from regime.taxonomy import REGIMES, Regime
from training.console import out, say

SIMULATED = "SIMULATED market: these numbers say nothing about real prices."


def horizon_name(horizon: int) -> str:
    """The horizon as a reader says it."""
    return "now" if horizon == 0 else f"in {horizon} days"


def score_tables(rows: list[dict[str, Any]], *, simulated: bool) -> None:
    """One table per basket set: log loss and edge over the filter, per horizon."""
    for baskets in dict.fromkeys(row["baskets"] for row in rows):
        mine = [row for row in rows if row["baskets"] == baskets]
        horizons = sorted({row["horizon"] for row in mine})
        first, last = min(r["test_from"] for r in mine), max(r["test_to"] for r in mine)
        days, episodes = max(r["n_days"] for r in mine), max(r["n_episodes"] for r in mine)
        say("")
        say(
            f"{baskets} baskets, {first} to {last}: {days:,} days, {episodes} episodes"
            + (f".  {SIMULATED}" if simulated else "")
        )
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("log loss, nats; edge over the filter [90%]")
        for horizon in horizons:
            table.add_column(horizon_name(horizon), justify="right")
        for name in dict.fromkeys(row["experiment"] for row in mine):
            by_horizon = {r["horizon"]: r for r in mine if r["experiment"] == name}
            table.add_row(name, *(_cell(by_horizon.get(horizon)) for horizon in horizons))
        out().print(table)
    say(
        "An edge above zero beats the filter; where its interval spans zero, the two cannot "
        "be told apart."
    )


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    if not row["edge_se"]:
        return f"{row['log_loss']:.3f}" + " " * 24
    interval = f"[{row['edge_low']:+.3f}, {row['edge_high']:+.3f}]"
    return f"{row['log_loss']:.3f}  {row['edge']:+.3f} \\{interval}"


def today_table(result: ExperimentResult, baskets: str, *, simulated: bool) -> None:
    """The newest probabilities of one experiment, and the call."""
    proba = result.predictions[result.predictions["baskets"] == baskets]
    day = proba["date"].max()
    latest = proba[proba["date"] == day].set_index("horizon")
    calls = result.calls[result.calls["baskets"] == baskets]
    call = calls.iloc[-1]
    say("")
    say(
        f"As of the close of {day:%Y-%m-%d}, {baskets} baskets, {result.config.name}"
        + (f".  {SIMULATED}" if simulated else "")
    )
    say(f"{call['words']}.  Called since {call['called_since']:%Y-%m-%d}; path since "
        f"{call['path_since']:%Y-%m-%d}." + (f"  {call['qualifier'].capitalize()}."
                                            if call["qualifier"] else ""))  # fmt: skip
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("probability that it is")
    for horizon in latest.index:
        table.add_column(horizon_name(int(horizon)), justify="right")
    away = 1 - latest[Regime.MEGA_CAP_LED]
    table.add_row("away from the giants", *(_percent(value) for value in away), style="bold")
    for name in REGIMES:
        table.add_row(Regime(name).words, *(_percent(value) for value in latest[name]))
    out().print(table)


def _percent(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.0%}"
