"""What time it is, and when a rehearsed one counts."""

import pandas as pd
import pytest

from regime.data.clock import present
from regime.data.observations import COLUMNS, SIMULATED
from regime.data.store import ObservationStore
from regime.exceptions import ConfigError
from regime.settings import Settings

MOMENT = pd.Timestamp("2012-07-02 23:30:05.9", tz="America/New_York")


def stored(folder, source) -> ObservationStore:
    store = ObservationStore(folder / "observations.db")
    row = ["DGS10", pd.Timestamp("2012-06-29"), pd.Timestamp("2012-07-02", tz="UTC"), 2.0, source]
    store.append(pd.DataFrame([row], columns=COLUMNS), fetched_at=MOMENT)
    return store


def test_without_a_rehearsal_the_clock_is_asked(tmp_path):
    before = pd.Timestamp.now("UTC").floor("s")
    assert before <= present(Settings(home=tmp_path), stored(tmp_path, "fred"))


def test_on_a_simulated_market_the_rehearsed_moment_counts(tmp_path):
    settings = Settings(home=tmp_path, now=MOMENT)
    expected = pd.Timestamp("2012-07-03 03:30:05", tz="UTC")
    assert present(settings, ObservationStore(tmp_path / "none.db")) == expected
    assert present(settings, stored(tmp_path, SIMULATED)) == expected


def test_market_data_are_not_rehearsed_on(tmp_path):
    with pytest.raises(ConfigError, match="rehearses a day on a simulated market"):
        present(Settings(home=tmp_path, now=MOMENT), stored(tmp_path, "fred"))
