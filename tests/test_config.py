"""Experiment files: what loads, and what is said about one that does not."""

import ast
import inspect
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from regime.config import (
    FIRST_TEST,
    Baskets,
    ExperimentConfig,
    FeatureSet,
    ModelConfig,
    ModelKind,
    load_experiment,
)
from regime.data.baskets import BASKET_SETS
from regime.exceptions import ConfigError
from regime.experiment import check_experiment, reference_filter
from regime.features.assembly import SETS
from regime.models import assembly

FILTER_FILE = Path(__file__).parents[1] / "experiments" / "filter.toml"
EXPERIMENTS = sorted((Path(__file__).parents[1] / "experiments").rglob("*.toml"))
FILTER = 'model = { kind = "filter" }\n'


@pytest.fixture
def written(tmp_path):
    """Write an experiment and return its path."""

    def write(text: str, name: str = "trial.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def complaint(path: Path) -> str:
    """What `load_experiment` says of a file that it refuses."""
    with pytest.raises(ConfigError) as refused:
        load_experiment(path)
    said = str(refused.value)
    assert str(path) in said
    return said


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


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        (f"trainin = {{ every = 3 }}\n{FILTER}", "trainin", "training"),
        (f'features = {{ sest = ["path"] }}\n{FILTER}', "features.sest", "sets"),
        (f"labels = {{ switch_cost = 9.0 }}\n{FILTER}", "labels.switch_cost", "switching_cost"),
        (f"training = {{ evry = 3 }}\n{FILTER}", "training.evry", "every"),
        (f"evaluation = {{ refit = 3 }}\n{FILTER}", "evaluation.refit", "refit_every"),
        ('model = { kind = "filter", parms = {} }', "model.parms", "params"),
    ],
)
def test_a_misspelt_key_names_the_nearest_one_of_its_section(written, text, key, nearest):
    said = complaint(written(text))
    assert f"unknown key {key!r}. Did you mean {nearest!r}?" in said


def test_a_key_that_resembles_none_lists_what_is_known(written):
    said = complaint(written(f"labels = {{ zzz = 1 }}\n{FILTER}"))
    assert "unknown key 'labels.zzz'. Known here: switching_cost, horizons." in said


def test_every_fault_of_a_file_is_named_at_once(written):
    said = complaint(written('trainin = 3\nbaskets = ["frensh"]\n'))
    assert len(said.splitlines()) == 3
    for part in ("'trainin'", "'frensh'", "'model' is missing"):
        assert part in said


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ('model = { kind = "persistance" }', "persistence"),
        ('model = { kind = "logistics" }', "logistic"),
        (f'features = {{ sets = ["valuations"] }}\n{FILTER}', "valuation"),
        (f'baskets = ["frensh"]\n{FILTER}', "french"),
        (f'baskets = ["funds_ijh"]\n{FILTER}', "funds_ijr"),
        (f"evaluation = {{ first_test = {{ frensh = 1975-01-01 }} }}\n{FILTER}", "french"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(written, text, nearest):
    said = complaint(written(text))
    assert f"is not known. Did you mean {nearest!r}? Choose from " in said


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('labels = { switching_cost = "ten" }', "labels.switching_cost"),
        ("labels = { switching_cost = -1.0 }", "labels.switching_cost"),
        ("labels = { switching_cost = 0 }", "labels.switching_cost"),
        ("labels = { switching_cost = inf }", "labels.switching_cost"),
        ("labels = { switching_cost = -inf }", "labels.switching_cost"),
        ("labels = { switching_cost = nan }", "labels.switching_cost"),
        ("labels = { horizons = [] }", "labels.horizons"),
        ("labels = { horizons = 21 }", "labels.horizons"),
        ("labels = { horizons = [0, -1] }", "labels.horizons.1"),
        ("labels = { horizons = [1.5] }", "labels.horizons.0"),
        ("labels = { horizons = [253] }", "labels.horizons.0"),
        ('labels = { horizons = ["soon"] }', "labels.horizons.0"),
        ("labels = 10", "labels"),
        ('training = { since = "long ago" }', "training.since"),
        ("training = { every = 0 }", "training.every"),
        ("training = { every = 2.5 }", "training.every"),
        ("training = { every = -3 }", "training.every"),
        ("evaluation = { refit_every = -252 }", "evaluation.refit_every"),
        ("evaluation = { first_test = 1975-01-01 }", "evaluation.first_test"),
        ('evaluation = { first_test = { french = "soon" } }', "evaluation.first_test.french"),
        ("features = { window = -21 }", "features.window"),
        ('features = { sets = "path" }', "features.sets"),
        ("baskets = []", "baskets"),
        ('baskets = "french"', "baskets"),
    ],
)
def test_a_value_that_makes_no_sense_names_its_key(written, text, key):
    assert f": {key} = " in complaint(written(f"{text}\n{FILTER}"))


