"""Values that leave the level, or the scale, of those before them.

The bounds are measured: the largest change of every series from one period to the next, and
the largest daily return over those before it, in the data to the end of 2024.
"""

import heapq
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.data.catalog import CATALOG, Frequency, Series, Unit
from regime.data.checks import twins
from regime.data.checks.twins import MARGIN, STORED, History, split_logs
from regime.data.database.encoding import codes, day_numbers

INF = np.inf

# Largest real change; MARGIN times as much is the bound, so that no real day had to wait for
# the next. `Series.jump` goes before it, and an id before its unit.
LARGEST_MOVE: dict[Unit | str, float] = {
    # In logs
    Unit.INDEX: 0.1423, Unit.PRICE: 0.1423,  # IWM, 2020-03-16; the same as index and as close
    Unit.LEVEL: 0.768,  # VIX, 2018-02-05; 0.554 on 2024-12-18
    Unit.COUNT: 2.80,  # ind49_nfirms_RlEst, 1963-07; ICSA: 2.37, 2020-03-20
    Unit.MILLION_USD: 3.08,  # ind49_avgsize_LabEq, 1963-07
    "ind49_nfirms_Other": 4.95,  # 1973-07, when NASDAQ came in
    "WALCL": 0.216,  # 2008-10-03
    # In units
    Unit.PERCENT: 7.89,  # DFF, 1987-01-02: a bound that only stops a slip of the digits
    "DGS1MO": 1.06, "DGS3MO": 1.69, "DGS6MO": 1.33,  # 2023-05-04, 1982-02-01, 1982-02-01
    "DGS1": 1.10, "DGS2": 0.89, "DGS5": 0.77,  # 1981-07-20, 1981-07-20, 1980-12-19
    "DGS7": 0.78, "DGS10": 0.75, "DGS30": 0.76,  # 1980-02-28, 1987-10-20, 1987-10-20
    "DGS20": 1.27,  # 1993-10-01, when it began anew
    "DFII5": 2.14, "DFII10": 0.62,  # 2008-12-01, 2009-03-18
    "T5YIE": 1.92, "T10YIE": 0.36,  # 2008-12-01, 2008-11-20
    "SOFR": 2.82,  # 2019-09-17
    Unit.POINTS: 1.45,  # high-yield spread, 2008-10-10
    "BAA10Y": 0.58, "T10Y2Y": 0.55, "T10Y3M": 1.25,  # 1987-10-20, 1981-01-05, 1982-02-01
    "UNRATE": 10.4, "CUMFNS": 13.0,  # 2020-04; the second taken from INDPRO, not measured
    Unit.SHARE: 0.605,  # pct_new_52w_low, 2008-11-21: hardly a bound
    "pct_new_52w_high": 0.371, "pct_above_50dma": 0.404,  # 2013-05-16, 2016-06-24
    "pct_above_200dma": 0.186,  # 2020-03-02
    "pct_beating_spy_63d": 0.107, "pct_beating_spy_252d": 0.068,  # 2020-07-15, 2009-10-13
    "mcapshare_hi_10": 0.040,  # 1973-07
    Unit.LOG_RATIO: 0.889,  # log_bm_june_q1_minus_q5, 1943-07, when portfolios are formed
    Unit.RATIO: 34.7,  # bm_june_me1_bm5, 1933-07: hardly a bound
    "avg_corr_63d": 0.110, "excess_cape_yield": 0.0573, "NFCI": 0.367,  # 1997, 1932, 1974
    # From all up to all down in a day; from nothing to billions; from calm to alarm.
    "adv_minus_dec_ratio": INF, "RRPONTSYD": INF, "USEPUINDXD": INF,
}  # fmt: skip
_IN_LOGS = {Unit.INDEX, Unit.PRICE, Unit.LEVEL, Unit.COUNT, Unit.MILLION_USD}
_FUND_JUMP = MARGIN * LARGEST_MOVE[Unit.PRICE]
_LIKE_A_SPLIT = float(np.log(1.3))  # of a close: no day of a fund, whatever follows it

