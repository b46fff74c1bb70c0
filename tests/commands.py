"""The `regime` command again and again: imported once, and forked for each of its runs.

Every run is a process of its own that can be killed, ends as any process ends and leaves nothing
behind for the next; only the seconds of importing are saved.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_SERVER = """
import atexit, gc, json, os, signal, sys, threading
import mlflow, mlflow.pyfunc, mlflow.store.tracking.sqlalchemy_store, alembic.command
import mlflow.store.model_registry.sqlalchemy_store, pandera.pandas, apprise
import training.cli, training.run, training.score, training.retrain, training.promote
import training.compare, training.value, training.doctor, training.fetch, training.serve
import regime.service.daily, regime.service.publishing, regime.tracking.storage
import regime.health.examine, httpx
from regime.data.sources import demo, yahoo

warm = False

def learn():
    # What takes every training seconds: libraries that it imports, and all packages looked through.
    import arch.bootstrap
    from mlflow.utils import requirements_utils
    from regime.tracking import runs
    requirements_utils._init_modules_to_packages_map()
    runs.environment()
    gc.freeze()

def asked():
    global warm
    gc.freeze()  # what is loaded stays, so that no child copies it to look through it
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "end" in asked:
            print(os.waitpid(asked["end"], 0)[1], flush=True)
            continue
        if not warm and asked["words"][0] in ("retrain", "compare"):
            learn()
            warm = True
        pid = os.fork()
        if pid == 0:
            return asked
        print(pid, flush=True)

command = asked()
if command:
    signal.alarm(command["within"])
    for stream, path in enumerate(command["streams"]):
        os.dup2(os.open(path, os.O_RDWR | (stream and os.O_CREAT | os.O_TRUNC)), stream)
    os.chdir(command["cwd"])
    os.environ.clear()
    os.environ.update(command["env"])
    # Signals and what only they read take seconds of every run: tests/service/test_watching.py and
    # tests/data/sources/test_demo_watched.py have them.
    regime.service.publishing.watch_or_note = lambda *_: None
    whole = demo.fetch
    demo.fetch = lambda last_day, watched=False, **more: whole(last_day, **more)
    if few := os.environ.get("TEST_FUNDS"):  # those that Yahoo is asked for
        yahoo.FUNDS = {name: yahoo.FUNDS[name] for name in few.split(",")}
    sys.argv = ["regime", *command["words"]]
    try:
        training.cli.main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException as fault:
        sys.excepthook(type(fault), fault, fault.__traceback__)
        code = 1
    # What an end of Python does, but for clearing up memory, which would copy all of it.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
"""
# What it must hold before anything is imported.
_EARLY = {"OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}


@dataclass(frozen=True)
class Done:
    """How a command went; the return code is below zero after a signal."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float


class Commands:
    """Runs commands, and kills them."""

    def __init__(self, folder: Path) -> None:
        self.out, self.err = folder / "stdout", folder / "stderr"
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=ROOT, env={**os.environ, **_EARLY},
        )  # fmt: skip
        assert self._line() == "ready"

    def _line(self) -> str:
        return self.process.stdout.readline().strip()

    def _ask(self, **asked) -> int:
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return int(self._line())

    def begin(
        self, *words, within: int = 300, cwd: Path = ROOT, out: Path | None = None,
        err: Path | None = None, **environment,
    ) -> int:  # fmt: skip
        """Begin `regime WORDS`; the process, which `end` waits for."""
        return self._ask(
            words=[str(word) for word in words], env={**os.environ, **_EARLY, **environment},
            streams=[os.devnull, str(out or self.out), str(err or self.err)], cwd=str(cwd),
            within=within,
        )  # fmt: skip

    def end(self, pid: int) -> int:
        """The return code of a command that was begun, once it has ended."""
        return os.waitstatus_to_exitcode(self._ask(end=pid))

    def run(
        self, *words, kill_after: float | None = None, within: int = 300, cwd: Path = ROOT,
        **environment,
    ) -> Done:  # fmt: skip
        """Run `regime WORDS`, or begin to, with these names besides this process's environment.

        Raises TimeoutError where it takes more than `within` seconds, which end it.
        """
        began = time.monotonic()
        pid = self.begin(*words, within=within, cwd=cwd, **environment)
        if kill_after is not None:
            time.sleep(kill_after)
            with suppress(ProcessLookupError):  # it was faster
                os.kill(pid, signal.SIGKILL)
        code = self.end(pid)
        took = time.monotonic() - began
        said, noted = self.out.read_text(), self.err.read_text()
        if code == -signal.SIGALRM:
            raise TimeoutError(f"regime {[*words]} hung for {within} s: {noted[-2000:]}")
        return Done(code, said, noted, took)

    def close(self) -> None:
        """End the process they are forked from."""
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()
