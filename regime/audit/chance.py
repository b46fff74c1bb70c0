"""Where nothing can be known, nothing may be found: the same model on leads drawn by chance.

The baskets' leads are replaced by the real days' own in random order, so that no day says
anything of a later one; everything else stays as it was. Whoever then foresees a lead, or earns
by rotating, has looked.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from regime.audit.subject import Subject
from regime.data.baskets import spliced_returns
from regime.evaluation.rotation import HORIZON, daily_spread, on_same_days
from regime.evaluation.scores import log_losses
from regime.evaluation.significance import edge_over
from regime.experiment import Comparison
from regime.features.leadership import LEAD
from regime.labels.leadership import leadership_path
from regime.studies import Studies, Study
from regime.taxonomy import REGIMES
from regime.tracking.trials import Finding

MOST = 4.0  # standard errors; by chance once in 30,000 times


class Shuffled(Studies):
    """Studies of a panel whose leads come in random order.

    Parameters
    ----------
    order : for each day with a lead the number of the day whose lead it gets instead
    target_only : whether only labels follow from them, and features stay as they are
    """

    def __init__(
        self, panel: pd.DataFrame, order: np.ndarray, *, target_only: bool = False
    ) -> None:
        super().__init__(panel)
        self.order, self.target_only = order, target_only
        self.digest = f"{self.digest} in random order"

    def drawn(self, baskets: str) -> pd.DataFrame:
        """Leads in random order, without the mean that would favour a basket."""
        true = super().frame(baskets)[list(LEAD.values())].set_axis(list(LEAD), axis=1)
        values = true.to_numpy()[self.order]
        return pd.DataFrame(values - values.mean(axis=0), true.index, true.columns)

    def frame(self, baskets: str) -> pd.DataFrame:
        """The market, its leads in random order unless only labels are to be."""
        frame = super().frame(baskets)
        if self.target_only:
            return frame
        return frame.assign(**self.drawn(baskets).set_axis(list(LEAD.values()), axis=1))

    def path(self, baskets: str, labels: Any) -> pd.DataFrame:
        """The path through leads in random order."""
        key = (baskets, labels.switching_cost)
        if key not in self._paths:
            cost = labels.switching_cost
            self._paths[key] = leadership_path(self.drawn(baskets), switching_cost=cost)
        return self._paths[key]


def chances(
    subject: Subject, seed: int, on_step: Callable[[], None] = lambda: None
) -> Iterator[Finding]:
    """Both findings: nothing foreseen on a random walk, no edge on a target of chance."""
    yield random_walk(subject, seed)
    on_step()
    yield random_target(subject, seed)
    on_step()


def random_walk(subject: Subject, seed: int) -> Finding:
    """The market is a random walk: no probability foresees a lead, no rotation earns anything.

    The lead of day t + 1, weighted with the probabilities said at the close of t, has mean zero
    whatever was known by t; so its mean over its standard error is that of chance. The same for
    the daily spread of the rotation, without costs.
    """
    studies, walks, order = _walked(subject, seed, target_only=False)
    bundle = subject.version.bundle
    lead = studies.lead(bundle.baskets)[list(REGIMES)]
    z = {}
    for horizon, proba in walks.items():
        next_lead = lead.shift(-1).loc[proba.index]
        z[f"{horizon} days ahead"] = _z((proba * next_lead).sum(axis=1).iloc[:-1])
    if HORIZON in walks:
        returns = spliced_returns(studies.panel, bundle.baskets).loc[lead.index, list(REGIMES)]
        values = returns.to_numpy()[order]
        drawn = pd.DataFrame(values - values.mean(axis=0), returns.index, returns.columns)
        z["rotation"] = _z(daily_spread(*on_same_days(walks[HORIZON], drawn)))
    worst = max(z, key=lambda name: abs(z[name]))
    holds = abs(z[worst]) <= MOST
    words = f"nothing foreseen: {worst} {z[worst]:+.1f} standard errors from nothing"
    if not holds:
        words = (
            f"{worst} {z[worst]:+.1f} standard errors from nothing (at most {MOST:.0f}) on leads "
            "that nobody can know: the day, or what came after it, was seen"
        )
    return Finding("chance", "random walk", holds, words, {"seed": seed, **z})


def random_target(subject: Subject, seed: int) -> Finding:
    """Labels of a random walk, features of the true market: no edge over how often each led."""
    studies, walks, _ = _walked(subject, seed + 1, target_only=True)
    config = subject.config
    edges: dict[str, float] = {}
    told = []
    for horizon, proba in walks.items():
        target = studies.target(Study(config, config.baskets[0], horizon))
        actual = target["regime"].reindex(proba.index).dropna()
        usual = _usual(target, pd.DatetimeIndex(proba.index)).loc[actual.index]
        edge = edge_over(log_losses(usual, actual), log_losses(proba.loc[actual.index], actual))
        edges[f"{horizon} days ahead"] = edge.edge / edge.se if edge.se > 0 else 0.0
        told.append(f"{horizon} days ahead {edge.edge:+.3f} [{edge.low:+.3f}, {edge.high:+.3f}]")
    holds = max(edges.values()) <= MOST
    words = f"edge over how often each led, nats: {'; '.join(told)}"
    if not holds:
        words += ": a target of chance was foreseen, so it was seen"
    return Finding("chance", "random target", holds, words, {"seed": seed + 1, **edges})


def _walked(
    subject: Subject, seed: int, *, target_only: bool
) -> tuple[Shuffled, dict[int, pd.DataFrame], np.ndarray]:
    """The version's experiment on leads in random order: probabilities by horizon."""
    config = subject.config
    comparison = Comparison(subject.made.panel)
    n_days = len(comparison.studies.frame(config.baskets[0]))
    order = np.random.default_rng(seed).permutation(n_days)
    studies = Shuffled(subject.made.panel, order, target_only=target_only)
    comparison.studies = studies
    result = comparison.run(config).predictions
    walks = {
        horizon: result[result["horizon"] == horizon].set_index("date")[list(REGIMES)]
        for horizon in config.labels.horizons
    }
    return studies, walks, order


def _usual(target: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """How often each regime had led by each day, among rows settled by then; one more of each."""
    settled = target.dropna()
    counts = pd.get_dummies(settled["regime"], dtype=float).reindex(columns=list(REGIMES))
    by_day = counts.fillna(0.0).groupby(settled["confirmed_on"].to_numpy()).sum().cumsum()
    known = by_day.reindex(by_day.index.union(days)).ffill().fillna(0.0).loc[days] + 1.0
    return known.div(known.sum(axis=1), axis=0)


def _z(values: "pd.Series[float]") -> float:
    told = values.dropna().to_numpy(dtype=np.float64)
    return float(told.sum() / np.sqrt((told**2).sum())) if told.any() else 0.0
