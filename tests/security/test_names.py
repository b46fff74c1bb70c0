"""A name that a file brings along is that of one folder, and leads nowhere else."""

import json

import pytest
from pydantic import ValidationError

from regime.brief.history import day_of
from regime.config import ExperimentConfig, load_experiment
from regime.exceptions import ConfigError
from regime.settings import Settings
from regime.tracking.published import load_day

AWAY = [
    "../x",
    "a/b",
    "/etc",
    "..",
    ".",
    ".hidden",
    "a\\b",
    "a\0b",
    "a\nb",
    "",
    "x" * 201,
    "\ud800",
]


@pytest.mark.parametrize("name", AWAY)
def test_an_experiment_cannot_be_called_like_a_way_out(name):
    with pytest.raises(ValidationError, match="name"):
        ExperimentConfig(name=name, model={"kind": "filter"})
    inside = {"name": "a", "members": [{"name": name, "model": {"kind": "filter"}}],
              "model": {"kind": "stack"}}  # fmt: skip
    with pytest.raises(ValidationError):
        ExperimentConfig.model_validate_json(json.dumps(inside))


@pytest.mark.parametrize("name", ["filter", "Überblick 2", "<b>", "a.b", "x" * 200])
def test_any_other_name_will_do(name):
    assert ExperimentConfig(name=name, model={"kind": "filter"}).name == name


def test_a_file_that_names_itself_is_refused(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text('name = "../x"\nmodel = { kind = "filter" }\n')
    with pytest.raises(ConfigError, match="unknown key 'name'"):
        load_experiment(path)


@pytest.mark.parametrize(
    "told", ["../..", "2024-01-02/../..", "2024-01-02\0", "٢٠٢٤-01-02x", "", "1"]
)
def test_what_an_address_calls_a_day_is_one_or_nothing(told, tmp_path):
    assert day_of(told) is None


def test_the_file_of_a_day_is_called_by_its_date_alone(tmp_path):
    (tmp_path / "secret.json").write_text('{"about": {}}')
    day = day_of("2024-01-02")
    assert not load_day(Settings(home=tmp_path), day)
