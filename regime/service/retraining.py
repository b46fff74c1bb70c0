"""Refit an experiment on everything confirmed, and register it as the challenger."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import pandas as pd

from regime.bundle import Bundle, fit_bundle
from regime.config import ExperimentConfig
from regime.data.baskets import spliced_returns
from regime.data.calendar import last_closed_session, sessions_since
from regime.data.store import ObservationStore
from regime.evaluation import rotation
from regime.evaluation.kept import KeptWalks
from regime.exceptions import ConfigError
from regime.experiment import (
    Comparison,
    ExperimentResult,
    check_experiment,
    count_fits,
    reference_filter,
)  # fmt: skip
from regime.health.drift import A_MONTH, DriftReport
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.registry import Version, register
from regime.tracking.runs import PURPOSE, log_result
from regime.tracking.versions import registered

# Opens a bar of so many fits, and yields what moves it by one.
Progress = Callable[[int], AbstractContextManager[Callable[[], None]]]


@dataclass(frozen=True, slots=True)
class Retrained:
    """A version that is the challenger now."""

    number: str
    run_id: str
    bundle: Bundle
    result: ExperimentResult


def for_service(config: ExperimentConfig, baskets: str | None = None) -> ExperimentConfig:
    """The experiment on the one basket set it is to serve: as asked, or funds if it has them.

    Raises
    ------
    ConfigError
        If it lacks those baskets, or forecasts nothing for today.
    """
    chosen = baskets or ("funds" if "funds" in config.baskets else config.baskets[0])
    if chosen not in config.baskets:
        raise ConfigError(
            f"{config.name} has the baskets {', '.join(config.baskets)}, not {chosen!r}. "
            "Choose one of them, or add it to the experiment's `baskets`."
        )
    if 0 not in config.labels.horizons:
        raise ConfigError(
            f"{config.name} forecasts {list(config.labels.horizons)} days ahead, but a model in "
            "service calls today's regime too. Add 0 to labels.horizons."
        )
    config = config.model_copy(update={"baskets": (chosen,)})
    check_experiment(config)
    return config


def retrain(
    config: ExperimentConfig,
    panel: pd.DataFrame,
    settings: Settings,
    store: ObservationStore,
    *,
    recompute: bool = False,
    progress: Progress = lambda total: nullcontext(lambda: None),
) -> Retrained:
    """Walk an experiment forward, fit it on everything confirmed, register it as challenger.

    The same commit, panel and configuration give the same files to the byte.

    Parameters
    ----------
    config : of `for_service`
    panel : what was known at the moment of training
    recompute : also what an earlier walk-forward is kept of
    progress : opens a bar of so many fits, and yields what moves it by one
    """
    baskets, simulated = config.baskets[0], store.is_simulated()
    kept = None if recompute else KeptWalks(settings.walks)
    with progress(count_fits([config], panel)) as step:
        comparison = Comparison(panel, on_fit=step, kept=kept)
        result = comparison.run(config)
    bundle = fit_bundle(config, baskets, panel, comparison.pools(config, baskets))
    fallback = fit_bundle(reference_filter(config), baskets, panel)
    run_id = log_result(result, settings, simulated=simulated, tags={PURPOSE: "retrain"})
    value = value_of(result, panel, baskets)
    number = register(bundle, fallback, result, run_id, settings, simulated=simulated, value=value)
    return Retrained(number, run_id, bundle, result)


def value_of(
    result: ExperimentResult, panel: pd.DataFrame, baskets: str
) -> list[dict[str, Any]] | None:
    """What a walk-forward was worth, for its model's card; None without a month's forecast."""
    mine = result.predictions["baskets"] == baskets
    ahead = result.predictions[mine & (result.predictions["horizon"] == rotation.HORIZON)]
    if ahead.empty:
        return None
    proba = ahead.set_index("date")[list(REGIMES)]
    return rotation.value(*rotation.on_same_days(proba, spliced_returns(panel, baskets)))


def reasons_to_retrain(
    settings: Settings, version: Version, report: DriftReport, now: pd.Timestamp
) -> tuple[set[str], str]:
    """Why the model in service should be trained anew, and a sentence about it.

    Parameters
    ----------
    version, report : the one in service, and what a look at its drift found

    Returns
    -------
    tuple of a set of "stale" and "drifted", and words
        Stale: the newest version, in service or rejected, was trained more sessions ago than
        a fit serves in the evaluation of the experiment. Drifted: what the model in service
        reads or says is unlike its training, and the newest version is older than a month,
        so that training anew has not just been tried.
    """
    bundle = version.bundle
    every = bundle.config.evaluation.refit_every
    trained = [
        one.trained_until
        for one in registered(settings)
        if (one.experiment, one.baskets) == (bundle.config.name, bundle.baskets)
    ]
    newest = max([bundle.trained_until, *trained])
    age = sessions_since(newest, last_closed_session(now))
    reasons = {"stale"} if age >= every else set()
    trained_on = f"the newest version was trained until {newest:%Y-%m-%d}, {age} sessions ago"
    words = [f"{trained_on}, and in its evaluation a fit serves {every}"]
    if report.is_drifted:
        words += report.alarms
        reasons |= {"drifted"} if age >= A_MONTH else set()
    else:
        words.append("no drift was found")
    return reasons, "; ".join(one.rstrip(".") for one in words) + "."