@pytest.mark.parametrize(
    "text", ['model = "filter"', 'model = { kind = "filter", params = 3 }', "model = { kind = 7 }"]
)
def test_a_model_of_the_wrong_type_names_its_key(written, text):
    assert ": model" in complaint(written(text))


@pytest.mark.parametrize(
    "text",
    ['baskets = ["frensh"]', "labels = { horizons = [-1] }", 'labels = { horizons = ["x"] }'],
)
def test_a_list_of_one_bad_entry_is_not_called_too_short(written, text):
    assert "at least 1 item" not in complaint(written(f"{text}\n{FILTER}"))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("labels = { horizons = [0, 21, 0] }", "labels.horizons"),
        ('baskets = ["french", "french"]', "baskets"),
        ('features = { sets = ["path", "path"] }', "features.sets"),
    ],
)
def test_something_named_twice_is_an_error(written, text, key):
    assert f"{key} names something twice" in complaint(written(f"{text}\n{FILTER}"))


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


def checked(text: str, written) -> str:
    """What `check_experiment` says of a file that loads."""
    config = load_experiment(written(text))
    with pytest.raises(ConfigError) as refused:
        check_experiment(config)
    said = str(refused.value)
    assert said.startswith("trial: ")
    return said


@pytest.mark.parametrize(
    ("kind", "params", "name"),
    [
        ("filter", "C = -1", "C"),
        ("filter", 'C = "a"', "C"),
        ("filter", "max_iter = -1", "max_iter"),
        ("logistic", "C = 0.0", "C"),
        ("logistic", 'solver = "guess"', "solver"),
        ("hist_gradient_boosting", "max_iter = 0", "max_iter"),
        ("hist_gradient_boosting", 'learning_rate = "slow"', "learning_rate"),
    ],
)
def test_a_value_a_model_cannot_use_names_the_parameter(written, kind, params, name):
    features = "" if kind == "filter" else 'features = { sets = ["path"] }\n'
    text = f'{features}model = {{ kind = "{kind}", params = {{ {params} }} }}'
    said = checked(text, written)
    assert f"model.params of {kind}" in said
    assert f"'{name}' parameter" in said


@pytest.mark.parametrize(
    ("kind", "param", "nearest"),
    [("filter", "max_itr", "max_iter"), ("hist_gradient_boosting", "max_depht", "max_depth")],
)
def test_an_unknown_parameter_suggests_the_nearest(written, kind, param, nearest):
    features = "" if kind == "filter" else 'features = { sets = ["path"] }\n'
    text = f'{features}model = {{ kind = "{kind}", params = {{ {param} = 3 }} }}'
    assert f"no parameter {param!r}. Did you mean {nearest!r}?" in checked(text, written)


@pytest.mark.parametrize("kind", ["climatology", "persistence"])
def test_a_baseline_without_parameters_takes_none(written, kind):
    text = f'model = {{ kind = "{kind}", params = {{ horizon = 3 }} }}'
    assert f"{kind} has no parameter 'horizon'. It takes none." in checked(text, written)


