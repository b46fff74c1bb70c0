"""The call on real funds: calm, and as right as the restless argmax."""

from datetime import date

import pytest

from regime.call import CALL_MARGIN, choose_margin, regime_call
from regime.config import EvaluationConfig, ExperimentConfig, LabelConfig, TrainingConfig
from regime.experiment import Comparison
from regime.taxonomy import REGIMES

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def filtered(real_panel):
    """Walk-forward probabilities of the filter now, and the hindsight path, by basket set."""
    comparison = Comparison(real_panel)
    config = ExperimentConfig(
        name="filter",
        labels=LabelConfig(horizons=(0,)),
        training=TrainingConfig(every=3),
        evaluation=EvaluationConfig(
            first_test={"french": date(1945, 1, 1), "funds": date(2004, 5, 3)}
        ),
        model={"kind": "filter"},
    )
    predictions = comparison.run(config).predictions
    return {
        baskets: (
            predictions[predictions["baskets"] == baskets].set_index("date")[list(REGIMES)],
            comparison.studies.path(baskets, config.labels),
        )
        for baskets in ("french", "funds")
    }


def test_the_margin_is_what_the_years_before_the_funds_choose(filtered):
    assert choose_margin(filtered["french"][0][:"2003-12-31"]) == CALL_MARGIN


def test_on_funds_the_call_is_calm_and_agrees_with_hindsight_like_the_argmax(filtered):
    proba, path = filtered["funds"]
    proba = proba["2004-05-03":"2024-12-31"]
    hindsight = path["regime"][path["confirmed_on"].notna()].reindex(proba.index).dropna()
    called, argmax = regime_call(proba)["regime"], proba.idxmax(axis=1)

    def changes(regimes):
        return (regimes.iloc[1:].to_numpy() != regimes.iloc[:-1].to_numpy()).mean() * 252

    def agreement(regimes):
        return (regimes[hindsight.index] == hindsight).mean()

    assert changes(argmax) > 15
    assert changes(called) <= 6
    assert agreement(called) >= agreement(argmax) - 0.02
    assert (round(changes(argmax), 1), round(changes(called), 1)) == (20.7, 5.7)
    assert (round(agreement(argmax), 3), round(agreement(called), 3)) == (0.664, 0.665)
