"""Run experiments: panel to features and labels, walk forward, score. The only module
that knows the order of the stages."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from regime.call import regime_call
from regime.config import ExperimentConfig, ModelConfig, TrainingConfig
from regime.data.baskets import spliced_returns
from regime.evaluation import scores
from regime.evaluation.calibration import CalibrationError, calibration_error
from regime.evaluation.kept import KeptWalks, name_of
from regime.evaluation.rotation import HORIZON, JUDGED_AT_BP, daily_spread, on_same_days
from regime.evaluation.significance import BLOCK, LEVEL, Edge, edge_interval, edge_over
from regime.evaluation.walk_forward import Served, Task, Walk, joined, run_tasks
from regime.exceptions import EvaluationError
from regime.features.assembly import market_or_nothing
from regime.labels.leadership import path_as_known
from regime.models.assembly import A_GENERATION, WARM_UP, build_classifier, input_sets, pool_of
from regime.studies import Studies, Study
from regime.taxonomy import REGIMES


def _no_spreads() -> pd.DataFrame:
    return pd.DataFrame(columns=["baskets", "date", "spread"])


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """What an experiment found.

    Attributes
    ----------
    config : what was asked
    predictions : DataFrame of shape (n_rows, n_regimes + 4), long form
        `baskets`, `date`, `horizon` (trading days), a probability per regime, `fitted_on`.
        Walk-forward only; no row was in the training of the model that made it.
    calls : DataFrame of shape (n_days, n_columns), of horizon 0
        `baskets`, `date` and the columns of `call.regime_call`.
    labels : DataFrame of shape (n_days, 4), hindsight
        `baskets`, `date`, and the columns of `labels.leadership_path`.
    fits : DataFrame of shape (n_fits, n_columns)
        One row per fit: `baskets`, `horizon`, `fitted_on`, `n_rows` it learned from, and
        what the model says of its own health.
    scores : one dict per basket set and horizon, plain numbers ready for JSON
    panel_digest : names the panel all of it came from
    spreads : DataFrame of shape (n_days, 3)
        `baskets`, `date`, `spread`: the day's simple return of weights equal to the
        probabilities 21 days ahead, less that of the equal mix, at 10 bp, as of
        `rotation.daily_spread`. Empty without that horizon.
    """

    config: ExperimentConfig
    predictions: pd.DataFrame
    calls: pd.DataFrame
    labels: pd.DataFrame
    fits: pd.DataFrame
    scores: list[dict[str, Any]]
    panel_digest: str
    spreads: pd.DataFrame = field(default_factory=_no_spreads)


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
    if config.members:
        pool_of(config)
    for one in config.members or [config]:
        for horizon in config.labels.horizons:
            build_classifier(one, horizon)


def count_fits(configs: Iterable[ExperimentConfig], panel: pd.DataFrame) -> int:
    """About how many fits a comparison takes, for a progress bar."""

    def walks(config: ExperimentConfig, baskets: str) -> int:
        days = len(panel[pd.Timestamp(config.first_test(baskets)) :])
        every = config.evaluation.refit_every
        before = config.model.params.get(WARM_UP, A_GENERATION) // every if config.members else 0
        return max(1, -(-days // every) + before) * max(1, len(config.members))

    return sum(
        len(config.labels.horizons) * walks(config, baskets)
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
    on_fit : called for each fit, for a progress bar
    kept : walk-forwards of earlier comparisons, to be read and added to; none by default
    """

    def __init__(
        self,
        panel: pd.DataFrame,
        on_fit: Callable[[], None] = lambda: None,
        kept: KeptWalks | None = None,
    ) -> None:
        self.studies = Studies(panel)
        self.on_fit = on_fit
        self.kept = kept
        self._walks: dict[str, Walk] = {}

    def run(self, config: ExperimentConfig) -> ExperimentResult:
        """Walk one experiment forward on each of its basket sets and horizons."""
        return next(self.run_all([config]))

    def run_all(self, configs: Sequence[ExperimentConfig]) -> Iterator[ExperimentResult]:
        """Several, their fits shared out as one heap of work; each result when it is there."""
        for config in configs:
            check_experiment(config)
        pieces = self._missing(configs)
        done = run_tasks(piece for of_one in pieces.values() for piece in of_one)
        for config in configs:
            for study in _studies(config):
                self._walk(_reference(study), pieces, done)
                for one in self._parts(study):
                    known = self._walks.get(self._name(one))
                    if known is None:
                        self._walk(one, pieces, done, self.on_fit)
                    for _ in () if known is None else range(len(known.fits)):
                        self.on_fit()
                if config.members:
                    self._walks[self._name(study)] = self.studies.pool(study, self._of(study))
            yield self._result(config)

    def pools(self, config: ExperimentConfig, baskets: str) -> dict[int, Any]:
        """Of a stack that was run here: its pools by horizon, fitted at the last close."""
        return {
            study.horizon: self.studies.pool_by_now(study, self._of(study))
            for study in _studies(config)
            if study.baskets == baskets and config.members
        }

    def prepare(self, config: ExperimentConfig) -> None:
        """Raise now what its baskets or dates would raise after other experiments' work."""
        for baskets in config.baskets:
            days = self.studies.frame(baskets).index
            first = pd.Timestamp(config.first_test(baskets))
            if not days[0] < first <= days[-1]:
                raise EvaluationError(
                    f"{config.name}: testing on {baskets} baskets is to begin on "
                    f"{first:%Y-%m-%d}, but their leads run from {days[0]:%Y-%m-%d} to "
                    f"{days[-1]:%Y-%m-%d}. Set evaluation.first_test.{baskets}, or fetch a "
                    "history that covers it."
                )

    def _name(self, study: Study) -> str:
        return name_of(self.studies.ingredients(study))

    def _parts(self, study: Study) -> list[Study]:
        """The walk-forwards a study is made of: its own, or of a stack its members'."""
        return self.studies.members(study) if study.config.members else [study]

    def _of(self, study: Study) -> list[Walk]:
        return [self._walks[self._name(one)] for one in self._parts(study)]

    def _missing(self, configs: Sequence[ExperimentConfig]) -> dict[str, list[Task]]:
        """Pieces of every walk-forward that is not known yet, in the order they are needed."""
        pieces: dict[str, list[Task]] = {}
        for config in configs:
            for study in _studies(config):
                for one in (_reference(study), *self._parts(study)):
                    name = self._name(one)
                    if name in self._walks or name in pieces:
                        continue
                    walk = None if self.kept is None else self.kept.read(name)
                    if walk is not None:
                        self._walks[name] = walk
                    else:
                        pieces[name] = self.studies.pieces(one)
        return pieces

    def _walk(
        self,
        study: Study,
        pieces: dict[str, list[Task]],
        done: Iterator[list[Served]],
        on_fit: Callable[[], None] = lambda: None,
    ) -> None:
        """See that a study's walk-forward is known: what is not, is what comes in next."""
        name = self._name(study)
        if name in self._walks:
            return
        served = []
        for _ in pieces[name]:
            for one in next(done):
                served.append(one)
                on_fit()
        self._walks[name] = joined(served)
        if self.kept is not None:
            self.kept.keep(name, self._walks[name])

    def _result(self, config: ExperimentConfig) -> ExperimentResult:
        rows, calls, scored, fits, spreads = [], [], [], [], []
        for study in _studies(config):
            baskets, walk = study.baskets, self._walks[self._name(study)]
            rows.append(_long(walk.proba, baskets).assign(horizon=study.horizon))
            scored.append(self._score(study, walk.proba))
            if study.horizon == 0:
                calls.append(_long(self._call(study, walk.proba), baskets))
            if study.horizon == HORIZON:
                spreads.append(_long(self._spread(study, walk.proba), baskets))
            about = walk.fits.copy()
            about.insert(0, "baskets", baskets)
            about.insert(1, "horizon", study.horizon)
            fits.append(about)
        labels = [
            _long(self.studies.path(baskets, config.labels), baskets) for baskets in config.baskets
        ]
        order = ["baskets", "date", "horizon", *REGIMES, "fitted_on"]
        return ExperimentResult(
            config=config,
            predictions=pd.concat(rows, ignore_index=True)[order],
            calls=pd.concat(calls, ignore_index=True) if calls else pd.DataFrame(),
            labels=pd.concat(labels, ignore_index=True),
            fits=pd.concat(fits, ignore_index=True),
            scores=scored,
            panel_digest=self.studies.digest,
            spreads=pd.concat(spreads, ignore_index=True) if spreads else _no_spreads(),
        )

    def _spread(self, study: Study, proba: pd.DataFrame) -> pd.DataFrame:
        returns = spliced_returns(self.studies.panel, study.baskets)
        return daily_spread(*on_same_days(proba, returns), JUDGED_AT_BP).to_frame()

    def _call(self, study: Study, proba: pd.DataFrame) -> pd.DataFrame:
        path = path_as_known(
            self.studies.lead(study.baskets), switching_cost=study.config.labels.switching_cost
        )
        conditions = call_conditions(self.studies.panel, study.baskets)
        return regime_call(proba, path=path, conditions=conditions)

    def _score(self, study: Study, proba: pd.DataFrame) -> dict[str, Any]:
        regime = self.studies.target(study)["regime"]
        settled = proba.index[regime.reindex(proba.index).notna()]
        if len(settled) < 2:
            raise EvaluationError(
                f"{study.config.name}: {len(settled)} of {len(proba)} test days with "
                f"{study.baskets} baskets have a confirmed label at horizon {study.horizon}. "
                "Fetch newer data, or set evaluation.first_test earlier."
            )
        actual = regime.loc[settled]
        by_filter = self._walks[self._name(_reference(study))].proba
        reference = scores.log_losses(by_filter.loc[settled], actual)
        return _scored(study, proba.loc[settled, list(REGIMES)], actual, reference)


