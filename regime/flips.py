"""How far a basket would have to move for the call to change hands.

The model itself is asked. A flip level says what would follow from returns that nobody has
forecast, and nothing about how likely they are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.bundle import Bundle, remembers
from regime.call import regime_call
from regime.data import baskets as basket_sets
from regime.data.baskets import HALF_LIFE, basket_returns, lead, splice_day
from regime.data.calendar import session_closes
from regime.exceptions import PanelError
from regime.explained import FLIPS, LIMIT
from regime.features.assembly import features_of, market_frame
from regime.features.leadership import LEAD
from regime.hypothetical import A_YEAR, HALF_LIVES, extended, legs, moved_on, what_moves
from regime.models.assembly import input_sets
from regime.taxonomy import REGIMES

FloatArray = npt.NDArray[np.float64]
Question = tuple[str, str]  # basket and direction

STEPS = 15  # to the limit; what changes and changes back between two of them is not seen
TOLERANCE = 2e-5  # log return, to which a level is found
BASKETS = dict(zip(("mega", "broad", "small"), REGIMES, strict=True))

_SUBJECTS = {
    "mega": "The giants",
    "broad": "The average large company",
    "small": "Small companies",
}
_VERBS = {"up": ("gain", "on"), "down": ("lose", "to")}
_QUESTIONS: list[Question] = [(basket, way) for basket in BASKETS for way in _VERBS]
_NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]

_REMEMBERED = HALF_LIFE * HALF_LIVES  # trading days
_SAME = 1e-9  # to which a feature of a shorter history must repeat the whole one's
_PARTS = 9  # into which each round divides what is left of a step
_MOST_ROWS = 100_000  # at a time


def flip_levels(
    bundle: Bundle,
    panel: pd.DataFrame,
    calls: pd.DataFrame,
    probabilities: pd.DataFrame,
    *,
    sessions: int = 5,
) -> pd.DataFrame:
    """The move of each basket against the other two at which the call changes hands.

    Over the next `sessions` trading days one basket returns the move, a log return in equal
    parts, the other two return nothing, and all else stands still (see `extended`). The model
    scores those days, and the call goes on from the newest one. It changes hands if it is another
    on any of those days.

    Parameters
    ----------
    bundle : with a classifier of horizon 0
    panel : DataFrame of `data.panel`; rows after the newest day are not looked at
    calls : DataFrame of `regime_call`; the newest day is its last, whose call stands
    probabilities : DataFrame of horizon 0 with a column per regime; of it the newest day is read
    sessions : 1 to 252

    Returns
    -------
    DataFrame of shape (6, 7) with `FLIPS`, a row per basket and direction
        `basket`: mega, broad or small. `direction`: up or down. `move`: log return of the basket
        nearest to zero at which the call changes hands, to `TOLERANCE`; 0 where it does so though
        nothing moves, NaN where it does not within `LIMIT`. `to_regime`: whom it goes to first;
        None without a level. `confirmed`: the whole panel, extended and scored by itself, has the
        call changed to that regime at the move and not changed `TOLERANCE` nearer to zero; False
        without a level. `monotone`: at every larger of `STEPS` moves up to the limit the call
        changes too; where it does not, the level is the first from zero. `words`: a sentence.

    Raises
    ------
    PanelError
        If the bundle does not speak of now, the newest day has no call, no probabilities or no
        lead, or the sessions cannot be had.
    """
    ahead = _Ahead.after(bundle, panel, calls, probabilities, sessions)
    if (anyway := ahead.changes_to("mega", 0.0)) is not None:
        return _table(dict.fromkeys(_QUESTIONS, (0.0, anyway, True, True)), sessions)
    grids = {question: _grid(question[1]) for question in _QUESTIONS}
    scanned = ahead.ask({question: grid[1:] for question, grid in grids.items()})
    brackets: dict[Question, tuple[float, float]] = {}
    for question, changed in scanned.items():
        if any(changed):
            first = _first(changed)
            brackets[question] = (grids[question][first], grids[question][first + 1])
    while any(abs(high - low) > TOLERANCE for low, high in brackets.values()):
        cuts = {question: np.linspace(*ends, _PARTS + 1) for question, ends in brackets.items()}
        for question, changed in ahead.ask({q: cut[1:-1] for q, cut in cuts.items()}).items():
            first = _first(changed)
            brackets[question] = (cuts[question][first], cuts[question][first + 1])
    levels = {}
    for question, (_, move) in brackets.items():
        to = ahead.ask({question: np.array([move])})[question][0]
        nearer = move - math.copysign(TOLERANCE, move)
        confirmed = (
            ahead.changes_to(question[0], move) == to
            and ahead.changes_to(question[0], nearer) is None
        )
        beyond = scanned[question][_first(scanned[question]) :]
        levels[question] = (move, to, confirmed, all(beyond))
    return _table(levels, sessions)


def _first(changed: Sequence[str | None]) -> int:
    """Number of the first change; without one, of what comes after them."""
    return next((at for at, to in enumerate(changed) if to is not None), len(changed))


def _grid(way: str) -> FloatArray:
    limit = math.log1p(LIMIT if way == "up" else -LIMIT)
    grid: FloatArray = np.linspace(0.0, limit, STEPS + 1)
    return grid


@dataclass
class _Ahead:
    """The sessions ahead, and what the call would be after them.

    To score a century anew for each of some hundred moves would take a minute. So what no basket
    moves is computed once, and the rest of a history just long enough to repeat the newest day:
    many such histories, one after the other, are scored as one.

    Attributes
    ----------
    bundle : of horizon 0 alone
    X : features of the panel and of the sessions ahead, had nothing moved
    frame : what the moving features are made of, on the same days
    moving : features that a basket's return moves
    sources : returns of the baskets by each source that speaks ahead, and the sessions it is for
    rows : of the history that is scored again with each move
    """

    bundle: Bundle
    panel: pd.DataFrame
    days: pd.DatetimeIndex
    call: str
    newest: FloatArray
    X: pd.DataFrame
    frame: pd.DataFrame
    moving: list[str]
    sources: list[tuple[FloatArray, npt.NDArray[np.bool_]]]
    rows: int

    @classmethod
    def after(
        cls,
        bundle: Bundle,
        panel: pd.DataFrame,
        calls: pd.DataFrame,
        probabilities: pd.DataFrame,
        sessions: int,
    ) -> Self:
        """Of the newest day with a call."""
        day = _newest(bundle, calls, probabilities, sessions)
        bundle = replace(bundle, classifiers={0: bundle.classifiers[0]})
        panel = panel[panel.index <= day]
        closes = session_closes(day).index
        days = pd.DatetimeIndex(closes[closes > day][:sessions], name=panel.index.name)
        flat = extended(panel, pd.DataFrame(0.0, days, list(REGIMES)), bundle.baskets)
        X = bundle.features_of(flat)
        if day not in X.index:
            raise PanelError(
                f"A flip level goes on from the lead of the newest call, {day:%Y-%m-%d}, but the "
                f"panel has none on it. Give the panel that the call was made on."
            )
        moving, needs, rows = what_moves(bundle, list(X.columns))
        frame = market_frame(flat, bundle.baskets)
        frame = frame[[name for name in frame if name in needs]]
        return cls(
            bundle=bundle,
            panel=panel,
            days=days,
            call=str(calls["regime"].iloc[-1]),
            newest=probabilities.loc[day, list(REGIMES)].to_numpy(np.float64),
            X=X,
            frame=frame,
            moving=moving,
            sources=_sources(panel, bundle.baskets, days),
            rows=rows,
        )

    def changes_to(self, basket: str, move: float) -> str | None:
        """Whom the call goes to after a move, None if to nobody, by the whole panel."""
        steps = pd.DataFrame(_steps(basket, move, len(self.days)), self.days, list(REGIMES))
        X = self.X
        if move:
            X = self.bundle.features_of(extended(self.panel, steps, self.bundle.baskets))
        said = self.bundle.predict_proba(self.panel, self.days[0], X=X)
        return self._first_changes(said[list(REGIMES)].to_numpy(np.float64)[None])[0]

    def ask(self, moves: Mapping[Question, FloatArray]) -> dict[Question, list[str | None]]:
        """The same of many moves, quickly."""
        steps = np.array(
            [_steps(q[0], move, len(self.days)) for q, tried in moves.items() for move in tried]
        )
        if not len(steps):
            return {question: [] for question in moves}
        changed = self._first_changes(self._said(self._features(steps)))
        ends = np.cumsum([0, *(len(tried) for tried in moves.values())])
        parts = zip(moves, ends[:-1], ends[1:], strict=True)
        return {question: changed[first:last] for question, first, last in parts}

    def _first_changes(self, said: FloatArray) -> list[str | None]:
        """From probabilities of shape (n_moves, n_sessions, 3)."""
        n_moves, n_sessions = said.shape[:2]
        before = np.broadcast_to(self.newest, (n_moves, 1, len(REGIMES)))
        proba = np.concatenate([before, said], axis=1).reshape(-1, len(REGIMES))
        # One stretch of days after the other: each goes on from the newest call, which stands.
        days = pd.date_range("1970-01-01", periods=len(proba), freq="D")
        made = pd.Series(self.call, days[:: n_sessions + 1])
        calls = regime_call(pd.DataFrame(proba, days, list(REGIMES)), published=made)["regime"]
        by_move = calls.to_numpy().reshape(n_moves, n_sessions + 1)[:, 1:]
        return [next((str(one) for one in row if one != self.call), None) for row in by_move]

    def _said(self, X: FloatArray) -> FloatArray:
        """Probabilities of shape (n_moves, n_sessions, 3) from features of the sessions."""
        names, one = self.X.columns, self.bundle.classifiers[0]
        if not remembers(one):
            rows = pd.DataFrame(X.reshape(-1, len(names)), columns=names)
            said = self.bundle.predict_proba(self.panel, X=rows)
            return said[list(REGIMES)].to_numpy(np.float64).reshape(*X.shape[:2], -1)
        told = []
        for ahead in X:  # hidden states are filtered from the first day on
            whole = self.X.copy()
            whole.iloc[-len(ahead) :] = ahead
            said = self.bundle.predict_proba(self.panel, self.days[0], X=whole)
            told.append(said[list(REGIMES)].to_numpy(np.float64))
        return np.array(told)

    def _features(self, steps: FloatArray) -> FloatArray:
        """Features of the sessions, of shape (n_moves, n_sessions, n_features)."""
        n_sessions = len(self.days)
        X = np.tile(self.X.to_numpy(np.float64)[-n_sessions:], (len(steps), 1, 1))
        at = np.flatnonzero(self.X.columns.isin(self.moving))
        if len(at):
            X[:, :, at] = self._moving_features(steps, self._leads(steps))
        return X

    def _leads(self, steps: FloatArray) -> FloatArray:
        """Leads of the sessions, of shape (n_moves, n_sessions, 3)."""
        found = np.full(steps.shape, np.nan)
        for returns, speaks in self.sources:
            size = len(returns) + len(self.days)
            # A scale remembers all returns: one after the other only where they are forgotten.
            for some in _in_parts(len(steps), size if len(returns) >= _REMEMBERED else _MOST_ROWS):
                history = np.broadcast_to(returns, (len(steps[some]), *returns.shape))
                stacked = np.concatenate([history, steps[some]], axis=1)
                leads = lead(pd.DataFrame(stacked.reshape(-1, len(REGIMES)), columns=list(REGIMES)))
                numbers = np.arange(stacked.shape[0] * size).reshape(-1, size)[:, len(returns) :]
                values = leads.loc[numbers.ravel()].to_numpy().reshape(*numbers.shape, -1)
                found[some] = np.where(speaks[:, None], values, found[some])
        return found

    def _moving_features(self, steps: FloatArray, leads: FloatArray) -> FloatArray:
        n_sessions, config = len(self.days), self.bundle.config
        ahead = self._frames_ahead(steps, leads)
        known = self.X[self.moving].iloc[-n_sessions - 1].to_numpy(np.float64)
        found = np.empty((*steps.shape[:2], len(self.moving)))
        while True:
            rows = min(self.rows, len(self.frame) - n_sessions)
            whole = rows == len(self.frame) - n_sessions
            history = self.frame.to_numpy(np.float64)[-n_sessions - rows : -n_sessions]
            repeats = True
            for some in _in_parts(len(steps), _MOST_ROWS if whole else rows + n_sessions):
                before = np.broadcast_to(history, (len(steps[some]), *history.shape))
                stacked = np.concatenate([before, ahead[some]], axis=1)
                frame = pd.DataFrame(
                    stacked.reshape(-1, stacked.shape[-1]), columns=self.frame.columns
                )
                told = features_of(
                    frame, input_sets(config), config.labels.switching_cost, config.features.window
                )[self.moving].to_numpy(np.float64)
                by_move = told.reshape(len(stacked), rows + n_sessions, -1)
                again = by_move[:, rows - 1]
                repeats &= np.allclose(again, known, rtol=_SAME, atol=_SAME, equal_nan=True)
                found[some] = by_move[:, rows:]
            if whole or repeats:
                return found
            self.rows *= 2  # no survivor had forgotten where it began

    def _frames_ahead(self, steps: FloatArray, leads: FloatArray) -> FloatArray:
        """Rows of `frame` on the sessions, of shape (n_moves, n_sessions, n_columns)."""
        n_sessions, names = len(self.days), list(self.frame.columns)
        ahead = np.tile(self.frame.to_numpy(np.float64)[-n_sessions:], (len(steps), 1, 1))
        last = self.panel.iloc[-1]
        for at, regime in enumerate(REGIMES):
            ahead[:, :, names.index(LEAD[regime])] = leads[:, :, at]
            for name in legs(self.bundle.baskets, regime):
                if name in names:
                    moved = moved_on(name, float(last[name]), steps[:, :, at])
                    ahead[:, :, names.index(name)] = moved
        return ahead


def _newest(
    bundle: Bundle, calls: pd.DataFrame, probabilities: pd.DataFrame, sessions: int
) -> pd.Timestamp:
    """The day of the newest call; a PanelError if there is nothing to go on from."""
    if 0 not in bundle.classifiers:
        raise PanelError(
            "A call is made of probabilities of now, horizon 0, but the model has the horizons "
            f"{', '.join(map(str, bundle.classifiers))}. Retrain with labels.horizons = [0, ...]."
        )
    if not 1 <= sessions <= A_YEAR:
        raise PanelError(
            f"A move takes 1 to {A_YEAR} sessions; found {sessions}. Give, for example, 5."
        )
    if calls.empty or calls.index[-1] not in probabilities.index:
        day = "no call" if calls.empty else f"a call of {calls.index[-1]:%Y-%m-%d}"
        raise PanelError(
            f"A flip level goes on from the newest call and that day's probabilities; found {day} "
            f"and {len(probabilities)} days of probabilities. Give both as they were published."
        )
    return pd.Timestamp(calls.index[-1])


def _sources(
    panel: pd.DataFrame, baskets: str, days: pd.DatetimeIndex
) -> list[tuple[FloatArray, npt.NDArray[np.bool_]]]:
    """Returns of each source whose lead counts on some of these days, and on which."""
    history, own = basket_sets.get(baskets).history, np.ones(len(days), dtype=np.bool_)
    if history is not None and any(name in panel for name in basket_sets.get(history).series):
        begin = splice_day(panel, baskets)
        own = np.asarray(days >= begin) if begin is not None else ~own
    speaks = [(baskets, own)] if history is None else [(baskets, own), (history, ~own)]
    return [
        (basket_returns(panel, name).to_numpy(np.float64)[-_REMEMBERED:], on)
        for name, on in speaks
        if on.any()
    ]


def _steps(basket: str, move: float, sessions: int) -> FloatArray:
    """Daily log returns of shape (n_sessions, 3)."""
    steps = np.zeros((sessions, len(REGIMES)))
    steps[:, REGIMES.index(BASKETS[basket])] = move / sessions
    return steps


def _in_parts(number: int, size: int) -> list[slice]:
    """Slices of so many histories of that many rows."""
    most = max(1, _MOST_ROWS // size)
    return [slice(first, first + most) for first in range(0, number, most)]


def _table(
    levels: Mapping[Question, tuple[float, str | None, bool, bool]], sessions: int
) -> pd.DataFrame:
    none = (math.nan, None, False, True)
    rows = []
    for question in _QUESTIONS:
        move, to, confirmed, monotone = levels.get(question, none)
        said = _words(question, move, to, monotone, sessions)
        rows.append([*question, move, to, confirmed, monotone, said])
    table = pd.DataFrame(rows, columns=FLIPS, dtype=object)  # so that None stays None
    kinds = {"basket": str, "direction": str, "words": str}
    return table.astype({**kinds, "move": np.float64, "confirmed": bool, "monotone": bool})


def _words(question: Question, move: float, to: str | None, monotone: bool, sessions: int) -> str:
    basket, way = question
    subject, (verb, on) = _SUBJECTS[basket], _VERBS[way]
    number = _NUMBERS[sessions] if sessions < len(_NUMBERS) else str(sessions)
    within = f"within {number} session{'s' if sessions > 1 else ''}"
    if to is None:
        return (
            f"{subject} could {verb} {LIMIT:.0%} {on} the others {within}, and the call would "
            f"stand: where it changes lies beyond {LIMIT:.0%}, if anywhere."
        )
    called = to.replace("_", "-")
    if move == 0:
        return f"The call would be {called} {within} even if no basket moved."
    percent = abs(math.expm1(move))
    size = f"{percent:.1%}" if percent >= 0.0005 else "less than 0.1%"
    said = (
        f"{subject} would have to {verb} {size} {on} the others {within}: "
        f"the call would then be {called}."
    )
    return said if monotone else f"{said} Some larger moves would leave it as it is."
