"""Which small faults the tests of a module would let pass.

    python tests/mutation/run.py                 every module
    python tests/mutation/run.py scores splits   these
    python tests/mutation/run.py --again scores  only what survived last time

Each mutant is tried in a copy of the tree, by the module's own tests up to the first that fails,
two at a time. What survives is to be killed by a test, or explained in survivors.md; what is
neither is printed, with exit code 1. results.json is brought up to date module by module.
"""

import argparse
import gc
import json
import os
import queue
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # as pytest does
from mutation.mutants import Mutant, mutants

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS, EXPLAINED = HERE / "results.json", HERE / "survivors.md"
OF_THE_LEDGER = [
    f"tests/tracking/ledger/test_{name}.py"
    for name in ("publishing", "tampering", "copies", "processes")
]
MODULES = {  # and what is to notice; the quick and telling ones first
    "regime/evaluation/splits.py": ["tests/evaluation/test_splits.py"],
    "regime/evaluation/scores.py": ["tests/evaluation/test_scores.py"],
    "regime/labels/leadership.py": ["tests/labels/test_leadership.py"],
    "regime/survivors.py": [
        "tests/test_survivors.py",
        "tests/models/test_resampled.py::test_many_markets_have_the_scores_and_paths_they_have_alone",
    ],
    "regime/data/panel.py": ["tests/data/test_panel.py", "tests/data/test_prices.py"],
    "regime/data/as_of.py": ["tests/data/test_as_of.py"],
    "regime/tracking/chain.py": ["tests/tracking/test_chain.py"],
    "regime/tracking/ledger_rows.py": OF_THE_LEDGER,
    "regime/tracking/ledger.py": OF_THE_LEDGER,
    "regime/models/filtering.py": ["tests/models/test_filtering.py"],
}
LEFT_OUT = "postgres or sixty_years or anchors_are"  # long, and they notice nothing by themselves
COPIED = ("regime", "training", "app", "experiments", "tests")
LIBRARIES = (
    "pytest", "hypothesis.extra.numpy", "pandas", "scipy.stats", "sklearn.metrics", "sqlalchemy",
    "pandas_market_calendars", "pandera.pandas", "pyarrow.parquet", "pydantic_settings", "numba",
    "mlflow", "hmmlearn.hmm",
)  # fmt: skip
CPU_SECONDS = 20  # above what the tests take of the module as it is, three times over
WALL_SECONDS = 900
AT_A_TIME = 2
KILLED, SURVIVED, TIMED_OUT = "killed", "survived", "timed_out"
COUNTED = {"mutants": "mutants", KILLED: "killed", SURVIVED: "survived", TIMED_OUT: "timed out"}


def serve(tree: Path) -> None:
    """Run tests as standard input asks, each time in a fork that has the libraries loaded."""
    os.chdir(tree)
    os.nice(15 - os.nice(0))
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    sys.path[0] = str(tree)
    for name in LIBRARIES:
        __import__(name)
    _find_no_least_example()
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _test(asked["tests"], asked["cpu"], writes_bytecode=asked["first"])
        _, status, used = os.wait4(pid, 0)
        print(json.dumps([os.waitstatus_to_exitcode(status), used.ru_utime]), flush=True)


def _find_no_least_example() -> None:
    """A failure is enough here; which is the smallest nobody asks."""
    from hypothesis import Phase, settings

    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutants", phases=phases, database=None, derandomize=True)
    settings.load_profile("mutants")


class DrawnLast:
    """Tests of one example before those of many."""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items.sort(key=lambda item: hasattr(item.obj, "hypothesis"))


def _test(tests: Sequence[str], cpu: int, *, writes_bytecode: bool) -> None:
    import pytest

    sys.dont_write_bytecode = not writes_bytecode
    out = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(out, stream)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    signal.alarm(WALL_SECONDS)
    code = pytest.main([
        "-x", "-q", "--assert=plain", "-m", "not long", "-p", "no:cacheprovider",
        "-k", f"not ({LEFT_OUT})", "--basetemp=scratch", *tests,
    ], plugins=[DrawnLast()])  # fmt: skip
    sys.stdout.flush()
    os._exit(code)


