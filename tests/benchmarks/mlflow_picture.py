"""Fifty runs in the MLflow UI, three of them compared: PYTHONPATH=tests python -m
benchmarks.mlflow_picture docs/mlflow.png
"""

import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from benchmarks.bench_mlflow import log_many, small_result, ui
from playwright.sync_api import Page, sync_playwright

from regime.config import ExperimentConfig, TrainingConfig
from regime.data.calendar import trading_days
from regime.data.panel import point_in_time
from regime.data.sources import demo
from regime.experiment import Comparison
from regime.settings import Settings
from regime.tracking.mlflow_client import client
from regime.tracking.runs import HEADLINE, log_result

MODELS = ("filter", "climatology", "persistence")
MANY = 50
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTH, HEIGHT = 1280, 1240
PATIENCE = 120_000  # milliseconds until something is on the page


def runs_to_compare(settings: Settings) -> tuple[list[str], str]:
    """Three models on offer, among fifty runs; their ids, and that of their experiment."""
    days = trading_days(pd.Timestamp("1988-01-04"), pd.Timestamp("2008-12-31"))
    market = point_in_time(demo.simulate(days).observations, days)
    base = small_result(market)
    log_many(base, settings, MANY - len(MODELS))
    asked = [_variant(base.config, kind) for kind in MODELS]
    done = Comparison(market).run_all(asked)
    runs = [log_result(result, settings, simulated=True) for result in done]
    return runs, str(client(settings).get_run(runs[0]).info.experiment_id)


def _variant(config: ExperimentConfig, kind: str) -> ExperimentConfig:
    model = config.model.model_copy(update={"kind": kind, "params": {}})
    changes: dict[str, Any] = {"name": kind, "model": model}
    if kind == "persistence":  # it learns from one day to the next
        changes["training"] = TrainingConfig()
    return config.model_copy(update=changes)


def draw(picture: Path) -> None:
    """Open the page that compares them, and take its picture."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on newer libraries
        settings = Settings(home=Path(folder))
        runs, experiment = runs_to_compare(settings)
        asked = f"runs={quote(json.dumps(runs))}&experiments={quote(json.dumps([experiment]))}"
        with ui(settings) as server, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
                args=ARGUMENTS,
            )
            page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.set_default_timeout(PATIENCE)
            page.goto(f"{server.base_url}#/compare-runs?{asked}")
            _tidy(page)
            page.screenshot(path=picture)
            chromium.close()


def _tidy(page: Page) -> None:
    """Nothing over the tables, and the metrics that matter first in sight."""
    page.get_by_text(f"{HEADLINE}/log_loss_french_0d").last.wait_for()
    assistant = page.get_by_role("button", name="Close", exact=True)
    if assistant.count():
        assistant.first.click()
    page.get_by_role("button", name="Run details", exact=True).click()
    page.get_by_role("button", name="Parameters", exact=True).click()
    # Not scrolled: the names of the metrics would move without their values.
    page.wait_for_timeout(2000)  # the plot is drawn anew in its new width


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
