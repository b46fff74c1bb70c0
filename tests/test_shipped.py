"""Experiments that come with the program are found by name, and told apart from paths."""

from pathlib import Path

import pytest

from regime import shipped as module
from regime.config import load_experiment
from regime.exceptions import ConfigError
from regime.shipped import find_experiment, is_installed, nearest_shipped, shipped

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


def test_a_checkout_offers_its_own_files_without_those_of_questions():
    assert shipped() == {path.stem: path for path in EXPERIMENTS.glob("*.toml")}
    assert len(shipped()) > 10


def test_a_bare_name_is_the_one_that_comes_with_the_program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_experiment(Path("filter")) == EXPERIMENTS / "filter.toml"
    assert load_experiment(find_experiment(Path("filter"))).model.kind == "filter"


@pytest.mark.parametrize("path", ["filter.toml", "mine/filter", "/filter", "..", ".", "fil.ter"])
def test_a_path_stays_what_it_is(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_experiment(Path(path)) == Path(path)


def test_a_folder_of_that_name_is_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "filter").mkdir()
    assert find_experiment(Path("filter")) == Path("filter")


def test_a_name_that_is_none_is_answered_with_the_nearest_and_with_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"Did you mean filter\? There are .*climatology, filter"):
        find_experiment(Path("fliter"))
    with pytest.raises(ConfigError, match=r"with the program\. There are "):
        find_experiment(Path("zzz"))


def test_an_installed_program_has_them_in_its_package(tmp_path, monkeypatch):
    (tmp_path / "filter.toml").write_text("")
    monkeypatch.setattr(module, "_IN_WHEEL", tmp_path)
    assert shipped() == {"filter": tmp_path / "filter.toml"}
    assert is_installed(tmp_path / "filter.toml")
    assert not is_installed(EXPERIMENTS / "filter.toml")
    assert nearest_shipped(Path("experiments/fliter.toml")) == "filter"
    assert nearest_shipped(Path("experiments/zzz.toml")) is None


def test_a_program_that_came_without_them_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_IN_CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="There are none"):
        find_experiment(Path("filter"))
