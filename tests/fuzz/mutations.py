"""Bad input, made from good: strategies whose examples are lists of damaged documents.

hypothesis takes longer to draw a document than most parsers to read it, so an example is a list
of many, drawn from one seed: the same seed, the same documents.
"""

import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

Mutate = Callable[[random.Random, bytes], bytes]

NUMBERS = [
    "", ".", "0", "-0", "-1", "1e400", "-1e400", "1e-400", "1e308", "NaN", "nan", "inf",
    "-Infinity", "9" * 400, "1" * 5000, "0x10", "1_000", "\u0661\u0662", "\uff11\uff12",
    "\u00bd", "\u00b2", "1,5", "--1", "1e", "+1", "true", "null", "-99.99", "99999999999",
    "2147483648", "-9223372036854775809",
]  # fmt: skip
DAYS = [
    "0000-01-01", "0001-01-01", "1492-10-12", "1677-09-20", "1970-01-01", "2024-02-30",
    "2024-13-01", "2024-06-08", "2262-04-12", "2999-12-31", "9999-12-31", "10000-01-01",
    "2024-W23-1", "20240603", "99991231", "00010101", "999912", "000000", "6/3/2024", "12/31/9999",
    "01/01/0001", "31-Dec-9999", "Dec 31, 9999", "\u0662\u0660\u0662\u0664-06-03", "2024-6-3",
    "2024-06-03T25:00Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00+14:00", "-2024-06-03",
]  # fmt: skip
WORDS = [
    "\x00", "\x1a", "\u2028", "\x85", "\ufeff", "\u202e", "\ud800", '"', "'", "<html>", "=1+1",
    "date", "../../etc/passwd", "a" * 300, "%s%n{0}", "\\", "#N/A", "Z", "\U0001f4a9", "\r", ",,,",
]  # fmt: skip
ODD = [*NUMBERS, *DAYS, *WORDS]
DEEP = 30_000
_VALUES: list[Any] = [
    None, True, False, 0, -1, 0.0, 1e308, -1e308, 10**400, -(10**30), 2**63, float("nan"),
    float("inf"), float("-inf"), [], {}, [[]], [None], {"": None}, 1e-320, 253402300800, 9999999998,
]  # fmt: skip
_ENCODINGS = ("utf-16", "utf-8-sig", "utf-32", "cp037", "utf-16-be")


def damaged(valid: Sequence[bytes], mutate: Mutate, *, each: int) -> st.SearchStrategy[list[bytes]]:
    """Lists of `each` documents, every one with some faults of a good one."""

    def drawn(seed: int) -> list[bytes]:
        chance = random.Random(seed)
        return [mutate(chance, chance.choice(valid)) for _ in range(each)]

    return st.integers(0, 2**64 - 1).map(drawn)


def free() -> st.SearchStrategy[list[bytes]]:
    """What is no document at all: any bytes, any text."""
    words = st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
    return st.lists(st.one_of(st.binary(max_size=60), words), min_size=1, max_size=5)


def some(*ways: Mutate) -> Mutate:
    """One to three of these, one after another."""

    def mutate(chance: random.Random, document: bytes) -> bytes:
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            document = chance.choice(ways)(chance, document)
        return document

    return mutate


def bytewise(chance: random.Random, document: bytes) -> bytes:
    """Bits, bytes and stretches of them."""
    size = len(document)
    at, to = sorted((chance.randrange(size + 1), chance.randrange(size + 1)))
    near = min(size, at + chance.randrange(1, 16))
    match chance.randrange(10):
        case 0 | 1 if size:
            at = min(at, size - 1)
            return (
                document[:at]
                + bytes([document[at] ^ 1 << chance.randrange(8)])
                + document[at + 1 :]
            )
        case 2:
            return document[:at] + chance.randbytes(near - at) + document[near:]
        case 3:
            return document[:at] + chance.randbytes(chance.randrange(1, 9)) + document[at:]
        case 4:
            return document[:at]
        case 5:
            return document[at:]
        case 6:
            return document[:at] + document[to:]
        case 7:
            return document[:to] + document[at:]
        case 8:
            return document[:at] + chance.choice((b"\x00", b"\xff")) * (near - at) + document[near:]
    return document[:at] + document[near:] + document[at:near]


