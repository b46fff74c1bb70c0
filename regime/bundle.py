"""A fitted model as one object: from the panel to probabilities, for every horizon.

Training, scoring and the app hold the same object, so none of them can compute a feature
its own way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from regime.config import ExperimentConfig
from regime.data import baskets as basket_sets
from regime.data.baskets import spliced_lead
from regime.exceptions import EvaluationError
from regime.features.assembly import FAMILIES, PATH, PanelFeatures, series_behind
from regime.features.leadership import CONFIRMED, SCORE, SINCE_CONFIRMED
from regime.labels.leadership import leadership_path, target
from regime.models.assembly import build_classifier, input_columns, input_sets
from regime.models.corrections import Correction, read_columns
from regime.models.hmm import GaussianHMMClassifier
from regime.models.hybrid import StickyChainClassifier
from regime.models.log_pool import LogPool
from regime.models.pooled import Member, Pooled
from regime.models.selection import KnownFeatures, NoFeatures
from regime.taxonomy import REGIMES
from regime.threads import one_thread

_ENOUGH = 16  # rows: the product of a single one with a matrix is rounded another way
_A_YEAR, _MOSTLY = 252, 0.5  # trading days; share of them on which a feature was known


@dataclass(frozen=True, slots=True)
class Bundle:
    """One fitted classifier per horizon, and the features all of them read.

    Attributes
    ----------
    config : what it was fitted for
    baskets : the basket set it speaks of
    trained_until : the last close its training could see
    classifiers : fitted, by horizon in trading days
    expects : features that were known in the last year of training; where one of them is
        missing, the model has to do without something it counts on
    """

    config: ExperimentConfig
    baskets: str
    trained_until: pd.Timestamp
    classifiers: Mapping[int, Any]
    expects: tuple[str, ...] = ()

    def series_read(self) -> tuple[str, ...]:
        """Series its baskets are made of, and those behind the features it counts on."""
        behind = series_behind(
            self.expects, baskets=self.baskets, window=self.config.features.window
        )
        return tuple(dict.fromkeys([*basket_sets.get(self.baskets).series, *behind]))

    def features_of(self, panel: pd.DataFrame) -> pd.DataFrame:
        """What the model reads of each day with a lead; NaN where not known yet.

        Parameters
        ----------
        panel : DataFrame of shape (n_days, n_series), as of `data.panel`

        Returns
        -------
        DataFrame of shape (n_days_with_a_lead, n_features), units as in `features.assembly`
        """
        X: pd.DataFrame = features(self.config, self.baskets).fit_transform(panel)
        return X[columns_read(self.config, list(X.columns))]

    def predict_proba(
        self,
        panel: pd.DataFrame,
        since: pd.Timestamp | None = None,
        *,
        X: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """Probabilities of every day with a lead, each from that day's panel and before.

        Parameters
        ----------
        panel : DataFrame of shape (n_days, n_series), as of `data.panel`
        since : the first day wanted, by default all; the rows are those of the whole, to the bit
        X : DataFrame of shape (n_days, n_features), optional
            What `features_of` says of this panel, where it is known already.

        Returns
        -------
        DataFrame of shape (n_rows, n_regimes + 2), long form
            `date`, `horizon` (trading days) and a probability per regime.
        """
        X = self.features_of(panel) if X is None else X
        first = 0 if since is None else int(X.index.searchsorted(since))
        days = X.index[first:]
        parts = []
        with one_thread():
            for horizon, classifier in self.classifiers.items():
                # A row's own answer needs no other row, unless hidden states are filtered.
                skip = 0 if remembers(classifier) else min(first, max(0, len(X) - _ENOUGH))
                proba = np.empty((0, len(classifier.classes_)))
                if len(days):
                    proba = classifier.predict_proba(X.iloc[skip:])[first - skip :]
                part = pd.DataFrame(proba, days, classifier.classes_)
                part = part[list(REGIMES)].rename_axis("date").reset_index()
                part.insert(1, "horizon", horizon)
                parts.append(part)
        return pd.concat(parts, ignore_index=True)


def remembers(classifier: Any) -> bool:
    """Whether what it says of a row hangs on the rows before."""
    last = classifier[-1] if isinstance(classifier, Pipeline) else classifier
    if isinstance(last, Pooled):
        return any(remembers(member.classifier) for member in last.members)
    if isinstance(last, Correction):
        return remembers(last.start_)
    return isinstance(last, GaussianHMMClassifier | StickyChainClassifier)


def columns_read(config: ExperimentConfig, columns: list[str]) -> list[str]:
    """Those of the features' columns that a model reads, or of a stack any member."""
    if not config.members:
        return input_columns(config, columns)
    wanted = {name for member in config.members for name in _columns_of(member)}
    return [name for name in columns if name in wanted]


