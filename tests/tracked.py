"""Homes in which MLflow finds its tables: creating them takes it more than a second."""

import shutil
from pathlib import Path

from once import once

from regime.settings import Settings
from regime.tracking.mlflow_client import client


def tracked(home: Path, tmp_path_factory) -> Settings:
    """Settings of a home in which nothing was ever logged, as `client` leaves it at first."""
    made = once(tmp_path_factory, "tracked", lambda folder: client(Settings(home=folder)))
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(made / "mlflow.db", home)
    return Settings(home=home)
