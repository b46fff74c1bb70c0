"""Walks through pages as a reader would: in a folder of one's own, block after block."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Timer

from docs.blocks import ROOT, Block, Page, console, cron, logical, shell
from once import moved

BIN = Path(sys.executable).parent
# Of another environment, into which the wheel was installed: what a page that needs no checkout
# is followed with.
INSTALLED = os.environ.get("REGIME_TEST_BIN")
SHARED = "../shared/data"
# What serves until it is ended, by its first words, and the ports it answers on.
SERVERS = {
    ("regime", "app"): [8501], ("regime", "ui"): [5000], ("regime", "demo"): [8501, 5000],
    ("make", "app"): [8501], ("make", "ui"): [5000], ("make", "demo"): [8501, 5000],
    ("mlflow", "server"): [5000], ("mlflow", "models", "serve"): [5000],
    ("dask", "scheduler"): [8786], ("mkdocs", "serve"): [8000],
}  # fmt: skip
ENDS = {"--check", "--no-serve", "ARGS=--no-serve", "--help"}
# Of the environment of whoever runs the tests, that alone.
KEPT = ("LANG", "LC_ALL", "TMPDIR", "REQUIRE_REAL_DATA", "REGIME_TEST_DATA")

_PRELUDE = """
set -euo pipefail
_serve() {  # WORDS PORT...: begun, and awaited until it answers
    local words=$1 log; shift
    log="$DOCS_STATE/server.$BASHPID.$RANDOM"
    setsid bash -c "$words" >"$log" 2>&1 </dev/null & local pid=$!
    echo "$pid" >>"$DOCS_STATE/servers"
    for port; do
        until (: </dev/tcp/127.0.0.1/"$port") 2>/dev/null; do
            kill -0 "$pid" 2>/dev/null || { cat "$log"; echo "ended at once: $words"; return 1; }
            sleep 0.3
        done
    done
    cat "$log"
}
_keep() {
    local code=$?
    export -p >"$DOCS_STATE/exported"
    pwd >"$DOCS_STATE/folder"
    exit $code
}
if [ -e "$DOCS_STATE/exported" ]; then
    . "$DOCS_STATE/exported"
    cd "$(cat "$DOCS_STATE/folder")"
fi
trap _keep EXIT
"""
# One interpreter for all blocks of a page that are Python.
_PYTHON = """
import io, json, os, sys, traceback
told, names = os.fdopen(os.dup(1), "w"), {"__name__": "__main__"}
os.dup2(2, 1)
for line in sys.stdin:
    asked = json.loads(line)
    fault = None
    try:
        exec(compile(asked["text"], asked["place"], "exec"), names)
    except BaseException:
        fault = traceback.format_exc()
    sys.stdout.flush()
    print(json.dumps(fault), file=told, flush=True)
