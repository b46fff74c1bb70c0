"""The panel of what the store knew at some moment."""

import pandas as pd

from regime.data.calendar import last_closed_session, trading_days
from regime.data.catalog import CATALOG, Frequency
from regime.data.panel import point_in_time
from regime.data.store import ObservationStore
from regime.exceptions import StoreError

DAILY = [series.id for series in CATALOG.values() if series.frequency is Frequency.DAILY]


def panel_as_of(store: ObservationStore, as_of: pd.Timestamp | None = None) -> pd.DataFrame:
    """Everything stored as a panel, or what of it was known at `as_of` (UTC).

    Returns
    -------
    DataFrame of `data.panel`, from the first period stored to the newest close at which a
    daily value was known; one column per stored series, even if nothing of it was known.

    Raises
    ------
    StoreError
        If the store is empty, or knew of no daily value by then.
    """
    observations = store.read(as_of)
    daily = observations["series"].isin(DAILY)
    if not daily.any():
        summary = store.summary()
        raise StoreError(
            f"The store knew of no daily value by {as_of:%Y-%m-%d}; its first is of "
            f"{summary['first_period'].min():%Y-%m-%d}. Choose a later day."
        )
    last = last_closed_session(observations.loc[daily, "known_at"].max())
    days = trading_days(observations.loc[daily, "period"].min(), last)
    return point_in_time(observations, days, store.summary().index)
