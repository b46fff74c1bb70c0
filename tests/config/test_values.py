"""A key, a name or a value that cannot be meant is named, with the nearest that can."""

import ast
import inspect
from typing import get_args

import pytest
from config.files import FILTER, checked, complaint
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
from regime.experiment import check_experiment
from regime.features.assembly import SETS
from regime.models import assembly


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


def test_a_configuration_cannot_be_changed():
    config = ExperimentConfig(name="trial", model=ModelConfig(kind="filter"))
    sections = (config.features, config.labels, config.training, config.evaluation, config.model)
    for section in (config, *sections):
        for name in type(section).model_fields:
            with pytest.raises(ValidationError, match="frozen"):
                setattr(section, name, getattr(section, name))


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
