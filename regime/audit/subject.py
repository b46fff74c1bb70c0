"""What is audited: the version in service, what was published with it, and all it came from."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from regime.config import ExperimentConfig
from regime.data.as_of import panel_as_of
from regime.data.baskets import spliced_lead
from regime.data.store import ObservationStore
from regime.exceptions import EvaluationError
from regime.labels.leadership import leadership_path, path_as_known
from regime.scoring import score_days
from regime.service.entries import calls_of
from regime.service.explaining import all_features
from regime.service.watching import watched_panel
from regime.settings import Settings
from regime.signals.registry import all_signals, history
from regime.signals.watch import load_watch
from regime.tracking.ledger import Ledger
from regime.tracking.published import load_published
from regime.tracking.registry import Version, load_version


@dataclass(frozen=True, slots=True)
class Made:
    """All that follows from what was known at one moment.

    Attributes
    ----------
    panel : DataFrame of `data.panel`
    features : DataFrame of `service.explaining.all_features`, by day
    path : DataFrame of `labels.leadership_path`
    known : DataFrame of `labels.path_as_known`
    signals : DataFrame of `signals.registry.history`, by day
    """

    panel: pd.DataFrame
    features: pd.DataFrame
    path: pd.DataFrame
    known: pd.DataFrame
    signals: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Subject:
    """What is audited, with everything made from all that is known.

    Attributes
    ----------
    moment : as of which it was published (UTC)
    said : DataFrame of `scoring.score_days`: the version's own words, by day and horizon
    calls : DataFrame of `call.regime_call` of them, nothing published before
    published : frames and `about` of `tracking.published`
    """

    settings: Settings
    version: Version
    moment: pd.Timestamp
    made: Made
    said: pd.DataFrame
    calls: pd.DataFrame
    published: dict[str, Any]

    @property
    def store(self) -> ObservationStore:
        """Where all of it came from."""
        return ObservationStore(self.settings.store)

    @property
    def config(self) -> ExperimentConfig:
        """The version's experiment, on its baskets alone."""
        bundle = self.version.bundle
        return bundle.config.model_copy(update={"baskets": (bundle.baskets,)})

    @property
    def days(self) -> pd.DatetimeIndex:
        """Every day with probabilities."""
        return pd.DatetimeIndex(self.said["date"].unique())


def subject_of(settings: Settings) -> Subject:
    """The version in service and what was published last, made again from the store.

    Raises
    ------
    StoreError
        If no model is in service, or nothing was published.
    EvaluationError
        If what was published is of another version than the one in service.
    """
    version = load_version(settings)
    published = load_published(settings)
    about = published["about"]
    if about["in_service"] != version.number:
        raise EvaluationError(
            f"Version {version.number} is in service, but what is published is of version "
            f"{about['in_service']}. Run `regime score`, then audit again."
        )
    moment = pd.Timestamp(about["known_at"])
    store = ObservationStore(settings.store)
    made = made_at(settings, store, version, moment)
    bundle = version.bundle
    said = score_days(bundle, version.walk_forward, made.panel, version=version.number)
    calls = calls_of(said, bundle, made.panel, _nothing(store))
    return Subject(settings, version, moment, made, said, calls, published)


def made_at(
    settings: Settings, store: ObservationStore, version: Version, moment: pd.Timestamp
) -> Made:
    """What follows from what the store knew at a moment (UTC)."""
    bundle = version.bundle
    panel = panel_as_of(store, moment)
    lead, cost = spliced_lead(panel, bundle.baskets), bundle.config.labels.switching_cost
    signals = all_signals(load_watch(settings.home))
    watched, _ = watched_panel(settings, store, moment, signals)
    return Made(
        panel=panel,
        features=all_features(bundle, panel).set_index("date"),
        path=leadership_path(lead, switching_cost=cost),
        known=path_as_known(lead, switching_cost=cost),
        signals=history(watched, signals),
    )


def _nothing(store: ObservationStore) -> pd.DataFrame:
    """A ledger in which nothing was published."""
    return Ledger(store).read(baskets="").iloc[:0]
