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
from regime.models.boosting_correction import BoostingCorrection
from regime.models.hmm import GaussianHMMClassifier
from regime.models.hybrid import StickyChainClassifier
from regime.models.log_pool import LogPool
from regime.models.logistic_correction import LogisticCorrection
from regime.models.persistence import PersistenceClassifier
from regime.models.resampled import ResampledFilter
from regime.models.selection import KnownFeatures, NamedColumns, NoFeatures
from regime.taxonomy import REGIMES

# What a baseline reads is part of its definition, so an experiment cannot choose it.
OWN_INPUTS: dict[str, tuple[str, ...]] = {
    "climatology": ("path",),
    "persistence": ("path",),
    "filter": ("path",),
    "resampled_filter": ("path", "leads"),
}

# First guesses that a correction may start from, and what they read beside its features.
STARTS: dict[str, tuple[str, ...]] = {
    "filter": ("path",),
    "resampled_filter": ("path", "leads"),
    "gaussian_hmm": ("leads",),
}
CORRECTIONS = {"logistic_correction": LogisticCorrection, "boosting_correction": BoostingCorrection}
_START, _START_PARAMS, _USUAL_START = "start", "start_params", "resampled_filter"
WARM_UP, A_GENERATION = "warm_up", 7560  # trading days a stack's members begin before it

# What each class of ours has learned after `fit`, for `tracking.storage`: with its parameters it
# is the whole of it, as arrays. A class that is not here is kept by skops, if it is trusted there.
LEARNED: dict[type, tuple[str, ...]] = {
    KnownFeatures: ("known_",),
    NamedColumns: (),
    NoFeatures: (),
    PersistenceClassifier: ("classes_", "transition_", "prior_"),
    GaussianHMMClassifier: (),  # says itself what it has learned
    ResampledFilter: ("classes_", "coef_", "intercept_"),
    LogisticCorrection: ("classes_", "coef_", "intercept_"),
    BoostingCorrection: (
        "classes_", "n_rounds_", "feature_", "left_", "right_", "threshold_", "value_",
    ),
    StickyChainClassifier: (
        "classes_", "base_columns_", "prior_", "transmat_", "weight_", "decay_",
    ),
    LogPool: ("classes_", "weight_", "constant_"),
}  # fmt: skip
# Fitted parts of a class, each a chain of steps, and the parameter it was cloned from, if any.
PARTS: dict[str, dict[str, str | None]] = {
    "LogisticCorrection": {"start_": "start", "scale_": None},
    "BoostingCorrection": {"start_": "start", "scale_": None},
    "StickyChainClassifier": {"base_": "base"},
}

# Worth a process of their own; the others fit in less time than it takes to ask one.
SLOW = {
    "hist_gradient_boosting",
    "boosting",
    "boosting_from_filter",
    "hybrid",
    "resampled_filter",
    "logistic_correction",
    "boosting_correction",
}


