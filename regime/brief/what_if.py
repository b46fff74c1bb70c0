"""What can be set on the What if page, and what the model's answer says in words."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from regime.brief.signal_words import reading, reasons, short, title_of
from regime.brief.snapshot import Snapshot
from regime.bundle import Bundle, features_kept
from regime.exceptions import EvaluationError
from regime.features.leadership import SCORE
from regime.one_more_row import after_rows
from regime.taxonomy import REGIMES
from regime.tracking.published import load_features
from regime.tracking.wording import day_words
from regime.what_if import WhatIf, units, what_if

LEVERS = [
    "feature", "title", "family", "unit", "reason", "now", "lowest", "p1", "median", "p99",
    "highest", "low", "high", "step", "effect",
]  # fmt: skip
WIDER = 0.25  # of the range ever seen, that a setting may lie beyond it on either side
STEPS = 200  # across the range that can be set
_POSSIBLE = (
    ("-1 to 1", -1.0, 1.0), ("1 or 0", 0.0, 1.0), ("share", 0.0, 1.0),
    ("trading days", 0.0, math.inf),
)  # fmt: skip
_BELOW_ZERO = {*SCORE.values(), "market_drawdown"}  # what lacks to the best, or to the high
SAME = 0.01  # difference of probabilities that is worth no word


def read_by(bundle: Bundle, folder: Path, day: pd.Timestamp) -> pd.DataFrame:
    """What the model reads of each day up to one, indexed by day.

    Parameters
    ----------
    folder : of one publication, as of `tracking.published.load_features`

    Raises
    ------
    StoreError
        If the features cannot be read.
    EvaluationError
        If it reads one that was not published.
    """
    names = list(units(bundle)["feature"])
    known = load_features(folder, names)
    if missing := [name for name in names if name not in known]:
        raise EvaluationError(
            f"What if needs each feature that the model reads, but {', '.join(missing)} was not "
            "published. Run `regime score` to publish anew."
        )
    return known.loc[:day, names]


def levers(bundle: Bundle, X: pd.DataFrame) -> pd.DataFrame:
    """What can be set: each feature that the model has learned from and that was ever known.

    Parameters
    ----------
    X : what the model reads, of `read_by`

    Returns
    -------
    DataFrame with the columns `LEVERS`, the largest `effect` first
        `now` (NaN: not known), what was ever seen, and the range that can be set from `low` to
        `high` in `step`s, in the feature's unit; nothing in it is impossible. `effect`: the
        most that any probability at any horizon changes, if this feature alone goes to its first
        or 99th percentile.
    """
    table = units(bundle)
    kept = set().union(
        *(features_kept(one, [str(name) for name in X]) for one in bundle.classifiers.values())
    )
    table = table[table["feature"].isin(kept) & table["feature"].isin(X.columns[X.notna().any()])]
    table = table.reset_index(drop=True)
    names = [str(name) for name in table["feature"]]
    seen = X[names].quantile([0, 0.01, 0.5, 0.99, 1]).T
    seen.columns = pd.Index(["lowest", "p1", "median", "p99", "highest"])
    table = pd.concat([table, seen.reset_index(drop=True)], axis=1)
    width = (table["highest"] - table["lowest"]).to_numpy()
    width = np.where(width > 0, width, 1.0)
    least, most = np.array([possible(*one) for one in zip(names, table["unit"], strict=True)]).T
    said = [{"name": name, "why": why} for name, why in zip(names, table["reason"], strict=True)]
    return (
        table.assign(
            title=[title_of(one) for one in said],
            reason=reasons(said),
            now=X[names].iloc[-1].to_numpy(),
            low=np.maximum(table["lowest"] - WIDER * width, least),
            high=np.minimum(table["highest"] + WIDER * width, most),
            step=[_round_step((1 + 2 * WIDER) * one / STEPS) for one in width],
            effect=_effects(bundle, X, table),
        )
        .sort_values("effect", ascending=False, kind="stable", ignore_index=True)[LEVERS]
    )  # fmt: skip


def possible(name: str, unit: str) -> tuple[float, float]:
    """The least and the most that a feature can ever be."""
    if name in _BELOW_ZERO:
        return -math.inf, 0.0
    found = ((least, most) for part, least, most in _POSSIBLE if part in unit)
    return next(found, (-math.inf, math.inf))


def _round_step(step: float) -> float:
    """The nearest 1, 2 or 5 at its power of ten, from below."""
    power = 10.0 ** math.floor(math.log10(step))
    return power * max(one for one in (1, 2, 5) if one * power <= step * (1 + 1e-9))


def _effects(bundle: Bundle, X: pd.DataFrame, table: pd.DataFrame) -> list[float]:
    """One row as it is, and two for each feature; all asked at once."""
    edited = pd.concat([X.iloc[[-1]]] * (1 + 2 * len(table)), ignore_index=True)
    for place, row in enumerate(table.to_dict("records")):
        edited.loc[1 + 2 * place : 2 + 2 * place, row["feature"]] = [row["p1"], row["p99"]]
    ready = {h: after_rows(one, X.iloc[:-1]) for h, one in bundle.classifiers.items()}
    told = replace(bundle, classifiers=ready).predict_proba(pd.DataFrame(), X=edited)
    most = np.zeros(len(table))
    for _, rows in told.groupby("horizon"):
        proba = rows[list(REGIMES)].to_numpy()
        moved = np.abs(proba[1:] - proba[0]).max(axis=1).reshape(len(table), 2).max(axis=1)
        most = np.maximum(most, moved)
    return [float(one) for one in most]


def at_percentile(X: pd.DataFrame, features: list[str], percent: float) -> dict[str, float]:
    """Each feature at this percentile of its own known values."""
    return {name: float(X[name].quantile(percent / 100)) for name in features}


def standing(X: pd.DataFrame, features: list[str], changes: Mapping[str, float]) -> float:
    """The mean percentile at which features stand on the last day, if so changed; NaN: unknown."""
    now = X[features].iloc[-1].astype(np.float64)
    now.update(
        pd.Series({name: changes[name] for name in features if name in changes}, dtype=float)
    )
    past = X[features].iloc[:-1]
    return float(100 * ((past < now).sum() / past.notna().sum()).where(now.notna()).mean())


def answer(bundle: Bundle, X: pd.DataFrame, changes: Mapping[str, float]) -> WhatIf:
    """`what_if` of published features."""
    return what_if(bundle, pd.DataFrame(), changes, X=X)


# In words -----------------------------------------------------------------------------


def when(horizon: int) -> str:
    """The horizon at the beginning of a sentence."""
    return "Now" if horizon == 0 else f"In {horizon} sessions"


def leader_words(told: WhatIf) -> list[str]:
    """For each horizon whether the most probable regime is another one, and its probability."""
    said = []
    for horizon in told.before.index:
        before, after = told.before.loc[horizon], told.after.loc[horizon]
        first, then = str(before.idxmax()), str(after.idxmax())
        if first == then:
            moved = 100 * (after[first] - before[first])
            said.append(
                f"{when(int(horizon))}: {short(first).lower()} stays the most probable, "
                f"{before[first]:.0%} before and {after[first]:.0%} after ({moved:+.1f} points)."
            )
        else:
            said.append(
                f"{when(int(horizon))}: the most probable regime changes from "
                f"{short(first).lower()} ({before[first]:.0%}, then {after[first]:.0%}) to "
                f"{short(then).lower()} ({before[then]:.0%}, then {after[then]:.0%})."
            )
    return said


def unseen_words(told: WhatIf, table: pd.DataFrame) -> list[str]:
    """A sentence for each setting outside of all that was ever seen."""
    rows = {str(row["feature"]): row for row in table.to_dict("records")}
    said = []
    for name, row in told.settings[told.settings["unseen"]].iterrows():
        lever = rows[str(name)]
        unit = reading(str(lever["unit"]))
        said.append(
            f"{lever['title']} at {unit.said(row['after'])} lies outside everything "
            f"seen: it was from {unit.said(row['lowest'])} to {unit.said(row['highest'])}. The "
            "model has learned nothing there."
        )
    return said


def published_words(told: WhatIf, snapshot: Snapshot) -> str:
    """How what was published differs from the model's own answer; empty where it does not."""
    rows = snapshot.scores[snapshot.scores["date"] == told.day].set_index("horizon")
    published = rows[list(REGIMES)].reindex(told.before.index)
    apart = (published - told.before).abs().to_numpy(dtype=np.float64)
    if not np.nanmax(apart, initial=0.0) > SAME:
        return ""
    place, regime = divmod(int(np.nanargmax(apart)), len(REGIMES))
    said, starts = (
        one.to_numpy(dtype=np.float64)[place, regime] for one in (published, told.before)
    )
    return (
        f"{when(int(told.before.index[place]))}, the published probability of "
        f"{short(REGIMES[regime]).lower()} is {said:.0%}. A published day "
        f"is said by a fit that had not seen it; the model asked here was trained up to "
        f"{day_words(pd.Timestamp(snapshot.about['trained_until']))} and starts from {starts:.0%}."
    )


def range_words(row: Mapping[str, object]) -> str:
    """Today's value and the usual range of a lever, in its unit."""
    unit = reading(str(row["unit"]))
    said = {name: unit.said(float(str(row[name]))) for name in ("now", "p1", "median", "p99")}
    return (
        f"Now {said['now']}. 98 of 100 days were between {said['p1']} and {said['p99']}, half of "
        f"them below {said['median']}."
    )
