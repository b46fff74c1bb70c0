"""Machine code on disk is that of the code as it stands, whoever else is saving theirs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from regime.models import compiled, em_recursions

ROOT = str(Path(compiled.__file__).parents[2])

CALLEE = """
from regime.models.compiled import compiled

FACTOR = {factor}


@compiled
def times(value):
    return FACTOR * value {more}
"""
CALLER = """
from low import times
from regime.models.compiled import compiled


@compiled
def total(values, states):
    whole = 0.0
    for state in range(len(states)):
        for value in values:
            whole += times(value)
    return whole
"""


def without_numba(**environment):
    keep = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
    return keep | environment


def python(script, folder, **environment):
    paths = os.pathsep.join([str(folder), ROOT])
    return subprocess.run(
        [sys.executable, "-B", "-c", script], cwd=folder, capture_output=True, text=True,
        env=without_numba(PYTHONPATH=paths, **environment), check=False,
    )  # fmt: skip


# Forks for each question: every answer is of a process that is new to both modules.
ASKED = """
import json, os, sys
import numba, numpy, regime.models.compiled
numba.njit(lambda values, states: values.sum() + len(states))(numpy.ones(3), (0, 0))  # warms up
print("ready", flush=True)
for line in sys.stdin:
    questions = json.loads(line)
    for folder, n_states, out in questions:
        if os.fork():
            continue
        with open(out, "w") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        os.chdir(folder)
        sys.path.insert(0, folder)
        import high
        print(high.total(numpy.ones(3), (0,) * n_states), sum(high.total.stats.cache_hits.values()))
        sys.stdout.flush()
        os._exit(0)
    print([os.wait()[1] for _ in questions], flush=True)
"""


@pytest.fixture(scope="module")
def totals(tmp_path_factory):
    """Asks new processes, all of them at once, for totals in a folder and for hits on disk."""
    answers = tmp_path_factory.mktemp("answers")
    with subprocess.Popen(
        [sys.executable, "-B", "-c", ASKED], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, cwd=answers, env=without_numba(PYTHONPATH=ROOT),
    ) as server:  # fmt: skip
        assert server.stdout.readline() == "ready\n"

        def ask(folder, *numbers):
            outs = [answers / str(at) for at in range(len(numbers))]
            questions = [(str(folder), n, str(out)) for n, out in zip(numbers, outs, strict=True)]
            server.stdin.write(json.dumps(questions) + "\n")
            server.stdin.flush()
            assert server.stdout.readline() == f"{[0] * len(numbers)}\n"
            said = [out.read_text().split() for out in outs]
            return [(float(value), int(hits)) for value, hits in said]

        yield ask
        server.stdin.close()


@pytest.fixture
def total(totals):
    """The same of one process."""
    return lambda folder, n_states=2: totals(folder, n_states)[0]


def two_modules(folder, factor=2.0, more=""):
    (folder / "low.py").write_text(CALLEE.format(factor=factor, more=more))
    (folder / "high.py").write_text(CALLER)


def test_a_second_process_does_not_compile_again(tmp_path, total):
    two_modules(tmp_path)
    assert total(tmp_path) == (12.0, 0)
    assert total(tmp_path) == (12.0, 1)


def test_what_changed_in_another_module_is_not_answered_from_disk(tmp_path, total):
    two_modules(tmp_path)
    assert total(tmp_path) == (12.0, 0)
    two_modules(tmp_path, factor=20.0)
    assert total(tmp_path) == (120.0, 0)
    two_modules(tmp_path, factor=20.0, more="+ 1.0")
    assert total(tmp_path) == (126.0, 0)
    assert total(tmp_path) == (126.0, 1)


def test_two_signatures_saved_at_once_do_not_take_each_others_place(tmp_path, total):
    """As when each process had read the index before the other wrote to it."""
    two_modules(tmp_path)
    folder = tmp_path / "__pycache__"
    assert total(tmp_path, 2) == (12.0, 0)
    first = {path: path.read_bytes() for path in folder.glob("high.*")}
    for path in first:
        path.unlink()
    assert total(tmp_path, 3) == (18.0, 0)
    for path, data in first.items():  # the slower process writes
        path.write_bytes(data)
    assert total(tmp_path, 2) == (12.0, 1)
    assert total(tmp_path, 3) == (18.0, 1)


def test_processes_that_start_together_on_an_empty_folder_agree(tmp_path, totals, total):
    two_modules(tmp_path)
    found = totals(tmp_path, 1, 2, 3, 2)
    assert [value for value, _ in found] == [6.0, 12.0, 18.0, 12.0]
    assert total(tmp_path, 2) == (12.0, 1)


def test_a_full_disk_costs_the_next_process_time_not_this_one_its_result(tmp_path, total):
    two_modules(tmp_path)
    script = """
import numpy, numba.core.caching as caching
def full(self, name, data): raise OSError(28, "No space left on device")
caching.IndexDataCacheFile._save_data = full
import high
print(high.total(numpy.ones(3), (0, 0)))
"""
    ran = python(script, tmp_path)
    assert ran.stdout.split() == ["12.0"], ran.stderr
    assert total(tmp_path) == (12.0, 0)


def test_compiles_in_memory_where_no_folder_can_be_written_to(tmp_path):
    two_modules(tmp_path)
    wall = tmp_path / "__pycache__"  # a file where a folder is wanted, which stops root as well
    wall.touch()
    nowhere = str(wall / "below")
    blocked = dict.fromkeys(["HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "APPDATA"], nowhere)
    script = """
import numba, numpy, low
try:
    numba.njit(cache=True)(low.times.py_func)
except RuntimeError as error:
    print("refused" if "cannot cache" in str(error) else error)
import high
print(high.total(numpy.ones(3), (0, 0)))
"""
    ran = python(script, tmp_path, **blocked)
    assert ran.stdout.splitlines() == ["refused", "12.0"], ran.stderr


def test_compiled_functions_are_kept_on_disk_with_the_numba_of_this_day():
    """Where numba files otherwise, every process would silently compile for itself."""
    assert isinstance(em_recursions.forward._cache._cache_file, compiled.Shelf)
    assert np.unique([compiled.ingredients(f.py_func) for f in (
        em_recursions.forward, em_recursions.backward)]).size == 2  # fmt: skip


def test_what_only_scores_does_without_numba():
    code = (
        "import sys, regime.brief.what_if; print('sklearn' in sys.modules, 'numba' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.split() == ["True", "False"]
