"""What is asked of every declared signal: that nothing absent or old is told as of today."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from watched import NO_PATH

from regime.brief.signals import signal_table
from regime.data import catalog
from regime.data.observations import from_values
from regime.data.panel import point_in_time
from regime.data.series import Frequency, Series, Unit
from regime.signals.declaration import Signal
from regime.signals.numbers import signal_numbers


def known_and_old(
    signals: Sequence[Signal], days: pd.DatetimeIndex, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two panels of all that these signals need, of random values.

    In the first every series is known to the last day. In the second each stopped so long before
    that its newest value is older than its `max_age` on the last day.
    """
    rng = np.random.default_rng(seed)
    names = sorted({name for one in signals for name in one.needs})
    found = {name: from_values(one := catalog.get(name), _values(one, days, rng), "test")
             for name in names}  # fmt: skip
    oldest = {name: days[-1] - pd.Timedelta(days=catalog.get(name).max_age) for name in names}
    old = [rows[rows["period"] < oldest[name]] for name, rows in found.items()]
    return point_in_time(pd.concat(found.values()), days), point_in_time(pd.concat(old), days)


def _values(series: Series, days: pd.DatetimeIndex, rng: np.random.Generator) -> "pd.Series[float]":
    periods = days
    if series.frequency is Frequency.MONTHLY:
        periods = pd.date_range(days[0] - pd.DateOffset(years=1), days[-1], freq="ME")
    steps = rng.normal(0, 0.01, len(periods))
    if series.unit is Unit.SHARE:
        steps = rng.random(len(periods))
    elif series.unit in {Unit.INDEX, Unit.LEVEL, Unit.PRICE}:
        steps = 100 * np.exp(steps.cumsum())
    return pd.Series(steps, periods)


def told_in_spite(
    signal: Signal,
    known: pd.DataFrame,
    old: pd.DataFrame,
    together: Iterable[tuple[str, ...]] = (),
) -> list[str]:
    """Needs without which a signal has a number all the same.

    Parameters
    ----------
    together : needs that stand in for one another, so that all of them must be old
    """
    read = {*signal.needs, *signal.uses}
    known = known[[name for name in known if name in read]]
    groups = [group for group in together if {*group} <= {*signal.needs}]
    grouped = {name for group in groups for name in group}
    groups += [(name,) for name in signal.needs if name not in grouped]
    wrong = [
        f"{', '.join(group)}: old"
        for group in groups
        if not np.isnan(signal.of(known.assign(**old[list(group)])).iloc[-1])
    ]
    return wrong + [
        f"{name}: absent"
        for name in signal.needs
        if signal.of(known.drop(columns=name)).notna().any()
    ]


def sides(signal: Signal) -> list[tuple[str, ...]]:
    """Baskets of several: of what is known of their members they are worked out."""
    pair = signal.pair
    return [one for one in (pair.of, pair.against) if len(one) > 1] if pair else []


def remedies(signals: Sequence[Signal]) -> dict[str, str]:
    """What each signal asks for where there has never been a value."""
    day = pd.Timestamp("2024-07-17")
    said = [one.declaration() for one in signals]
    nothing = pd.DataFrame(index=pd.DatetimeIndex([day]))
    numbers = signal_numbers(said, lambda _: nothing, NO_PATH, day, newest={})
    return signal_table(said, numbers).set_index("name")["remedy"].to_dict()


def unnamed(signals: Sequence[Signal]) -> list[str]:
    """Signals whose remedy does not say what they need and where it comes from."""
    said, most = remedies(signals), 8  # series that a remedy names
    needy = [one for one in signals if one.needs]
    return [
        one.name
        for one in needy
        if not re.search("regime fetch|own_series|events.csv", said[one.name])
        or not all(name in said[one.name] for name in one.needs[:most])
    ]
