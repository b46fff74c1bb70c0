"""The best path to each regime, carried forward one day at a time.

A path names one regime a day; it earns that regime's lead and pays `switching_cost` for
every change. At the close of day t there is one best path ending in each regime: the
survivors. Everything here about day t follows from days up to t, so features may use it;
the hindsight label is read off the last day's survivors in `labels.leadership`.

Ties go to staying, then to the regime that comes first.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_MOST_WALKED = 4  # costs at a time


@dataclass(frozen=True, slots=True)
class Survivors:
    """The survivors of every day.

    Attributes
    ----------
    score : ndarray of shape (n_days, n_regimes)
        Earned by the best path ending there, less the best of the day; the leader has 0.
    came_from : ndarray of shape (n_days, n_regimes)
        Regime of the day before on that path; itself on the first day.
    since : ndarray of shape (n_days, n_regimes)
        Row at which that path last changed to its present regime.
    agreed_through : ndarray of shape (n_days,)
        Last row on which all survivors agree, and with them every later path; -1 while
        they agree on none. Never falls.
    agreement : ndarray of shape (n_regimes, n_regimes)
        Last row on which the newest day's survivors to two regimes agree, the lesser regime
        first; -1 while on none. What the next day needs to know beside the last rows.
    """

    score: FloatArray
    came_from: IntArray
    since: IntArray
    agreed_through: IntArray
    agreement: IntArray

    def path(self, last: int | None = None) -> IntArray:
        """The best path over rows 0 to `last` (all of them by default), as regime numbers."""
        last = len(self.score) - 1 if last is None else last
        path = np.empty(last + 1, dtype=np.int64)
        state = int(self.score[last].argmax())
        while last >= 0:  # from one change of regime to the one before it
            first = int(self.since[last, state])
            path[first : last + 1] = state
            state, last = int(self.came_from[first, state]), first - 1
        return path


_walked: dict[float, tuple[FloatArray, Survivors]] = {}  # by cost: the leads, and their path


def carry_forward(lead: FloatArray, *, switching_cost: float) -> Survivors:
    """Extend the best path to each regime through every day of `lead`.

    Parameters
    ----------
    lead : ndarray of shape (n_days, n_regimes), at least one day, all finite
    switching_cost : float
        What a change of regime costs, in the unit of `lead`.

    Notes
    -----
    Exact, in O(n_days n_regimes^2): only the best regime of yesterday is worth changing
    from. Two survivors that came from the same regime agree up to yesterday; two that
    did not agree as far as their predecessors did. That is all the memory agreement needs.

    The last walk at each cost is remembered, so that a day added to the same history costs
    one step and asking again costs none. The tables are shared and cannot be written.
    """
    lead = np.array(lead, dtype=np.float64)  # a copy: the caller may change its own
    known = _walked.get(switching_cost)
    if known is None or len(known[0]) > len(lead) or not _begins_with(lead, known[0]):
        known = (lead[:0], _nowhere(lead.shape[1]))
    before, survivors = known
    if len(before) < len(lead):
        survivors = _carry_on(survivors, lead[len(before) :], switching_cost)
        if len(_walked) == _MOST_WALKED:
            _walked.clear()
        _walked[switching_cost] = (lead, survivors)
    return survivors


def carry_many(lead: FloatArray, *, switching_cost: float) -> tuple[FloatArray, IntArray]:
    """The same for many markets at once: their scores, and their last day's best paths.

    Parameters
    ----------
    lead : ndarray of shape (n_days, n_markets, n_regimes), at least one day, all finite

    Returns
    -------
    ndarray of shape (n_days, n_markets, n_regimes), as `Survivors.score`; and of shape
    (n_days, n_markets), as `Survivors.path`, which looks ahead.
    """
    n_days, n_markets, n_regimes = lead.shape
    own, market = np.arange(n_regimes), np.arange(n_markets)
    score = np.empty(lead.shape)
    came_from = np.empty(lead.shape, dtype=np.int8)
    score[0], came_from[0] = lead[0] - lead[0].max(axis=-1, keepdims=True), own
    for day in range(1, n_days):
        before = score[day - 1]
        moved = before < -switching_cost  # the best of yesterday stands at zero
        came_from[day] = np.where(moved, before.argmax(axis=-1)[:, None], own)
        earned = np.where(moved, -switching_cost, before) + lead[day]
        score[day] = earned - earned.max(axis=-1, keepdims=True)
    path = np.empty((n_days, n_markets), dtype=np.int64)
    path[-1] = score[-1].argmax(axis=-1)
    for day in range(n_days - 1, 0, -1):
        path[day - 1] = came_from[day, market, path[day]]
    return score, path


def _begins_with(lead: FloatArray, before: FloatArray) -> bool:
    # To the bit: minus zero equals zero, but its sums need not.
    return lead.shape[1] == before.shape[1] and lead[: len(before)].tobytes() == before.tobytes()


def _nowhere(n_regimes: int) -> Survivors:
    """Before the first day."""
    nothing = np.empty((0, n_regimes), dtype=np.int64)
    apart = np.full((n_regimes, n_regimes), -1, dtype=np.int64)
    return Survivors(np.empty((0, n_regimes)), nothing, nothing, np.empty(0, np.int64), apart)


def _carry_on(before: Survivors, lead: FloatArray, switching_cost: float) -> Survivors:
    """The survivors of the days so far and of those that follow."""
    n_regimes, begin = lead.shape[1], len(before.score)
    regimes = range(n_regimes)
    pairs = [(one, other) for one in regimes for other in regimes if one < other]
    # Plain floats: for three regimes numpy would spend its time on overhead, and machine
    # code takes longer to load than a century to walk. What changes only when a path does
    # is kept per stretch of days, and spread over them at the end.
    best = before.score[-1].tolist() if begin else [0.0] * n_regimes
    began = before.since[-1].tolist() if begin else [0] * n_regimes
    agree = {pair: int(before.agreement[pair]) for pair in pairs}
    stay, changed = list(regimes), 0.0 - switching_cost  # the leader's own score is 0
    scores: list[float] = []  # flat: a list a day would wake the collector of garbage
    stretches, origins, begans = [begin], [stay], [began]
    agreements = [min(agree.values(), default=-1)]
    for day, gains in enumerate(zip(*lead.T.tolist(), strict=True), begin):
        if day and min(best) < changed:
            leader = best.index(max(best))
            origin = [k if best[k] >= changed else leader for k in regimes]
            began = [began[k] if origin[k] == k else day for k in regimes]
            best = [max(value, changed) for value in best]
            agree = {
                pair: day - 1
                if (one := origin[pair[0]]) == (other := origin[pair[1]])
                else agree[(one, other) if one < other else (other, one)]
                for pair in pairs
            }
            stretches.append(day)
            origins.append(origin)
            begans.append(began)
            agreements.append(min(agree.values()))
        earned = [value + gain for value, gain in zip(best, gains, strict=True)]
        top = max(earned)
        best = [value - top for value in earned]
        scores += best
    came_from = np.tile(np.array(stay, dtype=np.int64), (len(lead), 1))
    lengths = np.diff(stretches, append=begin + len(lead))
    came_from[np.array(stretches) - begin] = origins
    since = np.repeat(np.array(begans, dtype=np.int64), lengths, axis=0)
    through = np.repeat(np.array(agreements, dtype=np.int64), lengths)
    if not pairs:  # alone, it agrees with itself
        through = np.arange(begin, begin + len(lead))
    agreement = before.agreement.copy()
    for pair, row in agree.items():
        agreement[pair] = row
    walked = Survivors(
        np.concatenate([before.score, np.array(scores).reshape(lead.shape)]),
        np.concatenate([before.came_from, came_from]),
        np.concatenate([before.since, since]),
        np.concatenate([before.agreed_through, through]),
        agreement,
    )
    for table in (walked.score, walked.came_from, walked.since, walked.agreed_through):
        table.flags.writeable = False  # shared by whoever asks for the same path
    return walked
