"""The panel of what the store knew at some moment."""

from collections.abc import Sequence

import pandas as pd

from regime.data.calendar import last_closed_session, trading_days
from regime.data.catalog import CATALOG, MODELLED, Frequency, prices_behind
from regime.data.panel import point_in_time
from regime.data.prices import with_total_returns
from regime.data.store import ObservationStore
from regime.exceptions import StoreError

DAILY = [series.id for series in CATALOG.values() if series.frequency is Frequency.DAILY]


def panel_as_of(
    store: ObservationStore,
    as_of: pd.Timestamp | None = None,
    series: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Everything stored as a panel, or what of it was known at `as_of` (UTC).

    Parameters
    ----------
    series : ids of the columns wanted; by default everything stored that models may see

    Returns
    -------
    DataFrame of `data.panel`, from the first period stored to the newest close at which a
    daily value was known; one column per stored series, even if nothing of it was known, and
    one for the total return of each fund whose prices are stored.

    Raises
    ------
    StoreError
        If the store is empty, or knew of no daily value by then.
    """
    asked = [*(MODELLED if series is None else series)]
    stored = set(store.series())
    wanted = [name for name in (*asked, *prices_behind(asked)) if name in stored]
    observations = store.read(as_of, wanted)
    daily = observations["series"].isin(DAILY)
    if not daily.any():
        if not stored & {*asked, *prices_behind(asked)} & {*DAILY}:
            raise StoreError(
                "The store holds no daily prices, returns or rates yet, and a panel has a row a "
                "trading day. Run `regime fetch --source live`, or yahoo, french or fred alone."
            )
        summary = store.summary()
        asked_for = (as_of or pd.Timestamp.now("UTC")).tz_convert("America/New_York")
        raise StoreError(
            f"The store knew of no daily value by {asked_for:%Y-%m-%d}; "
            f"its first is of {summary['first_period'].min():%Y-%m-%d}. Choose a later day."
        )
    last = last_closed_session(observations.loc[daily, "known_at"].max())
    days = trading_days(observations.loc[daily, "period"].min(), last)
    panel = with_total_returns(point_in_time(observations, days, wanted))
    return panel[sorted({*map(str, panel)} & {*asked})]
