"""The command as a stranger runs it: in a process of its own, with typos."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from regime.tracking.results import load_result

ROOT = Path(__file__).parents[2]
EXPERIMENTS = ROOT / "experiments"
SCRIPTS = ["demo", "fetch", "compare", "app", "ui"]
MODULES = {"app": "serve"}
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


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_has_help_with_an_example_both_ways(script):
    for done in (
        regime(script, "--help"),
        regime("--help", module=MODULES.get(script, script)),
    ):
        assert done.returncode == 0
        assert f"Example: regime {script}" in " ".join(done.stdout.split())


def test_help_is_quick_because_nothing_heavy_is_imported():
    probe = """if True:
        import sys, training.cli
        heavy = ('pandas', 'sklearn', 'mlflow', 'numpy', 'streamlit')
        print([name for name in heavy if name in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_the_comparison_prints_a_table_and_writes_the_documented_scores(small):
    folder, done = small
    assert "SIMULATED" in done.stdout
    assert "french baskets, 1980-01-02 to 1987" in done.stdout
    rows = json.loads((folder / "out.json").read_text())
    assert [(row["baskets"], row["horizon"]) for row in rows] == [("french", 0), ("french", 21)]
    documented = {
        "experiment", "baskets", "horizon", "log_loss", "brier", "balanced_accuracy", "ece",
        "edge", "edge_se", "edge_low", "edge_high", "interval_level", "dm_p",
        "detection_delay_days", "switches_per_year", "n_days", "n_episodes", "test_from",
        "test_to", "by_decade",
    }  # fmt: skip
    assert documented <= {*rows[0]}
    assert rows[0]["simulated"] is True
    assert "walking forward" not in done.stderr  # no bar where there is no terminal


def test_fetching_again_adds_nothing(small):
    folder, _ = small
    done = regime("fetch", "--source", "demo", "--until", "1987-06-30", home=folder / "home")
    assert "; 0 of them new" in done.stdout


def test_the_chain_is_blind_to_the_future(small, tmp_path):
    # The same command on a longer history gives the same rows for the days both know.
    folder, _ = small
    home = tmp_path / "home"
    assert regime("fetch", "--source", "demo", "--until", "1989-12-29", home=home).returncode == 0
    assert regime("compare", folder / "small.toml", home=home).returncode == 0
    short = load_result(folder / "home" / "results", "small")
    long = load_result(home / "results", "small")
    for frame, keys in (("predictions", ["horizon", "date"]), ("calls", ["date"])):
        before, after = short[frame].set_index(keys), long[frame].set_index(keys)
        assert len(after) > len(before) > 1000
        pd.testing.assert_frame_equal(after.loc[before.index], before)


def test_as_of_replays_what_was_known(small, tmp_path):
    folder, _ = small
    done = regime(
        "compare", folder / "small.toml", "--as-of", "1985-06-30", home=folder / "home"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    replay = load_result(folder / "home" / "results", "small")["predictions"]
    assert replay["date"].max() == pd.Timestamp("1985-06-28")


def test_simulated_and_real_data_do_not_mix(small):
    folder, _ = small
    tables = folder / "tables"
    tables.mkdir()
    days = pd.bdate_range("2020-01-02", periods=5)
    columns = ["hi_10", "dec_7", "dec_8", "dec_9", "qnt_2"]
    pd.DataFrame(0.01, days, columns).rename_axis("date").to_csv(
        tables / "french_size_portfolios_vw_daily.csv"
    )
    done = regime("fetch", "--source", "files", "--path", tables, home=folder / "home")
    fails(done, "simulated", "REGIME_HOME")


def test_an_empty_store_says_what_to_run(tmp_path):
    done = regime("compare", EXPERIMENTS / "filter.toml", home=tmp_path)
    fails(done, "is empty", "regime fetch --source demo")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "experiments/fliter.toml"], ["Did you mean experiments/filter.toml?"]),
        (["compare", "README.md"], ["ends in .toml"]),
        (["compare", "experiments/filter.toml", "experiments/filter.toml"], ["give each once"]),
        (
            ["compare", "experiments/filter.toml", "--json", "/no/such/folder/x.json"],
            ["there is no folder /no/such/folder"],
        ),
        (["fetch", "--source", "files", "--path", "/no/such/folder"], ["/no/such/folder"]),
    ],
)
def test_a_fault_is_one_clear_line_and_exit_code_1(words, said, tmp_path):
    fails(regime(*words, home=tmp_path), "error: ", *said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["comapre"], "No such command 'comapre'"),
        (["compare"], "Missing argument"),
        (["compare", "--jsno", "x", "a.toml"], "No such option"),
        (["fetch"], "Missing option"),
        (["fetch", "--source", "bloomberg"], "bloomberg"),
        (["fetch", "--source", "files"], "needs --path DIR"),
        (["fetch", "--source", "demo", "--path", "x"], "demo reads no folder"),
        (["compare", "a.toml", "--as-of", "yesterday"], "yesterday"),
        (["app", "--port", "99999"], "65535"),
    ],
)
def test_wrong_usage_is_exit_code_2(words, said, tmp_path):
    fails(regime(*words, home=tmp_path), said, code=2)


def test_debug_shows_the_traceback_wherever_it_stands(tmp_path):
    for words in (["--debug", "compare", "no.toml"], ["compare", "no.toml", "--debug"]):
        done = regime(*words, home=tmp_path)
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert "ConfigError" in done.stderr


def test_a_home_that_cannot_be_written_names_the_setting(tmp_path):
    (tmp_path / "file").write_text("")
    done = regime("fetch", "--source", "demo", home=tmp_path / "file" / "home")
    fails(done, "which cannot be written", "Set REGIME_HOME")


def test_a_device_is_written_and_not_replaced(small):
    folder, _ = small
    done = regime(
        "compare", folder / "small.toml", "--json", "/dev/full", home=folder / "home"
    )  # fmt: skip
    fails(done, "/dev/full", "No space left")
    assert not Path("/dev/full").is_file()
