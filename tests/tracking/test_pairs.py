"""Two logged runs are compared from what they kept, or refused in one line that says why."""

import json
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pandas as pd
import pytest
from tracked import tracked

from regime.config import ExperimentConfig
from regime.exceptions import StoreError
from regime.experiment import Comparison
from regime.settings import Settings
from regime.tracking.mlflow_client import client, experiment_id
from regime.tracking.pairs import compare_runs
from regime.tracking.runs import log_result

FIRST = {"french": "2004-01-02", "funds": "2004-01-02"}


def config(name, **changes):
    values = {
        "name": name,
        "baskets": ("french",),
        "labels": {"horizons": (0, 21)},
        "training": {"every": 3},
        "evaluation": {
            "first_test": {key: pd.Timestamp(day).date() for key, day in FIRST.items()},
            "refit_every": 504,
        },
        "model": {"kind": name, "params": {}},
    }
    return ExperimentConfig(**{**values, **changes})


@pytest.fixture(scope="module")
def results(market):
    comparison = Comparison(market)
    asked = [config("climatology"), config("filter"), config("persistence", training={})]
    return {one.config.name: one for one in comparison.run_all(asked)}


@pytest.fixture(scope="module")
def home(results, tmp_path_factory):
    """Settings, and the id of each run by name."""
    settings = tracked(tmp_path_factory.mktemp("pairs"), tmp_path_factory)
    ids = {name: log_result(result, settings, simulated=True) for name, result in results.items()}
    return settings, ids


def logged(settings, result, **changes):
    """Logged without its figures, which cannot be drawn of everything that is tried here."""

    def kept(changed, folder):
        changed.predictions.to_parquet(folder / "predictions.parquet", index=False)
        changed.labels.to_parquet(folder / "labels.parquet", index=False)

    with mock.patch("regime.tracking.runs._write_artefacts", kept):
        return log_result(replace(result, **changes), settings, simulated=True)


def refused(settings, a, b, *said):
    with pytest.raises(StoreError) as fault:
        compare_runs(settings, a, b)
    words = str(fault.value)
    assert "\n" not in words
    for part in said:
        assert part in words


def test_the_edge_over_the_filters_run_is_the_edge_that_was_scored(home, results):
    settings, ids = home
    found = compare_runs(settings, ids["filter"], ids["climatology"])
    assert len(found.scores) == 2
    for row, scored in zip(found.scores, results["climatology"].scores, strict=True):
        assert row["horizon"] == scored["horizon"]
        assert row["log_loss_b"] == scored["log_loss"]
        assert row["log_loss_a"] == pytest.approx(scored["log_loss"] + scored["edge"], abs=1e-12)
        for name in ("edge", "edge_low", "edge_high", "dm_p", "n_days", "test_from", "test_to"):
            assert row[name] == scored[name]
    assert found.parameters == [{"parameter": "model.kind", "a": "filter", "b": "climatology"}]
    json.dumps(found.scores, allow_nan=False)


def test_b_over_a_is_the_other_way_round_than_a_over_b(home):
    settings, ids = home
    one = compare_runs(settings, ids["filter"], ids["persistence"])
    other = compare_runs(settings, ids["persistence"], ids["filter"])
    for row, turned in zip(one.scores, other.scores, strict=True):
        assert row["edge"] == -turned["edge"]
        assert row["log_loss_a"] == turned["log_loss_b"]


def test_a_run_is_itself_without_an_edge(home):
    settings, ids = home
    found = compare_runs(settings, ids["filter"], ids["filter"])
    assert [(row["edge"], row["dm_p"]) for row in found.scores] == [(0.0, None)] * 2
    assert found.parameters == []


def test_a_run_is_found_by_id_by_its_beginning_and_by_name_the_newest(home, results):
    settings, ids = home
    by_prefix = compare_runs(settings, ids["filter"][:10], "climatology")
    assert by_prefix.a.run_id == ids["filter"]
    assert by_prefix.b.run_id == ids["climatology"]
    config = results["persistence"].config.model_copy(update={"name": "it's twice"})
    logged(settings, results["persistence"], config=config)
    newest = logged(settings, results["persistence"], config=config)
    assert compare_runs(settings, "it's twice", "filter").a.run_id == newest
    refused(settings, "nobody", "filter", "There is no run 'nobody'", "regime ui")
    refused(settings, "abc", "filter", "There is no run 'abc'", "at least six digits")
    refused(settings, "f" * 32, "filter", "There is no run")
    refused(settings, "a'b\"c", "filter", "There is no run")


def test_a_beginning_that_two_runs_share_is_refused(home, monkeypatch):
    settings, ids = home
    tracker = client(settings)
    found = [tracker.get_run(one) for one in ids.values()]
    monkeypatch.setattr("regime.tracking.pairs.find_runs", lambda *_, **__: found)
    refused(settings, "abcdef", "filter", "3 runs begin with abcdef", "Give more digits")


def test_runs_of_other_panels_baskets_horizons_days_or_labels_are_refused(home, results):
    settings, ids = home
    base, against = results["persistence"], ids["filter"]
    said, path = base.predictions, base.labels
    run = logged(settings, base, panel_digest="0123456789abcdef")
    refused(settings, against, run, "their panels differ", "01234567", "`regime compare`")
    funds = {"predictions": said.assign(baskets="funds"), "labels": path.assign(baskets="funds")}
    run = logged(settings, base, config=base.config.model_copy(update={"baskets": ("funds",)}),
                 **funds)  # fmt: skip
    refused(settings, against, run, "their baskets differ (french and funds)")
    run = logged(settings, base, predictions=said[said["horizon"] == 0])
    refused(settings, against, run, "their horizons differ (0, 21 and 0)")
    later = said[said["date"] >= "2004-06-01"]
    run = logged(settings, base, predictions=later)
    refused(settings, against, run, "21 days ahead the days scored differ", "from 2004-01-02",
            "from 2004-06-01")  # fmt: skip
    turned = {"broadening": "small_cap_led", "small_cap_led": "broadening"}
    run = logged(settings, base, labels=path.replace({"regime": turned}))
    refused(settings, against, run, "hindsight names other leaders on")
    run = logged(settings, base, panel_digest="0" * 16, predictions=later)
    refused(settings, against, run, "their panels differ", "; with french baskets 0 days ahead")


def test_a_run_that_failed_was_deleted_or_kept_nothing_is_refused(home, results):
    settings, ids = home
    tracker = client(settings)
    failed = logged(settings, results["filter"])
    tracker.set_terminated(failed, "FAILED")
    refused(settings, failed, ids["filter"], f"Run {failed[:8]} (filter) is FAILED")
    tracker.delete_run(failed)
    refused(settings, failed, ids["filter"], "was deleted", "mlflow runs restore --run-id")
    empty = tracker.create_run(experiment_id(tracker, settings), run_name="empty").info.run_id
    tracker.set_terminated(empty)
    refused(settings, "empty", ids["filter"], "kept no predictions.parquet and no labels.parquet")
    damaged = logged(settings, results["filter"])
    folder = Path(tracker.get_run(damaged).info.artifact_uri.removeprefix("file://"))
    (folder / "labels.parquet").write_bytes(b"PAR1 nothing")
    refused(settings, damaged, ids["filter"], "labels.parquet cannot be read")


def test_where_nothing_was_logged_nothing_is_created(tmp_path):
    settings = Settings(home=tmp_path / "home")
    refused(settings, "a", "b", "No run was ever logged")
    assert not settings.home.exists()
