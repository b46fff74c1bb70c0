"""All that was published, as one thing, and as it was known on any earlier day."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from regime.call import regime_call
from regime.data.calendar import session_closes
from regime.exceptions import EvaluationError
from regime.labels.leadership import leadership_path, path_as_known
from regime.scoring import State
from regime.service.entries import as_scores, overlaid
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.published import FRAMES, OF_A_DAY, load_day, load_published


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there is to show of one day: nothing in it was known later.

    Days are trading days at whose close a row was known; every frame but `flips` has them as
    `date`, ascending.

    Attributes
    ----------
    about : what is said of the whole; see `tracking.published.publish`
    day : the newest with probabilities
    scores : `scoring.COLUMNS`, every day and horizon once; never a day the model was trained on
    calls : DataFrame of `call.regime_call`
    labels : hindsight as it looked on `day`: `regime`, `confirmed_on` (NaT: provisional)
    leads : the baskets' leads, one column per regime, in standard deviations
    conditions : `return_<regime>` and `market_return`, daily log returns; shares of members
    ledger : every row of the champions, corrected ones too; see `tracking.ledger.Ledger`
    features : every declared feature; `about["features"]` has unit, reason and family
    shares, drivers, similar, flips : see `service.explaining.explained`
    then : whether this is an earlier day, looked at later
    kept : whether what explains this very day was kept; else drivers, similar and flips are empty
    """

    about: dict[str, Any]
    day: pd.Timestamp
    scores: pd.DataFrame
    calls: pd.DataFrame
    labels: pd.DataFrame
    leads: pd.DataFrame
    conditions: pd.DataFrame
    ledger: pd.DataFrame
    features: pd.DataFrame
    shares: pd.DataFrame
    drivers: pd.DataFrame
    similar: pd.DataFrame
    flips: pd.DataFrame
    then: bool = False
    kept: bool = True
    _proba: dict[int, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    def probabilities(self, horizon: int) -> pd.DataFrame:
        """By day, a column per regime."""
        if horizon not in self._proba:
            rows = self.scores[self.scores["horizon"] == horizon]
            self._proba[horizon] = rows.set_index("date")[list(REGIMES)]
        return self._proba[horizon]

    @property
    def horizons(self) -> list[int]:
        """In trading days, the present (0) first."""
        return sorted(int(one) for one in self.scores["horizon"].unique())

    @property
    def call(self) -> "pd.Series[Any]":
        """The call of `day`."""
        return self.calls.iloc[-1]

    @property
    def first(self) -> pd.Timestamp:
        """The first day with probabilities."""
        return pd.Timestamp(self.scores["date"].iloc[0])


def load_snapshot(settings: Settings) -> Snapshot:
    """What was published last.

    Raises
    ------
    StoreError
        If nothing was, or it cannot be read.
    """
    said = load_published(settings, FRAMES)
    about = said.pop("about")
    return Snapshot(about=about, day=pd.Timestamp(said["scores"]["date"].max()), **said)


def as_known_on(snapshot: Snapshot, day: pd.Timestamp, kept: Mapping[str, Any] | None) -> Snapshot:
    """The same as it was known on an earlier day: what was published of it, or the walk-forward.

    Parameters
    ----------
    day : a day with probabilities
    kept : what `tracking.published.load_day` says of it

    Returns
    -------
    Snapshot
        Rows up to `day`. Days in the ledger stand as they did when `day` was published,
        corrections that came later undone; hindsight is that day's, its tail provisional.

    Raises
    ------
    EvaluationError
        If there are no probabilities of that day.
    """
    if not (snapshot.scores["date"] == day).any():
        raise EvaluationError(
            f"There are no probabilities of {day:%Y-%m-%d}; there are of sessions from "
            f"{snapshot.first:%Y-%m-%d} to {snapshot.day:%Y-%m-%d}. Choose one of them."
        )
    if day == snapshot.day:
        return snapshot
    known = {
        name: frame[frame["date"] <= day]
        for name in ("scores", "calls", "leads", "conditions", "features", "shares")
        if not (frame := getattr(snapshot, name)).empty
    }
    moment = _published_at(snapshot.ledger, day)
    ledger = snapshot.ledger[snapshot.ledger["published_at"] <= moment]
    ledger = ledger[ledger["date"] <= day]
    leads = known["leads"].set_index("date")[list(REGIMES)]
    cost = snapshot.about["switching_cost"]
    labels = leadership_path(leads, switching_cost=cost)
    if ledger["seq"].isin(snapshot.ledger["corrects"].dropna()).any():
        newest = ledger.drop_duplicates(["date", "horizon"], keep="last")
        known["scores"] = overlaid(known["scores"], as_scores(newest))
        known["calls"] = _calls(known, newest, path_as_known(leads, switching_cost=cost))
    about = snapshot.about | _about(snapshot, known["scores"], ledger, day)
    frames = {name: getattr(snapshot, name).iloc[:0] for name in OF_A_DAY}
    if kept is not None:
        about |= kept["about"]
        frames = {name: kept[name] for name in OF_A_DAY}
    return replace(
        snapshot,
        about=about,
        day=day,
        **known,
        **frames,
        labels=labels.rename_axis("date").reset_index(),
        ledger=ledger,
        then=True,
        kept=kept is not None,
        _proba={},
    )


def _published_at(ledger: pd.DataFrame, day: pd.Timestamp) -> pd.Timestamp:
    """When a day was published; of one that was not, the next close."""
    first = ledger[(ledger["date"] == day) & ledger["corrects"].isna()]
    if len(first):
        return pd.Timestamp(first["published_at"].max())
    closes = session_closes(day)
    return pd.Timestamp(closes.iloc[closes.index.searchsorted(day, side="right")])


def _calls(
    known: Mapping[str, pd.DataFrame], ledger: pd.DataFrame, path: pd.DataFrame
) -> pd.DataFrame:
    scores = known["scores"]
    calls = regime_call(
        scores[scores["horizon"] == 0].set_index("date")[list(REGIMES)],
        path=path,
        conditions=known["conditions"].set_index("date"),
        published=ledger[ledger["horizon"] == 0].set_index("date")["call"],
    )
    return calls.rename_axis("date").reset_index()


def _about(
    snapshot: Snapshot, scores: pd.DataFrame, ledger: pd.DataFrame, day: pd.Timestamp
) -> dict[str, Any]:
    """What can be said of a day of which nothing was kept."""
    row = scores[scores["date"] == day].iloc[0]
    published = ledger[ledger["date"] == day]
    state = State.PUBLISHED.value if published.empty else str(published["state"].iloc[-1])
    words = "" if published.empty else f"{state}: {day:%Y-%m-%d}."
    trained = snapshot.about["trained_until"]
    return {
        "model_version": str(row["model_version"]),
        "state": state,
        "missing": [],
        "words": words,
        "moved": [],
        "trained_until": trained,
        "basis": str(row["basis"]),
        "notes": [],
    }


def load_snapshot_of(settings: Settings, snapshot: Snapshot, day: pd.Timestamp) -> Snapshot:
    """`as_known_on`, with what was kept of that day."""
    return as_known_on(snapshot, day, load_day(settings, day))
