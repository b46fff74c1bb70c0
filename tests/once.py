"""What takes long to make, made once for all processes of the suite."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from filelock import FileLock


def once(tmp_path_factory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first process to ask for it fills. To be read, or copied, only."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder = root / f"once-{name}"
    with FileLock(f"{folder}.lock"):
        if not (made := Path(f"{folder}.made")).exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one that failed half way
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


def moved(home: Path, to: Path) -> Path:
    """A copy of a home, in which MLflow's files of models are the copied ones."""
    shutil.copytree(home, to, symlinks=True)
    places = (("experiments", "artifact_location"), ("runs", "artifact_uri"),
              ("logged_models", "artifact_location"), ("model_versions", "source"),
              ("model_versions", "storage_location"))  # fmt: skip
    with closing(sqlite3.connect(to / "mlflow.db")) as database, database:
        for table, column in places:
            change = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
            database.execute(change, (str(home), str(to)))
    return to
