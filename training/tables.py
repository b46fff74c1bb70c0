"""Scores and today's probabilities as plain lines, readable on 80 columns and in a pipe."""

from typing import Any

import pandas as pd

from regime.experiment import ExperimentResult
from regime.taxonomy import REGIMES, Regime
from regime.tracking.wording import edge_words, horizon_name
from training.console import SIMULATED, note, say


def score_tables(rows: list[dict[str, Any]], *, simulated: bool) -> None:
    """One table per basket set: per horizon each model's loss, edge and delay."""
    width = max(12, *(len(row["experiment"]) for row in rows)) + 2
    for baskets in dict.fromkeys(row["baskets"] for row in rows):
        mine = [row for row in rows if row["baskets"] == baskets]
        first, last = min(row["test_from"] for row in mine), max(row["test_to"] for row in mine)
        days, episodes = (max(row[key] for row in mine) for key in ("n_days", "n_episodes"))
        stretches = "1 episode" if episodes == 1 else f"{episodes} episodes"
        say(f"\n{baskets} baskets, {first} to {last}: {days:,} days, {stretches}")
        if simulated:
            say(SIMULATED)
        say(f"{'':{width}}  log loss   edge over the filter [90%]   days late")
        for horizon in sorted({row["horizon"] for row in mine}):
            say(horizon_name(horizon))
            for row in sorted(mine, key=lambda row: row["log_loss"]):
                if row["horizon"] == horizon:
                    say(_score_line(row, width))
    say(
        "\nLog loss in nats. An edge above zero beats the filter; where its interval spans zero\n"
        "the two cannot be told apart. Days late: from a change of regime until it was called;\n"
        "one that never was counts with its whole length."
    )


def warn_of_states(result: ExperimentResult) -> None:
    """Say so where the states of a refit could not be matched with the fit before it."""
    if "match_ambiguous" in result.fits:
        matched = result.fits["match_ambiguous"].dropna()
        if matched.any():
            note(
                f"warning: {result.config.name}: at {int(matched.sum())} of {len(matched)} refits "
                "the hidden states could not be matched with certainty to those before; "
                "probabilities do not depend on it. See fit_match_* in regime ui."
            )


def _score_line(row: dict[str, Any], width: int) -> str:
    edge = edge_words(row)
    late = "" if row["detection_delay_days"] is None else f"{row['detection_delay_days']:.0f}"
    return f"  {row['experiment']:{width}}{row['log_loss']:8.3f}   {edge:28} {late:>6}"


def today_table(said: dict[str, Any]) -> None:
    """The newest probabilities of the model in service, and the call."""
    about, scores, call = said["about"], said["scores"], said["calls"].iloc[-1]
    day = scores["date"].max()
    latest = scores[scores["date"] == day].set_index("horizon")
    say(
        f"\nAs of the close of {day:%Y-%m-%d}: {about['experiment']}, version "
        f"{about['model_version']}, {about['baskets']} baskets"
    )
    if about["simulated"]:
        say(SIMULATED)
    say(f"{call['words']}.")
    dates = f"Called since {call['called_since']:%Y-%m-%d}"
    if pd.notna(call["path_since"]):
        dates += f"; in hindsight since {call['path_since']:%Y-%m-%d}"
    qualifier = f" {call['qualifier'].capitalize()}." if call["qualifier"] else ""
    say(f"{dates}.{qualifier}")
    width = max(len(regime.words) for regime in Regime) + 2
    say(f"{'':{width}}" + "".join(f"{horizon_name(int(h)):>12}" for h in latest.index))
    away = 1 - latest[Regime.MEGA_CAP_LED]
    for label, values in [
        ("Away from the giants", away),
        *((Regime(name).words, latest[name]) for name in REGIMES),
    ]:
        say(f"{label:{width}}" + "".join(f"{value:>12.0%}" for value in values))
