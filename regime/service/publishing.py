"""Publish a day: score it with the model in service, enter it in the ledger, show it.

A day is said once. What the ledger holds of a day stands in everything that is shown, also
after another model has come into service or a value was revised.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from regime.bundle import Bundle
from regime.data import baskets as basket_sets
from regime.data.as_of import panel_as_of
from regime.data.calendar import last_closed_session, trading_days
from regime.data.catalog import Frequency, get
from regime.data.checks.freshness import Age, dated_by_closes, freshness
from regime.data.panel import digest
from regime.data.store import ObservationStore
from regime.exceptions import EvaluationError, StoreError
from regime.movement import overnight, words
from regime.scoring import (
    FILTER,
    Readiness,
    State,
    assess,
    number_of,
    score_days,
    with_fallback,
)
from regime.service.anchoring import log_publication
from regime.service.entries import calls_of, entries, said_of
from regime.service.explaining import declarations, explained
from regime.service.overlay import as_scores, basis_of, overlaid
from regime.service.watching import watch_or_note
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.ledger import Head, Ledger
from regime.tracking.published import load_published, publish
from regime.tracking.registry import Version, load_version


@dataclass(frozen=True, slots=True)
class Publication:
    """What is said of the newest close, and what of it is new.

    Attributes
    ----------
    X : what the version reads of that panel
    readiness : of the last session that has closed
    scores : DataFrame with `scoring.COLUMNS`: every day the version may speak of, days of the
        ledger as they were published
    calls : DataFrame of `call.regime_call`
    new : DataFrame with the columns `Ledger.append` takes: what the ledger does not hold yet
    ages : DataFrame of `checks.freshness`: the series that the baskets and the model need
    moved : DataFrame of `movement.overnight`, from the last published day to the newest;
        empty without both
    """

    version: Version
    panel: pd.DataFrame
    X: pd.DataFrame
    readiness: Readiness
    scores: pd.DataFrame
    calls: pd.DataFrame
    new: pd.DataFrame
    ages: pd.DataFrame
    moved: pd.DataFrame
    simulated: bool
    known_at: pd.Timestamp
    notes: tuple[str, ...] = ()

    @property
    def day(self) -> pd.Timestamp:
        """The newest day with probabilities."""
        return pd.Timestamp(self.scores["date"].max())


def prepare(settings: Settings, store: ObservationStore, now: pd.Timestamp) -> Publication:
    """Work out what is to be published; changes nothing.

    Every session since the last published one is looked at by itself, so that days on which
    nobody ran this are published late rather than lost; with an empty ledger only the last.

    Parameters
    ----------
    now : the present moment (UTC)

    Raises
    ------
    StoreError
        If no model is in service, or it, the store or the ledger cannot be read.
    PanelError
        If the baskets have been gone too long for any day to be scored.
    """
    panel = panel_as_of(store, now)
    version = load_version(settings)
    bundle = version.bundle
    simulated = store.is_simulated() or version.simulated
    last = last_closed_session(now)
    X = bundle.features_of(panel)
    ages = _ages(bundle, store, now)
    ledger = Ledger(store).read(baskets=bundle.baskets)
    ledger = ledger[ledger["published_at"] <= now]  # of a rehearsal of an earlier day, what was
    readiness = _as_published(
        assess(bundle, panel, last, X=X, overdue=_overdue(bundle, ages)), ledger
    )
    own = score_days(bundle, version.walk_forward, panel, version=version.number, X=X)
    due = _due(ledger, last)
    states = {
        day: readiness if day == last else assess(bundle, panel.loc[:day], day, X=X.loc[:day])
        for day in due
    }
    for day in due[due <= bundle.trained_until]:  # the walk-forward speaks, whatever is missing
        if states[day].state is State.DEGRADED:
            states[day] = Readiness(State.PUBLISHED, day, day)
    said = [
        said_of(version, own[own["date"] == day], panel.loc[:day], states[day].state)
        for day in due
        if states[day].state is not State.HELD
    ]
    fresh = pd.concat(said, ignore_index=True) if said else own.iloc[:0]
    if len(fresh):
        fresh["basis"] = basis_of(fresh["date"], pd.Series(now, fresh.index))
    scores = overlaid(overlaid(own, fresh), as_scores(ledger))
    calls = calls_of(scores, bundle, panel, ledger)
    notes: list[str] = []
    moved = pd.DataFrame()
    rows = [entries(version, fresh, calls, panel, states, simulated, now)]
    # A held day that is filled in after later ones were published is no news of today.
    later = fresh[fresh["date"] > ledger["date"].max()] if len(ledger) else fresh.iloc[:0]
    if len(later):
        before, former = _before(settings, version, ledger, notes)
        newest, first = pd.Timestamp(later["date"].max()), pd.Timestamp(later["date"].min())
        try:
            moved = _moved(ledger, before, version, fresh, panel, X, newest)
        except EvaluationError as error:
            notes.append(f"What moved is not told: {error}")
        if former is not None and first > former.bundle.trained_until:
            rows.append(_of_former(former, panel, ledger, states[first], simulated, now))
    return Publication(
        version=version,
        panel=panel,
        X=X,
        readiness=readiness,
        scores=scores,
        calls=calls,
        new=pd.concat(rows, ignore_index=True),
        ages=ages,
        moved=moved,
        simulated=simulated,
        known_at=now,
        notes=tuple(notes),
    )


def replay(
    settings: Settings, store: ObservationStore, moment: pd.Timestamp, *, in_sample: bool = False
) -> tuple[pd.DataFrame, Readiness, bool]:
    """What the model in service says on what was known at a moment; publishes nothing.

    Returns
    -------
    tuple of the DataFrame of `scoring.score_days`, how ready the newest day is, and whether
    the market is simulated

    Raises
    ------
    As `prepare`; EvaluationError if the model was trained after that moment.
    """
    panel = panel_as_of(store, moment)
    version = load_version(settings)
    X = version.bundle.features_of(panel)
    readiness = assess(version.bundle, panel, last_closed_session(moment), X=X)
    rows = score_days(
        version.bundle, version.walk_forward, panel,
        version=version.number, in_sample=in_sample, X=X,
    )  # fmt: skip
    if readiness.state is State.DEGRADED:
        rows = with_fallback(rows, version.fallback, panel, version=version.number)
    return rows, readiness, store.is_simulated() or version.simulated


@dataclass(frozen=True, slots=True)
class Done:
    """What was entered, and where the ledger stands since."""

    added: pd.DataFrame
    head: Head | None
    run_id: str


def commit(
    publication: Publication,
    settings: Settings,
    store: ObservationStore,
    *,
    metrics: Mapping[str, float] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Done:
    """Enter it in the ledger, show it in the app, and anchor the ledger's head in MLflow.

    In this order: what is shown was entered before, and a process that dies half-way is made
    good by doing it again.

    Parameters
    ----------
    metrics, tags : more of them for the run that holds the anchor
    """
    ledger = Ledger(store)
    added = publication.new.iloc[:0]
    if len(publication.new):
        added = ledger.append(publication.new, published_at=publication.known_at)
    show(publication, settings, store)
    head = ledger.head()
    run_id = log_publication(publication, head, settings, metrics=metrics or {}, tags=tags or {})
    return Done(added, head, run_id)


def show(publication: Publication, settings: Settings, store: ObservationStore) -> None:
    """Keep it for the app, with what explains it and all that was published before."""
    version = publication.version
    ledger = Ledger(store).read(baskets=version.bundle.baskets, newest_only=False)
    spoke = str(publication.scores["model_version"].iloc[-1])
    filtered = spoke.endswith(FILTER)
    speaker = version.fallback if filtered else version.bundle
    model = version.digest + (FILTER if filtered else "")
    try:
        former = load_published(settings, ("scores", "shares"))
    except StoreError:
        former = None
    told, notes = explained(
        speaker,
        publication.panel,
        publication.scores,
        publication.calls,
        model=model,
        former=former,
        X=None if filtered else publication.X,
    )
    publish(
        publication.scores,
        publication.calls,
        version.bundle,
        publication.panel,
        settings,
        speaker=speaker,
        version=version.number,
        readiness=publication.readiness,
        simulated=publication.simulated,
        known_at=publication.known_at,
        moved=publication.moved if len(publication.new) else _moved_before(settings, publication),
        ledger=ledger[ledger["published_at"] <= publication.known_at.ceil("s")],
        explained=told,
        explained_by=model,
        features=declarations(speaker),
        signals=watch_or_note(settings, store, publication.known_at, version.bundle, notes),
        notes=[*publication.notes, *notes],
    )


def _moved_before(settings: Settings, publication: Publication) -> pd.DataFrame:
    """What was shown to have moved, where nothing is new since."""
    try:
        said = load_published(settings)
    except StoreError:
        return publication.moved
    same = pd.Timestamp(said["scores"]["date"].max()) == publication.day
    return pd.DataFrame(said["about"].get("moved", [])) if same else publication.moved


def _ages(bundle: Bundle, store: ObservationStore, now: pd.Timestamp) -> pd.DataFrame:
    """How new what the baskets and the model need is, the baskets first."""
    newest = dated_by_closes({name: last for name, (_, last) in store.spans().items()})
    return freshness({name: newest.get(name) for name in bundle.series_read()}, now)


def _overdue(bundle: Bundle, ages: pd.DataFrame) -> tuple[str, ...]:
    """Daily series whose newest value should have come: a panel still carries the one before."""
    legs = basket_sets.get(bundle.baskets).series
    old = ages[(ages["state"] != Age.FRESH) & ~ages["series"].isin(legs)]
    return tuple(name for name in old["series"] if get(name).frequency is Frequency.DAILY)


def _as_published(readiness: Readiness, ledger: pd.DataFrame) -> Readiness:
    """How the day was published, where it was: figures that came since change nothing of it."""
    rows = ledger[ledger["date"] == readiness.day]
    if rows.empty:
        return readiness
    state = State(rows["state"].iloc[-1])
    missing = readiness.missing if state is State.DEGRADED else ()
    return Readiness(state, readiness.day, readiness.day, missing)


def _due(ledger: pd.DataFrame, last: pd.Timestamp) -> pd.DatetimeIndex:
    """Sessions to look at: all since the first that was published and are not there yet."""
    if ledger.empty:
        return pd.DatetimeIndex([last])
    sessions = trading_days(pd.Timestamp(ledger["date"].min()), last)
    return sessions[~sessions.isin(ledger["date"])]


def _before(
    settings: Settings, version: Version, ledger: pd.DataFrame, notes: list[str]
) -> tuple[Bundle | None, Version | None]:
    """Who spoke last, and the version it was of if it is another than the one in service."""
    words = str(ledger["model_version"].iloc[-1])
    number = number_of(words)
    former = None
    if number != version.number:
        try:
            former = load_version(settings, number)
        except StoreError as error:
            notes.append(f"Version {number}, which spoke last, cannot be asked: {error}")
            return None, None
    spoke = version if former is None else former
    return (spoke.fallback if words.endswith(FILTER) else spoke.bundle), former


def _moved(
    ledger: pd.DataFrame,
    before: Bundle | None,
    version: Version,
    fresh: pd.DataFrame,
    panel: pd.DataFrame,
    X: pd.DataFrame,
    newest: pd.Timestamp,
) -> pd.DataFrame:
    earlier = ledger[ledger["date"] < newest]
    if earlier.empty:
        return pd.DataFrame()
    known = earlier[earlier["date"] == earlier["date"].max()]
    day = pd.Timestamp(known["date"].iloc[0])
    said = fresh[fresh["date"] == newest]
    filtered = str(said["model_version"].iloc[0]).endswith(FILTER)
    return overnight(
        known[["date", "horizon", *REGIMES]],
        before,
        version.fallback if filtered else version.bundle,
        panel,
        newest,
        said=said[["date", "horizon", *REGIMES]],
        X=None if filtered else X,
        same_data=bool(digest(panel.loc[:day]) == known["panel_digest"].iloc[0]),
    )


def _of_former(
    former: Version,
    panel: pd.DataFrame,
    ledger: pd.DataFrame,
    readiness: Readiness,
    simulated: bool,
    now: pd.Timestamp,
) -> pd.DataFrame:
    """What the version that goes says of the first day its successor speaks of."""
    day = readiness.day
    panel = panel.loc[:day]
    own = score_days(former.bundle, former.walk_forward, panel, version=former.number)
    said = said_of(former, own[own["date"] == day], panel, readiness.state)
    scores = overlaid(overlaid(own, said), as_scores(ledger[ledger["date"] < day]))
    calls = calls_of(scores, former.bundle, panel, ledger[ledger["date"] < day])
    return entries(former, said, calls, panel, {day: readiness}, simulated, now, role="former")


def moved_words(publication: Publication) -> list[str]:
    """What moved today's probabilities since the last published day, in sentences."""
    moved = publication.moved
    return words(moved[moved["horizon"] == 0]) if len(moved) else []
