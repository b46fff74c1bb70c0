"""Pages of the site from files of the repository, whose links hold in both places.

Pages are written to be read where they lie: their links lead to files by relative paths. On the
site README.md is the first page, what lies beside it stands beside it, `docs/` is its root, and a
file of code that a page links to is shown as a page of its own.
"""

import posixpath
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
BESIDE = ["METHOD.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "RELEASING.md",
          "CHANGELOG.md"]  # fmt: skip
FIRST = ["live.md", "your-data.md", "reading.md", "compare.md", "extend.md", "cron.md",
         "clusters.md", "shared-server.md"]  # fmt: skip
NOTEBOOK = "docs/notebook/walk.ipynb"
SHOWN = {".py": "python", ".toml": "toml", ".md": "markdown", ".j2": "html", "": "make"}

_LINK = re.compile(r"(!?\[(?:[^\]\[]|\[[^\]]*\])*\])\(([^()\s]+)\)")
_CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages: whatever lies in docs/ has its place."""
    docs = ROOT / "docs"
    guides = sorted((path.name for path in (docs / "guides").glob("*.md")), key=_place)
    reference = [path.name for path in sorted(docs.glob("*.md"))]
    api = sorted(path.name for path in (docs / "api").glob("*.md") if path.name != "index.md")
    beside = [name for name in BESIDE if (ROOT / name).is_file()]
    config.nav = [
        {"Start": "index.md"},
        *([{"Guides": [f"guides/{name}" for name in guides]}] if guides else []),
        *([{"A notebook": _site(NOTEBOOK)}] if (ROOT / NOTEBOOK).is_file() else []),
        *beside[:2],
        {"Reference": reference},
        {"API": ["api/index.md", *(f"api/{name}" for name in api)]},
        *beside[2:],
    ]
    return config


def _place(name: str) -> tuple[int, str]:
    return (FIRST.index(name) if name in FIRST else len(FIRST), name)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages beside docs/, the notebook, and every file that a page links to."""
    waiting = ["README.md", *(name for name in BESIDE if (ROOT / name).is_file())]
    waiting += [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    if (ROOT / NOTEBOOK).is_file():
        files.append(File.generated(config, _site(NOTEBOOK), content=_notebook()))
    done: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in done or not (path := ROOT / name).is_file():
            continue
        done.add(name)
        if name.endswith(".md"):
            text = path.read_text(encoding="utf-8")
            waiting += [target for _, target in _targets(text, name) if target is not None]
        if not name.startswith("docs/"):
            file = File.generated(config, _site(name), content=_content(name))
            if file.src_uri.startswith("source/"):
                file.inclusion = InclusionLevel.NOT_IN_NAV
            files.append(file)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to where their files stand on the site; those to folders become words."""
    del config, files
    name = _repository(page.file.src_uri)
    for link, target in _targets(markdown, name):
        words, address = link
        if target is None:
            continue
        anchor = address.partition("#")[2]
        if (ROOT / target).is_dir():
            markdown = markdown.replace(f"{words}({address})", words[1:-1])
            continue
        there = posixpath.relpath(_site(target), posixpath.dirname(page.file.src_uri) or ".")
        there += f"#{anchor}" if anchor else ""
        markdown = markdown.replace(f"{words}({address})", f"{words}({there})")
    return markdown


def _targets(text: str, name: str) -> list[tuple[tuple[str, str], str | None]]:
    """Each link, and the file or folder of the repository it leads to; None: an address."""
    found = []
    for words, address in _LINK.findall(_CODE.sub("", text)):
        path = unquote(address.partition("#")[0])
        local = path and not re.match(r"[a-z][a-z0-9+.-]*:|/", path)
        joined = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
        inside = local and not joined.startswith("..") and (ROOT / joined).exists()
        found.append(((words, address), joined if inside else None))
    return found


def _site(name: str) -> str:
    """Where a file of the repository stands on the site."""
    if name == "README.md":
        return "index.md"
    if name.startswith("docs/"):
        return re.sub(r"\.ipynb$", ".md", name.removeprefix("docs/"))
    if name.endswith(".md"):
        return name if "/" not in name else f"source/{name}"
    return f"source/{name}.md"


def _repository(site: str) -> str:
    """The file of the repository that stands there on the site."""
    if site == "index.md":
        return "README.md"
    if site.startswith("source/"):
        name = site.removeprefix("source/")
        return name if (ROOT / name).is_file() else name.removesuffix(".md")
    return site if (ROOT / site).is_file() else f"docs/{site}"


def _content(name: str) -> str:
    text = (ROOT / name).read_text(encoding="utf-8")
    if name.endswith(".md"):
        return text
    language = SHOWN.get(Path(name).suffix, "text")
    return f"---\nsearch:\n  exclude: true\n---\n# {name}\n\n````{language}\n{text}````\n"


def _notebook() -> str:
    """The notebook, executed, as a page."""
    import nbclient
    import nbformat

    book: Any = nbformat.read(ROOT / NOTEBOOK, as_version=4)
    folder = {"metadata": {"path": ROOT / Path(NOTEBOOK).parent}}
    nbclient.NotebookClient(book, timeout=300, resources=folder).execute()
    parts = []
    for cell in book.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for output in cell.outputs:
            data = output.get("data", {})
            if picture := data.get("image/png"):
                parts.append(
                    f'<img alt="What the cell draws" src="data:image/png;base64,{picture}">'
                )
            elif text := data.get("text/plain", output.get("text", "")).rstrip():
                parts.append(f"```text\n{text}\n```")
    return "\n\n".join(parts) + "\n"
