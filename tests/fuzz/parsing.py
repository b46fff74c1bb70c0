"""One parser under bad input: what it may do with a document, and what it must not."""

import contextlib
import io
import json
import signal
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock
from fuzz.mutations import Mutate

from regime.data.catalog import CATALOG
from regime.data.observations import COLUMNS
from regime.exceptions import RegimeError

RESULTS = Path(__file__).with_name("results.json")
NOW = pd.Timestamp("2024-06-14 22:00", tz="UTC")  # two hours after a close
SECONDS = 2.0  # of the processor for one document
MOST_MEMORY = 200 * 1024**2  # bytes beyond what the process has before
LONGEST = 20_000  # characters of a message
MOST_FAULTS = 20  # of one parser, told apart
_UNSAFE = (
    "pickle.find_class",
    "os.system",
    "os.exec",
    "os.spawn",
    "subprocess.Popen",
    "socket.connect",
)
_watched: list[str] | None = None


@dataclass(frozen=True)
class Parser:
    """What reads documents of one kind.

    Attributes
    ----------
    valid : makes small good documents
    mutate : damages one
    parse : reads one, which it may put into the folder it is given
    check : asserts that what was read can be; by default observations
    share : how many parsers of one kind, this among them, share the documents of a full count
    """

    name: str
    valid: Callable[[], list[bytes]]
    mutate: Mutate
    parse: Callable[[bytes, Path], Any]
    check: Callable[[Any], None]
    share: int = 1


@dataclass
class Count:
    """How many documents were read and refused, in how long, and what went wrong with which."""

    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    memory: int = 0
    faults: dict[str, str] = field(default_factory=dict)

    def read(self, parser: Parser, documents: list[bytes], folder: Path) -> None:
        """Parse each; a document with which the parser did wrong is kept, and told by `faults`."""
        before = _memory(forget=True)
        for document in documents:
            began = time.process_time()
            try:
                with watched() as unsafe, hurried():
                    self._read_one(parser, document, folder)
                assert not unsafe, f"it did {unsafe}"
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                self._fault(parser, document, f"{type(error).__name__}: {str(error)[:200]}")
            took = time.process_time() - began
            self.seconds += took
            self.slowest = max(self.slowest, took)
        grown = _memory() - before
        if grown > MOST_MEMORY:
            largest = max(documents, key=len)
            self._fault(parser, largest, f"{grown:,} bytes for one of {len(documents)} documents")
        self.memory = max(self.memory, grown)

    def _fault(self, parser: Parser, document: bytes, what: str) -> None:
        if what in self.faults or len(self.faults) == MOST_FAULTS:
            return
        kept = Path(tempfile.mkdtemp(prefix="fuzz-")) / "document"
        kept.write_bytes(document)
        self.faults[what] = f"{parser.name}, {kept}, {len(document)} bytes: {document[:200]!r}"

    def _read_one(self, parser: Parser, document: bytes, folder: Path) -> None:
        try:
            found = parser.parse(document, folder)
        except RegimeError as error:
            said = str(error)
            assert said.strip(), "it was refused without a word"
            assert len(said) <= LONGEST, f"it was refused in {len(said):,} characters"
            said.encode()  # so that it can be printed
            self.refused += 1
            return
        parser.check(found)
        self.accepted += 1

    def record(self, parser: Parser) -> None:
        """Write it into `RESULTS`, beside what there is of other parsers."""
        with FileLock(Path(tempfile.gettempdir()) / "fuzz-results.lock"):
            known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
            known[parser.name] = {
                "documents": self.accepted + self.refused,
                "accepted": self.accepted,
                "seconds": round(self.seconds),
                "slowest_seconds": round(self.slowest, 2),
                "megabytes": round(self.memory / 1e6),
            }
            RESULTS.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """A TimeoutError after `SECONDS` of the processor, other work beside not counted."""

    def late(*_: Any) -> None:
        raise TimeoutError(f"more than {SECONDS:g} seconds")

    former = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, former)


@contextlib.contextmanager
def watched() -> Iterator[list[str]]:
    """What a document made the program do that no document may: run, unpickle, connect."""
    global _watched
    _watched = found = []
    if not getattr(sys, "_fuzz_hook", False):
        sys._fuzz_hook = True  # a hook stays for good
        sys.addaudithook(_heard)
    try:
        yield found
    finally:
        _watched = None


def _heard(event: str, _: Any) -> None:
    if _watched is not None and event in _UNSAFE:
        _watched.append(event)


def _memory(*, forget: bool = False) -> int:
    """Most bytes the process has held, since it was last forgotten; 0 where nobody tells."""
    try:
        if forget:
            Path("/proc/self/clear_refs").write_text("5")
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    held = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(held[0]) * 1024 if held else 0


def observations(found: pd.DataFrame, now: pd.Timestamp = NOW) -> None:
    """Of `regime.data.observations`: each row once, in types and words of the catalogue."""
    assert list(found.columns) == COLUMNS
    assert found["period"].dtype == "datetime64[us]", found["period"].dtype
    assert found["known_at"].dtype == "datetime64[us, UTC]", found["known_at"].dtype
    assert found["value"].dtype == np.float64
    assert np.isfinite(found["value"].to_numpy()).all(), "a value is not finite"
    assert not found[["period", "known_at"]].isna().to_numpy().any()
    if not len(found):
        return
    assert set(found["series"]) <= CATALOG.keys()
    assert found["period"].max() <= now.tz_convert(None) + pd.offsets.MonthEnd(1), "in the future"
    codes = pd.factorize(found["series"])[0]
    keys = np.c_[codes, found["period"].astype("int64"), found["known_at"].astype("int64")]
    assert len(np.unique(keys, axis=0)) == len(keys), "a row is there twice"
    for code in np.unique(codes):
        assert found["period"][codes == code].is_monotonic_increasing, "periods out of order"


class Served:
    """A host that answers every question with the same document."""

    def __init__(self, document: bytes) -> None:
        self.document = document

    def get(self, *_: Any, **__: Any) -> bytes:
        return self.document


def in_file(name: str, read: Callable[[Path], Any]) -> Callable[[bytes, Path], Any]:
    """A parser of a file of that name in a folder."""

    def parse(document: bytes, folder: Path) -> Any:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(document)
        return read(path)

    return parse


def unpacked(document: bytes) -> dict[str, bytes]:
    """Files of a folder that stands as an archive; none of what is not whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(document)) as archive:
            return {
                one.filename: archive.read(one)
                for one in archive.infolist()
                if Path(one.filename).name == one.filename and "\x00" not in one.filename
            }
    except Exception:  # noqa: BLE001 - then the folder is empty
        return {}


def written(files: dict[str, bytes], folder: Path) -> Path:
    """The folder with these files and no others."""
    folder.mkdir(exist_ok=True)
    for former in folder.iterdir():
        if former.name not in files:
            former.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder
