"""Funds that hold nearly the same stocks, and what splits and dividends must explain.

A close as quoted halves on the day of a 2:1 split. Whether the split row is missing, or the
close is wrong, shows against a fund that holds nearly the same: its return of that day.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regime.data.catalog import CATALOG, Series, Unit

STORED = -1  # in place of a row number: not among the new rows, so not to be judged
MARGIN = 1.5  # of a bound over the largest real move
LARGEST_DIVIDEND = 0.2  # of the close; the largest real one of the six funds is 0.012
LONGEST_WAIT = 250  # sessions between two days on which both twins have a value

# Largest difference of two log total returns of one day, 1993 to 2024, of the vendor's
# indices. In tumult, and while OEF and IWB were young, the last trades of two funds were
# minutes apart.
LARGEST_DIFFERENCE: dict[tuple[str, str], float] = {
    ("SPY", "OEF"): 0.0385,  # 2000-11-28; since 2010: 0.0148
    ("SPY", "XLG"): 0.0373,  # 2008-10-13; 0.0203
    ("SPY", "IWB"): 0.0279,  # 2008-10-13; 0.0109
    ("OEF", "XLG"): 0.0310,  # 2008-09-29; 0.0260
    ("OEF", "IWB"): 0.0368,  # 2008-10-01; 0.0159
    ("XLG", "IWB"): 0.0295,  # 2020-03-16
    ("RSP", "SPY"): 0.0306,  # 2008-10-13; 0.0295 on 2020-11-09
    ("IWM", "IJR"): 0.0256,  # 2000-06-22; 0.0171
}
_KINDS = {Unit.INDEX: "", Unit.PRICE: "_close"}  # what an id has after the name of the fund
_GROUPS = (("SPY", "OEF", "XLG", "IWB", "RSP"), ("IWM", "IJR"))

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What is known of one series, oldest first, one value a period.

    Attributes
    ----------
    day : days since 1970-01-01
    row : position among the new rows, or STORED
    """

    day: Integers
    value: Floats
    row: Integers


def judged_here() -> list[Series]:
    """The series whose histories the functions of this module read."""
    units = {Unit.INDEX, Unit.PRICE, Unit.DIVIDEND, Unit.SPLIT}
    return [series for series in CATALOG.values() if series.unit in units]


def split_logs(series: Series, days: Integers, histories: Mapping[str, History]) -> Floats:
    """Log of the shares that one share has become by each of these days."""
    splits = _events(series.id, Unit.SPLIT, histories)
    if splits is None:
        return np.zeros(len(days))
    made = np.r_[0.0, np.cumsum(np.log(splits.value))]
    return np.asarray(made[np.searchsorted(splits.day, days, side="right")], dtype=np.float64)


def unlikely_events(histories: Mapping[str, History], jump: float) -> dict[int, str]:
    """Why, by row: splits that the close does not show, dividends that no fund would pay.

    Parameters
    ----------
    jump : log move of a close that is no day's return of a fund
    """
    found: dict[int, str] = {}
    for identifier, close in histories.items():
        if CATALOG[identifier].unit is not Unit.PRICE or not len(close.day):
            continue
        if (dividends := _events(identifier, Unit.DIVIDEND, histories)) is not None:
            at = np.searchsorted(close.day, dividends.day, side="right") - 1
            last = close.value[np.maximum(at, 0)]
            too_much = (at >= 0) & (dividends.value > LARGEST_DIVIDEND * last)
            for i in np.flatnonzero(too_much).tolist():
                found[int(dividends.row[i])] = (
                    f"is more than {LARGEST_DIVIDEND:.0%} of the close, {last[i]:g}"
                )
        if (splits := _events(identifier, Unit.SPLIT, histories)) is not None:
            at = np.searchsorted(close.day, splits.day)
            for i, t in enumerate(at.tolist()):
                if not 0 < t < len(close.day) or close.day[t] != splits.day[i]:
                    continue  # nobody knows yet what the close did
                move = float(np.log(close.value[t] / close.value[t - 1]))
                explained = move + float(np.log(splits.value[i]))
                if abs(move) < abs(explained) and abs(explained) > jump:
                    found[int(splits.row[i])] = (
                        f"is not what the close did: {close.value[t]:g} "
                        f"after {close.value[t - 1]:g}"
                    )
    found.pop(STORED, None)
    return found


