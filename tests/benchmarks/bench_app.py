"""How long a person waits for the app, and what its server needs, on sixty years of days.

In headless Chromium on this machine. A wait ends when the page has stopped changing: after the
last change of its elements before half a second of rest, so drawing counts, not only the script.
What nobody sees does not count: a chart kept out of sight until its successor stands, and a table's
copy for screen readers, which the grid renews a fifth of a second after what it paints.
"""

import statistics
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import psutil
import pytest
from benchmarks.app_home import home
from browsing import Servers, chromium, settle
from paged import NAMES

WARM, COLD, INTERACTION = 2.0, 8.0, 0.5  # seconds
MEMORY, GROWTH = 400, 20  # MB
SESSIONS, VIEWS = 5, 200
NUMBERS = "[data-testid=stMetricValue]"
REST = 500  # ms without a change
WATCH = """() => {
    window.changed = performance.now();
    for (const kind of ['pointerdown', 'keydown'])
        addEventListener(kind, () => { window.begun = performance.now(); }, true);
    const kept = node => node.nodeType === 1 && node.closest('[data-retained]');
    const unseen = one => !one.target.isConnected || kept(one.target)
        || (one.target.closest && one.target.closest('canvas'))
        || (one.removedNodes.length && !one.addedNodes.length && [...one.removedNodes].every(kept))
        || one.attributeName === 'data-retained';
    new MutationObserver(all => {
        if (!all.every(unseen)) window.changed = performance.now();
    }).observe(document.querySelector('[data-testid=stMain]'),
        {childList: true, subtree: true, characterData: true, attributes: true});
}"""
REPEATS = 5


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as one:
        yield one


@pytest.fixture
def servers() -> Iterator[Servers]:
    running = Servers()
    yield running
    running.close()


def until_painted(page: Any, address: str, what: str = NUMBERS) -> float:
    """Seconds from the address to the first numbers."""
    begin = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(what, timeout=60_000)
    return time.perf_counter() - begin


def waited(page: Any, act: Any) -> float:
    """Milliseconds from the key or click to the last change of the page."""
    page.evaluate("() => { window.begun = performance.now(); window.changed = window.begun; }")
    act()
    page.wait_for_function(f"performance.now() - window.changed > {REST}", timeout=60_000)
    return float(page.evaluate("window.changed - window.begun"))


def test_first_paint(report, browser, servers):
    cold = []
    for _ in range(REPEATS):
        address = servers.start("app", home())
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        cold.append(until_painted(context.new_page(), address))
        context.close()
        servers.close()
    address = servers.start("app", home())
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    until_painted(context.new_page(), address)
    warm, charts, tabs = [], [], []
    for _ in range(2 * REPEATS):
        page = context.new_page()
        tabs.append(until_painted(page, address))
        page.wait_for_timeout(4 * REST)
        warm.append(until_painted(page, address))
        page.wait_for_timeout(4 * REST)
        charts.append(until_painted(page, address, ".js-plotly-plot .main-svg"))
        page.close()
    context.close()
    report.ours(lambda: None, rounds=1)
    report.at_most("Today: numbers, cold server and browser", statistics.median(cold), "s", COLD)
    report.at_most("Today: numbers, opened again", statistics.median(warm), "s", WARM)
    report.without_goal("Today: numbers, in a new tab", statistics.median(tabs), "s")
    report.without_goal("Today: first chart, opened again", statistics.median(charts), "s")
    report.detail(cold=cold, opened_again=warm, new_tab=tabs, charts=charts)


def test_interactions(report, browser, servers):
    address = servers.start("app", home())
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    taken: dict[str, list[float]] = {}
    for name in NAMES:
        page = context.new_page()
        page.goto(address if name == "today" else f"{address}/{name}")
        settle(page)
        page.evaluate(WATCH)
        main = page.locator("[data-testid=stMain]")
        buttons = main.locator("[data-testid=stButtonGroup] button")
        for number in range(buttons.count()):
            button = buttons.nth(number)
            if button.is_visible():
                taken.setdefault(name, []).append(waited(page, button.click))
        sliders = main.locator("[role=slider]")
        for number in range(min(sliders.count(), 4)):
            slider = sliders.nth(number)
            slider.focus()
            for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
                press = partial(page.keyboard.press, key)
                taken.setdefault(name, []).append(waited(page, press))
        page.close()
    context.close()
    every = [one for some in taken.values() for one in some]
    report.ours(lambda: None, rounds=1)
    report.at_most(
        "Interactions, 95th percentile", float(np.percentile(every, 95)) / 1000, "s", INTERACTION
    )
    report.without_goal("Interactions, median", statistics.median(every) / 1000, "s")
    report.detail(interactions=len(every), by_page_ms=taken)


def test_memory(report, browser, servers):
    address = servers.start("app", home())
    contexts = [browser.new_context() for _ in range(SESSIONS)]
    pages = [context.new_page() for context in contexts]
    used = []
    for view in range(VIEWS):
        page = pages[view % SESSIONS]
        name = NAMES[(view // SESSIONS + view) % len(NAMES)]
        page.goto(address if name == "today" else f"{address}/{name}")
        settle(page)
        if (view + 1) % 20 == 0:
            used.append(_memory(servers))
    for context in contexts:
        context.close()
    report.ours(lambda: None, rounds=1)
    report.at_most(f"Server after {VIEWS} views by {SESSIONS}", used[-1], "MB", MEMORY)
    half = len(used) // 2
    report.at_most("Growth over the second half of them", used[-1] - used[half], "MB", GROWTH)
    report.detail(megabytes=used)


def _memory(servers: Servers) -> float:
    """Of the Streamlit process, in MB."""
    (command,) = servers.running
    children = psutil.Process(command.pid).children(recursive=True)
    return float(sum(one.memory_info().rss for one in children)) / 1e6