@pytest.mark.parametrize("kind", sorted(assembly.OWN_INPUTS))
def test_a_baseline_cannot_be_given_features(written, kind):
    text = f'features = {{ sets = ["path"] }}\nmodel = {{ kind = "{kind}" }}'
    assert "Remove features.sets" in checked(text, written)


@pytest.mark.parametrize("kind", sorted({*get_args(ModelKind)} - {*assembly.OWN_INPUTS, "stack"}))
def test_a_model_that_chooses_its_features_needs_some(written, kind):
    assert f"a {kind} needs features" in checked(f'model = {{ kind = "{kind}" }}', written)


def test_the_names_a_file_may_use_are_those_that_exist():
    assert set(get_args(FeatureSet)) == {*SETS}
    assert set(get_args(Baskets)) == {*BASKET_SETS} == {*FIRST_TEST}
    tree = ast.parse(inspect.getsource(assembly.build_classifier))
    built = {case.value.value for case in ast.walk(tree) if isinstance(case, ast.MatchValue)}
    assert set(get_args(ModelKind)) == built
    assert {*assembly.OWN_INPUTS} <= built


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


def test_a_configuration_cannot_be_changed():
    config = ExperimentConfig(name="trial", model=ModelConfig(kind="filter"))
    sections = (config.features, config.labels, config.training, config.evaluation, config.model)
    for section in (config, *sections):
        for name in type(section).model_fields:
            with pytest.raises(ValidationError, match="frozen"):
                setattr(section, name, getattr(section, name))


@pytest.mark.parametrize("key", ["name", "question"])
def test_the_file_name_is_the_run_name_whatever_the_file_says(tmp_path, key):
    path = tmp_path / "mine.toml"
    path.write_text(f'{key} = "../elsewhere"\nmodel = {{ kind = "filter" }}\n')
    with pytest.raises(ConfigError, match=f"unknown key '{key}'"):
        load_experiment(path)


@pytest.mark.parametrize(
    "line",
    [
        "training = { every = true }",
        "training = { since = 0 }",
        'labels = { switching_cost = "10" }',
        "labels = { horizons = [1.0] }",
        'evaluation = { refit_every = "252" }',
    ],
)
def test_values_are_not_bent_into_another_type(tmp_path, line):
    path = tmp_path / "mine.toml"
    path.write_text(f'{line}\nmodel = {{ kind = "filter" }}\n')
    with pytest.raises(ConfigError, match=r"mine\.toml: "):
        load_experiment(path)


