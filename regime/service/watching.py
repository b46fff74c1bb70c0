"""Every number that is watched, as known at a moment: from the store to a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from regime.config import LabelConfig
from regime.data import baskets as basket_sets
from regime.data.as_of import Known, known_as_of
from regime.data.baskets import spliced_lead
from regime.data.store import ObservationStore
from regime.exceptions import PanelError, RegimeError
from regime.labels.leadership import leadership_path
from regime.settings import Settings
from regime.signals.composite import composite_test
from regime.signals.declaration import Signal
from regime.signals.declared.calendar import EVENTS
from regime.signals.numbers import signal_numbers
from regime.signals.prints import extra_columns
from regime.signals.registry import all_signals, history, series_behind
from regime.signals.seasons import by_cycle_year, by_place, lead_of_small
from regime.signals.watch import load_prices, load_watch
from regime.signals.watched import Watched
from regime.tracking.dated_events import load_events

if TYPE_CHECKING:
    from regime.bundle import Bundle

BASKETS = ("funds", "french")  # whose path is told, the first that is stored


def watch(
    settings: Settings,
    store: ObservationStore,
    moment: pd.Timestamp,
    *,
    baskets: Sequence[str] = BASKETS,
    switching_cost: float = LabelConfig().switching_cost,
) -> Watched:
    """Every signal on every day, from what was known at a moment (UTC).

    Raises
    ------
    StoreError
        If the store is empty, or knew of no daily value by then.
    ConfigError
        If what the user asks to be watched cannot be read.
    """
    signals = all_signals(load_watch(settings.home))
    simulated = store.is_simulated()
    panel, known = watched_panel(settings, store, moment, signals)
    labels, chosen = _path(panel, baskets, switching_cost)
    values = history(panel, signals)
    newest = dict(known.newest)
    for name in panel.columns.difference(known.panel.columns):
        if len(days := panel.index[panel[name].notna()]):
            newest[str(name)] = pd.Timestamp(days[-1])
    declarations, day = [one.declaration() for one in signals], pd.Timestamp(panel.index[-1])
    return Watched(
        day=day,
        panel=panel,
        history=values,
        declarations=declarations,
        numbers=signal_numbers(declarations, lambda names: values[names], labels, day, newest),
        labels=labels,
        baskets=chosen,
        simulated=simulated,
        seasons=_seasons(panel),
        tested=_tested(panel, values),
    )


def watched_panel(
    settings: Settings, store: ObservationStore, moment: pd.Timestamp, signals: Sequence[Signal]
) -> tuple[pd.DataFrame, Known]:
    """What these signals and the baskets read, as it was known at a moment (UTC), with the
    user's own prices and dated events; and what of it the store knew.

    Raises
    ------
    As `watch`.
    """
    legs = [name for one in basket_sets.BASKET_SETS.values() for name in one.series]
    known = known_as_of(store, moment, sorted({*series_behind(signals), *legs}))
    named = {name for one in signals for name in (*one.needs, *one.uses)}
    panel = known.panel.join(
        extra_columns(known.observations, pd.DatetimeIndex(known.panel.index), named)
    )
    return _with_own(panel, settings, simulated=store.is_simulated()), known


def watch_or_note(
    settings: Settings,
    store: ObservationStore,
    moment: pd.Timestamp,
    bundle: "Bundle",
    notes: list[str],
) -> Watched | None:
    """The same for a model's baskets; where it cannot be told, a note and nothing: probabilities
    are published all the same.
    """
    try:
        return watch(
            settings, store, moment, baskets=(bundle.baskets,),
            switching_cost=bundle.config.labels.switching_cost,
        )  # fmt: skip
    except Exception as error:  # noqa: BLE001 - told in the note
        kind = "" if isinstance(error, RegimeError) else f"{type(error).__name__}: "
        notes.append(f"Signals are not told: {kind}{error}")
        return None


def _seasons(panel: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    if not {"IWM", "SPY"} <= {*panel.columns}:
        return {}
    lead = lead_of_small(panel.reindex(columns=["IWM", "SPY", "qnt_2", "hi_10"]))
    tables = {"turn": by_place(lead), "cycle": by_cycle_year(lead)}
    return {name: _records(table) for name, table in tables.items()}


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): float(value) for key, value in row.items()}
            for row in table.to_dict("records")]  # fmt: skip


def _tested(panel: pd.DataFrame, values: pd.DataFrame) -> list[str]:
    """Whether the composite told anything of the market after it, as far as that is over."""
    if "SPY" not in panel or values["composite"].isna().all():
        return []
    return [f"The composite, tested: {composite_test(values['composite'], panel['SPY']).words}"]


def _with_own(panel: pd.DataFrame, settings: Settings, *, simulated: bool) -> pd.DataFrame:
    """The panel with the user's own prices and dated events."""
    prices = load_prices(settings.home).reindex(panel.index)
    dated = pd.DatetimeIndex(load_events(settings, simulated=simulated).table["date"])
    events = dated[(dated >= panel.index[0]) & (dated <= panel.index[-1])]
    on = pd.Series(0.0, panel.index)
    on.iloc[panel.index.searchsorted(events)] = 1.0  # of a day without a session, the next one
    own = {EVENTS: on} if len(events) else {}
    return pd.concat([panel, prices, pd.DataFrame(own, index=panel.index)], axis=1)


def _path(
    panel: pd.DataFrame, baskets: Sequence[str], switching_cost: float
) -> tuple[pd.DataFrame, str]:
    for name in baskets:
        try:
            lead = spliced_lead(panel, name)
        except PanelError:
            continue
        path = leadership_path(lead, switching_cost=switching_cost)
        return path.rename_axis("date").reset_index(), name
    never = pd.DatetimeIndex([]).as_unit("us")
    return pd.DataFrame({"date": never, "regime": [], "confirmed_on": never}), ""
