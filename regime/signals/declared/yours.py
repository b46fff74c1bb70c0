"""Signals of what a user asks to be watched: levels and baskets."""

from dataclasses import replace

import numpy as np
import pandas as pd

from regime.data.catalog import CATALOG
from regime.signals.declaration import DAYS, POINTS, RETURN, Measure, Signal, Topic
from regime.signals.declared.levels import CURRENCIES, dollar_index
from regime.signals.measures import since
from regime.signals.watch import DOLLAR, PRICES, Basket, Level, Watch, price_of

FAMILY = "yours"
CROSSED = "_crossed"  # ends the name of a signal that counts sessions since a level was crossed

LEVELS = Topic(
    "Watch levels", FAMILY,
    "How far is the price from the level that was named?",
    "Levels that many watch are where many act.",
    trap="Prices as quoted, in shares of the day the level was set; a total-return index has no "
    "level. Before that day nobody watched it.",
)  # fmt: skip
BASKETS = Topic(
    "Custom basket since an event", FAMILY,
    "What has it earned since, against the others?",
    "Whoever says that an event changed the market can be held to the day.",
    trap="Equal parts bought at the close of that day and held. The day was chosen in hindsight.",
)  # fmt: skip


def signals_of(watch: Watch) -> list[Signal]:
    """A distance and a crossing for each level, a lead for each basket."""
    found: list[Signal] = []
    for name, level in watch.levels.items():
        found += _of_level(name, level)
    return [*found, *(_of_basket(name, basket) for name, basket in watch.baskets.items())]


def _supplied(topic: Topic, needs: tuple[str, ...]) -> Topic:
    """The topic, and what to do about prices that no source brings."""
    own = [name for name in needs if name not in CATALOG]
    if not own:
        return topic
    rest = " For the others run `regime fetch --source live`." if len(own) < len(needs) else ""
    return replace(
        topic, supply=f"Put the closes of {', '.join(own)} into {PRICES} in the home folder.{rest}"
    )


def _of_level(name: str, level: Level) -> list[Signal]:
    column = price_of(level.of)
    needs = CURRENCIES if level.of == DOLLAR else (column,)
    split = (f"{level.of}_split",) if column != level.of else ()
    title = f"{name.replace('_', ' ').capitalize()}: {level.of} against {level.at:,.10g}"

    def distance(panel: pd.DataFrame) -> "pd.Series[float]":
        price = dollar_index(panel) if level.of == DOLLAR else panel[column]
        then = pd.Timestamp(level.set)
        shares = panel[split[0]].fillna(1.0).where(panel.index > then, 1.0) if split else None
        price = price if shares is None else price * shares.cumprod()
        return (price / level.at - 1).where(panel.index >= then)

    def crossed(panel: pd.DataFrame) -> "pd.Series[float]":
        return _since_crossed(distance(panel))

    topic = _supplied(LEVELS, needs)
    return [
        Signal(f"level_{name}", f"{title}, distance", RETURN, needs, distance, topic, uses=split),
        Signal(f"level_{name}{CROSSED}", f"{title}, sessions since it was crossed", DAYS, needs,
               crossed, topic, uses=split),
    ]  # fmt: skip


def _since_crossed(distance: "pd.Series[float]") -> "pd.Series[float]":
    """Rows since the price was last on the other side; NaN while it never was."""
    place = pd.Series(np.arange(len(distance), dtype=np.float64), distance.index)
    known = distance.dropna()
    above = known >= 0
    changed = above.ne(above.shift()) & above.shift().notna()
    on = place.reindex(known.index).where(changed).ffill().reindex(distance.index)
    return place - on


def _of_basket(name: str, basket: Basket) -> Signal:
    lead = f" less {', '.join(basket.against)}" if basket.against else ""
    title = f"{name.replace('_', ' ').capitalize()}: {', '.join(basket.of)}{lead}"
    begun, needs = pd.Timestamp(basket.since), (*basket.of, *basket.against)
    return Signal(
        f"basket_{name}", f"{title}, from {basket.since:%-d %b %Y}",
        POINTS if basket.against else RETURN, needs, _held(basket, begun),
        _supplied(BASKETS, needs),
    )  # fmt: skip


def _held(basket: Basket, begun: pd.Timestamp) -> Measure:
    def measure(panel: pd.DataFrame) -> "pd.Series[float]":
        own = bought(panel, basket.of, begun)
        return own - bought(panel, basket.against, begun) if basket.against else own

    return measure


def bought(panel: pd.DataFrame, names: tuple[str, ...], day: pd.Timestamp) -> "pd.Series[float]":
    """Return of equal parts bought at the close of a day and held, decimal; NaN if one is."""
    each = pd.DataFrame({name: since(panel[name], day) for name in names})
    return each.mean(axis=1, skipna=False)
