"""What a store holds, read past its own reading."""

from regime.data.store import ObservationStore


def query(store: ObservationStore, sql: str) -> list[tuple[object, ...]]:
    """Past the store, as somebody with a database client would."""
    with store.database.transaction(write=True) as connection:
        found = connection.exec_driver_sql(sql)
        return [tuple(row) for row in found] if found.returns_rows else []
