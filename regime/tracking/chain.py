"""Rows that vouch for each other: the bytes of a row, its hash, and what is wrong with a chain.

A row's hash is the SHA-256 of all its other fields, the hash of the row before among them, so
that no row can be changed, left out or put in between without every later hash changing too.
Whoever wrote down one of those, an anchor, notices even a chain that was made anew.

Bytes of a row, format 1: `FORMAT` in two bytes, then each of `FIELDS` in their order. An integer
is `i` and eight bytes, a float `f` and its eight bytes of IEEE 754, a truth `b` and one byte, a
text `t`, its length in eight bytes and UTF-8, and what is missing `n`. All big-endian. Nothing
separates the fields, so no text can pretend to be two.
"""

import hashlib
import re
import struct
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from regime.exceptions import StoreError

FORMAT = 1
NOTHING_BEFORE = "0" * 64
FIELDS = {
    "seq": int, "date": int, "baskets": str, "horizon": int,
    "mega_cap_led": float, "broadening": float, "small_cap_led": float,
    "call": str, "call_status": str, "state": str, "role": str, "model_version": str,
    "experiment": str, "bundle_digest": str, "panel_digest": str, "code_version": str,
    "simulated": bool, "known_at": int, "published_at": int, "corrects": int, "why": str,
    "previous": str,
}  # fmt: skip
OPTIONAL = {"corrects", "why"}
_SHOWN = 12  # hex digits of a hash in a message


class Head(NamedTuple):
    """The newest row at some moment, and with it all that came before."""

    seq: int
    hash: str

    @property
    def words(self) -> str:
        """What an anchor is written as: `1234:ab12cd...`, the hash in full."""
        return f"{self.seq}:{self.hash}"

    def __str__(self) -> str:
        return self.words

    @classmethod
    def parse(cls, text: str) -> "Head":
        """The head of these words; a StoreError where they are none."""
        seq, _, digits = text.strip().partition(":")
        if not re.fullmatch(r"[1-9][0-9]{0,17}", seq) or not re.fullmatch("[0-9a-f]{64}", digits):
            raise StoreError(
                f"An anchor of the ledger is a row number, a colon and 64 hex digits, but found "
                f"{text[:100]!r}. Copy it again from where it was written down."
            )
        return cls(int(seq), digits)


def canonical(row: Mapping[str, Any]) -> bytes:
    """The bytes a row's hash is computed from.

    Parameters
    ----------
    row : a value for each of `FIELDS`
        `date` in days, moments in seconds since 1970; plain Python values.

    Raises
    ------
    ValueError
        If a value is not of its field's type, which no row that was written is.
    """
    parts = [struct.pack(">H", FORMAT)]
    for name, kind in FIELDS.items():
        value: Any = row[name]
        if value is None and name in OPTIONAL:
            parts.append(b"n")
        elif kind is bool and value in (0, 1):  # a database may keep it as a number
            parts.append(b"b\1" if value else b"b\0")
        elif type(value) is not kind:  # a bool is an int, too
            raise ValueError(f"{name} is {value!r}, which is no {kind.__name__}.")
        elif kind is str:
            text = str(value).encode()
            parts += [b"t", struct.pack(">Q", len(text)), text]
        elif kind is int:
            parts.append(struct.pack(">cq", b"i", value))
        else:
            parts.append(struct.pack(">cd", b"f", value))
    return b"".join(parts)


def row_hash(row: Mapping[str, Any]) -> str:
    """SHA-256 of a row's canonical bytes, in hex."""
    return hashlib.sha256(canonical(row)).hexdigest()


def faults(rows: Iterable[Mapping[str, Any]], anchors: Iterable[Head] = ()) -> list[str]:
    """What is wrong with a chain, one line each; nothing where it is whole.

    Parameters
    ----------
    rows : each with a value for every field and its `hash`, by `seq`
        Looked at once, in one pass.
    anchors : heads that were written down elsewhere
    """
    found: list[str] = []
    wanted: dict[int, set[str]] = {}
    for anchor in anchors:
        wanted.setdefault(anchor.seq, set()).add(anchor.hash)
    last, before = 0, NOTHING_BEFORE
    for row in rows:
        seq, told = row["seq"], row["hash"]
        if seq > last + 1:
            gone = f"row {last + 1}" if seq == last + 2 else f"rows {last + 1} to {seq - 1}"
            found.append(f"The ledger has a gap: {gone} missing, before {_of(row)}.")
        elif seq <= last:
            found.append(f"The ledger holds row {seq} after row {last}: {_of(row)} is there twice.")
        elif row["previous"] != before:
            found.append(
                f"The link to {_of(row)} is broken: it was written after a row with hash "
                f"{_short(row['previous'])}, and the row before it has {_short(before)}."
            )
        if not _is_as_written(row):
            found.append(
                f"The contents of {_of(row)} were changed after it was written: its hash "
                f"{_short(told)} is not theirs."
            )
        found += _unlike(wanted.pop(seq, set()), seq, f"has {_short(told)} now", told)
        last, before = max(last, seq), told
    for seq, hashes in sorted(wanted.items()):
        found += _unlike(hashes, seq, f"is not there now (the last one is {last})", None)
    return found


def _is_as_written(row: Mapping[str, Any]) -> bool:
    try:
        return row_hash(row) == str(row["hash"])
    except (ValueError, struct.error):
        return False


def _unlike(hashes: set[str], seq: int, now: str, told: str | None) -> list[str]:
    return [
        f"The ledger was cut off or rebuilt: row {seq} had hash {_short(anchored)} when it was "
        f"anchored, and {now}."
        for anchored in sorted(hashes)
        if anchored != told
    ]


def _of(row: Mapping[str, Any]) -> str:
    try:
        day = date(1970, 1, 1) + timedelta(days=row["date"])
    except (TypeError, OverflowError):
        return f"row {row['seq']} (of no day)"
    return f"row {row['seq']} (of {day})"


def _short(digits: object) -> str:
    return f"{str(digits)[:_SHOWN]}..."
