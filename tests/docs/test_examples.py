"""Examples in the docstrings of the public surface give what they say."""

import doctest
import importlib

import pytest
from docs.surface import modules

FOUND = {
    f"{module}.{test.name.removeprefix(module).lstrip('.')}": test
    for module in modules()
    for test in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module))
    if test.examples
}


def test_what_is_hard_to_see_has_an_example():
    assert {
        "regime.data.panel.point_in_time", "regime.labels.leadership.leadership_path",
        "regime.models.filtering.forward_filter", "regime.evaluation.scores.log_losses",
        "regime.evaluation.splits.ConfirmedWalkForward",
    } <= {*FOUND}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_an_example_gives_what_it_says(name):
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    assert runner.run(FOUND[name], out=said.append).failed == 0, "".join(said)
