"""The command in processes of its own, on a small simulated market."""

import os
import subprocess
import sys

import pytest
from commands import ROOT

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


@pytest.fixture(scope="module")
def small(regime, tmp_path_factory):
    """A home with a simulated market to 1987 and one small experiment compared on it."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small.toml").write_text(SMALL)
    home = folder / "home"
    assert regime("fetch", "--source", "demo", "--until", "1987-06-30", home=home).returncode == 0
    done = regime(
        "compare", folder / "small.toml", "--jobs", 1, "--json", folder / "out.json", home=home
    )
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.fixture(scope="session", name="fails")
def fails_clearly():
    """The check of a fault."""
    return fails
