"""Results on disk: one folder per name, behind a link that is moved in one step."""

import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from regime.exceptions import StoreError
from regime.shipped import shipped
from regime.tracking.kept import plain, table

if TYPE_CHECKING:
    from regime.experiment import ExperimentResult

VERSIONS = ".versions"
FRAMES = ("predictions", "calls", "labels")
TRIES = 10  # to read what is replaced meanwhile


def save_result(result: "ExperimentResult", folder: Path, *, simulated: bool) -> Path:
    """Keep predictions, calls, label, scores and configuration of an experiment.

    Returns
    -------
    The experiment's folder. A reader sees the former result or this one, never a mixture.
    """
    about = {
        "simulated": simulated,
        "panel_digest": result.panel_digest,
        "config": result.config.model_dump(mode="json"),
        "scores": result.scores,
    }
    frames = {name: getattr(result, name) for name in FRAMES}
    return save_frames(frames, about, folder, result.config.name)


def load_result(folder: Path, name: str) -> dict[str, Any]:
    """What `save_result` wrote: its frames by name, and `about`."""
    named = name if name in shipped() else f"{name}.toml"
    return load_frames(folder, name, FRAMES, remedy=f"regime compare {named}")


def list_results(folder: Path) -> list[str]:
    """Names that have a result."""
    return sorted(path.parent.name for path in folder.glob("[!.]*/result.json"))


def save_frames(
    frames: Mapping[str, pd.DataFrame],
    about: dict[str, Any],
    folder: Path,
    name: str,
    *,
    also: Callable[[Path], None] | None = None,
) -> Path:
    """Write frames as Parquet and `about` as JSON under one name; all of it, or nothing.

    Parameters
    ----------
    also : writes what else belongs to it into the folder it is given
    """
    target = folder / name
    try:
        versions = folder / VERSIONS / name
        versions.mkdir(parents=True, exist_ok=True)
        version = Path(tempfile.mkdtemp(dir=versions))
        version.chmod(0o755)
        try:
            for key, frame in frames.items():
                frame.to_parquet(version / f"{key}.parquet", index=False)
            (version / "result.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
            if also is not None:
                also(version)
            link = version / "link"
            # Since Python 3.12 `version` is absolute, even where `folder` is not.
            link.symlink_to(Path(VERSIONS, name, version.name))
            link.replace(target)  # the one step a reader can notice
        except BaseException:
            shutil.rmtree(version, ignore_errors=True)
            raise
        for former in versions.iterdir():
            # Another writer's may stand there by now.
            if former.name not in {version.name, goal_of(target).name}:
                shutil.rmtree(former, ignore_errors=True)
    except OSError as error:
        raise StoreError(
            f"The result of {name} could not be written to {folder}: "
            f"{error.strerror or error}. The former one, if any, stands."
        ) from error
    return target


def load_frames(folder: Path, name: str, frames: Sequence[str], *, remedy: str) -> dict[str, Any]:
    """What `save_frames` wrote: frames by name, and `about`.

    Raises
    ------
    StoreError
        If there is no such result or it is damaged; names the remedy.
    """
    link = folder / name
    for attempt in range(TRIES):
        here = goal_of(link)  # one version throughout, though the link may move while it is read
        try:
            said = (here / "result.json").read_bytes()
            # All bytes first: a version that is taken away meanwhile is one that was never read.
            files = {key: (here / f"{key}.parquet").read_bytes() for key in frames}
            about = plain(said)
            if not isinstance(about, dict):
                raise ValueError("result.json holds no object")
            read = {key: table(io.BytesIO(file)) for key, file in files.items()}
            break
        except (OSError, ValueError) as error:
            if attempt < TRIES - 1 and goal_of(link) != here:
                continue  # replaced meanwhile, and its files with it
            raise StoreError(
                f"There is no readable result of {name} in {folder} ({error}). Run `{remedy}`."
            ) from error
    return {"about": about, **read}


def goal_of(link: Path) -> Path:
    """Where a link leads now; itself where it is none."""
    try:
        return link.parent / link.readlink()
    except OSError:
        return link


def write_scores(results: list["ExperimentResult"], path: Path, *, simulated: bool) -> None:
    """Write every score as one JSON list."""
    rows = [{**row, "simulated": simulated} for result in results for row in result.scores]
    write_text(path, json.dumps(rows, indent=1, allow_nan=False) + "\n", "scores")


def write_text(path: Path, text: str, what: str) -> None:
    """Write a file that is replaced only when it is complete.

    Raises
    ------
    StoreError
        If it cannot be written; what stood there still stands.
    """
    write_whole(path, lambda draft: draft.write_text(text, encoding="utf-8"), what)


def write_whole(path: Path, write: Callable[[Path], object], what: str) -> None:
    """The same of a file that `write` fills, which it is given a draft of.

    Raises
    ------
    StoreError
        If it cannot be written; what stood there still stands.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe or a device is written, not replaced
            write(path)
            return
        descriptor, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}-")
        os.close(descriptor)
        draft = Path(name)
        try:
            write(draft)
            shutil.copymode(path, draft) if path.exists() else draft.chmod(0o644)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"The {what} could not be written to {path}: {error.strerror or error}. Free some "
            "space, or choose another place."
        ) from error
