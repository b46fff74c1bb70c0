"""Canonical bytes are unambiguous, and no change of a chain goes unnoticed."""

import hashlib
import struct

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from regime.exceptions import StoreError
from regime.tracking.chain import FIELDS, NOTHING_BEFORE, Head, canonical, faults, row_hash

number = st.integers(-(2**63), 2**63 - 1)
hexes = st.text("0123456789abcdef", min_size=64, max_size=64)
VALUES = {
    int: number,
    float: st.floats(allow_nan=False),
    str: st.text(st.characters(codec="utf-8"), max_size=8),
    bool: st.booleans(),
}
fields = {name: VALUES[kind] for name, kind in FIELDS.items()}
fields |= {"corrects": st.none() | number, "why": st.none() | VALUES[str]}
contents = st.fixed_dictionaries(fields)


def chained(rows):
    """The same rows, numbered and linked."""
    previous, linked = NOTHING_BEFORE, []
    for seq, row in enumerate(rows, 1):
        row = {**row, "seq": seq, "date": 19_000 + seq, "previous": previous}
        previous = row_hash(row)
        linked.append({**row, "hash": previous})
    return linked


def some(count: int, **values):
    row = dict.fromkeys(FIELDS, "text") | {
        name: kind(1) for name, kind in FIELDS.items() if kind is not str
    }
    return chained([{**row, "corrects": None, "why": None, **values} for _ in range(count)])


chains = st.lists(contents, min_size=1, max_size=5).map(chained)


# The bytes of a row ------------------------------------------------------------------------


def test_the_bytes_of_a_row_are_those_of_the_format():
    (row,) = some(1, horizon=-2, mega_cap_led=0.1, call="é", why="so")
    text = b"t" + struct.pack(">Q", 4) + b"text"
    expected = [
        b"\0\1", b"i\0\0\0\0\0\0\0\1", b"i" + struct.pack(">q", 19_001), text,
        b"i\xff\xff\xff\xff\xff\xff\xff\xfe", b"f\x3f\xb9\x99\x99\x99\x99\x99\x9a",
        b"f" + struct.pack(">d", 1.0) + b"f" + struct.pack(">d", 1.0),
        b"t\0\0\0\0\0\0\0\2\xc3\xa9", text * 8, b"b\1", (b"i" + struct.pack(">q", 1)) * 2,
        b"n", b"t\0\0\0\0\0\0\0\2so", b"t" + struct.pack(">Q", 64) + b"0" * 64,
    ]  # fmt: skip
    assert canonical(row) == b"".join(expected)
    assert row["hash"] == hashlib.sha256(b"".join(expected)).hexdigest()


@given(contents, contents)
def test_two_rows_have_the_same_bytes_only_if_they_are_the_same(one, other):
    same = repr(sorted(one.items())) == repr(sorted(other.items()))  # 0.0 is not -0.0
    assert (canonical(one) == canonical(other)) == same


@given(contents, st.text(max_size=4), st.text(max_size=4))
def test_text_cannot_move_from_one_field_to_the_next(row, first, second):
    assume(second and first + second)
    together = {**row, "call": first + second, "call_status": ""}
    apart = {**row, "call": first, "call_status": second}
    assert canonical(together) != canonical(apart)


@given(contents, st.sampled_from(["corrects", "why"]))
def test_what_is_missing_is_not_what_is_empty(row, name):
    assert canonical({**row, name: None}) != canonical({**row, name: FIELDS[name]()})


@pytest.mark.parametrize(
    ("name", "value"),
    [("seq", 1.0), ("seq", "1"), ("seq", True), ("mega_cap_led", 1), ("mega_cap_led", "0.5"),
     ("call", None), ("call", b"broadening"), ("simulated", 2), ("date", None)],
)  # fmt: skip
def test_a_value_of_another_kind_has_no_bytes(name, value):
    (row,) = some(1)
    with pytest.raises(ValueError, match=name):
        canonical({**row, name: value})
    if name != "seq":  # a key, of which a database takes numbers only
        assert faults([{**row, name: value}]) != []