def textual(chance: random.Random, document: bytes) -> bytes:
    """Lines, columns and cells of a text, whatever it says; and its encoding."""
    text = document.decode("utf-8", "surrogateescape")
    lines = text.split("\n")
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    mark = max(",|=\t", key=lines[at].count)
    cells = lines[at].split(mark)
    cell = chance.randrange(len(cells))
    match chance.randrange(16):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[other])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines = _columns(lines, mark, lambda row: row[:cell] + row[cell + 1 :])
        case 4:
            lines = _columns(lines, mark, lambda row: row[: cell + 1] + row[cell:])
        case 5:
            lines = _columns(lines, mark, lambda row: row[cell:] + row[:cell])
        case 6 | 7 | 8 | 9:
            cells[cell] = chance.choice(ODD)
            lines[at] = mark.join(cells)
        case 10:
            column = chance.choice(ODD)
            lines = _columns(lines, mark, lambda row: [*row[:cell], column, *row[cell + 1 :]])
        case 11:
            shift = chance.choice((0x0661 - 0x31, 0xFF11 - 0x31))
            lines[at] = "".join(chr(ord(c) + shift) if "0" <= c <= "9" else c for c in lines[at])
        case 12:
            lines = [line[:-1] if line.endswith("\r") else f"{line}\r" for line in lines]
        case 13:
            return text.encode(chance.choice(_ENCODINGS), "replace")
        case 14:
            lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
        case 15:
            lines = lines[:1] + sorted(lines[1:], key=lambda _: chance.random())
    return "\n".join(lines).encode("utf-8", "surrogatepass" if chance.random() < 0.1 else "replace")


def huge(chance: random.Random, document: bytes) -> bytes:
    """Rarely, as it takes long: one cell, line or nest beyond all size."""
    if chance.random() > 0.01:
        return textual(chance, document)
    at = chance.randrange(len(document) + 1)
    stuff = chance.choice(
        (b"[", b"{", b"(", b'"', b"9", b"a", b",", b"\n", b" ", b"\x00", b"a.", b"[[")
    )
    return document[:at] + stuff * chance.choice((2_000, DEEP, 150_000)) + document[at:]


def _columns(lines: list[str], mark: str, change: Callable[[list[str]], list[str]]) -> list[str]:
    return [mark.join(change(line.split(mark))) if mark in line else line for line in lines]


def jsonwise(chance: random.Random, document: bytes) -> bytes:
    """Values and names of a JSON document, which stays one."""
    try:
        whole = json.loads(document)
    except (ValueError, RecursionError):
        return bytewise(chance, document)
    holder: Any = [whole]
    key: Any = 0
    for _ in range(chance.randrange(1, 9)):
        inner = holder[key]
        if not inner or not isinstance(inner, dict | list):
            break
        holder = inner
        key = chance.choice([*inner]) if isinstance(inner, dict) else chance.randrange(len(inner))
    value = chance.choice((*_VALUES, *ODD, "\x07deep\x07"))
    match chance.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.insert(key, holder[chance.randrange(len(holder))])
        case 1:
            holder[str(value)] = holder.pop(key)
        case 2 if isinstance(holder, list):
            holder.reverse()
        case 3 if isinstance(holder, list):
            at = chance.randrange(len(holder))
            holder[key], holder[at] = holder[at], holder[key]
        case 4:
            holder[key] = [holder[key]]
        case 5 if isinstance(holder[key], int | float) and abs(holder[key]) < 1e300:
            holder[key] = holder[key] * chance.choice((-1, 0, 1e10, 10**30, 0.5, 1e-300))
        case _:
            holder[key] = value
    text = json.dumps(whole, ensure_ascii=chance.random() < 0.8)
    if "\\u0007deep" in text:
        text = text.replace('"\\u0007deep\\u0007"', "[" * DEEP + "]" * DEEP)
    return text.encode("utf-8", "surrogatepass")


def zipped(inner: Mutate) -> Mutate:
    """A member of an archive, its name, or what the archive says of it."""

    def mutate(chance: random.Random, document: bytes) -> bytes:
        try:
            with zipfile.ZipFile(io.BytesIO(document)) as archive:
                members = [(one, archive.read(one)) for one in archive.infolist()]
        except Exception:  # noqa: BLE001 - it was damaged already
            return bytewise(chance, document)
        if not members:
            return bytewise(chance, document)
        at = chance.randrange(len(members))
        about, content = members[at]
        match chance.randrange(24):
            case 0:
                del members[at]
            case 1:
                members.append((zipfile.ZipInfo(f"x{about.filename}"), content))
            case 2:
                members[at] = (
                    zipfile.ZipInfo(chance.choice(("../x", "x.txt", "a/", "\u202e"))),
                    content,
                )
            case 3 if chance.random() < 0.02:
                many = chance.choice((b"0", b"\n", b"<c r='A1'/>", b"20240102,1\n")) * 2_000_000
                members[at] = (about, content + many)
            case _:
                members[at] = (about, inner(chance, content))
        return packed([(one.filename, content) for one, content in members])

    return mutate


