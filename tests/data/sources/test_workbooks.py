"""A workbook of Excel 97 that lies about its size is refused before a reader believes it."""

import io
import struct

import pytest
import xlwt

from regime.data.sources import compound
from regime.data.sources.workbooks import rows_of
from regime.exceptions import SourceError

SECTOR = 512


def workbook(cells):
    book = xlwt.Workbook()
    page = book.add_sheet("A")
    for (row, column), value in cells.items():
        page.write(row, column, value)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


SMALL = workbook({(0, 0): "Date", (1, 0): 2.5, (1, 3): "x"})


def read(document):
    return rows_of(document, "A", lambda wanted, found: SourceError(f"{wanted}; {found}"))


def record(kind, *, after=0):
    """Where a record of that kind stands in the document, whose stream is in one piece."""
    return SMALL.index(struct.pack("<H", kind), SECTOR + after)


def put(at, form, *values):
    changed = bytearray(SMALL)
    struct.pack_into(form, changed, at, *values)
    return bytes(changed)


def test_a_sound_workbook_is_read():
    assert read(SMALL) == [["Date", "", "", ""], [2.5, "", "", "x"]]


def test_sectors_that_follow_one_another_in_a_circle_are_refused():
    (table,) = struct.unpack_from("<I", SMALL, 76)
    (folder,) = struct.unpack_from("<I", SMALL, 48)
    circle = put((table + 1) * SECTOR + 4 * folder, "<I", folder)
    with pytest.raises(SourceError, match="a chain of sectors has no end"):
        read(circle)


def test_cells_so_far_apart_that_all_between_take_the_memory_are_refused():
    # 65,001 rows of 251 columns are sixteen million cells.
    with pytest.raises(SourceError, match="need more than 2,000,000 cells"):
        read(workbook({(0, 0): 1.0, (65_000, 250): 2.0}))


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ((0, 2**31, 0, 4), "2,147,483,648 rows and 4 columns"),
        ((0, 2, 0, 60_000), "2 rows and 60,000 columns"),
        ((9, 2, 0, 4), "2 rows and 4 columns"),  # the first below the last
    ],
)
def test_a_sheet_that_says_it_is_larger_than_a_sheet_can_be_is_refused(bounds, found):
    at = SMALL.index(struct.pack("<HHIIHH", 0x0200, 14, 0, 2, 0, 4)) + 4
    with pytest.raises(SourceError, match=f"a sheet of {found}"):
        read(put(at, "<IIHH", *bounds))


def test_more_strings_than_a_file_can_hold_are_refused():
    at = SMALL.index(struct.pack("<H", 0x00FC)) + 4
    with pytest.raises(SourceError, match="more strings than it can hold"):
        read(put(at + 4, "<I", 2**31 - 1))


@pytest.mark.parametrize("length", [8, 30, 75, 600, 1500, len(SMALL) - 1000])
def test_the_beginning_of_a_workbook_is_refused(length):
    with pytest.raises(SourceError, match="whole workbook"):
        read(SMALL[:length])


def test_what_is_checked_holds_of_a_workbook_of_many_cells():
    compound.require_sound(
        workbook({(row, column): 1.5 for row in range(200) for column in range(20)})
    )
