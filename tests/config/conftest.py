"""Experiments written for a test."""

from pathlib import Path

import pytest


@pytest.fixture
def written(tmp_path):
    """Write an experiment and return its path."""

    def write(text: str, name: str = "trial.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write
