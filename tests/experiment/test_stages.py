"""The order of the stages, and that nothing is computed twice."""

from datetime import date

import pandas as pd
import pytest
from experiment.configured import EXPERIMENTS, FIRST_TEST, configured
from pandas.testing import assert_frame_equal

from regime.config import EvaluationConfig, ExperimentConfig, LabelConfig, ModelConfig
from regime.evaluation.kept import KeptWalks
from regime.exceptions import ConfigError, EvaluationError, PanelError
from regime.experiment import Comparison, count_fits, reference_filter
from regime.studies import Studies

# The order of the stages


def test_the_filter_has_no_edge_over_itself(results):
    for row in results["filter"].scores:
        assert (row["edge"], row["edge_se"], row["edge_low"], row["edge_high"]) == (0.0,) * 4
        assert row["dm_p"] is None
        assert {decade["edge"] for decade in row["by_decade"]} == {0.0}


def test_a_filter_that_learns_from_other_rows_is_another_model(panel):
    for other in ({"since": date(1966, 1, 1), "every": 3}, {"every": 1}):
        row = Comparison(panel).run(configured("filter", horizons=(21,), **other)).scores[0]
        assert row["edge"] != 0.0
        assert row["edge_se"] > 0.0


@pytest.mark.parametrize(
    "today", ["1972-03-01", pytest.param("1973-10-18", marks=pytest.mark.long)]
)
def test_a_shorter_history_gives_the_same_predictions_and_calls(panel, results, today):
    earlier = Comparison(panel[:today])
    for config in EXPERIMENTS:
        whole, part = results[config.name], earlier.run(config)
        for name in ("predictions", "calls"):
            frame = getattr(whole, name)
            known = frame[frame["date"] <= pd.Timestamp(today)].reset_index(drop=True)
            assert_frame_equal(getattr(part, name), known)


def test_what_was_settled_early_is_labelled_alike_by_a_shorter_history(panel, results):
    part = Comparison(panel[:"1972-03-01"]).run(configured("climatology")).labels
    whole = results["climatology"].labels.iloc[: len(part)]
    settled = part["confirmed_on"].notna()
    assert settled.sum() > 2000
    assert_frame_equal(part[settled], whole[settled.to_numpy()])


def test_results_do_not_hang_on_what_was_run_before(panel, results):
    alone = Comparison(panel).run(EXPERIMENTS[3])
    together = results["logistic"]
    assert alone.scores == together.scores
    assert_frame_equal(alone.predictions, together.predictions)
    assert_frame_equal(alone.calls, together.calls)


def test_another_cost_is_another_label_though_the_comparison_is_the_same(panel):
    comparison = Comparison(panel)
    dear, cheap = (
        ExperimentConfig(
            name="climatology",
            baskets=("french",),
            labels=LabelConfig(switching_cost=cost, horizons=(0,)),
            evaluation=EvaluationConfig(first_test={"french": FIRST_TEST}),
            model=ModelConfig(kind="climatology"),
        )
        for cost in (10.0, 5.0)
    )
    first, second = comparison.run(dear).scores[0], comparison.run(cheap).scores[0]
    assert second["n_episodes"] > first["n_episodes"]
    assert second == Comparison(panel).run(cheap).scores[0]


def test_fits_are_announced_and_their_number_is_known_before(panel):
    fits = []
    config = configured("climatology", horizons=(0, 21))
    Comparison(panel, on_fit=lambda: fits.append(1)).run(config)
    assert len(fits) == count_fits([config], panel) == 2 * 6


def test_fits_that_the_reference_has_made_already_are_announced_too(panel):
    fits = []
    config = reference_filter(configured("climatology", horizons=(0, 21)))
    comparison = Comparison(panel, on_fit=lambda: fits.append(1))
    comparison.run(config)
    assert len(fits) == count_fits([config], panel)
    comparison.run(config)
    assert len(fits) == 2 * count_fits([config], panel)


def test_a_fault_of_the_configuration_is_raised_before_any_work(panel):
    fits = []
    comparison = Comparison(panel, on_fit=lambda: fits.append(1))
    with pytest.raises(ConfigError, match="no parameter 'depth'"):
        comparison.run(configured("filter", depth=3))
    with pytest.raises(ConfigError, match="needs features"):
        comparison.run(configured("logistic"))
    assert not fits


def test_too_few_settled_test_days_are_said(panel):
    with pytest.raises(EvaluationError, match=r"0 of 1 test days .* horizon 0"):
        Comparison(panel).run(configured("climatology", first_test=date(1974, 12, 31)))


def test_a_first_test_outside_the_panel_is_said(panel):
    with pytest.raises(EvaluationError, match="last day with a lead is 1974-12-31"):
        Comparison(panel).run(configured("climatology", first_test=date(1975, 6, 1)))
    with pytest.raises(EvaluationError, match="no confirmed row to learn from"):
        Comparison(panel).run(configured("climatology", first_test=date(1963, 1, 1)))


def test_baskets_the_panel_does_not_hold_are_said(panel):
    with pytest.raises(PanelError, match="qnt_2"):
        Comparison(panel.drop(columns="qnt_2")).run(configured("climatology", horizons=(0,)))


# Once, and not once more


@pytest.fixture
def computed(monkeypatch):
    """Baskets, horizon and kind of model of every walk-forward that is computed."""
    asked, real = [], Studies.pieces

    def spy(self, study):
        asked.append((study.baskets, study.horizon, study.config.model.kind))
        return real(self, study)

    monkeypatch.setattr(Studies, "pieces", spy)
    return asked


def test_what_several_experiments_need_is_computed_once(panel, computed):
    first = configured("logistic", sets=("leadership",), horizons=(0,))
    second = configured("climatology", horizons=(0,))
    list(Comparison(panel).run_all([first, second]))
    kinds = [kind for _, _, kind in computed]
    assert sorted(kinds) == ["climatology", "filter", "logistic"]


def test_an_earlier_comparison_is_not_computed_again(panel, computed, tmp_path):
    config, fits = configured("climatology", horizons=(0, 21)), []
    first = Comparison(panel, kept=KeptWalks(tmp_path)).run(config)
    assert len(computed) == 4
    again = Comparison(panel, lambda: fits.append(1), KeptWalks(tmp_path)).run(config)
    assert len(computed) == 4
    assert len(fits) == count_fits([config], panel)
    for name in ("predictions", "calls", "labels", "fits"):
        assert_frame_equal(getattr(again, name), getattr(first, name), check_exact=True)
    assert again.scores == first.scores


def test_another_panel_or_parameter_is_computed_though_the_name_is_the_same(
    panel, computed, tmp_path
):
    kept = KeptWalks(tmp_path)
    before = Comparison(panel, kept=kept).run(
        configured("logistic", sets=("leadership",), horizons=(0,), C=0.1)
    )
    count = len(computed)
    other = Comparison(panel, kept=kept).run(
        configured("logistic", sets=("leadership",), horizons=(0,), C=0.2)
    )
    assert len(computed) == count + 1  # the filter is the same
    assert other.scores[0]["log_loss"] != before.scores[0]["log_loss"]
    Comparison(panel.iloc[:-1], kept=kept).run(configured("climatology", horizons=(0,)))
    assert len(computed) == count + 3
