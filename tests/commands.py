"""The `regime` command again and again: imported once, and forked for each of its runs.

Every run is a process of its own that can be killed; only the seconds of importing are saved.
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

_SERVER = """
import os
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
import json, sys, traceback
import mlflow, mlflow.pyfunc, mlflow.store.tracking.sqlalchemy_store, alembic.command
import mlflow.store.model_registry.sqlalchemy_store, pandera.pandas, apprise
import training.cli, training.run, training.score, training.retrain, training.promote
import regime.service.daily, regime.tracking.storage
print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            for stream, path in ((1, asked["out"]), (2, asked["err"])):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
            os.environ.update(asked["env"])
            sys.argv = ["regime", *asked["words"]]
            training.cli.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        except BaseException as fault:
            sys.excepthook(type(fault), fault, fault.__traceback__)
            code = 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


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
            text=True, cwd=Path(__file__).parents[1],
        )  # fmt: skip
        assert self._line() == "ready"

    def _line(self) -> str:
        return self.process.stdout.readline().strip()

    def run(self, *words, kill_after: float | None = None, **environment) -> Done:
        """Run `regime WORDS`, or begin to, with these names in its environment."""
        asked = {
            "words": [str(word) for word in words], "env": environment,
            "out": str(self.out), "err": str(self.err),
        }  # fmt: skip
        began = time.monotonic()
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        pid = int(self._line())
        if kill_after is not None:
            time.sleep(kill_after)
            with suppress(ProcessLookupError):  # it was faster
                os.kill(pid, signal.SIGKILL)
        status = int(self._line())
        took = time.monotonic() - began
        code = os.waitstatus_to_exitcode(status)
        return Done(code, self.out.read_text(), self.err.read_text(), took)

    def close(self) -> None:
        """End the process they are forked from."""
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()
