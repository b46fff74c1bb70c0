"""What every pair has earned since a day: any window that ends at the last close."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from regime.signals.declaration import POINTS, RETURN, Pair, Signal
from regime.signals.measures import since
from regime.signals.windows import needs, over

COLUMNS = ["title", "topic", "unit", "value", "series"]


def since_table(panel: pd.DataFrame, signals: Sequence[Signal], day: pd.Timestamp) -> pd.DataFrame:
    """Each pair that has a signal, once, from the close of `day` to the last row.

    Returns
    -------
    DataFrame with the columns `COLUMNS`, in the order of the signals; `value` is NaN where a
    side is not known at either end
    """
    topics: dict[Pair, str] = {}
    for signal in signals:
        if signal.pair is not None:
            topics.setdefault(signal.pair, signal.topic.title)
    rows = [
        (pair.title, topic, POINTS if pair.against else RETURN, _value(panel, pair, day),
         ", ".join(needs(pair)))
        for pair, topic in topics.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def _value(panel: pd.DataFrame, pair: Pair, day: pd.Timestamp) -> float:
    if not {*needs(pair)} <= {*panel.columns}:
        return float(np.nan)
    return float(over(pair, lambda level: since(level, day))(panel).iloc[-1])
