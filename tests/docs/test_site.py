"""The site is built without a warning, and loads nothing from elsewhere."""

import os
import re
import subprocess
import sys

import pytest
from docs.blocks import ROOT
from docs.surface import names
from once import once

pytestmark = pytest.mark.long
_LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed|link)\b[^>]*?(?:src|href)=["']?([^"'\s>]+)""",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    def make(folder):
        done = subprocess.run(
            [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder / "site"],
            cwd=ROOT, capture_output=True, text=True,
            env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "WARNING -" not in done.stderr, done.stderr

    return once(tmp_path_factory, "site", make) / "site"


def test_every_page_is_there(site):
    for name in ("index", "METHOD", "SECURITY", "CHANGELOG", "api/index", "notebook/walk"):
        assert (site / f"{name}.html").is_file(), name


def test_every_public_name_has_its_place(site):
    text = "".join(path.read_text() for path in (site / "api").glob("*.html"))
    assert [name for name in names() if f'id="{name}"' not in text] == []


def test_nothing_is_loaded_from_elsewhere(site):
    for path in site.rglob("*.html"):
        tags = [tag for tag in _LOADED.finditer(path.read_text()) if "canonical" not in tag[0]]
        away = [tag[1] for tag in tags if re.match(r"(?:https?:)?//", tag[1])]
        assert away == [], f"{path.name}: {away}"
    for path in site.rglob("*.css"):
        away = re.findall(r"url\(['\"]?(?:https?:)?//[^)]*|@import[^;]*//[^;]*", path.read_text())
        assert away == [], f"{path.name}: {away}"
