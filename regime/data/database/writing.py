"""One append to the store, inside its transaction."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from regime.data.calendar import FIRST_DAY
from regime.data.catalog import CATALOG, Series
from regime.data.database import schema
from regime.data.database.base import Database
from regime.data.database.encoding import day_numbers, days, encoded, in_order, seconds
from regime.data.database.revisions import Looks, additions
from regime.data.observations import COLUMNS


class Writer:
    """One append inside its transaction."""

    def __init__(
        self, database: Database, connection: sa.Connection, fetched: int, *, looked: bool
    ) -> None:
        self.database, self.connection = database, connection
        self.fetched, self.looked = fetched, looked

    def add(self, observations: pd.DataFrame) -> int:
        """New and revised rows; and what was looked at, whether it was new or not."""
        if observations.empty:
            return 0
        ids = self._with_new(schema.SERIES, observations["series"])
        frame = encoded(observations, ids, self._with_new(schema.SOURCE, observations["source"]))
        log: list[dict[str, Any]] = []
        oldest: dict[str, int] = {}
        parts = []
        for name, new, rows in self._plan(frame, ids):
            added = new[rows["row"]]
            parts.append({
                "series": added["series"], "period": added["period"], "value": added["value"],
                "source": added["source"],
                **{name: rows[name] for name in ("known_at", "fetched_at", "seen_at")},
            })  # fmt: skip
            oldest[name] = int(new["period"][0])
            log.append(self._log(new, len(rows)))
        self.database.insert(
            self.connection,
            schema.OBSERVATION,
            {
                column.name: np.concatenate([part[column.name] for part in parts])
                for column in schema.OBSERVATION.columns
            },
        )
        self._log_looks(log, oldest)
        return sum(len(part["period"]) for part in parts)

    def count(self, observations: pd.DataFrame) -> int:
        """How many rows `add` would add; writes nothing."""
        if observations.empty:
            return 0
        known = names_in(self.connection, schema.SERIES)
        nobody = max(known.values(), default=0)
        new = [str(name) for name in observations["series"].unique() if str(name) not in known]
        ids = known | {name: nobody + at for at, name in enumerate(new, 1)}
        sources = {str(name): 0 for name in observations["source"].unique()}
        plan = self._plan(encoded(observations, ids, sources), ids)
        return sum(len(rows) for _, _, rows in plan)

    def _plan(
        self, frame: np.ndarray, ids: Mapping[str, int]
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Name, rows and `additions` of each series."""
        looks = _looks(self.database, self.connection)
        names = {at: name for name, at in ids.items()}
        edges = np.flatnonzero(np.diff(frame["series"], prepend=-1, append=-1))
        for start, end in itertools.pairwise(edges):
            new = frame[start:end]
            series = int(new["series"][0])
            declared = CATALOG[names[series]]
            stored = self._stored(series, new["period"])
            rows = additions(
                new,
                stored,
                looks.get(series, _NOBODY_LOOKED),
                told=_told(declared, new) if len(stored) else np.ones(len(new), bool),
                fetched=self.fetched,
                # What has no age was seen by everybody at its close.
                late_is_late=declared.max_age > 0,
            )
            yield names[series], new, rows

    def quarantine(self, doubtful: pd.DataFrame) -> None:
        """Doubtful rows, each of them once; what is stored is not doubted again."""
        if doubtful.empty:
            return
        ids = self._with_new(schema.SERIES, doubtful["series"])
        sources = self._with_new(schema.SOURCE, doubtful["source"])
        frame = encoded(doubtful[COLUMNS], ids, sources)
        reasons = in_order(doubtful, ids)["reason"].to_list()
        of = schema.QUARANTINE.c
        query = sa.select(of.series, of.period, of.value).where(of.series.in_(ids.values()))
        known = {tuple(row) for row in self.connection.execute(query)}
        for series in ids.values():
            stored = self._stored(series, frame["period"][frame["series"] == series])
            known |= {(series, int(row["period"]), float(row["value"])) for row in stored}
        rows = []
        for row, reason in zip(frame, reasons, strict=True):
            cell = int(row["series"]), int(row["period"]), float(row["value"])
            if cell in known:
                continue
            known.add(cell)
            numbers = {name: int(row[name]) for name in ("series", "period", "known_at", "source")}
            rows.append({**numbers, "value": cell[2], "fetched_at": self.fetched, "reason": reason})
        if rows:
            self.connection.execute(schema.QUARANTINE.insert(), rows)

    def log_doubted(self, doubtful: pd.DataFrame, good: pd.DataFrame) -> None:
        """Log that series were looked at of which every row is doubtful."""
        alone = doubtful[~doubtful["series"].isin(set(good["series"].unique()))]
        if alone.empty:
            return
        ids = self._with_new(schema.SERIES, alone["series"])
        frame = encoded(alone[COLUMNS], ids, self._with_new(schema.SOURCE, alone["source"]))
        edges = np.flatnonzero(np.diff(frame["series"], prepend=-1, append=-1))
        log = [self._log(frame[start:end], 0) for start, end in itertools.pairwise(edges)]
        self.connection.execute(schema.FETCH.insert(), log)

    def _stored(self, series: int, period: np.ndarray) -> np.ndarray:
        """Rows stored of a series between the oldest and the newest of these periods."""
        of = schema.OBSERVATION.c
        query = (
            sa.select(of.period, of.known_at, of.fetched_at, of.value)
            .where(of.series == series, of.period.between(int(period.min()), int(period.max())))
            .order_by(of.period, of.known_at, of.fetched_at)
        )
        return self.database.rows(self.connection, query)

    def _log(self, new: np.ndarray, added: int) -> dict[str, Any]:
        return {
            "fetched_at": self.fetched,
            "source": int(new["source"][-1]),
            "series": int(new["series"][0]),
            "first_period": int(new["period"][0]),
            "last_period": int(new["period"][-1]),
            "rows_seen": len(new),
            "rows_added": added,
            "looked": self.looked,
        }

    def _log_looks(self, log: list[dict[str, Any]], oldest: Mapping[str, int]) -> None:
        """Log what was seen; who asked for a price has asked for its events too."""
        events = [
            series
            for series in CATALOG.values()
            if self.looked and series.happens_to in oldest
        ]  # fmt: skip
        ids = self._with_new(schema.SERIES, pd.Series([event.id for event in events], dtype="str"))
        rows = {row["series"]: row for row in log}
        companions = ids_of(self.connection, schema.SERIES, [str(e.happens_to) for e in events])
        for event in events:
            price = rows[companions[str(event.happens_to)]]
            seen = rows.get(ids[event.id], {"rows_seen": 0, "rows_added": 0})
            rows[ids[event.id]] = {**price, **seen, "series": ids[event.id]} | {
                "first_period": price["first_period"], "last_period": price["last_period"],
            }  # fmt: skip
        self.connection.execute(schema.FETCH.insert(), list(rows.values()))

    def _with_new(self, table: sa.Table, names: "pd.Series[str]") -> dict[str, int]:
        """Ids of these names, new ones after the last."""
        wanted = sorted({str(name) for name in names.unique()})
        known = names_in(self.connection, table)
        new = [name for name in wanted if name not in known]
        first = max(known.values(), default=0) + 1
        if new:
            rows = [{"id": first + at, "name": name} for at, name in enumerate(new)]
            self.connection.execute(table.insert(), rows)
            known |= {name: first + at for at, name in enumerate(new)}
        return {name: known[name] for name in wanted}


