"""The rows of one sheet of an Excel 97 workbook that somebody else made."""

import io
from collections.abc import Callable, Sequence
from typing import Any

from python_calamine import CalamineWorkbook

from regime.data.sources.compound import require_sound
from regime.exceptions import SourceError

LARGEST = 20 * 1024**2  # bytes; ten times the largest workbook read here
MOST_ROWS, MOST_COLUMNS = 10_000, 100
_EXCEL_97 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

Rows = Sequence[Sequence[Any]]
Fault = Callable[[str, str], SourceError]  # of what was wanted, and what was found


def rows_of(document: bytes, sheet: str, fault: Fault, *, largest: int = LARGEST) -> Rows:
    """Rows of a sheet from its first cell that is not empty, cells as Python values.

    Parameters
    ----------
    fault : makes the error of what the workbook should, and what was found
    largest : bytes

    Raises
    ------
    SourceError
        As made by `fault`: if it is no Excel 97 workbook, is larger than `largest`, broken,
        without the sheet, or has a sheet beyond all size.
    """
    if len(document) > largest or not document.startswith(_EXCEL_97):
        found = f"{len(document):,} bytes of something else"
        raise fault(f"be an Excel 97 workbook of at most {largest:,} bytes", found)
    try:
        require_sound(document)
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(document))
        if sheet not in workbook.sheet_names:
            raise fault(f"have a sheet {sheet}", f"{', '.join(workbook.sheet_names)}")
        read = workbook.get_sheet_by_name(sheet)
        if read.total_height > MOST_ROWS or read.total_width > MOST_COLUMNS:
            found = f"{read.total_height} rows and {read.total_width} columns"
            raise fault(f"have at most {MOST_ROWS} rows and {MOST_COLUMNS} columns", found)
        return read.to_python()
    except SourceError:
        raise
    except BaseException as error:
        if not is_of_reader(error):
            raise
        raise fault("be a whole workbook", f"one that cannot be read ({error})") from error


def is_of_reader(error: BaseException) -> bool:
    """Whether a fault is one of the document, and no interrupt of the program.

    The reader is not written in Python, and some faults end it in a panic, which is no `Exception`.
    """
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
