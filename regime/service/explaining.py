"""What stands beside a day's probabilities on the screen: why they moved, and what would move them.

Worked out once, when the day is published, so that whoever looks at it computes nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from regime.bundle import Bundle, remembers
from regime.data.baskets import spliced_lead
from regime.data.panel import digest
from regime.exceptions import EvaluationError, RegimeError
from regime.explained import DRIVERS, FLIPS, MEMORY, SHARES, SIMILAR
from regime.explanation import drivers, shares, shares_by_day
from regime.features.assembly import (
    SETS,
    WATCHED,
    declared,
    features_of,
    market_frame,
    series_behind,
)
from regime.flips import flip_levels
from regime.labels.leadership import leadership_path
from regime.similar import similar_days
from regime.taxonomy import REGIMES
from regime.what_if import units

A_MONTH = 21  # sessions over which a change is explained
A_YEAR = 252  # sessions that are explained
AT_FIRST = 5  # of them, of a new model that remembers: it is asked row by row, 0.2 s a day
OF_SHARES = ["date", "since", "horizon", *SHARES, "before", "now"]
OF_DRIVERS = ["horizon", "family", *DRIVERS, "exact"]


def explained(
    bundle: Bundle,
    panel: pd.DataFrame,
    scores: pd.DataFrame,
    calls: pd.DataFrame,
    *,
    model: str = "",
    former: Mapping[str, Any] | None = None,
    X: pd.DataFrame | None = None,
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """What explains the newest day, by name, and a line for each part that could not be told.

    Parameters
    ----------
    bundle : who speaks of the newest day
    panel : DataFrame of `data.panel`
    scores, calls : as they are published
    model : digest of the bundle
    former : what was published before, of which shares are kept where they cannot have changed:
        of the same model, and of a panel that begins with the same rows
    X : what `bundle.features_of` says of this panel, where it is known already

    Returns
    -------
    dict of DataFrame
        `features`: every declared feature by day, and `date`. `shares`: of `explanation.shares`
        over the last `A_MONTH` sessions before each of the last `A_YEAR` days, `OF_SHARES`;
        of a model that remembers of `AT_FIRST` days, and of each that is published after them.
        `drivers`, `OF_DRIVERS`, `similar` and `flips`: of the newest day. A part that could not
        be told is empty.
    """
    X = bundle.features_of(panel) if X is None else X
    notes: list[str] = []

    def or_nothing(what: str, columns: list[str], make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        try:
            return make()
        except Exception as error:  # noqa: BLE001 - probabilities are published all the same
            kind = "" if isinstance(error, RegimeError) else f"{type(error).__name__}: "
            notes.append(f"{what} not told: {kind}{error}")
            return pd.DataFrame(columns=columns)

    day = X.index[-1]
    kept = _still_true(model, panel, former)
    cost = bundle.config.labels.switching_cost
    path = leadership_path(spliced_lead(panel, bundle.baskets), switching_cost=cost)
    probabilities = scores[scores["horizon"] == 0].set_index("date")[list(REGIMES)]
    told = {
        "features": or_nothing("Signals are", ["date"], lambda: all_features(bundle, panel)),
        "shares": or_nothing(
            "Why the probabilities moved is", OF_SHARES, lambda: _shares(bundle, panel, X, kept)
        ),
        "drivers": or_nothing(
            "What moved inside the families is", OF_DRIVERS, lambda: _drivers(bundle, panel, X)
        ),
        "similar": or_nothing("Similar days are", SIMILAR, lambda: similar_days(X, path, day)),
        "flips": or_nothing(
            "What would change the call is",
            FLIPS,
            lambda: flip_levels(bundle, panel, calls, probabilities),
        ),
    }
    return told, notes


def all_features(bundle: Bundle, panel: pd.DataFrame) -> pd.DataFrame:
    """Every feature of every family, whether the model reads it or not, by `date`; of the watched
    signals, which are published by themselves, only if it does.
    """
    values = features_of(
        market_frame(panel, bundle.baskets),
        _sets(bundle),
        bundle.config.labels.switching_cost,
        bundle.config.features.window,
    )
    return values.loc[:, ~values.columns.duplicated()].rename_axis("date").reset_index()


def _sets(bundle: Bundle) -> list[str]:
    read = {*bundle.config.features.sets}
    read |= {name for member in bundle.config.members for name in member.features.sets}
    return [name for name in SETS if name != WATCHED or name in read]


def declarations(bundle: Bundle) -> list[dict[str, Any]]:
    """Each feature's `name`, `family`, `unit`, `why`, `series` behind it, and whether it is `read`.

    In the order of the families; those of the path come first.
    """
    window = bundle.config.features.window
    of_model = units(bundle)
    read = {*of_model["feature"]}
    known = {name: (family, one.unit, one.why) for name, (family, one) in declared(window).items()}
    rest = of_model[~of_model["feature"].isin(known)]
    of_path = {
        row["feature"]: (row["family"], row["unit"], row["reason"])
        for row in rest.to_dict("records")
    }
    return [
        {
            "name": name,
            "family": family,
            "unit": unit,
            "why": why,
            "series": series_behind([name], baskets=bundle.baskets, window=window),
            "read": name in read,
        }
        for name, (family, unit, why) in {**of_path, **known}.items()
        if family != WATCHED or WATCHED in _sets(bundle)
    ]


def _shares(
    bundle: Bundle, panel: pd.DataFrame, X: pd.DataFrame, kept: pd.DataFrame
) -> pd.DataFrame:
    days = X.index[max(A_MONTH, len(X) - A_YEAR) :]
    parts, told = [kept[kept["date"].isin(days)]], {*kept["date"]}
    first = len(X) - len(days)
    slow = any(remembers(one) for one in bundle.classifiers.values())
    asked = days[-AT_FIRST:] if slow else days
    pairs = [
        (day, X.index[place - A_MONTH])
        for place, day in enumerate(days, start=first)
        if day not in told and day in asked
    ]
    for horizon in bundle.classifiers if pairs else ():
        one = shares_by_day(bundle, panel, pairs, horizon=horizon, X=X)
        parts.append(one.assign(horizon=horizon)[OF_SHARES])
    found = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return found.sort_values(["date", "horizon"], kind="stable", ignore_index=True)


def _still_true(model: str, panel: pd.DataFrame, former: Mapping[str, Any] | None) -> pd.DataFrame:
    """Shares told before, of the same model and the same rows of the panel."""
    if former is not None and len(found := former.get("shares", ())):
        about, last = former["about"], pd.Timestamp(former["about"]["explained_until"])
        same = about["explained_by"] == model and last in panel.index
        if same and about["panel_digest"] == digest(panel.loc[:last]):
            return pd.DataFrame(found)
    return pd.DataFrame(columns=OF_SHARES)


def _drivers(bundle: Bundle, panel: pd.DataFrame, X: pd.DataFrame) -> pd.DataFrame:
    if len(X) <= A_MONTH:
        raise EvaluationError(
            f"A change is told from {A_MONTH} sessions before, but there are features of {len(X)} "
            "only. Fetch a longer history."
        )
    day, since = X.index[-1], X.index[-1 - A_MONTH]
    parts = []
    for horizon in bundle.classifiers:
        players = shares(bundle, panel, day, since, horizon=horizon, X=X)["player"].unique()
        for family in players:
            if family == MEMORY:
                continue
            one = drivers(bundle, panel, day, since, horizon=horizon, family=family, X=X)
            one = one.assign(horizon=horizon, family=family, exact=one.attrs["exact"])
            one.attrs = {}
            parts.append(one[OF_DRIVERS])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=OF_DRIVERS)
