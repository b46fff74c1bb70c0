"""Every probability ever published, append-only, in the store's own database.

A row says what one version said of one day and horizon, what it was made from, and when it was
published. Triggers keep rows from being changed, and each holds the hash of the one before it,
so that a change past the triggers shows; `regime.tracking.chain` says how.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from regime.data.database.encoding import day_numbers, days, second, utc
from regime.data.database.schema import LEDGER
from regime.data.store import ObservationStore
from regime.exceptions import StoreError
from regime.tracking import chain
from regime.tracking.chain import NOTHING_BEFORE, Head
from regime.tracking.ledger_rows import (
    CHAMPION,
    COLUMNS,
    FORMER,
    GIVEN,
    KEY,
    check,
    check_text,
    encoded,
    frame,
    text,
)

__all__ = ["CHAMPION", "COLUMNS", "FORMER", "GIVEN", "Head", "Ledger", "write_ledger"]

_AT_ONCE = 20_000  # rows as objects
_SECOND = "%Y-%m-%d %H:%M:%S"


class Ledger:
    """The ledger of one store; nothing stays open between calls.

    Every method raises `StoreError` where the store's own do, and on tables of an older
    version, which `regime store upgrade` brings to the newest.

    The columns of its rows: `seq` (1, 2, 3, ... without gaps), `date` (trading day), `baskets`,
    `horizon` (trading days), a probability per regime, `call` (a regime) and `call_status` (of
    `regime.call.Status`), `state` (PUBLISHED or DEGRADED), `role` (champion or former),
    `model_version`, `experiment`, `bundle_digest`, `panel_digest`, `code_version`, `simulated`,
    `known_at` (UTC, the moment as of which the panel was read), `published_at` (UTC), `corrects`
    (seq of another row, or missing) and `why`, `previous` and `hash`.

    Parameters
    ----------
    store : the observations beside which it is kept
    """

    def __init__(self, store: ObservationStore) -> None:
        self.store = store

    def append(self, rows: pd.DataFrame, *, published_at: pd.Timestamp) -> pd.DataFrame:
        """Publish what was not published before: all of it, or nothing.

        Parameters
        ----------
        rows : DataFrame of shape (n_rows, n_columns), the columns `GIVEN`; probabilities per regime
        published_at : Timestamp with a time zone

        Returns
        -------
        DataFrame of shape (n_added, n_columns), with `COLUMNS`
            The rows added. Those whose baskets, date, horizon and role are there already
            are left out: a day is published once.

        Raises
        ------
        StoreError
            If a value is not what its column is for, if simulated rows and rows of the market
            would mix, or if the clock is behind the newest row.
        """
        return self._add(rows, published_at, None)

    def correct(self, rows: pd.DataFrame, *, published_at: pd.Timestamp, why: str) -> pd.DataFrame:
        """Add rows that take the place of published ones, which stay.

        Parameters
        ----------
        rows : DataFrame of shape (n_rows, n_columns), the columns `GIVEN`; probabilities per regime
        published_at : Timestamp with a time zone
        why : the reason, which is kept with each row

        Returns
        -------
        DataFrame of shape (n_added, n_columns), with `COLUMNS`

        Raises
        ------
        StoreError
            As `append`; if a row corrects nothing, or there is no reason.
        """
        if not why.strip():
            raise StoreError("A correction needs a reason, which is kept with it; give one.")
        check_text("why", why)
        return self._add(rows, published_at, why.strip())

    def read(
        self,
        *,
        baskets: str | None = None,
        since: pd.Timestamp | None = None,
        role: str | None = CHAMPION,
        newest_only: bool = True,
    ) -> pd.DataFrame:
        """What was published, by date and horizon; nothing while nothing was.

        Parameters
        ----------
        baskets, since : only of these baskets; the first trading day
        role : only rows of this one; None for all
        newest_only : show for a corrected row its newest correction alone, else every row

        Returns
        -------
        DataFrame of shape (n_rows, n_columns), with `COLUMNS`
            `date` datetime64[us], moments datetime64[us, UTC], `corrects` Int64, probabilities
            float64 to the bit.
        """
        of = LEDGER.c
        query = _whole()
        if baskets is not None:
            query = query.where(of.baskets == baskets)
        if since is not None:
            query = query.where(of.date >= int(day_numbers(pd.Series([since]))[0]))
        if role is not None:
            query = query.where(of.role == role)
        found = frame(list(self._rows(query)))
        if newest_only:
            found = found.drop_duplicates(KEY, keep="last")
        return found.sort_values(["date", "horizon", "seq"], ignore_index=True)

    def last_day(self, baskets: str) -> pd.Timestamp | None:
        """The newest trading day published of these baskets; None while there is none."""
        query = sa.select(sa.func.max(LEDGER.c.date)).where(LEDGER.c.baskets == baskets)
        with self.store.looking() as connection:
            day = None if connection is None else connection.scalar(query)
        return None if day is None else pd.Timestamp(days(np.array([day]))[0])

    def head(self) -> Head | None:
        """The newest row, to be written down elsewhere; None while there is none."""
        with self.store.looking() as connection:
            newest = None if connection is None else _newest(connection)
        return None if newest is None else Head(newest["seq"], newest["hash"])

    def faults(self, anchors: Iterable[Head] = ()) -> list[str]:
        """What is wrong with the ledger, one line each: every hash is computed again."""
        return chain.faults(self._rows(_whole()), anchors)

    def _rows(self, query: "sa.Select[Any]") -> Iterator[dict[str, Any]]:
        with self.store.looking() as connection:
            if connection is not None:
                found = connection.execute(query.execution_options(yield_per=_AT_ONCE))
                for row in found.mappings():
                    yield dict(row)

    def _add(self, rows: pd.DataFrame, published_at: pd.Timestamp, why: str | None) -> pd.DataFrame:
        check(rows)
        moment = second(published_at, "published_at")
        if rows.empty:
            return frame([])
        self._refuse_mixing(set(rows["simulated"].astype(bool)))
        told = encoded(rows)
        with self.store.writing() as connection:
            there = _newest_of(connection, told)
            new = [row for row in told if (_key(row) in there) == (why is not None)]
            if why is not None and len(new) < len(told):
                nothing = next(row for row in told if _key(row) not in there)
                raise StoreError(
                    f"A correction needs a row that was published, but there is none of "
                    f"{_words(nothing)}. Publish the day with `regime score`, or mend the row."
                )
            newest = _newest(connection)
            if new and newest is not None and moment < newest["published_at"]:
                now, then = utc(np.array([moment, newest["published_at"]]))
                raise StoreError(
                    f"The clock jumped back: it says {now:{_SECOND}} UTC, and row {newest['seq']} "
                    f"of the ledger was published at {then:{_SECOND}} UTC. Nothing was published; "
                    f"set the clock right, or wait until it is past that."
                )
            seq = 0 if newest is None else newest["seq"]
            previous = NOTHING_BEFORE if newest is None else newest["hash"]
            for row in new:
                seq += 1
                row |= {"seq": seq, "published_at": moment, "previous": previous, "why": why}
                row["corrects"] = there.get(_key(row))
                row["hash"] = previous = chain.row_hash(row)
            if new:
                connection.execute(LEDGER.insert(), new)
        return frame(new)

    def _refuse_mixing(self, coming: set[bool]) -> None:
        """A day that is published was observed, so the store knows which kind it is."""
        if self.store.is_empty():
            raise StoreError(
                f"What is published was observed before, but the store {self.store.database} "
                f"holds no observation. Run `regime fetch`, then `regime score`."
            )
        if coming != {self.store.is_simulated()}:
            kinds = {True: "a simulated market", False: "the market"}
            raise StoreError(
                f"The store {self.store.database} holds {kinds[self.store.is_simulated()]}, and "
                f"what is to be published is of {' and '.join(kinds[kind] for kind in coming)}; "
                f"its ledger would mix both. Set REGIME_HOME to another folder."
            )


def write_ledger(rows: pd.DataFrame, path: Path) -> None:
    """Write rows of the ledger as CSV, JSON or Parquet, as the name ends; whole or not at all.

    Numbers come back to the bit, so that anybody can compute the hashes again.

    Raises
    ------
    StoreError
        If the name ends otherwise or the file cannot be written; a former one still stands.
    """
    if path.suffix not in {".csv", ".json", ".parquet"}:
        raise StoreError(
            f"The ledger is written to a file .csv, .json or .parquet, and {path} is none. Name "
            f"one of these."
        )
    try:
        handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}-")
        os.close(handle)
        draft = Path(name)
        try:
            if path.suffix == ".parquet":
                rows.to_parquet(draft, index=False)
            else:
                draft.write_text(text(rows, path.suffix), encoding="utf-8")
            draft.chmod(0o644)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"The ledger could not be written to {path}: {error.strerror or error}. Give another "
            f"place, or free some space."
        ) from error


def _whole() -> "sa.Select[Any]":
    """All columns of all rows, in order; a truth as the number it is kept as."""
    columns: list[Any] = [LEDGER.c[name] for name in COLUMNS]
    at = COLUMNS.index("simulated")
    columns[at] = sa.type_coerce(LEDGER.c.simulated, sa.Integer).label("simulated")
    return sa.select(*columns).order_by(LEDGER.c.seq)


def _newest(connection: sa.Connection) -> dict[str, Any] | None:
    query = sa.select(LEDGER.c.seq, LEDGER.c.hash, LEDGER.c.published_at)
    found = connection.execute(query.order_by(LEDGER.c.seq.desc()).limit(1)).mappings().first()
    return None if found is None else dict(found)


def _newest_of(connection: sa.Connection, rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], int]:
    """The newest row there of each key on the days of these rows."""
    of = LEDGER.c
    first, last = (end(row["date"] for row in rows) for end in (min, max))
    query = sa.select(*(of[name] for name in KEY), sa.func.max(of.seq))
    query = query.where(of.date.between(first, last)).group_by(*(of[name] for name in KEY))
    return {tuple(key): seq for *key, seq in connection.execute(query)}


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY)


def _words(row: dict[str, Any]) -> str:
    day = pd.Timestamp(days(np.array([row["date"]]))[0])
    return (
        f"the {row['baskets']} baskets, {day:%Y-%m-%d}, {row['horizon']} days ahead, {row['role']}"
    )
