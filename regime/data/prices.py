"""What a share of a fund was worth: as quoted each day, and with all that it paid.

Closes, dividends and splits are stored as they were on their day; the total return is
derived from them, so a later dividend or split changes no stored number.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.data import catalog
from regime.data.calendar import session_closes
from regime.data.declared.funds import FUNDS, KINDS
from regime.data.observations import from_values, gather
from regime.exceptions import SourceError

_NOISE = 2.0**-23  # of a number that went through 32 bits
_TICKS = {64: pd.Timestamp("2001-04-10"), 100: pd.Timestamp.max}  # of a dollar, and until when

_Floats = npt.NDArray[np.float64]


def as_quoted(values: "pd.Series[float]") -> "pd.Series[float]":
    """Undo the noise of 32-bit numbers, by day: the cents or 64ths meant, else four decimals."""
    quoted = values.round(4)
    for ticks, until in _TICKS.items():
        nearest = (values * ticks).round() / ticks
        meant = ((values - nearest).abs() <= _NOISE * values.abs()) & (values.index < until)
        quoted = quoted.mask(meant, nearest)
    return quoted


def fund_observations(
    ticker: str,
    share: pd.DataFrame,
    source: str,
    *,
    now: pd.Timestamp,
    settling: pd.Timedelta,
    since: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Observations of a fund's closes, dividends and splits.

    Parameters
    ----------
    share : DataFrame with columns `close`, `dividend`, `split`, indexed by New York day
        USD as quoted that day and new shares for one old; NaN where there was none.
    now : Timestamp (UTC)
    settling : how long after a session closed its numbers still move
        Days that had not settled by `now`, and days before `since`, are left out.

    Raises
    ------
    SourceError
        If a day is no session, comes twice or out of order, or a number is not above zero.
    """
    days = pd.DatetimeIndex(share.index)
    closes = session_closes(now.tz_convert(None)).reindex(days)
    faults = {
        "is no trading day of New York": closes.isna().to_numpy(),
        "comes twice": days.duplicated(),
        "comes after a later day": np.r_[False, np.asarray(days[1:] < days[:-1])],
        "has a number that is not above zero": (share <= 0).any(axis=1).to_numpy(),
    }
    for words, rows in faults.items():
        if rows.any():
            raise SourceError(
                f"Prices of {ticker} must be positive, one row a session, but of {source} "
                f"{days[rows.argmax()]:%Y-%m-%d} {words}. Nothing of it was stored; try later."
            )
    settled = share[(closes + settling <= now).to_numpy() & (days >= (since or days.min()))]
    return gather(
        [from_values(catalog.get(f"{ticker}_{kind}"), settled[kind], source) for kind in KINDS]
    )


def with_total_returns(panel: pd.DataFrame) -> pd.DataFrame:
    """Add to the panel the total-return index of each fund with a closing price.

    Parameters
    ----------
    panel : DataFrame of `data.panel`
        `T_close` in USD as quoted; `T_dividend` and `T_split` hold on day t what became
        known between the close before and t, NaN where nothing did; `T` may hold a stored
        index.

    Returns
    -------
    DataFrame, the panel with a column `T` for each fund of which `T_close` has a value.
        Only ratios between two days mean anything. From a day s with a close to the next
        day t with one, an account of one share grows by

            (shares * close_t + cash) / close_s,

        where a split multiplies the shares, and a dividend then pays each share, those that
        the split of its own day made included: the dividend is per new share. Cash waits
        for t and buys at its close. A stored index takes over on a day that it reaches from
        a nearer day than the closes do, so a file's history and live closes join without a
        jump. Starts at the stored index where that has a value on the first day, else at
        100. NaN on a day with neither, and on days that no close and no index connects
        with the days before: nobody knows what happened in between.

    Rows up to t do not depend on later rows.
    """
    indices = {
        ticker: _total_return(*(_column(panel, name) for name in _names(ticker)))
        for ticker in FUNDS
        if f"{ticker}_close" in panel and panel[f"{ticker}_close"].notna().any()
    }
    return panel.assign(**indices)


def _names(ticker: str) -> list[str]:
    return [*(f"{ticker}_{kind}" for kind in KINDS), ticker]


def _column(panel: pd.DataFrame, name: str) -> _Floats:
    missing = np.full(len(panel), np.nan)
    return panel[name].to_numpy(dtype=np.float64) if name in panel else missing


def _total_return(close: _Floats, dividend: _Floats, split: _Floats, index: _Floats) -> _Floats:
    """One fund's index from its closes, dividends, splits and stored index."""
    level = np.full(len(close), np.nan)
    known = np.flatnonzero(~(np.isnan(close) & np.isnan(index)))
    if not len(known):
        return level
    start = int(known[0])
    level[start] = 100.0 if np.isnan(index[start]) else index[start]
    # The newest day, with a level, that has a close (index); -1 before there is one.
    at_close = -1 if np.isnan(close[start]) else start
    at_index = -1 if np.isnan(index[start]) else start
    paid, made = np.nan_to_num(dividend).tolist(), np.where(np.isnan(split), 1.0, split).tolist()
    shares, cash = 1.0, 0.0  # of an account that held one share at `at_close`
    for t in range(start + 1, len(close)):
        shares *= made[t]
        cash += shares * paid[t]
        from_close = at_close if close[t] == close[t] else -1  # NaN differs from itself
        from_index = at_index if index[t] == index[t] else -1
        if max(from_close, from_index) < 0:
            continue
        if from_close >= from_index:
            growth = (shares * close[t] + cash) / close[from_close]
            level[t] = level[from_close] * growth
        else:
            level[t] = level[from_index] / index[from_index] * index[t]
        if close[t] == close[t]:
            at_close, shares, cash = t, 1.0, 0.0
        if index[t] == index[t]:
            at_index = t
    return level
