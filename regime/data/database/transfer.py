"""A store as a folder of Parquet files, and back: to copy it, to move it, to look at it.

The folder holds a file per table, dates and names written out, and `manifest.json` with the
number of rows and the SHA-256 of each file; it is there only once all of it is. The export
of an imported store has the same bytes.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from regime.data.database import schema
from regime.data.database.schema_version import NEWEST
from regime.data.database.writing import ids_of, names_in
from regime.data.store import ObservationStore
from regime.exceptions import StoreError
from regime.taxonomy import REGIMES

MANIFEST = "manifest.json"
_NAMES = {"series": schema.SERIES, "source": schema.SOURCE}
_TABLES = _NAMES | {
    "observations": schema.OBSERVATION,
    "quarantine": schema.QUARANTINE,
    "rulings": schema.RULING,
    "fetches": schema.FETCH,
    "ledger": schema.LEDGER,
}
# What exports that can be read hold, by the schema they are of.
_READABLE = {"0002": {name: _TABLES[name] for name in _TABLES if name != "ledger"}, NEWEST: _TABLES}
_KINDS: dict[str, pa.DataType] = {
    "id": pa.int32(), "name": pa.string(),
    "series": pa.dictionary(pa.int32(), pa.string()),
    "source": pa.dictionary(pa.int32(), pa.string()),
    "period": pa.date32(), "first_period": pa.date32(), "last_period": pa.date32(),
    "known_at": pa.timestamp("s", "UTC"), "fetched_at": pa.timestamp("s", "UTC"),
    "seen_at": pa.timestamp("s", "UTC"), "ruled_at": pa.timestamp("s", "UTC"),
    "value": pa.float64(), "reason": pa.string(), "why": pa.string(), "looked": pa.bool_(),
    "rows_seen": pa.int32(), "rows_added": pa.int32(),
    "seq": pa.int32(), "date": pa.date32(), "horizon": pa.int32(), "corrects": pa.int32(),
    "published_at": pa.timestamp("s", "UTC"), "simulated": pa.bool_(),
    **dict.fromkeys(REGIMES, pa.float64()),
    **dict.fromkeys(
        ("baskets", "call", "call_status", "state", "role", "model_version", "experiment",
         "bundle_digest", "panel_digest", "code_version", "previous", "hash"),
        pa.string(),
    ),
}  # fmt: skip
_AT_ONCE = 1_000_000  # rows of numbers in memory
_OBJECTS_AT_ONCE = 100_000
_MOST_NAMES = 1_000_000  # the number of a name is a place in an array when a store is read


def export(store: ObservationStore, folder: Path) -> dict[str, int]:
    """Write every table; returns rows by table.

    An export that is killed leaves a folder `.<name>-...` beside, and nothing of that name.

    Raises
    ------
    StoreError
        If the folder is there already, cannot be written, or the store cannot be read.
    """
    manifest: dict[str, Any] = {"schema": NEWEST, "tables": {}}
    try:
        if folder.exists():
            raise StoreError(f"{folder} is there already. Name a folder that is not.")
        with store.reading() as connection:
            folder.absolute().parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(dir=folder.absolute().parent, prefix=f".{folder.name}-"))
            try:
                for name, table in _TABLES.items():
                    file = draft / f"{name}.parquet"
                    rows = _write(store, connection, table, file)
                    manifest["tables"][name] = {"rows": rows, "sha256": _sha256(file)}
                (draft / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
                draft.chmod(0o755)
                draft.rename(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be written: {error.strerror or error}. Give another place, or free "
            f"some space."
        ) from error
    return {name: about["rows"] for name, about in manifest["tables"].items()}


def restore(store: ObservationStore, folder: Path) -> dict[str, int]:
    """Fill an empty store with what `export` wrote; all of it, or nothing.

    An export of before there was a ledger brings none.

    Raises
    ------
    StoreError
        If the store holds anything, or the folder is not what an export left.
    """
    manifest = _manifest(folder)
    try:
        with store.writing() as connection:
            if any(names_in(connection, table) for table in _NAMES.values()):
                raise StoreError(
                    f"The store {store.database} is not empty, and an import would mix two "
                    f"histories. Set REGIME_HOME to another folder, or REGIME_DATABASE_URL to an "
                    f"empty database."
                )
            ids: dict[str, dict[str, int]] = {}
            for name, table in _READABLE[manifest["schema"]].items():
                for batch in _batches(folder / f"{name}.parquet", table):
                    _insert(store, connection, table, _numbers(batch, ids))
                if name in _NAMES:
                    ids[name] = ids_of(connection, table, None)
    except (
        OSError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError,
        NotImplementedError, MemoryError, pa.ArrowException, sa.exc.SQLAlchemyError,
    ) as error:  # fmt: skip
        raise StoreError(
            f"{folder} cannot be imported: {type(error).__name__}, {error}. Nothing was; export "
            f"it again."
        ) from error
    return {name: about["rows"] for name, about in manifest["tables"].items()}


def _columns(table: sa.Table) -> list[str]:
    """All but the number of a row, which says only in what order they came."""
    named = table in _NAMES.values()
    return [column.name for column in table.columns if named or column.name != "id"]


def _layout(table: sa.Table) -> pa.Schema:
    return pa.schema([(name, _KINDS[name]) for name in _columns(table)])


def _write(store: ObservationStore, connection: sa.Connection, table: sa.Table, file: Path) -> int:
    names = {
        kind: {at: name for name, at in names_in(connection, source).items()}
        for kind, source in _NAMES.items()
    }
    wanted = _columns(table)
    arrow = _layout(table)
    written = 0
    with pq.ParquetWriter(file, arrow, compression="zstd") as writer:
        for frame in _parts(store, connection, table):
            columns = [_readable(frame[name], name, names) for name in wanted]
            writer.write_table(pa.Table.from_arrays(columns, schema=arrow))
            written += len(frame)
    return written


def _parts(
    store: ObservationStore, connection: sa.Connection, table: sa.Table
) -> Iterator[pd.DataFrame]:
    """Rows in the order of the key: of observations a few series at a time, else all."""
    if table is not schema.OBSERVATION:
        query = sa.select(*(table.c[name] for name in _columns(table))).order_by(*table.primary_key)
        found = connection.execute(query.execution_options(yield_per=_OBJECTS_AT_ONCE))
        for part in found.partitions():
            yield pd.DataFrame(part, columns=_columns(table))
        return
    of = table.c
    counts = connection.execute(
        sa.select(of.series, sa.func.count()).group_by(of.series).order_by(of.series)
    ).all()
    group: list[int] = []
    held = 0
    for position, (series, rows) in enumerate(counts, 1):
        group.append(series)
        held += rows
        if held >= _AT_ONCE or position == len(counts):
            query = (
                sa.select(*(of[name] for name in _columns(table)))
                .where(of.series.between(group[0], group[-1]))
                .order_by(of.series, of.period, of.known_at, of.fetched_at)
            )
            yield pd.DataFrame(store.database.rows(connection, query))
            group, held = [], 0


def _readable(column: "pd.Series[Any]", name: str, names: dict[str, dict[int, str]]) -> pa.Array:
    """Numbers of the database as dates and names."""
    kind = _KINDS[name]
    if name in names:
        known = sorted(names[name])
        position = {at: place for place, at in enumerate(known)}
        codes = pa.array(column.map(position).to_numpy(dtype=np.int32, na_value=-1))
        if -1 in codes.to_numpy():
            raise StoreError(
                f"Some rows are of a {name} that has no name, so they cannot be exported. Run "
                f"`regime store verify`."
            )
        words = pa.array([names[name][at] for at in known], pa.string())
        return pa.DictionaryArray.from_arrays(codes, words)
    if pa.types.is_date32(kind):
        return pa.array(column.to_numpy(dtype=np.int32)).cast(kind)
    if pa.types.is_timestamp(kind):
        return pa.array(column.to_numpy(dtype=np.int64)).cast(kind)
    if pa.types.is_string(kind) or name == "corrects":  # which may be missing
        return pa.array([None if pd.isna(one) else one for one in column], kind)
    return pa.array(column.to_numpy(), kind)


def _numbers(batch: pa.RecordBatch, ids: dict[str, dict[str, int]]) -> dict[str, Any]:
    """And back."""
    found: dict[str, Any] = {}
    for name in batch.schema.names:
        column = batch.column(name)
        kind = _KINDS[name]
        if name in ids:
            words = column.dictionary.to_pylist()
            lookup = np.array([ids[name][word] for word in words], dtype=np.int32)
            found[name] = lookup[column.indices.to_numpy()]
        elif pa.types.is_date32(kind):
            found[name] = column.cast(pa.int32()).to_numpy()
        elif pa.types.is_timestamp(kind):
            found[name] = column.cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy()
        elif pa.types.is_string(kind) or name == "corrects":
            found[name] = np.array(column.to_pylist(), dtype=object)
        else:
            found[name] = column.to_numpy(zero_copy_only=False)
    return found


def _insert(
    store: ObservationStore, connection: sa.Connection, table: sa.Table, columns: dict[str, Any]
) -> None:
    if table is schema.OBSERVATION:
        store.database.insert(connection, table, columns)
        return
    total = len(next(iter(columns.values())))
    for start in range(0, total, _OBJECTS_AT_ONCE):
        # Not through a frame, which makes numbers of what is missing.
        part = [values[start : start + _OBJECTS_AT_ONCE].tolist() for values in columns.values()]
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*part, strict=True)]
        connection.execute(table.insert(), rows)


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an export whose files are to the byte those it names."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if (version := manifest["schema"]) not in _READABLE:
            raise StoreError(
                f"{folder} is of schema version {version}, and this release reads "
                f"{' and '.join(_READABLE)}. Import it with the release that wrote it, and run "
                f"`regime store upgrade` with this one."
            )
        damaged = [
            name for name in _READABLE[version]
            if not _is_as_written(folder / f"{name}.parquet", **manifest["tables"][name])
        ]  # fmt: skip
        # Else a version changed by a hand would leave the ledger behind.
        damaged += sorted(set(manifest["tables"]) - set(_READABLE[version]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        what = getattr(error, "strerror", None) or f"{type(error).__name__}, {error}"
        where = getattr(error, "filename", None) or folder / MANIFEST
        raise StoreError(
            f"{folder} is no whole export of a store: {where}: {what}. Give the folder that "
            f"`regime store export` wrote."
        ) from error
    if damaged:
        raise StoreError(
            f"{folder} was changed or damaged since it was written: {', '.join(damaged)}. Nothing "
            f"was imported; export again."
        )
    return manifest


def _is_as_written(file: Path, *, rows: int, sha256: str) -> bool:
    try:
        return _sha256(file) == sha256 and pq.read_metadata(file).num_rows == rows
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # no want of memory, which is told
        return False


def _batches(file: Path, table: sa.Table) -> Iterator[pa.RecordBatch]:
    """Rows of a file that has the columns of the table, and no value missing that must be there."""
    in_milliseconds = pa.timestamp("ms", "UTC")  # Parquet counts no seconds
    wanted = pa.schema([
        (one.name, in_milliseconds if pa.types.is_timestamp(one.type) else one.type)
        for one in _layout(table)
    ])  # fmt: skip
    with pq.ParquetFile(file) as parquet:
        if not parquet.schema_arrow.equals(wanted):
            raise ValueError(f"{file.name} has other columns than {', '.join(wanted.names)}")
        for batch in parquet.iter_batches(batch_size=_AT_ONCE, use_threads=False):
            for name, column in zip(wanted.names, batch.columns, strict=True):
                if column.null_count and not table.c[name].nullable:
                    raise ValueError(f"{file.name} lacks a value of {name}")
                if pa.types.is_floating(column.type) and not np.isfinite(column.to_numpy()).all():
                    raise ValueError(f"{file.name} has a value of {name} that is not finite")
                if name == "id" and len(column):
                    least, most = pc.min_max(column).as_py().values()
                    if not 1 <= least <= most <= _MOST_NAMES:
                        raise ValueError(
                            f"{file.name} has an id that is not between 1 and {_MOST_NAMES:,}"
                        )
            yield batch


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
