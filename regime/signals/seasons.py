"""Seasons: the turn of the year and the four years of the president, counted in sessions.

Sessions of a calendar are known years ahead, so counting those to come looks at no later row.
Averages are those of turns and years that were over before the day.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.data.calendar import trading_days
from regime.signals.measures import total

BEFORE, AFTER = 5, 10  # sessions about the turn: the last of December, the first of January
_MOST_MISSING = 0.05  # share of a year's sessions without a lead beyond which it does not count


def lead_of_small(panel: pd.DataFrame) -> "pd.Series[float]":
    """Daily return of small companies less large ones: funds, and French portfolios where those
    are not known. After a gap the funds' return reaches over it, if nothing was told of it.
    """
    both = panel["IWM"].notna() & panel["SPY"].notna()
    funds = total(panel["IWM"].where(both), 1) - total(panel["SPY"].where(both), 1)
    french = panel["qnt_2"] - panel["hi_10"]
    told = ~both.shift(1, fill_value=False) & french.shift(1).notna()
    return funds.mask(told).fillna(french)


def places_around_turn(days: pd.DatetimeIndex) -> "pd.Series[float]":
    """Place of each session about the turn of the year: -1 the last of December, 1 the first of
    January; NaN beyond `BEFORE` and `AFTER`.
    """
    if not len(days):
        return pd.Series(dtype=np.float64, index=days)
    first, last = days[0] - pd.DateOffset(months=2), days[-1] + pd.DateOffset(months=2)
    sessions = trading_days(first, last)
    year = sessions.year
    starts = np.flatnonzero(np.r_[False, year[1:] != year[:-1]])
    place = np.full(len(sessions), np.nan)
    for start in starts.tolist():
        rows = np.arange(max(start - BEFORE, 0), min(start + AFTER, len(sessions)))
        place[rows] = np.where(rows >= start, rows - start + 1, rows - start)
    return pd.Series(place, sessions).reindex(days)


def turn_of(days: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    """Year that begins at the turn to which a session belongs or is nearest behind."""
    return np.asarray(days.year + (days.month == 12))


def turns(lead: "pd.Series[float]") -> pd.DataFrame:
    """Lead of small companies over each turn of the year.

    Returns
    -------
    DataFrame indexed by the year that began, `lead` (decimal, sum of daily differences) and
    `over` (the day on which the turn was over), of turns of which every session is known.
    """
    place = places_around_turn(pd.DatetimeIndex(lead.index))
    inside = lead[place.notna().to_numpy()]
    turn = turn_of(pd.DatetimeIndex(inside.index))
    rows, days = inside.groupby(turn), inside.index.to_series().groupby(turn)
    found = pd.DataFrame({"lead": rows.sum(), "sessions": rows.count(), "over": days.max()})
    return found.loc[found["sessions"] == BEFORE + AFTER, ["lead", "over"]]


def by_place(lead: "pd.Series[float]") -> pd.DataFrame:
    """Average lead by session around the turn: `place`, `lead`, and the count of `years`."""
    place = places_around_turn(pd.DatetimeIndex(lead.index))
    known = pd.DataFrame({"place": place, "lead": lead}).dropna()
    rows = known.groupby("place")["lead"]
    return pd.DataFrame({"lead": rows.mean(), "years": rows.count()}).reset_index()


def past_mean(events: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Mean of `lead` over the events that were over on each day, and their number."""
    events = events.sort_values("over")
    count = pd.DatetimeIndex(events["over"]).searchsorted(days, side="right")
    sums = np.r_[0.0, events["lead"].cumsum().to_numpy()]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0, sums[count] / np.maximum(count, 1), np.nan)
    return pd.DataFrame({"lead": mean, "count": count}, index=days)


# The four years of the president ------------------------------------------------------


def midterm(year: int) -> pd.Timestamp:
    """The Tuesday after the first Monday of November."""
    first = pd.Timestamp(year, 11, 1)
    return first + pd.Timedelta(days=(7 - first.weekday()) % 7 + 1)


def days_to_midterm(days: pd.DatetimeIndex) -> "pd.Series[float]":
    """Calendar days to the next midterm election; 0 on its day."""
    years = range(days[0].year, days[-1].year + 5) if len(days) else range(0)
    dates = pd.DatetimeIndex([midterm(year) for year in years if year % 4 == 2])
    following = dates[dates.searchsorted(days)]
    return pd.Series((following - days).days.to_numpy(dtype=np.float64), days)


def year_of_cycle(days: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    """1 for the year after a presidential election, 2 for that of the midterm, to 4."""
    return np.asarray((days.year - 1) % 4 + 1)


def years(lead: "pd.Series[float]") -> pd.DataFrame:
    """Lead of small companies over each whole calendar year, with its `cycle` and when `over`.

    A year counts once its last session is known, unless more than one in twenty sessions has
    no lead.
    """
    days = pd.DatetimeIndex(lead.index)
    if not len(days):
        return pd.DataFrame(columns=["lead", "cycle", "over"])
    sessions = trading_days(pd.Timestamp(days[0].year, 1, 1), pd.Timestamp(days[-1].year, 12, 31))
    of_year = sessions.to_series().groupby(sessions.year)
    rows = lead.groupby(days.year)
    found = pd.DataFrame(
        {"lead": rows.sum(), "known": rows.count(), "all": of_year.count(), "over": of_year.max()}
    )
    whole = (found["known"] >= (1 - _MOST_MISSING) * found["all"]) & (found["over"] <= days[-1])
    found = found[whole]
    cycle = (found.index.to_numpy() - 1) % 4 + 1
    return found.assign(cycle=cycle)[["lead", "cycle", "over"]]


def by_cycle_year(lead: "pd.Series[float]") -> pd.DataFrame:
    """Average lead by `year` of the cycle over whole years, and how many `years` there were."""
    rows = years(lead).groupby("cycle")["lead"]
    found = pd.DataFrame({"lead": rows.mean(), "years": rows.count()}).rename_axis("year")
    return found.reset_index()


def lead_of_cycle_year(lead: "pd.Series[float]") -> pd.DataFrame:
    """Mean lead of the past years that had the place in the cycle that each day has, and how
    many there were: columns `lead` and `count`.
    """
    days, events = pd.DatetimeIndex(lead.index), years(lead)
    now = year_of_cycle(days)
    found = pd.DataFrame({"lead": np.nan, "count": 0.0}, index=days)
    for place in range(1, 5):
        of_place = past_mean(events[events["cycle"] == place], days)
        found = found.mask(pd.Series(now == place, days), of_place)
    return found
