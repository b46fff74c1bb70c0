"""What is said of an experiment file that is refused, and of one that loads and cannot be run."""

from pathlib import Path

import pytest

from regime.config import load_experiment
from regime.exceptions import ConfigError
from regime.experiment import check_experiment

FILTER = 'model = { kind = "filter" }\n'


def complaint(path: Path) -> str:
    """What `load_experiment` says of a file that it refuses."""
    with pytest.raises(ConfigError) as refused:
        load_experiment(path)
    said = str(refused.value)
    assert str(path) in said
    return said


def checked(text: str, written) -> str:
    """What `check_experiment` says of a file that loads."""
    config = load_experiment(written(text))
    with pytest.raises(ConfigError) as refused:
        check_experiment(config)
    said = str(refused.value)
    assert said.startswith("trial: ")
    return said
