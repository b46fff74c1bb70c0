"""How the model in service is: there, whole, of recent training, and heard of lately.

MLflow and scikit-learn, seconds to import, are imported only once there is something to load.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pandas as pd
from filelock import FileLock, Timeout

from regime.data import baskets as basket_sets
from regime.data.calendar import last_closed_session, sessions_since
from regime.data.checks.freshness import expected_period
from regime.exceptions import StoreError
from regime.health.checks import Check, State, attempt
from regime.settings import Settings

_A_MONTH = 21  # sessions a retraining may be behind its rhythm
_MOST_BEHIND = 5  # sessions after which a published result is no longer one of this week
_SECONDS = 5.0
_RETRAIN = "Run `regime retrain resampled_leadership`, then `regime promote`."


@dataclass(frozen=True, slots=True)
class Champion:
    """The model in service, as far as its health goes.

    Attributes
    ----------
    number : the registry's
    reads : series behind the features that it counts on
    refit_every : sessions after which its walk-forward trained anew
    """

    number: str
    baskets: str
    reads: tuple[str, ...]
    trained_until: pd.Timestamp
    refit_every: int
    simulated: bool


def look_at_model(settings: Settings, now: datetime) -> tuple[list[Check], Champion | None]:
    """Whether there is a model in service that loads, and whether it spoke of the last close.

    Creates no tracking database. None in place of the champion where there is none that
    loads.
    """
    champion: list[Champion] = []
    at = pd.Timestamp(now)

    def look() -> list[Check]:
        check, found = _champion(settings, at)
        champion.extend([found] if found else [])
        return [check]

    checks = attempt("model", look)
    serving = champion[0] if champion else None
    checks += attempt("published", lambda: [_published(settings, serving, at)])
    checks += attempt("ledger", lambda: _ledger(settings))
    if serving is not None:
        checks += attempt("drift", lambda: _drift(settings, serving, at))
    return checks, serving


def _champion(settings: Settings, now: pd.Timestamp) -> tuple[Check, Champion | None]:
    if absent := _absent(settings.tracking_uri):
        return Check("model", State.WARNING, absent, _RETRAIN), None
    if unreached := _unreached(settings.tracking_uri):
        advice = (
            "Start the server or mend MLFLOW_TRACKING_URI; without it the database is in "
            "REGIME_HOME."
        )
        return Check("model", State.FAULT, unreached, advice), None

    from regime.features.assembly import series_behind
    from regime.tracking.registry import load_version
    from regime.tracking.versions import champion_number

    number = champion_number(settings)
    if number is None:
        words = "No model is in service: none has been promoted."
        return Check("model", State.WARNING, words, _RETRAIN), None
    version = load_version(settings, number)
    bundle = version.bundle
    champion = Champion(
        number=version.number,
        baskets=bundle.baskets,
        reads=tuple(
            series_behind(
                bundle.expects, baskets=bundle.baskets, window=bundle.config.features.window
            )
        ),
        trained_until=bundle.trained_until,
        refit_every=bundle.config.evaluation.refit_every,
        simulated=version.simulated,
    )
    return _trained(champion, bundle.config.name, now), champion


def _trained(champion: Champion, experiment: str, now: pd.Timestamp) -> Check:
    """A model that loads, by the age of its training."""
    age = sessions_since(champion.trained_until, last_closed_session(now))
    words = (
        f"Version {champion.number}, {experiment} on the {champion.baskets} baskets, loads and is "
        f"what was registered; it was trained until {champion.trained_until:%Y-%m-%d}, {age} "
        f"sessions ago{', on a SIMULATED market' if champion.simulated else ''}."
    )
    if age > champion.refit_every + _A_MONTH:
        words += f" In its evaluation it was trained anew every {champion.refit_every} sessions."
        return Check("model", State.WARNING, words, _RETRAIN)
    return Check("model", State.OK, words)


def _absent(uri: str) -> str | None:
    """Why there can be no model in a local database, or None; opening it would create it."""
    if not uri.startswith("sqlite:///"):
        return None
    path = Path(uri.removeprefix("sqlite:///"))
    if not path.exists():
        return f"No model has been trained yet: there is no tracking database {path}."
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            tables = database.execute("SELECT name FROM sqlite_master").fetchall()
    except sqlite3.Error as error:
        raise StoreError(
            f"The tracking database {path} cannot be read: {error}. Move it away and retrain, or "
            f"bring a copy back."
        ) from error
    if not any(name == "registered_models" for (name,) in tables):
        return f"No model has been trained yet: the tracking database {path} is empty."
    try:
        with FileLock(f"{path}.lock", timeout=_SECONDS):
            return None
    except Timeout:
        raise StoreError(
            f"Another process has held {path}.lock for {_SECONDS:g} seconds. Wait for it, or end "
            f"it, and look again."
        ) from None


def _unreached(uri: str) -> str | None:
    """In what words a server is silent, or None; MLflow itself would try for minutes."""
    if not uri.startswith(("http://", "https://")):
        return None
    place = urlsplit(uri)
    shown = f"{place.scheme}://{place.netloc.rpartition('@')[2]}{place.path}"
    try:
        answer = httpx.get(f"{uri.rstrip('/')}/health", timeout=_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"MLflow at {shown} cannot be reached ({type(error).__name__})."
    if answer.status_code >= 500:
        return f"MLflow at {shown} answers with {answer.status_code}."
    return None


def _is_published(settings: Settings) -> bool:
    """Whether anything was, or stands in its way; the folder holds more than that."""
    from regime.tracking.published import NAME

    folder = settings.published
    no_folder = folder.exists() and not folder.is_dir()
    return no_folder or any(path.name == NAME for path in folder.glob("*"))


def _published(settings: Settings, champion: Champion | None, now: pd.Timestamp) -> Check:
    """Whether the app shows what could be said of the newest close."""
    if not _is_published(settings):
        advice = "Run `regime score`." if champion else ""
        return Check("published", State.WARNING, "Nothing is published for the app yet.", advice)

    from regime.scoring import State as Readiness
    from regime.scoring import number_of
    from regime.tracking.published import load_published

    result = load_published(settings)
    about, day = result["about"], pd.Timestamp(result["scores"]["date"].max())
    behind = sessions_since(day, last_closed_session(now))
    age = f"{behind} session{'' if behind == 1 else 's'} behind the last close" if behind else (
        "the last close"
    )  # fmt: skip
    by = number_of(str(about["model_version"]))
    words = f"The newest result is of {day:%Y-%m-%d}, {age}, by version {by}."
    due = _due(str(about["baskets"]), now)
    overdue = sessions_since(day, due)
    advice = "Run `regime fetch`, then `regime score`, and look at what they say."
    if overdue > _MOST_BEHIND:
        return Check("published", State.FAULT, words, advice)
    if overdue:
        return Check("published", State.WARNING, words, advice)
    if champion is not None and by != champion.number:
        words += f" Version {champion.number} is in service since; it speaks next."
    # How the newest day was published; a day held is told by its age.
    if about.get("state") == Readiness.DEGRADED:
        return Check("published", State.WARNING, f"{words} {about['words']}")
    return Check("published", State.OK, words)


def _ledger(settings: Settings) -> list[Check]:
    """Whether what was published is still what was published; nothing while nothing was."""
    from regime.data.store import ObservationStore

    store = ObservationStore(settings.store)
    if store.schema_version() is None:
        return []

    from regime.tracking.anchors import anchors
    from regime.tracking.ledger import Ledger

    ledger = Ledger(store)
    head = ledger.head()
    known = [] if _absent(settings.tracking_uri) else anchors(settings)
    if head is None and not known:
        return []
    if faults := ledger.faults(known):
        advice = "`regime ledger verify` lists all of it. Bring back a copy of the store."
        return [Check("ledger", State.FAULT, faults[0], advice)]
    rows = 0 if head is None else head.seq
    words = f"{rows:,} published rows, each as it was entered; {len(known):,} anchors agree."
    return [Check("ledger", State.OK, words)]


def _drift(settings: Settings, champion: Champion, now: pd.Timestamp) -> list[Check]:
    """Whether the model in service meets what it was trained on."""
    from regime.data.as_of import panel_as_of
    from regime.data.store import ObservationStore
    from regime.health.drift import look_at_drift
    from regime.tracking.ledger import Ledger
    from regime.tracking.published import load_published
    from regime.tracking.registry import load_version

    store = ObservationStore(settings.store)
    if store.is_empty():
        return []
    panel = panel_as_of(store, now)
    rows = Ledger(store).read(baskets=champion.baskets, newest_only=False)
    version = load_version(settings, champion.number)
    said = load_published(settings) if _is_published(settings) else None
    calls = pd.DataFrame() if said is None else said["calls"].set_index("date")
    return look_at_drift(version, panel, rows, calls, now).checks


def _due(baskets: str, now: pd.Timestamp) -> pd.Timestamp:
    """The newest day on which all of these baskets are due."""
    return min(expected_period(name, now) for name in basket_sets.get(baskets).series)
