"""The `regime` command on a small simulated market, and in surroundings that a test chooses."""

import os
import subprocess
import sys
import time
from pathlib import Path

import commands
from commands import Commands

# What is put before the forking process of `commands`: three funds since 2009 are all the market,
# what would change the call is left out, and each command first takes on its surroundings.
_PRELUDE = """
import json, locale, os, resource, sys, time
import pandas as pd
import training.cli, training.store, training.ledger
from regime.data.sources import demo
from regime.explained import FLIPS
from regime.evaluation import calibration
from regime.service import explaining
from regime.tracking import runs

demo.FIRST_DAY = pd.Timestamp("2009-01-02")
demo.MODELLED = ["OEF", "RSP", "IWM"]
explaining.flip_levels = lambda *_: pd.DataFrame(columns=FLIPS)  # half the time of a run
# What a training takes longest for, and a run never reads: pictures, packages, an interval.
runs._write_artefacts, runs.environment = (lambda *_, **__: None), (lambda: "")
calibration.RESAMPLES = 20

as_it_is = training.cli.main
def main():
    surroundings = os.environ
    time.tzset()
    if surroundings.get("LC_ALL"):
        locale.setlocale(locale.LC_ALL, "")
    for name, most in json.loads(surroundings.get("TEST_LIMITS", "{}")).items():
        resource.setrlimit(getattr(resource, name), (most, most))
    if room := surroundings.get("TEST_MEMORY"):  # bytes beside what is held already
        held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + int(room),) * 2)
    if sys.argv[1:] == ["champion"]:
        from regime.settings import Settings
        from regime.tracking.registry import promote
        promote(Settings())
    else:
        as_it_is()
training.cli.main = main
"""


class Forked(Commands):
    """`Commands` of that market; `TEST_LIMITS`, `TEST_MEMORY`, `TZ` and `LC_ALL` surround one."""

    def __init__(self, folder: Path) -> None:
        self.out, self.err = folder / "stdout", folder / "stderr"
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PRELUDE + commands._SERVER], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, cwd=commands.ROOT,
            env={**os.environ, **commands._EARLY},
        )  # fmt: skip
        assert self._line() == "ready"


def fresh(*words: object, **environment: str) -> commands.Done:
    """The command from nothing, as a user starts it, on whatever is stored."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "training.cli", *map(str, words)], capture_output=True,
        env={**os.environ, **commands._EARLY, **environment}, cwd=commands.ROOT, timeout=300,
    )  # fmt: skip
    said, noted = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
    return commands.Done(done.returncode, said, noted, time.monotonic() - began)
