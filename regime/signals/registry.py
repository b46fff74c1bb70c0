"""Every signal by name, the panel columns they need, and their history."""

import difflib
from collections.abc import Sequence

import pandas as pd

from regime.data.catalog import CATALOG
from regime.exceptions import ConfigError
from regime.signals.declaration import Signal
from regime.signals.declared import (
    abroad,
    breadth,
    calendar,
    companies,
    composite,
    economy,
    levels,
    positioning,
    rates,
    sectors,
    sizes,
    styles,
    valuation,
    yours,
)
from regime.signals.watch import DEFAULT, Watch

SIGNALS: dict[str, Signal] = {
    signal.name: signal
    for module in (
        sizes, valuation, rates, breadth, sectors, styles, positioning, companies, composite,
        economy, levels, abroad, calendar,
    )
    for signal in module.SIGNALS
}  # fmt: skip


def all_signals(watch: Watch = DEFAULT) -> list[Signal]:
    """Those of the project, and those that a user asks for."""
    return [*SIGNALS.values(), *yours.signals_of(watch)]


def get(name: str) -> Signal:
    """The signal of that name; a ConfigError names the nearest ones."""
    if name not in SIGNALS:
        near = difflib.get_close_matches(name, SIGNALS, n=3, cutoff=0.5)
        guess = f" Near it are {', '.join(near)}." if near else ""
        raise ConfigError(f"There is no signal {name!r}.{guess} `regime signals` lists them.")
    return SIGNALS[name]


def series_behind(signals: Sequence[Signal]) -> list[str]:
    """Series of the catalogue that these read, in alphabetical order."""
    named = {name.split("@")[0] for one in signals for name in (*one.needs, *one.uses)}
    return sorted(named & {*CATALOG})


def history(panel: pd.DataFrame, signals: Sequence[Signal]) -> pd.DataFrame:
    """Each signal on each day of a panel.

    Parameters
    ----------
    panel : DataFrame of shape (n_days, n_series), as of `data.panel`
    signals : what to compute, each in its own unit

    Returns
    -------
    DataFrame of shape (n_days, n_signals), NaN where not known; row t depends on rows up to t
    """
    return pd.DataFrame({one.name: one.of(panel) for one in signals}, index=panel.index)
