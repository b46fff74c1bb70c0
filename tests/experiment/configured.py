"""A random walk of a market, and experiments on it."""

from datetime import date

import numpy as np
import pandas as pd

from regime.config import (
    EvaluationConfig,
    ExperimentConfig,
    FeatureConfig,
    LabelConfig,
    ModelConfig,
    TrainingConfig,
)
from regime.data.calendar import trading_days
from regime.data.catalog import DECILES

FIRST_TEST = date(1970, 1, 1)


def random_walk(seed: int = 0) -> pd.DataFrame:
    """A panel of French portfolios whose returns owe nothing to the day before."""
    days = trading_days(pd.Timestamp("1963-01-02"), pd.Timestamp("1974-12-31"))
    rng = np.random.default_rng(seed)
    market = rng.normal(0.0003, 0.008, size=(len(days), 1))
    own = rng.normal(0.0, 0.003, size=(len(days), 11))
    panel = pd.DataFrame(market + own, days.rename("date"), [*DECILES, "qnt_2"])
    factors = rng.normal(0.0, 0.005, size=(len(days), 2))
    panel = panel.assign(mkt_rf=market[:, 0], rf=0.0001, hml=factors[:, 0], mom=factors[:, 1])
    panel.loc["1972-02-15":"1972-03-20", "hml"] = np.nan  # a gap that nothing may fill from behind
    return panel


def configured(kind: str, *, sets=(), horizons=(0, 21), refit_every=252, first_test=FIRST_TEST,
               every=1, since=date(1927, 1, 1), **params) -> ExperimentConfig:  # fmt: skip
    return ExperimentConfig(
        name=kind,
        baskets=("french",),
        features=FeatureConfig(sets=sets),
        labels=LabelConfig(horizons=horizons),
        training=TrainingConfig(since=since, every=every),
        evaluation=EvaluationConfig(first_test={"french": first_test}, refit_every=refit_every),
        model=ModelConfig(kind=kind, params=params),
    )


FILTER = configured("filter", every=3)
EXPERIMENTS = [
    configured("climatology"),
    configured("persistence"),
    FILTER,
    configured("logistic", sets=("path", "leadership"), every=3),
    # stress has no series in this panel, breadth has some of its own
    configured("hist_gradient_boosting", sets=("path", "breadth", "stress"), every=5,
               refit_every=504, max_iter=10),
]  # fmt: skip
