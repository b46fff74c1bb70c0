"""A home, its store, and a store with a few values of each kind."""

import pandas as pd
import pytest
from asked import DOUBTFUL
from observed import FETCHED, TWO_DAYS, frame

from regime.data.store import ObservationStore


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home that is not there yet."""
    monkeypatch.setenv("REGIME_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("REGIME_DATABASE_URL", raising=False)
    return tmp_path / "home"


@pytest.fixture
def store(home) -> ObservationStore:
    home.mkdir()
    return ObservationStore(home / "observations.db")


@pytest.fixture
def filled(store) -> ObservationStore:
    """Two days of a fund, a rate, a monthly value, and one value in quarantine."""
    rates = frame(
        [
            ("DGS10", "2024-01-02", "2024-01-03 21:00", 4.0),
            ("DGS10", "2024-01-03", "2024-01-04 21:00", 4.1),
            ("value_spread_q1", "2023-10-31", "2023-12-31 00:00", 2.0),
        ],
        source="fred",
    )
    rows = pd.concat([TWO_DAYS, rates], ignore_index=True)
    store.append(rows, fetched_at=FETCHED, doubtful=DOUBTFUL, looked=True)
    return store