def _columns_of(member: ExperimentConfig) -> list[str]:
    """What a member reads, in its order; among a stack's columns are other members' too."""
    path = [*SCORE.values(), *CONFIRMED.values(), SINCE_CONFIRMED]
    columns: list[str] = []
    for name in input_sets(member):
        if name == PATH:
            columns += path
        else:
            columns += [feature.name for feature in FAMILIES[name](member.features.window)]
    return input_columns(member, columns)


def features_kept(classifier: Any, names: list[str]) -> set[str]:
    """Of the columns it reads, those a fitted model did not throw away as unknown in training."""
    last = classifier[-1] if isinstance(classifier, Pipeline) else classifier
    if isinstance(last, Pooled):
        return set().union(*(features_kept(one.classifier, one.columns) for one in last.members))
    if isinstance(last, StickyChainClassifier):
        return features_kept(last.base_, names)
    if isinstance(last, Correction):
        read = read_columns(pd.DataFrame(columns=names))
        kept = features_kept(last.scale_, read) | {*names} - {*read}
        return kept | ({*names} if remembers(last.start_) else set())
    if isinstance(last, NoFeatures):
        return set()
    for step in classifier if isinstance(classifier, Pipeline) else []:
        if isinstance(step, KnownFeatures) and len(step.known_) == len(names):
            return {name for name, known in zip(names, step.known_, strict=True) if known}
    return {*names}


def features(config: ExperimentConfig, baskets: str) -> PanelFeatures:
    """The transformer from panel to what this experiment's model reads."""
    return PanelFeatures(
        input_sets(config),
        baskets=baskets,
        switching_cost=config.labels.switching_cost,
        window=config.features.window,
    )


def fit_bundle(
    config: ExperimentConfig,
    baskets: str,
    panel: pd.DataFrame,
    pools: Mapping[int, LogPool] | None = None,
) -> Bundle:
    """Fit every horizon on all rows whose target is confirmed by the end of the panel.

    Parameters
    ----------
    config : what to fit, at each of its horizons
    baskets : a name of `BASKET_SETS`
    panel : DataFrame of shape (n_days, n_series), as of `data.panel`
    pools : of a stack, by horizon, what `Comparison.pools` says after its walk-forward

    Returns
    -------
    Bundle

    Raises
    ------
    EvaluationError
        If a regime was never confirmed in the training rows, or a stack has no pools.
    """
    if config.members:
        return _fit_stack(config, baskets, panel, pools or {})
    X = features(config, baskets).fit_transform(panel)
    X = X[columns_read(config, list(X.columns))]
    path = leadership_path(
        spliced_lead(panel, baskets), switching_cost=config.labels.switching_cost
    )
    classifiers = {}
    for horizon in config.labels.horizons:
        y = target(path, horizon)["regime"].dropna()
        y = y[pd.Timestamp(config.training.since) :].iloc[:: config.training.every]
        if missing := [name for name in REGIMES if name not in set(y.unique())]:
            raise EvaluationError(
                f"The rows confirmed by {X.index[-1]:%Y-%m-%d} hold no day of "
                f"{', '.join(missing)}. Train on a longer history."
            )
        with one_thread():
            classifiers[horizon] = build_classifier(config, horizon).fit(
                X.loc[y.index], y.to_numpy(dtype=object)
            )
    return Bundle(config, baskets, X.index[-1], classifiers, _expected(X, classifiers))


def _fit_stack(
    config: ExperimentConfig, baskets: str, panel: pd.DataFrame, pools: Mapping[int, LogPool]
) -> Bundle:
    if missing := [horizon for horizon in config.labels.horizons if horizon not in pools]:
        raise EvaluationError(
            f"{config.name} is a stack: its weights at {missing} days ahead are learned from its "
            "members' walk-forwards. Run it first, as `regime retrain` does."
        )
    fitted = [
        fit_bundle(
            member.model_copy(update={"labels": config.labels, "baskets": config.baskets}),
            baskets,
            panel,
        )
        for member in config.members
    ]
    X = features(config, baskets).fit_transform(panel)
    X = X[columns_read(config, list(X.columns))]
    classifiers = {
        horizon: Pooled(
            [Member(_columns_of(one.config), one.classifiers[horizon]) for one in fitted],
            pools[horizon],
        )
        for horizon in config.labels.horizons
    }
    return Bundle(config, baskets, X.index[-1], classifiers, _expected(X, classifiers))


def _expected(X: pd.DataFrame, classifiers: Mapping[int, Any]) -> tuple[str, ...]:
    names = [str(name) for name in X.columns]
    read = set().union(*(features_kept(one, names) for one in classifiers.values()))
    known = X[-_A_YEAR:].notna().mean()
    return tuple(name for name in names if name in read and known[name] >= _MOSTLY)
