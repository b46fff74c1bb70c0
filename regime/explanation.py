"""Why an answer moved: the shares of families and features in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.bundle import Bundle, remembers
from regime.exceptions import EvaluationError
from regime.explained import FILTER, LEAST, MEMORY, SHARES
from regime.features.assembly import FAMILIES
from regime.features.family import Feature
from regime.features.leadership import PATH_FEATURES
from regime.one_more_row import after_rows
from regime.shapley import chances, coalitions, shapley
from regime.taxonomy import REGIMES
from regime.threads import one_thread

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

BY_DAY = ["date", "since", *SHARES, "before", "now"]

_MOST_FEATURES, _MOST = 10, 2**14  # features, and coalitions, that are all asked for
_ORDERS = 256  # of a larger family's features, half of them the other half reversed
_ROWS = 2**16  # that are asked for at a time
_DEARER = 8  # an answer of a model that remembers, which is asked row by row


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
    bundle : the fitted model
    panel : DataFrame of shape (n_days, n_series), as of `data.panel`
        Days after `day` are not looked at.
    day, since : two days with a lead, the later and the earlier
    horizon : one of the bundle's, in trading days
    X : DataFrame of shape (n_days, n_features), optional
        What `bundle.features_of` says of this panel, where it is known already.

    Returns
    -------
    DataFrame of shape (n_players * n_regimes, n_columns) with `SHARES`, nats
        One row per player and regime. The shares of a regime add up to its change, those of a
        player to zero. `attrs` hold the probabilities by regime on both days, as `before` and
        `now`.

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
    proba = game.said(coalitions(len(families) + game.remembers), [*families.values()])
    players = [*families, *[MEMORY] * game.remembers]
    table = _by_regime({"player": players}, shapley(_centred(proba)))
    for name, said in (("before", proba[0]), ("now", proba[-1])):
        table.attrs[name] = dict(zip(REGIMES, map(float, said), strict=True))
    return table


def shares_by_day(
    bundle: Bundle,
    panel: pd.DataFrame,
    pairs: Sequence[tuple[pd.Timestamp, pd.Timestamp]],
    *,
    horizon: int,
    X: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The `shares` of many days, which a model without memory is asked for all at once.

    Parameters
    ----------
    pairs : of a day and the day `since` which it is told
    panel, horizon, X : as in `shares`

    Returns
    -------
    DataFrame with `BY_DAY`, one row per pair, player and regime; pairs in their order

    Raises
    ------
    EvaluationError
        As `shares` does.
    """
    for day, since in pairs:
        _check(bundle, day, since, horizon)
    X = bundle.features_of(panel) if X is None else X
    if not pairs:
        return pd.DataFrame(columns=BY_DAY)
    if not remembers(bundle.classifiers[horizon]):
        return _all_at_once(bundle, pairs, horizon, X)
    tables = []
    for day, since in pairs:
        one = shares(bundle, panel, day, since, horizon=horizon, X=X)
        said = {name: one["regime"].map(one.attrs[name]) for name in ("before", "now")}
        one.attrs = {}
        tables.append(one.assign(date=day, since=since, **said)[BY_DAY])
    return pd.concat(tables, ignore_index=True)


