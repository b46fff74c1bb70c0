"""`regime experiments` lists what comes with the program, and copies one to start from."""

from pathlib import Path

from regime.config import load_experiment
from regime.shipped import shipped


def test_every_experiment_is_listed_with_its_question_ablations_last(regime, tmp_path):
    done = regime("experiments", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert {name for name, _ in told} == {*shipped()}
    assert dict(told)["filter"] == load_experiment(shipped()["filter"]).question
    ablations = [name.endswith("_ablation") for name, _ in told]
    assert ablations == sorted(ablations)


def test_a_copy_is_the_same_experiment_under_its_own_name_and_replaces_nothing(
    regime, fails, tmp_path
):
    done = regime("experiments", "--copy", "filter", "--to", "mine.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    copied = load_experiment(tmp_path / "mine.toml")
    assert copied == load_experiment(shipped()["filter"]).model_copy(update={"name": "mine"})
    (tmp_path / "mine.toml").write_text("changed")
    again = regime("experiments", "--copy", "filter", "--to", "mine.toml", cwd=tmp_path)
    fails(again, "mine.toml is there already")
    assert (tmp_path / "mine.toml").read_text() == "changed"
    assert regime("experiments", "--copy", "filter", cwd=tmp_path).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"mine.toml", "filter.toml"}


def test_what_cannot_be_copied_is_said(regime, fails, tmp_path):
    fails(regime("experiments", "--copy", "fliter", cwd=tmp_path), "Did you mean filter?")
    to_text = regime("experiments", "--copy", "filter", "--to", "a.txt", cwd=tmp_path)
    fails(to_text, "must end in .toml", code=2)
    fails(regime("experiments", "--to", "a.toml", cwd=tmp_path), "give both", code=2)
    assert list(Path(tmp_path).iterdir()) == []
