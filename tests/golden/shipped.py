"""Series that statsmodels ships with its own tests, read without running those."""

import ast
from importlib.util import find_spec
from pathlib import Path

import numpy as np

FOLDER = "statsmodels.tsa.regime_switching.tests"


def folder() -> Path:
    """Where their tests lie; fails where a distribution has left them out."""
    spec = find_spec(FOLDER)
    assert spec is not None, f"These numbers need {FOLDER}; install a statsmodels that ships it."
    assert spec.origin is not None
    return Path(spec.origin).parent


def series(module: str, name: str) -> np.ndarray:
    """A list of numbers assigned in that module. Importing it would register its tests' marks."""
    text = (folder() / f"{module}.py").read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return np.array(ast.literal_eval(node.value), dtype=float)
    raise LookupError(f"{module}.py of statsmodels assigns no {name}; look where it has gone.")
