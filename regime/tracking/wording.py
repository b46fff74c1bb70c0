"""How regimes, horizons and edges are named and coloured wherever they are shown."""

from typing import Any

import pandas as pd

from regime.taxonomy import Regime

# Okabe and Ito (2008): told apart with every common colour-vision deficiency.
COLOURS = {
    Regime.MEGA_CAP_LED: "#0072B2",
    Regime.BROADENING: "#E69F00",
    Regime.SMALL_CAP_LED: "#009E73",
}
FEW_EPISODES = 10  # below which an interval would only look like one
SHORT = {regime: regime.words.split(" (")[0] for regime in Regime}


def horizon_name(horizon: int) -> str:
    """The horizon as a reader says it."""
    return "now" if horizon == 0 else f"in {horizon} days"


def day_words(day: pd.Timestamp) -> str:
    """A day as one writes it."""
    return f"{day.day} {day:%B %Y}"


def edge_words(row: dict[str, Any]) -> str:
    """An edge over the filter with its interval, or why there is none."""
    if not row["edge_se"]:
        return "the model to beat"
    if row["n_episodes"] < FEW_EPISODES:
        return f"{row['edge']:+.3f} [too few episodes]"
    return f"{row['edge']:+.3f} [{row['edge_low']:+.3f}, {row['edge_high']:+.3f}]"
