"""Experiment files: what loads, and what is said about one that does not."""

from datetime import date
from pathlib import Path

import pytest
from config.files import FILTER, complaint

from regime.config import FIRST_TEST, ExperimentConfig, ModelConfig, load_experiment
from regime.exceptions import ConfigError
from regime.experiment import check_experiment, reference_filter
from regime.models import assembly

FILTER_FILE = Path(__file__).parents[2] / "experiments" / "filter.toml"
EXPERIMENTS = sorted((Path(__file__).parents[2] / "experiments").rglob("*.toml"))


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_of_the_project_loads_and_can_be_run(path):
    config = load_experiment(path)
    check_experiment(config)
    assert config.name == path.stem
    assert config.question.endswith("?")
    assert "#" not in config.question


def test_there_are_experiments_to_load():
    assert {"climatology", "filter", "resampled_leadership", "stack"} <= {
        path.stem for path in EXPERIMENTS
    }


def test_what_a_file_leaves_out_is_the_default(written):
    config = load_experiment(written(FILTER))
    assert config == ExperimentConfig(name="trial", model=ModelConfig(kind="filter"))
    assert config.question == ""


def test_the_question_is_the_leading_comment_and_no_later_one(written):
    path = written(f"# Does it hold\n# on two lines?\n{FILTER}\n# An aside.\n")
    assert load_experiment(path).question == "Does it hold on two lines?"


def test_a_first_test_that_is_not_chosen_is_that_of_the_baskets(written):
    config = load_experiment(
        written(f"evaluation = {{ first_test = {{ french = 1950-02-03 }} }}\n{FILTER}")
    )
    assert config.first_test("french") == date(1950, 2, 3)
    assert config.first_test("funds") == FIRST_TEST["funds"]


@pytest.mark.parametrize("text", ["", "# Only a question?\n", "training = { every = 3 }\n"])
def test_a_missing_model_is_said_with_an_example(written, text):
    said = complaint(written(text))
    assert "the key 'model' is missing. Add, for example, model = { kind = \"filter\" }." in said


def test_a_model_without_a_kind_is_an_error(written):
    assert "'model.kind' is missing" in complaint(written("model = { params = { C = 1.0 } }"))


@pytest.mark.parametrize("text", [f"{FILTER}{FILTER}", "model filter\n", "model = {\n"])
def test_text_that_is_no_toml_says_so(written, text):
    assert "is not valid TOML" in complaint(written(text))


def test_a_file_of_another_kind_is_no_experiment(written):
    assert "ends in .toml" in complaint(written(FILTER, "trial.yaml"))


def test_a_missing_file_suggests_its_neighbour(written):
    there = written(FILTER, "filter.toml")
    said = complaint(there.with_name("filtr.toml"))
    assert said.endswith(f"Did you mean {there}?")


def test_a_missing_file_unlike_its_neighbours_lists_them(written):
    there = written(FILTER, "filter.toml")
    assert complaint(there.with_name("zzz.toml")).endswith("holds filter.toml.")


def test_a_missing_file_in_an_empty_or_missing_folder_says_so(tmp_path):
    assert "holds no .toml file" in complaint(tmp_path / "filter.toml")
    assert "holds no .toml file" in complaint(tmp_path / "nowhere" / "filter.toml")


def test_a_folder_is_no_experiment(tmp_path):
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    assert "cannot be read" in complaint(folder)
    assert "ends in .toml" in complaint(tmp_path)


def test_a_file_that_is_not_utf_8_is_no_experiment(tmp_path):
    path = tmp_path / "trial.toml"
    path.write_bytes(b"# caf\xe9?\n" + FILTER.encode())
    assert "cannot be read" in complaint(path)


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_the_filter_edges_are_taken_against_is_the_one_of_its_file(path):
    config = load_experiment(path)
    written_down = load_experiment(FILTER_FILE)
    reference = reference_filter(config)
    assert reference.name == written_down.name
    assert reference.training == written_down.training
    for horizon in config.labels.horizons:
        one, other = (
            assembly.build_classifier(each, horizon) for each in (reference, written_down)
        )
        assert repr(one) == repr(other)
        assert one.get_params()["logisticregression__C"] == 0.1
    assert assembly.input_sets(reference) == assembly.input_sets(written_down)
    # and it answers the same question on the same days
    assert (reference.baskets, reference.labels, reference.evaluation) == (
        config.baskets,
        config.labels,
        config.evaluation,
    )


@pytest.mark.parametrize("key", ["name", "question"])
def test_the_file_name_is_the_run_name_whatever_the_file_says(tmp_path, key):
    path = tmp_path / "mine.toml"
    path.write_text(f'{key} = "../elsewhere"\nmodel = {{ kind = "filter" }}\n')
    with pytest.raises(ConfigError, match=f"unknown key '{key}'"):
        load_experiment(path)


# A stack and its members


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"a = {'[' * 1500}", "nested too deep"),
        (f"a = {'1' * 1500}\nb = {'[' * 1500}", "nested too deep"),
        (f"{'a.' * 50_000}a = 1", "more than 100,000 characters, or a line of more than 2,000"),
        ("a = 1\n" * 20_000, "more than 100,000 characters"),
    ],
    ids=["deep", "long and deep", "a name of many parts", "long"],
)
def test_what_takes_all_time_or_depth_to_read_is_no_experiment(tmp_path, text, said):
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(ConfigError, match=f"not valid TOML: .*{said}"):
        load_experiment(tmp_path / "x.toml")


def test_a_fault_can_be_printed_whatever_it_quotes():
    assert str(ConfigError("\ud800 is half a letter")).encode() == b"\\ud800 is half a letter"
