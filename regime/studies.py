"""What experiments on one panel have in common, each piece of it computed once."""

from typing import Any, NamedTuple

import pandas as pd

from regime.config import ExperimentConfig, LabelConfig
from regime.data.panel import digest
from regime.evaluation.splits import ConfirmedWalkForward
from regime.evaluation.walk_forward import Task, tasks
from regime.features.assembly import features_of, market_frame
from regime.features.leadership import LEAD
from regime.labels.leadership import leadership_path, target
from regime.models.assembly import SLOW, build_classifier, input_columns, input_sets


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
        splits = ConfirmedWalkForward(
            first_test=pd.Timestamp(config.first_test(study.baskets)),
            refit_every=config.evaluation.refit_every,
            since=pd.Timestamp(config.training.since),
            every=config.training.every,
        )
        model = build_classifier(config, study.horizon)
        slow = config.model.kind in SLOW
        return tasks(model, self.features(study), self.target(study), splits, slow=slow)

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
        }
