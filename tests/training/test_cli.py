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
SCRIPTS = [
    "demo", "fetch", "store", "panel", "doctor", "sources", "experiments", "compare", "protocol",
    "audit", "value", "retrain", "promote", "rollback", "score", "app", "ui",
]  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_has_help_with_an_example_both_ways(regime, script):
    for done in (
        regime(script, "--help"),
        regime("--help", module=script),
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


def test_the_program_that_is_installed_fetches_again_and_adds_nothing(small):
    folder, _ = small
    program = Path(sys.executable).with_name("regime")
    done = subprocess.run(
        [program, "fetch", "--source", "demo", "--until", "1987-06-30"],
        capture_output=True, text=True, cwd=folder,
        env=os.environ | {"REGIME_HOME": str(folder / "home")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "; none of them new" in done.stdout
    (warned,) = done.stderr.splitlines()  # and nothing is said while it starts
    assert warned.startswith("warning: no funds baskets")


def test_the_chain_is_blind_to_the_future(regime, small, tmp_path):
    # The same command on a longer history gives the same rows for the days both know.
    folder, _ = small
    home = tmp_path / "home"
    assert regime("fetch", "--source", "demo", "--until", "1989-12-29", home=home).returncode == 0
    assert regime("compare", folder / "small.toml", "--jobs", 1, home=home).returncode == 0
    short = load_result(folder / "home" / "results", "small")
    long = load_result(home / "results", "small")
    for frame, keys in (("predictions", ["horizon", "date"]), ("calls", ["date"])):
        before, after = short[frame].set_index(keys), long[frame].set_index(keys)
        assert len(after) > len(before) > 1000
        pd.testing.assert_frame_equal(after.loc[before.index], before)


def test_as_of_replays_what_was_known_and_leaves_the_stored_result_alone(regime, small, tmp_path):
    folder, _ = small
    before = load_result(folder / "home" / "results", "small")["predictions"]
    done = regime(
        "compare", folder / "small.toml", "--as-of", "1985-06-30", "--jobs", 1,
        "--json", tmp_path / "o.json", home=folder / "home",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "As it was known at the close of 1985-06-30" in done.stdout
    assert json.loads((tmp_path / "o.json").read_text())[0]["test_to"] < "1985-06-30"
    after = load_result(folder / "home" / "results", "small")["predictions"]
    pd.testing.assert_frame_equal(before, after)


def test_simulated_and_real_data_do_not_mix(regime, fails, small):
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


def test_an_empty_store_says_what_to_run(regime, fails, tmp_path):
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
        (["compare", "experiments/filter.toml", "--json", "."], ["--json . is a folder"]),
        (["compare", "filtre.toml"], ["Did you mean experiments/filter.toml?"]),
        (["retrain", "fliter"], ["Did you mean filter?", "There are boosting_ablation"]),
        (["promote"], ["no version to promote", "regime retrain"]),
    ],
)
def test_a_fault_is_one_clear_line_and_exit_code_1(regime, fails, words, said, tmp_path):
    fails(regime(*words, home=tmp_path), "error: ", *said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["comapre"], "No such command 'comapre'"),
        (["compare"], "Give experiment files"),
        (["compare", "--jsno", "x", "a.toml"], "No such option"),
        (["fetch"], "Missing option"),
        (["fetch", "--source", "bloomberg"], "bloomberg"),
        (["fetch", "--source", "files"], "needs --path DIR"),
        (["fetch", "--source", "demo", "--path", "x"], "demo reads no folder"),
        (["compare", "a.toml", "--as-of", "yesterday"], "yesterday"),
        (["compare", "a.toml", "--as-of", "1900-01-01"], "--as-of 1900-01-01 must lie between"),
        (["score", "--as-of", "9999-12-31"], "--as-of 9999-12-31 must lie between"),
        (["demo", "--until", "1995-12-29"], "leaves nothing to test on"),
        (["app", "--port", "99999"], "65535"),
    ],
)
def test_wrong_usage_is_exit_code_2(regime, fails, words, said, tmp_path):
    fails(regime(*words, home=tmp_path), said, code=2)


def test_debug_shows_the_traceback_wherever_it_stands(regime, tmp_path):
    for words in (["--debug", "compare", "no.toml"], ["compare", "no.toml", "--debug"]):
        done = regime(*words, home=tmp_path)
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert "ConfigError" in done.stderr


def test_a_home_that_cannot_be_written_names_the_setting(regime, fails, tmp_path):
    (tmp_path / "file").write_text("")
    home = tmp_path / "file" / "home"
    for module in (None, "cli"):  # a fault is as clear in a program that has just started
        done = regime("fetch", "--source", "demo", home=home, module=module)
        fails(done, "which cannot be written", "Set REGIME_HOME")


def test_a_device_is_written_and_not_replaced(regime, fails, small):
    folder, _ = small
    done = regime(
        "compare", folder / "small.toml", "--jobs", 1, "--json", "/dev/full", home=folder / "home"
    )
    fails(done, "/dev/full", "No space left")
    assert not Path("/dev/full").is_file()
