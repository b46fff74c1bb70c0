"""Run the command in a process of its own, on a small simulated market."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = """
# Does the chain hold together?
baskets = ["french"]
labels = { horizons = [0, 21] }
training = { since = 1963-01-01, every = 3 }
evaluation = { first_test = { french = 1980-01-02 }, refit_every = 504 }
model = { kind = "filter" }
"""


def regime(*words, home=None, module=None, cwd=None):
    """Run the command; state goes to `home`."""
    command = [sys.executable, "-m", f"training.{module or 'cli'}", *map(str, words)]
    environment = {
        **os.environ,
        "REGIME_HOME": str(home or "/nonexistent/unused"),
        "COLUMNS": "100",
    }
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=cwd or ROOT, timeout=300
    )


def fails(done, *said, code=1):
    """Exit code and words of a fault: no traceback, nothing on standard output."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for words in said:
        assert words in " ".join(done.stderr.split()), done.stderr


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A home with a simulated market to 1987 and one small experiment compared on it."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small.toml").write_text(SMALL)
    home = folder / "home"
    assert regime("fetch", "--source", "demo", "--until", "1987-06-30", home=home).returncode == 0
    done = regime(
        "compare", folder / "small.toml", "--json", folder / "out.json", home=home
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.fixture(scope="session", name="regime")
def regime_command():
    """The command; state goes to `home`."""
    return regime


@pytest.fixture(scope="session", name="fails")
def fails_clearly():
    """The check of a fault."""
    return fails
