"""What time it is: the clock's, or on a simulated market the one that is rehearsed."""

import pandas as pd

from regime.data.store import ObservationStore
from regime.exceptions import ConfigError
from regime.settings import Settings


def present(settings: Settings, store: ObservationStore) -> pd.Timestamp:
    """The present moment in UTC, to the second.

    `REGIME_NOW` takes its place, so that months can be lived through in minutes. What is
    published carries this moment, so it is taken on a simulated market only.

    Raises
    ------
    ConfigError
        If a moment is given and the store holds market data.
    """
    if settings.now is None:
        return pd.Timestamp.now("UTC").floor("s")
    if not store.is_empty() and not store.is_simulated():
        raise ConfigError(
            f"REGIME_NOW={settings.now.isoformat()} rehearses a day on a simulated market, but "
            f"{store.database} holds market data, and what is published there must carry the "
            "time of the clock. Unset REGIME_NOW, or set REGIME_HOME to another folder."
        )
    return pd.Timestamp(settings.now).tz_convert("UTC").floor("s")
