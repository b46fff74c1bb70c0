"""What a version says of each day, and on what footing it says it."""

from enum import StrEnum

import pandas as pd

from regime.bundle import Bundle
from regime.exceptions import EvaluationError
from regime.taxonomy import REGIMES

COLUMNS = ["date", "horizon", *REGIMES, "model_version", "trained_until", "basis"]


class Basis(StrEnum):
    """How much the model knew of the day it speaks of."""

    LIVE = "live"  # the newest close there is, scored before anything followed
    OUT_OF_SAMPLE = "out_of_sample"  # after the end of training
    WALK_FORWARD = "walk_forward"  # by an earlier fit, which had not seen the day
    IN_SAMPLE = "in_sample"  # the model was trained on it: for debugging, never for a chart


def score_days(
    bundle: Bundle,
    walk_forward: pd.DataFrame,
    panel: pd.DataFrame,
    *,
    version: str,
    newest_close: pd.Timestamp | None = None,
    in_sample: bool = False,
) -> pd.DataFrame:
    """Probabilities of every day the version may speak of.

    Parameters
    ----------
    walk_forward : DataFrame with `date`, `horizon` and a column per regime
        The record of the same experiment up to `bundle.trained_until`.
    newest_close : Timestamp, optional
        The last session that has closed; a score of that day is live. None for a replay.
    in_sample : bool
        Let the bundle speak of its training days too, beside the walk-forward.

    Returns
    -------
    DataFrame with `COLUMNS`, by date and horizon
        Days up to the end of training come from the walk-forward, later ones from the
        bundle. Appending days to the panel changes no earlier row, but that a live row
        becomes out of sample once a later session has closed.

    Raises
    ------
    EvaluationError
        If the panel ends before the training did: the bundle has seen its future.
    """
    own = bundle.predict_proba(panel)
    last = own["date"].max()
    if last < bundle.trained_until:
        raise EvaluationError(
            f"Version {version} was trained until {bundle.trained_until:%Y-%m-%d} and has seen the "
            f"future of {last:%Y-%m-%d}. Score a later day, or retrain with --until."
        )
    record = walk_forward[walk_forward["date"] <= bundle.trained_until]
    parts = [record.assign(basis=Basis.WALK_FORWARD.value)]
    seen = own["date"] <= bundle.trained_until
    if in_sample:
        parts.append(own[seen].assign(basis=Basis.IN_SAMPLE.value))
    parts.append(own[~seen].assign(basis=Basis.OUT_OF_SAMPLE.value))
    rows = pd.concat(parts, ignore_index=True)
    if newest_close is not None:
        live = (rows["date"] == newest_close) & (rows["basis"] == Basis.OUT_OF_SAMPLE)
        rows["basis"] = rows["basis"].mask(live, Basis.LIVE.value)
    rows = rows.assign(model_version=version, trained_until=bundle.trained_until)
    return rows[COLUMNS].sort_values(["date", "horizon", "basis"], ignore_index=True)
