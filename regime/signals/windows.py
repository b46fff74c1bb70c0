"""Returns over many windows, declared at once."""

from collections.abc import Callable, Sequence

import pandas as pd

from regime.signals.declaration import POINTS, RETURN, STREAK, Measure, Pair, Signal, Topic
from regime.signals.measures import mean_of, streak, total, year_to_date

SPANS = {1: "a day", 3: "three days", 5: "a week", 21: "a month", 63: "a quarter",
         126: "half a year", 252: "a year"}  # fmt: skip
Window = Callable[["pd.Series[float]"], "pd.Series[float]"]


def returns(
    name: str,
    title: str,
    of: str | Sequence[str],
    topic: Topic,
    *,
    against: str | Sequence[str] = (),
    spans: Sequence[int] = (5, 21, 63, 252),
    ytd: bool = True,
    features: Sequence[int] = (),
    trap: str = "",
) -> list[Signal]:
    """A return, or one less another, over each span and in the year so far.

    Parameters
    ----------
    name, title : without the window, which is added
    of, against : total-return indices; of several, a basket in equal parts
    spans : sessions
    features : those of `spans` that a model may read

    Returns
    -------
    list of Signal, named `<name>_<span>d` and `<name>_ytd`, in decimal returns or differences of
    them
    """
    pair = Pair(title, _several(of), _several(against))
    unit = POINTS if pair.against else RETURN
    found = [
        Signal(f"{name}_{days}d", f"{title}, {SPANS.get(days, f'{days} sessions')}", unit,
               needs(pair), over(pair, _total(days)), topic, pair=pair,
               feature=days in features, trap=trap)
        for days in spans
    ]  # fmt: skip
    if ytd:
        found.append(Signal(f"{name}_ytd", f"{title}, year to date", unit, needs(pair),
                            over(pair, year_to_date), topic, pair=pair, trap=trap))  # fmt: skip
    return found


def run_of(name: str, title: str, pair: Pair, topic: Topic, *, feature: bool = False) -> Signal:
    """Sessions in a row that the first side has beaten the second, or risen."""

    def measure(panel: pd.DataFrame) -> "pd.Series[float]":
        return streak(over(pair, _total(1))(panel).round(12))

    return Signal(name, title, STREAK, needs(pair), measure, topic, feature=feature)


def over(pair: Pair, window: Window) -> Measure:
    """What a pair returned in a window, the first side less the second."""

    def measure(panel: pd.DataFrame) -> "pd.Series[float]":
        own = window(mean_of(panel, pair.of))
        return own - window(mean_of(panel, pair.against)) if pair.against else own

    return measure


def needs(pair: Pair) -> tuple[str, ...]:
    """Every series of a pair."""
    return (*pair.of, *pair.against)


def _total(days: int) -> Window:
    return lambda level: total(level, days)


def _several(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
