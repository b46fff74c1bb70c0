"""The one file inside a zip archive that somebody else made."""

import io
import struct
import zipfile
import zlib

from regime.exceptions import SourceError

MOST = 40_000_000  # bytes; three times the largest file of any publisher read here
_CHUNK = 1 << 20
_ENCRYPTED = 0x1  # the first of a member's flag bits
_PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # others cannot be unpacked bit by bit
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error,
    EOFError, IndexError, OSError, RuntimeError, ValueError,
)  # fmt: skip


def only_member(content: bytes, *, suffix: str, most: int = MOST) -> bytes:
    """Unpack the only member whose name ends in `suffix`; nothing touches the disk.

    Parameters
    ----------
    content : the archive
    suffix : compared without regard to case, e.g. ".csv"; other members are not opened
    most : bytes of content allowed, counted while unpacking; the archive's own word for
        its size is not trusted

    Raises
    ------
    SourceError
        If this is no zip archive or only the beginning of one, if no member or several
        fit, or if the member is encrypted, damaged, packed in an unknown way or larger
        than `most`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            member = _the_one(archive, suffix)
            return _unpacked(archive, member, most)
    except _DAMAGE as error:
        raise SourceError(
            f"Needed a whole zip archive, found {_found(content)}, unreadable at this point: "
            f"{str(error)[:80] or type(error).__name__}. Fetch it again."
        ) from error


def _the_one(archive: zipfile.ZipFile, suffix: str) -> zipfile.ZipInfo:
    members = [one for one in archive.infolist() if not one.is_dir()]
    fitting = [one for one in members if one.filename.lower().endswith(suffix.lower())]
    if len(fitting) != 1:
        names = ", ".join(repr(one.filename[-60:]) for one in members[:5]) or "no file"
        raise SourceError(
            f"Needed a zip archive with one {suffix} file, found {len(fitting)} among "
            f"{len(members)} files: {names}. Report it: the publisher changed its format."
        )
    if fitting[0].flag_bits & _ENCRYPTED:
        raise SourceError(
            "Needed a zip archive without a password, found an encrypted one. Report it: the "
            "publisher changed its format."
        )
    if fitting[0].compress_type not in _PACKED:
        raise SourceError(
            f"Needed a zip archive that is stored or deflated, found compression method "
            f"{fitting[0].compress_type}. Report it: the publisher changed its format."
        )
    return fitting[0]


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    with archive.open(member) as stream:
        while part := stream.read(min(_CHUNK, most + 1 - size)):
            size += len(part)
            if size > most:
                raise SourceError(
                    f"Needed a file of at most {most:,} bytes, found a zip archive that unpacks "
                    f"to more. It may be damaged: fetch it again."
                )
            parts.append(part)
    return b"".join(parts)


def _found(content: bytes) -> str:
    """A word on what the bytes look like."""
    if not content:
        return "nothing"
    if content.lstrip()[:1] == b"<":
        return f"{len(content):,} bytes of a web page"
    if not content.startswith(b"PK"):
        return f"{len(content):,} bytes of something else"
    return f"{len(content):,} bytes of one"
