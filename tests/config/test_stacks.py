"""A stack names experiments beside it, which are read with it."""

from pathlib import Path

import pytest
from config.files import FILTER, checked, complaint

from regime.config import ExperimentConfig, load_experiment
from regime.exceptions import ConfigError
from regime.experiment import check_experiment

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
