"""What unpacks to more than there is room for is refused before it is unpacked."""

import gzip
import hashlib
import io
import tracemalloc
import zipfile

import pandas as pd
import pytest

from regime.data.network import archive as archives
from regime.data.network.archive import Archive
from regime.data.sources import holdings_layout, tables
from regime.data.sources.holdings_layout import read_spdr
from regime.data.sources.zips import MOST, only_member
from regime.exceptions import SourceError

NOW = pd.Timestamp("2026-11-21", tz="UTC")
ROOM = 64 * 1024**2  # bytes that refusing may take; all cells of the bombs would need a terabyte
SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'


def bomb(gigabytes: float) -> bytes:
    """A gzip of zeros."""
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=9) as out:
        for _ in range(round(gigabytes * 1024)):
            out.write(bytes(1024**2))
    return file.getvalue()


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in members.items():
            out.writestr(name.replace("__", "/").replace("_", "."), content)
    return file.getvalue()


@pytest.fixture
def peak():
    """Ask for the most memory Python held since."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def test_an_archived_document_that_is_a_bomb_counts_as_damaged(tmp_path, monkeypatch, peak):
    monkeypatch.setattr(archives, "MOST_UNPACKED", 2 * 1024**2)
    archive = Archive(tmp_path)
    content = bytes(3 * 1024**2)
    url = "https://example.com/x.csv"
    archive.keep(url, content, fetched_at=NOW)
    sha = hashlib.sha256(content).hexdigest()
    (tmp_path / sha[:2] / f"{sha}.gz").write_bytes(bomb(0.02))
    assert archive.newest(url).read() is None
    assert "unpacks to more than 2,097,152 bytes" in archive.damaged[0]
    assert peak() < 20 * 1024**2


def test_a_file_handed_over_that_is_a_bomb_is_refused(tmp_path, monkeypatch, peak):
    monkeypatch.setattr(tables, "MOST_UNPACKED", 2 * 1024**2)
    path = tmp_path / "market.csv.gz"
    path.write_bytes(bomb(0.02))
    with pytest.raises(SourceError, match="unpacks to more than"):
        tables.read_table(path, ["SPY"])
    assert peak() < 20 * 1024**2


def test_a_zip_bomb_of_a_publisher_is_refused(peak):
    content = zipped(x_csv=bytes(20 * 1024**2))
    assert len(content) < 30_000
    with pytest.raises(SourceError, match="unpacks"):
        only_member(content, suffix=".csv", most=1024**2)
    assert peak() < 24 * 1024**2  # what making the bomb took, and one more
    assert MOST <= 100_000_000


def workbook(sheet: bytes, entities: str = "") -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("[Content_Types].xml", f'<Types xmlns="{types}"/>')
        out.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="r1" '
            f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        out.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
            '<sheet name="holdings" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        out.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="r1" '
            f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        out.writestr("xl/worksheets/sheet1.xml", entities.encode() + sheet)
    return file.getvalue()


def cells(*places: tuple[str, str]) -> bytes:
    told = "".join(f'<row><c r="{place}" t="str"><v>{text}</v></c></row>' for place, text in places)
    return (SHEET + told + "</sheetData></worksheet>").encode()


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        (cells(("A1", "Name"), ("XFD1048576", "far away")), "20000 rows|cell XFD"),
        (cells(("A1", "Name"), ("A99999999999", "x")), "cell A9999"),
        (SHEET.encode() + bytes(20 * 1024**2), "1,048,576 bytes"),
    ],
)
def test_a_workbook_of_giant_size_is_refused_before_room_is_made(sheet, said, monkeypatch, peak):
    assert holdings_layout.MOST_UNPACKED <= 50 * 1024**2
    monkeypatch.setattr(holdings_layout, "MOST_UNPACKED", 1024**2)
    with pytest.raises(SourceError, match=said):
        read_spdr(workbook(sheet), "SPY", now=NOW)
    assert peak() < ROOM


def test_entities_of_a_workbook_are_neither_expanded_nor_fetched(tmp_path):
    (tmp_path / "secret").write_text("geheim")
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    entities = (
        f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}<!ENTITY file SYSTEM "file://{tmp_path}/secret">]>'
    )
    for name in ("l11", "file"):
        with pytest.raises(SourceError) as fault:
            read_spdr(workbook(cells(("A1", f"&{name};")), entities), "SPY", now=NOW)
        assert "geheim" not in str(fault.value)
        assert len(str(fault.value)) < 1000