def test_persistence_needs_every_row(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('training = { every = 3 }\nmodel = { kind = "persistence" }\n')
    with pytest.raises(ConfigError, match="one day to the next"):
        check_experiment(load_experiment(path))


# A stack and its members

STACK = 'members = ["filter", "logistic"]\nmodel = { kind = "stack" }\n'
LOGISTIC = 'features = { sets = ["leadership"] }\nmodel = { kind = "logistic" }\n'


@pytest.fixture
def members(written):
    """Two experiments that a stack may name."""
    return written(FILTER, "filter.toml"), written(LOGISTIC, "logistic.toml")


def test_a_stack_holds_the_experiments_beside_it_in_the_order_named(written, members):
    config = load_experiment(written(STACK))
    assert config.members == tuple(load_experiment(path) for path in members)
    check_experiment(config)
    turned = STACK.replace('"filter", "logistic"', '"logistic", "filter"')
    assert [one.name for one in load_experiment(written(turned)).members] == ["logistic", "filter"]


def test_a_stack_in_a_folder_finds_members_above_it_and_those_beside_it_first(
    tmp_path, members, monkeypatch
):
    deep = tmp_path / "mine" / "tries"
    deep.mkdir(parents=True)
    (deep / "trial.toml").write_text(STACK)
    above = load_experiment(deep / "trial.toml")
    assert above.members == tuple(load_experiment(path) for path in members)
    (deep / "filter.toml").write_text("training = { every = 7 }\n" + FILTER)
    beside = load_experiment(deep / "trial.toml")
    assert [one.training.every for one in beside.members] == [7, 1]
    monkeypatch.chdir(deep)
    assert load_experiment(Path("trial.toml")) == beside


def test_a_stack_comes_back_from_json_with_its_members(written, members):
    config = load_experiment(written(STACK))
    assert ExperimentConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (STACK.replace("logistic", "trial"), "members names the stack itself"),
        (STACK.replace("logistic", "filter"), "members names something twice"),
        (STACK.replace("logistic", "inner"), "must not be stacks themselves: inner is one"),
        (STACK.replace("logistic", "logistics"), "members names 'logistics', but there is no"),
        (STACK.replace("logistic", "logistics"), "Did you mean"),
        (STACK.replace('["filter", "logistic"]', '"filter"'), "must be names of experiments"),
        (STACK.replace('"filter"', "3"), "must be names of experiments"),
        (STACK.replace('"filter", "logistic"', ""), "a stack needs members = "),
        ('model = { kind = "stack" }\n', "a stack needs members = "),
        (f'members = ["logistic"]\n{FILTER}', "nothing else takes any"),
        (f'features = {{ sets = ["path"] }}\n{STACK}', "remove features.sets"),
        (STACK.replace("filter", "other_window"), "2520, 504 trading days|504, 2520 trading days"),
        (STACK.replace('"filter", "logistic"', '"other_window"'), "the stack over 2520"),
        (f"features = {{ window = 504 }}\n{STACK}", "the stack over 504"),
        (f"membrs = []\n{FILTER}", "Did you mean 'members'"),
    ],
)
def test_a_stack_that_cannot_be_run_is_refused_in_one_line(written, members, text, said):
    written(STACK, "inner.toml")
    written("features = { sets = ['stress'], window = 504 }\nmodel = { kind = 'logistic' }",
            "other_window.toml")  # fmt: skip
    found = complaint(written(text))
    assert any(part in found for part in said.split("|")), found
    assert "\n" not in found


def test_members_that_standardise_over_the_stack_s_own_window_are_welcome(written):
    written("features = { sets = ['stress'], window = 504 }\nmodel = { kind = 'logistic' }",
            "other_window.toml")  # fmt: skip
    text = 'features = { window = 504 }\nmembers = ["other_window"]\nmodel = { kind = "stack" }'
    assert load_experiment(written(text)).members[0].features.window == 504


def test_stacks_that_name_one_another_are_refused_and_not_read_for_ever(written):
    written('members = ["trial"]\nmodel = { kind = "stack" }', "other.toml")
    said = complaint(written('members = ["other"]\nmodel = { kind = "stack" }'))
    assert "must not be stacks themselves: other is one" in said


def test_a_fault_in_a_member_s_file_names_that_file(written, members):
    members[1].write_text("trainin = 3\n" + LOGISTIC)
    with pytest.raises(ConfigError, match="unknown key 'trainin'") as refused:
        load_experiment(written(STACK))
    assert str(members[1]) in str(refused.value)


@pytest.mark.parametrize(
    ("params", "said"),
    [("C = 0.0", "'C' parameter"), ("warm_upp = 3", "Did you mean 'warm_up'"),
     ("warm_up = -1", "0 or more"), ("warm_up = true", "0 or more"),
     ('warm_up = "long"', "0 or more")],
)  # fmt: skip
def test_a_stack_s_parameter_that_makes_no_sense_is_named(written, members, params, said):
    text = STACK.replace('"stack"', f'"stack", params = {{ {params} }}')
    assert said in checked(text, written)


def test_a_fault_in_a_member_s_parameters_is_known_before_any_work(written, members):
    members[0].write_text('model = { kind = "filter", params = { C = -1 } }')
    with pytest.raises(ConfigError, match=r"filter: model\.params of filter: .*'C' parameter"):
        check_experiment(load_experiment(written(STACK)))


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
