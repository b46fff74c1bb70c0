"""A home in which a filter has spoken on a small simulated market, up to the end of 2008."""

import pandas as pd
from shown import show

from regime.bundle import fit_bundle
from regime.config import ExperimentConfig
from regime.experiment import Comparison
from regime.scoring import assess, score_days
from regime.settings import Settings

_MADE: list[Settings] = []  # in this process, which need not make it again


def published(market: pd.DataFrame, folder) -> Settings:
    """Publish the newest day as version 3; nothing is in the ledger. To be read only."""
    if _MADE:
        return _MADE[0]
    settings = Settings(home=folder)
    config = ExperimentConfig(
        name="filter",
        baskets=("funds",),
        evaluation={"first_test": {"funds": pd.Timestamp("2004-01-02").date()}},
        training={"every": 3},
        model={"kind": "filter"},
    )
    known = market[:"2007-12-31"]
    bundle = fit_bundle(config, "funds", known)
    record = Comparison(known).run(config).predictions.drop(columns="baskets")
    rows = score_days(bundle, record, market, version="3")
    show(rows, bundle, market, settings, readiness=assess(bundle, market, market.index[-1]))
    _MADE.append(settings)
    return settings
