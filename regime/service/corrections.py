"""A published day said again, on what is known now, by the version that said it."""

import pandas as pd

from regime.data.as_of import panel_as_of
from regime.data.panel import digest
from regime.data.store import ObservationStore
from regime.exceptions import EvaluationError
from regime.scoring import FILTER, number_of, score_days
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.ledger import GIVEN, Ledger
from regime.tracking.registry import load_version
from regime.tracking.runs import code_version


def say_again(
    settings: Settings, store: ObservationStore, day: pd.Timestamp, now: pd.Timestamp
) -> pd.DataFrame:
    """Rows for `Ledger.correct`: the day's published ones, their probabilities computed anew.

    Call, status and state stay as they were: a call follows from the days before it.

    Raises
    ------
    EvaluationError
        If nothing was published of that day, or its baskets have no lead any more.
    StoreError
        If the version that spoke cannot be loaded.
    """
    ledger = Ledger(store).read()
    rows = ledger[ledger["date"] == day]
    if rows.empty:
        newest = "nothing was published" if ledger.empty else f"{ledger['date'].max():%Y-%m-%d}"
        raise EvaluationError(
            f"Nothing was published of {day:%Y-%m-%d}, so there is nothing to correct; the newest "
            f"day is {newest}. `regime ledger show --since` lists what there is."
        )
    panel = panel_as_of(store, now)
    to_the_day = panel.loc[:day]
    parts = []
    for words, mine in rows.groupby("model_version"):
        version = load_version(settings, number_of(str(words)))
        if str(words).endswith(FILTER):
            said = version.fallback.predict_proba(to_the_day, day)
        else:
            said = score_days(version.bundle, version.walk_forward, panel, version=version.number)
        said = said[said["date"] == day].set_index("horizon")[list(REGIMES)]
        if missing := sorted({*mine["horizon"]} - {*said.index}):
            raise EvaluationError(
                f"Version {version.number} has nothing to say of {day:%Y-%m-%d} at horizons "
                f"{missing}: its baskets have no lead then. Fetch their prices first."
            )
        again = mine.copy()
        again[list(REGIMES)] = said.loc[mine["horizon"]].to_numpy()
        parts.append(again)
    found = pd.concat(parts, ignore_index=True)
    return found.assign(panel_digest=digest(to_the_day), code_version=code_version(), known_at=now)[
        list(GIVEN)
    ]
