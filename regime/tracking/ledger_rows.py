"""Rows of the ledger between a frame and the plain values that are stored and hashed."""

import json
from typing import Any

import numpy as np
import pandas as pd

from regime.call import Status
from regime.data.database.encoding import day_numbers, days, seconds, utc
from regime.exceptions import StoreError
from regime.taxonomy import REGIMES
from regime.tracking.chain import FIELDS

CHAMPION, FORMER = "champion", "former"  # roles; the outgoing version, on the day it goes
KEY = ["baskets", "date", "horizon", "role"]
COLUMNS = [*FIELDS, "hash"]
_OURS = ["seq", "published_at", "corrects", "why", "previous"]  # not the publisher's to say
GIVEN = [name for name in FIELDS if name not in _OURS]
_TEXTS = [name for name in GIVEN if FIELDS[name] is str]
_TYPES = {str: "str", int: "int64", float: "float64", bool: "bool"}
_WORDS = {
    "call": REGIMES,
    "call_status": tuple(Status),
    # Those of `scoring.State` with numbers; not imported, as models would be loaded with it.
    "state": ("PUBLISHED", "DEGRADED"),
    "role": (CHAMPION, FORMER),
}
_SUM = 1e-9  # what three probabilities may be off one
_MOMENTS = ("known_at", "published_at")


def encoded(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as the plain values a database keeps and a hash is computed from."""
    columns: dict[str, list[Any]] = {name: [str(one) for one in rows[name]] for name in _TEXTS}
    columns["date"] = day_numbers(rows["date"]).tolist()
    columns["horizon"] = rows["horizon"].astype("int64").tolist()
    columns["simulated"] = rows["simulated"].astype(bool).tolist()
    columns["known_at"] = seconds(rows["known_at"]).tolist()
    for name in REGIMES:  # no minus zero, which not every database keeps
        columns[name] = (rows[name].to_numpy("float64") + 0.0).tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """And back: `COLUMNS`, of the types that `Ledger.read` tells."""
    found = pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=object) for name in COLUMNS}
    )
    kinds = {name: _TYPES[kind] for name, kind in FIELDS.items()} | {"hash": "str"}
    found = found.astype(kinds | {"corrects": "Int64"})
    moments = {name: utc(found[name].to_numpy()) for name in _MOMENTS}
    return found.assign(date=days(found["date"].to_numpy()), **moments)


def check(rows: pd.DataFrame) -> None:
    """A fault here is one of the program, caught before it is published for good."""
    if odd := sorted(set(GIVEN) ^ set(rows.columns)):
        raise StoreError(
            f"Rows of the ledger need the columns {', '.join(GIVEN)}, each and no other; found "
            f"too many or too few: {', '.join(map(str, odd))}. Mend what publishes."
        )
    if not isinstance(rows["known_at"].dtype, pd.DatetimeTZDtype):
        raise StoreError(
            f"`known_at` needs a time zone, but is {rows['known_at'].dtype}. Give it one."
        )
    if rows["date"].dtype.kind != "M" or isinstance(rows["date"].dtype, pd.DatetimeTZDtype):
        raise StoreError(
            f"`date` must be days without a time zone, but is {rows['date'].dtype}. Mend it."
        )
    values = rows[list(REGIMES)].to_numpy(dtype="float64")
    finite = np.isfinite(values).all(axis=1)
    total = np.abs(np.where(finite[:, None], values, 0.0).sum(axis=1) - 1)
    wrong = {
        "a value that is missing": rows.drop(columns=list(REGIMES)).isna().any(axis=1),
        "a probability that is not finite": ~finite,
        "a negative probability": (values < 0).any(axis=1),
        "probabilities that do not sum to one": finite & (total > _SUM),
        "a date that is no whole day": rows["date"] != rows["date"].dt.normalize(),
        "one day twice": rows.duplicated(KEY),
        **{f"an unknown {name}": ~rows[name].isin(words) for name, words in _WORDS.items()},
    }
    for fault, where in wrong.items():
        if (at := np.asarray(where)).any():
            row = rows[at].iloc[0]
            said = values[at][0].tolist()
            raise StoreError(
                f"The ledger takes rows that are whole and right, but found {fault}: "
                f"{row['date']:%Y-%m-%d}, {row['horizon']} days ahead, {said}. Nothing was "
                f"published; mend what publishes."
            )
    for name in _TEXTS:
        for text in rows[name].unique():
            check_text(name, str(text))


def check_text(name: str, text: str) -> None:
    """What every database keeps to the byte: some text, in one line."""
    if not text.strip() or not all(one.isprintable() for one in text):
        raise StoreError(
            f"`{name}` of the ledger needs some text in one line, of characters that can be "
            f"printed, but found {text[:60]!r}. Write it so."
        )


def text(rows: pd.DataFrame, suffix: str) -> str:
    """Rows as CSV or JSON, numbers to the bit."""
    moments = {name: rows[name].dt.strftime("%Y-%m-%dT%H:%M:%SZ") for name in _MOMENTS}
    rows = rows.assign(date=rows["date"].dt.strftime("%Y-%m-%d"), **moments)
    if suffix == ".csv":
        return rows.to_csv(index=False)
    plain = rows.astype(object).where(rows.notna(), None)  # pandas would round the numbers
    return json.dumps(plain.to_dict("records"), indent=1, allow_nan=False) + "\n"
