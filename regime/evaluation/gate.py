"""Whether a challenger may take the champion's place: a judgement of frames, nothing else.

The rule of all checks is the same. A challenger need not be proved better, since two good
models can rarely be told apart; it must not be provably worse, and must be worth more than
knowing nothing. What cannot be judged for want of a common record is refused, not waved on.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from regime.data.calendar import session_closes, sessions_since
from regime.data.checks.freshness import Age
from regime.evaluation.calibration import calibration_error
from regime.evaluation.decision import CHECKS, Bounds, Check, Decision, Record
from regime.evaluation.scores import TRADING_DAYS, log_losses, switches_per_year
from regime.evaluation.significance import edge_interval
from regime.exceptions import EvaluationError
from regime.taxonomy import REGIMES

__all__ = [
    "CHECKS", "Bounds", "Check", "Decision", "Record", "climatology", "fresh_check", "judge",
]  # fmt: skip

_SHOWN = 4  # series in a sentence
Targets = Mapping[int, pd.DataFrame]


class _Interval(NamedTuple):
    """A mean edge in nats at one horizon, with the ends of its 90% interval."""

    horizon: int
    edge: float
    low: float
    high: float
    n_days: int

    @property
    def words(self) -> str:
        return f"{_ahead(self.horizon)} {self.edge:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def judge(
    challenger: Record,
    champion: Record | None,
    targets: Targets,
    *,
    ledger: pd.DataFrame,
    found: Sequence[Check],
    decided_at: pd.Timestamp,
    bounds: Bounds,
) -> Decision:
    """Hold a challenger against the champion, climatology, and what was found of its files.

    Parameters
    ----------
    targets : for each of the challenger's horizons `labels.leadership.target` of the path as
        it is known now, of the challenger's baskets and switching cost
    ledger : DataFrame with `date`, `horizon`, a column per regime, `model_version` and
        `published_at`; what was published, whoever the champion was; may be empty
    found : the checks `states`, `fresh` and `clean_process`, which need more than frames

    Raises
    ------
    EvaluationError
        If one of the checks to be found was not.
    """
    checks = [
        _log_loss(challenger, champion, targets, bounds),
        _live(challenger, champion, targets, ledger, bounds),
        _calibration(challenger, targets, bounds),
        _turnover(challenger, champion, bounds),
        _climatology(challenger, targets, bounds),
        *found,
    ]
    by_name = {check.name: check for check in checks}
    if missing := [name for name in CHECKS if name not in by_name]:
        raise EvaluationError(
            f"The gate judges {', '.join(CHECKS)}; nothing was found of {', '.join(missing)}. "
            "Find it before judging."
        )
    return Decision(
        challenger=challenger.number,
        champion=None if champion is None else champion.number,
        decided_at=decided_at,
        checks=tuple(by_name[name] for name in CHECKS),
    )


def climatology(
    target: pd.DataFrame, fitted_on: pd.DatetimeIndex, since: pd.Timestamp
) -> pd.DataFrame:
    """How often each regime led among the rows confirmed by each day: one row per day given.

    The same as walking the classifier `climatology` forward with refits on these days.

    Parameters
    ----------
    target : DataFrame with `regime` and `confirmed_on`, indexed by trading day
    since : the first row to count

    Returns
    -------
    DataFrame of shape (n_given, 3), rows sum to one; even where nothing is confirmed yet
    """
    known = target[target["confirmed_on"].notna() & (target.index >= since)]
    shares = np.full((len(fitted_on), len(REGIMES)), 1 / len(REGIMES))
    led = known["regime"].to_numpy()[:, None] == np.array(REGIMES, dtype=object)
    counts = led.cumsum(axis=0)  # confirmed rows are a prefix, so their count says which
    n_known = known["confirmed_on"].searchsorted(fitted_on, side="right")
    some = n_known > 0
    shares[some] = counts[n_known[some] - 1] / n_known[some, None]
    return pd.DataFrame(shares, fitted_on, list(REGIMES))


def fresh_check(
    series: pd.DataFrame, trained_until: pd.Timestamp, newest_close: pd.Timestamp, bounds: Bounds
) -> Check:
    """Whether what the model needs is as new as it is published, and its training as well.

    Parameters
    ----------
    series : `data.checks.freshness.freshness` of what the baskets need and the model counts on
    newest_close : the last session that has closed
    """
    behind = series[series["state"] != Age.FRESH]
    if len(behind):
        told = [
            f"{name} {'has nothing' if pd.isna(newest) else f'ends on {newest:%Y-%m-%d}'}"
            for name, newest in zip(behind["series"], behind["newest_period"], strict=True)
        ]
        rest = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
        words = f"not as new as published: {', '.join(told[:_SHOWN])}{rest}; fetch newer data"
        return Check("fresh", False, float(len(behind)), 0.0, words)
    age = sessions_since(trained_until, newest_close)
    words = f"trained until {trained_until:%Y-%m-%d}, {age} sessions before the newest close"
    bound = bounds.training_behind
    return Check("fresh", age <= bound, float(age), float(bound), words)


def _log_loss(
    challenger: Record, champion: Record | None, targets: Targets, bounds: Bounds
) -> Check:
    if champion is None:
        return Check("log_loss", True, None, None, "no champion to be worse than")
    if why := _incomparable(challenger, champion):
        words = f"not comparable with version {champion.number}: {why}; --force passes over it"
        return Check("log_loss", False, None, 0.0, words)
    edges = []
    for horizon in challenger.horizons:
        mine = _losses(challenger.said(horizon), targets[horizon])
        theirs = _losses(champion.said(horizon), targets[horizon])
        edges.append(_edge(theirs, mine, horizon))
    fewest = min(edges, key=lambda one: one.n_days)
    if fewest.n_days < bounds.least_days:
        words = (
            f"only {fewest.n_days} settled days out of sample in common with version "
            f"{champion.number} {_ahead(fewest.horizon)}, {bounds.least_days} needed; "
            "--force passes over it"
        )
        return Check("log_loss", False, float(fewest.n_days), float(bounds.least_days), words)
    return _not_worse("log_loss", edges, f"edge over version {champion.number}", bounds)


def _incomparable(challenger: Record, champion: Record) -> str:
    """Why two records do not answer one question, or nothing."""
    if champion.fault:
        return champion.fault
    if challenger.baskets != champion.baskets:
        return f"baskets {challenger.baskets}, not {champion.baskets}"
    if challenger.switching_cost != champion.switching_cost:
        return f"labels of cost {challenger.switching_cost:g}, not {champion.switching_cost:g}"
    if challenger.horizons != champion.horizons:
        return f"horizons {challenger.horizons}, not {champion.horizons}"
    return ""


def _live(
    challenger: Record,
    champion: Record | None,
    targets: Targets,
    ledger: pd.DataFrame,
    bounds: Bounds,
) -> Check:
    if champion is None:
        return Check("live", True, None, None, "no champion has published anything")
    if challenger.baskets != champion.baskets:
        return Check("live", True, None, None, f"version {champion.number} spoke of other baskets")
    edges = []
    published = _published_live(ledger, champion)
    for horizon in challenger.horizons:
        said = published[published["horizon"] == horizon].set_index("date")
        theirs = _losses(said, targets[horizon])
        edges.append(_edge(theirs, _losses(challenger.said(horizon), targets[horizon]), horizon))
    told = [edge for edge in edges if edge.n_days >= bounds.least_days]
    if not told:
        n_days = max((edge.n_days for edge in edges), default=0)
        words = f"{n_days} settled days published live, {bounds.least_days} needed to tell"
        return Check("live", True, float(n_days), float(bounds.least_days), words)
    return _not_worse("live", told, f"edge over what version {champion.number} published", bounds)


def _published_live(ledger: pd.DataFrame, champion: Record) -> pd.DataFrame:
    """What the champion said of days before the next session had closed, the first time."""
    if ledger.empty:
        return pd.DataFrame(columns=["date", "horizon", *REGIMES])
    by = ledger["model_version"].astype(str).str.partition(" ")[0]
    mine = ledger[by == champion.number]
    if "baskets" in mine:
        mine = mine[mine["baskets"] == champion.baskets]
    at = pd.to_datetime(mine["published_at"], utc=True)
    closes = session_closes(pd.Timestamp(ledger["date"].max()))
    following = closes.iloc[closes.index.searchsorted(mine["date"], side="right")]
    live = mine[(at.to_numpy() <= following.to_numpy())].sort_values("published_at")
    return live.drop_duplicates(["date", "horizon"]).sort_values(["date", "horizon"])


def _not_worse(name: str, edges: Sequence[_Interval], what: str, bounds: Bounds) -> Check:
    """No horizon at which even the upper end of the interval is a loss."""
    worst = min(edges, key=lambda edge: edge.high)
    words = f"{what}, nats: {', '.join(edge.words for edge in edges)}; {worst.n_days:,} days"
    bound = -bounds.negligible
    return Check(name, worst.high >= bound, worst.high, bound, words)


def _calibration(challenger: Record, targets: Targets, bounds: Bounds) -> Check:
    found = []
    for horizon in challenger.horizons:
        proba, actual = _settled(challenger.said(horizon), targets[horizon])
        if len(actual) < bounds.least_days:
            return _too_few("calibration", len(actual), bounds)
        error = calibration_error(proba, actual)
        found.append((error.error, max(bounds.calibration, error.calibrated_high), horizon))
    if not found:
        return _too_few("calibration", 0, bounds)
    error_, bound, horizon = max(found, key=lambda one: one[0] - one[1])
    told = ", ".join(f"{_ahead(ahead)} {value:.3f}" for value, _, ahead in found)
    words = f"mean gap between said and so: {told}; nearest to its bound {_ahead(horizon)}"
    return Check("calibration", error_ <= bound, error_, bound, words)


def _turnover(challenger: Record, champion: Record | None, bounds: Bounds) -> Check:
    """Changes of call, and how far the probabilities travel, whichever is nearer its bound."""
    changes = switches_per_year(challenger.calls)
    found = [
        (changes, bounds.changes_a_year, f"the call changes {changes:.1f} times a year"),
        *_movements(challenger, champion, bounds),
    ]
    value, bound, _ = max(found, key=lambda one: one[0] / one[1])
    words = "; ".join(words for *_, words in found)
    return Check("turnover", bool(value <= bound), value, bound, words)


def _movements(
    challenger: Record, champion: Record | None, bounds: Bounds
) -> Iterator[tuple[float, float, str]]:
    if champion is None or champion.fault:
        return
    for horizon in challenger.horizons:
        mine, theirs = challenger.said(horizon), champion.said(horizon)
        days = mine.index.intersection(theirs.index)
        if len(days) < 2:
            continue
        moved, before = _moved(mine.loc[days]), _moved(theirs.loc[days])
        words = f"{_ahead(horizon)} probabilities move {moved:.1f} a year, before {before:.1f}"
        yield moved, max(bounds.movement * before, bounds.changes_a_year), words


def _moved(proba: pd.DataFrame) -> float:
    """Half the absolute changes from day to day, added up over a year: 1 is a full swing."""
    steps = np.abs(np.diff(proba[list(REGIMES)].to_numpy(), axis=0)).sum(axis=1) / 2
    return float(steps.mean() * TRADING_DAYS)


def _climatology(challenger: Record, targets: Targets, bounds: Bounds) -> Check:
    mine, known = {}, {}
    for horizon in challenger.horizons:
        said, target = challenger.said(horizon), targets[horizon]
        shares = climatology(
            target, pd.DatetimeIndex(said["fitted_on"]), pd.Timestamp(bounds.learn_since)
        )
        mine[horizon] = _losses(said, target)
        known[horizon] = _losses(shares.set_index(said.index), target)
    model, nothing = pd.DataFrame(mine).dropna(), pd.DataFrame(known).dropna()
    if len(model) < bounds.least_days:
        return _too_few("climatology", len(model), bounds)
    edge, low, high = edge_interval(nothing.mean(axis=1), model.mean(axis=1))
    edges = [_edge(known[horizon], mine[horizon], horizon) for horizon in mine]
    told = ", ".join(one.words for one in edges)
    words = f"edge over climatology, nats: {edge:+.3f} [{low:+.3f}, {high:+.3f}]; {told}"
    worst = min(edges, key=lambda one: one.high)
    if worst.high < -bounds.negligible:
        return Check(
            "climatology", False, worst.high, 0.0, f"{words}; worse {_ahead(worst.horizon)}"
        )
    return Check("climatology", low > 0, low, 0.0, words)


def _too_few(name: str, n_days: int, bounds: Bounds) -> Check:
    words = f"{n_days} settled days out of sample, {bounds.least_days} needed to tell"
    return Check(name, False, float(n_days), float(bounds.least_days), words)


def _edge(theirs: "pd.Series[float]", mine: "pd.Series[float]", horizon: int) -> _Interval:
    """Of one over the other, on the days that both have."""
    days = mine.index.intersection(theirs.index)
    if not len(days):
        return _Interval(horizon, 0.0, 0.0, 0.0, 0)
    return _Interval(horizon, *edge_interval(theirs.loc[days], mine.loc[days]), len(days))


def _losses(said: pd.DataFrame, target: pd.DataFrame) -> "pd.Series[float]":
    return log_losses(*_settled(said, target))


def _settled(said: pd.DataFrame, target: pd.DataFrame) -> tuple[pd.DataFrame, "pd.Series[str]"]:
    """What was said of days whose label is confirmed, and what was so."""
    actual = target["regime"].reindex(said.index).dropna()
    return said.loc[actual.index, list(REGIMES)].astype(np.float64), actual


def _ahead(horizon: int) -> str:
    return "now" if horizon == 0 else f"in {horizon} days"