class Server:
    """A process that tries mutants in a tree of its own."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder
        for name in COPIED:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.nb?"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), "--serve", str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout.readline().strip() == "ready"

    def ask(self, tests: Sequence[str], cpu: float, *, first: bool = False) -> tuple[int, float]:
        """Exit code of the tests and the CPU seconds they took."""
        asked = {"tests": list(tests), "cpu": int(cpu), "first": first}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        code, used = json.loads(self.process.stdout.readline())
        return code, used

    def try_one(self, module: str, mutant: Mutant, tests: Sequence[str], cpu: float) -> str:
        """How one mutant fared."""
        path = self.tree / module
        path.write_text(mutant.source, encoding="utf-8")
        code, _ = self.ask(tests, cpu)
        if code in (-signal.SIGXCPU, -signal.SIGKILL, -signal.SIGALRM):
            return TIMED_OUT
        return KILLED if code else SURVIVED

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


def try_module(
    module: str, tests: Sequence[str], servers: Sequence[Server], only: Sequence[str] | None
) -> dict[str, Any]:
    """Every mutant of a module, or those of these words, and how each fared."""
    original = (servers[0].tree / module).read_text(encoding="utf-8")
    allowed = 0.0
    for server in servers:
        code, used = server.ask(tests, 3600, first=True)
        if code:
            said = (server.tree / "said").read_text(errors="replace")[-3000:]
            raise RuntimeError(f"Tests of {module} fail on the module as it is:\n{said}")
        allowed = max(allowed, CPU_SECONDS + 3 * used)
    wanted = [one for one in mutants(original) if only is None or one.words in only]
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(wanted)):
        waiting.put(number)
    fared = [""] * len(wanted)

    def work(server: Server) -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            fared[number] = server.try_one(module, wanted[number], tests, allowed)
            if fared[number] != KILLED:
                print(f"  {fared[number]}, line {wanted[number].line}: {wanted[number].words}",
                      flush=True)  # fmt: skip

    threads = [threading.Thread(target=work, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for server in servers:
        (server.tree / module).write_text(original, encoding="utf-8")
    return summary(wanted, fared)


def summary(tried: Sequence[Mutant], fared: Sequence[str]) -> dict[str, Any]:
    """Counts, and the words of those that no test killed."""
    return {
        "mutants": len(tried),
        KILLED: fared.count(KILLED),
        SURVIVED: fared.count(SURVIVED),
        TIMED_OUT: fared.count(TIMED_OUT),
        "survivors": [one.words for one, how in zip(tried, fared, strict=True) if how == SURVIVED],
    }


def again(kept: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """A module's counts once those that survived were tried again."""
    newly = len(kept["survivors"]) - len(now["survivors"])
    counts = {KILLED: kept[KILLED] + newly, SURVIVED: len(now["survivors"])}
    return kept | counts | {"survivors": now["survivors"]}


def unexplained(results: dict[str, Any], explained: str) -> list[str]:
    """Survivors that are not named in what explains them."""
    return [
        f"{module}: {words}"
        for module, found in results.items()
        for words in found["survivors"]
        if f"`{words}`" not in explained
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("modules", nargs="*", help="names, without folder and .py; all without one")
    parser.add_argument("--again", action="store_true", help="only what survived last time")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve)
        return 0
    known = {Path(module).stem: module for module in MODULES}
    if unknown := set(chosen.modules) - set(known):
        parser.error(f"no module {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory(prefix="regime-mutants-") as folder:
        servers = [Server(Path(folder) / str(number)) for number in range(AT_A_TIME)]
        for name in chosen.modules or known:
            module = known[name]
            before = results.get(module)
            only = before["survivors"] if chosen.again and before else None
            found = try_module(module, MODULES[module], servers, only)
            results[module] = again(before, found) if only is not None else found
            ordered = {one: results[one] for one in MODULES if one in results}
            RESULTS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
            told = results[module]
            counts = ", ".join(f"{told[how]} {words}" for how, words in COUNTED.items())
            print(f"{module}: {counts}", flush=True)
        for server in servers:
            server.close()
    left = unexplained(results, EXPLAINED.read_text(encoding="utf-8"))
    for one in left:
        print(f"neither killed nor explained: {one}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
