"""What a version says of each day, and on what footing it says it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from regime.data import baskets as basket_sets
from regime.data.baskets import spliced_lead
from regime.exceptions import EvaluationError
from regime.taxonomy import REGIMES

if TYPE_CHECKING:
    from regime.bundle import Bundle

FILTER = "(filter)"  # after a version's number: its filter spoke
COLUMNS = ["date", "horizon", *REGIMES, "model_version", "trained_until", "basis"]


class Basis(StrEnum):
    """How much the model knew of the day it speaks of."""

    LIVE = "live"  # published before the next session had closed
    LATE = "late"  # published after that, from what was known at the day's own close
    OUT_OF_SAMPLE = "out_of_sample"  # after the end of training
    WALK_FORWARD = "walk_forward"  # by an earlier fit, which had not seen the day
    IN_SAMPLE = "in_sample"  # the model was trained on it: for debugging, never for a chart


class State(StrEnum):
    """How much of what it needs the newest day has."""

    PUBLISHED = "PUBLISHED"  # everything
    DEGRADED = "DEGRADED"  # the baskets, but not every feature: the filter speaks for the model
    HELD = "HELD"  # not the baskets: the day has no probabilities


EXIT_CODES = {State.PUBLISHED: 0, State.DEGRADED: 3, State.HELD: 4}  # for cron


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a version can speak of a day, and what keeps it from it.

    Attributes
    ----------
    last_day : the newest day with a lead
    missing : series that should have been known at the close of the day, and were not
    """

    state: State
    day: pd.Timestamp
    last_day: pd.Timestamp
    missing: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """One sentence for the reader."""
        names, several = ", ".join(self.missing) or "a figure", len(self.missing) > 1
        match self.state:
            case State.HELD:
                return (
                    f"HELD: there is no probability of {self.day:%Y-%m-%d}, because {names} "
                    f"{'are' if several else 'is'} not known at its close; the newest complete "
                    f"day is {self.last_day:%Y-%m-%d}."
                )
            case State.DEGRADED:
                return (
                    f"DEGRADED: {names} {'were' if several else 'was'} not known at "
                    f"the close of {self.day:%Y-%m-%d}; the filter, which needs the baskets only, "
                    f"speaks for the model."
                )
            case State.PUBLISHED:
                return f"PUBLISHED: {self.day:%Y-%m-%d}, everything known."


def assess(
    bundle: "Bundle",
    panel: pd.DataFrame,
    day: pd.Timestamp,
    *,
    X: pd.DataFrame | None = None,
    overdue: Sequence[str] = (),
) -> Readiness:
    """Whether everything the bundle counts on was known at the close of a day.

    Parameters
    ----------
    panel : DataFrame of `data.panel`, as it was known then
    day : the last session that had closed
    X : what `bundle.features_of` says of this panel, where it is known already
    overdue : series the model counts on that are late, though the panel carries an older value
    """
    days = (spliced_lead(panel, bundle.baskets) if X is None else X).index
    last_day = pd.Timestamp(days[-1])
    if last_day < day:
        return _held(bundle, panel, day, last_day)
    newest = (bundle.features_of(panel) if X is None else X).iloc[-1]
    unknown = [name for name in bundle.expects if not np.isfinite(newest[name])]
    if not unknown:
        state = State.DEGRADED if overdue else State.PUBLISHED
        return Readiness(state, day, last_day, tuple(overdue))
    from regime.features.assembly import series_behind  # scikit-learn, which the app can spare

    window = bundle.config.features.window
    behind = series_behind(unknown, baskets=bundle.baskets, window=window)
    today = panel.iloc[-1]
    gone = tuple(name for name in behind if name not in panel or pd.isna(today[name]))
    missing = dict.fromkeys([*gone, *overdue]) or unknown
    return Readiness(State.DEGRADED, day, last_day, tuple(missing))


def _held(
    bundle: "Bundle", panel: pd.DataFrame, day: pd.Timestamp, last_day: pd.Timestamp
) -> Readiness:
    legs = basket_sets.get(bundle.baskets).series
    at_close = panel.reindex(pd.DatetimeIndex([day]))
    missing = tuple(name for name in legs if name not in panel or at_close[name].isna().all())
    return Readiness(State.HELD, day, last_day, missing or tuple(legs))


def number_of(model_version: str) -> str:
    """The version's number, whoever of it spoke: "3" of "3" and of "3 (filter)"."""
    return model_version.partition(" ")[0]


def with_fallback(
    rows: pd.DataFrame, fallback: "Bundle", panel: pd.DataFrame, *, version: str
) -> pd.DataFrame:
    """The rows of `score_days`, those of the newest day said by another bundle."""
    newest = rows["date"].max()
    own = fallback.predict_proba(panel, newest)
    said = own[own["date"] == newest].set_index("horizon")[list(REGIMES)]
    rows = rows.astype({"model_version": object})
    at = rows["date"] == newest
    rows.loc[at, list(REGIMES)] = said.loc[rows.loc[at, "horizon"]].to_numpy()
    rows.loc[at, "model_version"] = f"{version} {FILTER}"
    return rows


def score_days(
    bundle: "Bundle",
    walk_forward: pd.DataFrame,
    panel: pd.DataFrame,
    *,
    version: str,
    in_sample: bool = False,
    X: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Probabilities of every day the version may speak of.

    Parameters
    ----------
    bundle : the fitted model
    walk_forward : DataFrame of shape (n_rows, n_regimes + 2)
        `date`, `horizon` (trading days) and a probability per regime: the record of the same
        experiment up to `bundle.trained_until`.
    panel : DataFrame of shape (n_days, n_series), as of `data.panel`
    version : named in every row
    in_sample : bool
        Let the bundle speak of its training days too, beside the walk-forward.
    X : DataFrame of shape (n_days, n_features), optional
        What `bundle.features_of` says of this panel, where it is known already.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns) with `COLUMNS`, by date and horizon
        Days up to the end of training come from the walk-forward, later ones from the
        bundle. Appending days to the panel changes no earlier row. What was published of a
        day, live or late, is in the ledger.

    Raises
    ------
    EvaluationError
        If the panel ends before the training did: the bundle has seen its future.
    """
    X = bundle.features_of(panel) if X is None else X
    last = X.index[-1]
    if last < bundle.trained_until:
        raise EvaluationError(
            f"Version {version} was trained until {bundle.trained_until:%Y-%m-%d} and has seen the "
            f"future of {last:%Y-%m-%d}. Score a later day, or retrain with --until."
        )
    since = None if in_sample else bundle.trained_until + pd.Timedelta(days=1)
    own = bundle.predict_proba(panel, since, X=X)
    record = walk_forward[walk_forward["date"] <= bundle.trained_until]
    parts = [record.assign(basis=Basis.WALK_FORWARD.value)]
    seen = own["date"] <= bundle.trained_until
    if in_sample:
        parts.append(own[seen].assign(basis=Basis.IN_SAMPLE.value))
    parts.append(own[~seen].assign(basis=Basis.OUT_OF_SAMPLE.value))
    rows = pd.concat(parts, ignore_index=True)
    rows = rows.assign(model_version=version, trained_until=bundle.trained_until)
    return rows[COLUMNS].sort_values(["date", "horizon", "basis"], ignore_index=True)
