"""The command in processes of its own, on a small simulated market."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict

import pytest
from commands import ROOT, Done
from once import moved, once

SMALL = """
# Does the chain hold together?
baskets = ["french"]
labels = { horizons = [0, 21] }
training = { since = 1963-01-01, every = 3 }
evaluation = { first_test = { french = 1980-01-02 }, refit_every = 504 }
model = { kind = "filter" }
"""


@pytest.fixture(scope="session")
def regime(commands):
    """Run the command, its state in `home`; with `module`, as a script that starts from nothing."""

    def run(*words, home=None, module=None, cwd=ROOT, within=300):
        environment = {"REGIME_HOME": str(home or "/nonexistent/unused"), "COLUMNS": "100"}
        if module is None:
            return commands.run(*words, cwd=cwd, within=within, **environment)
        return subprocess.run(
            [sys.executable, "-m", f"training.{module}", *map(str, words)],
            capture_output=True, text=True, env=os.environ | environment, cwd=cwd,
            timeout=within,
        )  # fmt: skip

    return run


def fails(done, *said, code=1):
    """Exit code and words of a fault: no traceback, nothing on standard output."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for words in said:
        assert words in " ".join(done.stderr.split()), done.stderr


@pytest.fixture(scope="session")
def compared(regime, tmp_path_factory):
    """A simulated market to 1987 and one small experiment compared on it. To be copied only."""

    def make(folder):
        experiment, home = folder / "small.toml", folder / "home"
        experiment.write_text(SMALL)
        done = regime("fetch", "--source", "demo", "--until", "1987-06-30", home=home)
        assert done.returncode == 0, done.stderr
        done = regime(
            "compare", experiment, "--jobs", 1, "--json", folder / "out.json", home=home
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        (folder / "done.json").write_text(json.dumps(asdict(done)))

    return once(tmp_path_factory, "compared", make)


@pytest.fixture(scope="module")
def small(compared, tmp_path_factory):
    """That market and experiment in a home of the file's own, and how the comparison went."""
    folder = tmp_path_factory.mktemp("small")
    for name in ("small.toml", "out.json"):
        shutil.copy(compared / name, folder)
    moved(compared / "home", folder / "home")
    return folder, Done(**json.loads((compared / "done.json").read_text()))


@pytest.fixture(scope="session", name="fails")
def fails_clearly():
    """The check of a fault."""
    return fails
