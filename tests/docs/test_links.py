"""Links of every page lead to a file, a folder or a heading that is there."""

import re
from functools import cache
from urllib.parse import unquote

import pytest
from docs.blocks import ROOT, every_page

_FENCED = re.compile(r"^( {0,3})(`{3,}|~{3,}).*?^ {0,3}\2\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_HTML = re.compile(r"""(?:src|href)=["']([^"']+)["']""")


def plain(path: str) -> str:
    return _FENCED.sub("", (ROOT / path).read_text(encoding="utf-8"))


@cache
def anchors(path: str) -> frozenset[str]:
    """Names of headings, as they are made where the repository is shown."""
    found: list[str] = []
    for heading in re.findall(r"^#{1,6}\s+(.*?)\s*#*$", plain(path), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.append(f"{name}-{found.count(name)}" if name in found else name)
    return frozenset(found)


@pytest.mark.parametrize("path", every_page())
def test_links_lead_somewhere(path):
    text = _CODE.sub("", plain(path))
    lost = []
    for address in [*_LINK.findall(text), *_HTML.findall(text)]:
        place, _, anchor = address.partition("#")
        if re.match(r"[a-z][a-z0-9+.-]*:", address):
            continue
        target = (ROOT / path).parent / unquote(place) if place else ROOT / path
        if not target.exists() or not target.resolve().is_relative_to(ROOT.resolve()):
            lost.append(f"{address}: no such file")
        elif anchor and target.suffix == ".md":
            name = target.resolve().relative_to(ROOT.resolve()).as_posix()
            if unquote(anchor) not in anchors(name):
                lost.append(f"{address}: no such heading")
    assert not lost, f"{path}: {lost}"


def test_pictures_are_described():
    for path in every_page():
        assert not re.findall(r"!\[\s*\]\(", plain(path)), f"{path}: a picture without words"
