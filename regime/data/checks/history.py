"""A history fetched again, held against the one that is stored."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from regime.data.catalog import CATALOG, Frequency, Unit
from regime.data.observations import COLUMNS

_REBASED = 0.1  # log; half of the stored closes moving by more is no correction of a few
_FEWEST = 5  # closes that both have
_NEUTRAL = {Unit.DIVIDEND: 0.0, Unit.SPLIT: 1.0}


def rebased(observations: pd.DataFrame, stored: pd.DataFrame) -> dict[str, str]:
    """Prices whose stored closes came back on another scale, and in what words that is told.

    A close as quoted that day never changes its scale, so either a split is missing in what
    came, or there is one too many. Parameters have the columns of
    `regime.data.observations`.
    """
    prices = [name for name in set(observations["series"]) if CATALOG[name].unit is Unit.PRICE]
    both = observations[observations["series"].isin(prices)].merge(
        stored.drop_duplicates(["series", "period"], keep="last"),
        on=["series", "period"],
        suffixes=("", "_stored"),
    )
    moved = pd.Series(np.log(both["value"].to_numpy() / both["value_stored"].to_numpy()))
    found = {}
    for name, moves in moved.groupby(both["series"].astype(str).to_numpy()):
        if len(moves) >= _FEWEST and abs(scale := float(moves.median())) > _REBASED:
            found[str(name)] = (
                f"{name}: half of the stored closes or more came back {np.exp(scale):.3g} times as "
                f"high: a split is missing at the provider, or one too many is listed. Nothing of "
                f"the fund was stored; fetch again tomorrow, and look its splits up if it goes on."
            )
    return found


def withdrawn(
    observations: pd.DataFrame,
    stored: pd.DataFrame,
    first: Mapping[str, pd.Timestamp],
    *,
    now: pd.Timestamp,
) -> pd.DataFrame:
    """Revisions that undo stored events which a fetch of their days did not bring again.

    Parameters
    ----------
    stored : what is stored, dividends and splits of the same source among it
    first : for each price fetched, its oldest period; events since then were asked for too

    Returns
    -------
    DataFrame with the columns of `regime.data.observations`: a dividend of zero, a split of
    one for one, known from `now`.
    """
    newest = stored.drop_duplicates(["series", "period"], keep="last")
    series = newest["series"].astype(str)
    events = {name for name in set(series) if CATALOG[name].frequency is Frequency.EVENT}
    since = series.map(
        {name: first.get(str(CATALOG[name].happens_to), pd.Timestamp.max) for name in events}
    )
    asked = newest[series.isin(events) & (newest["period"] >= since)]
    nothing = series[asked.index].map({name: _NEUTRAL[CATALOG[name].unit] for name in events})
    listed = pd.MultiIndex.from_frame(observations[["series", "period"]].astype({"series": "str"}))
    cells = pd.MultiIndex.from_arrays([series[asked.index], asked["period"]])
    gone = ~cells.isin(listed) & (asked["value"] != nothing).to_numpy()
    undone = asked[gone].assign(value=nothing[gone].astype("float64"), known_at=now)
    return undone[COLUMNS].reset_index(drop=True)
