"""The two databases a store can live in, each test on both."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from postgres_server import PostgresServer, programs

from regime.data.store import ObservationStore


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server, or a skip that says what is missing."""
    if programs() is None:
        if os.environ.get("REQUIRE_POSTGRES") == "1":
            pytest.fail("REQUIRE_POSTGRES=1, but there is no initdb: install postgresql")
        pytest.skip("no PostgreSQL server is installed")
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def new_store(request, tmp_path_factory) -> Iterator[Callable[..., ObservationStore]]:
    """Makes stores with nothing in them."""
    if request.param == "postgres":
        server, made = request.getfixturevalue("postgres"), []

        def in_a_schema(**options: float) -> ObservationStore:
            made.append(server.new_address())
            return ObservationStore(made[-1], **options)

        yield in_a_schema
        server.drop(made)
        return

    def in_a_folder(**options: float) -> ObservationStore:
        folder: Path = tmp_path_factory.mktemp("store")
        return ObservationStore(folder / "observations.db", **options)

    yield in_a_folder


@pytest.fixture
def store(new_store) -> ObservationStore:
    return new_store()
