"""Commands asked in this process, and a doubtful value for their store."""

from observed import frame
from typer.testing import CliRunner

from training.cli import cli

DOUBTFUL = frame([("IWM", "2024-01-04", "2024-01-04 21:00", 1.0)]).assign(reason="a fall of 99%")


def ask(*words: object) -> str:
    """Standard output of the command; a fault is raised as it is."""
    done = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def usage(*words: object) -> str:
    done = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 2, done.output
    return " ".join(done.stderr.replace("│", " ").split())
