"""The two databases a store can live in, each test on both."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from regime.data.store import ObservationStore


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
