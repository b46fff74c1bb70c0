"""What was earned by each configuration that was tried, so that the best can be read beside all.

A run keeps one number per basket set: the daily Sharpe ratio of its spread over the equal mix.
"""

import re

import pandas as pd

from regime.evaluation.deflated import Tried
from regime.evaluation.rotation import JUDGED_AT_BP
from regime.evaluation.scores import TRADING_DAYS
from regime.experiment import ExperimentResult
from regime.settings import Settings
from regime.tracking.trials import CONFIGURATION, runs_that_scored

_REPLAY = "as_of"  # tag of a run on what was known at an earlier day
_ROUNDING = 1e-12  # of a daily return


def metric_of(baskets: str) -> str:
    """Name of the metric on a basket set."""
    return f"spread_sharpe_{JUDGED_AT_BP:g}bp/{baskets}"


def spread_sharpes(result: ExperimentResult) -> dict[str, float]:
    """Mean over standard deviation of the daily spreads, by basket set.

    None for less than a year of days, nor for spreads that do not vary.
    """
    found = {}
    for baskets, of_one in result.spreads.groupby("baskets"):
        spread = of_one["spread"]
        error = float(spread.std())
        if len(spread) >= TRADING_DAYS and error > _ROUNDING:
            found[str(baskets)] = float(spread.mean()) / error
    return found


def tried_on(baskets: str, settings: Settings, *, simulated: bool) -> Tried:
    """Every configuration ever scored on a basket set, with the ratio of its newest run.

    A replay of an earlier day speaks only for what was never scored otherwise, and a run that
    does not say on which baskets it was made counts on all of them.

    Raises
    ------
    StoreError
        If MLflow cannot be reached.
    """
    rows = [
        {
            CONFIGURATION: run.data.tags[CONFIGURATION],
            "replay": _REPLAY in run.data.tags,
            "scored": run.info.start_time,
            "sharpe": run.data.metrics.get(metric_of(baskets), float("nan")),
        }
        for run in runs_that_scored(settings, simulated=simulated)
        if baskets in re.findall(r"\w+", run.data.params.get("baskets", baskets))
    ]
    runs = pd.DataFrame(rows, columns=[CONFIGURATION, "replay", "scored", "sharpe"])
    runs = runs.sort_values(["replay", "scored"], ascending=[False, True], kind="stable")
    by_configuration = runs.groupby(CONFIGURATION)["sharpe"]
    # Of those that have one: the newest run may have failed before it was written.
    return Tried(by_configuration.ngroups, by_configuration.last().dropna().astype(float))
