"""All that was published, as one thing, and as it was known on any earlier day."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from regime.call import regime_call
from regime.data.calendar import session_closes
from regime.exceptions import EvaluationError
from regime.labels.leadership import leadership_path, path_as_known
from regime.scoring import Readiness, State, number_of
from regime.service.overlay import as_scores, overlaid
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.published import OF_A_DAY, SHOWN, load_day, load_published

_DAILY = ("scores", "calls", "leads", "conditions", "shares")
_KEPT = ("trained_until", "moved", "explained_by", "notes")  # that the ledger does not say
_NOT_PUBLISHED = "Nothing was published of {day:%Y-%m-%d}: a fit that had not seen it says it now."


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
        """That `day` is spoken of, in trading days, the present (0) first."""
        mine = self.scores.loc[self.scores["date"] == self.day, "horizon"]
        return sorted(int(one) for one in mine.unique())

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
    said = load_published(settings, SHOWN)
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
        Rows up to `day`, and of what was said only what was said by the moment `day` was
        published, or where it never was, by the next close: later corrections are undone, and
        an earlier day that was filled in later is not there. Hindsight is that of the leads up
        to `day`, its tail provisional.

    Notes
    -----
    Three things stand as they do now, as only what was said is kept and not all it came from:
    figures that were revised since (`leads`, `conditions`, and hindsight with them); days before
    the first published one, of which the version now in service says what an earlier fit of it,
    which had not seen the day, would have said; and `shares`, by the same version and of the
    newest year only. What explains a published day is what was told last while it was the newest.

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
    if kept is not None and kept["about"].get("baskets") != snapshot.about.get("baskets"):
        kept = None  # of a model that served before, on others
    known = {name: _until(getattr(snapshot, name), day) for name in _DAILY}
    leads = known["leads"].set_index("date")[list(REGIMES)]
    cost = snapshot.about["switching_cost"]
    labels = leadership_path(leads, switching_cost=cost)
    moment = _known_at(snapshot, day)
    said = _until(snapshot.ledger, day)
    later = said["published_at"] > moment
    ledger = said[~later]
    if later.any():
        unsaid = set(said["date"]) - set(ledger["date"])
        for name in ("scores", "calls", "shares"):
            known[name] = known[name][~known[name]["date"].isin(unsaid)]
        newest = ledger.drop_duplicates(["date", "horizon"], keep="last")
        known["scores"] = overlaid(known["scores"], as_scores(newest))
        known["calls"] = _calls(known, newest, path_as_known(leads, switching_cost=cost))
    return replace(
        snapshot,
        about=snapshot.about | _about(snapshot, known["scores"], ledger, day, kept),
        day=day,
        **known,
        **{name: _explaining(getattr(snapshot, name), name, kept) for name in OF_A_DAY},
        labels=labels.rename_axis("date").reset_index(),
        ledger=ledger,
        then=True,
        kept=kept is not None,
        _proba={},
    )


def _until(frame: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Its rows up to a day, as a view: days ascend."""
    if frame.empty:
        return frame
    return frame.iloc[: int(frame["date"].searchsorted(day, side="right"))]


def _known_at(snapshot: Snapshot, day: pd.Timestamp) -> pd.Timestamp:
    """When a day was published; of one that was not, the next close."""
    rows = snapshot.ledger[snapshot.ledger["date"] == day]
    if len(rows):
        return pd.Timestamp(rows.loc[rows["corrects"].isna(), "published_at"].max())
    closes = session_closes(snapshot.day)  # of the newest year, which others have asked for
    return pd.Timestamp(closes.iloc[closes.index.searchsorted(day, side="right")])


def _calls(
    known: Mapping[str, pd.DataFrame], ledger: pd.DataFrame, path: pd.DataFrame
) -> pd.DataFrame:
    scores = known["scores"]
    made = ledger[ledger["horizon"] == 0].set_index("date")["call"]
    calls = regime_call(
        scores[scores["horizon"] == 0].set_index("date")[list(REGIMES)],
        path=path,
        conditions=known["conditions"].set_index("date"),
        published=made if len(made) else None,
    )
    return calls.rename_axis("date").reset_index()


def _explaining(like: pd.DataFrame, name: str, kept: Mapping[str, Any] | None) -> pd.DataFrame:
    """What was kept of a day, in the columns of now; empty where nothing was."""
    if kept is None or kept[name].empty:
        return like.iloc[:0]
    return pd.DataFrame(kept[name])


def _about(
    snapshot: Snapshot,
    scores: pd.DataFrame,
    ledger: pd.DataFrame,
    day: pd.Timestamp,
    kept: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """What is said of the whole, of that day; what is not known of it any more is empty."""
    row = scores[scores["date"] == day].iloc[0]
    version = str(row["model_version"])
    trained = row["trained_until"]
    told = {
        "model_version": version,
        "in_service": number_of(version),
        "basis": str(row["basis"]),
        "trained_until": f"{trained:%Y-%m-%d}" if trained <= day else "",
        "known_at": "",
        "state": State.PUBLISHED.value,
        "missing": [],
        "words": _NOT_PUBLISHED.format(day=day),
        "moved": [],
        "explained_by": "",
        "explained_until": f"{day:%Y-%m-%d}",
        "notes": [],
    }
    if kept is not None:
        told |= {key: kept["about"][key] for key in _KEPT if key in kept["about"]}
    if len(published := ledger[ledger["date"] == day]):
        one = published.iloc[0]
        state = State(one["state"])
        told |= {
            "experiment": str(one["experiment"]),
            "panel_digest": str(one["panel_digest"]),
            "known_at": one["known_at"].isoformat(timespec="seconds"),
            "state": state.value,
            "words": Readiness(state, day, day).words,
        }
        # A later run that held the next day told of that one here.
        if kept is not None and kept["about"].get("state") == state.value:
            told |= {key: kept["about"][key] for key in ("missing", "words")}
    return told


def load_snapshot_of(settings: Settings, snapshot: Snapshot, day: pd.Timestamp) -> Snapshot:
    """`as_known_on`, with what was kept of that day."""
    return as_known_on(snapshot, day, load_day(settings, day))
