"""All numbers of a table of signals on one day; what they are called is somebody else's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from regime.data.calendar import trading_days
from regime.signals.favoured import favoured
from regime.signals.standing import KNOWN, standing

_AT_ONCE = 48  # signals whose history is held in memory together
_BLANK = ("percentile", "window_from", "change_21", "change_63", "extreme", "extreme_on",
          "extreme_since", "extreme_from", "share", "usual", "low", "high")  # fmt: skip
History = Callable[[list[str]], pd.DataFrame]


def signal_numbers(
    declarations: Sequence[Mapping[str, Any]],
    history: History,
    labels: pd.DataFrame,
    day: pd.Timestamp,
    newest: Mapping[str, pd.Timestamp] | None = None,
) -> pd.DataFrame:
    """A row per declaration, in their order; nothing that came after `day` is read.

    Parameters
    ----------
    declarations : mappings with `name`, and where they have them `needs` and `ranked`
    history : gives the signals of these names, a column each, indexed by ascending trading days;
        a column that it does not have is never known
    labels : `date`, `regime` and `confirmed_on`, hindsight as it looked on `day`
    day : the close that is looked at
    newest : the last period of each series behind the values of `day`

    Returns
    -------
    DataFrame with `name` and the columns of `standing` and `favoured`. `of` is the oldest period
    that the value of `day` rests on, and `old` the sessions since then (NaT and NaN where `newest`
    does not say); `lacking` the series of which there is nothing.
    """
    names = [str(one["name"]) for one in declarations]
    parts = [
        _part(names[at : at + _AT_ONCE], history, labels, day)
        for at in range(0, max(len(names), 1), _AT_ONCE)
    ]
    now = pd.concat(parts, ignore_index=True)
    _blank(now, [bool(one.get("ranked", True)) for one in declarations])
    series = [[str(name) for name in one.get("needs", ())] for one in declarations]
    known = {} if newest is None else newest
    lacking = [
        ", ".join(name for name in names if name not in known) if newest is not None else ""
        for names in series
    ]
    return now.assign(name=names, lacking=lacking, **_rests_on(series, now["state"], day, known))


def _part(
    names: list[str], history: History, labels: pd.DataFrame, day: pd.Timestamp
) -> pd.DataFrame:
    frame = history(names)
    frame = frame[frame.index <= day]
    dates = pd.DatetimeIndex(frame.index)
    values = frame.reindex(columns=names).to_numpy(dtype=np.float64)
    if not len(dates) or dates[-1] != day:  # a day that has no row is a day nothing is known of
        dates = pd.DatetimeIndex([*dates, day])
        values = np.vstack([values, np.full(len(names), np.nan)])
    values = np.asfortranarray(values)  # a signal's days side by side: each is searched by itself
    return standing(values, dates).join(favoured(values, dates, labels, day))


def _blank(now: pd.DataFrame, ranked: Sequence[bool]) -> None:
    """No percentile, extremes and favours where they mean nothing."""
    blank = ~pd.Series(ranked, dtype=bool)
    for name in _BLANK:
        now[name] = now[name].mask(blank)
    for name in ("extreme_is", "third", "favours"):
        now[name] = now[name].mask(blank, "")


def _rests_on(
    series: Sequence[Sequence[str]],
    state: "pd.Series[str]",
    day: pd.Timestamp,
    newest: Mapping[str, pd.Timestamp],
) -> "dict[str, pd.Series[Any]]":
    """The oldest period behind each known value, and how many sessions ago it was."""
    oldest = [
        min((newest[name] for name in names if name in newest), default=pd.NaT) for names in series
    ]
    of = pd.Series(oldest, dtype="datetime64[us]").where(state == KNOWN)
    if not of.notna().any():
        return {"of": of, "old": pd.Series(np.nan, of.index)}
    days = trading_days(min(of.min(), day), day)
    old = len(days) - days.searchsorted(pd.DatetimeIndex(of.fillna(day)), side="right")
    return {"of": of, "old": pd.Series(old, dtype=np.float64).where(of.notna())}