def disagreements(
    histories: Mapping[str, History], *, sessions: Integers, jump: float
) -> dict[int, str]:
    """Why, by row: values whose total return is not that of the fund's twins.

    Parameters
    ----------
    histories : of every series of `judged_here` of which something is known, values above 0
    sessions : trading days in days since 1970-01-01
    jump : log move of a fund that is no day's return

    A return runs from the last day on which both twins have a value that nobody doubts, the
    session before as a rule; over n sessions the bound is sqrt(n) as wide, and after
    `LONGEST_WAIT` twins are not compared. The fund that more of its twins contradict is the
    doubtful one; among equals the one that moved by more than `jump`; else all of them. Where
    only a dividend makes the difference, it is the dividend.
    """
    found: dict[int, str] = {}
    for ending in _KINDS.values():
        for group in _GROUPS:
            members = [fund for fund in group if f"{fund}{ending}" in histories]
            if len(members) > 1:
                found |= _Twins(members, ending, histories, sessions).doubtful(jump)
    return found


def blamed(odd: Collection[Pair], fine: Collection[Pair], jumped: Collection[str]) -> set[str]:
    """The funds that explain why these pairs are at odds and the others are not."""
    guilty: set[str] = set()
    while left := [pair for pair in odd if guilty.isdisjoint(pair)]:
        against, beside = _counts(left), _counts(fine)
        charge = {
            fund: (count / (count + beside.get(fund, 0)), count, fund in jumped)
            for fund, count in against.items()
        }
        worst = max(charge.values())
        guilty |= {fund for fund, value in charge.items() if value == worst}
    return guilty


