"""Run experiments: panel to features and labels, walk forward, score. The only module
that knows the order of the stages."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd
from sklearn.pipeline import Pipeline

from regime.call import regime_call
from regime.config import ExperimentConfig, LabelConfig, ModelConfig, TrainingConfig
from regime.data.baskets import spliced_returns
from regime.data.panel import digest
from regime.evaluation import scores
from regime.evaluation.significance import LEVEL, Edge, edge_over
from regime.evaluation.splits import ConfirmedWalkForward, Fold
from regime.evaluation.walk_forward import walk_forward_proba
from regime.exceptions import EvaluationError
from regime.features.assembly import features_of, market_frame, market_or_nothing
from regime.features.leadership import LEAD
from regime.labels.leadership import leadership_path, path_as_known, target
from regime.models.assembly import SLOW, build_classifier, input_columns, input_sets
from regime.taxonomy import REGIMES


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """What an experiment found.

    Attributes
    ----------
    predictions : DataFrame
        Long form: `baskets`, `date`, `horizon`, a column per regime, `fitted_on`.
        Walk-forward only; no row was in the training of the model that made it.
    calls : DataFrame
        Of horizon 0: `baskets`, `date` and the columns of `call.regime_call`.
    labels : DataFrame
        Hindsight: `baskets`, `date`, and the columns of `labels.leadership_path`.
    fits : DataFrame
        One row per fit: `baskets`, `horizon`, `fitted_on`, `n_rows` it learned from, and
        what the model says of its own health.
    scores : one dict per basket set and horizon, plain numbers ready for JSON
    panel_digest : names the panel all of it came from
    """

    config: ExperimentConfig
    predictions: pd.DataFrame
    calls: pd.DataFrame
    labels: pd.DataFrame
    fits: pd.DataFrame
    scores: list[dict[str, Any]]
    panel_digest: str


class _Study(NamedTuple):
    """Baskets and horizon of one walk-forward, with what it reads."""

    baskets: str
    horizon: int
    features: pd.DataFrame
    target: pd.DataFrame


def reference_filter(config: ExperimentConfig) -> ExperimentConfig:
    """The filter every edge of this experiment is taken against: same labels, same refits."""
    return ExperimentConfig(
        name="filter",
        baskets=config.baskets,
        labels=config.labels,
        evaluation=config.evaluation,
        training=TrainingConfig(every=3),
        model=ModelConfig(kind="filter"),
    )


def check_experiment(config: ExperimentConfig) -> None:
    """Raise now what would otherwise be raised after minutes of work."""
    input_sets(config)
    for horizon in config.labels.horizons:
        build_classifier(config, horizon)


def count_fits(configs: Iterable[ExperimentConfig], panel: pd.DataFrame) -> int:
    """About how many fits a comparison takes, for a progress bar."""
    return sum(
        len(config.labels.horizons)
        * max(
            1,
            -(
                -len(panel[pd.Timestamp(config.first_test(baskets)) :])
                // config.evaluation.refit_every
            ),
        )
        for config in configs
        for baskets in config.baskets
    )


def call_conditions(panel: pd.DataFrame, baskets: str) -> pd.DataFrame:
    """What a call's qualifier is made from, on days with a lead."""
    conditions = spliced_returns(panel, baskets).add_prefix("return_")
    conditions["market_return"] = market_or_nothing(panel)
    if "pct_above_200dma" in panel:
        conditions["members_above_200d"] = panel["pct_above_200dma"]
    return conditions


