"""Which faults are made, that each is one, and how they are counted."""

from textwrap import dedent

import pytest
from mutation.mutants import mutants
from mutation.run import KILLED, MODULES, ROOT, SURVIVED, TIMED_OUT, again, summary, unexplained


def words(source):
    return [one.words for one in mutants(dedent(source))]


def test_a_comparison_is_moved_over_its_bound_and_a_number_by_one():
    assert words("def f(a):\n    b = a < 3\n") == ["f: a < 3 -> a <= 3", "f: a < 3 -> a < 4"]


def test_a_condition_is_turned_round_and_a_return_left_out():
    found = words("def f(a):\n    if a:\n        return a\n")
    assert found == ["f: if a -> if not a", "f: return a -> return None"]


def test_a_statement_is_left_out_but_not_one_whose_name_would_be_missing():
    found = words("def f(a):\n    a.sort()\n    a[0] = b\n    b = a\n")
    assert found == ["f: a.sort() -> pass", "f: a[0] = b -> pass", "f: a[0] -> a[1]"]


def test_names_that_are_easily_confused_are_confused():
    assert words("x = a.min()") == ["module: a.min() -> a.max()"]
    assert words("x = f(side='left')") == ["module: side='left' -> side='right'"]


def test_words_of_messages_annotations_and_decorators_are_left_alone():
    source = """
        @cache(1)
        def f(a: "1 + 1" = None) -> g[2]:
            "1 < 2"
            raise ValueError(f"{a + 1}", 3)
    """
    assert words(source) == ["f: raise ValueError(f'{a + 1}', 3) -> pass"]


@pytest.mark.parametrize("module", MODULES)
def test_every_mutant_of_a_module_can_be_compiled_and_differs_from_it(module):
    source = (ROOT / module).read_text(encoding="utf-8")
    found = list(mutants(source))
    assert len(found) > 10
    assert len({one.source for one in found}) == len(found)
    for one in found[::7]:
        compile(one.source, module, "exec")


def test_what_is_counted_adds_up_and_what_is_tried_again_replaces_what_survived():
    tried = list(mutants("x = 1 < 2\ny = 3\n"))
    found = summary(tried, [KILLED, SURVIVED, TIMED_OUT, SURVIVED])
    assert (found["mutants"], found[KILLED], found[SURVIVED], found["timed_out"]) == (4, 1, 2, 1)
    killed_one = summary([tried[1], tried[3]], [KILLED, SURVIVED])
    now = again(found, killed_one)
    assert (now["mutants"], now[KILLED], now[SURVIVED], now["timed_out"]) == (4, 2, 1, 1)
    assert now["survivors"] == [tried[3].words]


def test_a_survivor_is_explained_by_its_own_words_only():
    results = {"m.py": {"survivors": ["f: a < 3 -> a <= 3", "f: b -> c"]}}
    assert unexplained(results, "- `f: a < 3 -> a <= 3`: a is never 3") == ["m.py: f: b -> c"]
