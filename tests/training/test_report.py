"""`regime report` as a person calls it: one page, or one clear line and nothing written."""

import pytest
from typer.testing import CliRunner
from weekly import published

from training.cli import cli


@pytest.fixture(scope="module")
def home(market, tmp_path_factory):
    return published(market, tmp_path_factory.mktemp("reported")).home


@pytest.fixture
def report(home, monkeypatch, tmp_path):
    """Run it in a folder of its own."""

    def run(*words, home=home):
        monkeypatch.setenv("REGIME_HOME", str(home))
        monkeypatch.chdir(tmp_path)
        return CliRunner().invoke(cli, ["report", *map(str, words)])

    return run


def test_the_last_week_is_written_where_it_was_asked_for(report, tmp_path):
    done = report("--out", tmp_path / "week.html")
    assert done.exit_code == 0, done.output
    assert "The week to the close of 2008-12-31" in done.stdout
    assert "SIMULATED" in done.stderr
    text = (tmp_path / "week.html").read_text()
    assert text.startswith("<!DOCTYPE html>")
    assert text.rstrip().endswith("</html>")
    assert "2 January 2009" in text  # the week's last session has no probabilities
    assert [path.name for path in tmp_path.iterdir()] == ["week.html"]


def test_a_day_names_its_week_and_the_file_its_last_close(report, tmp_path):
    done = report("--ending", "2008-07-01")
    assert done.exit_code == 0, done.output
    text = (tmp_path / "week-2008-07-03.html").read_text()
    assert "week to the close of 3 July 2008" in text
    assert "regime report --week --ending 2008-07-03" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--ending", "2015-03-04"], "no probabilities in it"),
        (["--ending", "1990-03-07"], "no probabilities"),
        (["--out", "nowhere/week.html"], "there is no folder"),
        (["--out", "."], "is a folder"),
    ],
)
def test_what_cannot_be_told_is_one_line_and_writes_nothing(report, tmp_path, words, said):
    done = report(*words)
    assert done.exit_code == 1
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_a_week_to_come_is_wrong_usage(report, tmp_path):
    done = report("--ending", "2190-03-07")
    assert done.exit_code == 2
    assert "must lie between" in " ".join(done.output.split())
    assert not list(tmp_path.iterdir())


def test_without_a_model_it_says_what_to_run(report, tmp_path):
    done = report(home=tmp_path / "empty")
    assert done.exit_code == 1
    assert "regime score" in str(done.exception)
    assert "no week to tell" in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_help_has_an_example(report):
    done = report("--help")
    assert done.exit_code == 0
    assert "Example: regime report" in " ".join(done.stdout.split())
