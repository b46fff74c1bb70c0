"""What every trial earned is kept with its run, and found again with those that kept nothing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tracked import tracked

from regime.config import ExperimentConfig
from regime.evaluation.deflated import track_record
from regime.experiment import Comparison
from regime.settings import Settings
from regime.tracking.mlflow_client import client, experiment_id
from regime.tracking.runs import log_result
from regime.tracking.sharpes import metric_of, spread_sharpes, tried_on
from regime.tracking.trials import configuration_digest

NAME = "spread_sharpe_10bp/french"


@pytest.fixture(scope="module")
def result(market):
    config = ExperimentConfig(
        name="filter",
        baskets=("french",),
        labels={"horizons": (21,)},
        training={"every": 5},
        evaluation={
            "first_test": {"french": pd.Timestamp("2004-01-02").date()},
            "refit_every": 504,
        },
        model={"kind": "filter"},
    )
    return Comparison(market).run(config)


def test_a_run_keeps_the_daily_sharpe_ratio_of_its_spread(result, tmp_path, tmp_path_factory):
    settings = tracked(tmp_path, tmp_path_factory)
    run_id = log_result(result, settings, simulated=True)
    found = client(settings).get_run(run_id).data.metrics[NAME]
    spread = result.spreads["spread"]
    assert found == pytest.approx(spread.mean() / spread.std())
    assert found == pytest.approx(track_record(spread).sharpe)
    tried = tried_on("french", settings, simulated=True)
    assert tried.n_trials == 1
    assert tried.sharpes.to_dict() == {configuration_digest(result.config): found}
    assert tried_on("funds", settings, simulated=True).n_trials == 0


def test_less_than_a_year_or_a_constant_spread_has_no_ratio(result):
    assert set(spread_sharpes(result)) == {"french"}
    year = replace(result, spreads=result.spreads[:252])
    assert set(spread_sharpes(year)) == {"french"}
    for spreads in (
        result.spreads[:251],
        result.spreads[:0],
        result.spreads.assign(spread=1e-4),
        result.spreads.assign(spread=np.resize([0.0, 1e-17], len(result.spreads))),
    ):
        assert spread_sharpes(replace(result, spreads=spreads)) == {}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    settings = tracked(tmp_path_factory.mktemp("sharpes"), tmp_path_factory)
    tracker = client(settings)
    experiment = experiment_id(tracker, settings)

    def wrote(configuration, day, sharpe=None, *, baskets="['french', 'funds']", deleted=False,
              status="FINISHED", data="market", as_of=None):  # fmt: skip
        tags = {"configuration": configuration, "data": data, "as_of": as_of}
        run = tracker.create_run(
            experiment,
            start_time=int(pd.Timestamp(day, tz="UTC").timestamp() * 1000),
            tags={key: tag for key, tag in tags.items() if tag},
        )
        if baskets:
            tracker.log_param(run.info.run_id, "baskets", baskets)
        if sharpe is not None:
            tracker.log_metric(run.info.run_id, metric_of("french"), sharpe)
        tracker.set_terminated(run.info.run_id, status)
        if deleted:
            tracker.delete_run(run.info.run_id)

    wrote("one", "2026-01-05", 0.02)
    wrote("one", "2026-01-01", 0.09)
    wrote("one", "2026-01-08", 0.07, as_of="2015-01-02")
    wrote("one", "2026-01-09", status="FAILED")
    wrote("gone", "2026-01-02", -0.01, deleted=True)
    wrote("before ratios were kept", "2025-01-02")
    wrote("replay only", "2026-01-02", 0.03, as_of="2015-01-02")
    wrote("says no baskets", "2026-01-02", baskets=None, status="FAILED")
    wrote("other baskets", "2026-01-02", 0.04, baskets="['funds_xlg']")
    wrote("demo", "2026-01-02", 0.05, data="SIMULATED")
    return settings


def test_each_configuration_speaks_once_by_its_newest_run_that_is_no_replay(store):
    tried = tried_on("french", store, simulated=False)
    assert tried.n_trials == 5
    assert tried.sharpes.to_dict() == {"one": 0.02, "gone": -0.01, "replay only": 0.03}


def test_a_trial_counts_on_its_own_baskets_and_among_data_of_its_kind(store):
    assert tried_on("funds", store, simulated=False).n_trials == 5
    assert tried_on("funds_xlg", store, simulated=False).n_trials == 2
    assert tried_on("french", store, simulated=True).sharpes.to_dict() == {"demo": 0.05}


def test_where_nothing_was_scored_nothing_was_tried_and_nothing_is_created(tmp_path):
    settings = Settings(home=tmp_path / "home")
    tried = tried_on("french", settings, simulated=False)
    assert (tried.n_trials, len(tried.sharpes)) == (0, 0)
    assert not settings.home.exists()
