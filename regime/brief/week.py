"""Which week is told, and what moved in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from regime.brief.snapshot import Snapshot
from regime.data.calendar import trading_days
from regime.exceptions import EvaluationError
from regime.movement import CAUSES, COLUMNS
from regime.taxonomy import REGIMES

_SAME = 1e-9  # of a probability
_GIVE = "Give a day of another week with --ending."


@dataclass(frozen=True, slots=True)
class Week:
    """A week from the last close of the one before to its own last.

    Attributes
    ----------
    before : the newest day with probabilities of an earlier week
    day : the newest of this week
    last : its last session; after `day` where that one has no probabilities
    """

    before: pd.Timestamp
    day: pd.Timestamp
    last: pd.Timestamp


def week_of(
    days: pd.DatetimeIndex, closed: pd.Timestamp, asked: pd.Timestamp | None = None
) -> Week:
    """The week of a day or, without one, the newest that is over and has probabilities.

    Parameters
    ----------
    days : those with probabilities, ascending
    closed : the last session that has closed
    asked : any day of the week, which ends on Sunday

    Raises
    ------
    EvaluationError
        If it is not over, or it or all before it have no probabilities.
    """
    if asked is None:
        over = [day for day in days[::-1][:12] if _last_session(day) <= closed]
        if not over:
            raise EvaluationError(
                f"No week with probabilities is over: they go from {days[0]:%Y-%m-%d} to "
                f"{days[-1]:%Y-%m-%d}. Run this after its last session."
            )
        asked = over[0]
    monday, last = _monday(asked), _last_session(asked)
    if last > closed:
        raise EvaluationError(
            f"The week of {asked:%Y-%m-%d} is not over: its last session is that of "
            f"{last:%Y-%m-%d}, and the newest that has closed {closed:%Y-%m-%d}. {_GIVE}"
        )
    mine, earlier = days[(days >= monday) & (days <= last)], days[days < monday]
    if mine.empty or earlier.empty:
        lacking = "in it" if mine.empty else "before it, to compare with"
        raise EvaluationError(
            f"The week of {asked:%Y-%m-%d} has no probabilities {lacking}: they go from "
            f"{days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}. {_GIVE}"
        )
    return Week(before=earlier[-1], day=mine[-1], last=last)


def _monday(day: pd.Timestamp) -> pd.Timestamp:
    return pd.Timestamp(day).normalize() - pd.Timedelta(days=pd.Timestamp(day).weekday())


def _last_session(day: pd.Timestamp) -> pd.Timestamp:
    monday = _monday(day)
    sessions = trading_days(monday, monday + pd.Timedelta(days=6))
    if sessions.empty:
        raise EvaluationError(f"There was no session in the week of {day:%Y-%m-%d}. {_GIVE}")
    return pd.Timestamp(sessions[-1])


def sessions_of(week: Week) -> pd.DatetimeIndex:
    """Trading days after `before`, up to `day`."""
    return trading_days(week.before + pd.Timedelta(days=1), week.day)


def unpublished(then: Snapshot, week: Week) -> list[pd.Timestamp]:
    """Closes from the week's first to its last that were not in the ledger by then."""
    closes = sessions_of(week).insert(0, week.before)
    return [day for day in closes if day not in {*then.ledger["date"]}]


def moved_over(
    then: Snapshot, week: Week, kept: Iterable[Sequence[Mapping[str, Any]]]
) -> pd.DataFrame | None:
    """What moved the probabilities over the week: what was told each day, added up.

    Parameters
    ----------
    kept : of each published day in order, what was shown to have moved; see
        `tracking.published.publish`

    Returns
    -------
    DataFrame with `movement.COLUMNS`, or None
        None unless the days lead from what is said of `week.before` to what is said of
        `week.day` without a break. Where a day could not tell model and revisions apart, nor
        can their sum: `revision` is NaN and `model` has both.
    """
    frames = [pd.DataFrame(rows, columns=COLUMNS) for rows in kept if rows]
    keys = ["horizon", "regime"]
    said, reached = _said(then, week.day), _said(then, week.before)
    parts = []
    for frame in frames:
        one = frame.set_index(keys).astype("float64")
        if not _agree(one["before"], reached):
            return None
        reached = one["now"]
        parts.append(one)
    if not parts or not _agree(reached, said):
        return None
    together = pd.concat(part[list(CAUSES)] for part in parts)
    total = together.groupby(level=keys, sort=False).sum()  # skips what is NaN
    apart = np.logical_and.reduce([part["revision"].notna().to_numpy() for part in parts])
    found = total.assign(before=parts[0]["before"], now=reached)
    found["model"] += found["revision"].where(~apart, 0.0)
    found["revision"] = found["revision"].where(apart)
    return found.reset_index()[COLUMNS]


def _said(then: Snapshot, day: pd.Timestamp) -> "pd.Series[float]":
    rows = then.scores[then.scores["date"] == day].set_index("horizon")[list(REGIMES)]
    long = rows.rename_axis(columns="regime").stack()  # noqa: PD013 - keeps the index
    return pd.Series(long, dtype="float64")


def _agree(one: "pd.Series[float]", other: "pd.Series[float]") -> bool:
    """Whether both say the same of the same."""
    if len(one) != len(other) or not one.index.isin(other.index).all():
        return False
    return bool(np.allclose(one, other.reindex(one.index), rtol=0, atol=_SAME))
