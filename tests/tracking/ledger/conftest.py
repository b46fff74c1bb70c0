"""Ledgers on both databases: empty, or with the five days of a week."""

from collections.abc import Callable
from functools import cache

import pandas as pd
import pytest
from ledgered import observed
from postgres_server import PostgresServer
from tracking.ledger.kept import FRIDAY, MONDAY, publish

from regime.data.store import ObservationStore
from regime.tracking.ledger import Ledger


@pytest.fixture(params=["sqlite", "postgres"])
def new_store(request, tmp_path_factory) -> Callable[..., ObservationStore]:
    """Makes stores with nothing in them."""
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        return lambda **options: ObservationStore(server.new_address(), **options)
    return lambda **options: ObservationStore(
        tmp_path_factory.mktemp("store") / "observations.db", **options
    )


@pytest.fixture
def store(new_store) -> ObservationStore:
    return observed(new_store())


@pytest.fixture
def ledger(store) -> Ledger:
    return Ledger(store)


def five_days(ledger: Ledger) -> Ledger:
    for day in pd.bdate_range(MONDAY, FRIDAY):
        publish(ledger, f"{day:%Y-%m-%d}")
    return ledger


@pytest.fixture(scope="session")
def written(tmp_path_factory) -> Callable[[str], ObservationStore]:
    """A store of either kind with five days in its ledger, made once. To be copied only."""

    def write(place) -> ObservationStore:
        return five_days(Ledger(observed(ObservationStore(place)))).store

    @cache
    def of(kind: str, server: PostgresServer | None) -> ObservationStore:
        if server is not None:
            return write(server.new_database())
        return write(tmp_path_factory.mktemp("week") / "observations.db")

    return of


@pytest.fixture
def week(new_store, written, request, tmp_path_factory) -> Ledger:
    """Five days, each published in the evening."""
    if request.node.callspec.params["new_store"] == "postgres":
        server = request.getfixturevalue("postgres")
        whole = written("postgres", server)
        return Ledger(ObservationStore(server.new_database(whole.database.address)))
    copy = tmp_path_factory.mktemp("store") / "observations.db"
    written("sqlite", None).database.copy_to(copy)
    return Ledger(ObservationStore(copy))
