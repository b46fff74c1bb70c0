"""From an experiment's model section to a classifier and the features it reads."""

import difflib
from typing import Any

from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from regime.config import ExperimentConfig
from regime.exceptions import ConfigError
from regime.models.boosting import boosting_from_filter, calibrated_boosting
from regime.models.hmm import GaussianHMMClassifier
from regime.models.persistence import PersistenceClassifier
from regime.models.selection import KnownFeatures
from regime.taxonomy import REGIMES

# What a baseline reads is part of its definition, so an experiment cannot choose it.
OWN_INPUTS: dict[str, tuple[str, ...]] = {
    "climatology": ("path",),
    "persistence": ("path",),
    "filter": ("path",),
}

# Worth a process of their own; the others fit in less time than it takes to ask one.
SLOW = {"hist_gradient_boosting", "boosting", "boosting_from_filter"}


def build_classifier(config: ExperimentConfig, horizon: int) -> Any:
    """An unfitted classifier for this horizon.

    `climatology` and `persistence` are what they say; `filter` is the multinomial logistic
    regression on the three path scores that every other model is held against; `logistic`
    the same on any features known on half of the training rows, a missing value counting as
    average; `hist_gradient_boosting`
    is scikit-learn's, with its own defaults; `boosting` the same, calibrated in time order;
    `boosting_from_filter` starts from the filter and adds shrunken corrections;
    `gaussian_hmm` is a hidden Markov model on the features, filtered forward.

    Raises
    ------
    ConfigError
        If a parameter is unknown or its value cannot be used.
    """
    kind, params = config.model.kind, config.model.params
    try:
        match kind:
            case "climatology":
                _check(config, allowed=())
                return DummyClassifier(strategy="prior")
            case "persistence":
                _check(config, allowed=())
                _needs_every_row(config)
                return PersistenceClassifier(horizon=horizon)
            case "filter":
                regression = _checked(config, LogisticRegression, {"C": 0.1, **params})
                return make_pipeline(StandardScaler(), regression)
            case "logistic":
                regression = _checked(
                    config, LogisticRegression, {"C": 0.1, "max_iter": 1000, **params}
                )
                # Zero after standardising is the training mean: no evidence either way.
                fill = SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True)
                return make_pipeline(KnownFeatures(0.5), StandardScaler(), fill, regression)
            case "hist_gradient_boosting":
                booster = _checked(
                    config, HistGradientBoostingClassifier, {"random_state": 0, **params}
                )
                return make_pipeline(KnownFeatures(), booster)
            case "boosting":
                _checked(config, HistGradientBoostingClassifier, params)
                return calibrated_boosting(**{"random_state": 0, **params})
            case "boosting_from_filter":
                _checked(config, GradientBoostingClassifier, params, ruled_out=("init",))
                return boosting_from_filter(len(REGIMES), **{"random_state": 0, **params})
            case "gaussian_hmm":
                _needs_every_row(config)
                hmm = _checked(
                    config,
                    GaussianHMMClassifier,
                    {"random_state": 0, **params, "horizon": horizon},
                    ruled_out=("horizon",),
                )
                # It learns from complete rows: one late series would discard all before it.
                return make_pipeline(KnownFeatures(0.9), hmm)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{config.name}: model.params of {kind}: {error}") from error


def input_sets(config: ExperimentConfig) -> tuple[str, ...]:
    """Feature sets the model reads."""
    kind = config.model.kind
    if kind in OWN_INPUTS:
        if config.features.sets:
            raise ConfigError(
                f"{config.name}: a {kind} reads its own inputs. Remove features.sets, "
                'or use kind = "logistic" to try features.'
            )
        return OWN_INPUTS[kind]
    if not config.features.sets:
        raise ConfigError(
            f"{config.name}: a {kind} needs features. Add, for example, "
            'features = { sets = ["path", "rates"] }.'
        )
    if kind == "boosting_from_filter":
        return ("path", *(name for name in config.features.sets if name != "path"))
    return config.features.sets


def input_columns(config: ExperimentConfig, columns: list[str]) -> list[str]:
    """Those of the features' columns that the model reads, in its order."""
    scores = [name for name in columns if name.startswith("path_score_")]
    if config.model.kind == "filter":
        return scores
    if config.model.kind == "boosting_from_filter":
        return scores + [name for name in columns if not name.startswith("path_")]
    return columns


def _checked(
    config: ExperimentConfig,
    estimator: Any,
    params: dict[str, Any],
    ruled_out: tuple[str, ...] = (),
) -> Any:
    """An estimator whose parameters are known to be known and legal."""
    _check(config, tuple(name for name in estimator().get_params() if name not in ruled_out))
    model = estimator(**params)
    model._validate_params()  # scikit-learn's own table of legal values, before any work
    return model


def _needs_every_row(config: ExperimentConfig) -> None:
    if config.training.every != 1:
        raise ConfigError(
            f"{config.name}: training.every = {config.training.every}, but a "
            f"{config.model.kind} learns from one day to the next. Leave `every` out."
        )


def _check(config: ExperimentConfig, allowed: tuple[str, ...]) -> None:
    for name in config.model.params:
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, n=1)
            guess = f" Did you mean {near[0]!r}?" if near else ""
            known = f"Known: {', '.join(allowed)}." if allowed else "It takes none."
            raise ConfigError(
                f"{config.name}: {config.model.kind} has no parameter {name!r}.{guess} {known}"
            )