class Comparison:
    """Experiments on one panel, sharing what they have in common.

    Parameters
    ----------
    panel : DataFrame of `data.panel`
    on_fit : called after each fit, for a progress bar
    n_jobs : processes for models that are slow to fit; the numbers do not depend on it
    """

    def __init__(
        self, panel: pd.DataFrame, on_fit: Callable[[], None] = lambda: None, n_jobs: int = 1
    ) -> None:
        self.panel = panel
        self.digest = digest(panel)
        self.on_fit = on_fit
        self.n_jobs = n_jobs
        self._frames: dict[str, pd.DataFrame] = {}
        self._paths: dict[tuple[str, float], pd.DataFrame] = {}
        self._sets: dict[tuple[Any, ...], pd.DataFrame] = {}
        self._references: dict[tuple[Any, ...], pd.DataFrame] = {}

    def run(self, config: ExperimentConfig) -> ExperimentResult:
        """Walk one experiment forward on each of its basket sets and horizons."""
        check_experiment(config)
        rows, calls, labels, table = [], [], [], []
        fits: list[dict[str, Any]] = []
        for baskets in config.baskets:
            labels.append(_long(self.path(baskets, config.labels), baskets))
            for horizon in config.labels.horizons:
                study = self._study(config, baskets, horizon)
                proba = self._proba(config, study, fits)
                rows.append(_long(proba, baskets).assign(horizon=horizon))
                table.append(self._score(config, study, proba))
                if horizon == 0:
                    calls.append(_long(self._call(config, baskets, proba), baskets))
        order = ["baskets", "date", "horizon", *REGIMES, "fitted_on"]
        return ExperimentResult(
            config=config,
            predictions=pd.concat(rows, ignore_index=True)[order],
            calls=pd.concat(calls, ignore_index=True) if calls else pd.DataFrame(),
            labels=pd.concat(labels, ignore_index=True),
            fits=pd.DataFrame(fits),
            scores=table,
            panel_digest=self.digest,
        )

    def prepare(self, config: ExperimentConfig) -> None:
        """Raise now what its baskets or dates would raise after other experiments' work."""
        for baskets in config.baskets:
            days = self._frame(baskets).index
            first = pd.Timestamp(config.first_test(baskets))
            if not days[0] < first <= days[-1]:
                raise EvaluationError(
                    f"{config.name}: testing on {baskets} baskets is to begin on "
                    f"{first:%Y-%m-%d}, but their leads run from {days[0]:%Y-%m-%d} to "
                    f"{days[-1]:%Y-%m-%d}. Set evaluation.first_test.{baskets}, or fetch a "
                    "history that covers it."
                )

    def path(self, baskets: str, labels: LabelConfig) -> pd.DataFrame:
        """The hindsight path of these baskets."""
        key = (baskets, labels.switching_cost)
        if key not in self._paths:
            self._paths[key] = leadership_path(
                self._lead(baskets), switching_cost=labels.switching_cost
            )
        return self._paths[key]

    def _lead(self, baskets: str) -> pd.DataFrame:
        return self._frame(baskets)[list(LEAD.values())].set_axis(list(LEAD), axis=1)

    def _call(self, config: ExperimentConfig, baskets: str, proba: pd.DataFrame) -> pd.DataFrame:
        path = path_as_known(self._lead(baskets), switching_cost=config.labels.switching_cost)
        return regime_call(proba, path=path, conditions=call_conditions(self.panel, baskets))

    def _frame(self, baskets: str) -> pd.DataFrame:
        if baskets not in self._frames:
            self._frames[baskets] = market_frame(self.panel, baskets)
        return self._frames[baskets]

    def _study(self, config: ExperimentConfig, baskets: str, horizon: int) -> _Study:
        cost, window = config.labels.switching_cost, config.features.window
        parts = []
        for name in input_sets(config):
            key = (baskets, name, cost, window)
            if key not in self._sets:
                self._sets[key] = features_of(self._frame(baskets), [name], cost, window)
            parts.append(self._sets[key])
        features = pd.concat(parts, axis=1)
        features = features[input_columns(config, list(features.columns))]
        return _Study(
            baskets, horizon, features, target(self.path(baskets, config.labels), horizon)
        )

    def _proba(
        self, config: ExperimentConfig, study: _Study, fits: list[dict[str, Any]] | None = None
    ) -> pd.DataFrame:
        def note(fold: Fold, fitted: Any) -> None:
            if fits is not None:
                about = {"baskets": study.baskets, "horizon": study.horizon}
                when = {"fitted_on": fold.fitted_on, "n_rows": len(fold.train)}
                fits.append({**about, **when, **_health(fitted)})
            self.on_fit()

        splits = ConfirmedWalkForward(
            first_test=pd.Timestamp(config.first_test(study.baskets)),
            refit_every=config.evaluation.refit_every,
            since=pd.Timestamp(config.training.since),
            every=config.training.every,
        )
        model = build_classifier(config, study.horizon)
        n_jobs = self.n_jobs if config.model.kind in SLOW else 1
        return walk_forward_proba(model, study.features, study.target, splits, note, n_jobs)

    def _reference(self, config: ExperimentConfig, study: _Study) -> pd.DataFrame:
        key = (
            study.baskets,
            study.horizon,
            config.labels.switching_cost,
            config.first_test(study.baskets),
            config.evaluation.refit_every,
        )
        if key not in self._references:
            reference = reference_filter(config)
            self._references[key] = self._proba(
                reference, self._study(reference, study.baskets, study.horizon)
            )
        return self._references[key]

    def _score(
        self, config: ExperimentConfig, study: _Study, proba: pd.DataFrame
    ) -> dict[str, Any]:
        settled = proba.index[study.target["regime"].reindex(proba.index).notna()]
        if len(settled) < 2:
            raise EvaluationError(
                f"{config.name}: {len(settled)} of {len(proba)} test days with {study.baskets} "
                f"baskets have a confirmed label at horizon {study.horizon}. Fetch newer data, or "
                "set evaluation.first_test earlier."
            )
        actual = study.target["regime"].loc[settled]
        reference = scores.log_losses(self._reference(config, study).loc[settled], actual)
        proba = proba.loc[settled, list(REGIMES)]
        return _scored(config, study, proba, actual, reference)


