"""What the model would say of a day on which a feature was another, and whether it ever was."""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime.bundle import Bundle, columns_read, features_kept
from regime.exceptions import PanelError
from regime.features.assembly import PATH, declared
from regime.features.leadership import PATH_FEATURES
from regime.models.assembly import input_sets
from regime.taxonomy import REGIMES


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What a model says of its newest day, and what it would say had features been others.

    Attributes
    ----------
    day : the newest day with a lead
    before, after : DataFrame of a row per horizon and a column per regime, in probability
    settings : DataFrame indexed by changed feature
        `before` and `after`, in the feature's unit; `lowest`, `p1`, `median`, `p99` and `highest`
        of its known values up to the day, NaN if there are none; `unseen`, whether the setting
        lies outside of all of them. Not to be known (NaN) is never unseen.
    """

    day: pd.Timestamp
    before: pd.DataFrame
    after: pd.DataFrame
    settings: pd.DataFrame


def what_if(
    bundle: Bundle,
    panel: pd.DataFrame,
    changes: Mapping[str, float],
    *,
    X: pd.DataFrame | None = None,
) -> WhatIf:
    """Ask the model of its newest day as if some of its features had been others.

    Each setting is taken as it is: features that move together in the market, such as two spans
    of one spread, do not follow one another here, nor do earlier days.

    Parameters
    ----------
    panel : DataFrame of `data.panel`
    changes : by feature, in its own unit (see `units`); NaN for not known
    X : what `bundle.features_of` says of this panel, where it is known already; not changed

    Raises
    ------
    PanelError
        If the model does not read a feature, or a setting is no number.
    """
    X = bundle.features_of(panel) if X is None else X
    day = pd.Timestamp(X.index[-1])
    settings = _settings(bundle, X, changes)
    edited = X.copy()
    for name, value in settings["after"].items():
        edited.loc[day, name] = value
    before, after = (
        bundle.predict_proba(panel, day, X=one).set_index("horizon")[list(REGIMES)]
        for one in (X, edited)
    )
    return WhatIf(day, before, after, settings)


def _settings(bundle: Bundle, X: pd.DataFrame, changes: Mapping[str, float]) -> pd.DataFrame:
    names = [str(name) for name in X.columns]
    read = set().union(*(features_kept(one, names) for one in bundle.classifiers.values()))
    rows = {}
    for name, given in changes.items():
        if name not in read:
            raise PanelError(_unread(name, sorted(read), bundle))
        value = float(given) if isinstance(given, int | float | np.number) else math.inf
        if math.isinf(value):
            raise PanelError(
                f"{name} is set to a number in its own unit, or to NaN for not known; found "
                f"{given!r}. `units` has the unit."
            )
        known = X[name].dropna()
        low, p1, middle, p99, high = (
            known.quantile([0, 0.01, 0.5, 0.99, 1]) if len(known) else [math.nan] * 5
        )
        now = X[name].iloc[-1]
        unseen = bool(value < low or value > high) or (known.empty and not math.isnan(value))
        rows[name] = [now, value, low, p1, middle, p99, high, unseen]
    columns = ["before", "after", "lowest", "p1", "median", "p99", "highest", "unseen"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("feature")
    return table.astype(dict.fromkeys(columns[:-1], np.float64) | {"unseen": np.bool_})


def _unread(name: str, read: Sequence[str], bundle: Bundle) -> str:
    window = bundle.config.features.window
    exists = name in {*declared(window), *PATH_FEATURES}
    found = f"{name!r}, which it does not read" if exists else f"{name!r}, which is no feature"
    near = difflib.get_close_matches(name, read, n=1, cutoff=0.0)
    advice = f"The nearest that it reads is {near[0]!r}" if near else "It reads none"
    return (
        f"What if is asked of a feature that {bundle.config.name} reads; found {found}. "
        f"{advice}; `units` has them all."
    )


def units(bundle: Bundle) -> pd.DataFrame:
    """Every feature that a model reads, in its order: `feature`, `family`, `unit` and `reason`."""
    known = declared(bundle.config.features.window)
    names: list[str] = []
    for family in input_sets(bundle.config):
        names += [name for name, (of, _) in known.items() if of == family]
        names += PATH_FEATURES if family == PATH else []
    rows = []
    for name in columns_read(bundle.config, names):
        if name in PATH_FEATURES:
            rows.append([name, PATH, *PATH_FEATURES[name]])
        else:
            family, feature = known[name]
            rows.append([name, family, feature.unit, feature.why])
    return pd.DataFrame(rows, columns=["feature", "family", "unit", "reason"])
