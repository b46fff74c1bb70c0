"""The public surface: every name that docs/api lists."""

import importlib
import inspect
import re
from functools import cache

from docs.blocks import ROOT

_NAMED = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)
ARRAYS = re.compile(r"DataFrame|\bSeries\b|ndarray|Array\b|\bFloats?\b")


@cache
def names() -> tuple[str, ...]:
    """Dotted names, in the order of the pages."""
    return tuple(
        name
        for path in sorted((ROOT / "docs" / "api").glob("*.md"))
        for name in _NAMED.findall(path.read_text())
    )


def resolved(name: str) -> object:
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(module), last)


def modules() -> list[str]:
    return sorted({name.rpartition(".")[0] for name in names()})


def methods(cls: type) -> dict[str, object]:
    """Public methods and properties, those of base classes of this project too."""
    found = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("regime."):
            for name, value in vars(base).items():
                inside = getattr(value, "__func__", getattr(value, "fget", value))
                if not name.startswith("_") and inspect.isfunction(inside):
                    found[name] = inside
    return found


def touched(function) -> list[str]:
    """Parameters, and "return", that are annotated as arrays or frames, or may be anything."""
    found = []
    for name, kind in inspect.get_annotations(function).items():
        words = re.sub(r"regime\.[\w.]+", "", kind if isinstance(kind, str) else repr(kind))
        if ARRAYS.search(words) or (name in ("X", "y") and "Any" in words):
            found.append(name)
    return found


def sections(doc: str) -> dict[str, str]:
    """numpydoc's sections by name; "" is what comes before them."""
    parts = re.split(r"^([A-Z][A-Za-z ]+)\n-{3,}\n", doc, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def parameters(function) -> list[str]:
    return [
        name for name, one in inspect.signature(function).parameters.items()
        if name not in ("self", "cls") and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    ]  # fmt: skip
