"""A folder with three good tables."""

from pathlib import Path

import pytest
from data.sources.files.tables import FRENCH, FUNDS, MONTHLY, french, funds, monthly


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three good tables, one of each kind."""
    french().to_csv(tmp_path / FRENCH, index=False)
    funds().to_csv(tmp_path / FUNDS, index=False)
    monthly().to_parquet(tmp_path / MONTHLY)
    return tmp_path
