"""Why an answer moved: the shares of families and features in it."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from regime.bundle import Bundle, remembers
from regime.exceptions import EvaluationError
from regime.features.assembly import FAMILIES
from regime.features.family import Feature
from regime.features.leadership import CONFIRMED, SCORE, SINCE_CONFIRMED
from regime.models.corrections import Correction
from regime.models.hybrid import StickyChainClassifier
from regime.models.pooled import Member, Pooled
from regime.taxonomy import REGIMES
from regime.threads import one_thread

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

FILTER = "filter"  # the player whose features are those of the path
MEMORY = "memory"  # the player that is the rows before, of a model that remembers them
SHARES = ["player", "regime", "share"]
DRIVERS = ["feature", "unit", "before", "now", "regime", "share"]

_LEAST = 1e-6  # no answer counts as surer than this
_MOST_FEATURES, _MOST = 10, 2**14  # features, and coalitions, that are all asked for
_ORDERS = 256  # of a larger family's features, half of them the other half reversed
_DEARER = 8  # an answer of a model that remembers, which is asked row by row

_PATH_UNITS = dict.fromkeys(SCORE.values(), "standard deviations of lead")
_PATH_UNITS |= {**dict.fromkeys(CONFIRMED.values(), "1 or 0"), SINCE_CONFIRMED: "sessions"}


def shares(
    bundle: Bundle,
    panel: pd.DataFrame,
    day: pd.Timestamp,
    since: pd.Timestamp,
    *,
    horizon: int,
    X: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Each family's share in the change of an answer between two days: exact Shapley values.

    What is shared out is the change of the centred log probability, log p less its mean over
    the regimes, in nats. Players are the families of features the model reads and `FILTER`, the
    path's. A coalition is worth what the model says of a row in which its members have the
    values of `day` and the others those of `since`; all are asked.

    Parameters
    ----------
    panel : DataFrame of `data.panel`; days after `day` are not looked at
    since, day : two days with a lead, in this order
    horizon : one of the bundle's, in trading days
    X : DataFrame, optional
        What `bundle.features_of` says of this panel, where it is known already.

    Returns
    -------
    DataFrame with `SHARES`, one row per player and regime
        The shares of a regime add up to its change, those of a player to zero. `attrs` hold
        the probabilities by regime on both days, as `before` and `now`.

    Raises
    ------
    EvaluationError
        If the bundle does not speak `horizon` days ahead, a day has no lead, or `since` is
        not before `day`.

    Notes
    -----
    A model that remembers (hidden states, or a stack with such a member) also hears the rows
    before, which is one more player, `MEMORY`. In coalitions with it the row stands after all
    rows before `day`, in the others after all rows before `since`: so nobody's coalition is
    what the model says on `since`, everybody's what it says on `day`, and `MEMORY` has what
    the days between have told. A family's share is then that of its last values only.

    A feature that became known, or ceased to be, counts like one that moved, by what the
    model makes of a missing value. A probability below 1e-6 counts as 1e-6.

    References
    ----------
    Shapley (1953), Contributions to the Theory of Games II, 307-317.
    """
    game = _game(bundle, panel, day, since, horizon, X)
    families = _families(bundle, list(game.X.columns))
    proba = game.said(_coalitions(len(families) + game.remembers), [*families.values()])
    players = [*families, *[MEMORY] * game.remembers]
    table = _by_regime({"player": players}, _shapley(_centred(proba)))
    for name, said in (("before", proba[0]), ("now", proba[-1])):
        table.attrs[name] = dict(zip(REGIMES, map(float, said), strict=True))
    return table


