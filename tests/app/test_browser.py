"""App and MLflow UI started for real, and read in headless Chromium."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from registered import HOSTILE, experiment, register_one, trained

from regime.settings import Settings
from regime.tracking.mlflow_client import client, experiment_id
from regime.tracking.published import load_published

ROOT = Path(__file__).parents[2]
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium, or a skip that says what is missing."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail("REQUIRE_BROWSER=1, but there is no chromium")
        pytest.skip("no chromium on this machine; install Debian's package to run this")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def serve():
    """Start `regime app` or `regime ui` on a free port; yields a function to its address."""
    running = []

    def start(script, home):
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "training.cli", script, "--port", str(port)],
            cwd=ROOT, env={**os.environ, "REGIME_HOME": str(home)},
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        running.append(process)
        line = process.stdout.readline()  # printed once the server answers
        assert f"http://127.0.0.1:{port}" in line, line
        return f"http://127.0.0.1:{port}"

    yield start
    for process in running:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        process.stdout.close()


def text_of(page, *wanted, seconds=60):
    """The page's text once it holds all that is wanted: elements load one by one, in any order."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        text = " ".join(page.inner_text("body").split())
        missing = [words for words in wanted if words not in text]
        if not missing:
            return text
        page.wait_for_timeout(300)
    raise AssertionError(f"{missing} never appeared in: {text[:2000]}")


def test_the_app_shows_todays_numbers_in_a_browser(browser, serve, served, tmp_path):
    said = load_published(served)
    latest = said["scores"][said["scores"]["date"] == said["scores"]["date"].max()]
    away = 1 - latest.set_index("horizon")["mega_cap_led"]
    page = browser.new_page(viewport={"width": 1280, "height": 1600})
    page.goto(serve("app", served.home))
    text = text_of(
        page, "Lead of the three baskets", f"Away from the giants, now {away[0]:.0%}",
        f"in 63 trading days {away[63]:.0%}", "SIMULATED",
    )  # fmt: skip
    page.wait_for_selector(".js-plotly-plot .scatterlayer path", timeout=60_000)
    page.get_by_role("link", name="Models").click()
    assert "the model to beat" not in text
    text_of(page, "How good are the models")
    assert page.screenshot(path=tmp_path / "app.png")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_card_fits_the_screen_and_shows_markup_as_text(browser, serve, carded, width, tmp_path):
    page = browser.new_page(viewport={"width": width, "height": 1600})
    page.goto(f"{serve('app', carded)}/card")
    text_of(page, "Model card", "SIMULATED", "What it cannot do", HOSTILE, "This card as Markdown")
    wide = "tables => tables.filter(one => one.scrollWidth > one.parentElement.clientWidth).length"
    assert page.locator("table").evaluate_all(wide) == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # An address becomes a link to itself, whatever is done; never one to what it does not say.
    links = page.locator("a[href*='example.com']").all_inner_texts()
    assert set(links) <= {"http://example.com"}
    assert page.screenshot(path=tmp_path / "card.png")


@pytest.fixture(scope="module")
def carded(market, tmp_path_factory):
    """A home with a registered version whose question is full of markup."""
    home = tmp_path_factory.mktemp("carded")
    config = experiment(features={}, labels={"horizons": (0,)}, model={"kind": "filter"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on newer libraries
        register_one(*trained(market, config), market, home)
    return home


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
