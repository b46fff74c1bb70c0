"""App and MLflow UI started for real, and read in headless Chromium."""

import pytest
from browsing import Servers, chromium, text_of
from registered import HOSTILE

from regime.settings import Settings
from regime.tracking.mlflow_client import client, experiment_id


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture
def serve():
    """Start `regime app` or `regime ui` on a free port; a function to its address."""
    servers = Servers()
    yield servers.start
    servers.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_card_fits_the_screen_and_shows_markup_as_text(browser, app, width, tmp_path):
    page = browser.new_page(viewport={"width": width, "height": 1600})
    page.goto(f"{app}/card")
    text_of(page, "Model card", "SIMULATED", "What it cannot do", HOSTILE, "This card as Markdown")
    wide = "tables => tables.filter(one => one.scrollWidth > one.parentElement.clientWidth).length"
    assert page.locator("table").evaluate_all(wide) == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # An address becomes a link to itself, whatever is done; never one to what it does not say.
    links = page.locator("a[href*='example.com']").all_inner_texts()
    assert set(links) <= {"http://example.com"}
    assert page.screenshot(path=tmp_path / "card.png")


@pytest.fixture(scope="module")
def app(carded):
    """The address of the app on that home."""
    servers = Servers()
    yield servers.start("app", carded.home)
    servers.close()


def test_the_mlflow_ui_shows_a_run_with_its_parameters_and_metrics(browser, serve, tmp_path):
    settings = Settings(home=tmp_path)
    tracker = client(settings)
    experiment = experiment_id(tracker, settings)
    run = tracker.create_run(experiment, run_name="filter_in_a_browser")
    tracker.log_metric(run.info.run_id, "log_loss/french_0d", 0.741)
    tracker.log_param(run.info.run_id, "model.kind", "filter")
    tracker.set_terminated(run.info.run_id)
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(f"{serve('ui', tmp_path)}/#/experiments/{experiment}/runs/{run.info.run_id}")
    text_of(page, "model.kind", "filter_in_a_browser", "0.741", seconds=120)