def _all_at_once(
    bundle: Bundle,
    pairs: Sequence[tuple[pd.Timestamp, pd.Timestamp]],
    horizon: int,
    X: pd.DataFrame,
) -> pd.DataFrame:
    families = _families(bundle, list(X.columns))
    members = coalitions(len(families))
    moved = _moved(members, families.values(), X)
    places = [[place_of_day(X.index, day) for day in days] for days in zip(*pairs, strict=True)]
    now, was = (X.iloc[at].to_numpy(np.float64) for at in places)
    proba = np.empty((len(members), len(pairs), len(REGIMES)))
    every = max(1, _ROWS // len(members))
    for first in range(0, len(pairs), every):
        some = slice(first, first + every)
        values = np.where(moved[:, None], now[some], was[some])
        rows = pd.DataFrame(values.reshape(-1, X.shape[1]), columns=X.columns)
        said = _asked(bundle.classifiers[horizon], rows)
        proba[:, some] = said.reshape(len(members), -1, len(REGIMES))
    share = shapley(_centred(proba)).transpose(1, 0, 2)
    n_pairs, n_players, n_regimes = share.shape
    date, since = (X.index[at].repeat(n_players * n_regimes) for at in places)
    before, after = (np.repeat(said[:, None], n_players, axis=1) for said in (proba[0], proba[-1]))
    columns = {
        "date": date,
        "since": since,
        "player": np.tile(np.repeat([*families], n_regimes), n_pairs),
        "regime": [*REGIMES] * (n_pairs * n_players),
        "share": share.ravel(),
        "before": before.ravel(),
        "now": after.ravel(),
    }
    return pd.DataFrame(columns)[BY_DAY]


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
    outer = coalitions(len(families) + game.remembers)
    exact = len(names) <= _MOST_FEATURES and len(outer) << len(names) <= game.affords(_MOST)
    share = (_owen if exact else _owen_sampled)(game, groups, len(names), outer)
    units = {name: unit for name, (unit, _) in PATH_FEATURES.items()}
    units |= {one.name: one.unit for one in _features(bundle, family)}
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
        was, values = (self.X.iloc[at].to_numpy(np.float64) for at in (self.before, self.now))
        moved = _moved(coalitions, groups, self.X)
        rows = pd.DataFrame(np.where(moved, values, was), columns=self.X.columns)
        if not self.remembers:
            return _asked(self.classifier, rows)
        proba = np.empty((len(rows), len(REGIMES)))
        for late, until in ((False, self.before), (True, self.now)):
            mine = coalitions[:, -1] == late
            proba[mine] = _asked(after_rows(self.classifier, self.X.iloc[:until]), rows[mine])
        return proba


def _moved(coalitions: BoolArray, groups: Iterable[Sequence[str]], X: pd.DataFrame) -> BoolArray:
    """Which columns of X have moved in each coalition."""
    player = {name: number for number, group in enumerate(groups) for name in group}
    return coalitions[:, [player[name] for name in X.columns]]


def _asked(classifier: Any, rows: pd.DataFrame) -> FloatArray:
    """Probabilities of each row, regimes in the order of `REGIMES`."""
    order = [list(classifier.classes_).index(name) for name in REGIMES]
    with one_thread():
        return np.asarray(classifier.predict_proba(rows)[:, order])


def _game(
    bundle: Bundle,
    panel: pd.DataFrame,
    day: pd.Timestamp,
    since: pd.Timestamp,
    horizon: int,
    X: pd.DataFrame | None,
) -> _Game:
    _check(bundle, day, since, horizon)
    X = bundle.features_of(panel[panel.index <= day]) if X is None else X[X.index <= day]
    places = [place_of_day(X.index, one) for one in (since, day)]
    return _Game(bundle.classifiers[horizon], X, *places)


def _check(bundle: Bundle, day: pd.Timestamp, since: pd.Timestamp, horizon: int) -> None:
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
    family = dict.fromkeys(PATH_FEATURES, FILTER)
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


def _owen(game: _Game, groups: list[list[str]], m: int, outer: BoolArray) -> FloatArray:
    """Of shape (m, n_regimes): all coalitions of the first m players with those of the others."""
    inner = coalitions(m)
    both = np.hstack([np.tile(inner, (len(outer), 1)), np.repeat(outer, len(inner), axis=0)])
    value = _centred(game.said(both, groups)).reshape(len(outer), len(inner), -1)
    return shapley(np.tensordot(chances(outer), value, axes=1))


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
    share: FloatArray = np.tensordot(chances(outer), gains.mean(axis=1), axes=1)
    return share


def _centred(proba: FloatArray) -> FloatArray:
    logs = np.log(np.maximum(proba, LEAST))
    centred: FloatArray = logs - logs.mean(axis=-1, keepdims=True)
    return centred
