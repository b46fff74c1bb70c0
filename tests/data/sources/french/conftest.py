"""The archives of a made-up market."""

import pytest
from data.sources.french.archived import market
from replay import french as replay


@pytest.fixture(scope="session")
def documents() -> dict[str, bytes]:
    return replay.documents(market())