def drivers(
    bundle: Bundle,
    panel: pd.DataFrame,
    day: pd.Timestamp,
    since: pd.Timestamp,
    *,
    horizon: int,
    family: str,
    X: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Each feature's share in what `shares` says of its family: Owen values.

    Every order in which the families may move is as likely as any other, and so is every order
    of this family's features, which move one after the other while no other family does.

    Parameters
    ----------
    family : a player of `shares` other than `MEMORY`
    panel, day, since, horizon, X : as in `shares`

    Returns
    -------
    DataFrame with `DRIVERS`, one row per feature and regime
        `before` and `now` are the feature's values on both days in its own `unit`, NaN where
        unknown; `share`, in nats, adds up to the family's over its features. `attrs["exact"]`
        says whether all orders were counted.

    Raises
    ------
    EvaluationError
        As `shares` does, or if the model reads no such family.

    Notes
    -----
    Exact with up to ten features and 2**14 coalitions. Beyond, a fixed draw of 256 orders (two
    for each set of other families that may have moved before, if that is more), each beside its
    reverse; for a model that remembers an eighth of both. Their sum is exact in either case,
    and so is every share where features do not interact: the default model's correction of the
    log-odds is a sum over them.

    References
    ----------
    Owen (1977), Mathematical Economics and Game Theory, 76-88: values with a priori unions.
    """
    game = _game(bundle, panel, day, since, horizon, X)
    families = _families(bundle, list(game.X.columns))
    if family not in families:
        raise EvaluationError(
            f"{bundle.config.name} reads no family {family!r} of features; it reads "
            f"{', '.join(families) or 'none'}. Choose one of them."
        )
    names = families.pop(family)
    groups = [*([name] for name in names), *families.values()]
    outer = _coalitions(len(families) + game.remembers)
    exact = len(names) <= _MOST_FEATURES and len(outer) << len(names) <= game.affords(_MOST)
    share = (_owen if exact else _owen_sampled)(game, groups, len(names), outer)
    units = {**_PATH_UNITS, **{one.name: one.unit for one in _features(bundle, family)}}
    keys = {
        "feature": names,
        "unit": [units[name] for name in names],
        "before": game.X.iloc[game.before][names],
        "now": game.X.iloc[game.now][names],
    }
    table = _by_regime(keys, share)
    table.attrs["exact"] = exact
    return table


@dataclass(frozen=True, slots=True)
class _Game:
    """What a classifier says where part of a row has moved from one day's values to another's.

    Attributes
    ----------
    X : what it reads, up to the later day
    before, now : places of the two days in X
    """

    classifier: Any
    X: pd.DataFrame
    before: int
    now: int

    @property
    def remembers(self) -> bool:
        return remembers(self.classifier)

    def affords(self, number: int) -> int:
        """How many answers may be asked where a model without memory may be asked this many."""
        return number // _DEARER if self.remembers else number

    def said(self, coalitions: BoolArray, groups: Sequence[Sequence[str]]) -> FloatArray:
        """Probabilities of shape (n_coalitions, n_regimes), regimes in the order of `REGIMES`.

        Parameters
        ----------
        coalitions : ndarray of shape (n_coalitions, n_players)
            Who has moved; of a model that remembers, the last player is its memory.
        groups : the columns of each other player
        """
        player = {name: number for number, group in enumerate(groups) for name in group}
        moved = coalitions[:, [player[name] for name in self.X.columns]]
        was, values = (self.X.iloc[at].to_numpy(np.float64) for at in (self.before, self.now))
        rows = pd.DataFrame(np.where(moved, values, was), columns=self.X.columns)
        proba = np.empty((len(rows), len(REGIMES)))
        order = [list(self.classifier.classes_).index(name) for name in REGIMES]
        with one_thread():
            if not self.remembers:
                return np.asarray(self.classifier.predict_proba(rows)[:, order])
            for late, until in ((False, self.before), (True, self.now)):
                mine = coalitions[:, -1] == late
                after = _after(self.classifier, self.X.iloc[:until])
                proba[mine] = after.predict_proba(rows[mine])[:, order]
        return proba


def _game(
    bundle: Bundle,
    panel: pd.DataFrame,
    day: pd.Timestamp,
    since: pd.Timestamp,
    horizon: int,
    X: pd.DataFrame | None,
) -> _Game:
    if horizon not in bundle.classifiers:
        raise EvaluationError(
            f"{bundle.config.name} speaks {', '.join(map(str, bundle.classifiers))} days ahead, "
            f"not {horizon}. Choose one of these horizons."
        )
    if since >= day:
        raise EvaluationError(
            f"A change is told from an earlier day; {since:%Y-%m-%d} is not before "
            f"{day:%Y-%m-%d}. Choose one that is."
        )
    X = bundle.features_of(panel[panel.index <= day]) if X is None else X[X.index <= day]
    places = [place_of_day(X.index, one) for one in (since, day)]
    return _Game(bundle.classifiers[horizon], X, *places)


def place_of_day(days: pd.Index, day: pd.Timestamp) -> int:
    """Where a day stands among those with features; an EvaluationError if it has none."""
    place = int(days.searchsorted(day))
    if place == len(days) or days[place] != day:
        span = f"those from {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}" if len(days) else "none"
        raise EvaluationError(
            f"There are no features of {day:%Y-%m-%d}: a day needs a lead, and found are {span}. "
            "Choose a session among them, or fetch what is missing."
        )
    return place


def _features(bundle: Bundle, family: str) -> list[Feature]:
    return [] if family == FILTER else FAMILIES[family](bundle.config.features.window)


def _families(bundle: Bundle, columns: Sequence[str]) -> dict[str, list[str]]:
    """The columns of each family that has some, in the order of the columns."""
    family = dict.fromkeys(_PATH_UNITS, FILTER)
    for name in FAMILIES:
        family |= {feature.name: name for feature in _features(bundle, name)}
    found: dict[str, list[str]] = {}
    for column in columns:
        found.setdefault(family[column], []).append(column)
    return found


def _by_regime(keys: dict[str, Any], share: FloatArray) -> pd.DataFrame:
    """A row for each key and regime, from shares of shape (n_keys, n_regimes)."""
    n, m = share.shape
    table = {name: np.repeat(np.asarray(values), m) for name, values in keys.items()}
    return pd.DataFrame({**table, "regime": [*REGIMES] * n, "share": share.ravel()})


def _coalitions(n: int) -> BoolArray:
    """All of n players, of shape (2 ** n, n): row i has those whose bit is set in i."""
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(bool)


def _chances(coalitions: BoolArray) -> FloatArray:
    """How likely each coalition of all players but one is to be there before that one."""
    n = coalitions.shape[1] + 1
    by_size = [factorial(k) * factorial(n - k - 1) / factorial(n) for k in range(n)]
    chances: FloatArray = np.array(by_size)[coalitions.sum(axis=1)]
    return chances


def _shapley(value: FloatArray) -> FloatArray:
    """Of shape (n_players, ...), from the values of all coalitions, as `_coalitions` has them."""
    n = len(value).bit_length() - 1
    if not n:
        return np.empty((0, *value.shape[1:]))
    rows = np.arange(len(value))
    chances = _chances(_coalitions(n - 1))
    gains = [value[rows >> player & 1 == 1] - value[rows >> player & 1 == 0] for player in range(n)]
    return np.stack([np.tensordot(chances, gain, axes=1) for gain in gains])


def _owen(game: _Game, groups: list[list[str]], m: int, outer: BoolArray) -> FloatArray:
    """Of shape (m, n_regimes): all coalitions of the first m players with those of the others."""
    inner = _coalitions(m)
    both = np.hstack([np.tile(inner, (len(outer), 1)), np.repeat(outer, len(inner), axis=0)])
    value = _centred(game.said(both, groups)).reshape(len(outer), len(inner), -1)
    return _shapley(np.tensordot(_chances(outer), value, axes=1))


def _owen_sampled(game: _Game, groups: list[list[str]], m: int, outer: BoolArray) -> FloatArray:
    """The same from a draw of orders, walked from nobody to everybody."""
    half = max(1, game.affords(_ORDERS) // (2 * len(outer)))
    random = np.random.default_rng(0)
    drawn = random.permuted(np.tile(np.arange(m), (len(outer), half, 1)), axis=-1)
    orders = np.concatenate([drawn, drawn[:, :, ::-1]], axis=1)
    # After k steps those have moved whose place in the order is below k.
    moved = np.arange(m + 1)[:, None] > np.argsort(orders, axis=-1)[:, :, None, :]
    others = np.broadcast_to(outer[:, None, None, :], (*moved.shape[:3], outer.shape[1]))
    walked = np.concatenate([moved, others], axis=-1)
    asked, at = np.unique(walked.reshape(-1, walked.shape[-1]), axis=0, return_inverse=True)
    value = _centred(game.said(asked, groups))[at.ravel()].reshape(*walked.shape[:3], -1)
    gains = np.empty((*orders.shape, value.shape[-1]))
    np.put_along_axis(gains, orders[..., None], np.diff(value, axis=2), axis=2)
    share: FloatArray = np.tensordot(_chances(outer), gains.mean(axis=1), axes=1)
    return share


def _centred(proba: FloatArray) -> FloatArray:
    logs = np.log(np.maximum(proba, _LEAST))
    centred: FloatArray = logs - logs.mean(axis=1, keepdims=True)
    return centred


class _After:
    """A classifier that remembers and has seen some rows: it takes each row for the next one.

    Parameters
    ----------
    classifier : fitted, with `state_proba`, at the end of a pipeline or by itself
    rows : the rows before; there may be none
    """

    def __init__(self, classifier: Any, rows: pd.DataFrame) -> None:
        chained = isinstance(classifier, Pipeline)
        self.read: Callable[[pd.DataFrame], Any]
        self.read = classifier[:-1].transform if chained else lambda X: X
        self.last = classifier[-1] if chained else classifier
        self.classes_ = self.last.classes_
        self.given: dict[str, Any] = {}
        if len(rows):
            seen = self.read(rows)
            self.given["before"] = self.last.state_proba(seen)[-1]
            if isinstance(self.last, StickyChainClassifier):
                self.given["row_before"] = np.asarray(seen, dtype=np.float64)[-1]

    def predict_proba(self, X: pd.DataFrame) -> FloatArray:
        """Of each row of X, as if none of the others were there."""
        read = self.read(X)
        # Most coalitions differ in what a member of a stack does not read.
        alike = pd.DataFrame(np.asarray(read)).groupby(
            [*range(read.shape[1])], dropna=False, sort=False
        )
        first = np.flatnonzero(alike.cumcount() == 0)
        rows = (read[place : place + 1] for place in first)
        said = [self.last.predict_proba(row, **self.given) for row in rows]
        return np.concatenate(said)[alike.ngroup()]


def _after(classifier: Any, rows: pd.DataFrame) -> Any:
    """What says of every row, to the bit, what the classifier says of it at the end of `rows`."""
    if not remembers(classifier):
        return classifier
    if isinstance(classifier, Pooled):
        members = [
            Member(one.columns, _after(one.classifier, rows[one.columns]))
            for one in classifier.members
        ]
        return Pooled(members, classifier.pool)
    if isinstance(classifier, Correction):
        corrected = copy.copy(classifier)
        corrected.start_ = _after(classifier.start_, rows)
        return corrected
    return _After(classifier, rows)
