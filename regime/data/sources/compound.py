"""What an Excel 97 workbook says of its own size, looked at before a reader believes it.

The workbook is a stream of records inside a compound file, which is cut into sectors that name
their successors. A reader that trusts them walks a circle for ever, and makes room for all that
lies between two cells, however far apart: a few changed bytes take all memory there is.
(Microsoft's open specifications [MS-CFB] and [MS-XLS] have the layout.)
"""

import struct
from collections.abc import Iterator

MOST_CELLS = 2_000_000  # of all sheets together, empty ones between others included
_DIFAT, _SHIFTS = 109, {9, 12}  # sectors of the table named in the header; of 512 or 4096 bytes
_MINI, _SMALL = 64, 4096  # bytes of a sector of small streams, which are shorter than this
_SPECIAL, _END, _FREE = 0xFFFFFFFA, 0xFFFFFFFE, 0xFFFFFFFF
_ENTRY, _STREAM = 128, 2
_NAMES = {"Workbook", "Book"}
_DIMENSIONS, _STRINGS, _SHEET, _MANY, _BLANKS = 0x0200, 0x00FC, 0x0085, 0x00BD, 0x00BE
# Records of one cell, which begin with its row and column.
_CELLS = {
    0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x0201, 0x0203, 0x0204, 0x0205, 0x0206, 0x0207,
    0x027E, 0x00D6, 0x00FD, 0x0406, _MANY, _BLANKS,
}  # fmt: skip
_TALLEST, _WIDEST = 65_536, 256  # a sheet of Excel 97
_LETTERS = 3  # bytes that the shortest string takes, its length included


def require_sound(document: bytes) -> None:
    """Raise ValueError if a reader could walk in circles, or need room beyond `MOST_CELLS`."""
    try:
        for stream in _workbooks(document):
            _require_small(stream)
    except (struct.error, IndexError) as error:
        raise ValueError("it ends before what it speaks of") from error


class _Sectors:
    """The sectors of a compound file, once the table of which follows which was found to end.

    Attributes
    ----------
    folder, small : first sectors of the list of streams, and of the table of small sectors
    short : whether sectors have 512 bytes, as in files whose streams are under 4 GB
    successors : for each sector, the next one of its chain
    """

    def __init__(self, document: bytes) -> None:
        (shift,) = struct.unpack_from("<H", document, 30)
        if shift not in _SHIFTS:
            raise ValueError(f"its sectors have 2 to the power of {shift} bytes")
        self.document, self.size, self.short = document, 1 << shift, shift == min(_SHIFTS)
        tables, self.folder, _, _, self.small, smalls, more, _ = struct.unpack_from(
            "<8I", document, 44
        )
        if max(tables, smalls) * self.size > len(document):
            raise ValueError("it speaks of more sectors than it has")
        listed, seen = list(struct.unpack_from(f"<{_DIFAT}I", document, 76)), 0
        while more < _SPECIAL:
            if (seen := seen + 1) * self.size > len(document):
                raise ValueError("a chain of sectors has no end")
            *page, more = _words(self.at(more))
            listed += page
        self.successors = [one for at in listed if at != _FREE for one in _words(self.at(at))]

    def at(self, place: int) -> bytes:
        """Bytes of one sector."""
        found = self.document[(place + 1) * self.size : (place + 2) * self.size]
        if not found:
            raise ValueError(f"it has no sector {place}")
        return found

    def stream(self, first: int) -> bytes:
        """Bytes of a chain of sectors."""
        return b"".join(map(self.at, _chain(first, self.successors)))


def _workbooks(document: bytes) -> Iterator[bytes]:
    """Streams of the workbook, once all chains of sectors were found to end."""
    sectors = _Sectors(document)
    entries = sectors.stream(sectors.folder)
    told = [
        (_name(entries, at), entries[at + 66], *struct.unpack_from("<IQ", entries, at + 116))
        for at in range(0, len(entries), _ENTRY)
    ]
    _, _, first, _ = told[0]
    ministream = sectors.stream(first)
    minis = _words(sectors.stream(sectors.small)) if sectors.small < _SPECIAL else []
    for name, kind, start, length in told:
        if name not in _NAMES and (kind != _STREAM or not length):
            continue
        if sectors.short:
            length &= 0xFFFFFFFF  # the upper half is not used in files of this kind
        if length > len(document):
            raise ValueError(f"its stream {name!r} is longer than the whole")
        if length < _SMALL:
            parts = (ministream[_MINI * at : _MINI * (at + 1)] for at in _chain(start, minis))
            content = b"".join(parts)
        else:
            content = sectors.stream(start)
        if name in _NAMES:
            yield content[:length]


def _chain(at: int, successors: list[int]) -> Iterator[int]:
    """Places of a chain, which is to end."""
    for _ in range(len(successors) + 1):
        if at == _END:
            return
        if at >= len(successors):
            raise ValueError(f"a chain of sectors leads to {at}, which is none")
        yield at
        at = successors[at]
    raise ValueError("a chain of sectors has no end")


def _words(content: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(content) // 4}I", content))


def _name(entries: bytes, at: int) -> str:
    return entries[at : at + 64].decode("utf-16-le", "replace").partition("\0")[0]


def _require_small(stream: bytes) -> None:
    """Raise ValueError if the sheets of a stream need too much room, or its strings do."""
    starts = [0]
    for kind, content in _records(stream, 0):
        if kind == _SHEET:
            starts.append(struct.unpack_from("<I", content)[0])
        elif kind == _STRINGS and struct.unpack_from("<I", content, 4)[0] > len(stream) // _LETTERS:
            raise ValueError("it speaks of more strings than it can hold")
    if len(cells := {*starts}) and sum(_room(stream, start) for start in cells) > MOST_CELLS:
        raise ValueError(f"its sheets need more than {MOST_CELLS:,} cells")


def _records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each record up to the end of a sheet, or of the stream."""
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + length]
        if kind == 0x000A:
            return
        at += 4 + length


def _room(stream: bytes, start: int) -> int:
    """Cells between the outermost ones of a sheet."""
    top, left, bottom, right = _TALLEST, _TALLEST, -1, -1
    for kind, content in _records(stream, start):
        if kind == _DIMENSIONS:
            form = "<IIHH" if len(content) >= struct.calcsize("<IIHH") else "<HHHH"
            first, rows, begin, columns = struct.unpack_from(form, content)
            tall, wide = first < max(rows, 1) <= _TALLEST, begin < max(columns, 1) <= _WIDEST
            if not (tall and wide):
                raise ValueError(f"it has a sheet of {rows:,} rows and {columns:,} columns")
        if kind not in _CELLS or len(content) < struct.calcsize("<HH"):
            continue
        row, column = struct.unpack_from("<HH", content)
        last = column
        if kind in {_MANY, _BLANKS}:
            (last,) = struct.unpack_from("<H", content, len(content) - 2)
        top, bottom = min(top, row), max(bottom, row)
        left, right = min(left, column), max(right, last)
    return max(bottom - top + 1, 0) * max(right - left + 1, 0)
