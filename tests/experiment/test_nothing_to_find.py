"""No edge where there is nothing to know."""

import numpy as np
import pandas as pd
import pytest
from experiment.configured import configured, random_walk

from regime.evaluation.scores import log_losses
from regime.evaluation.significance import edge_over
from regime.experiment import Comparison, ExperimentResult
from regime.labels.leadership import target
from regime.studies import Studies
from regime.taxonomy import REGIMES


class Unrelated(Studies):
    """The same market, judged by labels drawn without looking at it."""

    def path(self, baskets, labels):
        days = self.lead(baskets).index
        rng = np.random.default_rng([len(days), int(self.digest, 16) % 2**32])
        lengths = rng.geometric(1 / 20, size=len(days))
        number = np.repeat(rng.integers(0, 3, size=len(days)), lengths)[: len(days)]
        confirmed_on = pd.Series(days, days).shift(-30)
        regime = np.array(REGIMES, dtype=object)[number]
        return pd.DataFrame({"regime": regime, "confirmed_on": confirmed_on}, days)


@pytest.fixture(
    scope="module",
    params=[4, pytest.param(10, marks=pytest.mark.long)],
    ids=lambda number: f"{number} markets",
)
def unrelated(request) -> list[tuple[Comparison, ExperimentResult]]:
    """Markets, and what a linear model says of labels that owe them nothing.

    Shrunk so hard that it stays near climatology: noise alone costs it little, so that
    anything it should not know would show as an edge.
    """
    config = configured("logistic", sets=("path", "leadership"), horizons=(21,), every=3,
                        refit_every=504, C=1e-4)  # fmt: skip
    comparisons = [Comparison(random_walk(seed)) for seed in range(request.param)]
    for comparison in comparisons:
        comparison.studies = Unrelated(comparison.studies.panel)
    return [(comparison, comparison.run(config)) for comparison in comparisons]


def test_more_features_have_no_edge_over_the_filter_where_there_is_nothing_to_know(unrelated):
    # No more shrunk than the filter: one that is beats it here, for the filter fits noise too.
    config = configured("logistic", sets=("path", "leadership"), horizons=(21,), every=3,
                        refit_every=504)  # fmt: skip
    rows = [comparison.run(config).scores[0] for comparison, _ in unrelated]
    assert sum(row["edge_low"] > 0 for row in rows) <= 0.3 * len(rows)
    assert np.mean([row["edge"] for row in rows]) <= 0.01
    assert min(row["edge_se"] for row in rows) > 0


def test_no_model_has_an_edge_over_climatology_where_there_is_nothing_to_know(unrelated):
    found, edges = {"filter": 0, "logistic": 0}, []
    for comparison, result in unrelated:
        label = result.labels.set_index("date")  # of the path, shifted to the horizon below
        actual = target(label, 21)["regime"].dropna()
        proba = {"logistic": result.predictions}
        for kind in ("climatology", "filter"):
            config = configured(kind, horizons=(21,), every=3, refit_every=504)
            proba[kind] = comparison.run(config).predictions
        losses = {}
        for kind, table in proba.items():
            table = table.set_index("date")
            losses[kind] = log_losses(*table.align(actual[table.index[0] :], axis=0, join="inner"))
        for kind in found:
            edge = edge_over(losses["climatology"], losses[kind])
            found[kind] += edge.low > 0
            edges.append(edge.edge)
    assert max(found.values()) <= 0.3 * len(unrelated)
    assert -0.05 < np.mean(edges) <= 0.01
