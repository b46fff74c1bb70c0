"""The panel of what the store knew at some moment."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from regime.data.calendar import last_closed_session, new_york_day, session_closes, trading_days
from regime.data.catalog import CATALOG, MODELLED, Frequency, prices_behind
from regime.data.checks.freshness import dated_by_closes
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
    store : where observations are kept
    as_of : a moment with a time zone, by default none: all that is stored
    series : ids of the columns wanted; by default everything stored that models may see

    Returns
    -------
    DataFrame of shape (n_days, n_series), as of `data.panel`, in the catalogue's units
        From the first period stored to the newest close at which a daily value was known; one
        column per stored series, even if nothing of it was known, and one for the total return of
        each fund whose prices are stored.

    Raises
    ------
    StoreError
        If the store is empty, or knew of no daily value by then.
    """
    asked = [*(MODELLED if series is None else series)]
    observations, wanted, days = _known(store, as_of, asked)
    panel = with_total_returns(point_in_time(observations, days, wanted))
    return panel[sorted({*map(str, panel)} & {*asked})]


@dataclass(frozen=True, slots=True)
class Known:
    """A panel, and what it was made of.

    Attributes
    ----------
    panel : DataFrame of `data.panel`, closes, dividends and splits of funds beside their total
        return; it ends on the newest close at which something was known that is known at a close
    observations : what the store knew, revisions included
    newest : the newest period known on the last day, by series; of a fund that of its closes
    """

    panel: pd.DataFrame
    observations: pd.DataFrame
    newest: dict[str, pd.Timestamp]


def known_as_of(
    store: ObservationStore, as_of: pd.Timestamp | None, series: Sequence[str]
) -> Known:
    """What was known of these series at `as_of` (UTC), and how old it was.

    Parameters
    ----------
    as_of : a moment with a time zone; None for all that is stored
    series : ids of what is wanted; prices of funds come along

    Raises
    ------
    As `panel_as_of`.
    """
    observations, wanted, days = _known(store, as_of, series)
    # What is published days after its period reaches beyond the last market day.
    prompt = observations["series"].isin([name for name in DAILY if CATALOG[name].lag == 0])
    if prompt.any():
        days = days[days <= observations.loc[prompt, "period"].max()]
    panel = with_total_returns(point_in_time(observations, days, wanted))
    close = session_closes(days[-1])[days[-1]]
    seen = observations[observations["known_at"] <= close]
    periods = seen.groupby("series", observed=True)["period"].max()
    newest = {str(name): pd.Timestamp(period) for name, period in periods.items()}
    return Known(panel, observations, dated_by_closes(newest, series))


def _known(
    store: ObservationStore, as_of: pd.Timestamp | None, asked: Sequence[str]
) -> tuple[pd.DataFrame, list[str], pd.DatetimeIndex]:
    """Observations of what is asked for, the series among them, and the days of a panel."""
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
        asked_for = new_york_day(as_of or pd.Timestamp.now("UTC"))
        raise StoreError(
            f"The store knew of no daily value by {asked_for:%Y-%m-%d}; "
            f"its first is of {summary['first_period'].min():%Y-%m-%d}. Choose a later day."
        )
    last = last_closed_session(observations.loc[daily, "known_at"].max())
    days = trading_days(observations.loc[daily, "period"].min(), last)
    return observations, wanted, days
