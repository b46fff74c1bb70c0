"""Run experiments: panel to features and labels, walk forward, score. The only module
that knows the order of the stages."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from regime.call import regime_call
from regime.config import ExperimentConfig, LabelConfig, ModelConfig, TrainingConfig
from regime.data.baskets import spliced_returns
from regime.data.panel import digest
from regime.evaluation import scores
from regime.evaluation.significance import LEVEL, Edge, edge_over
from regime.evaluation.splits import ConfirmedWalkForward
from regime.evaluation.walk_forward import Served, Task, joined, run_tasks, tasks
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


class _Job(NamedTuple):
    """One walk-forward in pieces; a reference has the key its probabilities are kept by."""

    study: _Study
    pieces: list[Task]
    reference: tuple[Any, ...] | None


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

    Where the work is done is the caller's choice: inside `joblib.parallel_config` it is
    shared out over processes or machines, and comes back to this one. The numbers do not
    depend on it.

    Parameters
    ----------
    panel : DataFrame of `data.panel`
    on_fit : called after each fit, for a progress bar
    """

    def __init__(self, panel: pd.DataFrame, on_fit: Callable[[], None] = lambda: None) -> None:
        self.panel = panel
        self.digest = digest(panel)
        self.on_fit = on_fit
        self._frames: dict[str, pd.DataFrame] = {}
        self._paths: dict[tuple[str, float], pd.DataFrame] = {}
        self._sets: dict[tuple[Any, ...], pd.DataFrame] = {}
        self._references: dict[tuple[Any, ...], pd.DataFrame] = {}

    def run(self, config: ExperimentConfig) -> ExperimentResult:
        """Walk one experiment forward on each of its basket sets and horizons."""
        return next(self.run_all([config]))

    def run_all(self, configs: Sequence[ExperimentConfig]) -> Iterator[ExperimentResult]:
        """Several, their fits shared out as one heap of work; each result when it is there."""
        known = {*self._references}
        planned = [self._jobs(config, known) for config in configs]
        done = run_tasks(piece for jobs in planned for job in jobs for piece in job.pieces)
        for config, jobs in zip(configs, planned, strict=True):
            found = []
            for job in jobs:
                served = self._gather(done, job)
                if job.reference is None:
                    found.append((job.study, served))
                else:
                    self._references[job.reference] = joined(served)
            yield self._result(config, found)

    def _jobs(self, config: ExperimentConfig, known: set[tuple[Any, ...]]) -> list[_Job]:
        """Its walk-forwards, and those of the references it needs that are not yet known."""
        check_experiment(config)
        jobs = []
        for baskets in config.baskets:
            for horizon in config.labels.horizons:
                study = self._study(config, baskets, horizon)
                if (key := _reference_key(config, study)) not in known:
                    known.add(key)
                    reference = reference_filter(config)
                    own = self._study(reference, baskets, horizon)
                    jobs.append(_Job(own, _pieces(reference, own), key))
                jobs.append(_Job(study, _pieces(config, study), None))
        return jobs

    def _gather(self, done: Iterator[list[Served]], job: _Job) -> list[Served]:
        served = []
        for _ in job.pieces:
            for one in next(done):
                served.append(one)
                if job.reference is None:
                    self.on_fit()
        return served

    def _result(
        self, config: ExperimentConfig, found: list[tuple[_Study, list[Served]]]
    ) -> ExperimentResult:
        rows, calls, scored, fits = [], [], [], []
        for study, served in found:
            proba = joined(served)
            rows.append(_long(proba, study.baskets).assign(horizon=study.horizon))
            scored.append(self._score(config, study, proba))
            if study.horizon == 0:
                calls.append(_long(self._call(config, study.baskets, proba), study.baskets))
            fits += [_fit_record(study, one) for one in served]
        labels = [_long(self.path(baskets, config.labels), baskets) for baskets in config.baskets]
        order = ["baskets", "date", "horizon", *REGIMES, "fitted_on"]
        return ExperimentResult(
            config=config,
            predictions=pd.concat(rows, ignore_index=True)[order],
            calls=pd.concat(calls, ignore_index=True) if calls else pd.DataFrame(),
            labels=pd.concat(labels, ignore_index=True),
            fits=pd.DataFrame(fits),
            scores=scored,
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
        by_filter = self._references[_reference_key(config, study)]
        reference = scores.log_losses(by_filter.loc[settled], actual)
        return _scored(config, study, proba.loc[settled, list(REGIMES)], actual, reference)


def _reference_key(config: ExperimentConfig, study: _Study) -> tuple[Any, ...]:
    return (
        study.baskets,
        study.horizon,
        config.labels.switching_cost,
        config.first_test(study.baskets),
        config.evaluation.refit_every,
    )


def _pieces(config: ExperimentConfig, study: _Study) -> list[Task]:
    splits = ConfirmedWalkForward(
        first_test=pd.Timestamp(config.first_test(study.baskets)),
        refit_every=config.evaluation.refit_every,
        since=pd.Timestamp(config.training.since),
        every=config.training.every,
    )
    model = build_classifier(config, study.horizon)
    return tasks(model, study.features, study.target, splits, slow=config.model.kind in SLOW)


def _fit_record(study: _Study, served: Served) -> dict[str, Any]:
    return {
        "baskets": study.baskets,
        "horizon": study.horizon,
        "fitted_on": served.fold.fitted_on,
        "n_rows": len(served.fold.train),
        **served.health,
    }


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
