"""The notebook can be run from its first cell to its last."""

import ast
import importlib

import nbclient
import nbformat
import pytest
from docs.blocks import ROOT

NOTEBOOK = ROOT / "docs" / "notebook" / "walk.ipynb"


@pytest.fixture(scope="module")
def book():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_the_notebook_is_kept_without_what_it_printed(book):
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert code
    assert not any(cell.outputs or cell.execution_count for cell in code)


def test_what_the_notebook_imports_is_there(book):
    code = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            for name in node.names:
                assert hasattr(module, name.name), f"{node.module}.{name.name}"


# A kernel's connections are closed when they are collected, not before.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_notebook_runs(book, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # which importing streamlit sets
    done = nbclient.NotebookClient(
        book.copy(), timeout=300, resources={"metadata": {"path": NOTEBOOK.parent}}
    ).execute()
    shown = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in shown)
    printed = "".join(output.get("text", "") for output in shown)
    assert "edge" in printed
    assert "Warning" not in printed