def packed(members: list[tuple[str, bytes]]) -> bytes:
    """An archive of these; a large one is a small bomb."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in members:
            way = zipfile.ZIP_DEFLATED if len(content) > 100_000 else zipfile.ZIP_STORED
            archive.NameToInfo.clear()  # a name may be there twice
            archive.writestr(zipfile.ZipInfo(name), content, way, compresslevel=1)
    return written.getvalue()


def gzipped(inner: Mutate) -> Mutate:
    """What a gzip holds."""

    def mutate(chance: random.Random, document: bytes) -> bytes:
        try:
            content = gzip.decompress(document)
        except Exception:  # noqa: BLE001 - it was damaged already
            return bytewise(chance, document)
        if chance.random() < 0.001:
            content += chance.choice((b"0", b"\n", b"2024-01-02,1\n")) * 6_000_000
        return gzip.compress(inner(chance, content), 1, mtime=0)

    return mutate


def tablewise(chance: random.Random, document: bytes) -> bytes:
    """Columns, types and cells of a Parquet table, which stays one."""
    try:
        table = pq.read_table(pa.BufferReader(document), use_threads=False)
        return _parquet(_other(chance, table))
    except (pa.ArrowException, ValueError, TypeError, OverflowError, OSError):
        return bytewise(chance, document)


def _other(chance: random.Random, table: pa.Table) -> pa.Table:
    at = chance.randrange(table.num_columns)
    name, column = table.column_names[at], table.column(at)
    match chance.randrange(11):
        case 0:
            return table.drop_columns([name])
        case 1:
            return table.append_column(chance.choice((name, "known_at", "x")), column)
        case 2:
            return table.rename_columns(
                [*table.column_names[:at], "x", *table.column_names[at + 1 :]]
            )
        case 3:
            return table.take(np.arange(len(table))[::-1])
        case 4:
            return table.take(np.array([chance.randrange(len(table)) for _ in range(len(table))]))
        case 5:
            return table.slice(0, chance.randrange(2))
        case 6:
            kinds = (
                pa.string(),
                pa.float64(),
                pa.int8(),
                pa.binary(),
                pa.timestamp("ns"),
                pa.null(),
            )
            return table.set_column(at, name, column.cast(chance.choice(kinds), safe=False))
        case 7:
            return table.set_column(at, name, pa.array([[one.as_py()] for one in column]))
        case 8:
            return table.set_column(at, name, column.dictionary_encode())
        case 9:
            return table.replace_schema_metadata(
                {"pandas": chance.choice(ODD).encode("utf-8", "replace")}
            )
    values = column.to_pylist()
    values[chance.randrange(len(values))] = chance.choice(
        (None, *ODD)
        if pa.types.is_string(column.type)
        else (None, 0, -1, 1e308, float("nan"), 2**40)
    )
    return table.set_column(
        at, name, pa.array(values, None if chance.random() < 0.5 else column.type)
    )


def _parquet(table: pa.Table) -> bytes:
    written = io.BytesIO()
    pq.write_table(table, written)
    return written.getvalue()


def cellwise(chance: random.Random, document: bytes) -> bytes:
    """Rows of a sheet, as JSON: cells that move, vanish or say something else."""
    rows = json.loads(document)
    if not rows or not all(rows):  # nothing is left to change
        return document
    at = chance.randrange(len(rows))
    match chance.randrange(9):
        case 0:
            del rows[at]
        case 1:
            rows.insert(at, rows[chance.randrange(len(rows))])
        case 2:
            column = chance.randrange(len(rows[at]))
            rows = [row[:column] + row[column + 1 :] for row in rows]
        case 3:
            column = chance.randrange(len(rows[at]))
            rows = [row[:column] + row[column:][:1] + row[column:] for row in rows]
        case 4:
            rows = rows[:at] or rows
        case _:
            value = chance.choice((*ODD, 0, -1, 0.0, 1e308, 1e-320, True, 2024.13, 1e17, -5.5))
            rows[at][chance.randrange(len(rows[at]))] = value
    return json.dumps(rows).encode()