# A daily return over the mean size of the 20 before it (at least 10; the mean at least
# 0.003): 23.9 is the largest, hml on 1939-09-05. Hundredfold slips are around 100.
OUT_OF_SCALE = MARGIN * 23.9
_BEFORE, _FEWEST_BEFORE, _SMALLEST_MEAN = 20, 10, 0.003

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def largest_jump(series: Series) -> tuple[float, bool]:
    """Change from one period to the next beyond which a value is doubted; whether in logs.

    Infinite for returns, splits and dividends, which have no level to jump from.
    """
    if np.isfinite(series.jump):
        return series.jump, series.positive
    largest = LARGEST_MOVE.get(series.id, LARGEST_MOVE.get(series.unit, INF))
    return MARGIN * largest, series.unit in _IN_LOGS


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """New and stored rows together, by series, period and publication.

    Attributes
    ----------
    series : position in the catalogue, from 1
    day : period in days since 1970-01-01
    known : rank of `known_at`
    row : position among the new rows, or STORED
    """

    series: Integers
    day: Integers
    known: Integers
    value: Floats
    row: Integers

    @classmethod
    def of(cls, rows: pd.DataFrame, recent: pd.DataFrame) -> "Rows":
        """Rows of two frames of observations; stored ones of unknown series are left out."""
        ids = {name: position for position, name in enumerate(CATALOG, start=1)}
        frames = [recent, rows] if len(recent) else [rows]
        series = np.concatenate([codes(frame["series"], ids) for frame in frames])
        day = np.concatenate([day_numbers(frame["period"]) for frame in frames])
        moments = [frame["known_at"].dt.as_unit("us").astype("int64") for frame in frames]
        _, known = np.unique(np.concatenate(moments), return_inverse=True)
        value = np.concatenate([frame["value"].to_numpy("float64") for frame in frames])
        row = np.r_[np.full(len(series) - len(rows), STORED), np.arange(len(rows))]
        order = np.lexsort((known, day, series))  # stable: stored before new
        order = order[series[order] > 0]
        return cls(series[order], day[order], known[order], value[order], row[order])

    def doubtful(self, alive: Flags, sessions: Integers) -> dict[int, str]:
        """Why, by row: values that those around them, or those of a twin, contradict.

        Parameters
        ----------
        alive : of the new rows, those not doubted yet; the others are not looked at
        sessions : trading days in days since 1970-01-01
        """
        kept = self._believed(alive)
        if not (kept.row != STORED).any():
            return {}
        histories = kept.histories()
        # In this order, for a wrong split makes a jump, and a jump a difference between twins.
        return (
            twins.unlikely_events(histories, _FUND_JUMP)
            or kept.jumps(histories) | kept.out_of_scale()
            or twins.disagreements(histories, sessions=sessions, jump=_FUND_JUMP)
        )

    def _believed(self, alive: Flags) -> "Rows":
        """Without doubted rows, and without stored rows of a period that has a new one."""
        new = self.row != STORED
        keep = ~new | np.r_[alive, False][self.row]
        cell = np.cumsum(self._begins_cell()) - 1
        has_new = np.zeros(len(cell), dtype=bool)
        has_new[cell[new & keep]] = True
        return self._where(keep & (new | ~has_new[cell]))

    def _where(self, keep: Flags) -> "Rows":
        return Rows(
            self.series[keep], self.day[keep], self.known[keep], self.value[keep], self.row[keep]
        )

    def _begins_cell(self) -> Flags:
        other = (np.diff(self.series) != 0) | (np.diff(self.day) != 0)
        return np.concatenate([[True], other])[: len(self.day)]

    def histories(self) -> dict[str, History]:
        """What is known of closes, indices, dividends and splits: newest publications."""
        newest = np.r_[self._begins_cell()[1:], True][: len(self.day)]
        wanted = {series.id for series in twins.judged_here()}
        found = {}
        for position, name in enumerate(CATALOG, start=1):
            part = slice(*np.searchsorted(self.series, [position, position + 1]))
            if name in wanted and part.start < part.stop:
                last = newest[part] & (self.value[part] > 0)
                found[name] = History(
                    self.day[part][last], self.value[part][last], self.row[part][last]
                )
        return found

    def jumps(self, histories: Mapping[str, History]) -> dict[int, str]:
        """New values beyond the bound of their series that the next one does not confirm."""
        bound = np.full(len(CATALOG) + 1, INF)
        logs = np.zeros(len(CATALOG) + 1, dtype=bool)
        for position, series in enumerate(CATALOG.values(), start=1):
            bound[position], logs[position] = largest_jump(series)
        in_logs = logs[self.series]
        usable = np.isfinite(bound[self.series]) & (~in_logs | (self.value > 0))
        rows, in_logs = self._where(usable), in_logs[usable]
        level = np.where(in_logs, np.log(np.where(in_logs, rows.value, 1.0)), rows.value)
        for position, series in enumerate(CATALOG.values(), start=1):
            if series.unit is Unit.PRICE:
                part = slice(*np.searchsorted(rows.series, [position, position + 1]))
                level[part] += split_logs(series, rows.day[part], histories)
        before, after = rows._neighbours()
        return rows._unconfirmed(level, bound[rows.series], before, after)

    def _neighbours(self) -> tuple[Integers, Integers]:
        """For each row, where its series' period before and after stand; -1 if nowhere.

        Of several publications of a period, the one that was known with the row: an index
        is based anew over its whole past at once.
        """
        starts = np.flatnonzero(self._begins_cell())
        cell = np.cumsum(self._begins_cell()) - 1
        ends = np.r_[starts[1:], len(cell)].astype(np.int64)
        before = starts[cell] - 1
        after = np.where(ends[cell] < len(cell), ends[cell], -1)
        if len(starts) < len(cell):
            base = int(self.known.max()) + 1
            key = cell * base + self.known
            oldest, newest = np.r_[0, starts][cell], np.r_[ends[1:], 0][cell] - 1
            at = np.searchsorted(key, key - base, side="right") - 1
            before = np.where(cell > 0, np.maximum(at, oldest), -1)
            after = np.minimum(np.searchsorted(key, key + base), newest)
        before[(before >= 0) & (self.series[before] != self.series)] = -1
        after[(after >= 0) & (self.series[after] != self.series)] = -1
        return before.astype(np.int64), after.astype(np.int64)

    def _unconfirmed(
        self, level: Floats, bound: Floats, before: Integers, after: Integers
    ) -> dict[int, str]:
        moved = np.abs(level - level[before]) > bound
        waiting = np.flatnonzero(moved & (before >= 0) & (self.row != STORED)).tolist()
        if not waiting:
            return {}
        units = [None, *(series.unit for series in CATALOG.values())]
        priced = np.array([unit is Unit.PRICE for unit in units])[self.series]
        starts = np.r_[np.flatnonzero(self._begins_cell()), len(level), len(level)]
        found: dict[int, str] = {}
        doubted: dict[int, int] = {}  # where: the row to compare with in its place
        seen = -1
        while waiting:
            i = heapq.heappop(waiting)
            if i == seen:
                continue
            seen = i
            reference = doubted.get(int(before[i]), int(before[i]))
            step, allowed = abs(level[i] - level[reference]), bound[i]
            if self.row[i] == STORED or step <= allowed:
                continue
            words = "the next one has not come yet"
            if (j := int(after[i])) >= 0:
                beyond = abs(level[j] - level[i])
                near = beyond <= allowed and beyond < abs(level[j] - level[reference])
                if near and not (priced[i] and step > _LIKE_A_SPLIT):
                    continue
                words = f"the next one, {self.value[j]:.6g}, does not confirm it"
                if near:
                    words = "it holds, so it looks like a split that is missing"
            doubted[i] = reference
            found[int(self.row[i])] = (
                f"is a jump from {self.value[reference]:.6g} on {_iso(self.day[reference])}, and "
                f"{words}"
            )
            # Compared anew now, not in the next round: a stretch of years would take as many.
            first = int(np.searchsorted(starts, i, side="right"))
            span = range(*starts[first : first + 2].tolist())
            for k in (k for k in span if before[k] == i):
                heapq.heappush(waiting, k)
        return found

    def out_of_scale(self) -> dict[int, str]:
        """New daily returns far beyond the size of those before them."""
        judged = np.zeros(len(CATALOG) + 1, dtype=bool)
        for position, series in enumerate(CATALOG.values(), start=1):
            daily = series.frequency is Frequency.DAILY and series.id != "rf"
            judged[position] = daily and series.unit is Unit.RETURN
        rows = self._where(judged[self.series])
        size = np.abs(rows.value)
        at = np.arange(len(size))
        begins = np.searchsorted(rows.series, rows.series)
        window = np.maximum(begins, at - _BEFORE)
        total = np.r_[0.0, np.cumsum(size)]
        mean = (total[at] - total[window]) / np.maximum(at - window, 1)
        beyond = size > OUT_OF_SCALE * np.maximum(mean, _SMALLEST_MEAN)
        beyond &= (at - window >= _FEWEST_BEFORE) & (rows.row != STORED)
        ends = np.searchsorted(rows.series, rows.series, side="right")
        found: dict[int, str] = {}
        done = -1
        for first in np.flatnonzero(beyond).tolist():
            if first >= done:
                done = rows._walk(first, int(window[first]), int(ends[first]), size, found)
        return found

    def _walk(self, i: int, begin: int, end: int, size: Floats, found: dict[int, str]) -> int:
        """From a row out of scale to where the returns before are none but good ones."""
        good = deque(size[begin:i].tolist(), maxlen=_BEFORE)
        since = 0
        while i < end and since < _BEFORE:
            mean = max(sum(good) / len(good), _SMALLEST_MEAN)
            if self.row[i] != STORED and size[i] > OUT_OF_SCALE * mean:
                found[int(self.row[i])] = (
                    f"is {size[i] / mean:.0f} times the mean size of the {len(good)} returns "
                    f"before it"
                )
                since = 0
            else:
                good.append(float(size[i]))
                since += 1
            i += 1
        return i


def _iso(day: int) -> str:
    return str(np.datetime64(int(day), "D"))
