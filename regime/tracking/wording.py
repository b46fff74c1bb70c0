"""How regimes, horizons and edges are named and coloured wherever they are shown."""

from collections.abc import Sequence
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
# Of words on those colours.
ON = {
    Regime.MEGA_CAP_LED: "#FFFFFF",
    Regime.BROADENING: "#111111",
    Regime.SMALL_CAP_LED: "#111111",
}
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
    return interval_words(row["edge"], row["edge_low"], row["edge_high"], row["n_episodes"])


def interval_words(edge: float, low: float | None, high: float | None, n_episodes: float) -> str:
    """An edge in nats with its interval, where one was computed and episodes are enough for it."""
    if low is None or high is None:
        return f"{edge:+.3f}"
    if n_episodes < FEW_EPISODES:
        return f"{edge:+.3f} [too few episodes]"
    return f"{edge:+.3f} [{low:+.3f}, {high:+.3f}]"


def moment_words(moment: pd.Timestamp) -> str:
    """A moment with a time zone as one writes it, in UTC to the minute."""
    there = moment.tz_convert("UTC")
    return f"{day_words(there)} at {there:%H:%M} UTC"


def listed(names: Sequence[str], most: int | None = None) -> str:
    """Names as one says them, "a, b and c"; beyond `most` the rest is counted."""
    shown = list(names[:most])
    if rest := len(names) - len(shown):
        shown.append(f"{rest} more")
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)
