"""Results on disk: one folder per experiment, behind a link that is moved in one step."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from regime.exceptions import StoreError
from regime.experiment import ExperimentResult

VERSIONS = ".versions"
FRAMES = ("predictions", "calls", "labels")


def save_result(result: ExperimentResult, folder: Path, *, simulated: bool) -> Path:
    """Write predictions, calls, label, scores and configuration; all of it, or nothing.

    Returns
    -------
    The experiment's folder. A reader sees the former result or this one, never a mixture.
    """
    target = folder / result.config.name
    try:
        versions = folder / VERSIONS / result.config.name
        versions.mkdir(parents=True, exist_ok=True)
        version = Path(tempfile.mkdtemp(dir=versions))
        version.chmod(0o755)
        try:
            _write(result, version, simulated)
            link = version / "link"
            link.symlink_to(version.relative_to(folder))
            link.replace(target)  # the one step a reader can notice
        except BaseException:
            shutil.rmtree(version, ignore_errors=True)
            raise
        for former in versions.iterdir():
            if former != version:
                shutil.rmtree(former, ignore_errors=True)
    except OSError as error:
        raise StoreError(
            f"The result of {result.config.name} could not be written to {folder}: "
            f"{error.strerror or error}. The former one, if any, stands."
        ) from error
    return target


def _write(result: ExperimentResult, folder: Path, simulated: bool) -> None:
    for name in FRAMES:
        getattr(result, name).to_parquet(folder / f"{name}.parquet", index=False)
    about = {
        "simulated": simulated,
        "panel_digest": result.panel_digest,
        "config": result.config.model_dump(mode="json"),
        "scores": result.scores,
    }
    (folder / "result.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def load_result(folder: Path, name: str) -> dict[str, Any]:
    """What `save_result` wrote: three frames, and `result.json` as a dict under `about`.

    Raises
    ------
    StoreError
        If there is no such result or it is damaged.
    """
    try:
        about = json.loads((folder / name / "result.json").read_text(encoding="utf-8"))
        frames = {frame: pd.read_parquet(folder / name / f"{frame}.parquet") for frame in FRAMES}
    except (OSError, ValueError) as error:
        raise StoreError(
            f"There is no readable result of {name} in {folder} ({error}). "
            f"Run `regime compare experiments/{name}.toml`."
        ) from error
    return {"about": about, **frames}


def list_results(folder: Path) -> list[str]:
    """Names of the experiments that have a result."""
    return sorted(path.parent.name for path in folder.glob("[!.]*/result.json"))


def write_scores(results: list[ExperimentResult], path: Path, *, simulated: bool) -> None:
    """Write every score as one JSON list; the file is replaced only when it is complete."""
    rows = [{**row, "simulated": simulated} for result in results for row in result.scores]
    text = json.dumps(rows, indent=1, allow_nan=False) + "\n"
    try:
        if path.exists() and not path.is_file():  # a pipe or a device is written, not replaced
            path.write_text(text, encoding="utf-8")
            return
        descriptor, draft = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            shutil.copymode(path, draft) if path.exists() else Path(draft).chmod(0o644)
            Path(draft).replace(path)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"The scores could not be written to {path}: {error.strerror}.") from error