# A chain -----------------------------------------------------------------------------------


@given(chains)
def test_a_whole_chain_has_no_faults_and_agrees_with_its_heads(rows):
    heads = [Head(row["seq"], row["hash"]) for row in rows]
    assert faults(rows, heads + heads) == []
    assert faults(iter(rows), heads) == []


@given(chains, st.data())
def test_any_field_that_is_changed_is_noticed_and_its_row_is_named(rows, data):
    at = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from([*FIELDS, "hash"]))
    value = data.draw(fields.get(name, hexes))
    assume(repr(value) != repr(rows[at][name]) and name != "seq")
    changed = [dict(row) for row in rows]
    changed[at][name] = value
    found = faults(changed)
    assert any(f"row {at + 1} (of" in line for line in found)
    assert not any("\n" in line for line in found)


@given(chains, st.data())
def test_a_row_left_out_put_in_twice_or_out_of_order_is_noticed(rows, data):
    at = data.draw(st.integers(0, len(rows) - 1))
    if at < len(rows) - 1:
        assert f"gap: row {at + 1} missing" in faults(rows[:at] + rows[at + 1 :])[0]
        swapped = [*rows[:at], rows[at + 1], rows[at], *rows[at + 2 :]]
        assert faults(swapped) != []
    twice = faults(rows[: at + 1] + rows[at:])
    assert any(f"holds row {at + 1} after row {at + 1}" in line for line in twice)


def test_rows_that_are_missing_together_are_told_once():
    rows = some(9)
    assert len(faults(rows[5:])) == 1
    assert "gap: rows 1 to 5 missing, before row 6 (of 2022-01-14)" in faults(rows[5:])[0]


def test_a_row_whose_own_hash_was_computed_again_breaks_the_link_after_it():
    rows = some(4)
    rows[1]["mega_cap_led"] = 0.5
    rows[1]["hash"] = row_hash(rows[1])
    (told,) = faults(rows)
    assert told.startswith("The link to row 3 (of 2022-01-11) is broken")


def test_a_chain_made_anew_passes_alone_and_not_against_an_anchor():
    rows = some(6)
    anchors = [Head(2, rows[1]["hash"]), Head(5, rows[4]["hash"])]
    forged = chained([{**row, "mega_cap_led": 1.0 - (row["seq"] == 4) / 2} for row in rows])
    assert faults(forged) == []
    (told,) = faults(forged, anchors)
    assert told == (
        f"The ledger was cut off or rebuilt: row 5 had hash {rows[4]['hash'][:12]}... when it was "
        f"anchored, and has {forged[4]['hash'][:12]}... now."
    )


def test_a_tail_that_was_cut_off_passes_alone_and_not_against_an_anchor():
    rows = some(6)
    assert faults(rows[:4]) == []
    (told,) = faults(rows[:4], [Head(2, rows[1]["hash"]), Head(6, rows[5]["hash"])])
    assert "row 6 had hash" in told
    assert told.endswith("is not there now (the last one is 4).")
    assert "is not there now (the last one is 0)" in faults([], [Head(1, "a" * 64)])[0]


# Heads -------------------------------------------------------------------------------------


@given(st.integers(1, 10**17), hexes)
def test_a_head_is_read_back_from_its_words(seq, digits):
    head = Head(seq, digits)
    assert Head.parse(f" {head}\n") == head
    assert str(head) == head.words == f"{seq}:{digits}"


@pytest.mark.parametrize(
    "text",
    ["", "1", ":", f"0:{'a' * 64}", f"-1:{'a' * 64}", f"1:{'a' * 63}", f"1:{'A' * 64}",
     f"1:{'a' * 65}", f"{'9' * 30}:{'a' * 64}", f"²:{'a' * 64}", f"x:{'a' * 64}",
     "1\n2:" + "a" * 64],
)  # fmt: skip
def test_what_is_no_head_is_refused_in_one_line(text):
    with pytest.raises(StoreError, match="a row number, a colon and 64 hex digits") as error:
        Head.parse(text)
    assert "\n" not in str(error.value)
