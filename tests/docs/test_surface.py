"""What docs/api lists can be imported, and its docstrings say shapes and units."""

import inspect
import re

import pydantic
import pytest
from docs.surface import methods, names, parameters, resolved, sections, touched
from pydantic.fields import FieldInfo

# Words that say in what a number is given, or what an entry is.
UNITS = re.compile(
    r"\b(nats?|probabilit(y|ies)|(log|simple|total|daily) returns?|returns? of|units?|shares?"
    r"|standard deviations?|trading days?|sessions?|calendar days|UTC|percent|basis points|bp"
    r"|log densit(y|ies)|log loss(es)?|regimes?|0 to 1|episodes?|names?|timestamps?)\b",
    re.IGNORECASE,
)
PUBLIC = {name: resolved(name) for name in names()}
FUNCTIONS = {name: one for name, one in PUBLIC.items() if inspect.isfunction(one)}
CLASSES = {name: one for name, one in PUBLIC.items() if inspect.isclass(one)}
METHODS = {
    f"{name}.{method}": function
    for name, cls in CLASSES.items()
    for method, function in methods(cls).items()
}


def named_in(section: str) -> set[str]:
    """Names that a section of parameters or attributes explains, several to a line."""
    heads = [line.partition(" : ")[0] for line in section.splitlines() if re.match(r"\w", line)]
    return {word.strip() for head in heads for word in head.split(",")}


def test_a_name_is_listed_once():
    assert len(names()) == len(PUBLIC) > 80


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_is_documented_where_it_is_listed(name):
    one = PUBLIC[name]
    assert (one.__doc__ or "").strip()
    assert one.__module__ == name.rpartition(".")[0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_explains_its_arrays(name):
    function = FUNCTIONS[name]
    arrays = touched(function)
    if not arrays:
        return
    doc = inspect.getdoc(function)
    parts = sections(doc)
    assert "of shape" in doc, doc
    assert UNITS.search(doc), doc
    given = named_in(parts.get("Parameters", ""))
    assert {*arrays} - {"return"} <= given, f"not explained: {sorted({*arrays} - given)}"
    if "return" in arrays:
        assert "of shape" in parts.get("Returns", ""), f"shape of what it returns\n{doc}"


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_explains_what_it_is_made_of(name):
    cls = CLASSES[name]
    doc = inspect.getdoc(cls)
    if issubclass(cls, pydantic.BaseModel):
        silent = [
            key for key, field in cls.model_fields.items()
            if isinstance(field, FieldInfo) and key not in doc and not field.description
        ]  # fmt: skip
        assert not silent, f"not explained: {silent}"
    elif not issubclass(cls, (Exception, str)):
        parts = sections(doc)
        explained = named_in(parts.get("Parameters", "")) | named_in(parts.get("Attributes", ""))
        assert {*parameters(cls)} <= explained, sorted({*parameters(cls)} - explained)
        if touched(cls):
            assert "of shape" in doc, doc
            assert UNITS.search(doc), doc


@pytest.mark.parametrize("name", METHODS)
def test_a_method_explains_its_arrays(name):
    function = METHODS[name]
    doc = inspect.getdoc(function) or ""
    assert doc, "no docstring"
    if touched(function):
        assert re.search(r"of shape|\(n_\w+, ", doc), doc
        assert UNITS.search(doc), doc
