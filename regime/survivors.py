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
    """

    score: FloatArray
    came_from: IntArray
    since: IntArray
    agreed_through: IntArray

    def path(self, last: int | None = None) -> IntArray:
        """The best path over rows 0 to `last` (all of them by default), as regime numbers."""
        last = len(self.score) - 1 if last is None else last
        path = np.empty(last + 1, dtype=np.int64)
        state = int(self.score[last].argmax())
        for row in range(last, -1, -1):
            path[row] = state
            state = int(self.came_from[row, state])
        return path


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
    """
    n_days, n_regimes = lead.shape
    regimes = range(n_regimes)
    pairs = [(one, other) for one in regimes for other in regimes if one < other]
    score = np.empty((n_days, n_regimes))
    came_from = np.empty((n_days, n_regimes), dtype=np.int64)
    since = np.empty((n_days, n_regimes), dtype=np.int64)
    agreed_through = np.empty(n_days, dtype=np.int64)

    # Plain floats: for three regimes numpy would spend its time on overhead.
    best_score = [0.0] * n_regimes
    began = [0] * n_regimes
    agree = dict.fromkeys(pairs, -1)
    for day, gains in enumerate(lead.tolist()):
        origin = list(regimes)
        if day:
            leader = best_score.index(max(best_score))
            changed = best_score[leader] - switching_cost
            origin = [k if best_score[k] >= changed else leader for k in regimes]
            best_score = [best_score[k] if origin[k] == k else changed for k in regimes]
            began = [began[k] if origin[k] == k else day for k in regimes]
            agree = {
                (one, other): day - 1
                if origin[one] == origin[other]
                else agree[min(origin[one], origin[other]), max(origin[one], origin[other])]
                for one, other in pairs
            }
        earned = [value + gain for value, gain in zip(best_score, gains, strict=True)]
        top = max(earned)
        best_score = [value - top for value in earned]
        score[day], came_from[day], since[day] = best_score, origin, began
        agreed_through[day] = min(agree.values(), default=day)
    return Survivors(score, came_from, since, agreed_through)