def _told(series: Series, rows: np.ndarray) -> np.ndarray:
    """Whether a source said when these rows were published; else their lag stands for it."""
    told = np.ones(len(rows), bool)
    dated = rows["period"] > day_numbers(pd.Series([FIRST_DAY]))[0]  # there is no close before
    if dated.any():
        by_lag = series.known_at(pd.DatetimeIndex(days(rows["period"][dated])))
        told[dated] = rows["known_at"][dated] != seconds(pd.Series(by_lag))
    return told


_NOBODY_LOOKED = Looks(None, np.array([], "i8"), np.array([], "i8"))


def _looks(database: Database, connection: sa.Connection) -> dict[int, Looks]:
    """Earlier fetches of each series."""
    of = schema.FETCH.c
    latest = sa.type_coerce(
        sa.func.max(sa.case((of.looked, of.fetched_at), else_=-(2**62))), sa.BigInteger
    )
    query = sa.select(of.series, of.first_period, latest.label("at")).group_by(
        of.series, of.first_period
    )
    rows = database.rows(connection, query.order_by(of.series, of.first_period))
    found = {}
    for series in np.unique(rows["series"]):
        mine = rows[rows["series"] == series]
        since, at = mine["first_period"].astype("i8"), mine["at"]
        found[int(series)] = Looks(int(since.min()), since, at)
    return found


def names_in(connection: sa.Connection, table: sa.Table) -> dict[str, int]:
    """Ids by name, of all series or sources."""
    return {name: at for at, name in connection.execute(sa.select(table.c.id, table.c.name))}


def ids_of(
    connection: sa.Connection, table: sa.Table, names: Sequence[str] | None
) -> dict[str, int]:
    """Ids of those of these names that are stored, or of all."""
    known = names_in(connection, table)
    return known if names is None else {name: known[name] for name in names if name in known}


def spans(connection: sa.Connection) -> dict[str, tuple[int, int]]:
    """The oldest and the newest period of each series that has a row."""
    of, s = schema.OBSERVATION.c, schema.SERIES.c
    ends = [
        sa.select(end(of.period)).where(of.series == s.id).correlate(schema.SERIES)
        for end in (sa.func.min, sa.func.max)
    ]
    found = connection.execute(sa.select(s.name, *(end.scalar_subquery() for end in ends)))
    return {name: (first, last) for name, first, last in found if last is not None}