def _counts(pairs: Iterable[Pair]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for fund in (fund for pair in pairs for fund in pair):
        counts[fund] = counts.get(fund, 0) + 1
    return counts


def _others(fund: str, pairs: Iterable[Pair]) -> list[str]:
    return [b if a == fund else a for a, b in pairs]


def _events(close: str, unit: Unit, histories: Mapping[str, History]) -> History | None:
    """What happened to holders of this close, if anything is known."""
    return next(
        (
            history
            for identifier, history in histories.items()
            if CATALOG[identifier].happens_to == close and CATALOG[identifier].unit is unit
        ),
        None,
    )


class _Twins:
    """Total returns of one group of funds, side by side; doubtful ones are blotted out."""

    def __init__(
        self,
        members: list[str],
        ending: str,
        histories: Mapping[str, History],
        sessions: Integers,
    ) -> None:
        self.members, self.ending, self.histories = members, ending, histories
        own = {fund: histories[f"{fund}{ending}"] for fund in members}
        self.days = np.unique(np.concatenate([history.day for history in own.values()]))
        self.session = np.searchsorted(sessions, self.days)
        self.rows: dict[str, Integers] = {}
        self.total: dict[str, Floats] = {}
        self.paid: dict[str, dict[int, tuple[float, int]]] = {}  # by day: log, row of it
        for fund, history in own.items():
            at = np.searchsorted(self.days, history.day)
            self.rows[fund] = np.full(len(self.days), STORED)
            self.rows[fund][at] = history.row
            self.total[fund] = np.full(len(self.days), np.nan)
            series = CATALOG[f"{fund}{ending}"]
            self.total[fund][at] = np.log(history.value) + split_logs(
                series, history.day, histories
            )
            self._pay(fund, history)
        self.pairs = {
            pair: MARGIN * difference
            for pair, difference in LARGEST_DIFFERENCE.items()
            if set(pair) <= set(members)
        }

    def _pay(self, fund: str, close: History) -> None:
        self.paid[fund] = {}
        dividends = _events(f"{fund}{self.ending}", Unit.DIVIDEND, self.histories)
        if dividends is None:
            return
        at = np.searchsorted(close.day, dividends.day, side="right") - 1
        for i in np.flatnonzero(at >= 0):
            log = float(np.log1p(dividends.value[i] / close.value[at[i]]))
            t = int(np.searchsorted(self.days, dividends.day[i]))
            self.total[fund][t:] += log
            self.paid[fund][t] = (log, int(dividends.row[i]))

    def doubtful(self, jump: float) -> dict[int, str]:
        """Why, by row."""
        first, last = self._first_at_odds()
        found: dict[int, str] = {}
        for t in range(first, len(self.days)):
            apart: dict[Pair, float] = {}  # by how much beyond what is allowed, or below
            for pair, allowed in self.pairs.items():
                since = last[pair]
                waited = 0 if since is None else int(self.session[t] - self.session[since])
                if since is None or not self._both(pair, t) or waited > LONGEST_WAIT:
                    continue
                apart[pair] = abs(self._gap(pair, t, since)) - allowed * waited**0.5
            odd = [pair for pair, excess in apart.items() if excess > 0]
            for fund in self.members:
                against = [pair for pair in odd if fund in pair]
                if against and (reason := self._dividend_at_fault(fund, t, against, last)):
                    found |= reason
                    odd = [pair for pair in odd if fund not in pair]
            if odd:
                fine = [pair for pair in apart if apart[pair] <= 0]
                jumped = {fund for fund in self.members if abs(self._move(fund, t)) > jump}
                for fund in sorted(blamed(odd, fine, jumped)):
                    found |= self._doubt(fund, t, [pair for pair in odd if fund in pair])
            last |= {pair: t for pair in self.pairs if self._both(pair, t)}
        return found

    def _first_at_odds(self) -> tuple[int, dict[Pair, int | None]]:
        """First day on which a pair is at odds, and the day before it each pair had in common."""
        first = len(self.days)
        common = {}
        for pair, allowed in self.pairs.items():
            gap = self.total[pair[0]] - self.total[pair[1]]
            days = common[pair] = np.flatnonzero(np.isfinite(gap))
            waited = np.diff(self.session[days])
            odd = (np.abs(np.diff(gap[days])) > allowed * np.sqrt(waited)) & (
                waited <= LONGEST_WAIT
            )
            if odd.any():
                first = min(first, int(days[1:][odd][0]))
        last: dict[Pair, int | None] = {}
        for pair, days in common.items():
            before = days[days < first]
            last[pair] = int(before[-1]) if len(before) else None
        return first, last

    def _dividend_at_fault(
        self, fund: str, t: int, against: list[Pair], last: Mapping[Pair, int | None]
    ) -> dict[int, str]:
        """Doubt a new dividend that is larger than the bounds and alone makes the difference."""
        log, row = self.paid[fund].get(t, (0.0, STORED))
        if row == STORED or log <= max(self.pairs[pair] for pair in against):
            return {}
        self.total[fund][t:] -= log
        if any(self._at_odds(pair, t, last[pair]) for pair in against):
            self.total[fund][t:] += log
            return {}
        return {row: f"is not in the return of {', '.join(_others(fund, against))} of that day"}

    def _doubt(self, fund: str, t: int, against: list[Pair]) -> dict[int, str]:
        """Doubt a new value and blot it out; what is stored stays."""
        if (row := int(self.rows[fund][t])) == STORED:
            return {}
        moves = {name: np.expm1(self._move(name, t)) for name in (fund, *_others(fund, against))}
        own = moves.pop(fund)
        self.total[fund][t] = np.nan
        splits = " with the splits known" if self.ending else ""
        beside = ", ".join(f"{name} {move:+.1%}" for name, move in moves.items())
        return {row: f"is a return of {own:+.1%}{splits}, but {beside}"}

    def _both(self, pair: Pair, t: int) -> bool:
        return bool(np.isfinite(self.total[pair[0]][t]) and np.isfinite(self.total[pair[1]][t]))

    def _gap(self, pair: Pair, t: int, since: int) -> float:
        a, b = (self.total[fund] for fund in pair)
        return float(a[t] - a[since] - b[t] + b[since])

    def _at_odds(self, pair: Pair, t: int, since: int | None) -> bool:
        if since is None or not self._both(pair, t):
            return False
        waited = float(self.session[t] - self.session[since])
        return abs(self._gap(pair, t, since)) > self.pairs[pair] * float(waited**0.5)

    def _move(self, fund: str, t: int) -> float:
        """Log return since the last day with a value; zero if there is none."""
        known = np.flatnonzero(np.isfinite(self.total[fund][max(t - LONGEST_WAIT, 0) : t + 1]))
        known += max(t - LONGEST_WAIT, 0)
        if len(known) < 2 or known[-1] != t:
            return 0.0
        return float(self.total[fund][t] - self.total[fund][known[-2]])
