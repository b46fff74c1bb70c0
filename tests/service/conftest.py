"""A home with a simulated market and a version in service, trained before its last days."""

import shutil

import pytest
from lived import TRAINED, Home


@pytest.fixture(scope="session")
def _trained(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("service") / "home")
    home.fetch(TRAINED)
    home.train(TRAINED)
    return home


@pytest.fixture
def home(_trained, tmp_path) -> Home:
    """A copy of its own; files of models stay where they were written."""
    shutil.copytree(
        _trained.settings.home, tmp_path / "home", ignore=shutil.ignore_patterns("artifacts")
    )
    return Home(tmp_path / "home")
