"""What was fetched can be read again to the byte, and nothing half-written is ever read."""

import errno
import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regime.data.network.archive import Archive, Kept
from regime.exceptions import StoreError

FIRST = pd.Timestamp("2024-06-03 12:00:01.5", tz="UTC")
LATER = FIRST + pd.Timedelta(days=1)
URL = "https://fred.example/graph.csv?id=DGS10"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def newest(archive: Archive, url: str = URL) -> Kept:
    kept = archive.newest(url)
    assert kept is not None
    return kept


def blob(archive: Archive, content: bytes) -> Path:
    sha = hashlib.sha256(content).hexdigest()
    return archive.folder / sha[:2] / f"{sha}.gz"


def record(archive: Archive) -> Path:
    [path] = archive.folder.glob("by-url/*.json")
    return path


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=50)), max_size=12))
def test_each_address_reads_back_what_was_kept_last(kept: list[tuple[str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(Path(folder))
        changes: dict[str, list[bytes]] = {}
        for number, (url, content) in enumerate(kept):
            sha = archive.keep(url, content, fetched_at=FIRST + pd.Timedelta(hours=number))
            assert sha == hashlib.sha256(content).hexdigest()
            history = changes.setdefault(url, [])
            if not history or history[-1] != content:
                history.append(content)
        for url, history in changes.items():
            assert newest(archive, url).read() == history[-1]
            hashes = [hashlib.sha256(content).hexdigest() for content in history]
            assert [sha for sha, _ in newest(archive, url).history] == hashes
        assert not archive.damaged


def test_a_record_says_what_the_publisher_said_and_when(archive: Archive) -> None:
    archive.keep(URL, b"one", fetched_at=FIRST, etag='"a"', last_modified="Mon")
    archive.keep(URL, b"one", fetched_at=LATER, etag='"b"')
    kept = newest(archive)
    assert (kept.url, kept.etag, kept.last_modified) == (URL, '"b"', None)
    assert kept.fetched_at == LATER
    assert kept.history == ((kept.sha256, FIRST),)


def test_conditions_are_forgotten_and_the_rest_is_kept(archive: Archive) -> None:
    archive.keep(URL, b"one", fetched_at=FIRST, etag='"a"', last_modified="Mon")
    archive.keep(URL, b"two", fetched_at=LATER, etag='"b"', last_modified="Tue")
    before = newest(archive)
    archive.forget_conditions(URL)
    after = newest(archive)
    assert (after.etag, after.last_modified) == (None, None)
    assert (after.sha256, after.fetched_at, after.history) == (
        before.sha256, before.fetched_at, before.history,
    )  # fmt: skip
    assert after.read() == b"two"


def test_forgetting_an_address_never_fetched_makes_nothing(archive: Archive) -> None:
    archive.forget_conditions(URL)
    assert not archive.folder.exists()


def test_an_address_never_fetched_has_nothing(archive: Archive) -> None:
    assert archive.newest(URL) is None
    assert archive.size() == 0
    assert not archive.folder.exists()


def test_the_same_content_is_stored_once_and_not_written_again(archive: Archive) -> None:
    archive.keep(URL, b"one", fetched_at=FIRST)
    path = blob(archive, b"one")
    os.utime(path, (1, 1))
    archive.keep(URL, b"one", fetched_at=LATER)
    archive.keep("https://other.example/", b"one", fetched_at=LATER)
    assert path.stat().st_mtime == 1
    assert len(list(archive.folder.glob("??/*.gz"))) == 1


def test_the_same_content_makes_the_same_file(tmp_path: Path) -> None:
    one, other = Archive(tmp_path / "one"), Archive(tmp_path / "other")
    one.keep(URL, b"content", fetched_at=FIRST)
    time.sleep(1.1)  # gzip would note the second
    other.keep(URL, b"content", fetched_at=LATER)
    assert blob(one, b"content").read_bytes() == blob(other, b"content").read_bytes()


def test_size_is_what_the_files_take(archive: Archive) -> None:
    archive.keep(URL, os.urandom(5000), fetched_at=FIRST)
    files = [path for path in archive.folder.rglob("*") if path.is_file()]
    assert archive.size() == sum(path.stat().st_size for path in files) > 5000


def test_a_time_without_zone_is_refused(archive: Archive) -> None:
    with pytest.raises(StoreError, match="time zone"):
        archive.keep(URL, b"one", fetched_at=pd.Timestamp("2024-06-03"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:-5],
        lambda whole: b"",
        lambda whole: b"no gzip",
        lambda whole: gzip.compress(b"other bytes"),
        lambda whole: whole[:12] + b"\xff\xff" + whole[14:],
        lambda whole: None,
    ],
    ids=["cut", "empty", "other", "swapped", "flipped", "gone"],
)
def test_damaged_content_is_told_counts_as_not_there_and_is_mended(
    damage: Callable[[bytes], bytes | None], archive: Archive
) -> None:
    content = b"one" * 100
    archive.keep(URL, content, fetched_at=FIRST)
    path = blob(archive, content)
    if (damaged := damage(path.read_bytes())) is None:
        path.unlink()
    else:
        path.write_bytes(damaged)
    assert newest(archive).read() is None
    assert newest(archive).read() is None
    [told] = archive.damaged
    assert path.name in told
    assert "fetched anew" in told
    archive.keep(URL, content, fetched_at=LATER)
    assert newest(archive).read() == content


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "{}", "\xff", "[" * 100_000,
        json.dumps({"url": URL, "sha256": "../../etc/passwd", "fetched_at": "2024-01-01T00:00Z"}),
        json.dumps({"url": URL, "sha256": "0" * 64, "fetched_at": "soon", "history": []}),
        json.dumps({"url": "x", "sha256": "0" * 64, "fetched_at": "2024-01-01T00:00Z",
                    "history": []}),
    ],
)  # fmt: skip
def test_a_damaged_record_is_told_counts_as_not_there_and_is_mended(
    text: str, archive: Archive
) -> None:
    archive.keep(URL, b"one", fetched_at=FIRST)
    record(archive).write_bytes(text.encode("latin-1"))
    assert archive.newest(URL) is None
    assert len(archive.damaged) == 1
    archive.keep(URL, b"two", fetched_at=LATER)
    assert newest(archive).read() == b"two"


