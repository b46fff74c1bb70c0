"""What somebody else wrote is shown as text: no tag of it, no link of it and no picture of it."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from browsing import settle

from regime.health.checks import Check, State
from regime.health.kept import keep
from regime.settings import Settings

HOSTILE = (
    '<img src=x onerror="hit=1"><b>bold</b> [y](javascript:hit=2) ![z](http://evil.test/z.png)'
)
pytestmark = pytest.mark.long
PAGES = ["", "why", "what_if", "history", "signals", "value", "models", "card", "data", "glossary"]
# What of the text above would stand on a page as something else than text.
FOUND = """() => [
    ...document.querySelectorAll('img[src="x"], img[src*="evil"], [onerror]'),
    ...document.querySelectorAll('a[href^="javascript"]'),
    ...[...document.querySelectorAll('b, strong')].filter(one => one.textContent == 'bold'),
].map(one => one.outerHTML)"""


def poisoned(folder: Path, published: Settings) -> Settings:
    """A home in which names, words, notes, titles and findings are hostile."""
    home = shutil.copytree(published.home, folder / "home", symlinks=True)
    settings = Settings(home=home)
    path = home / "published" / "champion" / "result.json"
    about = json.loads(path.read_text())
    words = {"state": "DEGRADED", "words": f"DEGRADED: {HOSTILE}", "notes": [HOSTILE],
             "missing": [HOSTILE], "experiment": HOSTILE, "model_version": HOSTILE,
             "in_service": HOSTILE, "explained_by": HOSTILE, "baskets": "funds"}  # fmt: skip
    path.write_text(json.dumps(about | words))
    name = HOSTILE.replace("/", "")
    (home / "results" / name).symlink_to((home / "results" / "filter").readlink())
    keep(settings, [Check(HOSTILE, State.FAULT, HOSTILE, HOSTILE)], by="regime doctor",
         at=pd.Timestamp.now("UTC"))  # fmt: skip
    title = '<img src=x onerror="hit=1">[y](javascript:hit=2)'
    (home / "events.csv").write_text(f"date,title\n2001-09-17,{json.dumps(title)[1:-1]}\n"
                                     .replace('\\"', "'"))  # fmt: skip
    return settings


@pytest.fixture(scope="module")
def app(servers, published, tmp_path_factory):
    return servers.start("app", poisoned(tmp_path_factory.mktemp("poisoned"), published).home)


def test_no_page_turns_a_hostile_text_into_markup(browser, app):
    with browser.new_context(viewport={"width": 1280, "height": 1200}) as context:
        page = context.new_page()
        elsewhere, dialogs, shown = [], [], 0
        page.on("request", lambda one: one.url.startswith(app) or elsewhere.append(one.url))
        page.on("dialog", lambda one: dialogs.append(one.message) or one.dismiss())
        for name in PAGES:
            page.goto(f"{app}/{name}")
            settle(page)
            assert page.evaluate(FOUND) == [], name
            shown += "onerror" in page.inner_text("body")
        assert page.evaluate("typeof hit") == "undefined"
        assert not dialogs
        assert not [one for one in elsewhere if not one.startswith(("data:", "blob:"))]
        assert shown >= 3


def test_were_it_markup_the_browser_would_run_nothing_and_fetch_nothing(browser, app):
    """The policy that the app sends, tried on a page into which somebody wrote."""
    with browser.new_context() as context:
        page = context.new_page()
        asked = []
        page.on("request", lambda one: asked.append(one.url))
        page.goto(app)
        settle(page)
        page.evaluate("""() => {
            document.body.insertAdjacentHTML('beforeend',
                '<img src="x" onerror="window.hit = 1"><img src="http://evil.test/z.png">');
            const one = document.createElement('script');
            one.textContent = 'window.hit = 2';
            document.body.append(one);
        }""")
        blocked = page.evaluate("fetch('http://evil.test/').then(() => 'sent', () => 'blocked')")
        page.wait_for_timeout(1000)
        assert blocked == "blocked"
        assert page.evaluate("window.hit") is None


@pytest.mark.parametrize("asked", [
    "day=../../../../etc/passwd", "day=%2e%2e%2f%2e%2e", "day=<script>hit=1</script>",
    "day=2008-12-31%00", "day=9999-99-99", "day=-1", "horizon=../../x&below=<b>bold</b>",
    "from=..%2f..&to=javascript:hit=1", "regime=../x",
])  # fmt: skip
def test_a_question_in_the_address_is_a_day_or_is_told_to_be_none(browser, app, asked):
    with browser.new_context() as context:
        page = context.new_page()
        for name in ("", "history"):
            page.goto(f"{app}/{name}?{asked}")
            settle(page)
            assert "root:" not in page.inner_text("body")
            assert page.evaluate(FOUND) == []
            assert page.locator("[data-testid=stException]").count() == 0
        assert page.evaluate("typeof hit") == "undefined"