"""


class Walk:
    """One page in one folder. Ends what it began; `with Walk(page, folder) as walk`."""

    def __init__(self, page: Page, base: Path, *, demo: Path | None, mirror: str | None,
                 data: Path | None) -> None:  # fmt: skip
        self.page = page
        self.folder = base / "page"
        self.state = base / "state"
        self.data = data
        self.python: subprocess.Popen[str] | None = None
        base.mkdir(parents=True, exist_ok=True)
        self.state.mkdir()
        if "checkout" in page.stands_on:
            checkout(self.folder)
        else:
            self.folder.mkdir()
        if demo is not None:
            (self.folder / ".regime").mkdir(exist_ok=True)
            moved(demo, self.folder / ".regime" / "demo")
        if data is not None:
            (base / "shared").mkdir()
            (base / "shared" / "data").symlink_to(data)
        (tools := base / "bin").mkdir()
        # The environment is there already, whatever the copies' times say.
        (tools / "make").write_text(
            f'#!/bin/sh\nexec {shutil.which("make")} -o .venv/.ready -o setup "$@"\n'
        )
        (tools / "make").chmod(0o755)
        home = base / "home"
        home.mkdir()
        of_checkout = "checkout" in page.stands_on
        self.bin = Path(INSTALLED) if INSTALLED and not of_checkout else BIN
        self.environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.environment |= {
            "PATH": f"{tools}:{self.bin}:/usr/local/bin:/usr/bin:/bin", "HOME": str(home),
            "DOCS_STATE": str(self.state), "OMP_NUM_THREADS": "1",
            "COLUMNS": "120", "REGIME_USER_AGENT": "documentation, docs@example.org",
            "MLFLOW_DISABLE_TELEMETRY": "true", "JUPYTER_PLATFORM_DIRS": "1", "MPLBACKEND": "agg",
        }  # fmt: skip
        if self.bin == BIN:
            self.environment["PYTHONPATH"] = str(self.folder if of_checkout else ROOT)
        if mirror is not None:
            self.environment["REGIME_MIRROR"] = mirror

    def __enter__(self) -> "Walk":
        return self

    def __exit__(self, *_: object) -> None:
        begun = self.state / "servers"
        pids = [int(word) for word in begun.read_text().split()] if begun.exists() else []
        if self.python is not None:
            self.python.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self.python.wait(30)
            pids.append(self.python.pid)
            self.python.stdout.close()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)
        for pid in pids:
            with suppress(ChildProcessError, ProcessLookupError):
                _await_end(pid)

    def here(self, text: str) -> str:
        """The text with /srv/ in the page's own folder."""
        return re.sub(r"(?<![\w.])/srv/", f"{self.folder}/srv/", text)

    def run(self, block: Block) -> None:
        """Do what a block asks; raises AssertionError that says what came of it."""
        if block.file is not None:
            path = self.current() / self.here(block.file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.here(block.text), encoding="utf-8")
        elif block.language == "sh":
            code, out = self.shell(block.text, block)
            assert code == 0, f"{block.place}: exit code {code}\n{out[-5000:]}"
        elif block.language == "console":
            for said in console(block):
                code, out = self.shell(said.command, block)
                assert_printed(f"{block.place}: {said.command}", said.printed, code, out)
        elif block.language == "cron":
            for variables, command in cron(block):
                code, out = self.as_cron(command, variables, block)
                assert code == 0, f"{block.place}: exit code {code} of {command}\n{out[-5000:]}"
        elif block.language == "python":
            self.interpret(block)

    def current(self) -> Path:
        kept = self.state / "folder"
        return Path(kept.read_text().rstrip("\n")) if kept.exists() else self.folder

    def shell(self, text: str, block: Block) -> tuple[int, str]:
        """Exit code and output of bash, which goes on where the block before ended."""
        script = self.state / "script"
        script.write_text(_PRELUDE + serving(self.here(text)), encoding="utf-8")
        return self._run(["bash", str(script)], self.environment, self.folder, block)

    def as_cron(self, command: str, variables: dict[str, str], block: Block) -> tuple[int, str]:
        environment = self.environment | {"PATH": "/usr/bin:/bin"} | variables
        home = Path(environment["HOME"])
        return self._run(["/bin/sh", "-c", self.here(command)], environment, home, block)

    def _run(self, words, environment, cwd, block) -> tuple[int, str]:
        log = self.state / "output"
        with log.open("wb") as out:
            running = subprocess.Popen(
                words, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                code = running.wait(block.within)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()
                raise AssertionError(
                    f"{block.place}: not done within {block.within:.0f} seconds\n"
                    f"{log.read_text(errors='replace')[-5000:]}"
                ) from None
        return code, log.read_text(errors="replace")

    def interpret(self, block: Block) -> None:
        log = self.state / "python"
        if self.python is None:
            with log.open("wb") as out:
                self.python = subprocess.Popen(
                    [self.bin / "python", "-c", _PYTHON], stdin=subprocess.PIPE, text=True,
                    stdout=subprocess.PIPE, stderr=out, cwd=self.current(), start_new_session=True,
                    env=self.environment | self.exported(),
                )  # fmt: skip
        asked = {"text": self.here(block.text), "place": block.place}
        self.python.stdin.write(json.dumps(asked) + "\n")
        self.python.stdin.flush()
        # A block that hangs is ended by the end of its process, which ends the answer.
        alarm = Timer(block.within, os.killpg, (self.python.pid, signal.SIGKILL))
        alarm.start()
        answer = self.python.stdout.readline()
        alarm.cancel()
        said = log.read_text(errors="replace")[-3000:]
        assert answer, f"{block.place}: Python ended, or took {block.within:.0f} seconds\n{said}"
        fault = json.loads(answer)
        assert fault is None, f"{block.place}:\n{fault}\n{said}"

    def exported(self) -> dict[str, str]:
        """What the page's shell has exported so far."""
        kept = self.state / "exported"
        if not kept.exists():
            return {}
        script = f'. "{kept}"; exec env -0'
        done = subprocess.run(["bash", "-c", script], env={}, capture_output=True, check=True)
        pairs = (pair.partition(b"=") for pair in done.stdout.split(b"\0") if pair)
        return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def _await_end(pid: int) -> None:
    """Wait for a process group to be gone; with force after thirty seconds."""
    for attempt in range(200):
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        os.killpg(pid, signal.SIGKILL if attempt > 150 else 0)
        time.sleep(0.2)


def checkout(to: Path) -> None:
    """A copy of the files of the repository, with the environment of the one that is tested."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, os.fsdecode(listed).split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    # A folder of its own, whose entries lead to the real ones: nothing done to it can harm those.
    (to / ".venv").mkdir()
    for entry in BIN.parent.iterdir():
        if entry.name not in (".ready", "bin"):
            (to / ".venv" / entry.name).symlink_to(entry)
    (to / ".venv" / "bin").mkdir()
    for entry in BIN.iterdir():
        (to / ".venv" / "bin" / entry.name).symlink_to(entry)
    (to / ".venv" / ".ready").touch()
    who = ("-c", "user.name=docs", "-c", "user.email=docs@example.org")
    for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-qm", "all")):
        subprocess.run(["git", *words], cwd=to, check=True)


def serving(text: str) -> str:
    """A shell's text, in which what serves for ever is begun and awaited."""
    lines = []
    for line in logical(text):
        words = [] if "<<" in line else shlex.split(line, comments=True)
        bare = [word for word in words if not re.match(r"[A-Za-z_]\w*=", word) or word in ENDS]
        bare = [bare[0].rpartition("/")[2], *bare[1:]] if bare else []
        kind = next((kind for kind in SERVERS if tuple(bare[: len(kind)]) == kind), None)
        if kind is None or ENDS & {*words} or words[-1] == "&":
            lines.append(line)
            continue
        ports = SERVERS[kind]
        for name in ("--port", "-p"):
            if name in bare:
                ports = [int(bare[bare.index(name) + 1])]
        if (more := re.search(r"ARGS=.*--port[ =](\d+)", line)) is not None:
            ports = [int(more[1])]
        exact = " ".join(shlex.quote(word) if "$" not in word else word for word in words)
        exact = re.sub(r"'(\w+=)", r"\1'", exact)  # an assignment stays one
        lines.append(f"_serve {shlex.quote(exact)} {' '.join(map(str, ports))}")
    return "\n".join(lines) + "\n"


def ports(page: Page) -> set[int]:
    """Ports on which a page has something answer."""
    found: set[int] = set()
    for block in page.blocks:
        if block.not_run is None and block.file is None and block.language in ("sh", "console"):
            for line in serving(shell(block)).splitlines():
                if line.startswith("_serve "):
                    found |= {int(word) for word in shlex.split(line)[2:]}
    return found


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def assert_printed(place: str, expected: str, code: int, out: str) -> None:
    """The same words in the same order; `...` stands for anything."""
    lines = expected.rstrip().splitlines()
    wanted = 0
    if lines and (last := re.fullmatch(r"exit code (\d+)", lines[-1].strip())):
        wanted, lines = int(last[1]), lines[:-1]
    assert code == wanted, f"{place}: exit code {code}\n{out[-5000:]}"
    words = " ".join(" ".join(lines).split())
    if not words:
        return
    parts = [re.escape(part.strip()).replace("\\ ", r"\s+") for part in words.split("...")]
    glue = [r"\s*.*?\s*"] * (len(parts) - 1)
    pattern = "".join(part + join for part, join in zip(parts, [*glue, ""], strict=True))
    shown = " ".join(out.split())
    assert re.fullmatch(rf"\s*{pattern}\s*", shown, re.DOTALL), (
        f"{place}: printed\n{out[-5000:]}\nwhere the page has\n{expected}"
    )