def test_a_record_without_what_the_publisher_said_is_read_as_if_he_had_said_nothing(
    archive: Archive,
) -> None:
    archive.keep(URL, b"one", fetched_at=FIRST, etag='"e"')
    said = json.loads(record(archive).read_bytes())
    record(archive).write_text(json.dumps({key: said[key] for key in said if key != "etag"}))
    assert newest(archive).etag is None


def test_a_full_disk_is_told_and_leaves_what_was_there(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.keep(URL, b"one", fetched_at=FIRST)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match=r"cannot be written: No space left .*REGIME_HOME"):
            archive.keep(URL, b"two", fetched_at=LATER)
    assert newest(archive).read() == b"one"
    assert not blob(archive, b"two").exists()
    assert not (archive.folder / ".unfinished").exists()
    archive.keep(URL, b"two", fetched_at=LATER)
    assert newest(archive).read() == b"two"


def run(code: str, folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    head = (
        "import os, sys, resource; from pathlib import Path; import pandas as pd\n"
        "from regime.data.network.archive import Archive\n"
        "from regime.exceptions import StoreError\n"
        "archive = Archive(Path(sys.argv[1])); now = pd.Timestamp.now('UTC')\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + code, str(folder), *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_file_that_may_not_grow_is_told(archive: Archive) -> None:
    code = (
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try: archive.keep('u', os.urandom(100_000), fetched_at=now)\n"
        "except StoreError as error: print(error)\n"
    )
    said, _ = run(code, archive.folder).communicate(timeout=60)
    assert "cannot be written: File too large" in said
    assert archive.newest("u") is None
    assert not list(archive.folder.glob("??/*"))


def test_a_folder_that_is_read_only_is_told_and_can_be_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)
    archive = Archive(tmp_path / "archive")
    archive.keep("u", b"one", fetched_at=FIRST)
    for path in [archive.folder, *archive.folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    code = (
        "if os.geteuid() == 0: os.setuid(65534)  # root may write anywhere\n"
        "print(archive.newest('u').read())\n"
        "try: archive.keep('u', b'two', fetched_at=now)\n"
        "except StoreError as error: print(error)\n"
    )
    said, _ = run(code, archive.folder).communicate(timeout=60)
    for path in [archive.folder, *archive.folder.rglob("*")]:
        path.chmod(0o755)
    assert "b'one'" in said
    assert "cannot be written: Permission denied" in said


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        Archive(tmp_path / "archive").keep(URL, b"one", fetched_at=FIRST)


def test_writers_at_once_lose_nothing(archive: Archive) -> None:
    code = (
        "for n in range(25):\n"
        "    archive.keep('u', f'{sys.argv[2]} {n}'.encode() * 99, fetched_at=now)\n"
        "    assert archive.newest('u').read() is not None\n"
        "assert not archive.damaged\n"
    )
    writers = [run(code, archive.folder, name) for name in "ab"]
    threads = [
        threading.Thread(
            target=lambda name=name: [  # type: ignore[misc]
                archive.keep("u", f"{name} {n}".encode() * 99, fetched_at=FIRST) for n in range(25)
            ]
        )
        for name in "cd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    expected = {
        hashlib.sha256(f"{name} {n}".encode() * 99).hexdigest()
        for name in "abcd"
        for n in range(25)
    }
    assert {sha for sha, _ in newest(archive, "u").history} == expected
    assert len(newest(archive, "u").history) == 100
    assert not archive.damaged


def test_a_writer_that_is_killed_leaves_nothing_half_written(archive: Archive) -> None:
    code = (
        "for n in range(10**6):\n"
        "    archive.keep('u', os.urandom(200_000), fetched_at=now)\n"
        "    print('kept', flush=True)\n"
    )
    for delay in (0.0, 0.013, 0.037, 0.061):
        writer = run(code, archive.folder)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        content = newest(archive, "u").read()
        assert content is not None
        assert len(content) == 200_000
        for path in archive.folder.glob("??/*.gz"):
            assert hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest() == path.stem
        archive.keep("u", b"next", fetched_at=LATER)  # the lock died with its holder
        assert newest(archive, "u").read() == b"next"
        assert not archive.damaged


@pytest.mark.parametrize("step", ["os.fsync", "Path.replace"])
@pytest.mark.parametrize("file", [1, 2], ids=["content", "record"])
def test_dying_before_a_file_is_renamed_leaves_what_was_there(
    step: str, file: int, archive: Archive
) -> None:
    archive.keep("u", b"one", fetched_at=FIRST)
    code = (
        f"calls, step = [], {step}\n"
        "def die(*args):\n"
        "    calls.append(args)\n"
        f"    return os.kill(os.getpid(), 9) if len(calls) == {file} else step(*args)\n"
        f"{step} = die\n"
        "archive.keep('u', b'two', fetched_at=now)\n"
    )
    writer = run(code, archive.folder)
    writer.communicate(timeout=60)
    assert writer.returncode == -signal.SIGKILL
    assert newest(archive, "u").read() == b"one"
    assert blob(archive, b"two").exists() == (file == 2)
    archive.keep("u", b"two", fetched_at=LATER)
    assert newest(archive, "u").read() == b"two"
    assert not (archive.folder / ".unfinished").exists()


def test_a_writer_that_goes_on_is_told(archive: Archive) -> None:
    from filelock import FileLock

    archive.keep(URL, b"one", fetched_at=FIRST)
    with (
        FileLock(archive.folder / ".lock"),
        pytest.raises(StoreError, match=r"another process.*0.1 seconds"),
    ):
        Archive(archive.folder, patience=0.1).keep(URL, b"two", fetched_at=LATER)
