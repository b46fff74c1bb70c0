"""Walk-forwards kept on disk, each under a name that follows from all it was computed from.

Nothing is ever out of date here: another panel, model, line of code or library is another
name. What cannot be read is computed again, and what has not been asked for in a while makes
room.
"""

import contextlib
import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from regime.code_digest import code_digest
from regime.evaluation.walk_forward import Walk

LIBRARIES = ("hmmlearn", "numba", "numpy", "pandas", "scikit-learn", "scipy")
MOST_BYTES = 256 * 1024**2
_FITS = b"fits"


def name_of(what: Mapping[str, Any]) -> str:
    """A name for what is computed from these plain values by this code and these libraries."""
    whole = {"what": what, "code": code_digest(), "libraries": _libraries()}
    text = json.dumps(whole, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@functools.cache
def _libraries() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}


class KeptWalks:
    """A folder of walk-forwards by name. Several processes may share it."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self.folder = folder
        self.most_bytes = most_bytes

    def read(self, name: str) -> Walk | None:
        """What is kept under this name; None if nothing is, or not all of it."""
        path = self._path(name)
        try:
            with pq.ParquetFile(path) as file:
                table = file.read(use_threads=False)
            fits = pd.DataFrame(json.loads(table.schema.metadata[_FITS]))
            fits["fitted_on"] = pd.to_datetime(fits["fitted_on"]).astype("datetime64[us]")
            proba = table.to_pandas(use_threads=False)
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
            return None
        with contextlib.suppress(OSError):  # a folder to read only
            os.utime(path)  # asked for just now
        return Walk(proba, fits)

    def keep(self, name: str, walk: Walk) -> None:
        """Keep it; where there is no room or no right to write, it is not kept."""
        fits = walk.fits.assign(fitted_on=walk.fits["fitted_on"].astype(str))
        table = pa.Table.from_pandas(walk.proba)
        about = {**(table.schema.metadata or {}), _FITS: json.dumps(fits.to_dict("list")).encode()}
        draft = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=self.folder, suffix=".draft")
            with os.fdopen(handle, "wb") as file:
                pq.write_table(table.replace_schema_metadata(about), file)
            Path(draft).replace(self._path(name))
            self._make_room()
        except OSError:
            if draft is not None:
                with contextlib.suppress(OSError):
                    Path(draft).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def _make_room(self) -> None:
        """Drop what was asked for longest ago, and drafts whose writer died."""
        found = []
        for path in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process makes room too
                about = path.stat()
                found.append((about.st_mtime, about.st_size, path))
        left = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if left <= self.most_bytes:
                return
            path.unlink(missing_ok=True)
            left -= size
