"""The real market data folder read with nothing of the project, and signals worked out from it.

Every signal here is a function of a session's number, `t`, that looks at sessions up to it. What
was known when is said by hand: a daily rate on the session after its day, a French monthly ratio
once 60 days have gone since its month, and so on, as the folder's README has it.
"""

import bisect
from collections.abc import Callable
from datetime import date, timedelta
from math import isnan, nan, prod
from pathlib import Path

import numpy as np
import pandas as pd

At = Callable[[int], float]  # a session's number to the value known at its close
DECILES = ["lo_10", *(f"dec_{number}" for number in range(2, 10)), "hi_10"]
# Calendar days from the end of a month until the day that is over when its value is known.
MONTHS_OLD = {
    "CPIAUCSL": 20, "CPILFESL": 20, "UNRATE": 10, "PAYEMS": 10, "INDPRO": 20, "RSAFS": 18,
    "UMCSENT": 31,
}  # fmt: skip
VINTAGES = {
    **{name: name for name in ("CPIAUCSL", "UNRATE", "PAYEMS", "INDPRO")},
    "UMCSENT": "UMCSENTx",
}


class Raw:
    """Tables of the folder, daily ones laid out on the sessions since July 1926."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        sizes = self._table("french_size_portfolios_vw_daily")
        self.days = [day.date() for day in sizes.index]  # exactly the sessions, says the README
        self.last = len(self.days) - 1
        self.number = {day: at for at, day in enumerate(self.days)}
        self.daily: dict[str, np.ndarray] = {}
        for table in (sizes, *map(self._table, (
            "french_factors_daily", "etf_total_return_index_daily", "sp500_breadth_daily",
        ))):  # fmt: skip
            for name, values in table.reindex(sizes.index).items():
                self.daily[name] = values.to_numpy(np.float64)
        self.fred = self._table("fred_daily")
        self.weekly = self._table("fred_weekly")
        self.ratios = self._table("valuation_and_concentration_monthly")
        self.shiller = self._table("shiller_monthly")
        self.monthly = self._table("fred_monthly")
        self.changes = pd.read_parquet(folder / "fred_md_vintages.parquet")

    def _table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / f"{name}.csv.gz", index_col=0, parse_dates=[0])

    def year_end(self, t: int) -> int:
        """The last session of the year before."""
        return bisect.bisect_left(self.days, date(self.days[t].year, 1, 1)) - 1

    def rate(self, name: str, sessions: int, oldest: int = 10) -> At:
        """A daily figure of FRED, known so many sessions after its day."""
        values = self.fred[name].dropna()
        dates = [day.date() for day in values.index]
        known = [bisect.bisect_right(self.days, day) - 1 + sessions for day in dates]

        def at(t: int) -> float:
            newest = bisect.bisect_right(known, t) - 1
            if newest < 0 or (self.days[t] - dates[newest]).days > oldest:
                return nan
            return float(values.iloc[newest])

        return _kept(at)

    def told(self, values: "pd.Series[float]", wait: int, oldest: int) -> At:
        """A monthly or weekly figure, known when `wait` days after its period are over."""
        values = values.dropna()
        dates = [day.date() for day in values.index]
        known = [day + timedelta(days=wait + 1) for day in dates]

        def at(t: int) -> float:
            newest = bisect.bisect_right(known, self.days[t]) - 1
            if newest < 0 or (self.days[t] - dates[newest]).days > oldest:
                return nan
            return float(values.iloc[newest])

        return _kept(at)

    def prints(self, name: str) -> "Prints":
        """A monthly figure of the economy: vintages where the folder has them, then the file."""
        found: dict[int, list[tuple[date, float]]] = {}
        wait = timedelta(days=MONTHS_OLD[name] + 1)
        if name in VINTAGES:
            rows = self.changes[self.changes["series"] == VINTAGES[name]].sort_values("vintage")
            first = rows["vintage"].min()
            for row in rows.itertuples():
                month = _month(row.date)
                out = _first_day(_month(row.vintage) + 1)
                if row.vintage == first:
                    out = min(out, _first_day(month + 1) - timedelta(days=1) + wait)
                found.setdefault(month, []).append((out, row.value))
        newest = max(found, default=0)
        # What the file says of months that have vintages counts from its first later month on.
        joined = _first_day(newest + 2) - timedelta(days=1) + wait if newest else date.max
        for day, value in self.monthly[name].dropna().items():
            month = _month(f"{day:%Y-%m}")
            out = _first_day(month + 1) - timedelta(days=1) + wait
            found.setdefault(month, []).append(
                (max(out, joined) if month <= newest else out, value)
            )
        return Prints(self.days, found)


class Prints:
    """A monthly figure with the days its values came out on."""

    def __init__(self, days: list[date], found: dict[int, list[tuple[date, float]]]) -> None:
        self.days, self.found = days, found

    def seen(self, month: int, t: int) -> float:
        """The figure of a month as last published by a session."""
        out = [value for day, value in self.found.get(month, ()) if day <= self.days[t]]
        return out[-1] if out else nan

    def newest(self, t: int) -> int:
        """The newest month known."""
        this = self.days[t].year * 12 + self.days[t].month - 1
        known = (month for month in range(this, this - 4, -1) if not isnan(self.seen(month, t)))
        return next(known, -1)

    def ago(self, months: int, t: int) -> float:
        """The figure of so many months before the newest one."""
        return self.seen(self.newest(t) - months, t)

    def when_newest_was(self, months: int, t: int) -> int:
        """The last session on which the month so many months before was the newest."""
        month = self.newest(t) - months
        while self.newest(t) > month:
            t -= 1
        assert self.newest(t) == month
        return t


def _month(text: str) -> int:
    return int(text[:4]) * 12 + int(text[5:7]) - 1


def _first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def _kept(at: At) -> At:
    """The same, remembering what it has said."""
    said: dict[int, float] = {}

    def once(t: int) -> float:
        if t not in said:
            said[t] = at(t)
        return said[t]

    return once


def less(one: At, other: At) -> At:
    """The first less the second."""
    return lambda t: one(t) - other(t)


def grown(level: np.ndarray, days: int) -> At:
    """Return of an index over sessions."""
    return lambda t: level[t] / level[t - days] - 1


def compounded(returns: np.ndarray, days: int) -> At:
    """The same from daily returns."""
    return lambda t: prod(1 + returns[s] for s in range(t - days + 1, t + 1)) - 1


def in_a_row(level: np.ndarray, against: np.ndarray | None = None) -> At:
    """Sessions in a row that one rose more than another, or rose; negative for less."""

    def sign(s: int) -> int:
        other = 0.0 if against is None else against[s] / against[s - 1] - 1
        lead = round(level[s] / level[s - 1] - 1 - other, 12)
        return int(lead > 0) - int(lead < 0)

    def at(t: int) -> float:
        if isnan(level[t - 1]) or (against is not None and isnan(against[t - 1])):
            return nan
        length = 0
        while sign(t - length) == sign(t):
            length += 1
        return float(sign(t) * length)

    return at


def ahead_in_a_row(lead: At) -> At:
    """Sessions in a row, back from the last, with a lead above zero."""

    def at(t: int) -> float:
        length = 0
        while lead(t - length) > 0:
            length += 1
        return float(length)

    return at


def slope(rungs: list[At]) -> At:
    """Least-squares slope over rungs 0, 1, 2, ..."""
    return lambda t: float(np.polyfit(range(len(rungs)), [one(t) for one in rungs], 1)[0])


def place(of: At, among: list[At]) -> At:
    """1 for the best."""
    return lambda t: 1.0 + sum(one(t) > of(t) for one in among)


def share(conditions: list[Callable[[int], bool | None]]) -> At:
    """Share of conditions that hold, of those that are known (not None)."""

    def at(t: int) -> float:
        known = [one(t) for one in conditions if one(t) is not None]
        return sum(known) / len(known) if known else nan

    return at


def above_mean(level: np.ndarray, days: int) -> At:
    """Distance from the mean of the last sessions."""
    return lambda t: level[t] / (sum(level[t - days + 1 : t + 1].tolist()) / days) - 1


def rank_among(value: At, window: int, t: int, least: int) -> float:
    """Share of the last `window` known values (0: of all) that are not above this one."""
    first = t - window + 1 if window else 0
    past = [value(s) for s in range(first, t + 1)]
    past = [one for one in past if not isnan(one)]
    return sum(one <= value(t) for one in past) / len(past) if len(past) >= least else nan
