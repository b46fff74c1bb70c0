"""Experiments end to end, on a market in which nobody leads for a reason."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from regime.config import (
    EvaluationConfig,
    ExperimentConfig,
    FeatureConfig,
    LabelConfig,
    ModelConfig,
    TrainingConfig,
)
from regime.data.calendar import trading_days
from regime.data.catalog import DECILES
from regime.data.panel import digest
from regime.evaluation.kept import KeptWalks
from regime.evaluation.scores import log_losses
from regime.evaluation.significance import edge_over
from regime.exceptions import ConfigError, EvaluationError, PanelError
from regime.experiment import Comparison, ExperimentResult, count_fits, reference_filter
from regime.labels.leadership import leadership_path, target
from regime.studies import Studies
from regime.taxonomy import REGIMES

FIRST_TEST = date(1970, 1, 1)
DOCUMENTED = {
    "experiment", "baskets", "horizon", "log_loss", "brier", "balanced_accuracy", "ece",
    "edge", "edge_se", "edge_low", "edge_high", "interval_level", "dm_p",
    "detection_delay_days", "switches_per_year", "n_days", "n_episodes",
    "test_from", "test_to", "by_decade",
}  # fmt: skip


def random_walk(seed: int = 0) -> pd.DataFrame:
    """A panel of French portfolios whose returns owe nothing to the day before."""
    days = trading_days(pd.Timestamp("1963-01-02"), pd.Timestamp("1974-12-31"))
    rng = np.random.default_rng(seed)
    market = rng.normal(0.0003, 0.008, size=(len(days), 1))
    own = rng.normal(0.0, 0.003, size=(len(days), 11))
    panel = pd.DataFrame(market + own, days.rename("date"), [*DECILES, "qnt_2"])
    factors = rng.normal(0.0, 0.005, size=(len(days), 2))
    panel = panel.assign(mkt_rf=market[:, 0], rf=0.0001, hml=factors[:, 0], mom=factors[:, 1])
    panel.loc["1972-02-15":"1972-03-20", "hml"] = np.nan  # a gap that nothing may fill from behind
    return panel


def configured(kind: str, *, sets=(), horizons=(0, 21), refit_every=252, first_test=FIRST_TEST,
               every=1, since=date(1927, 1, 1), **params) -> ExperimentConfig:  # fmt: skip
    return ExperimentConfig(
        name=kind,
        baskets=("french",),
        features=FeatureConfig(sets=sets),
        labels=LabelConfig(horizons=horizons),
        training=TrainingConfig(since=since, every=every),
        evaluation=EvaluationConfig(first_test={"french": first_test}, refit_every=refit_every),
        model=ModelConfig(kind=kind, params=params),
    )


FILTER = configured("filter", every=3)
EXPERIMENTS = [
    configured("climatology"),
    configured("persistence"),
    FILTER,
    configured("logistic", sets=("path", "leadership"), every=3),
    # stress has no series in this panel, breadth has some of its own
    configured("hist_gradient_boosting", sets=("path", "breadth", "stress"), every=5,
               refit_every=504, max_iter=10),
]  # fmt: skip


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return random_walk()


@pytest.fixture(scope="module")
def results(panel) -> dict[str, ExperimentResult]:
    comparison = Comparison(panel)
    return {config.name: comparison.run(config) for config in EXPERIMENTS}


@pytest.fixture(params=[config.name for config in EXPERIMENTS])
def result(request, results) -> ExperimentResult:
    return results[request.param]


# What an experiment returns


def test_every_score_has_the_documented_keys_and_survives_json(result):
    assert [row["horizon"] for row in result.scores] == [0, 21]
    for row in result.scores:
        assert set(row) >= DOCUMENTED
        assert json.loads(json.dumps(row, allow_nan=False)) == row
        assert (row["experiment"], row["baskets"]) == (result.config.name, "french")


def test_scores_are_of_every_settled_test_day_and_of_no_other(result, panel):
    labels = result.labels.set_index("date")
    for row in result.scores:
        ahead = target(labels, row["horizon"])["regime"]
        settled = ahead[pd.Timestamp(FIRST_TEST) :].dropna()
        assert row["n_days"] == len(settled) < len(panel[pd.Timestamp(FIRST_TEST) :])
        assert row["test_from"] == f"{settled.index[0]:%Y-%m-%d}"
        assert row["test_to"] == f"{settled.index[-1]:%Y-%m-%d}"
        predicted = result.predictions.query("horizon == @row['horizon']").set_index("date")
        losses = log_losses(predicted.loc[settled.index], settled)
        assert row["log_loss"] == pytest.approx(losses.mean())
        assert row["n_episodes"] == (settled != settled.shift()).sum()


def test_the_edge_lies_in_its_interval_and_is_the_difference_to_the_filter(result, results):
    for row, reference in zip(result.scores, results["filter"].scores, strict=True):
        assert row["edge_low"] <= row["edge"] <= row["edge_high"]
        assert row["interval_level"] == 0.90
        if result.config.evaluation == FILTER.evaluation:
            assert row["edge"] == pytest.approx(reference["log_loss"] - row["log_loss"])


def test_decades_add_up_to_the_whole(result):
    for row in result.scores:
        days = np.array([decade["n_days"] for decade in row["by_decade"]])
        assert [decade["decade"] for decade in row["by_decade"]] == ["1970s"]
        assert days.sum() == row["n_days"]
        for key in ("edge", "log_loss"):
            by_decade = np.array([decade[key] for decade in row["by_decade"]])
            assert by_decade @ days / days.sum() == pytest.approx(row[key])


def test_decades_are_cut_where_they_end(panel):
    config = configured("climatology", horizons=(0,), first_test=date(1967, 6, 1))
    row = Comparison(panel).run(config).scores[0]
    assert [decade["decade"] for decade in row["by_decade"]] == ["1960s", "1970s"]
    sixties = trading_days(pd.Timestamp("1967-06-01"), pd.Timestamp("1969-12-31"))
    assert row["by_decade"][0]["n_days"] == len(sixties)


def test_predictions_hold_one_row_per_day_and_horizon_and_each_sums_to_one(result, panel):
    table = result.predictions
    assert list(table.columns) == ["baskets", "date", "horizon", *REGIMES, "fitted_on"]
    assert not table.duplicated(["baskets", "date", "horizon"]).any()
    tested = list(panel.index[panel.index >= pd.Timestamp(FIRST_TEST)])
    for horizon in (0, 21):
        assert list(table.loc[table["horizon"] == horizon, "date"]) == tested
    np.testing.assert_allclose(table[list(REGIMES)].sum(axis=1), 1.0)
    assert (table[list(REGIMES)] >= 0).all(axis=None)
    assert (table["fitted_on"] < table["date"]).all()


def test_every_test_day_is_called_from_its_probabilities_now(result):
    now = result.predictions.query("horizon == 0").reset_index(drop=True)
    assert list(result.calls["date"]) == list(now["date"])
    assert list(result.calls["most_probable"]) == list(now[list(REGIMES)].idxmax(axis=1))
    assert (result.calls["called_since"] <= result.calls["date"]).all()
    assert (result.calls["path_since"] <= result.calls["date"]).all()
    assert set(result.calls["qualifier"]) > {"rising market"}


def test_labels_are_the_path_of_the_whole_panel_and_the_digest_names_it(result, panel):
    assert list(result.labels.columns) == ["baskets", "date", "regime", "confirmed_on"]
    lead = Comparison(panel).studies.lead("french")
    expected = leadership_path(lead, switching_cost=10.0)
    assert_frame_equal(
        result.labels.set_index("date")[["regime", "confirmed_on"]], expected, check_names=False
    )
    assert result.panel_digest == digest(panel)


def test_without_horizon_zero_there_are_no_calls(panel):
    result = Comparison(panel).run(configured("climatology", horizons=(21,)))
    assert result.calls.empty
    assert set(result.predictions["horizon"]) == {21}


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


# Where there is nothing to find


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
