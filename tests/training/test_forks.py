"""Commands that share their imports share nothing else."""

import os

import pytest


def place(done):
    """What `regime store info` says first."""
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[0]


def test_a_name_that_one_command_was_given_is_unknown_to_the_next(regime, fails, monkeypatch):
    monkeypatch.setenv("REGIME_DATABASE_URL", "mysql://me@host/regime")
    fails(regime("store", "info"), "REGIME_DATABASE_URL needs an address")
    monkeypatch.delenv("REGIME_DATABASE_URL")
    assert "/nonexistent/unused" in place(regime("store", "info"))


def test_a_command_runs_where_it_is_told_to_and_the_next_one_where_all_do(regime, fails, tmp_path):
    (tmp_path / "here.toml").write_text("no experiment")
    fails(regime("compare", "here.toml", home=tmp_path, cwd=tmp_path), "is not valid TOML")
    fails(regime("compare", "here.toml", home=tmp_path), "There is no")


def test_a_command_that_hangs_is_ended_and_the_next_one_runs(regime, tmp_path):
    os.mkfifo(tmp_path / "nobody_writes.toml")
    with pytest.raises(TimeoutError, match="hung for 1 s"):
        regime("compare", tmp_path / "nobody_writes.toml", home=tmp_path, within=1)
    assert regime("--version").returncode == 0
