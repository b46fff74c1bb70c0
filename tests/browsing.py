"""Chromium without a screen, and the servers it looks at."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
_TALL = """Math.max(...[...document.querySelectorAll('[data-testid=stMain]')]
    .map(one => one.scrollHeight))"""


@contextmanager
def chromium() -> Iterator:
    """Debian's Chromium, or a skip that says what is missing."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail("REQUIRE_BROWSER=1, but there is no chromium")
        pytest.skip("no chromium on this machine; install Debian's package to run this")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Servers:
    """`regime app` and `regime ui` on free ports."""

    def __init__(self) -> None:
        self.running: list[subprocess.Popen] = []

    def start(self, script: str, home: Path, **environment: str) -> str:
        """Start one; its address once it answers."""
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "training.cli", script, "--port", str(port)],
            cwd=ROOT, env={**os.environ, "REGIME_HOME": str(home), **environment},
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.running.append(process)
        line = process.stdout.readline()  # printed once the server answers
        assert f"http://127.0.0.1:{port}" in line, line
        return f"http://127.0.0.1:{port}"

    def close(self) -> None:
        for process in self.running:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            process.stdout.close()
        self.running.clear()


def settle(page, seconds: float = 60) -> None:
    """Wait until the script has run and every chart is drawn."""
    page.wait_for_selector("h1", timeout=1000 * seconds)
    page.wait_for_selector("[data-test-script-state=notRunning]", timeout=1000 * seconds)
    page.wait_for_selector("[data-testid=stStatusWidget]", state="detached", timeout=1000 * seconds)
    page.wait_for_function(
        """() => [...document.querySelectorAll('[data-testid=stPlotlyChart]')]
            .every(one => one.querySelector('.main-svg'))""",
        timeout=1000 * seconds,
    )
    page.wait_for_selector("[data-testid=stSkeleton]", state="detached", timeout=1000 * seconds)
    page.wait_for_selector("[data-stale=true]", state="detached", timeout=1000 * seconds)
    page.wait_for_timeout(300)


def whole(page, path: Path) -> Path:
    """A picture of the whole page, from top to bottom."""
    size = page.viewport_size
    page.set_viewport_size({"width": size["width"], "height": int(page.evaluate(_TALL)) + 20})
    page.wait_for_timeout(500)
    page.screenshot(path=path)
    page.set_viewport_size(size)
    return path


def text_of(page, *wanted: str, seconds: float = 60) -> str:
    """The page's text once it holds all that is wanted: elements load one by one, in any order."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        text = " ".join(page.inner_text("body").split())
        missing = [words for words in wanted if words not in text]
        if not missing:
            return text
        page.wait_for_timeout(200)
    raise AssertionError(f"{missing} never appeared in: {text[:2000]}")
