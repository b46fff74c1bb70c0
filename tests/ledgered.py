"""Rows as they are published, and stores that may hold them."""

import numpy as np
import pandas as pd
from observed import FETCHED, TWO_DAYS

from regime.data.store import ObservationStore
from regime.taxonomy import REGIMES

HORIZONS = (0, 21, 63)
EVENING = pd.Timedelta(hours=22)  # UTC, after the close


def rows(day: str, horizons=HORIZONS, seed: int = 0, **values) -> pd.DataFrame:
    """What `Ledger.append` takes of one day."""
    rng = np.random.default_rng([seed, pd.Timestamp(day).toordinal()])
    proba = rng.dirichlet(np.ones(3), len(horizons))
    said = {
        "date": pd.DatetimeIndex([day] * len(horizons)).as_unit("us"),
        "baskets": "funds",
        "horizon": list(horizons),
        **dict(zip(REGIMES, proba.T, strict=True)),
        "call": "broadening",
        "call_status": "provisional",
        "state": "PUBLISHED",
        "role": "champion",
        "model_version": "3",
        "experiment": "resampled_leadership",
        "bundle_digest": "b" * 64,
        "panel_digest": "p" * 64,
        "code_version": "0123456789ab+",
        "simulated": False,
        "known_at": evening(day),
    }
    return pd.DataFrame({**said, **values})


def evening(day: str) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC") + EVENING


def observed(store: ObservationStore, source: str = "files") -> ObservationStore:
    """The same store, with something observed in it."""
    store.append(TWO_DAYS.assign(source=source), fetched_at=FETCHED)
    return store
