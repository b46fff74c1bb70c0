"""Every page in headless Chromium: it draws, it fits, and anybody can read it."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import WIDTHS, Servers, chromium, settle, whole
from paged import NAMES

GRAVE = {"serious", "critical"}
CHROME = [  # Streamlit's own, not ours
    ["[data-testid=stHeader]"], ["[data-testid=stToolbar]"], ["[data-testid=stSidebarNav]"],
    ["[data-testid=stSidebarCollapseButton]"], ["[data-testid=stExpandSidebarButton]"],
    ["[data-testid=stElementToolbar]"],
]  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def app(lived):
    servers = Servers()
    yield servers.start("app", lived.home, REGIME_NOW="2012-07-11T09:00:00-04:00")
    servers.close()


# Words and numbers of charts that reach over an edge.
CUT = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(chart => {
    const edge = chart.getBoundingClientRect();
    const over = one => {
        const {left, right, width} = one.getBoundingClientRect();
        return width && (left < edge.left - 0.5 || right > edge.right + 0.5);
    };
    const words = chart.querySelectorAll('[class*=tick] text, .gtitle, .annotation text');
    return [...words].filter(over).map(one => one.textContent);
})"""


@pytest.fixture(scope="module", params=WIDTHS)
def tab(request, browser):
    width, height = WIDTHS[request.param]
    page = browser.new_page(viewport={"width": width, "height": height})
    page.said = []
    page.on("console", lambda one: page.said.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda one: page.said.append(str(one)))
    yield page
    page.close()


@pytest.fixture(scope="module")
def dark(browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    yield page
    page.close()


def typed(tab, app, name):
    """Open a page by its address."""
    tab.goto(app if name == "today" else f"{app}/{name}")
    settle(tab)


def followed(tab, app, name):
    """Open a page by its link in the margin, from another page of the app."""
    address = f"{app}/" if name == "today" else f"{app}/{name}"
    if tab.url == "about:blank" or tab.url == address:
        typed(tab, app, "glossary" if name == "today" else "today")
    before = tab.inner_text("h1")
    closed = tab.locator("[data-testid=stExpandSidebarButton]")
    closed_before = closed.count() > 0
    if closed_before:
        closed.click()
    tab.locator(f"[data-testid=stSidebarNav] a[href='{address}']").click()
    tab.wait_for_function(
        "was => ![was, undefined].includes(document.querySelector('h1')?.innerText)", arg=before
    )
    settle(tab)
    if closed_before:  # a margin that lies over the page
        tab.locator("[data-testid=stSidebarCollapseButton] button").click()
        closed.wait_for()


def folder(tmp_path) -> Path:
    """Where pictures go: to be looked at, if somebody asks for them."""
    chosen = Path(os.environ.get("REGIME_SCREENSHOTS", tmp_path))
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


# Nothing is parsed again on a page that is followed to, which takes a third of the time.
@pytest.mark.parametrize("opened", [followed, pytest.param(typed, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_draws_fits_the_screen_and_can_be_read_by_anybody(name, opened, app, tab, tmp_path):
    tab.said.clear()
    opened(tab, app, name)
    width = tab.viewport_size["width"]
    picture = whole(tab, folder(tmp_path) / f"{name}_{width}.png")
    assert picture.stat().st_size > 10_000
    assert tab.locator("[data-testid=stException]").count() == 0
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(CUT) == []
    faults = [one for one in tab.said if "404" not in one]  # Streamlit asks for files it may lack
    assert not faults
    assert not grave(tab)


def test_every_section_of_models_can_be_read_by_anybody(app, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{app}/models")
    settle(page)
    groups = page.locator("[data-testid=stMain] [data-testid=stButtonGroup]")
    sections = groups.first.locator("button")
    assert sections.count() >= 5
    for number in range(sections.count()):
        sections.nth(number).click()
        settle(page)
        assert page.locator("[data-testid=stException]").count() == 0
        assert not grave(page)
    page.close()


@pytest.mark.parametrize("name", ["today", "why"])
def test_a_page_can_be_read_in_the_dark(name, app, dark):
    followed(dark, app, name)
    assert not grave(dark)


def grave(page) -> list:
    """What axe-core calls serious or worse."""
    found = Axe().run(page, context={"exclude": CHROME})
    return [
        (one["id"], one["help"], [node["html"][:200] for node in one["nodes"]][:3])
        for one in found.response["violations"]
        if one["impact"] in GRAVE
    ]
