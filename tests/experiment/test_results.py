"""What an experiment returns, on a market in which nobody leads for a reason."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from experiment.configured import EXPERIMENTS, FILTER, FIRST_TEST, configured
from pandas.testing import assert_frame_equal

from regime.data.calendar import trading_days
from regime.data.panel import digest
from regime.evaluation.scores import log_losses
from regime.experiment import Comparison, ExperimentResult
from regime.labels.leadership import leadership_path, target
from regime.taxonomy import REGIMES

DOCUMENTED = {
    "experiment", "baskets", "horizon", "log_loss", "brier", "balanced_accuracy", "ece",
    "edge", "edge_se", "edge_low", "edge_high", "interval_level", "dm_p",
    "detection_delay_days", "switches_per_year", "n_days", "n_episodes",
    "test_from", "test_to", "by_decade",
}  # fmt: skip


@pytest.fixture(params=[config.name for config in EXPERIMENTS])
def result(request, results) -> ExperimentResult:
    return results[request.param]


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
