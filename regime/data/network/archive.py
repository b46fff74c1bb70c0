"""Every document as it was fetched, so that a parser can be run again without the network.

The bytes lie gzipped under the hash of their content, at `ab/ab12....gz`; for each address
`by-url/<hash of the address>.json` says which content is the newest, what the publisher
said of it, and every change of content seen before. A file is whole or not there: it is
written under another name, forced to disk and renamed. One process writes at a time; the
kernel frees the lock of one that dies.
"""

import gzip
import hashlib
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from regime.exceptions import StoreError

MOST_UNPACKED = 256 * 1024**2  # bytes; more than may be fetched
_SHA = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Kept:
    """What the archive knows of an address.

    Attributes
    ----------
    sha256 : hash of the newest content
    etag, last_modified : what the publisher said of it, if anything
    fetched_at : Timestamp (UTC), when it was last seen so
    history : hash and first moment (UTC) of every change of content, oldest first
    read : the newest content, or None if its file is gone or damaged
    """

    url: str
    sha256: str
    etag: str | None
    last_modified: str | None
    fetched_at: pd.Timestamp
    history: tuple[tuple[str, pd.Timestamp], ...]
    read: Callable[[], bytes | None] = field(repr=False, compare=False)


class Archive:
    """Documents in a folder, which appears with the first one kept.

    Attributes
    ----------
    damaged : sentences on files that were found damaged; those count as not there

    Parameters
    ----------
    folder : Path
    patience : float
        Seconds to wait for another writer.
    """

    def __init__(self, folder: Path, *, patience: float = 10.0) -> None:
        self.folder = folder
        self.patience = patience
        self.damaged: list[str] = []

    def keep(
        self,
        url: str,
        content: bytes,
        *,
        fetched_at: pd.Timestamp,
        etag: str | None = None,
        last_modified: str | None = None,
    ) -> str:
        """Keep a document; content that is there already is not written again.

        Parameters
        ----------
        url : without secrets, as it is stored readably
        fetched_at : Timestamp with a time zone

        Returns
        -------
        str
            The SHA-256 of the content.

        Raises
        ------
        StoreError
            If the folder cannot be written, or another process goes on writing. What was
            kept before stays as it was.
        """
        if fetched_at.tzinfo is None:
            raise StoreError(f"fetched_at needs a time zone, but is {fetched_at}. Give it in UTC.")
        moment = fetched_at.tz_convert("UTC").isoformat()
        sha = hashlib.sha256(content).hexdigest()
        with self._writing():
            if self._content(sha, silent=True) is None:
                self._write(self._path(sha), gzip.compress(content, mtime=0))
            known = self._record(url)
            history = known["history"] if known else []
            if not history or history[-1]["sha256"] != sha:
                history = [*history, {"sha256": sha, "fetched_at": moment}]
            record = {
                "url": url,
                "sha256": sha,
                "etag": etag,
                "last_modified": last_modified,
                "fetched_at": moment,
                "history": history,
            }
            self._write(self._record_path(url), json.dumps(record, indent=1).encode())
        return sha

    def forget_conditions(self, url: str) -> None:
        """Forget what the publisher said of an address, so that it is asked for whole again.

        The content and its history stay. Raises StoreError as `keep` does.
        """
        if self._record(url) is None:
            return
        with self._writing():
            if known := self._record(url):
                record = known | {"etag": None, "last_modified": None}
                self._write(self._record_path(url), json.dumps(record, indent=1).encode())

    def newest(self, url: str) -> Kept | None:
        """What was kept last of an address; None if nothing was, or its record is damaged."""
        record = self._record(url)
        if record is None:
            return None
        sha = record["sha256"]
        return Kept(
            url=url,
            sha256=sha,
            etag=record.get("etag"),
            last_modified=record.get("last_modified"),
            fetched_at=pd.Timestamp(record["fetched_at"]),
            history=tuple(
                (one["sha256"], pd.Timestamp(one["fetched_at"])) for one in record["history"]
            ),
            read=lambda: self._content(sha),
        )

    def size(self) -> int:
        """Bytes that the files of the archive take."""
        total = 0
        for path in self.folder.rglob("*"):
            with suppress(OSError):  # a writer at work renames its file
                total += path.stat().st_size if path.is_file() else 0
        return total

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Alone in a folder that is there; what goes wrong is a StoreError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".lock", timeout=self.patience):
                yield
        except Timeout:
            raise StoreError(
                f"The archive {self.folder} is being written by another process, and still was "
                f"after {self.patience:g} seconds. Wait for it, or end it."
            ) from None
        except OSError as error:
            raise StoreError(
                f"The archive {self.folder} cannot be written: {error.strerror or error}. Free "
                f"some space and make the folder writable, or set REGIME_HOME to another one."
            ) from error

    def _path(self, sha: str) -> Path:
        return self.folder / sha[:2] / f"{sha}.gz"

    def _record_path(self, url: str) -> Path:
        return self.folder / "by-url" / f"{hashlib.sha256(url.encode()).hexdigest()}.json"

    def _write(self, path: Path, content: bytes) -> None:
        """Put a file there whole; only under the lock, as all share one other name."""
        path.parent.mkdir(exist_ok=True)
        unfinished = self.folder / ".unfinished"
        try:
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink()
            raise

    def _content(self, sha: str, *, silent: bool = False) -> bytes | None:
        path = self._path(sha)
        try:
            with gzip.open(path) as file:
                content = file.read(MOST_UNPACKED + 1)
            if len(content) > MOST_UNPACKED:
                fault = f"it unpacks to more than {MOST_UNPACKED:,} bytes"
            elif hashlib.sha256(content).hexdigest() == sha:
                return content
            else:
                fault = "it holds other bytes than its name says"
        except FileNotFoundError:
            fault = "it is gone"
        except (OSError, EOFError, zlib.error) as error:
            fault = f"it cannot be read, {getattr(error, 'strerror', None) or error}"
        if not silent:
            self._tell(path, fault)
        return None

    def _record(self, url: str) -> dict[str, Any] | None:
        path = self._record_path(url)
        try:
            record = json.loads(path.read_bytes())
            if _is_whole(record, url):
                return dict(record)
            fault = "it is no record of an address"
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            fault = f"it cannot be read, {getattr(error, 'strerror', None) or error}"
        self._tell(path, fault)
        return None

    def _tell(self, path: Path, fault: str) -> None:
        sentence = f"The file {path} of the archive is damaged: {fault}. It will be fetched anew."
        if sentence not in self.damaged:
            self.damaged.append(sentence)


def _is_whole(record: object, url: str) -> bool:
    """Whether a record says what `keep` writes, about this address."""
    if not isinstance(record, dict) or record.get("url") != url:
        return False
    history = record.get("history")
    if not isinstance(history, list) or not all(isinstance(one, dict) for one in history):
        return False
    said = [record.get("etag"), record.get("last_modified")]
    return all(one is None or isinstance(one, str) for one in said) and all(
        isinstance(one.get("sha256"), str)
        and _SHA.fullmatch(one["sha256"]) is not None
        and _is_moment(one.get("fetched_at"))
        for one in [record, *history]
    )


def _is_moment(text: object) -> bool:
    try:
        return isinstance(text, str) and pd.Timestamp(text).tzinfo is not None
    except ValueError:
        return False