def build_classifier(config: ExperimentConfig, horizon: int) -> Any:
    """An unfitted classifier for this horizon.

    `climatology` and `persistence` are what they say; `filter` is the multinomial logistic
    regression on the three path scores that every other model is held against; `logistic`
    the same on any features known on half of the training rows, a missing value counting as
    average; `hist_gradient_boosting` is scikit-learn's, with its own defaults; `boosting` the
    same, calibrated in time order; `boosting_from_filter` starts from the filter and adds
    shrunken corrections;
    `gaussian_hmm` is a hidden Markov model on the features, filtered forward; `hybrid` a sticky
    chain of the regimes themselves whose evidence is a booster's; `resampled_filter` reads the
    scores by what resampled markets taught; `logistic_correction` and `boosting_correction` add
    to the log-odds of a first guess, params.start.

    Raises
    ------
    ConfigError
        If a parameter is unknown or its value cannot be used, rows are left out of training that
        the model learns from one to the next, or it is a stack.
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
                return _hmm(config, params, horizon)
            case "hybrid":
                _needs_every_row(config)
                return _hybrid(config, horizon)
            case "resampled_filter":
                _needs_every_row(config)
                return _resampled(config, params, horizon)
            case "logistic_correction" | "boosting_correction":
                _needs_every_row(config)
                return _correction(config, horizon)
            case "stack":
                raise ConfigError(
                    f"{config.name}: a stack is no classifier; its members are. Compare it, or "
                    "retrain it, as an experiment."
                )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{config.name}: model.params of {kind}: {error}") from error


def pool_of(config: ExperimentConfig) -> LogPool:
    """The unfitted pool of a stack.

    Raises
    ------
    ConfigError
        If a parameter is unknown or its value cannot be used.
    """
    params = dict(config.model.params)
    warm_up = params.pop(WARM_UP, A_GENERATION)
    try:
        _check(config, (WARM_UP, *LogPool().get_params()))
        if not isinstance(warm_up, int) or isinstance(warm_up, bool) or warm_up < 0:
            raise ValueError(f"{WARM_UP} = {warm_up!r} must be trading days, 0 or more")
        pool: LogPool = _legal(LogPool(**params))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{config.name}: model.params of stack: {error}") from error
    return pool


def _hmm(config: ExperimentConfig, params: dict[str, Any], horizon: int) -> Any:
    hmm = _checked(
        config,
        GaussianHMMClassifier,
        {"random_state": 0, **params, "horizon": horizon},
        ruled_out=("horizon",),
    )
    # Of complete rows one late series would discard all before it.
    return make_pipeline(KnownFeatures(0.9 if hmm.missing == "complete" else 0.1), hmm)


def _hybrid(config: ExperimentConfig, horizon: int) -> Any:
    own = ("weights", "decays", "pseudo_count", "share", "gap")
    params = config.model.params
    booster = {name: value for name, value in params.items() if name not in own}
    _check(config, (*own, *HistGradientBoostingClassifier().get_params()))
    base = _legal(HistGradientBoostingClassifier(**{"random_state": 0, **booster}))
    chain = {name: params[name] for name in own if name in params}
    return _legal(
        StickyChainClassifier(make_pipeline(KnownFeatures(), base), horizon=horizon, **chain)
    )


def _resampled(config: ExperimentConfig, params: dict[str, Any], horizon: int) -> Any:
    given = {"horizon": horizon, "switching_cost": config.labels.switching_cost}
    return _checked(config, ResampledFilter, {**params, **given}, ruled_out=(*given,))


def _correction(config: ExperimentConfig, horizon: int) -> Any:
    kind = CORRECTIONS[config.model.kind]
    params = dict(config.model.params)
    name = params.pop(_START, _USUAL_START)
    given = params.pop(_START_PARAMS, {})
    if not isinstance(name, str) or name not in STARTS or not isinstance(given, dict):
        raise ConfigError(
            f"{config.name}: model.params.start = {name!r} with start_params = {given!r}; start "
            f"must be one of {', '.join(STARTS)}, and start_params a table of its parameters."
        )
    model = config.model.model_copy(update={"kind": name, "params": given})
    config_of_start = config.model_copy(update={"model": model})
    start = build_classifier(config_of_start, horizon)
    if name != "resampled_filter":  # which finds its columns itself
        read = NamedColumns() if name == "filter" else NamedColumns("path_", others=True)
        start = make_pipeline(read, *(step for _, step in start.steps))
    _check(config, (_START, _START_PARAMS, *kind(start).get_params(deep=False)))
    return _legal(kind(start, **params))


def input_sets(config: ExperimentConfig) -> tuple[str, ...]:
    """Feature sets the model reads, of a stack those of its members.

    Raises
    ------
    ConfigError
        If features are chosen for a baseline, which has its own, or none for another model.
    """
    kind = config.model.kind
    if kind == "stack":
        return tuple(dict.fromkeys(name for m in config.members for name in input_sets(m)))
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
    before: tuple[str, ...] = ()
    if kind == "boosting_from_filter":
        before = ("path",)
    if kind in CORRECTIONS:
        before = STARTS.get(str(config.model.params.get(_START, _USUAL_START)), ())
        if not {*config.features.sets} - {"path", "leads"}:
            raise ConfigError(
                f"{config.name}: a {kind} reads features besides those of its first guess. Add "
                'some, for example features = { sets = ["leadership"] }.'
            )
    return (*before, *(name for name in config.features.sets if name not in before))


def input_columns(config: ExperimentConfig, columns: list[str]) -> list[str]:
    """Those of the features' columns that the model reads, in its order; `columns` by name."""
    scores = [name for name in columns if name.startswith("path_score_")]
    if config.model.kind == "filter":
        return scores
    if config.model.kind == "resampled_filter":
        return [*scores, *(name for name in columns if name.startswith("lead_"))]
    if config.model.kind in ("boosting_from_filter", *CORRECTIONS):
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
    return _legal(estimator(**params))


def _legal(model: Any) -> Any:
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
