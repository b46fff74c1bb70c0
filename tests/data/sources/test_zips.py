"""One member comes out whole, or not at all."""

import io
import struct
import warnings
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime.data.sources.zips import only_member
from regime.exceptions import SourceError

TEXT = b"date,value\n" + b"2024-01-02,1.5\n" * 200


def archive(*members: tuple[str, bytes], packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packed) as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two members of one name, on purpose
        for name, content in members:
            made.writestr(name, content)
    return buffer.getvalue()


def refused(content: bytes, match: str, **limits: int) -> None:
    with pytest.raises(SourceError, match=match) as caught:
        only_member(content, suffix=".csv", **limits)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["a.csv", "A.CSV", "folder/a.Csv", "../../etc/a.csv"])
def test_the_only_member_comes_out_whole_whatever_its_name(name, packed):
    assert only_member(archive((name, TEXT), packed=packed), suffix=".csv") == TEXT


def test_an_empty_member_is_empty():
    assert only_member(archive(("a.csv", b"")), suffix=".csv") == b""


def test_members_of_other_suffixes_and_folders_do_not_count():
    content = archive(("read.me", b"x"), ("old.csv/", b""), ("a.csv", TEXT))
    assert only_member(content, suffix=".csv") == TEXT


def test_what_is_no_zip_is_named_for_what_it_is():
    refused(b"", "found nothing")
    refused(b"<html>Not found</html>", "bytes of a web page")
    refused(b"date,value\n", "bytes of something else")


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.99])
def test_the_beginning_of_an_archive_is_refused(share):
    content = archive(("a.csv", TEXT))
    refused(content[: int(len(content) * share)], "Needed a whole zip archive")


def test_none_or_several_are_refused_with_their_names():
    refused(archive(), "found 0 among 0 files: no file")
    refused(archive(("a.txt", TEXT)), r"one \.csv file, found 0 among 1 files: 'a\.txt'")
    refused(archive(("a.csv", TEXT), ("b.CSV", TEXT)), "found 2 among 2 files: 'a.csv', 'b.CSV'")
    refused(archive(("a.csv", TEXT), ("a.csv", TEXT)), "found 2 among 2")


def test_a_name_with_a_line_break_stays_on_one_line():
    refused(archive(("a\nb.txt", TEXT)), r"'a\\nb\.txt'")


def test_an_encrypted_member_is_refused():
    content = bytearray(archive(("a.csv", TEXT)))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    refused(bytes(content), "found an encrypted one")


@pytest.mark.parametrize("packed", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_that_cannot_be_bounded_are_refused(packed):
    refused(archive(("a.csv", TEXT), packed=packed), f"found compression method {packed}")


def test_one_changed_byte_of_the_content_is_noticed():
    content = bytearray(archive(("a.csv", TEXT), packed=zipfile.ZIP_STORED))
    content[content.index(TEXT) + 40] ^= 1
    refused(bytes(content), "Bad CRC")


def test_the_limit_is_the_last_size_allowed():
    content = archive(("a.csv", TEXT))
    assert only_member(content, suffix=".csv", most=len(TEXT)) == TEXT
    refused(content, f"at most {len(TEXT) - 1:,} bytes", most=len(TEXT) - 1)


def test_a_bomb_that_understates_its_size_is_not_unpacked():
    bomb = bytearray(archive(("a.csv", b"\0" * 30_000_000)))
    said = bomb.index(b"PK\x01\x02") + 24
    assert struct.unpack_from("<I", bomb, said) == (30_000_000,)
    refused(bytes(bomb), "at most 1,000,000 bytes", most=1_000_000)
    struct.pack_into("<I", bomb, said, 10)
    refused(bytes(bomb), "Bad CRC", most=1_000_000)


@given(st.data())
def test_a_damaged_archive_gives_the_content_or_a_source_error(data):
    content = bytearray(archive(("a.csv", TEXT)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    try:
        found = only_member(bytes(content), suffix=".csv", most=10_000)
    except SourceError:
        found = TEXT  # refused: any other exception fails the test
    assert found == TEXT
