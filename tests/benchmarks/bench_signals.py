"""How long every watched number takes on sixty years of days, each of its series there."""

from functools import partial

import numpy as np
import pandas as pd
from benchmarks.turns import seconds
from watched import drawn_panel

from regime.data.calendar import trading_days
from regime.signals.numbers import signal_numbers
from regime.signals.registry import all_signals, history
from regime.taxonomy import REGIMES

GOAL = 5.0  # seconds
DAYS = trading_days(pd.Timestamp("1964-12-31"), pd.Timestamp("2024-12-31"))
EPISODE = 110  # sessions, as the path's


def test_every_signal_over_sixty_years(report):
    signals = all_signals()
    panel = drawn_panel(signals, DAYS)
    regime = np.random.default_rng(0).choice(REGIMES, -(-len(DAYS) // EPISODE)).repeat(EPISODE)
    labels = pd.DataFrame({"date": DAYS, "regime": regime[: len(DAYS)], "confirmed_on": DAYS})
    declarations = [one.declaration() for one in signals]

    def table() -> None:
        values = history(panel, signals)
        signal_numbers(declarations, lambda names: values[names], labels, DAYS[-1])

    took = report.ours(table, rounds=3)
    report.at_most("Every signal on 60 years of days, table and history", took, "s", GOAL)
    alone = min(seconds(partial(history, panel, signals)) for _ in range(3))
    report.without_goal("Every signal on 60 years of days, history alone", alone, "s")
    report.detail(days=len(DAYS), signals=len(signals))
