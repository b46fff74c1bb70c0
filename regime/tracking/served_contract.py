"""What the registered model takes and returns, declared for whoever serves it with MLflow."""

from typing import Any

import pandas as pd

from regime.bundle import Bundle
from regime.data import baskets as basket_sets
from regime.features.assembly import series_behind
from regime.taxonomy import REGIMES
from regime.tracking.card_reads import features_read

_MARKET = ("SPY", "mkt_rf", "rf")  # sources of the market's return, of which one is enough
_DAYS = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"])


def served_contract(bundle: Bundle) -> tuple[Any, pd.DataFrame]:
    """The signature of a bundle, and an example of its input.

    Required are the series of its baskets, those of their long history included; optional
    `date`, which may be the index instead, and what else its features are made of. All are
    doubles, NaN where nothing was known. The example has the form of a panel, and is too short
    for a lead: probabilities need it from its beginning.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

    legs, others = series_served(bundle)
    columns: list[ColSpec | TensorSpec] = [
        ColSpec("datetime", "date", required=False),
        *(ColSpec("double", name, required=True) for name in legs),
        *(ColSpec("double", name, required=False) for name in others),
    ]
    said: list[ColSpec | TensorSpec] = [ColSpec("datetime", "date"), ColSpec("long", "horizon")]
    said += [ColSpec("double", name) for name in REGIMES]
    signature = ModelSignature(
        inputs=Schema(columns),
        outputs=Schema(said),
        params=ParamSchema([ParamSpec("since", "string", "")]),
    )
    example = pd.DataFrame({"date": _DAYS} | dict.fromkeys([*legs, *others], 0.01))
    return signature, example


def series_served(bundle: Bundle) -> tuple[list[str], list[str]]:
    """Series without which there are no probabilities, and those whose absence is survived."""
    own = basket_sets.get(bundle.baskets)
    legs = dict.fromkeys(
        [*own.series, *(basket_sets.get(own.history).series if own.history else ())]
    )
    names = [row["name"] for row in features_read(bundle)]
    read = series_behind(names, baskets=bundle.baskets, window=bundle.config.features.window)
    return list(legs), sorted({*read, *_MARKET} - {*legs})
