"""What experiments on one panel have in common, each piece of it computed once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from regime.config import EvaluationConfig, ExperimentConfig, LabelConfig
from regime.data.panel import digest
from regime.evaluation.pooling import fit_pool, pool_walks, side_by_side
from regime.evaluation.splits import ConfirmedWalkForward
from regime.evaluation.walk_forward import Task, Walk, tasks
from regime.features.assembly import features_of, market_frame
from regime.features.leadership import LEAD
from regime.labels.leadership import leadership_path, target
from regime.models.assembly import (
    A_GENERATION,
    SLOW,
    WARM_UP,
    build_classifier,
    input_columns,
    input_sets,
    pool_of,
)
from regime.taxonomy import REGIMES

A_DECADE = 2520  # trading days


class Study(NamedTuple):
    """One walk-forward of an experiment: its baskets and its horizon."""

    config: ExperimentConfig
    baskets: str
    horizon: int


class Studies:
    """Features, labels and targets of a panel, in memory.

    To compute a set of features takes 20 to 140 ms for a century, to read one back 30; so
    they are kept for as long as a comparison lasts, and not on disk.

    Parameters
    ----------
    panel : DataFrame of `data.panel`
    """

    def __init__(self, panel: pd.DataFrame) -> None:
        self.panel = panel
        self.digest = digest(panel)
        self._frames: dict[str, pd.DataFrame] = {}
        self._paths: dict[tuple[str, float], pd.DataFrame] = {}
        self._sets: dict[tuple[Any, ...], pd.DataFrame] = {}

    def frame(self, baskets: str) -> pd.DataFrame:
        """The panel on days with a lead of these baskets."""
        if baskets not in self._frames:
            self._frames[baskets] = market_frame(self.panel, baskets)
        return self._frames[baskets]

    def lead(self, baskets: str) -> pd.DataFrame:
        """Their daily leads, one column per regime."""
        return self.frame(baskets)[list(LEAD.values())].set_axis(list(LEAD), axis=1)

    def path(self, baskets: str, labels: LabelConfig) -> pd.DataFrame:
        """Their path in hindsight."""
        key = (baskets, labels.switching_cost)
        if key not in self._paths:
            self._paths[key] = leadership_path(
                self.lead(baskets), switching_cost=labels.switching_cost
            )
        return self._paths[key]

    def target(self, study: Study) -> pd.DataFrame:
        """What each day's forecast is judged by, and when that is settled."""
        return target(self.path(study.baskets, study.config.labels), study.horizon)

    def features(self, study: Study) -> pd.DataFrame:
        """What the study's model reads."""
        config = study.config
        cost, window = config.labels.switching_cost, config.features.window
        parts = []
        for name in input_sets(config):
            key = (study.baskets, name, cost, window)
            if key not in self._sets:
                frame = self.frame(study.baskets)
                self._sets[key] = features_of(frame, [name], cost, window)
            parts.append(self._sets[key])
        features = pd.concat(parts, axis=1)
        return features[input_columns(config, list(features.columns))]

    def pieces(self, study: Study) -> list[Task]:
        """The study's work, in pieces that may be done anywhere.

        Raises
        ------
        EvaluationError
            If there is nothing to test, or to learn from.
        """
        config = study.config
        model = build_classifier(config, study.horizon)
        slow = config.model.kind in SLOW
        splits = splits_of(study)
        return tasks(model, self.features(study), self.target(study), splits, slow=slow)

    def members(self, study: Study) -> list[Study]:
        """Of a stack: its members' walk-forwards, refitted when it is, and begun before it.

        Each begins up to params.warm_up trading days earlier, as far as it has a decade of
        confirmed rows, with a day of each regime, to learn from; so that there are days out of
        sample to learn weights from, none of which is judged.
        """
        days = self.frame(study.baskets).index
        refit_every = study.config.evaluation.refit_every
        first = int(days.searchsorted(pd.Timestamp(study.config.first_test(study.baskets))))
        most = study.config.model.params.get(WARM_UP, A_GENERATION) // refit_every
        found = []
        for member in study.config.members:
            begin = first
            for back in range(1, most + 1):
                earlier = first - back * refit_every
                if earlier < 1 or not self._may_begin(study, member, days[earlier - 1]):
                    break
                begin = earlier
            evaluation = EvaluationConfig(
                first_test={study.baskets: days[min(begin, len(days) - 1)].date()},
                refit_every=refit_every,
            )
            config = member.model_copy(
                update={
                    "baskets": study.config.baskets,
                    "labels": study.config.labels,
                    "evaluation": evaluation,
                }
            )
            found.append(study._replace(config=config))
        return found

    def _may_begin(self, study: Study, member: ExperimentConfig, close: pd.Timestamp) -> bool:
        """Whether a member may be fitted at a close as something to learn weights from."""
        target = self.target(study)
        since = pd.Timestamp(member.training.since)
        rows = (target["confirmed_on"] <= close).to_numpy() & (target.index >= since)
        met = target["regime"].to_numpy()[rows]
        return len(met) >= A_DECADE and {*met} == {*REGIMES}

    def pool(self, study: Study, walks: Sequence[Walk]) -> Walk:
        """A stack's walk-forward, from those of its `members`."""
        return pool_walks(pool_of(study.config), walks, self.target(study), splits_of(study))

    def pool_by_now(self, study: Study, walks: Sequence[Walk]) -> Any:
        """The pool of a stack as it is fitted at the last close."""
        target = self.target(study)
        return fit_pool(
            pool_of(study.config), side_by_side(walks), target, pd.Timestamp(target.index[-1])
        )

    def ingredients(self, study: Study) -> dict[str, Any]:
        """All that the numbers of a study follow from, as plain values; no name, no question."""
        config = study.config
        return {
            "panel": self.digest,
            "baskets": study.baskets,
            "horizon": study.horizon,
            "switching_cost": config.labels.switching_cost,
            "features": config.features.model_dump(mode="json"),
            "training": config.training.model_dump(mode="json"),
            "first_test": str(config.first_test(study.baskets)),
            "refit_every": config.evaluation.refit_every,
            "model": config.model.model_dump(mode="json"),
            "members": [self.ingredients(member) for member in self.members(study)],
        }


def splits_of(study: Study) -> ConfirmedWalkForward:
    """Which rows each fit of a study may use."""
    config = study.config
    return ConfirmedWalkForward(
        first_test=pd.Timestamp(config.first_test(study.baskets)),
        refit_every=config.evaluation.refit_every,
        since=pd.Timestamp(config.training.since),
        every=config.training.every,
    )