def _studies(config: ExperimentConfig) -> list[Study]:
    return [
        Study(config, baskets, horizon)
        for baskets in config.baskets
        for horizon in config.labels.horizons
    ]


def _reference(study: Study) -> Study:
    return study._replace(config=reference_filter(study.config))


def _long(frame: pd.DataFrame, baskets: str) -> pd.DataFrame:
    table = frame.rename_axis("date").reset_index()
    table.insert(0, "baskets", baskets)
    return table


def _scored(
    study: Study,
    proba: pd.DataFrame,
    actual: "pd.Series[str]",
    reference: "pd.Series[float]",
) -> dict[str, Any]:
    losses = scores.log_losses(proba, actual)
    called = proba.idxmax(axis=1).astype(str)
    edge = edge_over(reference, losses)
    return {
        "experiment": study.config.name,
        "baskets": study.baskets,
        "horizon": study.horizon,
        "log_loss": float(losses.mean()),
        "brier": scores.brier_score(proba, actual),
        "balanced_accuracy": scores.balanced_accuracy(called, actual),
        **_calibration_columns(calibration_error(proba, actual)),
        **_edge_columns(edge),
        "detection_delay_days": scores.detection_delay(called, actual),
        "switches_per_year": scores.switches_per_year(called),
        "n_days": len(actual),
        "n_episodes": scores.count_episodes(actual),
        "test_from": f"{actual.index[0]:%Y-%m-%d}",
        "test_to": f"{actual.index[-1]:%Y-%m-%d}",
        "by_decade": _by_decade(losses, reference, actual),
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


def _calibration_columns(found: CalibrationError) -> dict[str, Any]:
    return {
        "ece": found.error,
        "ece_low": found.low,
        "ece_high": found.high,
        "ece_if_calibrated": found.calibrated_mean,
        "ece_if_calibrated_high": found.calibrated_high,
    }


def _by_decade(
    losses: "pd.Series[float]", reference: "pd.Series[float]", actual: "pd.Series[str]"
) -> list[dict[str, Any]]:
    decade = pd.DatetimeIndex(losses.index).year // 10 * 10
    rows: list[dict[str, Any]] = []
    for start in sorted({*decade}):
        mine = decade == start
        row = {
            "decade": f"{start}s",
            "log_loss": float(losses[mine].mean()),
            "edge": float((reference - losses)[mine].mean()),
            "n_days": int(mine.sum()),
            "n_episodes": scores.count_episodes(actual[mine]),
        }
        if mine.sum() >= 2 * BLOCK:  # less has no spread to speak of
            _, low, high = edge_interval(reference[mine], losses[mine])
            row |= {"edge_low": low, "edge_high": high}
        rows.append(row)
    return rows
