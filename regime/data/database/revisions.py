"""Which rows of a fetch say something new about a series, and since when each was known.

Three rules, in seconds since 1970 UTC and days since 1970:

- A period nobody stored before keeps the `known_at` it came with, even where that lies
  before the fetch: a first import would else know nothing of the past. But if an earlier
  fetch asked the publisher after that moment and did not find it, then it came late, and is
  known from this fetch. Not so for what everybody saw at its close, be it that our provider
  was late: prices, returns, dividends and splits.
- A changed value of a stored period is known from the fetch that brought it, or, where the
  source tells when it was published and that is after the publication stored, from then.
- `seen_at`, from when a replay shows the row, is `known_at` for history that a first import
  brought, and never before the fetch for anything later.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Earlier fetches of one series.

    Attributes
    ----------
    first_period : oldest period of any of them; None if there was none
    since, at : of those that asked the publisher: the oldest period they covered, and when
    """

    first_period: int | None
    since: Integers
    at: Integers

    def latest(self, period: Integers) -> Integers:
        """When the publisher was last asked for these periods; far back where never."""
        order = np.argsort(self.since, kind="stable")
        newest = np.maximum.accumulate(np.r_[np.iinfo(np.int64).min, self.at[order]])
        return newest[np.searchsorted(self.since[order], period, side="right")]


def additions(
    new: np.ndarray,
    stored: np.ndarray,
    looks: Looks,
    *,
    told: npt.NDArray[np.bool_],
    fetched: int,
    late_is_late: bool,
) -> np.ndarray:
    """Rows to store of one series.

    Parameters
    ----------
    new : structured array with `period`, `known_at`, `value`, sorted by the first two
    stored : the same and `fetched_at`, sorted by the first two and `fetched_at`
        Every row stored of the periods of `new`, or more.
    told : whether the source said when a row was published, or the lag stands for it
    fetched : moment of this fetch
    late_is_late : bool
        Whether a period found after it should have been is known only then.

    Returns
    -------
    structured array with `row` (position in `new`), `known_at`, `fetched_at`, `seen_at`
    """
    period, value = new["period"].astype("i8"), new["value"]
    last_stored = _last_of(stored["period"])
    newest = stored[last_stored]
    at = np.searchsorted(newest["period"], period)
    hit = np.zeros(len(new), bool)
    inside = at < len(newest)
    hit[inside] = newest["period"][at[inside]] == period[inside]
    at = np.where(hit, at, 0)
    blank = np.zeros(1, newest.dtype) if not len(newest) else newest
    stored_known = np.where(hit, blank["known_at"][at], np.iinfo(np.int64).min)

    known = new["known_at"].astype("i8")
    published = ~hit | (told & (known > stored_known))
    came_late = published & (looks.latest(period) >= known) & late_is_late
    known = np.where(came_late, np.maximum(known, fetched), known)
    # Of what is no later publication, only the newest row of a period can be a revision.
    revised = hit & ~published & _last_of(period)
    known = np.where(revised, np.maximum(stored_known, fetched), known)

    known = _rising(period, known)  # a publication is not known before the one it replaces

    before = np.r_[np.nan, value[:-1]]
    same_cell = np.r_[False, period[1:] == period[:-1]] & np.r_[False, published[:-1]]
    before = np.where(same_cell, before, np.where(hit, blank["value"][at], np.nan))
    keep = (published | revised) & (value != before)
    # Publications that all came late are known in one moment: the newest of them counts.
    following = np.r_[(period[1:] == period[:-1]) & (known[1:] == known[:-1]), False]
    keep &= ~(following & np.r_[keep[1:], False])

    ties = hit & (known == stored_known)
    fetched_at = np.where(ties, np.maximum(fetched, blank["fetched_at"][at] + 1), fetched)
    oldest = np.iinfo(np.int64).max if looks.first_period is None else looks.first_period
    imported = ~hit & (period < oldest)
    seen = np.where(imported, known, np.maximum(known, fetched))
    rows = np.flatnonzero(keep)
    columns = {"row": rows} | {
        name: values[rows]
        for name, values in (("known_at", known), ("fetched_at", fetched_at), ("seen_at", seen))
    }
    result = np.empty(len(rows), [(name, "i8") for name in columns])
    for name, values in columns.items():
        result[name] = values
    return result


def _last_of(period: np.ndarray) -> npt.NDArray[np.bool_]:
    """Whether a row is the last of its period, rows sorted by period."""
    last: npt.NDArray[np.bool_] = np.r_[period[1:] != period[:-1], True][: len(period)]
    return last


def _rising(period: Integers, known: Integers) -> Integers:
    """The latest of a period's moments so far; rows sorted by period."""
    if not len(known):
        return known
    rank = np.cumsum(np.r_[False, period[1:] != period[:-1]])
    first, span = known.min(), int(known.max() - known.min()) + 1
    rising: Integers = np.maximum.accumulate(rank * span + (known - first)) - rank * span + first
    return rising
