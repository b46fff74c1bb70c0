"""What moved the published probabilities: the market, revised data, or the model."""

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.exceptions import EvaluationError, PanelError
from regime.taxonomy import REGIMES, Regime

if TYPE_CHECKING:
    from regime.bundle import Bundle

CAUSES = {"market": "market", "revision": "data revisions", "model": "model"}
COLUMNS = ["horizon", "regime", "before", "now", *CAUSES]
_TOGETHER = "model and data revisions together"
_NOTHING = 1e-9  # points; below it a part is rounding


def overnight(
    published: pd.DataFrame,
    speaker_before: "Bundle | None",
    speaker_now: "Bundle",
    panel: pd.DataFrame,
    day: pd.Timestamp,
    *,
    said: pd.DataFrame | None = None,
    same_data: bool = False,
    X: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Split the change of each probability since the last published day into its causes.

    Parameters
    ----------
    published : DataFrame with `date`, `horizon` and a column per regime
        What was published of one earlier day, and of no other.
    speaker_before : Bundle or None
        Who said that: the version in service then or, of a day published as DEGRADED, its
        fallback. None where it cannot be had any more; one whose baskets have since ended
        is as good as none.
    speaker_now : Bundle that speaks of `day`, by the same rule
    panel : DataFrame of `data.panel`, as it is known now; later days are not looked at
    day : the newest day
    said : DataFrame of the columns of `published`, optional
        What was published of `day`; by default what `speaker_now` says of it.
    same_data : bool
        Whether the panel's rows up to the earlier day are to the bit what they were when it
        was published, as their digest tells. Then nothing was revised, and an answer of
        `speaker_before` that is another one now comes from other code: it counts as the model.
    X : DataFrame, optional
        What `speaker_now.features_of` says of this panel, where it is known already.

    Returns
    -------
    DataFrame with `COLUMNS`, one row per horizon and regime, in probability
        `before` and `now` as published; `market`, what the days since have brought, a day
        that was not published with the next; `revision`, what revised figures of earlier
        days changed; `model`, what another speaker makes of the same figures. The three add
        up to `now - before`. Horizons that were not published, or that nobody speaks of
        now, are left out. Where the earlier speaker cannot be asked, model and revision
        cannot be told apart: their sum stands under `model`, and `revision` is NaN, which a
        sum over the row skips.

    Raises
    ------
    EvaluationError
        If `published` is not of one earlier day, the panel has no lead on one of the two
        days, or no horizon is common to both.
    """
    spoken_of = sorted(published["date"].unique())
    if len(spoken_of) != 1 or spoken_of[0] >= day:
        found = ", ".join(f"{one:%Y-%m-%d}" for one in spoken_of[:3])
        raise EvaluationError(
            f"What moved until {day:%Y-%m-%d} is told from what was published of one day before "
            f"it; found {found or 'nothing'}. Give the newest earlier day of the ledger."
        )
    earlier = pd.Timestamp(spoken_of[0])
    panel = panel[panel.index <= day]
    if X is not None:
        X = X[X.index <= day]
    read = {} if X is None else {_reads(speaker_now): X}
    again, own = _say(speaker_now, panel, (earlier, day), read)
    for one, told in ((earlier, again), (day, own)):
        if told.empty:
            raise EvaluationError(
                f"What moved is told from both days' leads, but the {speaker_now.baskets} baskets "
                f"have none on {one:%Y-%m-%d}. Fetch what is missing, or choose another day."
            )
    now = own if said is None else _table(said[said["date"] == day])
    before = _table(published)
    common = before.index.intersection(now.index).intersection(again.index)
    if common.empty:
        raise EvaluationError(
            f"What moved is told by horizon, but none is common to {earlier:%Y-%m-%d} "
            f"({_listed(before)}) and {day:%Y-%m-%d} ({_listed(now)}). Score both days with the "
            "same horizons."
        )
    before, now, again = before.loc[common], now.loc[common], again.loc[common]
    asked = pd.DataFrame(np.nan, common, before.columns)
    if same_data:
        asked = before
    elif speaker_before is not None:
        if speaker_before is speaker_now:
            asked = again
        else:
            # Its baskets may have ended since, which is as if it could not be had.
            with contextlib.suppress(PanelError):
                (asked,) = _say(speaker_before, panel, (earlier,), read)
        asked = asked.reindex(common)
    model = (again - asked).where(asked.notna(), again - before)
    frames = {
        "before": before,
        "now": now,
        "market": now - again,
        "revision": asked - before,
        "model": model,
    }
    rows = pd.MultiIndex.from_product([common, REGIMES], names=["horizon", "regime"])
    long = pd.DataFrame({name: frame.to_numpy().ravel() for name, frame in frames.items()}, rows)
    return long.reset_index()[COLUMNS]


def words(moved: pd.DataFrame) -> list[str]:
    """What `overnight` found, a sentence for each row, in whole points that add up.

    Where a rounded sum would not be the change that is shown, the parts with the largest
    remainders are rounded the other way; a part that is nothing stays 0.
    """
    return [_sentence(row) for row in moved.to_dict("records")]


def _sentence(row: Mapping[Any, Any]) -> str:
    values = {name: float(row[name]) for name in ("before", "now", *CAUSES)}
    shown = [round(100 * values[name]) for name in ("before", "now")]
    causes = {**CAUSES}
    if np.isnan(values["revision"]):
        causes = {"market": CAUSES["market"], "model": _TOGETHER}
    parts = np.array([100 * values[name] for name in causes])
    points = _rounded(parts, shown[1] - shown[0])
    told = [f"{name} {_signed(point)}" for name, point in zip(causes.values(), points, strict=True)]
    told[0] += " point" if abs(points[0]) == 1 else " points"
    horizon = int(row["horizon"])
    ahead = "now" if horizon == 0 else f"in {horizon} days"
    name = Regime(str(row["regime"])).short
    return f"{name} {ahead} {shown[0]}% -> {shown[1]}%: {', '.join(told)}."


def _rounded(parts: npt.NDArray[np.float64], total: int) -> list[int]:
    """Whole numbers next to the parts, with this sum; what is nothing stays nothing."""
    points = [0] * len(parts)
    some = np.flatnonzero(np.abs(parts) > _NOTHING)
    if not len(some):
        return points
    floors = np.floor(parts[some])
    every, rest = divmod(total - int(floors.sum()), len(some))
    order = np.argsort(floors - parts[some], kind="stable")
    for place, number in enumerate(order):
        points[some[number]] = int(floors[number]) + every + (place < rest)
    return points


def _signed(points: int) -> str:
    return f"{points:+d}" if points else "0"


def _say(
    speaker: "Bundle",
    panel: pd.DataFrame,
    days: tuple[pd.Timestamp, ...],
    read: dict[str, pd.DataFrame],
) -> list[pd.DataFrame]:
    """What a speaker says of each day, nothing of one without a lead; `read` keeps features."""
    key = _reads(speaker)
    if key not in read:
        read[key] = speaker.features_of(panel)
    rows = speaker.predict_proba(panel, days[0], X=read[key])
    return [_table(rows[rows["date"] == one]) for one in days]


def _reads(speaker: "Bundle") -> str:
    """Names the features a bundle reads: refits of an experiment share them."""
    parts = {"features", "labels", "model", "members"}
    return speaker.baskets + speaker.config.model_dump_json(include=parts)


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per horizon, one column per regime."""
    if (twice := rows["horizon"].duplicated()).any():
        raise EvaluationError(
            f"What moved is told from one speaker a day, but two spoke of horizon "
            f"{rows['horizon'][twice].iloc[0]}. Give the rows of the version in service."
        )
    return rows.set_index("horizon")[list(REGIMES)].sort_index().rename_axis(columns="regime")


def _listed(table: pd.DataFrame) -> str:
    return ", ".join(map(str, table.index)) or "none"