def _health(fitted: Any) -> dict[str, float]:
    """What the model records of its fit, as numbers; nothing for most."""
    model = fitted[-1] if isinstance(fitted, Pipeline) else fitted
    return {name: float(value) for name, value in getattr(model, "health_", {}).items()}


def _long(frame: pd.DataFrame, baskets: str) -> pd.DataFrame:
    table = frame.rename_axis("date").reset_index()
    table.insert(0, "baskets", baskets)
    return table


def _scored(
    config: ExperimentConfig,
    study: _Study,
    proba: pd.DataFrame,
    actual: "pd.Series[str]",
    reference: "pd.Series[float]",
) -> dict[str, Any]:
    losses = scores.log_losses(proba, actual)
    called = proba.idxmax(axis=1).astype(str)
    edge = edge_over(reference, losses)
    return {
        "experiment": config.name,
        "baskets": study.baskets,
        "horizon": study.horizon,
        "log_loss": float(losses.mean()),
        "brier": scores.brier_score(proba, actual),
        "balanced_accuracy": scores.balanced_accuracy(called, actual),
        "ece": scores.expected_calibration_error(proba, actual),
        **_edge_columns(edge),
        "detection_delay_days": scores.detection_delay(called, actual),
        "switches_per_year": scores.switches_per_year(called),
        "n_days": len(actual),
        "n_episodes": scores.count_episodes(actual),
        "test_from": f"{actual.index[0]:%Y-%m-%d}",
        "test_to": f"{actual.index[-1]:%Y-%m-%d}",
        "by_decade": _by_decade(losses, reference),
    }


def _edge_columns(edge: Edge) -> dict[str, Any]:
    return {
        "edge": edge.edge,
        "edge_se": edge.se,
        "edge_low": edge.low,
        "edge_high": edge.high,
        "interval_level": LEVEL,
        "dm_p": edge.dm_p,
        **{f"edge_se_block_{block}": se for block, se in edge.se_by_block.items()},
        "detectable_edge": edge.detectable,
    }


def _by_decade(losses: "pd.Series[float]", reference: "pd.Series[float]") -> list[dict[str, Any]]:
    decade = pd.DatetimeIndex(losses.index).year // 10 * 10
    return [
        {
            "decade": f"{start}s",
            "log_loss": float(losses[decade == start].mean()),
            "edge": float((reference - losses)[decade == start].mean()),
            "n_days": int((decade == start).sum()),
        }
        for start in sorted({*decade})
    ]
